"""Kills a process that writes to a history, or pulls its plug, and says what is missing then."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from phichat.chat.conversation import Ending, Message
from phichat.store.base import ConversationRecord
from phichat.store.history import History

ROOT = Path(__file__).parents[2]

LONGEST_LOSS = 0.5
"""Seconds of a streamed reply."""

Fact = dict[str, Any]


@contextmanager
def busy(file: Path, log: Path, seed: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, once it writes."""
    command = [sys.executable, "-m", "tests.support.history_child", str(file), str(log), str(seed)]
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        while not log.exists() or not log.stat().st_size:
            assert child.poll() is None
            time.sleep(0.01)
        yield child
    finally:
        child.kill()
        child.wait()


def missing_after_kill(file: Path, logs: list[tuple[Path, float]], seed: int, longest: float = 1.5) -> list[str]:
    """Kill it at a random moment: what is missing. `logs` are the earlier ones; this one's is added."""
    log = file.with_name(f"log-{len(logs)}")
    with busy(file, log, seed) as child:
        time.sleep(random.Random(seed).uniform(0, longest))
        killed = time.monotonic()
        child.kill()
        child.wait()
    logs.append((log, killed))
    return missing(file, logs)


def missing_after_power_loss(file: Path, seed: int, copy: Path) -> list[str]:
    """Stop it at a random moment, and copy the files as they are: what is missing in the copy."""
    log = file.with_name(f"log-{seed}")
    with busy(file, log, seed) as child:
        time.sleep(random.Random(seed).uniform(0, 1.5))
        os.kill(child.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        copy.mkdir()
        for name in (file.name, file.name + "-wal"):
            (copy / name).write_bytes((file.parent / name).read_bytes())
    return missing(copy / file.name, [(log, stopped)])


def missing(file: Path, logs: list[tuple[Path, float]]) -> list[str]:
    """What was reported to be stored, and is not; and any damage. Each log comes with when its process died."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")
    if found != "ok":
        return [found]
    with closing(History(file)) as history:
        notice = history.ready.result()
        records = list(history.iter_conversations())
    facts = [fact for log, died in logs for fact in _facts(log, died - LONGEST_LOSS)]
    return [*([notice] if notice else []), *Comparison(records, facts).missing()]


def _facts(log: Path, durable: float) -> Iterator[Fact]:
    for line in log.read_text().splitlines():
        if line.endswith("}"):  # the last may have been cut
            fact = json.loads(line)
            yield fact | {"is_durable": fact["at"] < durable}


class Comparison:
    """What there is beside what was reported.

    What was being deleted may be there or not, until it is reported to be deleted.
    """

    def __init__(self, records: list[ConversationRecord], facts: list[Fact]) -> None:
        self._conversations = {record.summary.id: record for record in records}
        self._messages = {message.id: message for record in records for message in record.messages}
        self._facts = facts
        self._sent: dict[str, str] = {}
        self._durable: dict[str, str] = {}
        for fact in facts:
            if fact["fact"] == "piece":
                name = fact["message"]
                self._sent[name] = self._sent.get(name, "") + fact["text"]
                if fact["is_durable"]:
                    self._durable[name] = self._sent[name]
        self._leaving = {fact["conversation"] for fact in facts if fact["fact"] in {"deleting", "purging"}}

    def missing(self) -> Iterator[str]:
        for fact in self._facts:
            look = getattr(self, f"_{fact['fact']}", None)
            if look and not look(fact):
                yield str(fact)

    def _failed(self, fact: Fact) -> bool:
        return False

    def _created(self, fact: Fact) -> bool:
        return fact["conversation"] in self._leaving or fact["conversation"] in self._conversations

    def _imported(self, fact: Fact) -> bool:
        record = self._conversations.get(fact["conversation"])
        return record is not None and len(record.messages) == fact["count"]

    def _purged(self, fact: Fact) -> bool:
        return fact["conversation"] not in self._conversations

    def _deleted(self, fact: Fact) -> bool:
        return fact["message"] not in self._messages

    def _added(self, fact: Fact) -> bool:
        message = self._messages.get(fact["message"])
        if message is None or fact["text"]:
            return fact["conversation"] in self._leaving if message is None else message.text == fact["text"]
        return self._holds_what_was_streamed(message)

    def _holds_what_was_streamed(self, message: Message) -> bool:
        said, durable = self._sent.get(message.id, ""), self._durable.get(message.id, "")
        ids = message.reply.tokens if message.reply else ()
        is_whole = len(ids) == message.text.count("piece")
        return is_whole and said.startswith(message.text) and message.text.startswith(durable)

    def _finished(self, fact: Fact) -> bool:
        message = self._messages.get(fact["message"])
        if message is None:
            return fact["conversation"] in self._leaving
        return (
            message.text == self._sent[message.id] and message.reply is not None and message.reply.ending is Ending.STOP
        )

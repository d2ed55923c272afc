"""Writes to a history until it is killed, and to a log what was stored: `python -m tests.support.history_child`."""

import json
import os
import random
import sys
import time
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from phichat.chat.conversation import Ending, Message, Piece, Reply, Role, new_id
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History

PIECES = 200
"""A second."""


class Busy:
    """Sends, streams, edits, deletes and imports, at random."""

    def __init__(self, history: History, log: Path, seed: int) -> None:
        self._history = history
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._chance = random.Random(seed)
        self._paths: dict[str, list[Message]] = {}

    def run(self) -> None:
        self._start_one()
        while True:
            actions = [self._start_one, self._talk, self._talk, self._edit, self._delete, self._purge, self._import]
            self._chance.choice(actions)()

    def note(self, fact: str, **values: Any) -> None:
        line = json.dumps({"fact": fact, "at": time.monotonic(), **values}) + "\n"
        os.write(self._log, line.encode())

    def _later(self, future: "Future[Any]", fact: str, **values: Any) -> None:
        def note(done: "Future[Any]") -> None:
            self.note("error" if done.exception() else fact, **values)

        future.add_done_callback(note)

    def _start_one(self) -> None:
        record = ConversationRecord(ConversationSummary(new_id(), "Started", time.time(), time.time()))
        self._paths[record.summary.id] = []
        self._later(self._history.save_conversation(record), "created", conversation=record.summary.id)

    def _talk(self) -> None:
        name = self._chance.choice(list(self._paths))
        path = self._paths[name]
        self._say(name, path[-1].id if path else None)

    def _edit(self) -> None:
        name = self._chance.choice(list(self._paths))
        path = self._paths[name]
        asked = [message for message in path if message.role is Role.USER]
        if asked:
            again = self._chance.choice(asked)
            del path[path.index(again) :]
            self._say(name, again.parent)

    def _say(self, name: str, parent: str | None) -> None:
        question = Message(Role.USER, f"A question with {self._chance.random()}", parent)
        self._add(name, question)
        answer = Message(Role.ASSISTANT, "", question.id, reply=Reply("model", 1))
        self._add(name, answer)
        self._paths[name] += [question, self._stream(name, answer)]

    def _add(self, name: str, message: Message) -> None:
        stored = self._history.add_message(name, message, message.id)
        self._later(stored, "added", conversation=name, message=message.id, text=message.text)

    def _stream(self, name: str, answer: Message) -> Message:
        text = ""
        for number in range(self._chance.randint(5, PIECES)):
            piece = f"piece {number} "
            self._history.append_to_reply(answer.id, [Piece(piece, number)])
            self.note("piece", message=answer.id, text=piece)
            text += piece
            time.sleep(1 / PIECES)
        ids = tuple(range(text.count("piece")))
        answer = replace(answer, text=text, reply=Reply("model", 1, ids, Ending.STOP, {"tokens": len(ids)}))
        self._later(self._history.finish_reply(answer), "finished", conversation=name, message=answer.id)
        return answer

    def _delete(self) -> None:
        name = self._chance.choice(list(self._paths))
        if self._paths[name]:
            message = self._chance.choice(self._paths[name])
            index = self._paths[name].index(message)
            self.note("deleting", message=message.id, conversation=name)
            self._later(self._history.delete_branch(message.id), "deleted", message=message.id, conversation=name)
            del self._paths[name][index:]

    def _purge(self) -> None:
        if len(self._paths) > 3:
            name = self._chance.choice(list(self._paths))
            del self._paths[name]
            self.note("purging", conversation=name)
            self._later(self._history.delete_conversations([name]), "purged", conversation=name)

    def _import(self) -> None:
        for _ in range(self._chance.randint(1, 10)):
            record = imported(new_id(), self._chance.randint(1, 30))
            self._later(
                self._history.save_conversation(record),
                "imported",
                conversation=record.summary.id,
                count=len(record.messages),
            )


def history_file(folder: Path, conversations: int, messages: int) -> bytes:
    """What is in a history file of so many conversations with so many messages each, made in `folder`."""
    file = folder / "history.sqlite3"
    with closing(History(file)) as history:
        for number in range(conversations):
            stored = history.save_conversation(imported(f"conversation-{number}", messages))
        stored.result()
    return file.read_bytes()


def imported(name: str, count: int) -> ConversationRecord:
    messages: list[Message] = []
    for number in range(count):
        parent = messages[-1].id if messages else None
        messages.append(Message(Role.USER, f"Imported {number} of {name}", parent, created=float(number)))
    return ConversationRecord(
        ConversationSummary(name, "Imported", 1.0, 2.0), messages[-1].id, messages=tuple(messages)
    )


def main() -> None:
    file, log, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    history = History(file)
    history.ready.result()
    busy = Busy(history, log, seed)
    busy.note("ready")
    busy.run()


if __name__ == "__main__":
    main()

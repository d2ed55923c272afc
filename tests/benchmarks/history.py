"""Measures the history: `python -m tests.benchmarks.history large [FOLDER]` or `kills [COUNT]`.

`large`: 10,000 conversations with 200,000 messages, one of them with 2,000: opening, the list, loading, and search at
each keystroke. `kills`: a process that sends, streams, edits, deletes and imports is killed 200 times at random
moments; what it was told to be stored has to be there.
"""

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from phichat.chat.conversation import Ending, Message, Reply, Role, new_id
from phichat.store import connections, migrations, rows, writes
from phichat.store.history import History
from phichat.store.integrity import check_integrity
from phichat.store.search_text import fold
from tests.support.history_kills import missing_after_kill

CONVERSATIONS, MESSAGES, LONG = 10_000, 200_000, 2000
ROUNDS = 15
KILLS = 200
QUERIES = (
    "t", "e", "é", "th", "be", "the", "than", "that", "conv", "the t", "a b", "the a i o", "wor wer", "word17 w",
    "word40000", "word4000", "zebra", "the zebra", "you don't", "的", "中国", "中国的世界", "日本語", "เมือง", "한",
    "qqqq", "the qqqq",
)  # fmt: skip


def large(folder: Path) -> None:
    """Build the history if it is not there, and measure."""
    file = folder / "history.sqlite3"
    if not file.exists():
        started = time.perf_counter()
        build(file)
        print(f"built in {time.perf_counter() - started:.0f} s")
    print(f"{file.stat().st_size / 1e6:.0f} MB")
    show("opening", timed(lambda: opened(file)))
    with closing(History(file)) as history:
        history.ready.result()
        show("headings", timed(history.list_conversations))
        long = next(heading for heading in history.list_conversations() if heading.title == "The long one")
        show(f"load {LONG:,} messages", timed(lambda: history.load_conversation(long.id)))
        short = history.list_conversations()[77].id
        show("load 20 messages", timed(lambda: history.load_conversation(short)))
        worst = 0.0
        for query in QUERIES:
            worst = max(worst, show_search(history, query))
        print(f"slowest search: {worst:.1f} ms")
        typed = [timed(partial(history.search_conversations, "conversation"[:length]), 1)[0] for length in range(1, 13)]
        print("typing `conversation`:", " ".join(f"{value:.1f}" for value in typed), "ms")
        adding = timed(
            lambda: history.add_message(short, Message(Role.USER, "Hello there, how are you?"), None).result()
        )
        show("add, durably", adding)
    with closing(connections.connect(file, "ro")) as connection:
        show("full check", timed(lambda: check_integrity(connection), 2))


def show_search(history: History, query: str) -> float:
    hits = len(history.search_conversations(query))
    return show(f"search {query!r} ({hits} hits)", timed(partial(history.search_conversations, query)))


def opened(file: Path) -> None:
    with closing(History(file)) as history:
        history.ready.result()


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    return [timed_once(work)[0] for _ in range(rounds)]


def timed_once(work: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


def show(what: str, times: list[float]) -> float:
    print(
        f"{what:40} first {times[0]:8.1f}  median {statistics.median(times):8.1f}  max {max(times):8.1f} ms", flush=True
    )
    return max(times)


def build(file: Path) -> None:
    """Conversations over three years, with words as frequent as in a language."""
    file.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(4)
    words = Words(chance)
    with closing(connections.connect(file)) as connection:
        connections.prepare_for_writing(connection)
        migrations.migrate(connection)
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, CONVERSATIONS, 250):
            connection.execute("BEGIN")
            for number in range(first + 1, first + 251):
                insert(connection, number, words, chance)
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def insert(connection: Any, number: int, words: "Words", chance: random.Random) -> None:
    start = 1.7e9 + number * 9000.0
    messages = list(conversation(start, LONG if number == 5000 else 20, words, chance))
    title = "The long one" if number == 5000 else words.some(5)
    heading = (number, new_id(), title, start, start + 3600, messages[-1].id)
    connection.execute(
        "INSERT INTO conversations (number, id, title, created, changed, tip) VALUES (?, ?, ?, ?, ?, ?)", heading
    )
    writes.index_title(connection, number, title)
    placed = [(int(message.created * 1000), number, *rows.row_from_message(message)) for message in messages]
    connection.executemany(
        f"INSERT INTO messages (number, conversation, {rows.MESSAGE_COLUMNS})"
        f" VALUES (?, ?, {rows.MESSAGE_PLACEHOLDERS})",
        placed,
    )
    connection.executemany(
        "INSERT INTO message_words (rowid, text) VALUES (?, ?)", [(row[0], fold(row[5])) for row in placed]
    )


def conversation(start: float, count: int, words: "Words", chance: random.Random) -> Iterator[Message]:
    parent = None
    for turn in range(count):
        created = start + turn * 4.0
        if turn % 2 == 0:
            message = Message(Role.USER, words.some(chance.randint(3, 40)), parent, created=created)
        else:
            message = Message(
                Role.ASSISTANT, words.some(chance.randint(40, 200)), parent, reply=reply(created), created=created
            )
        yield message
        parent = message.id


def reply(created: float) -> Reply:
    statistics_ = {
        "prompt_tokens": 900,
        "completion_tokens": 300,
        "seconds_to_first_token": created % 1e6,
        "prompt_seconds": 0.4,
    }
    engine = {"threads": 2, "context": 4096, "flash": True, "library": "0.3.36", "cpu": "x86_64 AMX", "batch": 128}
    sampling = {"temperature": 0.7, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.1, "seed": 7}
    return Reply(
        "phi-3-mini-4k-instruct-q4", 7, tuple(range(1000, 1300)), Ending.STOP, statistics_, "8a" * 32, sampling, engine
    )


def list_of(words: str) -> list[str]:
    return words.split()


class Words:
    """Says words of which the n-th is n times rarer than the first; some are Chinese, Japanese, Thai and Korean."""

    FREQUENT = list_of(
        "the of and a to in is you that it he was for on are as with his they at be this have from or one had by word"
        " but not what all were we when your can said there use an each which she do how their if will up other about"
        " out many then them these so some her would make like him into time has look two more write go see number no"
        " way could people my than first water been call who oil its now find long down day did get come made may part"
        " conversation"
    )
    OTHERS = (
        "中国的世界很大",
        "我们说中文",
        "的人在这里",
        "日本語を話します",
        "東京に行きます",
        "เมืองไทย",
        "한국어를 배워요",
        "été",
        "naïve",
        "don't",
    )

    def __init__(self, chance: random.Random) -> None:
        syllables = ["".join(pair) for pair in ((a, b) for a in "bcdfglmnprstvwyz" for b in "aeiou")]
        made = ["".join(chance.choice(syllables) for _ in range(chance.randint(2, 4))) for _ in range(30_000)]
        self._words = [*self.FREQUENT, *self.OTHERS, *made, *(f"word{number}" for number in range(20_000))]
        total, self._weights = 0.0, []
        for place in range(1, len(self._words) + 1):
            total += 1 / place
            self._weights.append(total)
        self._chance = chance

    def some(self, count: int) -> str:
        return " ".join(self._chance.choices(self._words, cum_weights=self._weights, k=count))


def kills(count: int) -> None:
    """Kill it so many times, each file ten times; say how often anything was missing."""
    lost: list[tuple[int, str]] = []
    logs: list[tuple[Path, float]] = []
    for seed in range(count):
        if seed % 10 == 0:
            folder, logs = Path(tempfile.mkdtemp(prefix="phichat-kills-")), []
        lost += [(seed, what) for what in missing_after_kill(folder / "history.sqlite3", logs, seed)]
        print(f"\r{seed + 1} kills, {len(lost)} losses", end="", flush=True)
        if seed % 10 == 9:
            shutil.rmtree(folder)
    print("", *lost, sep="\n")


def main() -> None:
    what, *rest = sys.argv[1:] or ["large"]
    if what == "kills":
        kills(int(rest[0]) if rest else KILLS)
    elif what == "large":
        large(Path(rest[0]) if rest else Path(tempfile.mkdtemp(prefix="phichat-large-")))


if __name__ == "__main__":
    main()

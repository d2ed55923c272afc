"""The part `first-token`: time to the first token of the next turn, of typed and pasted drafts, and after a restart.

Each is compared to the same prompt (for the next turn, the same new text) in an engine just loaded, whose KV cache is
empty. Loading includes a warm-up, so a first request is not slower for that.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from phichat.bench.plan import Plan, Progress
from phichat.bench.runs import REPLY_SEED, Figures, cannot_be_measured, long_question, rounded
from phichat.chat.conversation import Role, Turn
from phichat.engine.base import CancelToken, Done, Engine, Piece, Request
from phichat.engine.process.engine_process import EngineProcess
from phichat.i18n import tr

KEYS_PER_SECOND = 40
LOOK_EVERY = 0.25  # seconds between two looks at the draft, as in the window
SEEDS = range(REPLY_SEED, REPLY_SEED + 8)  # one of these gives a reply without invisible tokens


@dataclass(frozen=True)
class TimedReply:
    """A reply: seconds to its first token, tokens of the prompt, and how many of them were in the KV cache.

    `is_plain` unless some of its tokens are invisible.
    """

    seconds: float
    tokens: int
    kept: int
    reply: Turn
    is_plain: bool


class TimedChat:
    """An engine with a model loaded, whose replies are timed."""

    def __init__(self, engine: Engine, plan: Plan) -> None:
        self._engine, self._plan = engine, plan

    def ask(
        self, turns: tuple[Turn, ...], most: int = 1, since: float | None = None, seed: int = REPLY_SEED
    ) -> TimedReply:
        """Return a reply of at most `most` tokens; its first is timed from `since`, or from now."""
        since = time.perf_counter() if since is None else since
        request = Request(turns, replace(self._plan.sampling, max_tokens=most, seed=seed))
        first, pieces, done = 0.0, list[Piece](), None
        for event in self._engine.generate(request, CancelToken()):
            if isinstance(event, Piece):
                first = first or time.perf_counter() - since
                pieces.append(event)
            elif isinstance(event, Done):
                done = event
        if done is None or not first:
            raise cannot_be_measured(self._plan, tr("no text was produced"))
        tokens = tuple(piece.token for piece in pieces if piece.token >= 0)
        text = "".join(piece.text for piece in pieces)
        reply = Turn(Role.ASSISTANT, text, tokens)
        return TimedReply(first, done.prompt_tokens, done.cached_tokens, reply, all(piece.text for piece in pieces))

    def reply(self, turns: tuple[Turn, ...], most: int) -> Turn:
        """Return a reply without control tokens, as a trained model gives it.

        The noise of a test model contains some, after which the reply would be tokenized again from its text.
        """
        for seed in SEEDS:
            asked = self.ask(turns, most, seed=seed)
            if asked.is_plain:
                break
        return asked.reply

    def read_ahead(self, turns: tuple[Turn, ...], stop: CancelToken) -> None:
        """Prefill a draft, unless stopped."""
        for _ in self._engine.generate(Request(turns, self._plan.sampling, is_draft=True), stop):
            pass

    def unload(self) -> None:
        """Unload the model, which writes the prompt cache."""
        self._engine.unload()


class DraftWriter:
    """Writes `text` as the next turn of a conversation, which the engine prefills meanwhile."""

    def __init__(self, talk: TimedChat, earlier: tuple[Turn, ...], text: str) -> None:
        self._talk, self._earlier, self._text = talk, earlier, text
        self._written: Callable[[], str] = lambda: ""
        self._stop = CancelToken()
        self._reader = threading.Thread(target=self._read_along, name="reading ahead")

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._reader.join()

    def type(self) -> None:
        """Type it key by key."""
        begun = time.perf_counter()
        self._written = lambda: self._text[: int((time.perf_counter() - begun) * KEYS_PER_SECOND)]
        time.sleep(len(self._text) / KEYS_PER_SECOND)

    def paste(self, seconds: float) -> None:
        """Paste it and wait."""
        self._written = lambda: self._text
        time.sleep(seconds)

    def enter(self) -> TimedReply:
        """Send it; the time to stop the prefill counts, too."""
        since = time.perf_counter()
        self._stop.set()
        self._reader.join()
        return self._talk.ask((*self._earlier, Turn(Role.USER, self._text)), since=since)

    def _read_along(self) -> None:
        seen = None if self._earlier else ""  # an opened conversation is prefilled before anything is written
        while not self._stop.wait(LOOK_EVERY):
            draft = self._written()
            if draft != seen:
                seen = draft
                self._talk.read_ahead((*self._earlier, Turn(Role.USER, draft)), self._stop)


EARLIER_WORDS = 260  # of each of three messages, about 1,000 tokens together
QUESTION_WORDS = 230  # about 300 tokens
REPLY_TOKENS = 24  # of the reply before the next turn
PASTED_BEFORE = 3.0  # seconds between pasting and Enter
BUDGET = 8_000_000_000  # bytes of the prompt cache

NEXT = "And what did the people in the town say about the ferry when it came back late in the evening?"
SHORT = "And what happened the next day?"

Pair = tuple[TimedReply, TimedReply]


def measure(plan: Plan) -> dict[str, Any]:
    """Measure the part `first-token`: each figure with the cold one, and how many tokens were in the KV cache."""
    parts: dict[str, Callable[[Plan, int], Pair]] = {
        "next_turn": _measure_next_turn,
        "typed_draft": partial(_measure_draft, write=DraftWriter.type),
        "pasted_draft": partial(_measure_draft, write=lambda writer: writer.paste(PASTED_BEFORE)),
        "reopened": _measure_reopened,
    }
    progress, found = Progress(plan, plan.rounds * len(parts)), dict[str, list[Pair]]()
    for turn in range(plan.rounds):
        for name, part in parts.items():
            progress.begin(tr("Measuring the time to the first token (round {turn})…").format(turn=turn + 1))
            found.setdefault(name, []).append(part(plan, turn + 1))
        if not progress.has_time(len(parts)):
            break
    return {"first_token": {name: _medians(pairs) for name, pairs in found.items()}}


def _medians(pairs: Sequence[Pair]) -> Figures:
    """Return the median seconds, and the token counts of the last round."""
    columns = dict(zip(("ours", "cold"), zip(*pairs, strict=True), strict=True))
    found = {name: rounded(statistics.median(one.seconds for one in asked)) for name, asked in columns.items()}
    counts = {f"{name}_tokens": asked[-1].tokens for name, asked in columns.items()}
    return {**found, **counts, **{f"{name}_kept": asked[-1].kept for name, asked in columns.items()}}


def _measure_next_turn(plan: Plan, number: int) -> Pair:
    """Measure the next turn of a conversation, compared to the same text in a new one."""
    with _open_chat(plan) as talk:
        cold = talk.ask((Turn(Role.USER, NEXT),))
        earlier = _conversation(talk, number)
        return talk.ask((*earlier, Turn(Role.USER, NEXT))), cold


def _measure_draft(plan: Plan, number: int, write: Callable[[DraftWriter], None]) -> Pair:
    """Measure a long question that is prefilled while it is written."""
    question = f"{number}. {long_question(QUESTION_WORDS)}"
    with _open_chat(plan) as talk:
        cold = talk.ask((Turn(Role.USER, question),))
        talk.ask((Turn(Role.USER, f"What is {number}?"),))  # so that the question is not in the KV cache
        with DraftWriter(talk, (), question) as writer:
            write(writer)
            return writer.enter(), cold


def _measure_reopened(plan: Plan, number: int) -> Pair:
    """Measure the next turn, typed, of a conversation from before a restart."""
    with TemporaryDirectory(prefix="phichat-bench-") as folder:
        with _open_chat(plan, Path(folder)) as talk:
            earlier = _conversation(talk, number)
            talk.unload()
        with _open_chat(plan, Path(folder)) as talk, DraftWriter(talk, earlier, SHORT) as writer:
            writer.type()
            ours = writer.enter()
    with _open_chat(plan) as talk:
        return ours, talk.ask((*earlier, Turn(Role.USER, SHORT)))


def _conversation(talk: TimedChat, number: int) -> tuple[Turn, ...]:
    """Return a long conversation that ends with a reply of the model."""
    asked, told = (
        Turn(Role.USER, f"{number}. {long_question(EARLIER_WORDS)}"),
        Turn(Role.ASSISTANT, long_question(EARLIER_WORDS)),
    )
    turns = (asked, told, asked)
    return (*turns, talk.reply(turns, REPLY_TOKENS))


@contextmanager
def _open_chat(plan: Plan, cache_folder: Path | None = None) -> Iterator[TimedChat]:
    engine = EngineProcess(cache_folder=cache_folder, cache_budget=lambda: BUDGET)
    try:
        engine.load(plan.model, plan.settings, CancelToken(), lambda _: None)
        yield TimedChat(engine, plan)
    finally:
        engine.close()

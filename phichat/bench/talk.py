"""Asks an engine as the window does: what is being written is read ahead in a thread, and stopped at Enter."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from phichat.bench.plan import Plan
from phichat.bench.runs import SEED, cannot_be_measured
from phichat.chat.conversation import Role, Turn
from phichat.engine.base import CancelToken, Done, Engine, Piece, Request
from phichat.i18n import tr

KEYS_PER_SECOND = 40
LOOK_EVERY = 0.25  # seconds between two looks at what is written, as in the window
SEEDS = range(SEED, SEED + 8)  # a reply in which all tokens are seen will be among these


@dataclass(frozen=True)
class Asked:
    """What came of a question: seconds to the first token, the prompt's tokens, those kept of them, the reply.

    `is_plain` unless some of the reply's tokens are not seen.
    """

    seconds: float
    tokens: int
    kept: int
    reply: Turn
    is_plain: bool


class Talk:
    """One engine with a model, and questions to it."""

    def __init__(self, engine: Engine, plan: Plan) -> None:
        self._engine, self._plan = engine, plan

    def ask(self, turns: tuple[Turn, ...], most: int = 1, since: float | None = None, seed: int = SEED) -> Asked:
        """Ask for a reply of at most so many tokens; the first is timed from `since`, or from now."""
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
            raise cannot_be_measured(self._plan, tr("it says nothing"))
        tokens = tuple(piece.token for piece in pieces if piece.token >= 0)
        text = "".join(piece.text for piece in pieces)
        reply = Turn(Role.ASSISTANT, text, tokens)
        return Asked(first, done.prompt_tokens, done.cached_tokens, reply, all(piece.text for piece in pieces))

    def reply(self, turns: tuple[Turn, ...], most: int) -> Turn:
        """A reply as a trained model gives it.

        Noise has markup in it now and then, from which on a reply is read again, as it must not forge a turn.
        """
        for seed in SEEDS:
            asked = self.ask(turns, most, seed=seed)
            if asked.is_plain:
                break
        return asked.reply

    def read_ahead(self, turns: tuple[Turn, ...], stop: CancelToken) -> None:
        """Read what will be asked, as far as it is known, unless stopped."""
        for _ in self._engine.generate(Request(turns, self._plan.sampling, is_draft=True), stop):
            pass

    def unload(self) -> None:
        """Leave, with time to put away what is remembered."""
        self._engine.unload()


class Writer:
    """Writes `text` after the turns of a conversation, while the model reads along, from opening it to leaving."""

    def __init__(self, talk: Talk, earlier: tuple[Turn, ...], text: str) -> None:
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
        """Key by key."""
        begun = time.perf_counter()
        self._written = lambda: self._text[: int((time.perf_counter() - begun) * KEYS_PER_SECOND)]
        time.sleep(len(self._text) / KEYS_PER_SECOND)

    def paste(self, seconds: float) -> None:
        """All at once, and pause for so long."""
        self._written = lambda: self._text
        time.sleep(seconds)

    def enter(self) -> Asked:
        """Ask it. What is being read of it is stopped, which takes its time, too."""
        since = time.perf_counter()
        self._stop.set()
        self._reader.join()
        return self._talk.ask((*self._earlier, Turn(Role.USER, self._text)), since=since)

    def _read_along(self) -> None:
        seen = None if self._earlier else ""  # a conversation is read even before anything is written
        while not self._stop.wait(LOOK_EVERY):
            draft = self._written()
            if draft != seen:
                seen = draft
                self._talk.read_ahead((*self._earlier, Turn(Role.USER, draft)), self._stop)

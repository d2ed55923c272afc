"""Hand-written stand-ins: an engine that says what a test tells it to, a Hub that knows what it was told."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from phichat.chat.messages import Ending
from phichat.engine.base import (
    Done,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    Piece,
    PromptMade,
    Reading,
    Request,
    Stop,
)
from phichat.errors import EngineError, HubError, HubMissing
from phichat.models.base import Remote

Line = str | Event | Exception | threading.Event
"""A piece's text, an event as it is, an error to raise, or a gate to wait at until the test opens it."""


class ScriptedEngine:
    """Implements Engine from a script: each `enqueue` is one reply. Without one, it echoes the question.

    Attributes:
        loads, requests: what it was asked, oldest first.
        loaded: the model it has, or None.
        architecture: what it says its models are.
    """

    def __init__(self, *replies: list[Line]) -> None:
        self.loads: list[tuple[Path, EngineSettings]] = []
        self.requests: list[Request] = []
        self.loaded: Loaded | None = None
        self.architecture = "phi3"
        self._replies: deque[list[Line]] = deque(replies)
        self._loadings: deque[list[Line]] = deque()

    def enqueue(self, *lines: Line) -> None:
        """The next reply that has no script yet."""
        self._replies.append(list(lines))

    def enqueue_load(self, *lines: Line) -> None:
        """What happens while the next model loads."""
        self._loadings.append(list(lines))

    def load(self, path: Path, settings: EngineSettings, stop: Stop, report: Callable[[Event], None]) -> Loaded:
        self.close()
        self.loads.append((path, settings))
        for event in _perform(self._loadings.popleft() if self._loadings else [Loading(0.5), Loading(1.0)], stop):
            report(event)
        if stop.is_set():
            raise EngineError("Loading was stopped.")
        self.loaded = Loaded(path.stem, str(path), self.architecture, settings.context, "scripted", settings)
        return self.loaded

    def generate(self, request: Request, stop: Stop) -> Iterator[Event]:
        self.requests.append(request)
        question = request.turns[-1].text
        words = tuple(range(len(question.split())))
        yield PromptMade(words, question)
        yield Reading(len(words), len(words))
        count, done = 0, None
        for event in _perform(self._replies.popleft() if self._replies else [question], stop):
            count += isinstance(event, Piece)
            done = event if isinstance(event, Done) else None
            yield event
        if done is None:
            reason = Ending.CANCELLED if stop.is_set() else Ending.STOP
            yield Done(reason, request.sampling.seed or 0, len(words), 0, count, 0.1, 0.1, 1.0, float(count))

    def close(self) -> None:
        self.loaded = None


def _perform(lines: list[Line], stop: Stop) -> Iterator[Event]:
    for number, line in enumerate(lines):
        if isinstance(line, threading.Event):
            while not line.wait(0.005) and not stop.is_set():
                pass
        if stop.is_set():
            return
        if isinstance(line, Exception):
            raise line
        if not isinstance(line, threading.Event):
            yield Piece(line, 1000 + number) if isinstance(line, str) else line


class FakeHub:
    """Knows the files it was given; notes what it was asked.

    Attributes:
        asked: repositories, and files by their full names, oldest first.
        error: what it raises instead of answering.
    """

    def __init__(self, *remotes: Remote) -> None:
        self.remotes = list(remotes)
        self.asked: list[str] = []
        self.error: HubError | None = None

    def look(self, repo: str, file: str, stop: Stop) -> Remote:
        self.asked.append(f"{repo}:{file}")
        found = [remote for remote in self._known() if (remote.repo, remote.file) == (repo, file)]
        if not found:
            raise HubMissing(f"There is no {file}.")
        return found[0]

    def files(self, repo: str, stop: Stop) -> list[Remote]:
        self.asked.append(repo)
        found = [remote for remote in self._known() if remote.repo == repo]
        if not found:
            raise HubMissing(f"There is no {repo}.")
        return found

    def _known(self) -> list[Remote]:
        if self.error:
            raise self.error
        return self.remotes

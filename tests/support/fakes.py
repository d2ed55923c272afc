"""Hand-written stand-ins: an engine, a Hub and a shelf of models that say what a test tells them to."""

import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from phichat.chat.conversation import Ending, Message, text_of, tokens_of
from phichat.chat.session import Session
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    ModelRef,
    Piece,
    PieceKind,
    PromptFit,
    PromptReady,
    Reading,
    Request,
    Scored,
    Tried,
)
from phichat.errors import EngineError, HubError, HubMissing, HubRefused, ModelMissing
from phichat.models.base import (
    DownloadedModel,
    FoundRepository,
    HubFile,
    Listing,
    ModelFile,
    Progress,
    Source,
    SpaceCheck,
    Waiting,
)
from phichat.models.library import Library

Line = str | Event | Exception | threading.Event
"""A piece's text, an event as it is, an error to raise, or a gate to wait at until the test opens it."""


class ScriptedEngine:
    """Implements Engine from a script: each `enqueue` is one reply. Without one, it echoes the question.

    Attributes:
        loads, requests, drafts: what it was asked, oldest first.
        counted: drafts whose length alone was asked for; `draft_stops` the CancelToken of each, of any kind.
        fits: makes what it says of how a request fits.
        loaded: the model it has, or None.
        architecture: what it says its models are.
        thinking: whether it says that they think by themselves: "on", "off", or "" if they cannot.
        calibrations, unloads: how often it was to find fast settings, and to give its memory back.
        scored: the texts it was asked to score, oldest first; `scores` what it then yields or raises: without any, each
            word as a token.
        trials: what a calibration reports; None for Ctrl+C.
        most_context: what its models were made for; 0 for unknown.
        leaves_out: how many of the oldest turns do not fit into any prompt.
    """

    def __init__(self, *replies: list[Line]) -> None:
        self.loads: list[tuple[Path, EngineSettings]] = []
        self.requests: list[Request] = []
        self.drafts: list[str] = []
        self.counted: list[str] = []
        self.draft_stops: list[CancelToken] = []
        self.fits: Callable[[Request], PromptFit] = self._fitted
        self.loaded: Loaded | None = None
        self.architecture = "phi3"
        self.thinking = ""
        self.calibrations = self.unloads = self.leaves_out = self.most_context = 0
        self.trials: list[Tried | None] = []
        self.scored: list[str] = []
        self.scores: list[Line] = []
        self._replies: deque[list[Line]] = deque(replies)
        self._gate: threading.Event | None = None
        self._loadings: deque[list[Line]] = deque()

    def enqueue(self, *lines: Line) -> None:
        """The next reply that has no script yet."""
        self._replies.append(list(lines))

    def hold_drafts(self, gate: threading.Event) -> None:
        """Drafts are read once the test opens the gate."""
        self._gate = gate

    def enqueue_load(self, *lines: Line) -> None:
        """What happens while the next model loads."""
        self._loadings.append(list(lines))

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        self.close()
        self.loads.append((model.path, settings))
        for event in _perform(self._loadings.popleft() if self._loadings else [Loading(0.5), Loading(1.0)], stop):
            report(event)
        if stop.is_set():
            raise EngineError("Loading was canceled.")
        context = min(settings.context, self.most_context or settings.context)
        settings = replace(settings, context=context)
        self.loaded = Loaded(
            model, self.architecture, context, "scripted", settings, self.most_context, thinking=self.thinking
        )
        return self.loaded

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        if request.is_draft:
            self.draft_stops.append(stop)
            (self.counted if request.only_counts else self.drafts).append(request.turns[-1].text)
            yield self.fits(request)
            while self._gate and not self._gate.wait(0.005) and not stop.is_set():
                pass
            yield Done(Ending.CANCELLED, 0)
            return
        self.requests.append(request)
        question = _question(request)
        words = tuple(range(len(question.split())))
        yield PromptReady(words, question)
        yield self.fits(request)
        yield Reading(len(words), len(words))
        count, done = 0, None
        for event in _perform(self._replies.popleft() if self._replies else [question], stop):
            count += isinstance(event, Piece)
            done = event if isinstance(event, Done) else None
            yield event
        if done is None:
            reason = Ending.CANCELLED if stop.is_set() else Ending.STOP
            yield Done(reason, request.sampling.seed or 0, len(words), 0, count, 0.1, 0.1, 1.0, float(count))

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        self.scored.append(text)
        words = re.findall(r"\s*\S+", text)
        yield from _perform(self.scores or [Scored(word, at, -1.0, 2, 3.0) for at, word in enumerate(words)], stop)
        yield Done(Ending.CANCELLED if stop.is_set() else Ending.STOP, 0, len(words))

    def calibrate(self, stop: CancelToken, report: Callable[[Tried], None] | None = None) -> Iterator[Event]:
        self.calibrations += 1
        for each in self.trials:
            if each is None:
                signal.raise_signal(signal.SIGINT)
                stop.wait(60)
            elif report and not stop.is_set():
                report(each)
        yield from ()

    def _fitted(self, request: Request) -> PromptFit:
        out = min(self.leaves_out, len(request.turns) - 1)
        first = request.turns[out].message if out > 0 else ""
        return PromptFit(len(_question(request).split()), 0, 512, max(out, 0), first)

    def unload(self) -> None:
        self.unloads += 1

    def close(self) -> None:
        self.loaded = None


def _question(request: Request) -> str:
    return request.turns[-1].text if request.raw is None else str(request.raw)


def thought(text: str, token: int = 900) -> Piece:
    """A piece of what a model thinks."""
    return Piece(text, token, PieceKind.THINKING)


class SlowKeeper:
    """Stores a question when the test says so.

    Attributes:
        told: what it was told, oldest first.
        stored: done once the test says that the question is on the disk.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        self.stored: Future[None] = Future()

    def store_question(self, session: Session) -> Future[None]:
        self.told.append(f"begun {[message.text for message in session.conversation.path()]}")
        return self.stored

    def append_reply(self, session: Session, pieces: Sequence[Piece]) -> None:
        self.told.append(f"grown {text_of(pieces)!r} {list(tokens_of(pieces))}")

    def store_reply(self, session: Session, message: Message) -> None:
        self.told.append(f"finished {message.text!r}")

    def store_choices(self, session: Session, message: Message) -> None:
        self.told.append(f"weighed {message.text!r}")


def _perform(lines: list[Line], stop: CancelToken) -> Iterator[Event]:
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

    def __init__(self, *remotes: HubFile) -> None:
        self.remotes = list(remotes)
        self.asked: list[str] = []
        self.error: HubError | None = None

    def file_info(self, repo: str, file: str, stop: CancelToken) -> HubFile:
        self.asked.append(f"{repo}:{file}")
        found = [remote for remote in self._known() if (remote.repo, remote.file) == (repo, file)]
        if not found:
            raise HubMissing(f"There is no {file}.")
        return found[0]

    def list_files(self, repo: str, stop: CancelToken) -> list[HubFile]:
        self.asked.append(repo)
        found = [remote for remote in self._known() if remote.repo == repo]
        if not found:
            raise HubMissing(f"There is no {repo}.")
        return found

    def search(self, words: str, stop: CancelToken) -> list[FoundRepository]:
        self.asked.append(words)
        repos = dict.fromkeys(remote.repo for remote in self._known() if words.lower() in remote.repo.lower())
        return [FoundRepository(repo) for repo in repos]

    def _known(self) -> list[HubFile]:
        if self.error:
            raise self.error
        return self.remotes


PHI_3 = Listing(
    "phi-3-mini-4k-instruct-q4",
    "Phi-3 Mini",
    HubFile("microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf"),
    licence="MIT",
    bytes=2_393_231_072,
    memory=4_300_000_000,
)
PHI_4 = Listing(
    "phi-4-mini-instruct-q4_k_m",
    "Phi-4 Mini",
    HubFile("bartowski/microsoft_Phi-4-mini-instruct-GGUF", "microsoft_Phi-4-mini-instruct-Q4_K_M.gguf"),
    licence="MIT",
    bytes=2_490_000_000,
    is_size_approximate=True,
    is_official=False,
    memory=3_300_000_000,
)


class ScriptedShelf:
    """Implements ModelManager from a script: each `enqueue` is what the next fetch tells.

    Attributes:
        rows: what is on the Hub, by name; what has been fetched so far, and whether it is paused, stays there.
        repos: what `list_repository` finds; anything else is an error.
        errors: what it raises instead, by repository.
        room_free, room_memory, speed: what this computer has.
        found: what `find_existing` finds.
        fetches, discarded: the names it was asked for, oldest first.
        asked, measurements: how often the Hub was asked for the catalogue, and this computer measured.
        searches: the words it was asked to search for, oldest first; `answers` what it then yields or raises.
    """

    def __init__(self, *rows: Listing) -> None:
        self.rows = {row.name: row for row in rows}
        self.repos: dict[str, list[Listing]] = {}
        self.errors: dict[str, HubError] = {}
        self.unknown: set[str] = set()
        self.room_free, self.room_memory, self.speed = 100_000_000_000, 16_000_000_000, 5.2
        self.found: list[Path] = []
        self.fetches: list[str] = []
        self.discarded: list[str] = []
        self.asked = self.measurements = 0
        self._measured: float | None = None
        self.searches: list[str] = []
        self.answers: dict[str, list[Waiting | list[FoundRepository] | Exception | threading.Event]] = {}
        self._library: Library | None = None
        self._scripts: deque[list[Progress | DownloadedModel | Exception | threading.Event]] = deque()

    def over(self, library: Library) -> "ScriptedShelf":
        """The same, with what is on this disk."""
        self._library = library
        return self

    def enqueue(self, *lines: Progress | DownloadedModel | Exception | threading.Event) -> None:
        """What the next fetch tells."""
        self._scripts.append(list(lines))

    def list_models(self) -> list[Listing]:
        models = {model.name: model for model in (self._library.list_models() if self._library else [])}
        rows = [replace(row, model=models.pop(row.name, row.model)) for row in self.rows.values()]
        missing = self._library.list_missing() if self._library else {}
        rows += [_on_disk(model) for model in models.values()]
        rows += [_missing(model, problem) for model, problem in missing.items()]
        return [replace(row, speed=self._measured) for row in rows]

    def list_with_speeds(self) -> list[Listing]:
        self.measurements += 1
        self._measured = self.speed
        return self.list_models()

    def confirm_catalogue(self, stop: CancelToken) -> Iterator[Listing]:
        self.asked += 1
        for name, row in self.rows.items():
            self.rows[name] = replace(row, exists_on_hub=name not in self.unknown, is_size_approximate=False)
            yield self.rows[name]

    def list_repository(self, repo: str, stop: CancelToken) -> list[Listing]:
        if repo in self.errors:
            raise self.errors[repo]
        if repo not in self.repos:
            raise HubRefused(f"The Hub does not know {repo}.")
        self.rows.update({row.name: row for row in self.repos[repo]})
        return self.repos[repo]

    def search(self, words: str, stop: CancelToken) -> Iterator[Waiting | list[FoundRepository]]:
        self.searches.append(words)
        if "/" in words:  # an address
            yield [FoundRepository(words)]
            return
        for line in self.answers.get(words, [[]]):
            if isinstance(line, threading.Event):
                while not line.wait(0.005) and not stop.is_set():
                    pass
            elif isinstance(line, Exception):
                raise line
            else:
                yield line

    def list_patiently(self, repo: str, stop: CancelToken) -> Iterator[Waiting | list[Listing]]:
        yield self.list_repository(repo, stop)

    def download(
        self, name: str, stop: CancelToken, patience: int | None = None
    ) -> Iterator[Progress | DownloadedModel]:
        self.fetches.append(name)
        for line in self._scripts.popleft() if self._scripts else []:
            if isinstance(line, threading.Event):
                while not line.wait(0.005) and not stop.is_set():
                    pass
            if stop.is_set():
                return
            if isinstance(line, Exception):
                raise line
            if isinstance(line, Progress):
                self.rows[name] = replace(self.rows[name], bytes_on_disk=line.done)
            elif isinstance(line, DownloadedModel):
                self.rows[name] = replace(self.rows[name], model=line.model)
            if not isinstance(line, threading.Event):
                yield line

    def discard_download(self, name: str) -> None:
        self.discarded.append(name)
        self.rows[name] = replace(self.rows[name], bytes_on_disk=0, is_paused=False)

    def set_paused(self, name: str, paused: bool) -> None:
        if not self.rows[name].bytes_on_disk:
            raise ModelMissing(f"There is no partial download of {name}.")
        self.rows[name] = replace(self.rows[name], is_paused=paused)

    def check_space(self, name: str) -> SpaceCheck:
        row = self.rows[name]
        needed = (row.bytes or 0) - row.bytes_on_disk
        return SpaceCheck(
            Path("/home/ada/.local/share/Phichat/models"), needed, self.room_free, row.memory, self.room_memory
        )

    def space_problem(self, room: SpaceCheck) -> str:
        if room.needed > room.free:
            return "The disk is too full. Make room."
        return "It needs more memory." if room.memory and room.memory > room.memory_installed else ""

    def find_existing(self) -> list[Path]:
        return self.found


def _missing(model: ModelFile, problem: str) -> Listing:
    return Listing(model.name, model.title, unusable=model, problem=problem, problem_label="File not found")


def _on_disk(model: ModelFile) -> Listing:
    licence = "Apache-2.0" if model.source is Source.STARTER else ""
    is_official = model.source is Source.STARTER
    found = Listing(model.name, model.title, None, model, licence, model.bytes, model.bytes, memory=300_000_000)
    return replace(found, is_official=is_official)

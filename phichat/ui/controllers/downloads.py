"""Downloads under way, waiting, paused and failed: their conductor, without a face."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from PySide6.QtCore import QObject, Signal

from phichat.cancellation import CancelToken
from phichat.models.base import DownloadedModel, Listing, ModelManager, Phase, Presence, Progress
from phichat.ui.threads.background import BackgroundTasks, Work


@dataclass(frozen=True)
class Download:
    """How a download stands. Where nothing was begun, all of it is empty.

    `is_queued` is one that waits until others are done; `error` the sentence with which it ended.
    """

    progress: Progress | None = None
    is_running: bool = False
    is_paused: bool = False
    is_queued: bool = False
    error: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it goes on without anybody doing anything."""
        return self.is_running or self.is_queued

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to show of it."""
        return self.is_active or self.is_paused or bool(self.error)


class _StopReason(Enum):
    """What the person wanted when a job was stopped."""

    PAUSE = auto()
    CANCEL = auto()


class DownloadManager(QObject):
    """Fetches one model after the other, by name.

    Signals:
        changed(str): how the download of that name stands is different now.
        settled(str): its job is over, and so what is on the disk is different.
        fetched(ModelFile): a model has arrived.
        failed(str, str): a download ended with an error; its name and one sentence.
    """

    changed = Signal(str)
    settled = Signal(str)
    fetched = Signal(object)
    failed = Signal(str, str)

    def __init__(self, shelf: Callable[[], ModelManager], pool: BackgroundTasks, tasks: BackgroundTasks) -> None:
        super().__init__()
        self._shelf, self._pool, self._tasks = shelf, pool, tasks
        self._states: dict[str, Download] = {}
        self._current: dict[str, CancelToken] = {}
        self._wishes: dict[CancelToken, _StopReason] = {}

    def state(self, name: str) -> Download:
        """How the download of `name` stands."""
        return self._states.get(name, Download())

    def names(self) -> list[str]:
        """Every download that has begun and not ended, the oldest first."""
        return list(self._states)

    def active(self) -> list[str]:
        """Those that go on by themselves."""
        return [name for name, state in self._states.items() if state.is_active]

    def resume_interrupted(self, listings: Iterable[Listing]) -> None:
        """Go on with what an earlier start of the application left; what was paused stays so."""
        for listing in listings:
            if listing.presence is Presence.PARTIAL and listing.name not in self._states:
                progress = Progress(Phase.ASKING, listing.bytes_on_disk, listing.bytes or 0)
                self._become(listing.name, Download(progress, is_paused=listing.is_paused))
                if not listing.is_paused:
                    self.start(listing.name)

    def start(self, name: str) -> None:
        """Fetch `name`, from where it was left; after those that are being fetched."""
        state = self.state(name)
        if state.is_active:
            return
        self._current[name] = self._run(self._pool, name, partial(self._fetch, name, state))
        self._become(name, Download(state.progress, is_queued=True))

    def resume(self, name: str) -> None:
        """Go on with what was paused, or try again what failed."""
        self.start(name)

    def pause(self, name: str) -> None:
        """Stop for now; a new start of the application does not go on with it either."""
        state = self.state(name)
        if state.is_active:
            self._end(name, _StopReason.PAUSE, was_running=state.is_running)
            self._become(name, Download(state.progress, is_paused=True))

    def cancel(self, name: str) -> None:
        """Stop, and throw away what is here."""
        if name in self._states:
            self._end(name, _StopReason.CANCEL, was_running=self.state(name).is_running)
            del self._states[name]
            self.changed.emit(name)

    def _end(self, name: str, wish: _StopReason, *, was_running: bool) -> None:
        stop = self._current.pop(name, None)
        if stop:
            self._wishes[stop] = wish
            stop.set()
        if not was_running:  # else its thread does that when it has closed the file
            self._run(self._tasks, name, partial(self._finish_stop, name, wish))

    def _run(self, tasks: BackgroundTasks, name: str, work: Work) -> CancelToken:
        cancel = CancelToken()
        callbacks = (partial(slot, name, cancel) for slot in (self._on_event, self._on_failure, self._on_end))
        return tasks.run(work, *callbacks, cancel=cancel)

    def _fetch(self, name: str, before: Download, stop: CancelToken) -> Iterator[object]:
        """In the jobs' thread."""
        shelf = self._shelf()
        here = before.progress or Progress(Phase.ASKING, 0, 0)
        yield Progress(Phase.ASKING, here.done, here.total)
        if before.is_paused:
            shelf.set_paused(name, False)
        yield from shelf.download(name, stop)
        if wish := self._wishes.get(stop):
            yield from self._finish_stop(name, wish, stop)

    def _finish_stop(self, name: str, wish: _StopReason, _: CancelToken) -> Iterator[object]:
        """In a job's thread."""
        shelf = self._shelf()
        listing = next((listing for listing in shelf.list_models() if listing.name == name), None)
        if listing and listing.presence is Presence.PARTIAL:
            if wish is _StopReason.PAUSE:
                shelf.set_paused(name, True)
            else:
                shelf.discard_download(name)
        yield from ()

    def _on_event(self, name: str, stop: CancelToken, event: object) -> None:
        if self._current.get(name) is not stop:
            return
        match event:
            case Progress():
                self._become(name, Download(event, is_running=True))
            case DownloadedModel(model):
                del self._current[name], self._states[name]
                self.changed.emit(name)
                self.fetched.emit(model)

    def _on_failure(self, name: str, stop: CancelToken, sentence: str) -> None:
        if self._current.get(name) is stop:
            del self._current[name]
            self._become(name, Download(self.state(name).progress, error=sentence))
        self.failed.emit(name, sentence)

    def _on_end(self, name: str, stop: CancelToken) -> None:
        self._wishes.pop(stop, None)
        if self._current.get(name) is stop:  # it ended by itself, with nothing to show for it
            del self._current[name], self._states[name]
            self.changed.emit(name)
        self.settled.emit(name)

    def _become(self, name: str, state: Download) -> None:
        self._states[name] = state
        self.changed.emit(name)

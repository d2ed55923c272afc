"""The download manager: models being downloaded, queued, paused and failed (no widgets)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

from PySide6.QtCore import QObject, Signal

from phichat.cancellation import CancelToken
from phichat.errors import HubRefused, ModelMissing, PhichatError
from phichat.models.base import DownloadedModel, Listing, ModelManager, Phase, Presence, Progress
from phichat.ui.threads.background import BackgroundTasks, Work


@dataclass(frozen=True)
class Download:
    """The state of a download; all defaults where there is none.

    Attributes:
        is_queued: it waits for others.
        error: the sentence with which it failed.
        wants_token: whether an access token may help then.
        page: the address of the page on which to agree to the model's terms then; mostly empty.
    """

    progress: Progress | None = None
    is_running: bool = False
    is_paused: bool = False
    is_queued: bool = False
    error: str = ""
    wants_token: bool = False
    page: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it runs, or will without the user doing anything."""
        return self.is_running or self.is_queued

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to show."""
        return self.is_active or self.is_paused or bool(self.error)


class _StopReason(Enum):
    """Why the user stopped a download."""

    PAUSE = auto()
    CANCEL = auto()


class DownloadManager(QObject):
    """Downloads models by name, one after the other.

    Signals:
        changed(str): the state of the download of that name changed.
        settled(str): its thread is done with it, and the files on the disk changed.
        fetched(ModelFile): a model is complete.
        failed(str, str): a download failed; its name and one sentence.
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
        self._reasons: dict[CancelToken, _StopReason] = {}

    def state(self, name: str) -> Download:
        """Return the state of the download of `name`."""
        return self._states.get(name, Download())

    def names(self) -> list[str]:
        """Return the names of all downloads that have begun and not ended, the oldest first."""
        return list(self._states)

    def active(self) -> list[str]:
        """Return the names of those that run or are queued."""
        return [name for name, state in self._states.items() if state.is_active]

    def resume_interrupted(self, listings: Iterable[Listing]) -> None:
        """Resume the downloads that an earlier run of the application left; what was paused stays paused."""
        for listing in listings:
            if listing.presence is Presence.PARTIAL and listing.name not in self._states:
                progress = Progress(Phase.ASKING, listing.bytes_on_disk, listing.bytes or 0)
                self._become(listing.name, Download(progress, is_paused=listing.is_paused))
                if not listing.is_paused:
                    self.start(listing.name)

    def start(self, name: str) -> None:
        """Download `name` from where it was left, after those that are queued; also what was paused or failed."""
        state = self.state(name)
        if state.is_active:
            return
        self._current[name] = self._run(self._pool, name, partial(self._fetch, name, state))
        self._become(name, Download(state.progress, is_queued=True))

    def pause(self, name: str) -> None:
        """Stop for now; a new start of the application does not go on with it either."""
        state = self.state(name)
        if state.is_active:
            self._end(name, _StopReason.PAUSE, was_running=state.is_running)
            self._become(name, Download(state.progress, is_paused=True))

    def cancel(self, name: str) -> None:
        """Stop, and delete what was downloaded."""
        if name in self._states:
            self._end(name, _StopReason.CANCEL, was_running=self.state(name).is_running)
            del self._states[name]
            self.changed.emit(name)

    def _end(self, name: str, reason: _StopReason, *, was_running: bool) -> None:
        stop = self._current.pop(name, None)
        if stop:
            self._reasons[stop] = reason
            stop.set()
        if not was_running:  # else its thread does that when it has closed the file
            self._run(self._tasks, name, partial(self._finish_stop, name, reason))

    def _run(self, tasks: BackgroundTasks, name: str, work: Work) -> CancelToken:
        cancel = CancelToken()
        callbacks = (partial(slot, name, cancel) for slot in (self._on_event, self._on_failure, self._on_end))
        return tasks.run(work, *callbacks, cancel=cancel)

    def _fetch(self, name: str, before: Download, stop: CancelToken) -> Iterator[object]:
        """Run in a thread: yield progress, then the model."""
        shelf = self._shelf()
        here = before.progress or Progress(Phase.ASKING, 0, 0)
        yield Progress(Phase.ASKING, here.done, here.total)
        if before.is_paused:
            with suppress(ModelMissing):  # nothing had come when it was paused, as without a network: it begins anew
                shelf.set_paused(name, False)
        last = here
        try:
            for event in shelf.download(name, stop):
                last = event if isinstance(event, Progress) else last
                yield event
        except PhichatError as error:
            yield replace(last, done=_bytes_on_disk(shelf, name))  # what arrived damaged is not kept
            if isinstance(error, HubRefused):
                yield Download(wants_token=error.wants_token, page=error.page)
            raise
        if reason := self._reasons.get(stop):
            yield from self._finish_stop(name, reason, stop)

    def _finish_stop(self, name: str, reason: _StopReason, _: CancelToken) -> Iterator[object]:
        """Run in a thread: note the pause, or delete the file. Yields nothing."""
        shelf = self._shelf()
        listing = _find_listing(shelf, name)
        if listing and listing.presence is Presence.PARTIAL:
            if reason is _StopReason.PAUSE:
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
            case Download():  # what may help, before the sentence
                self._states[name] = replace(event, progress=self.state(name).progress)
            case DownloadedModel(model):
                del self._current[name], self._states[name]
                self.changed.emit(name)
                self.fetched.emit(model)

    def _on_failure(self, name: str, stop: CancelToken, sentence: str) -> None:
        if self._current.get(name) is stop:
            del self._current[name]
            state = self.state(name)
            self._become(name, Download(state.progress, error=sentence, wants_token=state.wants_token, page=state.page))
        self.failed.emit(name, sentence)

    def _on_end(self, name: str, stop: CancelToken) -> None:
        self._reasons.pop(stop, None)
        if self._current.get(name) is stop:  # it ended by itself, with nothing to show for it
            del self._current[name], self._states[name]
            self.changed.emit(name)
        self.settled.emit(name)

    def _become(self, name: str, state: Download) -> None:
        self._states[name] = state
        self.changed.emit(name)


def _find_listing(shelf: ModelManager, name: str) -> Listing | None:
    return next((listing for listing in shelf.list_models() if listing.name == name), None)


def _bytes_on_disk(shelf: ModelManager, name: str) -> int:
    listing = _find_listing(shelf, name)
    return listing.bytes_on_disk if listing else 0

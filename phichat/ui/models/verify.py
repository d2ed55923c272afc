"""The checksum job: verifies model files in a background thread."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.i18n import format_number, tr
from phichat.models.base import ModelFile, VerifiedModel
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.models.library import Library

REPORT_INTERVAL = 0.1  # seconds


class ChecksumJob(QObject):
    """Verifies one file at a time.

    Signals: `progressed(str, float)` with a sentence on the progress and the part that is done; `verified(str)` and
    `failed(str)` with one on the result; `ended` last, even if it was stopped.
    """

    progressed = Signal(str, float)
    verified = Signal(str)
    failed = Signal(str)
    ended = Signal()
    _progress = Signal(object, object, object, object)

    def __init__(self, tasks: BackgroundTasks, library: "Callable[[], Library]", parent: QObject) -> None:
        super().__init__(parent)
        self._tasks, self._library = tasks, library
        self._stop: CancelToken | None = None
        self._progress.connect(self._on_progress)

    def is_busy(self) -> bool:
        """Return whether a file is being verified."""
        return self._stop is not None

    def start(self, model: ModelFile) -> None:
        """Start to verify `model`."""
        work = partial(self._verify, model)
        self._stop = self._tasks.run(work, self._on_verified, self.failed.emit, self._on_end)

    def stop(self) -> None:
        """Stop verifying."""
        if self._stop:
            self._stop.set()

    def _verify(self, model: ModelFile, stop: CancelToken) -> VerifiedModel | None:
        """Return the result, None if it was stopped; called in a background thread."""
        reported = 0.0

        def report(done: int, total: int) -> None:
            nonlocal reported
            if stop.is_set():
                raise _StoppedError
            if time.monotonic() - reported > REPORT_INTERVAL:
                reported = time.monotonic()
                self._progress.emit(stop, model.title, done, total)

        try:
            return self._library().verify_model(model.name, report)
        except _StoppedError:
            return None

    @Slot(object, object, object, object)
    def _on_progress(self, stop: CancelToken, title: str, done: int, total: int) -> None:
        if stop is self._stop and not stop.is_set():
            share = done / max(total, 1)
            percent = format_number(int(100 * share))
            self.progressed.emit(tr("Verifying {model}: {percent}%").format(model=title, percent=percent), share)

    def _on_verified(self, verified: VerifiedModel) -> None:
        if verified.known:
            sentence = tr("{model} is intact. Its checksum matches the published one.")
        else:
            sentence = tr("{model} looks intact, but Phichat can’t verify it without a published checksum.")
        self.verified.emit(sentence.format(model=verified.model.title))

    def _on_end(self) -> None:
        self._stop = None
        self.ended.emit()


class _StoppedError(Exception):
    """Raised in the thread to stop verifying."""

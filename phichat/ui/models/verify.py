"""Reads a model's file from end to end, to see whether it is what was published."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.i18n import format_number, tr
from phichat.models.base import ModelFile, VerifiedModel
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.models.library import Library

REPORT_EACH = 0.1  # seconds between two figures


class ChecksumJob(QObject):
    """Verifies one file at a time.

    Signals: `progressed(str)` in passing; `ended(str)` with a sentence, empty where it was stopped.
    """

    progressed = Signal(str)
    ended = Signal(str)
    _read = Signal(object, object, object, object)

    def __init__(self, tasks: BackgroundTasks, library: "Callable[[], Library]", parent: QObject) -> None:
        super().__init__(parent)
        self._tasks, self._library = tasks, library
        self._stop: CancelToken | None = None
        self._result = ""
        self._read.connect(self._on_read)

    def is_busy(self) -> bool:
        """Whether a file is being read."""
        return self._stop is not None

    def start(self, model: ModelFile) -> None:
        """Verify `model`."""
        self._result = ""
        self._stop = self._tasks.run(partial(self._verify, model), self._on_verified, self._on_end)

    def stop(self) -> None:
        """Leave it."""
        if self._stop:
            self._stop.set()

    def _verify(self, model: ModelFile, stop: CancelToken) -> Iterator[object]:
        """In an errand's thread."""
        told = 0.0

        def report(done: int, total: int) -> None:
            nonlocal told
            if stop.is_set():
                raise _StoppedError
            if time.monotonic() - told > REPORT_EACH:
                told = time.monotonic()
                self._read.emit(stop, model.title, done, total)

        try:
            yield self._library().verify_model(model.name, report)
        except _StoppedError:
            return

    @Slot(object, object, object, object)
    def _on_read(self, stop: CancelToken, title: str, done: int, total: int) -> None:
        if stop is self._stop and not stop.is_set():
            share = format_number(100 * done // max(total, 1))
            self.progressed.emit(tr("Verifying {model}: {percent} %").format(model=title, percent=share))

    def _on_verified(self, verified: VerifiedModel) -> None:
        if verified.known:
            sentence = tr("{model} is whole: its checksum is the published one.")
        else:
            sentence = tr("{model} can be read; nobody published a checksum to compare it with.")
        self._result = sentence.format(model=verified.model.title)

    def _on_end(self, trouble: str) -> None:
        self._stop = None
        self.ended.emit(trouble or self._result)


class _StoppedError(Exception):
    """Ends reading a file."""

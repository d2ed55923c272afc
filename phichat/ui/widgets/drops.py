"""Drag and drop: what comes from elsewhere is copied, never moved, since a source deletes what it moves."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

MODEL_SUFFIX, ARCHIVE_SUFFIX = ".gguf", ".zip"  # files with these names need no inspection
_DRAGS = {QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop}


def files_in(source: QMimeData) -> list[Path]:
    """Return the local files in dropped or pasted data."""
    return [Path(file) for url in source.urls() if (file := url.toLocalFile())]


def accept_copy(event: QDropEvent) -> None:
    """Accept a drag or drop, answered with a copy or a link; ignore it if its source offers neither."""
    offered = event.possibleActions()
    for action in (Qt.DropAction.CopyAction, Qt.DropAction.LinkAction):
        if offered & action:
            event.setDropAction(action)
            event.accept()
            return
    event.setDropAction(Qt.DropAction.IgnoreAction)
    event.ignore()


def can_copy(event: QDropEvent) -> bool:
    """Return whether the source of a drag offers its data without giving it away."""
    return bool(event.possibleActions() & (Qt.DropAction.CopyAction | Qt.DropAction.LinkAction))


class DropFilter(QObject):
    """The event filter of a window for files, and for words of other apps, dropped on it; `takes` tells which of these.

    Signals: `model_dropped(str)`, `conversations_dropped(list[Path])`; `files_dropped(list[Path])`: files of
    another suffix, which have to be inspected; `words_dropped(QMimeData)`, which is gone afterwards.
    """

    model_dropped = Signal(str)
    conversations_dropped = Signal(list)
    files_dropped = Signal(list)
    words_dropped = Signal(object)

    def __init__(self, window: QWidget, takes: Callable[[QMimeData], bool]) -> None:
        super().__init__(window)
        self._takes = takes
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if not isinstance(event, QDropEvent) or event.type() not in _DRAGS:  # in this order: hundreds of others come
            return False
        files = files_in(event.mimeData())
        # What is dragged within the window is words of an answer, and may have been let go too early.
        if files or (event.source() is None and self._takes(event.mimeData())):
            accept_copy(event)
        else:
            event.ignore()
        if event.type() == QEvent.Type.Drop and event.isAccepted():
            self._sort(files)
            if not files:
                self.words_dropped.emit(event.mimeData())
        return True

    def _sort(self, files: list[Path]) -> None:
        endings = {file: file.suffix.lower() for file in files}
        models = [file for file in files if endings[file] == MODEL_SUFFIX]
        conversations = [file for file in files if endings[file] == ARCHIVE_SUFFIX]
        others = [file for file in files if endings[file] not in {MODEL_SUFFIX, ARCHIVE_SUFFIX}]
        if models:
            self.model_dropped.emit(str(models[0]))
        if conversations:
            self.conversations_dropped.emit(conversations)
        if others:
            self.files_dropped.emit(others)

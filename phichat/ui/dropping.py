"""Files that are dropped on the window: models are opened, conversations imported, other texts attached."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from phichat.ui.widgets.growing_edit import files_in

MODELS, CONVERSATIONS = ".gguf", ".zip"  # what names end in that need no look inside


class Dropping(QObject):
    """Watches a window.

    Signals: `model_dropped(str)`, `conversations_dropped(list[Path])`, `files_dropped(list[Path])` for what has to be
    looked at.
    """

    model_dropped = Signal(str)
    conversations_dropped = Signal(list)
    files_dropped = Signal(list)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if event.type() not in {QEvent.Type.DragEnter, QEvent.Type.Drop} or not isinstance(event, QDropEvent):
            return False
        files = files_in(event.mimeData())
        if files:
            event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            self._take(files)
        return True

    def _take(self, files: list[Path]) -> None:
        endings = {file: file.suffix.lower() for file in files}
        models = [file for file in files if endings[file] == MODELS]
        conversations = [file for file in files if endings[file] == CONVERSATIONS]
        others = [file for file in files if endings[file] not in {MODELS, CONVERSATIONS}]
        if models:
            self.model_dropped.emit(str(models[0]))
        if conversations:
            self.conversations_dropped.emit(conversations)
        if others:
            self.files_dropped.emit(others)

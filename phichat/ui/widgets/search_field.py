"""The field to search in: tells of words once typing pauses, and leads into what is found."""

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QToolButton

from phichat.i18n import tr

PAUSE = 60  # milliseconds without a further key


class SearchField(QLineEdit):
    """Signals: `changed(str)` with the words; `enter_pressed` for Enter; `left_downwards` for the key down."""

    changed = Signal(str)
    enter_pressed = Signal()
    left_downwards = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("searchField")
        self.setAccessibleName(tr("Search conversations"))
        self.setPlaceholderText(tr("Search"))
        self.setClearButtonEnabled(True)
        for button in self.findChildren(QToolButton):
            button.setAccessibleName(tr("Clear the search"))
        self._pause = QTimer(self, interval=PAUSE, singleShot=True)
        self._pause.timeout.connect(self._tell)
        self.textChanged.connect(self._wait)

    @Slot(str)
    def _wait(self, words: str) -> None:
        if words.strip():
            self._pause.start()
        else:
            self._tell()

    @Slot()
    def _tell(self) -> None:
        self._pause.stop()
        self.changed.emit(self.text())

    def _clears(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and bool(self.text())

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._clears(event):
            event.accept()  # else it stops the answer
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape if self._clears(event):
                self.clear()
            case Qt.Key.Key_Down:
                self.left_downwards.emit()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                if self._pause.isActive():
                    self._tell()
                self.enter_pressed.emit()
            case _:
                super().keyPressEvent(event)

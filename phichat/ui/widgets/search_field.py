"""The search field of the sidebar."""

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QToolButton

from phichat.i18n import tr
from phichat.ui.widgets.long_text import LONGEST_SEARCH
from phichat.ui.widgets.text_input import LineEdit

SEARCH_DELAY = 60  # milliseconds without a further key


class SearchField(LineEdit):
    """Emits what to search for once typing pauses.

    Signals: `changed(str)` with the words; `enter_pressed` for Enter; `left_downwards` for the Down key.
    """

    changed = Signal(str)
    enter_pressed = Signal()
    left_downwards = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("searchField")
        self.setMaxLength(LONGEST_SEARCH)
        self.setAccessibleName(tr("Search conversations"))
        self.setPlaceholderText(tr("Search"))
        self.setClearButtonEnabled(True)
        for button in self.findChildren(QToolButton):
            button.setAccessibleName(tr("Clear search"))
        self._timer = QTimer(self, interval=SEARCH_DELAY, singleShot=True)
        self._timer.timeout.connect(self._emit_changed)
        self.textChanged.connect(self._on_text_changed)

    @Slot(str)
    def _on_text_changed(self, words: str) -> None:
        if words.strip():
            self._timer.start()
        else:
            self._emit_changed()

    @Slot()
    def _emit_changed(self) -> None:
        self._timer.stop()
        self.changed.emit(self.text())

    def _is_clearing(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and bool(self.text())

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._is_clearing(event):
            event.accept()  # the window's action for Escape would stop the reply
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape if self._is_clearing(event):
                self.clear()
            case Qt.Key.Key_Down:
                self.left_downwards.emit()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                if self._timer.isActive():
                    self._emit_changed()
                self.enter_pressed.emit()
            case _:
                super().keyPressEvent(event)

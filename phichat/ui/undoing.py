"""What was done and can be undone: the last steps, and the bar that offers to take the last one back."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from phichat.text import tr
from phichat.ui.status_line import announce
from phichat.ui.theme import Theme

MOST_STEPS = 100
SHOWN_FOR = 12_000  # milliseconds; what the bar offers stays in the menu

Step = Callable[[], object]


@dataclass(frozen=True)
class _Deed:
    text: str
    undo: Step
    redo: Step | None


class Undoing(QObject):
    """The steps that can be taken back, the last one first.

    Signals: `happened(str)` with a sentence when something was done; `changed` when there is something else to undo.
    """

    happened = Signal(str)
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._done: list[_Deed] = []
        self._undone: list[_Deed] = []

    def did(self, text: str, undo: Step, redo: Step | None = None, *, quietly: bool = False) -> None:
        """Something was done, of which `text` tells; `undo` takes it back, `redo` does it again.

        Done `quietly`, it is only in the menu.
        """
        self._done = [*self._done[1 - MOST_STEPS :], _Deed(text, undo, redo)]
        self._undone.clear()
        self.changed.emit()
        if not quietly:
            self.happened.emit(text)

    def last(self) -> str:
        """What would be undone."""
        return self._done[-1].text if self._done else ""

    def next(self) -> str:
        """What would be done again."""
        return self._undone[-1].text if self._undone else ""

    def forget(self) -> None:
        """Nothing can be undone any more."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()

    @Slot()
    def undo(self) -> None:
        """Take the last step back."""
        if self._done:
            deed = self._done.pop()
            if deed.redo:
                self._undone.append(deed)
            self.changed.emit()
            deed.undo()

    @Slot()
    def redo(self) -> None:
        """Do again what was undone."""
        if self._undone and (deed := self._undone.pop()).redo:
            self._done.append(deed)
            self.changed.emit()
            deed.redo()


class UndoBar(QFrame):
    """Says what was done, with a button to take it back; goes away by itself, and never takes the focus."""

    def __init__(self, theme: Theme, undoing: Undoing) -> None:
        super().__init__()
        self.setObjectName("undoBar")
        self._line = QLabel()
        self._line.setTextFormat(Qt.TextFormat.PlainText)
        self._line.setMinimumWidth(1)  # a long title may be cut off rather than widen the window
        self._button = QPushButton(tr("Undo"))
        self._button.setObjectName("undoButton")
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.clicked.connect(undoing.undo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 5, 6, 5)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._button)
        self._timer = QTimer(self, interval=SHOWN_FOR, singleShot=True)
        self._timer.timeout.connect(self._leave)
        undoing.happened.connect(self._show)
        undoing.changed.connect(self.hide)
        theme.dress(self, "strip")
        self.hide()

    @Slot(str)
    def _show(self, text: str) -> None:
        self._line.setText(text)
        self._line.setToolTip("")
        self._button.setAccessibleName(tr("Undo: {what}").format(what=text))
        self.show()
        self._timer.start()
        announce(self, text)

    @Slot()
    def _leave(self) -> None:
        if self._button.hasFocus() or self.underMouse():
            self._timer.start()
        else:
            self.hide()

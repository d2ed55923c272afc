"""Qt's undo stack, fed with plain functions; it says what was undone."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

UNDO_LIMIT = 100

Step = Callable[[], object]


class Command(QUndoCommand):
    """A change that was made already: pushing it does nothing. Without `redo` it leaves the stack once undone."""

    def __init__(self, text: str, undo: Step, redo: Step | None) -> None:
        super().__init__(text)
        self._undo, self._redo = undo, redo
        self._is_pushed = False

    def undo(self) -> None:
        """Take the change back."""
        self.setObsolete(self._redo is None)
        self._undo()

    def redo(self) -> None:
        """Make the change again; QUndoStack.push() calls this, too."""
        if self._is_pushed and self._redo:
            self._redo()
        self._is_pushed = True


class UndoStack(QUndoStack):
    """The undo stack of the window.

    Signals:
        announced(str): a change that the window should announce, with an offer to undo it.
        undone(str, bool): that change was undone; whether it can be made again.
    """

    announced = Signal(str)
    undone = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setUndoLimit(UNDO_LIMIT)

    def record(self, text: str, undo: Step, redo: Step | None = None, *, quietly: bool = False) -> None:
        """Push a change that was made; `quietly` if it shows by itself."""
        self.push(Command(text, undo, redo))
        if not quietly:
            self.announced.emit(text)

    @Slot(str, object, object)
    def record_quietly(self, text: str, undo: Step, redo: Step) -> None:
        """Push a change that shows by itself."""
        self.record(text, undo, redo, quietly=True)

    def undo(self) -> None:
        """Take the last change back, and say which."""
        if self.canUndo():
            text, count = self.undoText(), self.count()
            super().undo()
            self.undone.emit(text, self.count() == count)

    def redo(self) -> None:
        """Make the change again that was undone last, and announce it."""
        if self.canRedo():
            text = self.redoText()
            super().redo()
            self.announced.emit(text)

"""Qt's undo stack, fed with plain functions; it says what was undone."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

UNDO_LIMIT = 100

Step = Callable[[], object]


class Command(QUndoCommand):
    """A change that was made already: pushing it does nothing. Without `redo` it leaves the stack once undone.

    Attributes:
        place: the id of the conversation that was changed; empty for the list of conversations.
    """

    def __init__(self, text: str, undo: Step, redo: Step | None, place: str) -> None:
        super().__init__(text)
        self._undo, self._redo, self.place = undo, redo, place
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
        announced(str, str): a change that the window should announce, with an offer to undo it, and its `place`.
        undone(str, bool, str): that change was undone; whether it can be made again; its place.
    """

    announced = Signal(str, str)
    undone = Signal(str, bool, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setUndoLimit(UNDO_LIMIT)

    def record(
        self, text: str, undo: Step, redo: Step | None = None, *, quietly: bool = False, place: str = ""
    ) -> None:
        """Push a change that was made; `quietly` if it shows by itself."""
        self.push(Command(text, undo, redo, place))
        if not quietly:
            self.announced.emit(text, place)

    def undo(self) -> None:
        """Take the last change back, and say which."""
        if self.canUndo():
            text, place, count = self.undoText(), self._place(self.index() - 1), self.count()
            super().undo()
            self.undone.emit(text, self.count() == count, place)

    def redo(self) -> None:
        """Make the change again that was undone last, and announce it."""
        if self.canRedo():
            text, place = self.redoText(), self._place(self.index())
            super().redo()
            self.announced.emit(text, place)

    def _place(self, index: int) -> str:
        command = self.command(index)
        return command.place if isinstance(command, Command) else ""

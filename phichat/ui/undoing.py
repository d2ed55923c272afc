"""What was done and can be undone."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

MOST_STEPS = 100

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

    @Slot(str, object, object)
    def did_quietly(self, text: str, undo: Step, redo: Step) -> None:
        """Something was done that can be seen."""
        self.did(text, undo, redo, quietly=True)

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

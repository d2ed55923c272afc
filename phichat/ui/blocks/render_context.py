"""The render thread and the formula cache, which the blocks of a transcript share."""

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.ui.blocks.formulas import FormulaCache


class RenderContext(QObject):
    """One for all messages of a transcript, or for one document beside it.

    Attributes:
        render_tasks: do what takes a moment in a thread: highlighting code, drawing formulas.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.render_tasks = BackgroundTasks("render", 1, self)

    @cached_property
    def formula_cache(self) -> "FormulaCache":
        """The cache of rendered formulas."""
        from phichat.ui.blocks.formulas import FormulaCache  # noqa: PLC0415 - with the first formula

        return FormulaCache(self.render_tasks, self)

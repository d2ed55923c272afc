"""The render thread and the formula cache, which the blocks of a transcript share."""

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from phichat.ui.threads.background import RenderThread

if TYPE_CHECKING:
    from phichat.ui.blocks.formulas import FormulaCache


class RenderContext(QObject):
    """One for all messages of a transcript, or for one document beside it.

    Attributes:
        render_thread: runs syntax highlighting and formula rendering in a thread.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.render_thread = RenderThread(self)

    @cached_property
    def formula_cache(self) -> "FormulaCache":
        """The cache of rendered formulas."""
        from phichat.ui.blocks.formulas import FormulaCache  # noqa: PLC0415 - with the first formula

        return FormulaCache(self.render_thread, self)

"""What blocks of text, code and formulas share while they are drawn."""

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from phichat.ui.threads.background import RenderThread

if TYPE_CHECKING:
    from phichat.ui.blocks.formulas import FormulaCache


class RenderContext(QObject):
    """One for all messages of a transcript, or for one document beside it.

    Attributes:
        render_thread: does what takes a moment in a thread: highlighting code, drawing formulas.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.render_thread = RenderThread(self)

    @cached_property
    def formula_cache(self) -> "FormulaCache":
        """Return the cache of drawn formulas."""
        from phichat.ui.blocks.formulas import FormulaCache  # noqa: PLC0415 - an empty window has none

        return FormulaCache(self.render_thread, self)

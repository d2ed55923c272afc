"""Looks for words in all conversations while they are typed; only the last answer counts."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from phichat.stop import Stop
from phichat.store.base import Hit
from phichat.ui.history import History
from phichat.ui.jobs import Errands, once

MOST_HITS = 100


class Searching(QObject):
    """Signals: `found(list, int)` with hits, of which there may be more than so many; `failed(str)` with a sentence."""

    found = Signal(list, int)
    failed = Signal(str)

    def __init__(self, history: Callable[[], History], errands: Errands, parent: QObject) -> None:
        super().__init__(parent)
        self._history, self._errands = history, errands
        self._asked: Stop | None = None
        self.words = ""

    @Slot(str)
    def search(self, words: str) -> None:
        """Look for `words`; for none, nothing is looked for any more."""
        if self._asked:
            self._asked.set()
        self.words, self._asked = words, None
        if words.strip():
            work = once(lambda _: self._history().search(words, MOST_HITS))
            self._asked = self._errands.send(work, self._on_found, self._on_ended)

    def _on_found(self, hits: list[Hit]) -> None:
        self.found.emit(hits, MOST_HITS)

    def _on_ended(self, trouble: str) -> None:
        if trouble:
            self.failed.emit(trouble)

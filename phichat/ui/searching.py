"""Looks for words in all conversations while they are typed; only the last answer counts."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.store.base import SearchHit
from phichat.ui.keeping import Keeping, wait_for
from phichat.ui.threads.background import BackgroundTasks, single_result

if TYPE_CHECKING:
    from concurrent.futures import Future

    from phichat.store.history import History

MOST_HITS = 100


class Searching(QObject):
    """Signals: `found(list, int)` with hits, of which there may be more than so many; `failed(str)` with a sentence."""

    found = Signal(list, int)
    failed = Signal(str)

    def __init__(
        self, history: "Callable[[], History]", errands: BackgroundTasks, keeping: Keeping, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._history, self._errands, self._keeping = history, errands, keeping
        self._asked: CancelToken | None = None
        self.words = ""

    @Slot(str)
    def search(self, words: str) -> None:
        """Look for `words`; for none, nothing is looked for any more."""
        if self._asked:
            self._asked.set()
        self.words, self._asked = words, None
        if words.strip():
            work = partial(self._find, words, self._keeping.last)
            self._asked = self._errands.send(single_result(work), self._on_found, self._on_ended)

    def _find(self, words: str, last: "Future[Any] | None", _: CancelToken) -> list[SearchHit]:
        wait_for(last)  # what was said a moment ago is found, too
        return self._history().search(words, MOST_HITS)

    def _on_found(self, hits: list[SearchHit]) -> None:
        self.found.emit(hits, MOST_HITS)

    def _on_ended(self, trouble: str) -> None:
        if trouble:
            self.failed.emit(trouble)

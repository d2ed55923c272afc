"""The confirmation by the Hub: whether the models of the catalogue are still there, and as large as it says."""

from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, Signal

from phichat.cancellation import CancelToken
from phichat.i18n import tr, tr_count
from phichat.models.base import Listing, ModelManager
from phichat.ui.threads.background import BackgroundTasks


class HubConfirmation(QObject):
    """Asks the Hub about the models of the catalogue, in a background thread.

    Signals: `confirmed(Listing)` with each as the Hub knows it; then `succeeded(str)` or `failed(str)` with a sentence
    on all of them; `ended` last, however it ended.
    """

    confirmed = Signal(object)
    succeeded = Signal(str)
    failed = Signal(str)
    ended = Signal()

    def __init__(self, tasks: BackgroundTasks, shelf: Callable[[], ModelManager], parent: QObject) -> None:
        super().__init__(parent)
        self._tasks, self._shelf = tasks, shelf
        self._listings: list[Listing] = []

    def start(self) -> None:
        """Ask the Hub."""
        self._listings = []
        self._tasks.run(self._confirm, self._on_confirmed, self.failed.emit, self.ended.emit)

    def _confirm(self, stop: CancelToken) -> Iterator[Listing | None]:
        """Yield each listing as the Hub knows it, and None after the last; called in a background thread."""
        yield from self._shelf().confirm_catalogue(stop)
        yield None

    def _on_confirmed(self, listing: Listing | None) -> None:
        if listing is None:
            self._report()
        else:
            self._listings.append(listing)
            self.confirmed.emit(listing)

    def _report(self) -> None:
        unknown = sum(listing.exists_on_hub is False for listing in self._listings)
        notes = [listing.note for listing in self._listings if listing.note]
        missing = tr_count(
            "{count} model wasn’t found on the Hub.", "{count} models weren’t found on the Hub.", unknown
        )
        if unknown or notes:
            self.failed.emit(missing if unknown else notes[0])
        else:
            self.succeeded.emit(tr("Model names and sizes are up to date."))

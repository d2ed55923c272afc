"""Everything about conversations but their words: which there are, which is shown, what is done with them."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.store.base import ConversationRecord, SearchHit
from phichat.ui.conversing import Conversing
from phichat.ui.headings import HeadingsModel
from phichat.ui.keeping import Keeping
from phichat.ui.managing import Managing
from phichat.ui.records import heading_of
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.undoing import UndoStack

if TYPE_CHECKING:
    from phichat.cancellation import CancelToken
    from phichat.store.history import History
    from phichat.ui.searching import Searching

MINUTE = 60_000  # milliseconds


class Archive(QObject):
    """Puts those together who know `history`, which is made in a thread once the window can be used.

    Attributes:
        history: opens the history, at the first call.
        errands: does what takes its time in threads.
        keeping: stores what happens.
        headings: what the list shows.
        conversing: which conversation is shown.
        managing: what is done with whole ones.
        undoing: what of that can be undone.

    Signals:
        told(str): a sentence about what the person should know.
        list_changed: the list was read, or a conversation in it changed.
        found(list, int): what a search found, of which there may be more than so many.
    """

    told = Signal(str)
    list_changed = Signal()
    found = Signal(list, int)

    def __init__(self, history: "Callable[[], History]", make: Callable[[], Session]) -> None:
        super().__init__()
        self.history = history
        self.errands = BackgroundTasks("conversations", parent=self)
        self.keeping = Keeping(history, self)
        self.headings = HeadingsModel(self)
        self.undoing = UndoStack(self)
        self.conversing = Conversing(history, self.errands, self.keeping, self.headings, make, self)
        self.managing = Managing(
            history, self.errands, self.keeping, self.headings, self.conversing, self.undoing, self
        )
        self._clock = QTimer(self, interval=MINUTE)
        self._clock.timeout.connect(self.headings.refresh)
        for told in (self.keeping.failed, self.conversing.told, self.managing.told):
            told.connect(self.told)
        self.keeping.touched.connect(self._on_touched)
        self.keeping.gone.connect(self._on_gone)
        self.headings.renamed.connect(self.managing.rename)

    @cached_property
    def searching(self) -> "Searching":
        """Finds words; made when some are looked for."""
        from phichat.ui.searching import Searching  # noqa: PLC0415 - the window does not wait for it

        searching = Searching(self.history, self.errands, self.keeping, self)
        searching.failed.connect(self.told)
        searching.found.connect(self.found)
        return searching

    @Slot()
    def open(self) -> None:
        """See what is stored, now that the window can be used."""
        self._clock.start()
        self.headings.expect()
        self.errands.send(self._read, self._on_read, self._on_ended)

    @Slot()
    def read_again(self) -> None:
        """What is stored may not be what it was."""
        self.managing.read()

    @Slot()
    def close(self) -> None:
        """Store what is being written, and end all threads."""
        self.conversing.settle()
        self.errands.close()

    @Slot(object, object)
    def on_replied(self, session: Session, _: Message) -> None:
        """A reply begins, grows or ends."""
        self.headings.show_answering(session.conversation.id if session.answering else "")

    def _read(self, _: "CancelToken") -> Iterator[object]:
        """The notice there is on opening, all headings, and what was being written last."""
        history = self.history()
        try:
            yield history.ready.result()
        except PhichatError as error:
            yield str(error)
        headings = history.headings()
        yield headings
        newest = next((heading for heading in headings if not heading.is_pinned), None)
        if newest and newest.created == newest.changed:  # no message came after it was made
            yield history.load(newest.id)

    def _on_read(self, found: object) -> None:
        if isinstance(found, str):
            self._on_ended(found)
        elif isinstance(found, list):
            self.headings.show_all(found)
            self.list_changed.emit()
            self.keeping.empty_bin()
        elif isinstance(found, ConversationRecord):
            self.conversing.resume(found)

    @Slot(str)
    def _on_ended(self, trouble: str) -> None:
        if trouble:
            self.told.emit(trouble)

    @Slot(str)
    def search(self, words: str) -> None:
        """Look for `words` in all conversations."""
        self.searching.search(words)

    @Slot()
    def erase(self) -> None:
        """Delete everything for good."""
        self.managing.delete_everything()
        self.told.emit(tr("All conversations were deleted."))

    @Slot(object)
    def open_hit(self, hit: SearchHit) -> None:
        """Show what a search found."""
        self.conversing.open(hit.heading.id, hit.message or "", self.searching.words)

    @Slot(object)
    def _on_touched(self, session: Session) -> None:
        heading = heading_of(session)
        self.headings.touch(heading, is_temporary=session.is_temporary)
        self.list_changed.emit()

    @Slot(str)
    def _on_gone(self, name: str) -> None:
        self.headings.take([name])

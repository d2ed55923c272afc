"""Everything about conversations but their words: which there are, which is shown, what is done with them."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QBoxLayout

from phichat.chat.messages import Message
from phichat.chat.session import Session
from phichat.errors import PhichatError
from phichat.store.base import Hit, Record
from phichat.text import tr
from phichat.ui.conversing import Conversing
from phichat.ui.headings import HeadingsModel
from phichat.ui.jobs import Errands
from phichat.ui.keeping import Keeping
from phichat.ui.managing import Managing
from phichat.ui.records import heading_of
from phichat.ui.theme import Theme
from phichat.ui.undoing import UndoStack

if TYPE_CHECKING:
    from phichat.stop import Stop
    from phichat.store.history import History
    from phichat.ui.conversation_list import ConversationList
    from phichat.ui.exchanging import Exchanging, Exporter, Importer
    from phichat.ui.searching import Searching
    from phichat.ui.undo_bar import TemporaryNote, UndoBar

MINUTE = 60_000  # milliseconds


class Archive(QObject):
    """Puts those together who know `history`, which is made in a thread once the window can be used.

    Attributes:
        keeping: stores what happens.
        headings: what the list shows.
        conversing: which conversation is shown.
        managing: what is done with whole ones.
        undoing: what of that can be undone.

    Signals: `told(str)` with a sentence about what the person should know.
    """

    told = Signal(str)

    def __init__(
        self,
        theme: Theme,
        history: "Callable[[], History]",
        doors: "tuple[Exporter, Importer]",
        make: Callable[[], Session],
    ) -> None:
        super().__init__()
        self._theme, self._history, self._doors = theme, history, doors
        self._errands = Errands("conversations", parent=self)
        self.keeping = Keeping(history, self)
        self.headings = HeadingsModel(self)
        self.undoing = UndoStack(self)
        self.conversing = Conversing(history, self._errands, self.keeping, self.headings, make, self)
        self.managing = Managing(
            history, self._errands, self.keeping, self.headings, self.conversing, self.undoing, self
        )
        self._clock = QTimer(self, interval=MINUTE)
        self._clock.timeout.connect(self.headings.refresh)
        self._sidebar: ConversationList | None = None
        self._undo_bar: UndoBar | None = None
        self._note: TemporaryNote | None = None
        for told in (self.keeping.failed, self.conversing.told, self.managing.told):
            told.connect(self.told)
        self.keeping.touched.connect(self._on_touched)
        self.keeping.gone.connect(self._on_gone)
        self.headings.renamed.connect(self.managing.rename)

    def settle(self, sidebar: "ConversationList", above: QBoxLayout, below: QBoxLayout) -> None:
        """Show all of it in `sidebar`, and what there is to say above and below the words."""
        self._sidebar, self._above, self._below = sidebar, above, below
        self.undoing.happened.connect(self._on_happened)
        sidebar.begun.connect(self.conversing.begin)
        sidebar.opened.connect(self.conversing.open)
        sidebar.searched.connect(self._search)
        sidebar.found.connect(self._open_hit)
        sidebar.pinned.connect(self.managing.pin)
        sidebar.deleted.connect(self.managing.delete)
        sidebar.bin_opened.connect(self.managing.read_bin)
        sidebar.restored.connect(self.managing.restore)
        sidebar.purged.connect(self.managing.purge)
        self.managing.bin_read.connect(sidebar.show_bin)
        sidebar.exported.connect(self._export)
        self.conversing.shown.connect(self._on_shown)

    @cached_property
    def searching(self) -> "Searching":
        """Finds words; made when some are looked for."""
        from phichat.ui.searching import Searching  # noqa: PLC0415 - the window does not wait for it

        searching = Searching(self._history, self._errands, self.keeping, self)
        searching.failed.connect(self.told)
        if self._sidebar:
            searching.found.connect(self._sidebar.show_hits)
        return searching

    @cached_property
    def exchanging(self) -> "Exchanging":
        """Brings conversations out and in; made when that is wanted."""
        from phichat.ui.exchanging import Exchanging  # noqa: PLC0415 - as above

        places = self.headings, self.keeping, self.undoing
        exchanging = Exchanging(self._history, self._errands, self._doors, *places, self)
        exchanging.told.connect(self.told)
        exchanging.changed.connect(self.managing.read)
        exchanging.unwanted.connect(self.managing.take_back)
        return exchanging

    @Slot()
    def export_this(self) -> None:
        """Export the conversation that is shown."""
        if self.keeping.is_stored(self.conversing.session):
            self._export([self.conversing.session.conversation.id])
        else:
            self.told.emit(tr("There is nothing to export yet: this conversation is not stored."))

    @Slot()
    def export_all(self) -> None:
        """Export all conversations."""
        self._export([])

    @Slot()
    def bring_in(self) -> None:
        """Import what the person chooses."""
        if self._sidebar:
            self.exchanging.ask_to_import(self._sidebar.window())

    @Slot()
    def erase(self) -> None:
        """Delete everything, if the person means it."""
        if self._sidebar:
            from phichat.ui.asking import ask  # noqa: PLC0415 - rarely needed

            question = tr("Delete all conversations, and what is in the bin? They cannot be brought back.")
            yes, no = tr("Delete everything"), tr("Keep them")
            ask(self._theme, self._sidebar.window(), "eraseQuestion", question, yes, no, self._erase)

    @Slot()
    def open(self) -> None:
        """See what is stored, now that the window can be used."""
        self._clock.start()
        self.headings.expect()
        self._errands.send(self._read, self._on_read, self._on_ended)

    @Slot()
    def read_again(self) -> None:
        """What is stored may not be what it was."""
        self.managing.read()

    @Slot()
    def close(self) -> None:
        """Store what is being written, and end all threads."""
        self.conversing.settle()
        self._errands.close()

    @Slot(object, object)
    def on_replied(self, session: Session, _: Message) -> None:
        """A reply begins, grows or ends."""
        self.headings.show_answering(session.conversation.id if session.answering else "")

    def _read(self, _: "Stop") -> Iterator[object]:
        """The notice there is on opening, all headings, and what was being written last."""
        history = self._history()
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
            self._on_shown(self.conversing.session)
            self.keeping.empty_bin()
        elif isinstance(found, Record):
            self.conversing.resume(found)

    @Slot(str)
    def _on_ended(self, trouble: str) -> None:
        if trouble:
            self.told.emit(trouble)

    @Slot(list)
    def bring_in_files(self, files: Sequence[Path]) -> None:
        """Import what is in `files`."""
        self.exchanging.bring_in(files)

    @Slot(str)
    def _search(self, words: str) -> None:
        self.searching.search(words)

    @Slot(list)
    def _export(self, names: Sequence[str]) -> None:
        if self._sidebar:
            self.exchanging.ask_to_export(self._sidebar.window(), names)

    @Slot()
    def _erase(self) -> None:
        self.managing.delete_everything()
        self.told.emit(tr("All conversations were deleted."))

    @Slot(object)
    def _open_hit(self, hit: Hit) -> None:
        self.conversing.open(hit.heading.id, hit.message or "", self.searching.words)

    @Slot(object)
    def _on_shown(self, session: Session) -> None:
        if self._sidebar:
            self._sidebar.show_current(session.conversation.id)
        if session.is_temporary and not self._note:
            from phichat.ui.undo_bar import TemporaryNote  # noqa: PLC0415 - for some conversations

            self._note = TemporaryNote(self._theme)
            self._above.addWidget(self._note)
        if self._note:
            self._note.setVisible(session.is_temporary)

    @Slot(str)
    def _on_happened(self, text: str) -> None:
        if not self._undo_bar:
            from phichat.ui.undo_bar import UndoBar  # noqa: PLC0415 - when something can be undone

            self._undo_bar = UndoBar(self._theme, self.undoing)
            self._below.addWidget(self._undo_bar)
        self._undo_bar.show_deed(text)

    @Slot(object)
    def _on_touched(self, session: Session) -> None:
        heading = heading_of(session)
        self.headings.touch(heading, is_temporary=session.is_temporary)
        self._on_shown(self.conversing.session)

    @Slot(str)
    def _on_gone(self, name: str) -> None:
        self.headings.take([name])

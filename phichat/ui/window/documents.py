"""Documents in the window: what a conversation uses, the sources of its answers, and the dialogs about both."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from phichat.chat.attached_pages import attached_sources
from phichat.chat.conversation import Message, Role
from phichat.chat.session import Session
from phichat.chat.sources import Sources
from phichat.i18n import tr
from phichat.ui.chat.attachments import AttachmentController
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.refusals import explain_refusals
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.documents import DocumentsController
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.feedback import FeedbackController
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.transcript import Transcript
from phichat.ui.widgets.controls import menu_text
from phichat.ui.widgets.flow import FlowRow
from phichat.ui.widgets.parent import parent_window
from phichat.unicode import replace_surrogates, short_title

if TYPE_CHECKING:
    from phichat.documents.base import DocumentReader
    from phichat.documents.library import Collection, FileStatus, Progress
    from phichat.ui.documents.answer_sources import AnswerSources
    from phichat.ui.documents.chips import DocumentChip

TOKEN_LENGTH = 4
"""Characters of a token, about, by which a document is told that is too long to go with a message."""


class DocumentsPresenter(QObject):
    """Connects the controller of documents with composer, transcript and dialogs, once that is given to `start`.

    Signals: `change_made(str, Callable, Callable)`: what was done, and the functions to undo and redo it.
    """

    change_made = Signal(str, object, object)

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        composer: Composer,
        transcript: Transcript,
        attachments: AttachmentController,
        generation: GenerationController,
        current: CurrentConversation,
        feedback: FeedbackController,
    ) -> None:
        super().__init__(window)
        self._theme, self._composer, self._transcript = theme, composer, transcript
        self._attachments, self._generation = attachments, generation
        self._current, self._feedback = current, feedback
        self._chips = FlowRow("documentChips", tr("Documents in this conversation"))
        self._files: dict[Path | None, DocumentChip] = {}
        self._failures: dict[str, dict[Path, str]] = {}  # by collection
        self._new_folders: dict[str, Path] = {}  # by the names of collections that may not be listed yet
        self._documents: DocumentsController
        self._reader: Callable[[], DocumentReader]

    def start(
        self, documents: DocumentsController, reader: "Callable[[], DocumentReader]", context: Callable[[], int]
    ) -> None:
        """Use `documents` from now on; `reader` shows their pages, `context` is how many tokens the model has."""
        self._documents, self._reader = documents, reader
        self._composer.add_row(self._chips)
        self._attachments.is_long = lambda text: len(text) / TOKEN_LENGTH > context() / 2
        self._attachments.long_document_found.connect(self._attach)
        self._attachments.folder_found.connect(self._attach_folder)
        self._composer.documents_requested.connect(self._list_collections)
        self._transcript.context.make_sources = self._make_sources
        self._transcript.context.find_sources = self._find_sources
        self._generation.search = documents.search
        self._generation.may_find_more = documents.may_find_more
        documents.found.connect(self._generation.on_found)
        documents.search_failed.connect(self._generation.on_search_failed)
        documents.progressed.connect(partial(self._feedback.progress, "documents"))
        documents.page_read.connect(self._show_page)
        documents.locked.connect(self._ask_password)
        documents.files_failed.connect(self._show_failures)
        documents.failed.connect(self._feedback.fail)
        documents.changed.connect(self._show_chips)
        self._current.session_changed.connect(self._show_chips)

    @property
    def _session(self) -> Session:
        return self._current.session

    @property
    def _window(self) -> QWidget:
        return parent_window(self, QWidget)

    @Slot(object, object)
    def _attach(self, session: Session, path: Path) -> None:
        self._documents.attach(session, path)
        sentence = tr("{name} is long, so the model reads only the passages that are relevant to your questions.")
        self._feedback.tell_attached(session.conversation.id, sentence.format(name=short_title(path.name)))

    @Slot(object, object)
    def _attach_folder(self, session: Session, folder: Path) -> None:
        """Make a collection of a folder, unless there is one, and use it."""
        added = [name for name in self._new_folders if not self._documents.is_adding(name)]  # listed, or gone again
        self._documents.list_collections(partial(self._use_folder, session, folder.absolute(), added), self)

    def _use_folder(
        self, session: Session, folder: Path, added: Sequence[str], collections: "Sequence[Collection]"
    ) -> None:
        gone = [name for name in added if not self._documents.is_adding(name)]
        for name in (*gone, *(each.name for each in collections)):
            self._new_folders.pop(name, None)
        new = {name: (at,) for name, at in self._new_folders.items()}
        folders = {each.name: tuple(each.paths) for each in collections} | new
        known = next((name for name, paths in folders.items() if paths == (folder,)), "")
        name = known or _free_name(folder, {*folders})
        self._new_folders[name] = folder
        self._documents.add(name, [folder])
        self._documents.use(session, name, is_used=True)
        sentence = tr(
            "The folder “{name}” is now a collection. The model will read the passages in it that are "
            "relevant to your questions."
        )
        self._feedback.tell_attached(session.conversation.id, sentence.format(name=short_title(name)))

    @Slot()
    def _show_chips(self) -> None:
        """Show what the conversation uses, as soon as that is known."""
        session = self._session
        if not self._documents.used(session):
            self._files = {}
            self._chips.set_widgets([])
            return
        self._documents.list_used(session, partial(self._show_files, session), self)

    def _show_files(self, session: Session, files: "Sequence[FileStatus]", gone: set[str]) -> None:
        from phichat.ui.documents.chips import (  # noqa: PLC0415 - with the first one
            DocumentChip,
            file_problem,
            file_state,
            file_title,
        )

        if session is not self._session:
            return
        own = session.conversation.id
        is_indexing = self._documents.is_indexing(own)
        chips = []
        self._files = {}
        for status in files if own in self._documents.used(session) else ():
            state = file_state(status, is_indexing=is_indexing)
            chip = DocumentChip(self._theme, file_title(status), state, "file", file_problem(status))
            chip.opened.connect(partial(self._open_document, status.path))
            chip.removed.connect(partial(self._remove_file, session, status.path))
            chips.append(chip)
            self._files[status.path] = chip
        for name in self._documents.used(session):
            if name != own:
                chip = self._collection_chip(name, is_gone=name in gone)
                chip.removed.connect(partial(self._remove_collection, session, name))
                chip.opened.connect(self.open_collections)
                chips.append(chip)
        self._chips.set_widgets(chips)

    def _collection_chip(self, name: str, *, is_gone: bool) -> "DocumentChip":
        from phichat.ui.documents.chips import DocumentChip  # noqa: PLC0415 - with the first one

        state = tr("missing") if is_gone else tr("collection")
        problem = tr("This collection no longer exists, so answers aren’t based on it.") if is_gone else ""
        return DocumentChip(self._theme, short_title(name), state, "collection", problem)

    def _remove_file(self, session: Session, path: Path) -> None:
        name = short_title(replace_surrogates(path.name))
        take, put_back = (partial(do, session, path) for do in (self._documents.detach, self._documents.attach))
        self._remove(name, take, put_back)

    def _remove_collection(self, session: Session, name: str) -> None:
        use = partial(self._documents.use, session, name)
        self._remove(short_title(name), partial(use, is_used=False), partial(use, is_used=True))

    def _remove(self, name: str, take: Callable[[], None], put_back: Callable[[], None]) -> None:
        take()
        self._composer.setFocus()
        self.change_made.emit(tr("{name} was removed.").format(name=name), put_back, take)

    @Slot(str, object)
    def _show_page(self, name: str, progress: "Progress") -> None:
        if name != self._session.conversation.id:
            return
        if progress.path not in self._files:
            self._show_chips()
        elif progress.place:
            self._files[progress.path].show_state(progress.place)
            self._chips.arrange()

    @Slot(str, object)
    def _show_failures(self, name: str, failures: Mapping[Path, str]) -> None:
        """Say why files in a collection could not be read, until that is dismissed or others can't be."""
        self._failures[name] = {**failures}
        self._feedback.fail_reading(name, explain_refusals(failures), self._documents.owner(name))

    @Slot(str, object, str)
    def _ask_password(self, name: str, path: Path, sentence: str) -> None:
        """Ask for the password of a protected file, over the dialog that is open."""
        from phichat.ui.widgets.password_dialog import PasswordDialog  # noqa: PLC0415 - with the first such file

        modal = QApplication.activeModalWidget()
        if isinstance(modal, PasswordDialog):  # which takes what is over it along
            modal = modal.parentWidget()
        dialog = PasswordDialog(modal or self._window, sentence)
        dialog.entered.connect(partial(self._documents.unlock, name, path))
        dialog.rejected.connect(partial(self._on_no_password, name, path))
        dialog.open()

    def _on_no_password(self, name: str, path: Path) -> None:
        sentence = tr("{name} is protected by a password and wasn’t read.")
        unread = self._failures[name] if self._feedback.is_unread(name) else {}
        refused = sentence.format(name=short_title(replace_surrogates(path.name)))
        self._show_failures(name, {**unread, path: refused})

    @Slot()
    def _list_collections(self) -> None:
        self._documents.list_collections(self._open_menu, self)

    def _open_menu(self, collections: "Sequence[Collection]") -> None:
        menu = QMenu(self._window)
        menu.setObjectName("documentsMenu")
        used = self._documents.used(self._session)
        for collection in collections:
            action = QAction(menu_text(collection.name), menu)
            action.setCheckable(True)
            action.setChecked(collection.name in used)
            action.toggled.connect(partial(self._use, self._session, collection.name))
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(tr("Collections…"), self.open_collections)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._composer.documents_button.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    @Slot()
    def open_collections(self) -> None:
        """Open the collections dialog, or bring it to the front."""
        from phichat.ui.documents.collections_dialog import CollectionsDialog  # noqa: PLC0415 - when it is opened

        if there := self._window.findChild(CollectionsDialog):
            there.activateWindow()
        else:
            used = self._documents.used(self._session)
            CollectionsDialog(self._theme, self._window, self._documents, used).open()

    def _use(self, session: Session, name: str, is_used: bool) -> None:
        self._documents.use(session, name, is_used=is_used)

    def _find_sources(self, message: Message) -> Sources | None:
        """Return the sources of the question that an answer belongs to, or the pages of what was attached so far."""
        question = self._session.conversation.message(message.parent or "")
        if question is None or question.role is not Role.USER:
            return None
        return question.sources or attached_sources(self._session.conversation.path_before(message))

    def _make_sources(self) -> "AnswerSources":
        from phichat.ui.documents.answer_sources import AnswerSources  # noqa: PLC0415 - an empty window has no answers

        sources = AnswerSources(self._theme)
        sources.opened.connect(self._open_viewer)
        sources.passages_requested.connect(self._open_passages)
        return sources

    @Slot(object, int)
    def _open_viewer(self, sources: Sources, at: int) -> None:
        from phichat.ui.documents.viewer import DocumentViewer  # noqa: PLC0415 - when one is opened

        passwords = self._documents.passwords
        DocumentViewer(self._theme, self._window, sources.passages, at, self._reader, passwords).open()

    def _open_document(self, path: Path) -> None:
        from phichat.ui.documents.viewer import beginning  # noqa: PLC0415 - as above

        self._open_viewer(Sources(passages=(beginning(path),)), 0)

    @Slot(object)
    def _open_passages(self, answer: Message) -> None:
        from phichat.ui.documents.passages_dialog import PassagesDialog  # noqa: PLC0415 - as above

        sources = self._find_sources(answer)
        if sources is None:
            return
        can_ask = self._generation.model is not None and not self._generation.is_answering()
        dialog = PassagesDialog(self._theme, self._window, sources, can_ask=can_ask)
        dialog.opened.connect(partial(self._open_viewer, sources))
        dialog.asked.connect(partial(self._ask_again, self._session, answer))
        dialog.open()

    def _ask_again(self, session: Session, answer: Message, sources: Sources) -> None:
        """Ask the question of `answer` with other sources."""
        question = session.conversation.message(answer.parent or "")
        if question and not self._generation.is_answering():
            self._generation.edit(session, question, question.text, sources=sources)
            self._transcript.follow()
            self._composer.setFocus()


def _free_name(folder: Path, taken: set[str]) -> str:
    """Return a name for a collection of `folder` that no other has."""
    name = " ".join(replace_surrogates(folder.name).split()) or tr("Collection")
    return next(each for each in chain([name], (f"{name} {number}" for number in count(2))) if each not in taken)

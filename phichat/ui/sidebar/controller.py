"""The controller of the sidebar: connects it, its banners and the menu with the conversations."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QBoxLayout

from phichat.chat.attachments import Attachment
from phichat.chat.session import Session
from phichat.i18n import tr, tr_count
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.ui.actions import Actions
from phichat.ui.controllers.conversation_model import title_of_summary
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.sidebar.sidebar import Sidebar
from phichat.ui.sidebar.undo_bar import TemporaryNote, TrashedNotice, UndoBar
from phichat.ui.theme.theme import Theme
from phichat.ui.undo import Step

if TYPE_CHECKING:
    from phichat.ui.sidebar.import_export import Exporter, Importer, ImportExport


class SidebarController(QObject):
    """Connects `sidebar` and `actions` with `conversations`.

    `above` and `below` are the layouts for banners above and below the messages.

    Signals: `notified(str)`, `failed(str)` and `progressed(str)` with a sentence on an import or export; that of
        `failed` is empty once one went well. `noted(str, str)` with the id of a conversation, and a sentence about it.
    """

    notified = Signal(str)
    noted = Signal(str, str)
    failed = Signal(str)
    progressed = Signal(str)

    def __init__(
        self,
        theme: Theme,
        sidebar: Sidebar,
        actions: Actions,
        conversations: Conversations,
        parent: QObject,
        *,
        above: QBoxLayout,
        below: QBoxLayout,
        export_to: "Exporter",
        import_from: "Importer",
    ) -> None:
        super().__init__(parent)
        self._theme, self._sidebar, self._conversations = theme, sidebar, conversations
        self._above, self._below = above, below
        self._export_to, self._import_from = export_to, import_from
        self._undo_bar: UndoBar | None = None
        self._changed_in = ""  # the id of the conversation that the undo bar is about; empty if about the list
        self._temporary_note: TemporaryNote | None = None
        self._trashed_notice: TrashedNotice | None = None
        conversations.is_seen = self._is_seen
        self._connect(conversations)
        self._connect_actions(actions)

    def _connect(self, conversations: Conversations) -> None:
        sidebar, current, commands = self._sidebar, conversations.current, conversations.commands
        sidebar.begun.connect(current.start_new)
        sidebar.opened.connect(current.open_conversation)
        sidebar.searched.connect(conversations.history_search.search)
        sidebar.found.connect(conversations.open_hit)
        sidebar.pinned.connect(commands.pin)
        sidebar.deleted.connect(self._on_deleted)
        sidebar.bin_opened.connect(commands.list_bin)
        sidebar.read.connect(commands.read_trashed)
        sidebar.restored.connect(commands.restore)
        for hide in (self.hide_undo_bar, self._hide_trashed_notice_if_back):
            sidebar.restored.connect(hide)
        sidebar.purged.connect(self._on_purged)
        sidebar.exported.connect(self._export)
        commands.trash_loaded.connect(sidebar.show_bin)
        commands.trash_changed.connect(self._on_trash_changed)
        commands.undeleted.connect(self._leave_trash)
        commands.trashed_read.connect(self._show_trashed)
        commands.trashed_elsewhere.connect(self._on_trashed_elsewhere)
        commands.restored_elsewhere.connect(self._hide_trashed_notice)
        conversations.autosave.touched.connect(self._on_touched)
        conversations.autosave.untrashed.connect(self._on_untrashed)
        conversations.history_search.found.connect(sidebar.show_hits)
        conversations.list_changed.connect(self._show_current)
        conversations.undo_stack.announced.connect(self._on_change)
        conversations.undo_stack.undone.connect(self._on_undone)
        current.session_changed.connect(self._on_session_changed)
        if isinstance(application := QGuiApplication.instance(), QGuiApplication):
            application.applicationStateChanged.connect(self._on_application_state)

    def _is_seen(self) -> bool:
        window = self._sidebar.window()
        return window.isVisible() and not window.isMinimized()

    @Slot(Qt.ApplicationState)
    def _on_application_state(self, state: Qt.ApplicationState) -> None:
        """Look for what another program has changed, now that the user comes back from one."""
        if state is Qt.ApplicationState.ApplicationActive:
            self._conversations.commands.reload_if_changed()

    @Slot()
    def _on_trash_changed(self) -> None:
        if self._sidebar.is_bin_shown():
            self._conversations.commands.list_bin()

    @Slot(object)
    def _on_trashed_elsewhere(self, summary: ConversationSummary) -> None:
        """Say that the conversation which is shown is in the trash, with an offer to restore it."""
        if not self._trashed_notice:
            self._trashed_notice = TrashedNotice(self._theme)
            self._trashed_notice.accepted.connect(self._restore_shown)
            self._trashed_notice.dismissed.connect(self._trashed_notice.hide)
            self._below.addWidget(self._trashed_notice)
        self._trashed_notice.show_title(title_of_summary(summary))
        self._show_current()

    @Slot()
    def _restore_shown(self) -> None:
        self._hide_trashed_notice()
        self._conversations.commands.restore_shown()

    @Slot(object)
    def _on_touched(self, session: Session) -> None:
        """Restore what is written in: a new message does so by itself, but an answer that goes on does not."""
        current = self._conversations.current
        if session is current.session and session.conversation.id in current.trashed:
            self._restore_shown()

    @Slot(str)
    def _on_untrashed(self, name: str) -> None:
        self.noted.emit(name, tr("This conversation was in the trash. It was restored because you sent a message."))

    @Slot()
    def _hide_trashed_notice_if_back(self) -> None:
        """Hide it unless the conversation that is shown now is in the trash."""
        current = self._conversations.current
        if current.session.conversation.id not in current.trashed:
            self._hide_trashed_notice()

    @Slot()
    def _hide_trashed_notice(self) -> None:
        if self._trashed_notice:
            self._trashed_notice.hide()

    @Slot()
    def _leave_trash(self) -> None:
        """Show the list, in which a conversation is again."""
        if self._sidebar.is_bin_shown():
            self._sidebar.show_list()

    def _connect_actions(self, actions: Actions) -> None:
        current = self._conversations.current
        for action, step in (
            (actions.new, current.start_new),
            (actions.temporary, current.start_temporary),
            (actions.import_conversations, self.ask_to_import),
            (actions.export, self.export_this),
            (actions.export_all, self.export_all),
            (actions.delete_everything, self.ask_to_delete_everything),
        ):
            action.triggered.connect(step)

    @cached_property
    def import_export(self) -> "ImportExport":
        """Return the importer and exporter, made at the first call."""
        from phichat.ui.sidebar.import_export import ImportExport  # noqa: PLC0415 - at the first export or import

        import_export = ImportExport(
            self._conversations, self, export_to=self._export_to, import_from=self._import_from
        )
        import_export.notified.connect(self.notified)
        import_export.failed.connect(self.failed)
        import_export.progressed.connect(self.progressed)
        import_export.changed.connect(self._conversations.commands.reload_list)
        import_export.unwanted.connect(self._conversations.commands.undo_import)
        return import_export

    def confirm_before(self, leaving: Callable[[], object]) -> bool:
        """Ask the user before `leaving` is called if an import or export is under way; return whether that is so."""
        application = QGuiApplication.instance()
        is_idle = "import_export" not in vars(self)
        if is_idle or (isinstance(application, QGuiApplication) and application.isSavingSession()):
            return False
        question, stay = self.import_export.question_before_quit()
        if question:
            from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - when there is a question

            window = self._sidebar.window()
            ask_question(self._theme, window, "transferQuestion", question, tr("Quit"), stay, leaving)
        return bool(question)

    @Slot()
    def export_this(self) -> None:
        """Export the conversation that is shown."""
        session = self._conversations.current.session
        if self._conversations.autosave.is_stored(session) or session.conversation.messages():
            self._export([session.conversation.id])
        else:
            self.failed.emit(tr("This conversation is empty, so it can’t be exported. Choose another conversation."))

    @Slot()
    def export_all(self) -> None:
        """Export all conversations."""
        self._export([])

    @Slot()
    def ask_to_import(self) -> None:
        """Import files that the user chooses."""
        self.import_export.ask_to_import(self._sidebar.window())

    @Slot(list)
    def import_files(self, files: Sequence[Path]) -> None:
        """Import the conversations in `files`."""
        self.import_export.import_files(files)

    @Slot()
    def ask_to_delete_everything(self) -> None:
        """Delete all conversations once the user confirms it."""
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - rarely needed

        question = tr("Delete all conversations, including those in the trash? This can’t be undone.")
        yes, no = tr("Delete all"), tr("Cancel")
        ask_question(
            self._theme,
            self._sidebar.window(),
            "eraseQuestion",
            question,
            yes,
            no,
            self._conversations.delete_everything,
        )

    @Slot(list)
    def _on_deleted(self, conversation_ids: Sequence[str]) -> None:
        """Delete a conversation, or several once the user confirms it."""
        if len(conversation_ids) == 1:
            self._delete(conversation_ids)
            return
        question = tr_count("Delete {count} conversation?", "Delete {count} conversations?", len(conversation_ids))
        stay = tr("They’ll stay in the trash for 30 days.")
        self._ask("deleteQuestion", f"{question} {stay}", tr("Delete"), partial(self._delete, conversation_ids))

    def _delete(self, conversation_ids: Sequence[str]) -> None:
        current, list_model = self._conversations.current, self._conversations.list_model
        is_shown = current.session.conversation.id in conversation_ids
        rows = [list_model.index_of(name).row() for name in conversation_ids]
        self._conversations.commands.delete(conversation_ids)
        if is_shown:
            self._sidebar.open_near(max(min(rows), 0))
        else:
            self._show_current()

    @Slot(list)
    def _on_purged(self, summaries: Sequence[ConversationSummary]) -> None:
        """Delete conversations for good once the user confirms it."""
        question = tr_count(
            "Delete {count} conversation permanently? This can’t be undone.",
            "Delete {count} conversations permanently? This can’t be undone.",
            len(summaries),
        )
        if len(summaries) == 1:
            title = title_of_summary(summaries[0])
            question = tr("Delete “{title}” permanently? This can’t be undone.").format(title=title)
        purge = partial(self._conversations.commands.purge, [summary.id for summary in summaries])
        self._ask("purgeQuestion", question, tr("Delete permanently"), purge)

    @Slot(object)
    def _show_trashed(self, record: "ConversationRecord") -> None:
        """Show the text of a conversation in the trash, and what was not sent in it."""
        from phichat.exchange.export import FORMATS, Format  # noqa: PLC0415 - rarely needed
        from phichat.ui.attachments.viewer import AttachmentViewer  # noqa: PLC0415 - rarely needed

        text = "".join(FORMATS[Format.TEXT].pieces([record]))
        unsent = "\n\n".join(filter(None, [record.draft, *(file.title for file in record.attached)]))
        text = "\n\n".join(filter(None, [text.rstrip("\n"), unsent and tr("Not sent:"), unsent]))
        shown = Attachment(title_of_summary(record.summary), text)
        AttachmentViewer(self._theme, self._sidebar.window(), shown, None).open()

    def _ask(self, name: str, question: str, yes: str, agreed: Callable[[], object]) -> None:
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - rarely needed

        ask_question(self._theme, self._sidebar.window(), name, question, yes, tr("Cancel"), agreed)

    @Slot(list)
    def _export(self, conversation_ids: Sequence[str]) -> None:
        self.import_export.ask_to_export(self._sidebar.window(), conversation_ids)

    @Slot()
    def _show_current(self) -> None:
        self._sidebar.show_current(self._conversations.current.session.conversation.id)

    @Slot(object)
    def _on_session_changed(self, session: Session) -> None:
        self._show_current()
        self._hide_trashed_notice_if_back()
        if self._undo_bar and self._changed_in not in {"", session.conversation.id}:
            self._undo_bar.hide()
        if session.is_temporary and not self._temporary_note:
            self._temporary_note = TemporaryNote(self._theme)
            self._above.addWidget(self._temporary_note)
        if self._temporary_note:
            self._temporary_note.setVisible(session.is_temporary)

    @Slot(str, object, object)
    def record_change(self, text: str, undo: Step, redo: Step, *, quietly: bool = False) -> None:
        """Record a change in the conversation that is shown; the offer to undo it goes with that."""
        place = self._conversations.current.session.conversation.id
        self._conversations.undo_stack.record(text, undo, redo, quietly=quietly, place=place)

    @Slot()
    def hide_undo_bar(self) -> None:
        """Hide the undo bar, as the user goes on; the Edit menu still has the change."""
        if self._undo_bar:
            self._undo_bar.hide()

    @Slot(str, str)
    def _on_change(self, text: str, place: str) -> None:
        self._show_place(place)
        self._shown_undo_bar().show_change(text)

    @Slot(str, bool, str)
    def _on_undone(self, text: str, can_redo: bool, place: str) -> None:
        self._show_place(place)
        self._shown_undo_bar().show_undone(text, can_redo=can_redo)

    def _show_place(self, place: str) -> None:
        """Show the conversation with the id `place`, in which something has changed, if it is still there."""
        self._changed_in = place
        if place and self._conversations.list_model.summary(place):
            self._conversations.current.open_conversation(place)

    def _shown_undo_bar(self) -> UndoBar:
        if not self._undo_bar:
            self._undo_bar = UndoBar(self._theme, self._conversations.undo_stack)
            self._below.addWidget(self._undo_bar)
        return self._undo_bar

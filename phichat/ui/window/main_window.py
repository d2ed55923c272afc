"""The main window: creates the widgets and their controllers, and connects them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow

from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.ui.actions import Actions
from phichat.ui.chat.attachments import AttachmentController, FileInspector, FileReader
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.consent import SendingConsent
from phichat.ui.chat.drop_overlay import DropHint
from phichat.ui.chat.header import Header
from phichat.ui.chat.message_commands import MessageCommands
from phichat.ui.chat.message_shortcuts import MessageShortcuts
from phichat.ui.chat.parallel_answers import ParallelAnswers
from phichat.ui.chat.prompt_fit import ContextMarker, TimeEstimateController, TokenCounter
from phichat.ui.chat.status_bar import StatusBar
from phichat.ui.chat.submit import SubmitController
from phichat.ui.chat.unsent_edits import UnsentEdits
from phichat.ui.chat.welcome import Welcome
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.model_selection import ModelSelection
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.controllers.servers import Servers
from phichat.ui.feedback import FeedbackController
from phichat.ui.models.coordinator import ModelCoordinator
from phichat.ui.settings.panel import SettingsPanel
from phichat.ui.sidebar.controller import SidebarController
from phichat.ui.sidebar.sidebar import Sidebar
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import run_when_idle
from phichat.ui.transcript.keyboard import TranscriptKeyboard
from phichat.ui.transcript.transcript import Transcript
from phichat.ui.transcript.visible_messages import preload_steps
from phichat.ui.widgets.pages import CentralStack
from phichat.ui.window.answer_lens import AnswerLensController
from phichat.ui.window.documents import DocumentsPresenter
from phichat.ui.window.layout import ChatPage, Columns
from phichat.ui.window.menus import ConversationMenu, EditMenu
from phichat.ui.window.model_status import ModelStatusPresenter
from phichat.ui.window.quit_question import QuitQuestion
from phichat.ui.window.session_settings import SessionSettings
from phichat.ui.window.title import TitlePresenter
from phichat.ui.window.window_state import WindowState

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef
    from phichat.ui.sidebar.import_export import Exporter, Importer


class MainWindow(QMainWindow):
    """The main window.

    Attributes:
        bars: the layout for banners between the header and the conversation.
        sidebar: the controller of the list of conversations, with export and import.
        state: restores size, place and columns.

    Signals:
        closed: the window is closed; whoever owns threads ends them then.
    """

    closed = Signal()

    def __init__(
        self,
        theme: Theme,
        generation: GenerationController,
        coordinator: ModelCoordinator,
        conversations: Conversations,
        preferences: PreferencesStore,
        *,
        models: "Callable[[], Sequence[ModelRef]]",
        servers: Servers,
        open_model: "Callable[[Path], ModelRef]",
        look: FileInspector,
        read_file: FileReader,
        export_to: "Exporter",
        import_from: "Importer",
    ) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Phichat")
        self.setAccessibleName("Phichat")
        self.generation, self.conversations = generation, conversations
        self._coordinator, self._preferences = coordinator, preferences
        self.model_selection = ModelSelection(generation, self._preferences, open_model, self)
        self._theme, self._is_leaving = theme, False
        self._composer = Composer(theme)
        self.commands = Actions(self)
        self._sidebar = Sidebar(theme, conversations.list_model)
        self._header = Header(theme, models, servers, self.commands.sidebar, self.commands.panel)
        self._transcript = Transcript(theme)
        self.feedback = FeedbackController(self)
        self._status = StatusBar(theme, self.feedback)
        current = conversations.current
        consent = SendingConsent(theme, generation, preferences, self)
        self._submit_controller = SubmitController(
            self._composer,
            self._transcript,
            self.feedback,
            generation,
            conversations,
            consent,
            self.commands.stop,
            self.commands.answer_now,
            self,
        )
        self._context_marker = ContextMarker(self._transcript, generation, current, self)
        self.message_commands = MessageCommands(
            self._transcript, self._composer, generation, current, self.model_selection, models, consent, self
        )
        self._keyboard = TranscriptKeyboard(self._transcript)
        navigator = self._keyboard.navigator
        navigator.moved_past_end.connect(self._composer.setFocus)
        self._composer.page_requested.connect(navigator.scroll_page)
        self._message_keys = MessageShortcuts(self, theme, self._transcript, navigator, self.message_commands)
        self.answer_lens = AnswerLensController(
            self, theme, self.commands, self._transcript, generation, current, self.feedback
        )
        self._welcome = Welcome()
        self.settings_panel = self._panel = SettingsPanel(theme)
        self._transcript.context.presets = self._panel.presets.labelled_samplings
        self._time_estimate = TimeEstimateController(generation, current, self)
        settings = SessionSettings(self._panel, current, preferences, self)
        settings.changed.connect(self._time_estimate.refresh)
        settings.notified.connect(self.feedback.succeed)
        self._token_counter = TokenCounter(self._composer, self._status, generation, current, self)
        self._attachments = AttachmentController(
            self, self._composer, conversations, self.feedback, look=look, read=read_file
        )
        self._unsent_edits = UnsentEdits(self._transcript, self._composer, conversations, self._attachments, self)
        self.documents = DocumentsPresenter(
            self, theme, self._composer, self._transcript, self._attachments, generation, current, self.feedback
        )
        self._model_status = ModelStatusPresenter(
            generation,
            self,
            header=self._header,
            composer=self._composer,
            welcome=self._welcome,
            panel=self._panel,
            status=self._status,
            feedback=self.feedback,
            shown=lambda: conversations.current.session,
            models=models,
        )
        self._submit_controller.lacks_choice = self._model_status.lacks_choice
        self._lay_out(export_to, import_from)
        self._fill_menus()
        self.commands.connect_undo_stack(conversations.undo_stack)
        self._connect()
        self._restore()
        self._show_session(self.session)
        self._model_status.show_state()

    @property
    def session(self) -> Session:
        """The conversation that is shown."""
        return self.conversations.current.session

    @Slot()
    def preload(self) -> None:
        """Prepare what the first message will need, when the window is shown."""
        run_when_idle(preload_steps(self._theme, self._transcript.context), self._transcript)

    @Slot(str)
    def submit(self, text: str) -> None:
        """Ask `text` in the conversation that is shown."""
        self._submit_controller.submit_text(text)

    @Slot()
    def raise_window(self) -> None:
        """Show the window in front of all others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def _lay_out(self, export_to: "Exporter", import_from: "Importer") -> None:
        self._pages = CentralStack(self._welcome, self._transcript)
        current = self.conversations.current
        answers = ParallelAnswers(self._theme, self._pages, self._transcript, self.generation, current, self)
        answers.answer_chosen.connect(self._composer.setFocus)
        page = ChatPage(self._header, self._pages, self._composer, self._status)
        self.bars = page.above
        self._coordinator.set_place(self._pages, page.above, is_offered=self._preferences.current.offers_phi_3)
        self.sidebar = SidebarController(
            self._theme,
            self._sidebar,
            self.commands,
            self.conversations,
            self,
            above=page.above,
            below=page.below,
            export_to=export_to,
            import_from=import_from,
        )
        self._quit_question = QuitQuestion(self._theme, self, self.conversations, self.sidebar, self._coordinator)
        self._columns = Columns(
            self._sidebar, page, self._panel, fold_sidebar=self.commands.sidebar, fold_panel=self.commands.panel
        )
        self._columns.fold_panel_for(self._pages)
        self.setCentralWidget(self._columns)
        DropHint(self._theme, self)
        self.state = WindowState(self, self._columns, self.commands, self._preferences)
        TitlePresenter(self, self._header, self.conversations)

    def _fill_menus(self) -> None:
        edit, view, chat = self.commands.fill_menu_bar(self.menuBar())
        self._message_keys.fill(edit, view, chat, before=self.commands.search)
        EditMenu(edit, self.commands.find, self._transcript.has_selection, self)
        ConversationMenu(chat, self.commands, self._sidebar, self.conversations, self)

    def _connect(self) -> None:
        self._connect_actions()
        self._connect_models()
        self._connect_conversations()
        self._header.model_chosen.connect(self.model_selection.choose_after_reply)
        for chosen in (self._header.model_chosen, self._coordinator.model_chosen):
            chosen.connect(self._coordinator.offer_settings)
        self._coordinator.sampling_chosen.connect(self._panel.use_values)
        self._header.models_requested.connect(self._coordinator.open_dialog)
        self._welcome.phi_3_requested.connect(self._coordinator.offer_phi_3)
        self._welcome.tried.connect(self._submit_controller.submit_text)
        self._time_estimate.changed.connect(self._composer.show_time_estimate)
        self._attachments.reading_delayed.connect(self._token_counter.show_reading)
        for end in (self._attachments.close, self._transcript.context.render.close):
            self.closed.connect(end)
        self.message_commands.notified.connect(self.feedback.succeed)
        self.message_commands.refused.connect(self.feedback.tell)
        self._transcript.selection.changed.connect(partial(self.feedback.note, "selection"))
        self._panel.failed.connect(partial(self.feedback.note, "settings", is_error=True))
        self._panel.context_changed.connect(self.model_selection.set_context)
        self._panel.presets.own_changed.connect(partial(self._preferences.set_value, "presets"))
        self._panel.computer.states_changed.connect(partial(self._preferences.set_value, "states_gb"))
        self._panel.computer.rest_changed.connect(partial(self._preferences.set_value, "rest_minutes"))
        # Queued, as it may come in the middle of what the end of a reply brings with it.
        submit_pending, queued = self._submit_controller.submit_pending, Qt.ConnectionType.QueuedConnection
        self._model_status.model_found.connect(submit_pending, queued)
        self.model_selection.load_started.connect(self._model_status.clear_status)
        self.model_selection.chosen.connect(partial(self.feedback.fail_choosing, ""))
        self.model_selection.delayed.connect(partial(self.feedback.note, "next model"))
        self.model_selection.failed.connect(self.feedback.fail)
        self.model_selection.returned.connect(self.feedback.tell)
        self.generation.replied.connect(self._on_replied)
        self.generation.progressed.connect(self._on_progress)
        self._preferences.failed.connect(self.feedback.fail_settings)
        self._preferences.saved.connect(self.feedback.end_settings)

    def _connect_actions(self) -> None:
        actions = self.commands
        actions.find.triggered.connect(self._message_keys.find)
        actions.search.triggered.connect(self._search)
        for asked in (actions.open.triggered, self._header.file_requested, self._coordinator.file_requested):
            asked.connect(self._ask_for_file)
        actions.models.triggered.connect(self._coordinator.open_dialog)
        actions.quit.triggered.connect(self._quit)
        for action in (actions.focus_composer, actions.new, actions.temporary):
            action.triggered.connect(self._composer.setFocus)
        actions.prefill_draft.setChecked(self._preferences.current.reads_ahead)
        actions.prefill_draft.toggled.connect(partial(self._preferences.set_value, "reads_ahead"))
        for fold in (actions.sidebar, actions.panel):
            fold.triggered.connect(self._preferences.save_soon)

    def _connect_conversations(self) -> None:
        conversations, message_commands, feedback = self.conversations, self.message_commands, self.feedback
        for done in (self._sidebar.begun, self._sidebar.left, self._columns.left):
            done.connect(self._composer.setFocus)
        for typed in (self._sidebar.typed, self._keyboard.typed, self._columns.typed):
            typed.connect(self._composer.take_key)
        self._sidebar.searched.connect(self._transcript.clear_search_hit)
        conversations.notified.connect(feedback.succeed)
        conversations.undo_stack.undone.connect(feedback.end_results)
        conversations.warned.connect(feedback.warn_everywhere)
        conversations.failed.connect(feedback.fail)
        conversations.autosave.failed.connect(feedback.fail_saving)
        self.sidebar.notified.connect(feedback.succeed)
        self.sidebar.noted.connect(feedback.tell_in)
        self.sidebar.failed.connect(feedback.fail_transfer)
        self.sidebar.progressed.connect(partial(feedback.progress, "import and export"))
        conversations.current.session_changed.connect(self._show_session)
        conversations.commands.stopped.connect(self.generation.stop)
        self.generation.replied.connect(conversations.on_replied)
        message_commands.path_changed.connect(self._on_path)
        message_commands.store_in(conversations.autosave)
        for changed in (message_commands.change_made, self._attachments.change_made):
            changed.connect(self.sidebar.record_change)
        message_commands.toggled.connect(partial(self.sidebar.record_change, quietly=True))
        self.generation.asked.connect(self.sidebar.hide_undo_bar)

    def _connect_models(self) -> None:
        self._coordinator.listed.connect(self._model_status.models_listed)
        self._model_status.model_shown.connect(self._coordinator.show_model)
        self._coordinator.model_chosen.connect(self.model_selection.choose_after_reply)
        self._coordinator.model_chosen.connect(self._composer.setFocus)
        self._coordinator.offer_changed.connect(self._on_offered)
        self._coordinator.file_chosen.connect(self.model_selection.open_file)
        self._coordinator.failed.connect(self.feedback.fail_everywhere)
        self._attachments.model_dropped.connect(self.model_selection.open_file)
        self._attachments.conversations_dropped.connect(self.sidebar.import_files)

    def _restore(self) -> None:
        known = self._preferences.current
        self._panel.show_context(known.context, 0)
        self._panel.presets.show_own(known.presets)
        self._panel.computer.show_values(known.states_gb, known.rest_minutes)

    @Slot(object)
    def _show_session(self, session: Session) -> None:
        self.feedback.show_conversation(session.conversation.id)
        self._status.clear_figures()
        self._model_status.show_other_model(session.model, self.model_selection.next_model)
        self._on_path()
        if not self._sidebar.isAncestorOf(self.focusWidget()):  # the user may be going through the list
            self._composer.setFocus()

    @Slot()
    def _on_path(self) -> None:
        if not self.generation.answers(self.session):
            self._status.clear_figures()  # they were those of another path
        self._pages.show_conversation(has_messages=bool(self.session.conversation.path()))

    @Slot(object, object)
    def _on_replied(self, session: Session, message: Message) -> None:
        if session is not self.session or message.id != session.conversation.tip:
            return
        if self._transcript.is_last(message):
            self._transcript.update_last_message(message)
        else:
            self.message_commands.show_path()
            self._on_path()

    @Slot(bool)
    def _on_offered(self, is_offered: bool) -> None:
        self._preferences.change(offers_phi_3=is_offered)
        self._composer.setFocus()

    @Slot(str)
    def _on_progress(self, text: str) -> None:
        if self.generation.answers(self.session):
            self._transcript.show_progress(text)

    @Slot()
    def _search(self) -> None:
        self.commands.sidebar.setChecked(True)
        self._sidebar.focus_search()

    @Slot()
    def _ask_for_file(self) -> None:
        from phichat.ui.widgets.dialogs import choose_model_file  # noqa: PLC0415 - Qt's file dialog loads slowly

        if file := choose_model_file(self):
            self.model_selection.open_file(file)

    def close(self) -> bool:
        """Close without the question that closing by mouse or menu may bring up."""
        self._is_leaving = True
        return super().close()

    @Slot()
    def _quit(self) -> None:
        if not self._quit_question.ask_before(self.close):
            self.close()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._columns.fold_for_width(event.size().width())
        super().resizeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._is_leaving and self._quit_question.ask_before(self.close):
            event.ignore()
            return
        self.model_selection.close()
        self._unsent_edits.keep()
        self._composer.flush_draft()
        self._panel.emit_pending_context()
        self.conversations.current.save_now()
        self._preferences.save()
        super().closeEvent(event)
        self.hide()  # ending the threads may take a moment
        self.closed.emit()

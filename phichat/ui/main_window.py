"""The window: columns side by side, and who hears whom."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from phichat.chat.messages import Message
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import Done, Loaded, PromptMade
from phichat.store.preferences import Preferences
from phichat.text import tr
from phichat.ui.actions import Actions
from phichat.ui.answering import Answering, Model, State
from phichat.ui.arrivals import STARTER, Arrivals
from phichat.ui.choosing import Choosing
from phichat.ui.columns import Columns
from phichat.ui.composer import Composer
from phichat.ui.conversation_list import ConversationList
from phichat.ui.header import Header
from phichat.ui.pages import Pages
from phichat.ui.remembering import Remembering
from phichat.ui.settings_panel import SettingsPanel
from phichat.ui.status_line import StatusLine
from phichat.ui.theme import Theme
from phichat.ui.transcript import COLUMN, Transcript
from phichat.ui.welcome import Welcome

SIZE = QSize(1180, 760)


class MainWindow(QMainWindow):
    """The whole application on the screen.

    Signals: `closed` once nothing more will be shown; whoever owns threads ends them then.
    """

    closed = Signal()

    def __init__(
        self,
        theme: Theme,
        answering: Answering,
        arrivals: Arrivals,
        preferences: Preferences,
        save: Callable[[Preferences], None],
        models: Callable[[], Sequence[Model]],
        open_model: Callable[[Path], Model],
    ) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Phichat")
        self.setAccessibleName("Phichat")
        self.setAcceptDrops(True)
        self.answering, self._arrivals = answering, arrivals
        self._remembering = Remembering(preferences, save, self)
        self.choosing = Choosing(answering, self._remembering, open_model, self)
        self._theme = theme
        self._session = Session()
        self._last_state = State.EMPTY
        self._early = self._is_leaving = False
        self._composer = Composer(theme)
        self._actions = Actions(self)
        self._sidebar = ConversationList(theme)
        self._header = Header(theme, models, self._actions.sidebar, self._actions.panel)
        self._transcript = Transcript(theme)
        self._welcome = Welcome(theme)
        self._panel = SettingsPanel(theme)
        self._status = StatusLine()
        self._lay_out()
        self._actions.fill(self.menuBar())
        self._connect()
        self._restore()
        self._new_conversation()
        self._on_state()

    @property
    def session(self) -> Session:
        """The conversation that is shown."""
        return self._session

    @Slot()
    def prepare(self) -> None:
        """Have ready what the first message will need, now that the window is shown."""
        self._transcript.prepare()

    @Slot(str)
    def say(self, sentence: str) -> None:
        """Tell the person something, in the status line."""
        self._status.say(sentence)

    def _lay_out(self) -> None:
        self._pages = Pages(self._welcome, self._transcript)
        bars = QVBoxLayout()
        bars.setContentsMargins(16, 0, 16, 0)
        self._arrivals.settle(self._pages, bars, is_offered=self._remembering.now.offers_phi_3)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._header)
        column.addLayout(bars)
        column.addWidget(self._pages, 1)
        column.addLayout(self._composer_row())
        column.addWidget(self._status)
        self._columns = Columns(self._sidebar, centre, self._panel, (self._actions.sidebar, self._actions.panel))
        self.setCentralWidget(self._columns)

    def _composer_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(24, 4, 24, 6)
        holder = QWidget()
        holder.setMaximumWidth(COLUMN)
        inside = QVBoxLayout(holder)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._composer)
        row.addWidget(holder)
        return row

    def _connect(self) -> None:
        self._connect_actions()
        self._connect_arrivals()
        self._sidebar.begun.connect(self._new_conversation)
        self._sidebar.chosen.connect(self._show_session)
        self._header.model_chosen.connect(self.choosing.use)
        self._header.file_wanted.connect(self._ask_for_file)
        self._header.models_wanted.connect(self._arrivals.open_dialog)
        self._welcome.phi_3_wanted.connect(self._arrivals.offer)
        self._welcome.tried.connect(self.submit)
        self._composer.submitted.connect(self.submit)
        self._composer.stopped.connect(self.answering.stop)
        self._transcript.retried.connect(self._retry)
        self._panel.sampling_changed.connect(self._on_sampling)
        self._panel.system_changed.connect(self._on_system)
        self._panel.context_changed.connect(self.choosing.change_context)
        self.choosing.begins.connect(self._on_begins)
        self.choosing.told.connect(self.say)
        self.answering.state_changed.connect(self._on_state)
        self.answering.replied.connect(self._on_replied)
        self.answering.noticed.connect(self.say)
        self.answering.progressed.connect(self._on_progress)
        self.answering.prompt_made.connect(self._on_prompt)
        self.answering.measured.connect(self._on_measured)
        self.answering.loaded_model.connect(self._on_loaded)
        self._remembering.saving.connect(self._note_layout)
        self._remembering.failed.connect(self.say)

    def _connect_actions(self) -> None:
        actions = self._actions
        actions.new.triggered.connect(self._new_conversation)
        actions.open.triggered.connect(self._ask_for_file)
        actions.models.triggered.connect(self._arrivals.open_dialog)
        actions.quit.triggered.connect(self._quit)
        actions.stop.triggered.connect(self.answering.stop)
        actions.write.triggered.connect(self._composer.setFocus)
        for fold in (actions.sidebar, actions.panel):
            fold.triggered.connect(self._remembering.soon)

    def _connect_arrivals(self) -> None:
        self._arrivals.looked.connect(self._on_state)
        self._arrivals.taken.connect(self.choosing.use_after_answer)
        self._arrivals.taken.connect(self._composer.setFocus)
        self._arrivals.offered.connect(self._on_offered)
        self._arrivals.file_wanted.connect(self._ask_for_file)
        self._arrivals.file_chosen.connect(self.choosing.open_file)
        self._arrivals.told.connect(self.say)

    def _restore(self) -> None:
        known = self._remembering.now
        self._columns.restore(known.columns, sidebar_open=known.sidebar_open, panel_open=known.panel_open)
        room = self.screen().availableSize() - QSize(20, 60)  # for the frame
        self.resize(SIZE.boundedTo(room))
        self._columns.fold_for(min(SIZE.width(), room.width()))
        self.restoreGeometry(QByteArray.fromBase64(known.geometry.encode()))
        self._panel.show_sampling(Sampling().with_values(known.sampling))
        self._panel.show_system(known.system)
        self._panel.show_context(known.context, 0)

    @Slot()
    def _new_conversation(self) -> None:
        """Begin one, unless the one shown is still empty."""
        if self._session.conversation.path() or not self._sidebar.has(self._session):
            session = Session(system=self._remembering.now.system)
            session.sampling = self._panel.sampling
            self._sidebar.add(session)
        self._composer.setFocus()

    @Slot(object)
    def _show_session(self, session: Session) -> None:
        self._session = session
        self._panel.show_sampling(session.sampling)
        self._panel.show_system(session.system)
        self._status.forget_figures()
        self._show_path()

    def _show_path(self) -> None:
        path = self._session.conversation.path()
        self._transcript.show_path(path)
        self._pages.show_talk(has_talk=bool(path))

    @Slot(str)
    def submit(self, text: str) -> None:
        """Ask `text` in the conversation that is shown; what cannot be asked now goes to the message field."""
        if self.answering.is_answering() or not self.answering.model:
            self._early = not self.answering.model
            self._composer.set_text(self._composer.text() or text)
            if self._early:
                self._status.say_in_passing(tr("This is asked as soon as there is a model."))
            return
        self._status.forget()
        self.answering.submit(self._session, text)
        self._transcript.follow()
        self._sidebar.refresh()
        self._composer.setFocus()

    @Slot()
    def _retry(self) -> None:
        if self.answering.model and not self.answering.is_answering():
            self._status.forget()
            self.answering.retry(self._session)
            self._transcript.follow()

    @Slot(object, object)
    def _on_replied(self, session: Session, message: Message) -> None:
        if session is not self._session or message.id != session.conversation.tip:
            return
        if self._transcript.shows(message):
            self._transcript.show_reply(message)
        else:
            self._show_path()

    @Slot(object)
    def _on_sampling(self, sampling: Sampling) -> None:
        self._session.sampling = sampling
        self._remembering.change(sampling=asdict(sampling))

    @Slot(str)
    def _on_system(self, text: str) -> None:
        self._session.system = text
        self._remembering.change(system=text)

    @Slot(bool)
    def _on_offered(self, is_offered: bool) -> None:
        self._remembering.change(offers_phi_3=is_offered)
        self._composer.setFocus()

    @Slot()
    def _on_begins(self) -> None:
        self._status.forget()
        self._status.forget_figures()

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        self._panel.show_context(loaded.context, loaded.most_context)

    @Slot()
    def _on_state(self) -> None:
        model, loaded, state = self.answering.model, self.answering.loaded, self.answering.state
        title = model.title if model else ""
        is_missing = self._arrivals.has_looked and not model
        self._header.show_model(model.name if model else "", tr("No model") if is_missing else title or "…")
        self._arrivals.show_model(model)
        shown = title if self._arrivals.has_looked else ""  # else it might be taken back for the first page
        self._welcome.show_model(shown, is_toy=bool(model and model.name == STARTER), is_missing=is_missing)
        self._composer.set_answering(self.answering.is_answering())
        self._actions.stop.setEnabled(self.answering.is_answering())
        if state is State.LOADING and state is not self._last_state:
            self._status.say_in_passing(tr("Loading {model}…").format(model=title))
        elif state is State.IDLE and loaded and self._last_state is State.LOADING:
            self._status.say_in_passing(tr("{model} is ready.").format(model=title))
        elif state is State.WRITING:
            self._status.say_in_passing("")
        self._last_state = state
        self._welcome.set_can_ask(can_ask=bool(model) and not self.answering.is_answering())
        if model and self._early:
            self._early = False
            self._composer.submit()

    @Slot(str)
    def _on_progress(self, text: str) -> None:
        self._status.say_in_passing(text)
        if self.answering.answers(self._session):
            self._transcript.show_progress(text)

    @Slot(object)
    def _on_prompt(self, prompt: PromptMade) -> None:
        self._show_context(len(prompt.tokens))

    @Slot(object)
    def _on_measured(self, done: Done) -> None:
        self._status.show_speed(done)
        self._show_context(done.prompt_tokens + done.completion_tokens)
        self._panel.show_seed(done.seed)

    def _show_context(self, used: int) -> None:
        if self.answering.loaded:
            self._status.show_context(used, self.answering.loaded.context)

    @Slot()
    def _ask_for_file(self) -> None:
        from phichat.ui.asking import ask_for_model  # noqa: PLC0415 - its many types take their time

        if file := ask_for_model(self):
            self.choosing.open_file(file)

    @Slot()
    def _note_layout(self) -> None:
        self._remembering.change(
            geometry=self.saveGeometry().toBase64().toStdString(),
            columns=self._columns.widths() or self._remembering.now.columns,
            sidebar_open=self._columns.is_open(self._actions.sidebar),
            panel_open=self._columns.is_open(self._actions.panel),
        )

    def close(self) -> bool:
        """End at once. Who closes the window with the mouse or by the menu is asked first, if there is a reason."""
        self._is_leaving = True
        return super().close()

    @Slot()
    def _quit(self) -> None:
        if not self._arrivals.asks_before(self.close):
            self.close()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _model_file(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if file := _model_file(event):
            event.acceptProposedAction()
            self.choosing.open_file(file)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._columns.fold_for(event.size().width())
        super().resizeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._is_leaving and self._arrivals.asks_before(self.close):
            event.ignore()
            return
        self.choosing.close()
        self._panel.settle()
        self._remembering.save()
        super().closeEvent(event)
        self.hide()  # what is ended now may take a moment
        self.closed.emit()


def _model_file(event: QDropEvent) -> str:
    files = [url.toLocalFile() for url in event.mimeData().urls()]
    return next((file for file in files if file), "")

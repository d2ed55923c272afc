"""The window: columns side by side, and who hears whom."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from PySide6.QtCore import QByteArray, QSize, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from phichat.chat.messages import Message
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import Done, Loaded, PromptMade
from phichat.errors import PhichatError
from phichat.store.preferences import Preferences
from phichat.text import tr
from phichat.ui.answering import Answering, Model, State
from phichat.ui.columns import Columns
from phichat.ui.composer import Composer
from phichat.ui.conversation_list import ConversationList
from phichat.ui.header import Header
from phichat.ui.settings_panel import SettingsPanel
from phichat.ui.status_line import StatusLine
from phichat.ui.theme import Theme
from phichat.ui.transcript import COLUMN, Transcript
from phichat.ui.welcome import Welcome

SAVE_AFTER = 800  # milliseconds without a further change
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
        self.answering, self._preferences = answering, preferences
        self._save_preferences, self._open_model = save, open_model
        self._theme = theme
        self._session = Session()
        self._last_state = State.EMPTY
        self._early, self._chosen = False, ""
        self._context_waits = self._closing = self._has_looked = False
        self._saving = QTimer(self, interval=SAVE_AFTER, singleShot=True)
        self._composer = Composer(theme)
        self._make_actions()
        self._sidebar = ConversationList(theme)
        self._header = Header(theme, models, self._fold_sidebar, self._fold_panel)
        self._transcript = Transcript(theme)
        self._welcome = Welcome(theme)
        self._panel = SettingsPanel(theme)
        self._status = StatusLine()
        self._lay_out()
        self._make_menus()
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

    @Slot()
    def end_search(self) -> None:
        """The models on this disk have been looked at: if there is none by now, that is to be said."""
        self._has_looked = True
        self._on_state()

    def say(self, sentence: str) -> None:
        """Tell the person something, in the status line."""
        self._status.say(sentence)

    @Slot(object)
    def load_model(self, model: Model) -> None:
        """Talk with `model` for now. A question that was sent before there was any is asked then."""
        self._status.forget()
        self._status.forget_figures()
        self.answering.use(model, self._preferences.context)
        if self._early:
            self._early = False
            self._composer.submit()

    @Slot(object)
    def use_model(self, model: Model) -> None:
        """Talk with `model` from now on, at the next start too if it can be loaded."""
        self._chosen = str(model.path)
        self.load_model(model)

    @Slot(str)
    def open_file(self, file: str) -> None:
        """Talk with the model in `file` from now on."""
        try:
            self.use_model(self._open_model(Path(file)))
        except PhichatError as error:
            self.say(str(error))

    def _make_actions(self) -> None:
        self._fold_sidebar = self._action(tr("Conversations"), "Ctrl+B", self._saving.start, is_on=True)
        self._fold_panel = self._action(tr("Settings"), "Ctrl+.", self._saving.start, is_on=True)
        self._new = self._action(tr("New conversation"), QKeySequence.StandardKey.New, self._new_conversation)
        self._open = self._action(tr("Open a model file…"), QKeySequence.StandardKey.Open, self._ask_for_file)
        self._quit = self._action(tr("Quit"), QKeySequence.StandardKey.Quit, self.close)
        self._stop = self._action(tr("Stop the answer"), "Escape", self.answering.stop)
        self._write = self._action(tr("Write a message"), "Ctrl+L", self._composer.setFocus)

    def _action(
        self,
        text: str,
        keys: str | QKeySequence.StandardKey,
        slot: Callable[[], object],
        *,
        is_on: bool | None = None,
    ) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(keys))
        if is_on is not None:
            action.setCheckable(True)
            action.setChecked(is_on)
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _make_menus(self) -> None:
        file = self.menuBar().addMenu(tr("&File"))
        file.addActions([self._new, self._open])
        file.addSeparator()
        file.addAction(self._quit)
        view = self.menuBar().addMenu(tr("&View"))
        view.addActions([self._fold_sidebar, self._fold_panel])
        chat = self.menuBar().addMenu(tr("&Conversation"))
        chat.addActions([self._write, self._stop])

    def _lay_out(self) -> None:
        self._pages = QStackedWidget()
        self._pages.addWidget(self._welcome)
        self._pages.addWidget(self._transcript)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._header)
        column.addWidget(self._pages, 1)
        column.addLayout(self._composer_row())
        column.addWidget(self._status)
        self._columns = Columns(self._sidebar, centre, self._panel, (self._fold_sidebar, self._fold_panel))
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
        self._sidebar.begun.connect(self._new_conversation)
        self._sidebar.chosen.connect(self._show_session)
        self._header.model_chosen.connect(self.use_model)
        self._header.file_wanted.connect(self._ask_for_file)
        self._welcome.file_wanted.connect(self._ask_for_file)
        self._welcome.tried.connect(self.submit)
        self._composer.submitted.connect(self.submit)
        self._composer.stopped.connect(self.answering.stop)
        self._transcript.retried.connect(self._retry)
        self._panel.sampling_changed.connect(self._on_sampling)
        self._panel.system_changed.connect(self._on_system)
        self._panel.context_changed.connect(self._on_context)
        self.answering.state_changed.connect(self._on_state)
        self.answering.replied.connect(self._on_replied)
        self.answering.noticed.connect(self.say)
        self.answering.progressed.connect(self._on_progress)
        self.answering.prompt_made.connect(self._on_prompt)
        self.answering.measured.connect(self._on_measured)
        self.answering.loaded_model.connect(self._on_loaded)
        self._saving.timeout.connect(self._save)

    def _restore(self) -> None:
        known = self._preferences
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
            session = Session(system=self._preferences.system)
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
        self._pages.setCurrentWidget(self._transcript if path else self._welcome)

    @Slot(str)
    def submit(self, text: str) -> None:
        """Ask `text` in the conversation that is shown; what cannot be asked now goes to the message field."""
        if self.answering.is_answering() or not self.answering.model:
            self._early = not self.answering.model
            self._composer.set_text(self._composer.text() or text)
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
        self._preferences = replace(self._preferences, sampling=asdict(sampling))
        self._saving.start()

    @Slot(str)
    def _on_system(self, text: str) -> None:
        self._session.system = text
        self._preferences = replace(self._preferences, system=text)
        self._saving.start()

    @Slot(int)
    def _on_context(self, context: int) -> None:
        """A new context takes loading the model again, which waits for the answer to end."""
        self._preferences = replace(self._preferences, context=context)
        self._saving.start()
        self._context_waits = True
        self._apply_context()

    def _apply_context(self) -> None:
        can_load = not (self._closing or self.answering.is_answering())
        if self._context_waits and can_load and self.answering.model:
            self._context_waits = False
            self.answering.use(self.answering.model, self._preferences.context)

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        self._panel.show_context(loaded.context, loaded.most_context)
        if loaded.path == self._chosen:
            self._preferences = replace(self._preferences, model=self._chosen)
            self._saving.start()

    @Slot()
    def _on_state(self) -> None:
        model, loaded, state = self.answering.model, self.answering.loaded, self.answering.state
        title = model.title if model else ""
        is_missing = self._has_looked and not model
        self._header.show_model(model.name if model else "", tr("No model") if is_missing else title or "…")
        self._welcome.show_model(title, is_toy=bool(model and model.name == "starter"), is_missing=is_missing)
        self._composer.set_answering(self.answering.is_answering())
        self._stop.setEnabled(self.answering.is_answering())
        if state is State.LOADING and state is not self._last_state:
            self._status.say_in_passing(tr("Loading {model}…").format(model=title))
        elif state is State.IDLE and loaded and self._last_state is State.LOADING:
            self._status.say_in_passing(tr("{model} is ready.").format(model=title))
        elif state is State.WRITING:
            self._status.say_in_passing("")
        self._last_state = state
        self._welcome.set_can_ask(can_ask=bool(model) and not self.answering.is_answering())
        self._apply_context()

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
        from PySide6.QtWidgets import QFileDialog  # noqa: PLC0415 - its many types take their time

        kinds = ";;".join([tr("Models (*.gguf *.GGUF)"), tr("All files (*)")])
        file, _ = QFileDialog.getOpenFileName(self, tr("Open a model file"), "", kinds)
        if file:
            self.open_file(file)

    @Slot()
    def _save(self) -> None:
        self._saving.stop()
        self._preferences = replace(
            self._preferences,
            geometry=self.saveGeometry().toBase64().toStdString(),
            columns=self._columns.widths() or self._preferences.columns,
            sidebar_open=self._columns.is_open(self._fold_sidebar),
            panel_open=self._columns.is_open(self._fold_panel),
        )
        try:
            self._save_preferences(self._preferences)
        except PhichatError as error:
            self.say(str(error))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _model_file(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if file := _model_file(event):
            event.acceptProposedAction()
            self.open_file(file)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._columns.fold_for(event.size().width())
        super().resizeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._closing = True
        self._panel.settle()
        self._save()
        super().closeEvent(event)
        self.hide()  # what is ended now may take a moment
        self.closed.emit()


def _model_file(event: QDropEvent) -> str:
    files = [url.toLocalFile() for url in event.mimeData().urls()]
    return next((file for file in files if file), "")

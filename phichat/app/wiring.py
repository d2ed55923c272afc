"""The wiring: creates every part of the application and connects them; the only module that imports all rooms."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QObject, QTimer, Slot
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication

from phichat import __version__, engines, files, i18n, paths
from phichat.app import on_demand
from phichat.app.documents import connect_documents
from phichat.app.model_server import ModelServer
from phichat.app.notices import StartupNotice, UnhandledErrors
from phichat.app.server_service import ServerService
from phichat.app.services import GB, AttachmentService, HistoryService, ModelService, connect_models, hub_host
from phichat.diagnostics import logs
from phichat.engine.base import Engine
from phichat.i18n import tr
from phichat.net.releases import ReleaseFeed
from phichat.store.preferences import Preferences, PreferencesFile
from phichat.ui.a11y.focus import EnterPresses, FocusRings
from phichat.ui.a11y.screen_reader import ReplyAnnouncer
from phichat.ui.controllers.client_requests import ClientRequests
from phichat.ui.controllers.conversations import Conversations
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.idle import DraftPrefill, IdleTimer
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.controllers.reply_weigher import ReplyWeigher
from phichat.ui.controllers.servers import Servers
from phichat.ui.controllers.text_score import TextScore
from phichat.ui.desktop.application import Application, MainThreadGC, UnixSignals, install_translations
from phichat.ui.desktop.notifications import DesktopNotifications, NotificationRules
from phichat.ui.desktop.single_instance import SingleInstance
from phichat.ui.help.controller import HelpController
from phichat.ui.help.update_check import UpdateCheck
from phichat.ui.lens.controller import NextWordController
from phichat.ui.lens.next_word import NextWord
from phichat.ui.lens.places import UndecidedPlaces
from phichat.ui.lens.score_controller import ScoreController
from phichat.ui.models.coordinator import ModelCoordinator
from phichat.ui.preferences.controller import PreferencesController, TextSize
from phichat.ui.theme.reduced_motion import ReducedMotion
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.engine_thread import EngineThread
from phichat.ui.window.main_window import MainWindow

if TYPE_CHECKING:
    from phichat.models.base import ModelManager
    from phichat.models.library import Library

PICTURE_AFTER = 1200  # milliseconds until a screenshot shows which models there are, or the first-run page
ASKED_AFTER = 1500  # milliseconds until the system is asked for its settings, when the start is over
AFTER_PAINT = 40  # milliseconds: the window is painted before the model is searched for


def create_window(
    model: str | None = None,
    make_engine: Callable[[], Engine] | None = None,
    make_shelf: "Callable[[Library], ModelManager] | None" = None,
    opened: Path | None = None,
    is_guest: bool = False,
    notice: str = "",
) -> MainWindow:
    """Build the whole application under the present QApplication; closing its window ends every thread and process.

    `model` is a name or a path, None for the one used last; it is loaded once the window can be used. `make_engine`
    makes the engine, None for llama.cpp in a process of its own; `make_shelf` the model manager, None for that of the
    Hub. `opened` is a model's file that the user has just chosen. A guest (`is_guest`) is there beside the user's own
    window, which alone saves preferences and knows of replies that are being written. `notice` is shown once the
    models are known.
    """
    application = QApplication.instance()
    assert isinstance(application, QApplication)  # noqa: S101 - the caller's duty
    install_translations(application)
    home = paths.home()
    file, known_servers = PreferencesFile(home.preferences), ServerService(home)
    stored = file.load_preferences()
    notices = (notice or paths.repair_permissions(home), file.notice, known_servers.damage())
    notice = "\n".join(filter(None, notices))
    theme = _theme(application, stored)
    models = ModelService(home, model or next(iter(paths.preferred_models(home)), ""), make_shelf, known_servers)
    save = (lambda unsaved: unsaved) if is_guest else file.save_preferences
    preferences = PreferencesStore(stored, save)
    make_engine = make_engine or partial(_make_engine, home, preferences, known_servers)
    thread = EngineThread(make_engine)
    attachments = AttachmentService()
    service = HistoryService(home, preferences, is_guest=is_guest)
    conversations = Conversations(service.history, preferences.new_session)
    generation = GenerationController(thread, on_demand.suggested_settings, conversations.autosave, models.checksum)
    coordinator = ModelCoordinator(theme, models.shelf, models.library, hub_host())
    servers = Servers(known_servers)
    with theme.building():
        window = MainWindow(
            theme,
            generation,
            coordinator,
            conversations,
            preferences,
            models=models.list_models,
            servers=servers,
            open_model=models.find_file,
            look=on_demand.kind_of,
            read_file=attachments.read,
            export_to=on_demand.export_to,
            import_from=on_demand.import_from,
        )
    window.state.restore()
    for part in (theme, thread, generation, coordinator, models, service, conversations, preferences, attachments):
        part.setParent(window)
    for part in (generation, coordinator, thread, conversations, service, attachments):
        window.closed.connect(part.close)
    _connect_conversations(service, window)
    connect_models(models, window, coordinator)
    next_word = _connect_lens(window, theme, thread, preferences)
    idle_timer = _connect_idle_work(window, preferences, next_word)
    connect_documents(window, generation, preferences, home, attachments, idle_timer)
    versions = ReleaseFeed(home.versions)
    controller = _connect_preferences(
        window, application, theme, preferences, home, models, servers, can_look=versions.is_configured()
    )
    coordinator.token_requested.connect(controller.ask_for_token)
    server = _connect_server(window, thread, generation, preferences, home)
    server.changed.connect(controller.show_server)
    _connect_help(
        window,
        theme,
        preferences,
        home,
        partial(on_demand.diagnose, home, models, generation, thread, make_engine),
        versions,
    )
    _connect_notifications(window, application, coordinator, preferences)
    FocusRings(theme, window)
    EnterPresses(window)
    ReplyAnnouncer(generation, conversations.current, window)
    if notice:
        models.searched.connect(StartupNotice(window, notice).show)
    if opened:
        QTimer.singleShot(AFTER_PAINT, window, partial(window.model_selection.open_file, str(opened)))
    QTimer.singleShot(AFTER_PAINT, models.find_first)
    QTimer.singleShot(AFTER_PAINT, conversations.open)
    QTimer.singleShot(2 * AFTER_PAINT, window.preload)
    if not is_guest:
        QTimer.singleShot(ASKED_AFTER, server.start)
    return window


def run(
    screenshot: Path | None = None, quit_when_ready: bool = False, model: str | None = None, opened: Path | None = None
) -> int:
    """Open the window, run until it is closed, and return the exit status.

    With `screenshot`, paint the window, save it there as PNG, and quit. With `quit_when_ready`, quit as soon as the
    window takes input. If a window is open already, show that one instead, with `opened` in it; raise StoreError if it
    does not answer.
    """
    # Set by option: a style object makes Python build all of QStyle's enumerations, a tenth of the start.
    application = Application([sys.argv[0], "-style", "fusion"])
    home = paths.home()
    notice = paths.repair_permissions(home)
    single = SingleInstance(home.window_lock)
    is_for_show = bool(screenshot or quit_when_ready)  # such a window is over at once, and needs no lock
    is_first = single.try_lock()
    if is_for_show:
        single.close()
    elif not is_first and not single.call_first_or_lock(opened):
        if model:
            sentence = tr("Phichat is already open, so --model {name} has no effect. Choose the model in the window.")
            print(sentence.format(name=model), file=sys.stderr)
        return 0
    application.setApplicationName("Phichat")
    application.setApplicationVersion(__version__)
    application.setWindowIcon(QIcon(str(i18n.resource("icons/phichat.svg"))))
    logs.start_logging(home.logs)
    had_crashed = not is_for_show and logs.enable_crash_log(home.logs)
    window = create_window(model, opened=opened, is_guest=not is_first and is_for_show, notice=notice)
    UnhandledErrors(window)
    window.show()
    if had_crashed:
        sentence = tr("Phichat closed unexpectedly last time. The logs may show why.")
        window.generation.model_loaded.connect(StartupNotice(window, sentence).show)
    single.called.connect(window.raise_window)
    for giver in (single, application):
        giver.file_given.connect(window.model_selection.open_file)
    window.closed.connect(single.close)
    QTimer.singleShot(2 * AFTER_PAINT, single.listen)
    closing = _Closing(window, screenshot)
    QTimer.singleShot(AFTER_PAINT, closing.listen)
    if screenshot or quit_when_ready:
        QTimer.singleShot(PICTURE_AFTER if screenshot else 0, closing.finish)
    status = application.exec()
    logs.disable_crash_log()
    return closing.status or status


def _theme(application: QApplication, preferences: Preferences) -> Theme:
    theme = Theme(application)
    theme.set_theme(preferences.theme, preferences.accent)
    theme.set_font(preferences.text_percent, preferences.font)
    return theme


def _make_engine(home: paths.Home, preferences: PreferencesStore, servers: ServerService) -> Engine:
    return engines.make_engine(home, lambda: preferences.current.states_gb * GB, servers.server_list())


def _connect_conversations(service: HistoryService, window: MainWindow) -> None:
    """Connect notices about the history's file, and clear the prompt cache with deleted conversations."""
    generation, autosave = window.generation, window.conversations.autosave
    autosave.erased.connect(generation.discard_cached_prompts)
    autosave.erased.connect(service.clear_prompt_cache)
    generation.cached_prompts_discarded.connect(service.clear_prompt_cache)
    service.noticed.connect(window.feedback.warn_everywhere)
    service.saved.connect(autosave.end_trouble)
    service.saved.connect(window.feedback.end_saving)
    for source in (window.conversations.current, window.conversations.history_search):
        source.progressed.connect(partial(window.feedback.progress_if_slow, type(source).__name__))
    for changed in (service.noticed, service.saved):
        changed.connect(window.conversations.commands.reload_list)


def _connect_idle_work(window: MainWindow, preferences: PreferencesStore, next_word: NextWordController) -> IdleTimer:
    """Connect what is done while nobody uses the window; return what tells when that is."""
    generation, current = window.generation, window.conversations.current
    ahead = DraftPrefill(generation, current, lambda: preferences.current.reads_ahead and on_demand.has_power(), window)
    idle_timer = IdleTimer(generation, lambda: preferences.current.rest_minutes, on_demand.has_power, window)
    window.message_commands.pinned.connect(ahead.schedule)
    for signal in (current.session_changed, current.draft_changed):
        signal.connect(idle_timer.restart)
    idle_timer.notified.connect(window.feedback.mention)
    window.closed.connect(idle_timer.close)
    idle_timer.became_idle.connect(MainThreadGC(window).collect_all)
    idle_timer.spared.connect(window.answer_lens.weigh_next)
    idle_timer.spared.connect(next_word.read_in_idle_time)
    preferences.changed.connect(idle_timer.restart)
    return idle_timer


def _connect_lens(
    window: MainWindow, theme: Theme, thread: EngineThread, preferences: PreferencesStore
) -> NextWordController:
    """Add the section "Next word" to the settings, connect it to sliders and answers, and texts to their scores."""
    scores = ScoreController(theme, TextScore(thread, window.generation, window), window)
    window.answer_lens.score_requested.connect(scores.open)
    weigher = ReplyWeigher(thread, window.generation, window.conversations.autosave, window)
    window.answer_lens.set_weigher(weigher)
    window.commands.lens.setChecked(preferences.current.has_lens)
    window.commands.lens.toggled.connect(partial(preferences.set_value, "has_lens"))
    section, places = NextWord(theme), UndecidedPlaces(window.conversations.autosave, window)
    window.closed.connect(places.close)
    window.settings_panel.add_section(section)
    section.toggled.connect(window.settings_panel.follow_section)
    shown = window.generation, window.conversations.current
    controller = NextWordController(section, thread, *shown, weigher, places, on_demand.has_power, window)
    window.settings_panel.sampling_changed.connect(controller.show_sampling)
    for changed in (window.message_commands.path_changed, window.generation.answered):
        changed.connect(controller.show_last_answer)
    return controller


def _connect_preferences(
    window: MainWindow,
    application: QApplication,
    theme: Theme,
    preferences: PreferencesStore,
    home: paths.Home,
    models: ModelService,
    servers: Servers,
    *,
    can_look: bool,
) -> PreferencesController:
    """Connect the preferences dialog, text size and reduced motion."""
    reduced_motion = ReducedMotion(application, window)
    reduced_motion.set_reduced(preferences.current.less_motion)
    text_size = TextSize(window, window.commands, theme, preferences)
    controller = PreferencesController(
        window,
        window.commands,
        theme,
        preferences,
        reduced_motion,
        home.root,
        models.access,
        models.list_models,
        hub_host(),
        servers,
        can_look=can_look,
    )
    servers.setParent(window)
    servers.removed.connect(preferences.forget_server)
    servers.altered.connect(window.model_selection.reload_from)
    for end in (controller.close, servers.close, reduced_motion.close):
        window.closed.connect(end)
    text_size.notified.connect(window.feedback.succeed)
    if application.platformName() != "offscreen":  # which has no such setting
        QTimer.singleShot(ASKED_AFTER, reduced_motion.query_system)
    return controller


def _connect_server(
    window: MainWindow,
    thread: EngineThread,
    generation: GenerationController,
    preferences: PreferencesStore,
    home: paths.Home,
) -> ModelServer:
    """Connect the server for other apps."""
    clients = ClientRequests(thread, generation, partial(on_demand.open_slots, preferences))
    server = ModelServer(clients, generation, preferences, partial(on_demand.server_key, home))
    for part in (clients, server):
        part.setParent(window)
    window.closed.connect(server.close)
    return server


def _connect_help(
    window: MainWindow,
    theme: Theme,
    preferences: PreferencesStore,
    home: paths.Home,
    diagnose: Callable[..., str],
    versions: ReleaseFeed,
) -> None:
    """Connect the Help menu and the check for new versions."""
    help_controller = HelpController(window, window.commands, theme, home.logs, diagnose, on_demand.parts)
    update_check = UpdateCheck(window, window.bars, theme, preferences, versions)
    help_controller.notified.connect(window.feedback.succeed)
    help_controller.failed.connect(window.feedback.fail)
    help_controller.progressed.connect(partial(window.feedback.progress, "help"))
    for end in (help_controller.close, update_check.close):
        window.closed.connect(end)


def _connect_notifications(
    window: MainWindow, application: QApplication, coordinator: ModelCoordinator, preferences: PreferencesStore
) -> None:
    """Connect desktop notifications."""
    notifications = DesktopNotifications(application.windowIcon(), window)
    rules = NotificationRules(window, window.generation, lambda: preferences.current.notifies, notifications.show)
    coordinator.ended.connect(rules.notify)
    notifications.clicked.connect(window.raise_window)
    window.closed.connect(notifications.hide)


class _Closing(QObject):
    """Closes the window on a Unix signal, or once it takes input, with a screenshot if one is wanted."""

    def __init__(self, window: MainWindow, screenshot: Path | None) -> None:
        super().__init__(window)
        self._window, self._screenshot = window, screenshot
        self.status = 0

    @Slot()
    def listen(self) -> None:
        """Close on Unix signals from now on."""
        UnixSignals(self).received.connect(self.interrupt)

    @Slot(int)
    def interrupt(self, number: int) -> None:
        """Close with the exit status of a signal."""
        self.status = 128 + number
        self._window.close()

    @Slot()
    def finish(self) -> None:
        """Take the screenshot, if wanted, and close."""
        if self._screenshot and not _save_picture(self._window.grab(), self._screenshot):
            print(
                tr("The screenshot couldn’t be saved to {file}. Choose another folder.").format(file=self._screenshot),
                file=sys.stderr,
            )
            self.status = 1
        self._window.close()


def _save_picture(picture: QPixmap, file: Path) -> bool:
    """Save a PNG; False if that fails. It may show private texts: in the home folder only this user can read it."""
    buffer = QBuffer()
    picture.save(buffer, "PNG")
    try:
        with files.open_private(file, "wb", shares=True) as stream:
            stream.write(buffer.data().data())
    except OSError:
        return False
    return True

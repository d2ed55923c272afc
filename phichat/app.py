"""The application: builds every part and connects them. The only file that knows everyone."""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from phichat import __version__, crashes, logs, paths, text
from phichat.diagnosing import Diagnosing
from phichat.engine.base import Engine, EngineSettings, Loaded
from phichat.errors import ModelMissing, StoreError
from phichat.store.preferences import PreferencesFile
from phichat.text import tr
from phichat.ui.answering import Answering
from phichat.ui.application import Application
from phichat.ui.archive import Archive
from phichat.ui.arrivals import Arrivals
from phichat.ui.confession import Confession
from phichat.ui.focus_ring import FocusRings
from phichat.ui.idling import Idling
from phichat.ui.language import follow_language
from phichat.ui.main_window import MainWindow
from phichat.ui.reading_ahead import ReadingAhead
from phichat.ui.remembering import Remembering
from phichat.ui.single import Single
from phichat.ui.speaking import Speaking
from phichat.ui.surroundings import Surroundings
from phichat.ui.theme import Theme
from phichat.ui.tidying import Tidying
from phichat.ui.workers import EngineThread
from phichat.updates import Updates

if TYPE_CHECKING:
    from phichat.chat.attachments import Attachment
    from phichat.models.library import Library, ModelFile
    from phichat.parts import Part
    from phichat.store.base import FileKind, Record
    from phichat.store.history import History
    from phichat.store.imports import Imported
    from phichat.store.imports import Shelf as ImportShelf
    from phichat.ui.shelf import Shelf

PICTURE_AFTER = 1200  # milliseconds: a picture shows which models there are, or the first page
PATIENCE = 10.0  # seconds for the disk to take what was written last
GB = 1_000_000_000
AFTER_PAINT = 40  # milliseconds: the window is on the screen before the model is looked for


def create_window(
    model: str | None = None,
    make_engine: Callable[[], Engine] | None = None,
    make_shelf: "Callable[[Library], Shelf] | None" = None,
    opened: Path | None = None,
) -> MainWindow:
    """The whole application under the QApplication there is; closing the window ends every thread and process.

    `model` is a name or a path, None for what was used last. It is loaded once the window can be used, by what
    `make_engine` makes; None is llama.cpp in a process of its own. `make_shelf` makes what fetches models; None is
    from the Hub. `opened` is a model's file that the person has just chosen.
    """
    application = QApplication.instance()
    assert isinstance(application, QApplication)  # noqa: S101 - the caller's duty
    follow_language(application)
    home = paths.home()
    file = PreferencesFile(home.preferences)
    preferences = file.read()
    theme = Theme(application)
    theme.choose(preferences.theme, preferences.accent)
    theme.letter(preferences.text_percent, preferences.font)
    models = _Models(home, model or preferences.model, make_shelf or (lambda library: _shelf(home, library)))
    remembering = Remembering(preferences, file.write)
    make_engine = make_engine or (lambda: _engine(home, lambda: remembering.now.states_gb * GB))
    thread = EngineThread(make_engine)
    conversations = _Conversations(home)
    archive = Archive(theme, conversations.history, (_export, _import), remembering.new_session)
    answering = Answering(thread, _settings, archive.keeping, models.checksum)
    arrivals = Arrivals(theme, models.shelf, models.library, _hub_host())
    doors = models.entries, models.find, (_kind_of, _read_text)
    window = MainWindow(theme, answering, arrivals, archive, remembering, *doors)
    for part in (theme, thread, answering, arrivals, models, conversations, archive, remembering):
        part.setParent(window)
    for end in (answering.close, arrivals.close, thread.close, archive.close, conversations.close):
        window.closed.connect(end)
    archive.keeping.erased.connect(answering.forget)
    archive.keeping.erased.connect(conversations.clear_states)
    answering.forgotten.connect(conversations.clear_states)
    remembering.states_allowed.connect(conversations.shrink_states)
    conversations.noticed.connect(window.say)
    conversations.noticed.connect(archive.read_again)
    models.first_found.connect(window.choosing.begin)
    models.spare_found.connect(answering.fall_back_on)
    models.failed.connect(window.say)
    models.searched.connect(arrivals.look)
    answering.loaded_model.connect(models.remember)
    answering.loaded_model.connect(arrivals.look)
    _connect_unasked(window, answering, remembering)
    folders = home.root, home.models, home.logs
    running = partial(_running, answering, thread)
    diagnosing = Diagnosing(home, models.library, running, make_engine)
    told = diagnosing.examine, _parts, Updates(home.versions)
    Surroundings(window, application, theme, answering, arrivals, remembering, folders, *told)
    FocusRings(theme, window)
    speaking = Speaking(answering, window)
    window.shown.connect(speaking.show)
    speaking.show(window.session)
    if opened:
        QTimer.singleShot(AFTER_PAINT, window, partial(window.choosing.open_file, str(opened)))
    QTimer.singleShot(AFTER_PAINT, models.load_first)
    QTimer.singleShot(AFTER_PAINT, archive.open)
    QTimer.singleShot(2 * AFTER_PAINT, window.prepare)
    return window


def run(
    screenshot: Path | None = None, quit_when_ready: bool = False, model: str | None = None, opened: Path | None = None
) -> int:
    """Open the window and stay until it is closed; the exit status.

    With `screenshot`, paint the window, save it there as PNG, and quit. With `quit_when_ready`, quit as soon as the
    window takes input. Where a window is open already, that one is shown, and `opened` in it. Raises StoreError if it
    does not answer.
    """
    # By option: a style that Python sees makes it build all of QStyle's enumerations, a tenth of the start.
    application = Application([sys.argv[0], "-style", "fusion"])
    single = Single(paths.home().window_lock)
    is_for_show = bool(screenshot or quit_when_ready)  # these are over at once, and disturb nobody
    if not (is_for_show or single.is_first() or single.becomes_first(opened)):
        return 0
    application.setApplicationName("Phichat")
    application.setApplicationVersion(__version__)
    application.setWindowIcon(QIcon(str(text.resource("icons/phichat.svg"))))
    logs.start(paths.home().logs)
    had_crashed = not is_for_show and crashes.watch(paths.home().logs)
    window = create_window(model, opened=opened)
    window.show()
    if had_crashed:
        window.answering.loaded_model.connect(Confession(window).make)
    single.called.connect(window.come_forward)
    for giver in (single, application):
        giver.file_given.connect(window.choosing.open_file)
    window.closed.connect(single.close)
    QTimer.singleShot(2 * AFTER_PAINT, single.listen)
    closing = _Closing(window, screenshot)
    QTimer.singleShot(AFTER_PAINT, closing.listen)
    if screenshot or quit_when_ready:
        QTimer.singleShot(PICTURE_AFTER if screenshot else 0, closing.finish)
    status = application.exec()
    crashes.end()
    return closing.status or status


def _connect_unasked(window: MainWindow, answering: Answering, remembering: Remembering) -> None:
    """What the model does while nothing is asked of it."""
    ahead = ReadingAhead(answering, lambda: remembering.now.reads_ahead and _has_power(), window)
    idling = Idling(answering, lambda: remembering.now.rest_minutes, _has_power, window)
    window.shown.connect(ahead.show)
    window.written.connect(ahead.write)
    window.acting.pinned.connect(ahead.soon)
    for signal in (window.shown, window.written):
        signal.connect(idling.awake)
    idling.told.connect(window.say_in_passing)
    window.closed.connect(idling.close)
    idling.calm.connect(Tidying(window).look_at_all)
    remembering.rest_allowed.connect(idling.awake)
    ahead.show(window.session)


class _Models(QObject):
    """The library as the window needs it, looked at once the window can be used.

    Signals: `first_found(ModelFile)` for the model to begin with, `spare_found(ModelFile)` for one to use where that
    cannot be loaded; `failed(str)` with a sentence; `searched` once it is known what there is.
    """

    first_found = Signal(object)
    spare_found = Signal(object)
    failed = Signal(str)
    searched = Signal()

    def __init__(self, home: paths.Home, wanted: str, make_shelf: "Callable[[Library], Shelf]") -> None:
        super().__init__()
        self._home, self._wanted, self._make_shelf = home, wanted, make_shelf
        self._making = threading.RLock()

    def library(self) -> "Library":
        """What is on this disk; any thread may ask."""
        with self._making:
            return self._library

    def checksum(self, path: Path) -> str | None:
        """The SHA-256 of the model in the file at `path`, if it was ever read in full."""
        try:
            return self.library().sha256(self.find(path))
        except ModelMissing:
            return None

    def shelf(self) -> "Shelf":
        """What is on the Hub, too; any thread may ask."""
        with self._making:
            return self._shelf

    @cached_property
    def _library(self) -> "Library":
        from phichat.models.library import Library  # noqa: PLC0415 - the window does not wait for it

        return Library(self._home)

    @cached_property
    def _shelf(self) -> "Shelf":
        return self._make_shelf(self.library())

    def entries(self) -> list["ModelFile"]:
        """All models on this disk."""
        return self.library().entries()

    def find(self, path: Path) -> "ModelFile":
        """The model in the file at `path`. Raises ModelMissing."""
        return self.library().find(str(path))

    @Slot()
    def load_first(self) -> None:
        """Find the model that was asked for or used last, else the default."""
        model, trouble = None, ""
        try:
            model = self.library().find(self._wanted) if self._wanted else None
        except ModelMissing as error:
            trouble = str(error)
        spare = self.library().default()
        if model := model or spare:
            self.first_found.emit(model)
        if spare and spare != model:
            self.spare_found.emit(spare)
        if trouble:
            self.failed.emit(trouble)
        self.searched.emit()

    @Slot(object)
    def remember(self, loaded: Loaded) -> None:
        """A file from anywhere that could be loaded is in the menu from now on."""
        try:
            self.library().remember(Path(loaded.path))
        except StoreError as error:
            self.failed.emit(str(error))


class _Conversations(QObject):
    """The history, opened when it is first asked for: that is once the window can be used.

    Signals: `noticed(str)` with a sentence about what became of it.
    """

    noticed = Signal(str)

    def __init__(self, home: paths.Home) -> None:
        super().__init__()
        self._home = home
        self._making = threading.Lock()
        self._history: History | None = None

    def history(self) -> "History":
        """All conversations; any thread may ask."""
        with self._making:
            if self._history is None:
                from phichat.store.history import History  # noqa: PLC0415 - the window does not wait for it

                self._history = History(self._home.history, self.noticed.emit)
            return self._history

    @Slot()
    def clear_states(self) -> None:
        """What the model remembered of them goes with conversations that are deleted for good."""
        from phichat.engine import states  # noqa: PLC0415 - rarely needed

        threading.Thread(target=states.clear, args=(self._home.states,), name="clearing").start()

    @Slot(int)
    def shrink_states(self, gigabytes: int) -> None:
        """What models remember takes no more than that from now on."""
        from phichat.engine.states import States  # noqa: PLC0415 - rarely needed

        kept = States(self._home.states, gigabytes * GB)
        threading.Thread(target=kept.shrink, name="shrinking").start()

    @Slot()
    def close(self) -> None:
        """Store what is still to be stored; a disk that does not answer is not waited for."""
        if self._history:
            closing = threading.Thread(target=self._history.close, name="closing", daemon=True)
            closing.start()
            closing.join(PATIENCE)


class _Closing(QObject):
    """Quits once the window takes input, after a picture of it if one is wanted."""

    def __init__(self, window: MainWindow, screenshot: Path | None) -> None:
        super().__init__(window)
        self._window, self._screenshot = window, screenshot
        self.status = 0

    @Slot()
    def listen(self) -> None:
        """Close when the system or Ctrl+C asks for it."""
        from phichat.ui.interrupts import Interrupts  # noqa: PLC0415 - once the window stands

        Interrupts(self).received.connect(self.interrupt)

    @Slot(int)
    def interrupt(self, number: int) -> None:
        """Close, with the status that says why."""
        self.status = 128 + number
        self._window.close()

    @Slot()
    def finish(self) -> None:
        """Take the picture, close the window."""
        if self._screenshot and not self._window.grab().save(str(self._screenshot), "PNG"):
            print(tr("The picture could not be saved as {file}.").format(file=self._screenshot), file=sys.stderr)
            self.status = 1
        self._window.close()


def _engine(home: paths.Home, budget: Callable[[], int]) -> Engine:
    from phichat.engine.host import HostedEngine  # noqa: PLC0415 - the window does not wait for it
    from phichat.engine.tuning import Memory  # noqa: PLC0415

    return HostedEngine(Memory(home.engine), states=home.states, budget=budget)


def _shelf(home: paths.Home, library: "Library") -> "Shelf":
    from phichat.shelves import shelf  # noqa: PLC0415 - the window does not wait for it

    return shelf(home, library)


def _export(records: "Iterable[Record]", file: Path) -> int:
    from phichat.store import exports  # noqa: PLC0415 - when it is wanted

    return exports.export(records, exports.format_of(file) or exports.Format.JSON, file)


def _import(file: Path, history: "ImportShelf") -> "Imported":
    from phichat.store.imports import import_file  # noqa: PLC0415 - when it is wanted

    return import_file(file, history)


def _kind_of(file: Path) -> "FileKind":
    from phichat.store.text_files import kind_of  # noqa: PLC0415 - when a file is dropped

    return kind_of(file)


def _read_text(file: Path) -> "Attachment":
    from phichat.store.text_files import read_text  # noqa: PLC0415 - as above

    return read_text(file)


def _running(answering: Answering, thread: EngineThread) -> tuple[bool, Loaded | None, int | None]:
    return answering.model is not None, answering.loaded, thread.pid


def _parts() -> tuple[list["Part"], Path | None]:
    from phichat.parts import licences, parts  # noqa: PLC0415 - when it is wanted

    return parts(), licences()


def _has_power() -> bool:
    """Whether the computer is not on its battery."""
    import psutil  # noqa: PLC0415 - once somebody writes

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is None or battery.power_plugged is not False


def _hub_host() -> str:
    """Where models come from, as people write it."""
    return urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co").netloc


def _settings(context: int) -> EngineSettings:
    from phichat.engine.tuning import suggested  # noqa: PLC0415 - the window does not wait for it

    return suggested(context)

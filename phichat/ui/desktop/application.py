"""The QApplication and what it needs: Qt's translations, Unix signals, garbage collection on the main thread."""

import builtins
import gc
from contextlib import suppress

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, QObject, QSocketNotifier, QTimer, QTranslator, Signal, Slot
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from phichat import i18n
from phichat.i18n import tr


def remove_import_hook() -> None:
    """Take away the import hook that PySide6 has installed, if it is there: it takes 20 ms at the start.

    The hook reads the source of every module that is imported later, to find those that change PySide's names with
    `from __feature__ import`, as none of ours does; https://github.com/pyzo/pyzo/pull/851 describes it.
    """
    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)


class Application(QApplication):
    """The application, which macOS asks to open files.

    Signals: `file_given(str)` when a file is to be opened.
    """

    # `event` gets the application's own events alone; an event filter would see those of all widgets.
    file_given = Signal(str)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent) and event.file():
            self.file_given.emit(event.file())
            return True
        return super().event(event)


_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class UnixSignals(QObject):
    """Delivers Unix signals while Qt's event loop runs, when Python's own handlers would wait.

    Signals: `received(int)` with the signal's number.
    """

    received = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        import signal  # noqa: PLC0415 - once the window stands: the two take 3 ms
        import socket  # noqa: PLC0415

        self._here, there = socket.socketpair()
        for end in (self._here, there):
            end.setblocking(False)
        self._there = there
        signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        for name in _NAMES:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _ignore)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_bytes)

    @Slot()
    def _on_bytes(self) -> None:
        with suppress(BlockingIOError):
            for number in self._here.recv(16):
                self.received.emit(number)


def _ignore(*_: object) -> None:
    """Handle a signal in Python, which has already written its number to the socket."""


def install_translations(application: QApplication) -> None:
    """Have Qt use the language of `i18n`, for its own texts, formats and the layout direction."""
    locale = QLocale(i18n.current_language())
    QLocale.setDefault(locale)
    for translator in application.findChildren(QTranslator):  # of another language, if there was one
        application.removeTranslator(translator)
        translator.deleteLater()
    if i18n.current_language() != "en":
        application.installTranslator(QtGaps(application))  # first, so that it is asked last
        translator = QTranslator(application)
        if load_qt_translation(translator, locale):
            application.installTranslator(translator)
    application.setLayoutDirection(locale.textDirection())  # after that, as a translation says a direction too


class QtGaps(QTranslator):
    """Translates what Qt's file dialog says and Qt's own catalogues leave out, such as in French."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._words = {"&Look in:": tr("&Look in:"), "Files of &type:": tr("Files of &type:"), "Folder": tr("Folder")}

    def isEmpty(self) -> bool:
        return False

    def translate(self, _context: str, source: str, _comment: str | None = None, _count: int = -1) -> str:
        return self._words.get(source, source)


def load_qt_translation(translator: QTranslator, locale: QLocale) -> bool:
    """Load Qt's own texts in the language of `locale` into `translator`; False if there is no such file."""
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    return translator.load(locale, "qtbase", "_", folder)


EVERY = 500  # milliseconds
YOUNG = 700  # new objects from which a collection pays: Python's own threshold
OLD = 20  # young collections after which a full one is due


class MainThreadGC(QObject):
    """Runs Python's garbage collection on the main thread while a window is open.

    Left to itself, it runs in whatever thread has just made an object, and halts all of them: for 50 ms with a long
    conversation. And Qt's objects may only be freed in the main thread.
    """

    def __init__(self, parent: QObject, every: int = EVERY) -> None:
        super().__init__(parent)
        if gc.isenabled():
            gc.disable()
            parent.destroyed.connect(_enable_gc)
        timer = QTimer(self, interval=every)
        timer.timeout.connect(self._collect_young)
        timer.start()

    @Slot()
    def collect_all(self) -> None:
        """Collect all generations, if that is due: for a moment in which nothing else goes on."""
        if gc.get_count()[2] >= OLD:
            gc.collect()

    @Slot()
    def _collect_young(self) -> None:
        if gc.get_count()[0] > YOUNG:
            gc.collect(1)


def _enable_gc() -> None:
    gc.enable()

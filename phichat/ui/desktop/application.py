"""The QApplication and what it needs: Qt's translations, Unix signals, garbage collection on the main thread."""

import gc
import signal
import socket
from contextlib import suppress

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, QObject, QSocketNotifier, QTimer, QTranslator, Signal, Slot
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from phichat import i18n


class Application(QApplication):
    """Signals: `file_given(str)` when the system wants a file to be opened."""

    # By `event`, which gets its own events alone: a filter would be asked about all events of all widgets.
    file_given = Signal(str)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent) and event.file():
            self.file_given.emit(event.file())
            return True
        return super().event(event)


_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class UnixSignals(QObject):
    """Hears signals of the system while Qt's loop runs, which Python alone would not.

    Signals: `received(int)` with the signal's number.
    """

    received = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._here, there = socket.socketpair()
        for end in (self._here, there):
            end.setblocking(False)
        self._there = there
        signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        for name in _NAMES:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _nothing)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_bytes)

    @Slot()
    def _on_bytes(self) -> None:
        with suppress(BlockingIOError):
            for number in self._here.recv(16):
                self.received.emit(number)


def _nothing(*_: object) -> None:
    """Python's part is done by writing the signal's number to the socket."""


def install_translations(application: QApplication) -> None:
    """Have Qt use the language that `text` uses."""
    locale = QLocale(i18n.current_language())
    QLocale.setDefault(locale)
    for translator in application.findChildren(QTranslator):  # of another language, if there was one
        application.removeTranslator(translator)
        translator.deleteLater()
    if i18n.current_language() != "en":
        translator = QTranslator(application)
        if load_qt_translation(translator, locale):
            application.installTranslator(translator)
    application.setLayoutDirection(locale.textDirection())  # after that, as a translation says a direction too


def load_qt_translation(translator: QTranslator, locale: QLocale) -> bool:
    """Have `translator` know Qt's own words in the language of `locale`; False where there is no such file."""
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    return translator.load(locale, "qtbase", "_", folder)


EVERY = 500  # milliseconds
SOME = 700  # new objects that make looking at them worthwhile: Python's own measure
MUCH = 20  # such looks after which all objects are looked at


class MainThreadGC(QObject):
    """Takes the place of Python's own collector while a window is open.

    That one runs in whatever thread has just made an object, and halts all of them: for a twentieth of a second where
    a long conversation is there. And where Qt's objects are garbage, only the main thread may free them.
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
        """Nothing goes on: it may take its time, if that is due."""
        if gc.get_count()[2] >= MUCH:
            gc.collect()

    @Slot()
    def _collect_young(self) -> None:
        if gc.get_count()[0] > SOME:
            gc.collect(1)


def _enable_gc() -> None:
    gc.enable()

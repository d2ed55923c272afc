"""Notices that nobody asked for: of what happened before the window opened, and of errors that nothing caught."""

import sys
import threading
import traceback
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal, Slot

from phichat.i18n import tr
from phichat.ui.window.main_window import MainWindow


class StartupNotice(QObject):
    """Shows a sentence about what happened before this window opened, once, when the start is over."""

    due = Signal(str)  # to the window, which is not kept: see `parent_window`

    def __init__(self, window: MainWindow, sentence: str) -> None:
        super().__init__(window)
        self._sentence = sentence
        self.due.connect(window.feedback.warn_everywhere)

    @Slot()
    def show(self) -> None:
        """Show it, unless that was done."""
        if self._sentence:
            self.due.emit(self._sentence)
        self._sentence = ""


class UnhandledErrors(QObject):
    """Tells of errors that nothing caught, such as one in a slot, once for each place they are raised at.

    They are logged, too, by the hooks that it finds.
    """

    _caught = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._hooks = sys.excepthook, threading.excepthook
        self._told: set[tuple[str, str, int | None]] = set()
        # Queued, as an error may come from any thread, and in the middle of anything.
        self._caught.connect(self._tell, Qt.ConnectionType.QueuedConnection)
        window.feedback.log_requested.connect(window.commands.logs.trigger)
        window.closed.connect(self.close)
        sys.excepthook, threading.excepthook = self._on_error, self._on_thread_error

    @Slot()
    def close(self) -> None:
        """Leave errors to the hooks that were there before."""
        sys.excepthook, threading.excepthook = self._hooks

    def _on_error(self, kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
        self._hooks[0](kind, error, place)
        self._note(kind, place)

    def _on_thread_error(self, args: threading.ExceptHookArgs) -> None:
        self._hooks[1](args)
        self._note(args.exc_type, args.exc_traceback)

    def _note(self, kind: type[BaseException], place: TracebackType | None) -> None:
        raised_at = traceback.extract_tb(place)[-1:]
        name = (kind.__name__, raised_at[0].filename, raised_at[0].lineno) if raised_at else (kind.__name__, "", None)
        if issubclass(kind, Exception) and name not in self._told:
            self._told.add(name)
            self._caught.emit()

    @Slot()
    def _tell(self) -> None:
        window = self.parent()
        assert isinstance(window, MainWindow)  # noqa: S101 - it was made so
        window.feedback.fail_unexpectedly(
            tr("Something went wrong. If part of the app stops responding, restart Phichat.")
        )

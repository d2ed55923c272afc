"""Ctrl+C in the terminal, and the system's wish that the program end, as a Qt signal."""

import signal
import socket
from contextlib import suppress

from PySide6.QtCore import QObject, QSocketNotifier, Signal, Slot

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupts(QObject):
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

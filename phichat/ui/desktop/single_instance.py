"""One window for each home folder: a second start shows the first one's window instead."""

import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from PySide6.QtCore import QObject, Signal, Slot

from phichat.errors import StoreError
from phichat.files import make_private, open_private, reclaim_lock
from phichat.i18n import tr

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer

PATIENCE = 5.0  # seconds for the first instance to answer, which may still be starting
NAME, LONGEST = "phichat-", 4096  # the prefix of a socket's name, and the most bytes of one
ANSWER = 1000  # milliseconds for each try
TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105 - Wayland's permission to come to the front
_FAR = 1 << 30  # the byte that is locked on Windows, so that others may read those before it
_RAISE, _YES = b"raise", b"yes"


class SingleInstance(QObject):
    """A lock on `file`, which the system releases however the process ends; the file holds the address of a socket.

    Signals: `called` when another start asks for the window; `file_given(str)` if it was given a file to open.
    """

    called = Signal()
    file_given = Signal(str)

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._lock: IO[bytes] | None = None
        self._server: QLocalServer | None = None

    def try_lock(self) -> bool:
        """Take the lock; False if another process has it. True, too, where no file can be locked at all."""
        try:
            make_private(self._file.parent)
            if self._try_file() or (reclaim_lock(self._file) and self._try_file()):
                return True
        except OSError:
            return True
        return False

    def _try_file(self) -> bool:
        lock = open_private(self._file, "a+b")
        if not _take(lock):
            lock.close()
            return False
        if not _is_at(lock, self._file):  # another process replaced the file meanwhile
            lock.close()
            return self._try_file()
        self._lock = lock
        return True

    @Slot()
    def listen(self) -> None:
        """Listen on a socket for other starts."""
        if not self._lock:
            return
        from PySide6.QtNetwork import QLocalServer  # noqa: PLC0415 - the start does not wait for it

        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_call)
        if old := self._read_address():
            QLocalServer.removeServer(old)  # left by a crash
        name = f"{NAME}{os.getpid()}-{os.urandom(6).hex()}"  # new each time: what a crash leaves is in nobody's way
        if self._server.listen(name):
            self._write_address(self._server.fullServerName())

    def call_first_or_lock(self, opened: Path | None = None) -> bool:
        """Have the first instance show its window and open `opened`; True if that one ended and this has the lock now.

        Raise StoreError if the first instance does not answer.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._call(opened):
                return False
            if self.try_lock():
                return True
            time.sleep(0.05)
        sentence = tr(
            "Phichat is already running with the data folder {folder}, but it isn’t responding. Force "
            "Phichat to quit, then start it again."
        )
        raise StoreError(sentence.format(folder=self._file.parent))

    @Slot()
    def close(self) -> None:
        """Release the lock, and stop listening."""
        if self._server:
            self._server.close()
        if self._lock:
            self._write_address("")
            self._lock.close()
            self._lock = None

    def _read_address(self) -> str:
        """Return the address of the socket; empty if the file names anything but a socket of ours."""
        with suppress(OSError, ValueError):
            name = self._file.read_bytes()[:LONGEST].decode()
            if os.name == "nt":
                return name if name.startswith(rf"\\.\pipe\{NAME}") else ""
            found = Path(name).lstat()
            if Path(name).name.startswith(NAME) and stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid():
                return name
        return ""

    def _write_address(self, name: str) -> None:
        if self._lock:
            with suppress(OSError):
                self._lock.seek(0)
                self._lock.truncate()
                self._lock.write(name.encode())
                self._lock.flush()

    def _call(self, opened: Path | None) -> bool:
        from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415 - most starts are the first

        name, socket = self._read_address(), QLocalSocket()
        if not name:
            return False
        socket.connectToServer(name)
        if not socket.waitForConnected(ANSWER):
            return False
        words = _RAISE, os.environ.get(TOKEN, "").encode(), quote(os.fsencode(opened or "")).encode()
        socket.write(b" ".join(words) + b"\n")
        return socket.waitForReadyRead(ANSWER) and bytes(socket.readAll().data()).startswith(_YES)

    @Slot()
    def _on_call(self) -> None:
        while self._server and (socket := self._server.nextPendingConnection()):
            socket.setParent(self)
            socket.disconnected.connect(socket.deleteLater)
            socket.readyRead.connect(self._on_words)

    @Slot()
    def _on_words(self) -> None:
        from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415 - loaded by `listen` already

        socket = self.sender()
        if not isinstance(socket, QLocalSocket) or not socket.canReadLine():
            return
        word, token, file = (*bytes(socket.readLine().data()).rstrip(b"\n").split(b" "), b"", b"")[:3]
        if word != _RAISE:
            return
        if token:
            os.environ[TOKEN] = token.decode(errors="replace")
        socket.write(_YES + b"\n")
        self.called.emit()
        if file:
            self.file_given.emit(os.fsdecode(unquote_to_bytes(file)))


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether `path` still names the open `file`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _take(file: IO[bytes]) -> bool:
    """Lock `file`; False if another process has. True where the file system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows only

            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True

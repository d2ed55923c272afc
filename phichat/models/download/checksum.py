"""Compute SHA-256 checksums; of a growing file too, in a thread that reads behind the writer."""

import errno
import hashlib
import os
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path

from phichat.cancellation import CancelToken

_READ_BYTES = 1 << 20  # bytes read at once
_SYNC_EVERY = 64 << 20  # bytes a power cut may lose, about


def file_sha256(path: Path, stop: CancelToken) -> str:
    """Return the SHA-256 of a file; "" once stopped, or if it cannot be read."""
    found = hashlib.sha256()
    with suppress(OSError), FileIO(path) as file:
        while data := file.read(_READ_BYTES):
            if stop.is_set():
                return ""
            found.update(data)
        return found.hexdigest()
    return ""


class RunningChecksum:
    """Hashes a file while it is written. It reads from disk, so errors of network, memory and disk are all found."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self._until = 0
        self._is_ending = False
        self._news = threading.Condition()
        self._error: OSError | None = None
        self.done = 0
        self._synced = 0
        self._thread = threading.Thread(target=self._run, name="checksum", daemon=True)
        self._thread.start()

    def advance(self, until: int) -> None:
        """Tell the thread that the first `until` bytes are written."""
        with self._news:
            self._until = until
            self._news.notify()

    def digest(self) -> str:
        """Wait for the thread and return the SHA-256 of all written bytes. Raise OSError."""
        self._end(finishing=True)
        if self._error:
            raise self._error
        return self._hash.hexdigest()

    def close(self) -> None:
        """Stop the thread without a result."""
        self._end(finishing=False)

    def _end(self, *, finishing: bool) -> None:
        with self._news:
            self._is_ending = True
            self._until = self._until if finishing else 0
            self._news.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            with FileIO(self._path) as file:
                buffer = memoryview(bytearray(_READ_BYTES))
                while self._wait():
                    self._read(file, buffer)
                    self._sync(file)
        except OSError as error:
            self._error = error

    def _wait(self) -> bool:
        """Wait until there is something to read; return False at the end."""
        with self._news:
            self._news.wait_for(lambda: self._is_ending or self._until > self.done)
            return self._until > self.done

    def _read(self, file: FileIO, buffer: memoryview) -> None:
        count = file.readinto(buffer[: self._until - self.done])
        if not count:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._hash.update(buffer[:count])
        self.done += count

    def _sync(self, file: FileIO) -> None:
        """Sync now and then, here rather than in the writer: it takes long on a slow disk."""
        if self.done - self._synced >= _SYNC_EVERY:
            self._synced = self.done
            with suppress(OSError):  # some systems refuse it for a file opened for reading
                os.fsync(file.fileno())

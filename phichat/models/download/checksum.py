"""Computes a file's SHA-256 while the file still grows, from what is on the disk, in a thread of its own."""

import errno
import hashlib
import os
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path

from phichat.cancellation import CancelToken

_READ_BYTES = 1 << 20  # bytes read at once
_SYNC_EVERY = 64 << 20  # bytes a power cut may cost, about


def file_sha256(path: Path, stop: CancelToken) -> str:
    """The SHA-256 of a file that does not grow; empty once stopped, or where it cannot be read."""
    found = hashlib.sha256()
    with suppress(OSError), FileIO(path) as file:
        while data := file.read(_READ_BYTES):
            if stop.is_set():
                return ""
            found.update(data)
        return found.hexdigest()
    return ""


class RunningChecksum:
    """Reads behind the one who writes. What a cable or a memory garbles is found like what a disk does."""

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
        """The file's first `until` bytes are written."""
        with self._news:
            self._until = until
            self._news.notify()

    def digest(self) -> str:
        """The SHA-256 of all that was written, once it is read. Raises OSError where it cannot be."""
        self._end(finishing=True)
        if self._error:
            raise self._error
        return self._hash.hexdigest()

    def close(self) -> None:
        """Give up."""
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
        """Until there is something to read; false once there will be nothing more."""
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
        """Here, as it takes long on a slow disk, and the one who writes shall not wait for it."""
        if self.done - self._synced >= _SYNC_EVERY:
            self._synced = self.done
            with suppress(OSError):  # of a file opened for reading, some systems do not
                os.fsync(file.fileno())

"""File locks: one program at a time opens or replaces the history.

The folder itself is locked, so that no lock file is left behind.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phichat.files import is_held_by_another_user, make_private, open_private
from phichat.store import connections
from phichat.store.failures import DatabaseInUse

FileId = tuple[int, int]
"""Device and inode: tells a file from another one that took its name."""

SHARED_LOCK_RANGE = (510, 0x4000_0000 + 2)
"""Length and start of the byte range in which SQLite takes its shared and exclusive locks (os.h, "PENDING_BYTE")."""


def file_id(file: Path) -> FileId | None:
    """Return the device and inode of `file`; None if it does not exist."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def file_state(file: Path) -> tuple[tuple[int, int], ...]:
    """Return time and size of `file` and of its write-ahead log, which change with every write to them."""
    return tuple(_time_and_size(path) for path in (file, file.with_name(file.name + "-wal")))


def _time_and_size(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on `folder`, against other threads too. Raise DatabaseInUse after BUSY_TIMEOUT.

    A file system without locks is not locked, nor is Windows, which replaces no file that is open anywhere.
    """
    if os.name == "nt":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _lock(descriptor, folder):
            yield
            return
    finally:
        os.close(descriptor)
    with _lock_by_file(folder / ".locks" / "history.lock"):
        yield


@contextmanager
def _lock_by_file(lock: Path) -> Iterator[None]:
    """Lock a private file instead: another user, who could once open the folder, keeps that locked."""
    make_private(lock.parent)
    with open_private(lock, "ab") as file:
        _lock(file.fileno(), lock)
        yield


def _lock(descriptor: int, place: Path) -> bool:
    """Lock the open file or folder; False if only other users hold its lock. Raise DatabaseInUse."""
    import fcntl  # noqa: PLC0415 - not on Windows

    until = time.monotonic() + connections.BUSY_TIMEOUT
    with suppress(OSError):  # a file system without locks
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if is_held_by_another_user(place):
                    return False
                if time.monotonic() > until:
                    raise DatabaseInUse from error
                time.sleep(0.02)
            else:
                return True
    return True


def require_exclusive_access(file: Path) -> None:
    """Raise DatabaseInUse if another program has the file open: it would go on writing after the file was replaced.

    This program must not have it open: closing the file here drops all of the process's POSIX locks on it.
    """
    if os.name == "nt":
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    with file.open("r+b") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, *SHARED_LOCK_RANGE)
        except BlockingIOError as error:
            if not is_held_by_another_user(file):
                raise DatabaseInUse from error
        except OSError:  # a file system without locks
            return

"""One program at a time opens or replaces the history: the folder itself is what is locked, so that no file is left."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phichat.files import is_held_by_another_user, make_private, open_private
from phichat.store import migrations
from phichat.store.failures import DatabaseInUse

FileId = tuple[int, int]
"""Where a file's content lies: device and number. Another file of the same name has another one."""

SHARED_LOCK_RANGE = (510, 0x4000_0000 + 2)
"""How many bytes SQLite's readers and writers lock one of or all, and where they begin (os.h, "PENDING_BYTE")."""


def file_id(file: Path) -> FileId | None:
    """Where the content of `file` lies; None if there is no such file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """No other thread or program is in here meanwhile. Raises InUse if one is for too long.

    Where there are no such locks, everybody is let in; Windows, for one, replaces no file that anybody has open.
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
    """The same by a file that only we can open: another user, who could once read the folder, keeps that locked."""
    make_private(lock.parent)
    with open_private(lock, "ab") as file:
        _lock(file.fileno(), lock)
        yield


def _lock(descriptor: int, place: Path) -> bool:
    """Lock what is open; false where other users alone hold the lock. Raises InUse."""
    import fcntl  # noqa: PLC0415 - not everywhere

    until = time.monotonic() + migrations.BUSY_TIMEOUT
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
    """Raises InUse if another program has: it would go on writing to what was set aside.

    Nothing of this program may have it open, as its locks would be gone.
    """
    if os.name == "nt":
        return
    import fcntl  # noqa: PLC0415 - not everywhere

    with file.open("r+b") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, *SHARED_LOCK_RANGE)
        except BlockingIOError as error:
            if not is_held_by_another_user(file):
                raise DatabaseInUse from error
        except OSError:  # a file system without locks
            return

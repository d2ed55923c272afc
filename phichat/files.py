"""Private folders and files: creation, atomic writes, permission repair, and locks.

What is private is created with its mode: 0700 for a folder, 0600 for a file. On Windows, Python (3.11.10, 3.12.4 and
later) gives a folder of mode 0700 an access list of this user and administrators alone, which files in it inherit.
"""

import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The permission bits of everybody but the owner."""

_UNTRUSTED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags to open a file that another user may have put there: a link is refused, and a pipe does not block."""

_DEVICE = re.compile("con|prn|aux|nul|(com|lpt)[1-9\u00b9\u00b2\u00b3]", re.IGNORECASE)
"""Names of devices on Windows, whatever their suffix."""


def make_private(folder: Path) -> None:
    """Create `folder`, and what is missing above it, with mode 0700; one that exists stays as it is. Raise OSError."""
    if not folder.parent.exists():
        make_private(folder.parent)
    folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)


def is_there(path: Path) -> bool:
    """Return whether there is anything at `path`, be it a broken link. Raise OSError if that cannot be told.

    `Path.exists` takes whatever cannot be read for missing, and what is thought missing may be overwritten.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_private(folder: Path) -> bool:
    """Return whether other users are kept out of `folder`; one that does not exist yet will be private.

    On Windows that is so within the user's profile, whose access list others are not in.
    """
    if os.name == "nt":
        profile = user_folder()
        return profile is not None and folder.absolute().is_relative_to(profile)
    try:
        found = folder.stat()
    except OSError:
        return True
    return not found.st_mode & OTHERS and (found.st_uid == os.getuid() or os.getuid() == 0)


def user_folder() -> Path | None:
    """Return the user's home folder, None if the system knows none."""
    try:
        return Path.home().resolve()
    except (RuntimeError, OSError):
        return None


def mode_for(path: Path) -> int:
    """Return the mode for a new file at `path`, in a folder the user chose: 0600 if the folder is private.

    In a folder that others may read, it is left to the umask, as with any other program; a file that is replaced keeps
    its mode.
    """
    if is_private(path.parent):
        return 0o600
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o666
    except OSError:
        return 0o666


def open_private(path: Path, mode: str = "w", *, shares: bool = False, trusts: bool = True, **options: Any) -> IO[Any]:
    """Open `path` as `open` does; a new file has mode 0600, or with `shares` that of `mode_for`. Raise OSError.

    Without `trusts`, a link or a pipe in the place of the file is refused: in a shared folder, another user may have
    put it there.
    """
    bits = mode_for(path) if shares else 0o600
    more = 0 if trusts else _UNTRUSTED
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | more, bits), **options)


def create_private(path: Path) -> None:
    """Create an empty file with mode 0600 unless there is one, for a library that would make it readable.

    A file that exists is not even opened: closing it would take away the locks that this process has on it. A link is
    the user's own, and what it names is made.
    """
    with suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


@contextmanager
def atomic_write(
    path: Path, mode: str = "w", *, shares: bool = False, syncs: bool = True, **options: Any
) -> Iterator[IO[Any]]:
    """Write a new file that takes the place of `path` once it is whole. Raise OSError; then `path` is as it was.

    With `syncs` its bytes are on the disk before, so that a power cut leaves the old file or the new one.
    """
    fresh = path.with_name(f".{path.name[:100]}.{os.getpid()}-{threading.get_ident()}.new")
    bits = mode_for(path) if shares else 0o600
    try:
        with suppress(FileNotFoundError):  # of a process that was killed, and had the same number
            fresh.unlink()
        opener = lambda name, flags: os.open(name, flags | os.O_EXCL, bits)  # noqa: E731 - as `open` takes it
        with open(fresh, mode, opener=opener, **options) as file:
            yield file
            file.flush()
            if syncs:
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def without_device(name: str) -> str:
    """Return a file's `name`, with `_` before it if Windows takes it for a device, such as `con.json`."""
    return f"_{name}" if _DEVICE.fullmatch(name.partition(".")[0].rstrip()) else name


def read_untrusted(path: Path, most: int) -> bytes:
    """Return what is in a regular file of at most `most` bytes, whoever made it. Raise OSError for anything else."""
    descriptor = os.open(path, os.O_RDONLY | _UNTRUSTED | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise OSError(f"{path} is no small file")
        return file.read(most)


def restrict_to_owner(path: Path) -> bool:
    """Remove the permissions of other users on `path`; return whether there were any. Links are left alone.

    Not for a database: closing it again takes away the locks that this process has on it.
    """
    if os.name == "nt":
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | _UNTRUSTED)
        try:
            found = os.fstat(descriptor)
            if not found.st_mode & OTHERS or found.st_uid != os.getuid():
                return False
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~OTHERS)
            return True
        finally:
            os.close(descriptor)
    except OSError:
        return False


def is_open_to_others(path: Path) -> bool:
    """Return whether other users have any permission on the file at `path`, or it has another hard link."""
    try:
        found = path.stat()
    except OSError:
        return False
    is_open = found.st_mode & OTHERS or found.st_nlink > 1
    return os.name != "nt" and stat.S_ISREG(found.st_mode) and bool(is_open)


def is_held_by_another_user(path: Path) -> bool:
    """Return whether `path` is locked, and by processes of other users alone. Linux only; elsewhere False.

    Such a lock was taken while everybody could open the file, and no process of ours relies on it.
    """
    try:
        wanted = path.stat().st_ino
        locks = Path("/proc/locks").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return False
    # Such as `1: POSIX  ADVISORY  WRITE 709 fd:01:131 0 EOF`; the device is left out, as some disks have two.
    pattern = re.compile(rf"\d+: (\w+) +\w+ +\w+ +(-?\d+) \w+:\w+:{wanted} ")
    holders = [(found[1], int(found[2])) for line in locks if (found := pattern.match(line))]
    return bool(holders) and all(kind == "OFDLCK" or _is_foreign(process) for kind, process in holders)


def reclaim_lock(lock: Path) -> bool:
    """Delete the lock file `lock` if other users alone hold it, so that it can be taken; return whether it was.

    Two processes of ours do so in turn: else the second could delete the file that the first has just locked.
    """
    if sys.platform != "linux" or not is_held_by_another_user(lock):
        return False
    import fcntl  # noqa: PLC0415 - not on Windows

    with suppress(OSError), open_private(lock.with_name(f"{lock.name}.reclaim"), "ab") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if is_held_by_another_user(lock):
            lock.unlink()
            return True
    return False


def _is_foreign(process: int) -> bool:
    """Return whether a user other than this one and root started `process`."""
    if process <= 0:  # outside of a container, perhaps one of ours
        return False
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8", "replace")
    except OSError:  # hidden from us, or just gone
        return True
    real = re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)
    return real is not None and int(real[1]) not in {0, os.getuid()}

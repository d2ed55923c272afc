"""Folders and files that only this user may read: how everything the app writes is made.

What is private has its mode from the first moment: 0700 for a folder, 0600 for a file. On Windows a folder takes the
access list of the one it is in, which in a user's profile lets in that user and administrators alone.
"""

import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""What everybody but the owner may do."""

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


def make_private(folder: Path) -> None:
    """Create `folder`, and what is missing above it, with mode 0700; one that exists stays as it is. Raise OSError."""
    if not folder.parent.exists():
        make_private(folder.parent)
    folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)


def is_private(folder: Path) -> bool:
    """Return whether other users are kept out of `folder`; one that does not exist yet will be private.

    On Windows that is so within the user's profile, whose access list others are not in.
    """
    if os.name == "nt":
        return folder.absolute().is_relative_to(Path.home())
    try:
        return not folder.stat().st_mode & OTHERS
    except OSError:
        return True


def mode_for(path: Path) -> int:
    """Return the mode for a new file at `path`, where others may have a say: private in a private folder only.

    In a folder that a person shares, a file is what the umask makes of it, as with any other program.
    """
    return 0o600 if is_private(path.parent) else 0o666


def open_private(path: Path, mode: str = "w", *, shares: bool = False, **options: Any) -> IO[Any]:
    """Open `path` as `open` does; a new file has mode 0600, or with `shares` that of `mode_for`. Raise OSError.

    With `shares`, a link in the place of the file is refused: in a shared folder, another user may have put it there.
    """
    bits = mode_for(path) if shares else 0o600
    more = _NO_LINKS if shares else 0
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | more, bits), **options)


def create_private(path: Path) -> None:
    """Create an empty file with mode 0600 unless there is one, for a library that would make it readable.

    A file that exists is not even opened: closing it would take away the locks that this process has on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


@contextmanager
def atomic_write(
    path: Path, mode: str = "w", *, shares: bool = False, syncs: bool = True, **options: Any
) -> Iterator[IO[Any]]:
    """Write a new file that takes the place of `path` once it is whole. Raise OSError; then `path` is as it was.

    With `syncs` its bytes are on the disk before, so that a power cut leaves the old file or the new one.
    """
    fresh = path.with_name(f".{path.name[:100]}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        with suppress(FileNotFoundError):  # of a process that was killed, and had the same number
            fresh.unlink()
        with open_private(fresh, mode, shares=shares, **options) as file:
            yield file
            file.flush()
            if syncs:
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def narrow(path: Path) -> bool:
    """Take from others what they may do with `path`; return whether there was anything. Links are left alone."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS or not _is_ours(found):
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except OSError:
        return False
    return not path.lstat().st_mode & OTHERS


def is_held_by_another_user(path: Path) -> bool:
    """Return whether locks on `path` are there, and all of them other users'. Linux alone tells; elsewhere False.

    Such a lock was taken while the file could be read by everybody, and nothing of ours stands behind it.
    """
    try:
        wanted = path.stat().st_ino
        locks = Path("/proc/locks").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return False
    # Such as `1: POSIX  ADVISORY  WRITE 709 fd:01:131 0 EOF`; the device is left out, as some disks have two.
    pattern = re.compile(rf"\d+: \w+ +\w+ +\w+ +(-?\d+) \w+:\w+:{wanted} ")
    holders = [int(found[1]) for line in locks if (found := pattern.match(line))]
    return bool(holders) and all(map(_is_foreign, holders))


def reclaim(lock: Path, *, shares: bool = False) -> bool:
    """Remove the file `lock` if other users alone hold it, so that the next one to take it is ours; return whether.

    With `shares`, they may in a folder that they can read: there nothing is removed.
    """
    if (shares and not is_private(lock.parent)) or not is_held_by_another_user(lock):
        return False
    with suppress(OSError):
        lock.unlink()
        return True
    return False


def _is_foreign(process: int) -> bool:
    """Whether another user runs `process`; the administrator may do anything, and is none."""
    if process <= 0:  # outside of a container, perhaps one of ours
        return False
    try:
        return Path(f"/proc/{process}").stat().st_uid not in {0, os.getuid()}
    except OSError:  # hidden from us, or just gone
        return True


def _is_ours(found: os.stat_result) -> bool:
    return os.name != "nt" and found.st_uid == os.getuid()

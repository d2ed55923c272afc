"""Archives that documents come in: members of a zip file, unpacked in memory within a limit and never onto the disk."""

import errno
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from phichat.documents.readers.source import damaged
from phichat.errors import DocumentTooLarge
from phichat.i18n import format_size, tr

MOST_UNPACKED = 500_000_000  # bytes of all members that are read
MOST_MEMBERS = 50_000
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What zipfile raises for archives that are damaged, or packed in a way that Python does not know."""

_CHUNK = 64 * 1024


class Archive:
    """A zip file. Its members' names are keys and nothing else: none becomes a path."""

    def __init__(self, file: zipfile.ZipFile, name: str) -> None:
        self._file, self._name = file, name
        self._left = MOST_UNPACKED
        self._members = {info.filename: info for info in file.infolist()}

    @property
    def names(self) -> list[str]:
        """The names of all members, in their order."""
        return list(self._members)

    def __contains__(self, member: str) -> bool:
        return member in self._members

    def is_encrypted(self) -> bool:
        """Return whether any member is encrypted by the archive itself."""
        return any(info.flag_bits & 1 for info in self._members.values())

    def chunks(self, member: str) -> Iterator[bytes]:
        """Yield the content of `member`. Raise KeyError, one of BROKEN, and DocumentTooLarge."""
        with _invalid_is_damaged(), self._file.open(self._members[member]) as opened:
            while chunk := opened.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise _too_large(self._name)
                yield chunk

    def read(self, member: str) -> bytes:
        """Return the content of `member`. Raise as `chunks`."""
        return b"".join(self.chunks(member))


@contextmanager
def open_archive(path: Path, name: str) -> Iterator[Archive]:
    """Open a zip file. Raise DocumentError if it is none, or has too many members."""
    with path.open("rb") as opened:
        if _claimed_members(opened) > MOST_MEMBERS:
            raise _too_large(name)
        try:
            with _invalid_is_damaged():
                file = zipfile.ZipFile(opened)
        except BROKEN as error:
            raise damaged(name) from error
        with file:
            yield Archive(file, name)


@contextmanager
def _invalid_is_damaged() -> Iterator[None]:
    """Turn errors about a place outside of the file, and those that no call of the system gave, into one about damage.

    Others are the disk's; bz2 tells of damage by an OSError without a number.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.EINVAL, None}:
            raise zipfile.BadZipFile(str(error)) from error
        raise
    except Exception as error:
        if type(error).__name__ == "LZMAError":  # its module is not in every Python
            raise zipfile.BadZipFile(str(error)) from error
        raise


def _claimed_members(file: IO[bytes]) -> int:
    """Return how many members the end of a zip file tells, before zipfile makes an object for each."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - _CHUNK - 22))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    told = int.from_bytes(tail[at + 10 : at + 12], "little") if at >= 0 else 0
    directory = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    return max(told, min(directory, size) // 46 if told == 0xFFFF else 0)


def _too_large(name: str) -> DocumentTooLarge:
    return DocumentTooLarge(
        tr("{name} is too large to read when unpacked (the limit is {limit}). Split it, then add the parts.").format(
            name=name, limit=format_size(MOST_UNPACKED)
        )
    )

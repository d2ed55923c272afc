"""Classify errors of the database, and phrase them for the user."""

import errno
import sqlite3
from enum import Enum, auto
from pathlib import Path

from phichat.errors import StoreError
from phichat.i18n import N_, tr


class FailureKind(Enum):
    """Kinds of failure that are handled differently."""

    DAMAGED = auto()
    FULL = auto()
    REFUSED = auto()
    LOCKED = auto()
    NEWER = auto()
    BROKEN = auto()
    """The disk fails to read or write (SQLITE_IOERR)."""
    OTHER = auto()


TEMPORARY_FAILURES = {FailureKind.FULL, FailureKind.REFUSED, FailureKind.LOCKED, FailureKind.NEWER, FailureKind.BROKEN}
"""Failures to write that may pass: conversations are kept in memory meanwhile."""


class NewerHistory(Exception):
    """The file was created by a later version of the app."""


class HistoryGone(sqlite3.OperationalError):
    """The file was open, and is no longer there: its disk may have been removed."""

    sqlite_errorcode = sqlite3.SQLITE_IOERR


class DatabaseInUse(sqlite3.OperationalError):
    """Another program has the file open, so that it cannot be replaced."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


class DatabaseDamaged(sqlite3.DatabaseError):
    """The file's content is not what it should be."""


_KINDS_BY_SQLITE_CODE = {
    sqlite3.SQLITE_CORRUPT: FailureKind.DAMAGED,
    sqlite3.SQLITE_NOTADB: FailureKind.DAMAGED,
    sqlite3.SQLITE_FULL: FailureKind.FULL,
    sqlite3.SQLITE_READONLY: FailureKind.REFUSED,
    sqlite3.SQLITE_CANTOPEN: FailureKind.REFUSED,
    sqlite3.SQLITE_PERM: FailureKind.REFUSED,
    sqlite3.SQLITE_BUSY: FailureKind.LOCKED,
    sqlite3.SQLITE_LOCKED: FailureKind.LOCKED,
    sqlite3.SQLITE_IOERR: FailureKind.BROKEN,
}

_SIGNS_OF_SCHEMA_DAMAGE = ("no such", "no column", "malformed", "vtable", "fts5")


def classify_error(error: BaseException) -> FailureKind:
    """Return the kind of failure that `error` is."""
    match error:
        case NewerHistory():
            return FailureKind.NEWER
        case DatabaseDamaged() | UnicodeDecodeError():
            return FailureKind.DAMAGED
        case sqlite3.Error():
            code = getattr(error, "sqlite_errorcode", None)
            if code is None:  # raised by Python's module itself
                return FailureKind.DAMAGED if "decode" in str(error).lower() else FailureKind.OTHER
            # A missing table or column is not a bug: the schema itself was damaged.
            is_schema = code == sqlite3.SQLITE_ERROR and any(sign in str(error) for sign in _SIGNS_OF_SCHEMA_DAMAGE)
            return FailureKind.DAMAGED if is_schema else _kind_of_code(code)
        case OSError():
            return FailureKind.FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else FailureKind.REFUSED
    return FailureKind.OTHER


def _kind_of_code(code: int) -> FailureKind:
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # there is no room for the index of the write-ahead log
        return FailureKind.FULL
    return _KINDS_BY_SQLITE_CODE.get(code & 0xFF, FailureKind.OTHER)


_MESSAGES = {
    FailureKind.NEWER: N_(
        "{file} was made by a newer version of Phichat, so this version can’t open it. The file hasn’t been "
        "changed. Update Phichat to see the conversations in it."
    ),
    FailureKind.FULL: N_(
        "The disk that contains {folder} is full. New messages are only kept in memory until you free up space."
    ),
    FailureKind.REFUSED: N_(
        "Phichat can’t write to {folder}. New messages are only kept in memory. Check the folder’s permissions."
    ),
    FailureKind.LOCKED: N_(
        "Another app is using {file}. New messages are only kept in memory until the file is available again."
    ),
    FailureKind.BROKEN: N_(
        "The disk that contains {folder} isn’t working properly. New messages are only kept in memory. Check the disk."
    ),
    FailureKind.DAMAGED: N_(
        "{file} is damaged and couldn’t be recovered. Restore it from a backup, or move it to another "
        "folder to start over."
    ),
    FailureKind.OTHER: N_("The history couldn’t be opened: {reason}. Restart Phichat."),
}

_GUEST_MESSAGES = {
    FailureKind.FULL: N_("Phichat can’t save to {folder}, because the disk is full. Free up space, then try again."),
    FailureKind.REFUSED: N_("Phichat can’t write to {folder}. Check the folder’s permissions."),
    FailureKind.LOCKED: N_(
        "Phichat can’t write to {file}, because another app is using it. Close that app, then try again."
    ),
    FailureKind.BROKEN: N_("Phichat can’t write to {folder}, because the disk isn’t working properly. Check the disk."),
}
"""For a command, which ends before what it keeps in memory could be saved."""


def error_message(error: BaseException, file: Path, *, is_guest: bool = False) -> str:
    """Return the message for the user."""
    kind = classify_error(error)
    message = (_GUEST_MESSAGES.get(kind) if is_guest else None) or _MESSAGES[kind]
    return tr(message).format(file=file, folder=file.parent, reason=error)


def as_store_error(error: BaseException, file: Path, *, is_guest: bool = False) -> StoreError:
    """Return a StoreError with a message for the user and `error` as its cause."""
    if isinstance(error, StoreError):
        return error
    found = StoreError(error_message(error, file, is_guest=is_guest))
    found.__cause__ = error
    return found

"""Reading text files to attach: recognised, limited in size, and decoded."""

import locale
import os
import stat
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from pathlib import Path
from typing import TYPE_CHECKING

from phichat import gguf
from phichat.chat.attachments import Attachment
from phichat.errors import StoreError
from phichat.exchange.imports import holds_conversations
from phichat.i18n import format_sizes, tr
from phichat.store.base import FileKind
from phichat.unicode import replace_surrogates

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

MOST = 1_000_000
"""The largest file in bytes. The longest context of a small model holds about half of that."""

GGUF = b"GGUF"
BEGINNING = 512  # bytes that tell a model from anything else
CONTROLS = 1000
"""A file with more than one unusual control character in this many is not text."""

_MARKS = {
    BOM_UTF32_LE: "utf-32", BOM_UTF32_BE: "utf-32",  # before UTF-16, whose mark theirs begins with
    BOM_UTF8: "utf-8-sig", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16",
}  # fmt: skip
_OLDER = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp932",
    "cp949", "gb18030", "big5", "euc_jp", "koi8_r",
)  # fmt: skip
"""Encodings to guess from; more candidates make the guesses worse."""

_CYRILLIC = {"cp1251", "koi8_r"}  # what is text in one is text in the other, with other letters
_FREQUENT = "оеаинтсрвл"

_USUAL = frozenset("\t\n\r\f\v\b\x1b\x85")  # with the escape of a log's colours


def kind_of(file: Path) -> FileKind:
    """Return what a dropped file is. One that cannot be read counts as text, as `read_text` reports why."""
    ending = ".gguf" if gguf.is_piece(file.name) else file.suffix.lower()
    if ending in {".gguf", ".zip"}:
        return FileKind.MODEL if ending == ".gguf" else FileKind.CONVERSATIONS
    if ending in {".json", ".jsonl", ".ndjson"} and holds_conversations(file):
        return FileKind.CONVERSATIONS
    try:
        with file.open("rb") as opened:
            begin = opened.read(BEGINNING)
            is_model = begin.startswith(GGUF) or gguf.is_foreign_model(begin)
            return FileKind.MODEL if is_model else FileKind.TEXT
    except OSError:
        return FileKind.TEXT


def read_text(file: Path) -> Attachment:
    """Return the file as an attachment. Raise StoreError."""
    name = replace_surrogates(file.name)
    try:
        text = _decoded(_bytes(file, name))
    except OSError as error:
        raise StoreError(_trouble(error, name)) from error
    if text is None:
        raise StoreError(tr("{name} isn’t a text file. Only text files can be attached.").format(name=name))
    text = replace_surrogates(text).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise StoreError(tr("{name} is empty, so it can’t be attached.").format(name=name))
    return Attachment(name, text)


def decode_text(data: bytes) -> str | None:
    """Return the text that `data` holds, in whatever encoding; None if it is not text."""
    return _decoded(data)


def _bytes(file: Path, name: str) -> bytes:
    status = file.stat()
    if stat.S_ISDIR(status.st_mode):
        raise StoreError(tr("{name} is a folder. Attach the files inside it instead.").format(name=name))
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would block
        raise StoreError(tr("{name} isn’t a text file. Only text files can be attached.").format(name=name))
    with file.open("rb") as opened:
        data = opened.read(MOST + 1)
    if len(data) > MOST:
        size, most = format_sizes(max(status.st_size, len(data)), MOST)
        raise StoreError(
            tr("{name} is too large to attach ({size}; the limit is {limit}). Attach part of it instead.").format(
                name=name, size=size, limit=most
            )
        )
    return data


def _decoded(data: bytes) -> str | None:
    """Return the text; None if it is not text."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return _if_text(data.decode(encoding, "replace"))
    if b"\0" in data:
        return _if_text(_without_mark(data))
    try:
        return _if_text(data.decode("utf-8"))
    except UnicodeDecodeError:
        return _if_text(_guessed(data))


def _without_mark(data: bytes) -> str:
    """Decode UTF-16 that does not say so: every other byte of most letters is a NUL. Return a NUL for anything else."""
    halves = (data[1::2].count(0), "utf-16-le"), (data[::2].count(0), "utf-16-be")
    (most, encoding), (fewest, _) = sorted(halves, reverse=True)
    return data.decode(encoding, "replace") if not fewest and 3 * most > len(data) and len(data) % 2 == 0 else "\0"


def _guessed(data: bytes) -> str:
    """Decode with the likeliest encoding, of equals the usual one; return a NUL if none fits."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - most files are UTF-8

    found = list(from_bytes(data, cp_isolation=list(_OLDER)))
    equals = [match for match in found if (match.chaos, match.coherence) == (found[0].chaos, found[0].coherence)]
    stranger = sorted((match for match in equals if match.encoding in _CYRILLIC), key=_strangeness)[1:]
    equals = [match for match in equals if match not in stranger]
    for usual in (locale.getencoding(), "cp1252", "cp1251"):
        for match in equals:
            if usual in match.could_be_from_charset:
                return str(match)
    return str(equals[0]) if equals else "\0"


def _strangeness(match: "CharsetMatch") -> int:
    """Return how few of the letters are frequent ones in Russian, below zero."""
    words = str(match).lower()
    return -sum(map(words.count, _FREQUENT))


def _if_text(text: str) -> str | None:
    odd = (letter for letter in set(text) - _USUAL if unicodedata.category(letter) == "Cc")
    return text if sum(map(text.count, odd)) <= len(text) // CONTROLS else None


def _trouble(error: OSError, name: str) -> str:
    if isinstance(error, FileNotFoundError):
        return tr("{name} no longer exists. It may have been moved, renamed, or deleted.").format(name=name)
    if isinstance(error, PermissionError):
        return tr("You don’t have permission to read {name}. Change its permissions, or attach a copy.").format(
            name=name
        )
    reason = error.strerror or os.strerror(error.errno or 0)
    return tr("{name} couldn’t be read: {reason}. Check that its disk is connected.").format(name=name, reason=reason)

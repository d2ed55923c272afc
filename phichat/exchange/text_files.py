"""Reading text files to attach: recognised, limited in size."""

import stat
from pathlib import Path

from phichat import gguf
from phichat.chat.attachments import Attachment
from phichat.encodings import decode_text
from phichat.errors import StoreError
from phichat.exchange.imports import holds_conversations
from phichat.i18n import format_sizes, reading_failure, tr
from phichat.store.base import FileKind
from phichat.unicode import replace_surrogates, without_controls

MOST = 1_000_000
"""The largest file in bytes. The longest context of a small model holds about half of that."""

GGUF = b"GGUF"
BEGINNING = 512  # bytes that tell a model from anything else


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
    name = without_controls(replace_surrogates(file.name))
    try:
        text = decode_text(_bytes(file, name))
    except OSError as error:
        raise StoreError(reading_failure(error, name)) from error
    if text is None:
        raise StoreError(
            tr("{name} isn’t a text file. Only documents and text files can be attached.").format(name=name)
        )
    text = replace_surrogates(text).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise StoreError(tr("{name} is empty, so it can’t be attached.").format(name=name))
    return Attachment(name, text)


def _bytes(file: Path, name: str) -> bytes:
    status = file.stat()
    if stat.S_ISDIR(status.st_mode):
        raise StoreError(tr("{name} is a folder. Attach the files inside it instead.").format(name=name))
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would block
        raise StoreError(
            tr("{name} isn’t a text file. Only documents and text files can be attached.").format(name=name)
        )
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

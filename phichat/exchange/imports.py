"""Import of conversations: our own JSON, ChatGPT's and Open WebUI's exports, recognised by their content."""

import re
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from io import RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, Any, Protocol, TextIO, cast

from phichat.errors import StoreError
from phichat.exchange import chatgpt, open_webui
from phichat.exchange.json_format import FORMAT, VERSION, Unreadable, record_from_json
from phichat.exchange.json_stream import JsonStream, NotJson, TooLong
from phichat.i18n import tr, tr_count
from phichat.store.base import ConversationRecord

AT_ONCE = 16  # conversations waiting to be stored; more are no faster, and need memory
LONGEST_HEAD = 200  # bytes at the beginning of our own exports that hold `format`
MOST_UNPACKED = 4 << 30  # bytes out of one archive; more is a decompression bomb

_IN_ARCHIVES = re.compile(r"conversations(-\d+)?\.json")  # long exports are divided


Reader = Callable[[dict[str, Any]], ConversationRecord | None]
"""Makes a record from a JSON object. Raises Unreadable."""


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        conversations: how many are new, have new messages or were in the bin.
        messages: how many messages are new.
        unchanged: how many conversations were here already.
        skipped: how many conversations are invalid.
    """

    conversations: int = 0
    messages: int = 0
    unchanged: int = 0
    skipped: int = 0


class ImportTarget(Protocol):
    """The part of the history that an import needs."""

    def load_conversation(self, conversation: str) -> ConversationRecord:
        """Return a conversation. Raise StoreError if there is none."""

    def save_conversation(self, record: ConversationRecord) -> "Future[bool]":
        """Store the new messages of `record`; the result is whether there were any."""


def import_file(file: Path, history: ImportTarget) -> Imported:
    """Store the conversations in `file` in `history`, each in full or not at all.

    Raise StoreError; the conversations before the error stay.
    """
    tally = _Tally(history)
    try:
        for record in conversations(file):
            tally.count(record)
        tally.settle()
    except StoreError as error:
        with suppress(StoreError):
            tally.settle()
        if not tally.done.conversations:
            raise
        kept = tr_count(
            "{count} conversation was imported before that.",
            "{count} conversations were imported before that.",
            tally.done.conversations,
        )
        raise StoreError(f"{error} {kept}") from error
    return tally.done


class _Tally:
    """Stores conversations and counts what is new; several at once, as the disk takes no longer than for one."""

    def __init__(self, history: ImportTarget) -> None:
        self.done = Imported()
        self._history = history
        self._waiting: deque[tuple[Future[bool], int]] = deque()

    def count(self, record: ConversationRecord | None) -> None:
        """Store `record` and count it; None is an invalid one. Raise StoreError."""
        if record is None:
            self.done = replace(self.done, skipped=self.done.skipped + 1)
            return
        here = self._messages_here(record)
        fresh = sum(message.id not in (here or ()) for message in record.messages)
        if record.summary.deleted is not None and here is not None and not fresh:
            # Storing it would take it out of the bin.
            self.done = replace(self.done, unchanged=self.done.unchanged + 1)
            return
        self._waiting.append((self._history.save_conversation(record), fresh))
        self.settle(AT_ONCE)

    def settle(self, most: int = 0) -> None:
        """Wait until at most `most` conversations are not stored yet. Raise StoreError."""
        while len(self._waiting) > most:
            future, fresh = self._waiting.popleft()
            if future.result():
                conversations, messages = self.done.conversations + 1, self.done.messages + fresh
                self.done = replace(self.done, conversations=conversations, messages=messages)
            else:
                self.done = replace(self.done, unchanged=self.done.unchanged + 1)

    def _messages_here(self, record: ConversationRecord) -> set[str] | None:
        try:
            return {message.id for message in self._history.load_conversation(record.summary.id).messages}
        except StoreError:  # it is not there; any other error comes again when it is stored
            return None


def conversations(file: Path) -> Iterator[ConversationRecord | None]:
    """Yield each conversation in `file`; None for an invalid one. Raise StoreError."""
    parts, known = 0, 0
    try:
        with ExitStack() as opened:
            for text in _texts(file, opened):
                for part, read in _parts(JsonStream(text, "conversations"), file):
                    parts, known = parts + 1, known + (read is not None)
                    yield from _read(part, read)
    except TooLong as error:
        raise StoreError(tr("{file} is too large to be a chat export.").format(file=file)) from error
    except NotJson as error:
        raise StoreError(
            tr("{file} is cut off or damaged. Fetch it again, and import the whole file.").format(file=file)
            if known
            else _unknown(file)
        ) from error
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            tr("{file} could not be read: {reason}. Look whether it is there and whole.").format(
                file=file, reason=reason
            )
        ) from error
    if parts and not known:
        raise StoreError(_unknown(file))


def holds_conversations(file: Path) -> bool:
    """Return whether `file` is a chat export, also a damaged one or one from a newer Phichat."""
    try:
        with file.open("rb") as opened:
            if f'"format": "{FORMAT}"'.encode() in opened.read(LONGEST_HEAD):
                return True
        return any(record is not None for record in conversations(file))
    except (OSError, StoreError):
        return False


def _parts(stream: JsonStream, file: Path) -> Iterator[tuple[Any, Reader | None]]:
    """Yield what may be a conversation with the reader for its kind; None if that is unknown."""
    is_first, is_ours = True, False
    for part in stream.items():
        if is_first:
            _check_version(stream.before, file)
            is_first, is_ours = False, stream.before.get("format") == FORMAT
        yield part, _reader(part, is_ours)


def _reader(part: Any, is_ours: bool) -> Reader | None:
    if not isinstance(part, dict):
        return None
    if is_ours or {"id", "tip", "messages"} <= part.keys():
        return record_from_json
    if chatgpt.is_chatgpt(part):
        return chatgpt.parse_conversation
    return open_webui.parse_conversation if open_webui.is_open_webui(part) else None


def _read(part: Any, read: Reader | None) -> Iterator[ConversationRecord | None]:
    """Yield the conversation, None if it is invalid; nothing if it has no messages."""
    try:
        record = read(part) if read else None
    except Unreadable:
        read, record = None, None
    if record or not read:
        yield record


def _check_version(before: dict[str, Any], file: Path) -> None:
    version = before.get("version")
    if before.get("format") == FORMAT and isinstance(version, int) and version > VERSION:
        raise StoreError(
            tr("{file} comes from a newer Phichat: update this one, then import it again.").format(file=file)
        )


def _texts(file: Path, opened: ExitStack) -> Iterator[TextIO]:
    """Yield the file itself or, of an archive, each file with conversations."""
    raw = opened.enter_context(file.open("rb"))
    if not zipfile.is_zipfile(raw):
        raw.seek(0)
        yield _text(raw)
        return
    archive = opened.enter_context(zipfile.ZipFile(raw))
    names = sorted(name for name in archive.namelist() if _IN_ARCHIVES.fullmatch(name.rpartition("/")[2]))
    if not names:
        raise NotJson("an archive of something else")
    allowance = Allowance(MOST_UNPACKED)
    for name in names:
        with archive.open(name) as member:
            yield _text(cast(IO[bytes], Bounded(member, allowance)))


def _text(raw: IO[bytes]) -> TextIO:
    return TextIOWrapper(raw, "utf-8-sig", "replace")


@dataclass
class Allowance:
    """How many bytes may still be read."""

    left: int


class Bounded(RawIOBase):
    """Reads from `source` within an allowance, whatever size the archive claims."""

    def __init__(self, source: IO[bytes], allowance: Allowance) -> None:
        super().__init__()
        self._source, self._allowance = source, allowance

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raise TooLong."""
        found = self._source.read(size)
        self._allowance.left -= len(found)
        if self._allowance.left < 0:
            raise TooLong("unpacks to more than anyone has typed")
        return found

    read1 = read


def _unknown(file: Path) -> str:
    return tr(
        "{file} is no chat export that Phichat knows: its own JSON, ChatGPT's export (.zip or conversations.json), "
        "or Open WebUI's."
    ).format(file=file)

"""Import of conversations: our own JSON and the exports of others, recognised by their content."""

import re
import sys
import zipfile
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from io import BufferedReader, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, Any, Protocol, TextIO, cast

from phichat.errors import StoreError
from phichat.exchange import chatgpt, deepseek, message_lists, open_webui
from phichat.exchange.json_format import FORMAT, VERSION, Unreadable, record_from_json
from phichat.exchange.json_stream import JsonStream, NotJson, TooLong
from phichat.i18n import format_reason, tr, tr_count
from phichat.store.base import ConversationRecord

AT_ONCE = 16  # conversations waiting to be stored; more are no faster, and need memory
LONGEST_HEAD = 200  # bytes at the beginning of our own exports that hold `format`

MOST_UNPACKED = 4 << 30  # bytes out of one archive; more is a decompression bomb
LEAST_UNPACKED = 8 << 20  # bytes that every archive may have
MOST_PACKING = 100  # times that an archive may be smaller; chats are 5 to 10 times smaller

LEAST_CONVERSATIONS, LEAST_PACKED = 5_000, 100
"""Conversations that every archive may have, and bytes that each more takes in it: its ids alone are as long."""

MOST_MESSAGES = 100_000
"""Messages side by side, which are one conversation."""

MOST_JUNK, JUNK_SHARE = 1000, 10
"""Items without a new conversation in them, and how many to each that has one: more is no chat export."""

_IN_ARCHIVES = re.compile(r"conversations(-\d+)?\.json")  # long exports are divided
_ALSO_IN_ARCHIVES = re.compile(r".+\.(json|jsonl|ndjson)")
_BY_ZEROS = {
    b"\1\0\1\0": "utf-16-le", b"\0\1\0\1": "utf-16-be", b"\1\0\0\0": "utf-32-le", b"\0\0\0\1": "utf-32-be",
}  # fmt: skip
_ARCHIVE = b"PK\3\4"  # what an archive begins with, a damaged one too
_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others need memory as the archive says, and no export has them


Reader = Callable[[Any], ConversationRecord | None]
"""Makes a record from a JSON value. Raises Unreadable."""


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
            "{count} conversation was imported before the error.",
            "{count} conversations were imported before the error.",
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
    if file.exists() and not (file.is_file() or file.is_dir()):  # a device may never end
        raise StoreError(tr("{file} isn’t a file. Choose a file to import.").format(file=file))
    found = _Found(file)
    try:
        with ExitStack() as opened:
            for text, is_one_of_many in _texts(file, opened):
                with suppress(NotJson) if is_one_of_many else nullcontext():
                    for part, read in _parts(JsonStream(text, "conversations"), file):
                        if read or not is_one_of_many:
                            records = list(_read(part, read))
                            found.count(records, is_known=read is not None)
                            yield from records
    except TooLong as error:
        raise StoreError(
            tr("{file} is too large to be a conversation export. Choose another file.").format(file=file)
        ) from error
    except NotJson as error:
        raise StoreError(_cut_off(file) if found.known else _unknown(file)) from error
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        reason = format_reason(error) if isinstance(error, OSError) else error
        raise StoreError(
            tr("{file} couldn’t be read: {reason}. Check that you can open it in another app, then try again.").format(
                file=file, reason=reason
            )
        ) from error
    if found.has_nothing:
        raise StoreError(_unknown(file))


def holds_conversations(file: Path) -> bool:
    """Return whether `file` is a chat export, also a damaged one or one from a newer Phichat."""
    try:
        if not file.is_file():  # opening a pipe would block
            return False
        with file.open("rb") as opened:
            if f'"format": "{FORMAT}"'.encode() in opened.read(LONGEST_HEAD):
                return True
        return any(record is not None for record in conversations(file))
    except (OSError, StoreError):
        return False


class _Found:
    """Counts what is in a file, and ends the reading of one that has hardly a conversation in it: it may take for ever.

    Attributes:
        known: how many items are conversations of a kind that is known.
    """

    def __init__(self, file: Path) -> None:
        self.known = 0
        is_archive = zipfile.is_zipfile(file)
        self._most = LEAST_CONVERSATIONS + file.stat().st_size // LEAST_PACKED if is_archive else sys.maxsize
        self._junk, self._skipped = 0, 0
        self._ids: set[str] = set()

    @property
    def has_nothing(self) -> bool:
        """Whether there was something, but no conversation that can be read."""
        return bool(self._skipped) and not self._ids

    def count(self, records: list[ConversationRecord | None], *, is_known: bool) -> None:
        """Count what an item holds. Raise NotJson or TooLong."""
        fresh = {record.summary.id for record in records if record} - self._ids
        self._ids |= fresh
        self.known += is_known
        self._skipped += None in records
        self._junk += not fresh
        if self._junk > max(MOST_JUNK, JUNK_SHARE * len(self._ids)):
            raise (TooLong if self._ids else NotJson)("hardly a conversation in it")
        if len(self._ids) > self._most:
            raise TooLong("more conversations than anyone has had")


def _parts(stream: JsonStream, file: Path) -> Iterator[tuple[Any, Reader | None]]:
    """Yield what may be a conversation with the reader for its kind; None if that is unknown.

    Messages that stand side by side, in a list or on lines of their own, are one conversation.
    """
    messages, before = _LooseMessages(), None
    for part in stream.items():
        if stream.before is not before:
            before = stream.before
            _check_version(before, file)
            if stream.is_list:  # which is a conversation of its own
                yield from messages.together()
        yield from messages.add(part, {} if part is before else before)
        if not messages.is_taken:
            yield part, _reader(part, before.get("format") == FORMAT)
    yield from messages.together()


class _LooseMessages:
    """Gathers messages that stand side by side.

    Attributes:
        is_taken: whether what was added last was such a message.
    """

    def __init__(self) -> None:
        self.is_taken = False
        self._around: dict[str, Any] = {}
        self._messages: list[Any] = []

    def add(self, part: Any, around: dict[str, Any]) -> Iterator[tuple[Any, Reader | None]]:
        """Take `part`, if it is a message; yield the conversation that has ended before it. Raise TooLong."""
        is_header = message_lists.is_header(part)
        self.is_taken = is_header or message_lists.is_message(part)
        if is_header or not self.is_taken or around:
            yield from () if self.is_taken and around is self._around else self.together()
            self._around = part if is_header else around
        if self.is_taken and not is_header:
            self._messages.append(part)
        if len(self._messages) > MOST_MESSAGES:
            raise TooLong("more messages than anyone has written")

    def together(self) -> Iterator[tuple[Any, Reader | None]]:
        """Yield the messages since the last time as one conversation."""
        if self._messages:
            yield {**self._around, "messages": self._messages}, message_lists.parse_conversation
        self._around, self._messages = {}, []


def _reader(part: Any, is_ours: bool) -> Reader | None:
    if isinstance(part, dict):
        if is_ours or {"id", "tip", "messages"} <= part.keys():
            return record_from_json
        if deepseek.is_deepseek(part):
            return deepseek.parse_conversation
        if chatgpt.is_chatgpt(part):
            return chatgpt.parse_conversation
        if open_webui.is_open_webui(part) and not message_lists.is_bare(part):
            return open_webui.parse_conversation
    return message_lists.parse_conversation if message_lists.has_messages(part) else None


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
            tr(
                "{file} was exported from a newer version of Phichat. Update Phichat, then import the file again."
            ).format(file=file)
        )


def _texts(file: Path, opened: ExitStack) -> Iterator[tuple[TextIO, bool]]:
    """Yield the file itself or, of an archive, each file that may have conversations, and whether it may have none."""
    raw = opened.enter_context(file.open("rb"))
    if not zipfile.is_zipfile(raw):
        raw.seek(0)
        if raw.read(len(_ARCHIVE)) == _ARCHIVE:
            raise StoreError(_cut_off(file))
        raw.seek(0)
        yield _text(raw, raw.peek(4)), False
        return
    archive = opened.enter_context(zipfile.ZipFile(raw))
    allowance = Allowance(min(MOST_UNPACKED, LEAST_UNPACKED + MOST_PACKING * file.stat().st_size))
    members = [member.filename for member in archive.infolist() if member.compress_type in _PACKED]
    certain, others = (
        sorted(name for name in members if pattern.fullmatch(name.rpartition("/")[2]))
        for pattern in (_IN_ARCHIVES, _ALSO_IN_ARCHIVES)
    )
    if not others:
        raise NotJson("an archive of something else")
    for name in certain or others:
        with archive.open(name) as member:
            beginning = cast(BufferedReader, member).peek(4)
            yield _text(cast(IO[bytes], Bounded(member, allowance)), beginning), not certain


def _text(raw: IO[bytes], beginning: bytes) -> TextIO:
    return TextIOWrapper(raw, _encoding_of_json(beginning[:4]), "replace")


def _encoding_of_json(beginning: bytes) -> str:
    """Return the encoding that JSON's first bytes show: two ASCII characters, perhaps after a byte order mark."""
    if beginning.startswith((BOM_UTF32_LE, BOM_UTF32_BE)):  # before UTF-16, whose mark theirs begins with
        return "utf-32"
    if beginning.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    zeros = bytes(byte > 0 for byte in beginning)
    return _BY_ZEROS.get(zeros, "utf-8-sig")


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


def _cut_off(file: Path) -> str:
    return tr("{file} is incomplete or damaged. Export or download it again, then try importing it again.").format(
        file=file
    )


def _unknown(file: Path) -> str:
    return tr(
        "Phichat can’t import {file}. You can import files exported from Phichat (JSON), ChatGPT, Claude, "
        "DeepSeek, Grok, or Open WebUI, and JSON Lines files that contain messages."
    ).format(file=file)

"""Convert between conversations and rows; invalid values in a row become valid defaults."""

import json
import math
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

from phichat.chat.attachments import Attachment, Attachments
from phichat.chat.conversation import Branch, Ending, Message, Reply, Role
from phichat.chat.sources import Sources, sources_from_json, sources_json
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.unicode import replace_surrogates

Row = tuple[Any, ...]
LoadChoices = Callable[[str], bytes]
"""Returns the choices of the message with that id."""

SUMMARY_COLUMNS = "id, title, created, changed, is_pinned, deleted, tip IS NULL"
SUMMARY_WIDTH = len(SUMMARY_COLUMNS.split(", "))
DETAIL_COLUMNS = "tip, system, sampling, model, draft, origin, attached"
MESSAGE_COLUMNS = (
    "id, parent, role, text, created, is_pinned, attachments, sources, ending, model, model_sha256, seed, tokens,"
    " statistics, sampling, engine, thinking, thinking_tokens, thinking_seconds, branched_from, choices"
)
_SOURCES = "CASE role WHEN 'user' THEN sources ELSE '' END"  # in a reply it comes after the choices, which take time
READ_COLUMNS = MESSAGE_COLUMNS.replace("choices", "length(choices)").replace("sources", _SOURCES)
"""The columns of a message but for its choices, which take more time than all others, and are loaded when needed."""

MESSAGE_PLACEHOLDERS = ", ".join("?" for _ in MESSAGE_COLUMNS.split(", "))

LARGEST_INTEGER = 2**63 - 1


def summary_from_row(row: Row) -> ConversationSummary:
    """Make a summary of the columns SUMMARY_COLUMNS."""
    identifier, title, created, changed, is_pinned, deleted, is_draft = row
    return ConversationSummary(identifier, title, created, changed, bool(is_pinned), deleted, bool(is_draft))


def record_from_row(row: Row, messages: tuple[Message, ...]) -> ConversationRecord:
    """Make a record of the columns SUMMARY_COLUMNS and DETAIL_COLUMNS."""
    tip, system, sampling, model, draft, origin, attached = row[SUMMARY_WIDTH:]
    messages = _in_tree_order(messages)
    if tip is not None and not any(message.id == tip for message in messages):
        tip = messages[-1].id if messages else None
    return ConversationRecord(
        summary_from_row(row[:SUMMARY_WIDTH]),
        tip,
        system,
        decode_json(sampling),
        model,
        draft,
        origin,
        messages,
        decode_attachments(attached),
    )


def message_from_row(row: Row, load_choices: LoadChoices = lambda _: b"") -> Message:
    """Make a message of the columns READ_COLUMNS; `load_choices` is called when its choices are needed."""
    name, parent, role, text, created, is_pinned, attachments, sources, *made = row
    ending, model, checksum, seed, tokens, statistics, sampling, engine, *thinking = made
    reply = None
    if ending is not None:
        *thinking, branched_from, size = thinking
        stored = (tokens, statistics, sampling, engine, branched_from, partial(load_choices, name) if size else None)
        known = _ENDINGS.get(ending, Ending.CANCELLED)
        reply = LazyReply.from_row(model or "", checksum, seed, known, stored, thinking)
    message = Message.__new__(Message)  # the frozen __init__ takes three times as long
    vars(message).update(
        role=_ROLES.get(role, Role.USER), text=text, parent=parent, id=name, reply=reply, created=created,
        is_pinned=bool(is_pinned), attachments=decode_attachments(attachments) if attachments else (),
        sources=decode_sources(sources) if sources else None,
    )  # fmt: skip
    return message


def row_from_message(message: Message) -> Row:
    """Return the values of MESSAGE_COLUMNS."""
    ids = (replace_surrogates(message.id), message.parent and replace_surrogates(message.parent))
    common = (
        *ids, str(message.role), replace_surrogates(message.text), storable_time(message.created), message.is_pinned,
        encode_attachments(message.attachments), encode_json(sources_json(message.sources)) if message.sources else "",
    )  # fmt: skip
    reply = message.reply
    if reply is None:
        return (*common, None, None, None, None, None, None, None, None, "", 0, 0.0, "", b"")
    return (
        *common, str(reply.ending), replace_surrogates(reply.model), reply.model_sha256, storable_integer(reply.seed),
        encode_tokens(reply.tokens), encode_json(reply.statistics), encode_json(reply.sampling),
        encode_json(reply.engine), replace_surrogates(reply.thinking), storable_integer(reply.thinking_tokens) or 0,
        storable_time(reply.thinking_seconds), encode_branch(reply.branched_from), reply.choices,
    )  # fmt: skip


def encode_json(value: dict[str, Any]) -> str:
    """Return a dict as compact JSON."""
    return replace_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def encode_branch(branch: Branch | None) -> str:
    """Return where a reply branched off as JSON; an empty string if it did not."""
    return encode_json(asdict(branch)) if branch else ""


def decode_branch(stored: str | None) -> Branch | None:
    """Parse where a reply branched off; None if it did not, or that is malformed."""
    values = decode_json(stored) if stored else {}
    try:
        return Branch(str(values["message"]), int(values["offset"]), str(values["word"]), str(values["replaced"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def encode_attachments(attachments: Attachments) -> str:
    """Return attachments as JSON; an empty string for none, as in most messages."""
    if not attachments:
        return ""
    listed = [{"name": file.name, "text": file.text} for file in attachments]
    return replace_surrogates(json.dumps(listed, ensure_ascii=False, separators=(",", ":")))


def decode_attachments(stored: str | None) -> Attachments:
    """Parse stored attachments; none if they are malformed."""
    try:
        listed = json.loads(stored) if stored else []
        return tuple(Attachment(str(file["name"]), str(file["text"])) for file in listed)
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()


def decode_sources(stored: str) -> Sources | None:
    """Parse what was found for a question; None if it is malformed."""
    try:
        return sources_from_json(json.loads(stored))
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None


def searchable_text(text: str, attachments: str | None) -> str:
    """Return what the search index holds of a message: its text, and the names and contents of its attachments."""
    return "\n".join([text, *(part for file in decode_attachments(attachments) for part in (file.name, file.text))])


def encode_tokens(tokens: Iterable[int]) -> bytes:
    """Pack token ids as little-endian 32-bit integers; ids that do not fit are left out."""
    ids = [token for token in tokens if 0 <= token < 2**32]
    return struct.pack(f"<{len(ids)}I", *ids)


def storable_time(seconds: float) -> float:
    """Return `seconds`; 0 for infinity and NaN, which SQLite stores as NULL."""
    return float(seconds) if math.isfinite(seconds) else 0.0


def storable_integer(value: int | None) -> int | None:
    """Return `value`; None if it does not fit into 64 bits."""
    return value if value is not None and abs(value) <= LARGEST_INTEGER else None


def fetch_value(connection: sqlite3.Connection, query: str, *values: Any) -> Any:
    """Return the first column of the first row; None if there is no row."""
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def fetch_dicts(connection: sqlite3.Connection, query: str, *values: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query as dicts by column name."""
    cursor = connection.execute(query, values)
    names = [description[0] for description in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def insert_row(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    """Insert a row, given by column name."""
    placeholders = ", ".join("?" for _ in values)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({placeholders})",  # noqa: S608 - our own names
        tuple(values.values()),
    )


def _in_tree_order(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return `messages` with parents before children; one whose parent is lost gets the message before it as parent."""
    known: set[str] = set()
    for message in messages:
        if message.parent is not None and message.parent not in known:
            return _reattach_orphans(messages)
        known.add(message.id)
    return messages


def _reattach_orphans(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    adopted: dict[str, Message] = {}
    before = None
    for message in messages:
        parent = message.parent if message.parent is None or message.parent in adopted else before
        adopted[message.id] = replace(message, parent=parent)
        before = message.id
    return tuple(adopted.values())


_ROLES = {str(role): role for role in Role}
_ENDINGS = {str(ending): ending for ending in Ending}


def decode_tokens(blob: bytes | None) -> tuple[int, ...]:
    """Unpack token ids from little-endian 32-bit integers."""
    count = len(blob or b"") // 4
    return struct.unpack(f"<{count}I", (blob or b"")[: count * 4])


def decode_json(text: str | None) -> dict[str, Any]:
    """Parse a JSON object; an empty dict if it is malformed."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class _LazyAttribute:
    """A descriptor that decodes an attribute from its column in `stored` at first access."""

    def __init__(self, place: int, decode: Callable[[Any], Any]) -> None:
        self._place, self._decode = place, decode

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, reply: Any, owner: type | None = None) -> Any:
        if reply is None:  # accessed on the class
            return self
        value = self._decode(reply.stored[self._place])
        vars(reply)[self._name] = value  # found before this descriptor from now on
        return value


class LazyReply(Reply):
    """A Reply whose columns are decoded at first access; equal to a plain one, and works with `replace`."""

    tokens: tuple[int, ...] = _LazyAttribute(0, decode_tokens)  # type: ignore[assignment]
    statistics: dict[str, Any] = _LazyAttribute(1, decode_json)  # type: ignore[assignment]
    sampling: dict[str, Any] = _LazyAttribute(2, decode_json)  # type: ignore[assignment]
    engine: dict[str, Any] = _LazyAttribute(3, decode_json)  # type: ignore[assignment]
    branched_from: Branch | None = _LazyAttribute(4, decode_branch)  # type: ignore[assignment]
    choices: bytes = _LazyAttribute(5, lambda load: load() if load else b"")  # type: ignore[assignment]

    stored: tuple[Any, ...]

    @classmethod
    def from_row(
        cls,
        model: str,
        checksum: str | None,
        seed: int | None,
        ending: Ending,
        stored: tuple[Any, ...],
        thinking: Iterable[Any],
    ) -> Reply:
        """Make a reply.

        `stored` has the columns to decode later: tokens, statistics, sampling, engine and where it branched off; and a
        function that loads its choices, None if it has none. `thinking` has the text, the number of tokens and the
        seconds of it.
        """
        reply = cls.__new__(cls)
        kept = vars(reply)
        kept["model"], kept["model_sha256"], kept["seed"], kept["ending"] = model, checksum, seed, ending
        kept["thinking"], kept["thinking_tokens"], kept["thinking_seconds"] = thinking
        kept["stored"] = stored
        return reply

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and _reply_values(self) == _reply_values(other)

    __hash__ = None  # type: ignore[assignment]  # as for every reply, whose settings may be changed

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to copy it: as a plain Reply, as what loads its choices cannot be copied."""
        return Reply, tuple(getattr(self, field.name) for field in fields(Reply))


def _reply_values(reply: Reply) -> tuple[Any, ...]:
    return (
        reply.model, reply.seed, reply.tokens, reply.ending, reply.statistics, reply.model_sha256, reply.sampling,
        reply.engine, reply.thinking, reply.thinking_tokens, reply.thinking_seconds, reply.branched_from,
        reply.choices,
    )  # fmt: skip

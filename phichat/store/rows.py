"""Conversations as rows of the database, both ways; what makes no sense in a row becomes what does."""

import json
import math
import sqlite3
import sys
from array import array
from collections.abc import Iterable
from typing import Any

from phichat.chat.messages import Ending, Message, Reply, Role, clean
from phichat.store.base import Heading, Record

Row = tuple[Any, ...]

HEADING = "id, title, created, changed, is_pinned, deleted"
DETAILS = "tip, system, sampling, model, draft, origin"
MESSAGE = (
    "id, parent, role, text, created, ending, model, model_sha256, seed, tokens, statistics, sampling, engine"
)  # fmt: skip
MESSAGE_PLACES = ", ".join("?" for _ in MESSAGE.split(", "))

LARGEST_INTEGER = 2**63 - 1
_ARRAY = "I" if array("I").itemsize == 4 else "L"


def heading_of(row: Row) -> Heading:
    """From the columns HEADING."""
    name, title, created, changed, is_pinned, deleted = row
    return Heading(name, title, created, changed, bool(is_pinned), deleted)


def record_of(row: Row, messages: tuple[Message, ...]) -> Record:
    """From the columns HEADING and DETAILS."""
    tip, system, sampling, model, draft, origin = row[6:]
    messages = _with_parents(messages)
    if tip is not None and not any(message.id == tip for message in messages):
        tip = messages[-1].id if messages else None
    return Record(heading_of(row[:6]), tip, system, Decoder().decode(sampling), model, draft, origin, messages)


class Decoder:
    """Reads the messages of one conversation; what many replies share is decoded once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def message(self, row: Row) -> Message:
        """From the columns MESSAGE."""
        name, parent, role, text, created, ending, *rest = row
        reply = self._reply(ending, *rest) if ending is not None else None
        return Message(_ROLES.get(role, Role.USER), text, parent, name, reply, created)

    def decode(self, text: str | None) -> dict[str, Any]:
        """A JSON object; an empty one for what is none."""
        if not text:
            return {}
        if text not in self._known:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                value = None
            self._known[text] = value if isinstance(value, dict) else {}
        return dict(self._known[text])

    def _reply(
        self, ending: str, model: str | None, checksum: str | None, seed: int | None, tokens: bytes | None,
        statistics: str | None, sampling: str | None, engine: str | None,
    ) -> Reply:  # fmt: skip
        return Reply(
            model or "", seed, ids_of(tokens or b""), _ENDINGS.get(ending, Ending.CANCELLED),
            self.decode(statistics), checksum, self.decode(sampling), self.decode(engine),
        )  # fmt: skip


def message_row(message: Message) -> Row:
    """The columns MESSAGE."""
    ids = (clean(message.id), message.parent and clean(message.parent))
    common = (*ids, str(message.role), clean(message.text), time_of(message.created))
    reply = message.reply
    if reply is None:
        return (*common, None, None, None, None, None, None, None, None)
    return (
        *common, str(reply.ending), clean(reply.model), reply.model_sha256, integer_of(reply.seed),
        blob_of(reply.tokens), encode(reply.statistics), encode(reply.sampling), encode(reply.engine),
    )  # fmt: skip


def encode(value: dict[str, Any]) -> str:
    """A JSON object as it is stored."""
    return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def blob_of(tokens: Iterable[int]) -> bytes:
    """Token ids as 32 bits each, little endian; those that do not fit are left out."""
    ids = array(_ARRAY, (token for token in tokens if 0 <= token < 2**32))
    if sys.byteorder == "big":
        ids.byteswap()
    return ids.tobytes()


def ids_of(blob: bytes) -> tuple[int, ...]:
    """Token ids again."""
    ids = array(_ARRAY)
    ids.frombytes(blob[: len(blob) // 4 * 4])
    if sys.byteorder == "big":
        ids.byteswap()
    return tuple(ids)


def time_of(seconds: float) -> float:
    """A time that can be stored: a number."""
    return float(seconds) if math.isfinite(seconds) else 0.0


def integer_of(value: int | None) -> int | None:
    """An integer that can be stored; None for one that is too large."""
    return value if value is not None and abs(value) <= LARGEST_INTEGER else None


def one(connection: sqlite3.Connection, query: str, *values: Any) -> Any:
    """The first column of the first row; None if there is no row."""
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def _with_parents(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """`messages`, each after its parent; one whose parent was lost answers the message before it."""
    known: set[str] = set()
    for message in messages:
        if message.parent is not None and message.parent not in known:
            return _adopted(messages)
        known.add(message.id)
    return messages


def _adopted(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    adopted: dict[str, Message] = {}
    before = None
    for message in messages:
        parent = message.parent if message.parent is None or message.parent in adopted else before
        adopted[message.id] = Message(
            message.role, message.text, parent, message.id, message.reply, message.created
        )  # fmt: skip
        before = message.id
    return tuple(adopted.values())


_ROLES = {str(role): role for role in Role}
_ENDINGS = {str(ending): ending for ending in Ending}

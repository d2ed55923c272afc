"""A reply whose long parts are decoded when they are first asked for: most of them never are."""

import json
import struct
from collections.abc import Callable
from typing import Any

from phichat.chat.conversation import Ending, Reply


def ids_of(blob: bytes | None) -> tuple[int, ...]:
    """Token ids, of 32 bits each, little endian."""
    count = len(blob or b"") // 4
    return struct.unpack(f"<{count}I", (blob or b"")[: count * 4])


def decode(text: str | None) -> dict[str, Any]:
    """A JSON object; an empty one for what is none."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class _Late:
    """An attribute that is decoded from its place in `stored`, and kept."""

    def __init__(self, place: int, decode: Callable[[Any], Any]) -> None:
        self._place, self._decode = place, decode

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, reply: Any, owner: type | None = None) -> Any:
        if reply is None:  # the class itself is asked
            return self
        value = self._decode(reply.stored[self._place])
        vars(reply)[self._name] = value  # which is found before this, from now on
        return value


class StoredReply(Reply):
    """As the one that was stored; equal to it, and changed with `replace` like it."""

    tokens: tuple[int, ...] = _Late(0, ids_of)  # type: ignore[assignment]
    statistics: dict[str, Any] = _Late(1, decode)  # type: ignore[assignment]
    sampling: dict[str, Any] = _Late(2, decode)  # type: ignore[assignment]
    engine: dict[str, Any] = _Late(3, decode)  # type: ignore[assignment]

    stored: tuple[Any, ...]

    @classmethod
    def of(cls, model: str, checksum: str | None, seed: int | None, ending: Ending, stored: tuple[Any, ...]) -> Reply:
        """A reply of which `stored` holds what is decoded late: tokens, statistics, sampling and engine."""
        reply = cls.__new__(cls)
        kept = vars(reply)
        kept["model"], kept["model_sha256"], kept["seed"], kept["ending"] = model, checksum, seed, ending
        kept["stored"] = stored
        return reply

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reply) and _values(self) == _values(other)

    __hash__ = None  # type: ignore[assignment]  # as for every reply, whose settings may be changed


def _values(reply: Reply) -> tuple[Any, ...]:
    return (
        reply.model, reply.seed, reply.tokens, reply.ending, reply.statistics, reply.model_sha256, reply.sampling,
        reply.engine,
    )  # fmt: skip

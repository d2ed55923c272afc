"""Where models were least sure in answers: remembered, and stored with each answer."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol

from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.engine.base import Undecided

MOST = 50  # answers whose place is remembered
LARGEST = 1 << 20  # bytes that an unpacked place may have
LATEST = 400  # characters before a place that are stored: more than what is shown of them, or than a forbidden word has


class PlaceStore(Protocol):
    """Stores places as bytes; implemented by AutoSave."""

    def store_undecided(self, session: Session, message: Message, place: bytes) -> None:
        """Store where the model was least sure in an answer."""

    def load_undecided(self, session: Session, message: Message) -> bytes:
        """Return where it was; nothing if that isn't stored."""


class UndecidedPlaces:
    """The places of the answers looked at last; of others, `store` is asked."""

    def __init__(self, store: PlaceStore) -> None:
        self._store = store
        self._known: dict[str, Undecided | None] = {}  # by message

    def find(self, session: Session, message: Message) -> Undecided | None:
        """Return the place of an answer; None if it isn't known."""
        if message.id not in self._known:
            self._remember(message, unpack_place(self._store.load_undecided(session, message)))
        return self._known[message.id]

    def add(self, session: Session, message: Message, found: Undecided) -> None:
        """Note a place of an answer; of one that was continued, the least likely place counts."""
        before = self.find(session, message)
        if before is None or found.probability < before.probability:
            self._remember(message, found)
            self._store.store_undecided(session, message, pack_place(found))

    def _remember(self, message: Message, place: Undecided | None) -> None:
        self._known.pop(message.id, None)
        self._known[message.id] = place
        for name in list(self._known)[:-MOST]:
            del self._known[name]


def pack_place(place: Undecided) -> bytes:
    """Return a place as compressed JSON: about 4 kB."""
    values = {**asdict(place), "before": place.before[-LATEST:]}
    values["distribution"]["logits"] = _rounded(place.distribution.logits)
    values["distribution"]["tail"] = [_rounded(each) for each in place.distribution.tail]
    return zlib.compress(json.dumps(values, separators=(",", ":")).encode())


def unpack_place(data: bytes) -> Undecided | None:
    """Return the place that `pack_place` packed; None if it is damaged, or there is none."""
    if not data:
        return None
    from phichat.chat.distribution import Distribution  # noqa: PLC0415 - 3 ms, which the start need not wait for

    try:
        values = json.loads(zlib.decompressobj().decompress(data, LARGEST))
        distribution = Distribution.of_json(values["distribution"])
        probability, token = float(values["probability"]), int(values["token"])
        return Undecided(distribution, str(values["before"]), probability, token)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error):
        return None


def _rounded(logits: Sequence[float]) -> list[float]:
    """Return `logits` to a ten-thousandth, which no percentage shows."""
    return [round(logit, 4) for logit in logits]

"""Where models were least sure in answers: remembered, and stored with each answer."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.conversation import Message
from phichat.chat.session import Session
from phichat.engine.base import Undecided
from phichat.ui.threads.background import BackgroundTasks

MOST = 50  # answers whose place is remembered
LARGEST = 1 << 20  # bytes that an unpacked place may have
LATEST = 400  # characters before a place that are stored: more than what is shown of them, or than a forbidden word has


class PlaceStore(Protocol):
    """Stores places as bytes; implemented by AutoSave."""

    def store_undecided(self, session: Session, message: Message, place: bytes) -> None:
        """Store where the model was least sure in an answer."""

    def undecided_loader(self, session: Session, message: Message) -> Callable[[], bytes] | None:
        """Return what loads that place, or nothing if there is none, and may block; None if nothing is stored."""


class UndecidedPlaces(QObject):
    """The places of the answers looked at last; others are loaded from `store` in a thread.

    Signals: `looked_up(str)`: whether there is a place is known now of the answer with that id.
    """

    looked_up = Signal(str)

    def __init__(self, store: PlaceStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._tasks = BackgroundTasks("places", at_once=1, parent=self)
        self._loading: set[str] = set()
        self._known: dict[str, Undecided | None] = {}  # by message
        self._new: dict[str, Undecided] = {}  # by message, of which what is stored isn't known yet

    def look_up(self, session: Session, message: Message) -> bool:
        """Return whether `find` can tell; otherwise have the place loaded, and emit `looked_up` then.

        If it can't be loaded, that is tried again the next time.
        """
        if message.id in self._known or message.id in self._new:
            return True
        load = self._store.undecided_loader(session, message)
        if load is None:
            self._remember(message, None)
        elif message.id not in self._loading:
            self._load(session, message, load)
        return message.id in self._known

    def find(self, message: Message) -> Undecided | None:
        """Return the place of an answer that was looked up; None if it has none."""
        return self._new.get(message.id) or self._known.get(message.id)

    def add(self, session: Session, message: Message, found: Undecided) -> None:
        """Note a place of an answer; of one that was continued, the least likely place counts."""
        self.look_up(session, message)
        before = self.find(message)
        if before and before.probability <= found.probability:
            return
        if message.id in self._known:
            self._remember(message, found)
        else:
            self._new[message.id] = found
        self._store.store_undecided(session, message, pack_place(found))

    @Slot()
    def close(self) -> None:
        """Stop the thread."""
        self._tasks.close()

    def _load(self, session: Session, message: Message, load: Callable[[], bytes]) -> None:
        self._loading.add(message.id)
        self._tasks.run(
            lambda _: unpack_place(load()),
            partial(self._on_loaded, session, message),
            lambda _: self._on_failed(session, message),
            partial(self._loading.discard, message.id),
        )

    def _on_loaded(self, session: Session, message: Message, place: Undecided | None) -> None:
        new = self._new.pop(message.id, None)
        if new and (place is None or new.probability <= place.probability):
            place = new
        elif new and place:  # it was replaced by the new one
            self._store.store_undecided(session, message, pack_place(place))
        self._remember(message, place)
        self.looked_up.emit(message.id)

    def _on_failed(self, session: Session, message: Message) -> None:
        if message.id in self._new:  # it is true, whatever was stored
            self._on_loaded(session, message, None)

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

"""What a conversation is: messages in a tree, of which one path is shown."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


def new_id() -> str:
    """A name that nothing else has."""
    return os.urandom(16).hex()


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Ending(StrEnum):
    """Why a reply ended. ANSWERING while it has not."""

    ANSWERING = "answering"
    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True)
class Reply:
    """How an assistant's message came to be: enough to make it again.

    Attributes:
        model: its name, and `model_sha256` its file's checksum if that is known.
        tokens: the ids it was made of, without the one that ended it.
        sampling: the settings, as `Sampling`'s fields.
        engine: the engine's settings, its library and the machine, as JSON holds them.
        statistics: as in the CLI's JSON.
    """

    model: str = ""
    seed: int | None = None
    tokens: tuple[int, ...] = ()
    ending: Ending = Ending.ANSWERING
    statistics: dict[str, Any] = field(default_factory=dict)
    model_sha256: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """One turn. `parent` is the id of the message it answers; None for the first. `created` in seconds since 1970."""

    role: Role
    text: str
    parent: str | None = None
    id: str = field(default_factory=new_id)
    reply: Reply | None = None
    created: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Turn:
    """One message as the model is to read it; with `tokens`, as the very ids it was made of."""

    role: Role
    text: str
    tokens: tuple[int, ...] = ()


def clean(text: str) -> str:
    """`text` without lone surrogates, which no encoding can store; they become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Conversation:
    """Messages in a tree: an edit or a retry is a sibling, and nothing is overwritten.

    The shown path runs from the root to `tip`.
    """

    def __init__(
        self, title: str = "", name: str = "", messages: Iterable[Message] = (), tip: str | None = None
    ) -> None:
        self.id = name or new_id()
        self.title = title
        self._messages = {message.id: message for message in messages}
        self.tip = tip if tip in self._messages else None

    def add(self, role: Role, text: str, reply: Reply | None = None) -> Message:
        """Append a message to the shown path."""
        message = Message(role, clean(text), self.tip, reply=reply)
        self._messages[message.id] = message
        self.tip = message.id
        if role is Role.USER and not self.title:
            self.title = title_of(message.text)
        return message

    def change(self, message: Message, **changes: Any) -> Message:
        """Put a changed copy of `message` in its place: a reply grows this way."""
        changed = replace(message, **changes)
        self._messages[message.id] = changed
        return changed

    def go_back_to(self, message: Message) -> None:
        """Show the path only as far as the message before `message`: what follows becomes a sibling of it."""
        self.tip = message.parent

    def path(self) -> list[Message]:
        """The shown messages, oldest first."""
        return list(self._upwards())[::-1]

    def siblings(self, message: Message) -> list[Message]:
        """All answers to the same message, `message` among them, oldest first."""
        return [other for other in self._messages.values() if other.parent == message.parent]

    def _upwards(self) -> Iterator[Message]:
        at = self.tip
        while at is not None:
            message = self._messages[at]
            yield message
            at = message.parent


def title_of(text: str) -> str:
    """A conversation's title, from the first words of its first message."""
    words = " ".join(text[:200].split())
    return words if len(words) <= 48 else words[:48].rsplit(" ", 1)[0] + "…"

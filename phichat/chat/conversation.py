"""A conversation: a tree of messages, of which one path is shown."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from phichat.chat.attachments import Attachment, Attachments
from phichat.chat.candidates import Choice
from phichat.chat.sources import Sources
from phichat.i18n import format_seconds, tr
from phichat.unicode import replace_surrogates, without_controls


def new_id() -> str:
    """Return a random id of 32 hexadecimal digits."""
    return os.urandom(16).hex()


class Role(StrEnum):
    """Who wrote a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Ending(StrEnum):
    """Why a reply ended; ANSWERING while it is being generated."""

    ANSWERING = "answering"
    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    ERROR = "error"


class PieceKind(StrEnum):
    """What a piece of a reply belongs to: the answer, or what the model thinks before it."""

    TEXT = "text"
    THINKING = "thinking"


@dataclass(frozen=True)
class Piece:
    """A part of a reply as the engine yields it, the window shows it and the history stores it.

    Attributes:
        text: empty where the token ends in the middle of a character, may begin what ends the reply, or is a mark of
            thinking.
        token: its id; -1 for text that was held back and comes after the last token.
        kind: the marks around thinking, and the blanks after it, count as thinking.
        choice: what the model weighed, where the request asked for candidates and the token was not forced on it.
    """

    text: str
    token: int = -1
    kind: PieceKind = PieceKind.TEXT
    choice: Choice | None = None

    @property
    def is_thinking(self) -> bool:
        """Whether it is no part of the answer."""
        return self.kind == PieceKind.THINKING  # from another process it comes as text


def text_of(pieces: Iterable[Piece]) -> str:
    """Return the text of the answer in `pieces`, joined."""
    return "".join(piece.text for piece in pieces if not piece.is_thinking)


def thinking_of(pieces: Iterable[Piece]) -> str:
    """Return the text of the thinking in `pieces`, joined."""
    return "".join(piece.text for piece in pieces if piece.is_thinking)


def tokens_of(pieces: Iterable[Piece]) -> tuple[int, ...]:
    """Return the ids of `pieces` that have one."""
    return tuple(piece.token for piece in pieces if piece.token >= 0)


@dataclass(frozen=True)
class Branch:
    """Where a version of an answer branched off another one.

    Attributes:
        message: the id of that version.
        offset: how many characters of its answer both have.
        word: what was chosen to go on with; `replaced` is what had been there.
    """

    message: str
    offset: int
    word: str
    replaced: str = ""


@dataclass(frozen=True)
class Reply:
    """How an assistant's message was generated: enough to generate it again.

    Attributes:
        model: the model's name; `model_sha256` is its file's checksum if known.
        tokens: the ids of its tokens, without the end token.
        sampling: the settings, as `Sampling`'s fields.
        engine: the engine's settings, its library and the machine, as JSON values.
        statistics: as in the CLI's JSON.
        thinking: what the model thought before it answered, as text.
        thinking_tokens: how many of `tokens` that took, at their beginning, with the marks around it.
        thinking_seconds: how long it took; 0 if unknown.
        branched_from: the version of which it is the beginning, and the word that was chosen there.
        choices: what the model weighed at each token, as `ChoiceTable` packs it; empty if that is not known.
    """

    model: str = ""
    seed: int | None = None
    tokens: tuple[int, ...] = ()
    ending: Ending = Ending.ANSWERING
    statistics: dict[str, Any] = field(default_factory=dict)
    model_sha256: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    thinking: str = ""
    thinking_tokens: int = 0
    thinking_seconds: float = 0.0
    branched_from: Branch | None = None
    choices: bytes = b""

    def thinking_label(self) -> str:
        """Return how long the model thought, in words."""
        if self.thinking_seconds <= 0:
            return tr("Thought before answering")
        return tr("Thought for {time}").format(time=format_seconds(max(self.thinking_seconds, 1)))

    def limit_text(self) -> str:
        """Return which limit a reply of `Ending.LENGTH` has reached; one from another program may not say."""
        written, most = self.statistics.get("completion_tokens"), self.sampling.get("max_tokens")
        if not isinstance(written, int) or not isinstance(most, int):
            return tr("Reached the length limit")
        thought = self.statistics.get("thinking_tokens")
        written -= thought if isinstance(thought, int) else 0
        return tr("Reached the maximum length") if written >= most else tr("Reached the context limit")


@dataclass(frozen=True)
class Message:
    """One message of the tree.

    Attributes:
        parent: the id of the message it answers; None for a first message.
        created: POSIX time in seconds.
        is_pinned: whether it stays in the prompt however long the conversation gets.
        attachments: the files that go with a user's message.
        sources: what was found in documents for a user's message; None if none were searched.
    """

    role: Role
    text: str
    parent: str | None = None
    id: str = field(default_factory=new_id)
    reply: Reply | None = None
    created: float = field(default_factory=time.time)
    is_pinned: bool = False
    attachments: Attachments = ()
    sources: Sources | None = None

    @property
    def thinking(self) -> str:
        """What the model thought before a reply; empty for other messages."""
        return self.reply.thinking if self.reply else ""

    @property
    def is_thinking(self) -> bool:
        """Whether this is a reply under way whose answer has not begun yet."""
        reply = self.reply
        has_thought = reply and (reply.thinking_tokens or reply.thinking)  # servers do not tell ids of tokens
        return bool(reply and has_thought and reply.ending is Ending.ANSWERING and not self.text)


@dataclass(frozen=True)
class TurnDocuments:
    """What of a turn are documents, for chat templates that have a place for these.

    Attributes:
        question: the text of the turn without them.
        texts: the title and the text of each.
    """

    question: str
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Turn:
    """One message of a prompt.

    Attributes:
        tokens: the ids it was generated as, if this model generated it; used instead of `text`.
        is_pinned: whether trimming keeps it.
        message: the id of the message; empty for a system prompt.
        thinking: what was thought before `text`, for templates that want it, and for a reply that is continued, whose
            `tokens` are those of both.
        documents: what of `text` are documents; None for nothing.
    """

    role: Role
    text: str
    tokens: tuple[int, ...] = ()
    is_pinned: bool = False
    message: str = field(default="", compare=False)
    thinking: str = ""
    documents: TurnDocuments | None = None


class Conversation:
    """A tree of messages: an edit or a retry adds a sibling, and nothing is overwritten.

    The shown path runs from a root to the message whose id is `tip`.
    """

    def __init__(
        self, title: str = "", name: str = "", messages: Iterable[Message] = (), tip: str | None = None
    ) -> None:
        self.id = name or new_id()
        self.title = title
        self._messages: dict[str, Message] = {}
        self._children: dict[str | None, list[str]] = {}
        self.restore_messages(messages)
        self.tip = tip if tip in self._messages else None

    def add_message(
        self,
        role: Role,
        text: str,
        reply: Reply | None = None,
        *,
        is_pinned: bool = False,
        attachments: Attachments = (),
        sources: Sources | None = None,
    ) -> Message:
        """Append a message to the shown path and return it."""
        files = tuple(Attachment(replace_surrogates(file.name), replace_surrogates(file.text)) for file in attachments)
        message = Message(
            role,
            replace_surrogates(text),
            self.tip,
            reply=reply,
            is_pinned=is_pinned,
            attachments=files,
            sources=sources,
        )
        self.restore_messages([message])
        self.tip = message.id
        if role is Role.USER and not self.title:
            self.title = title_of(message.text, files)
        return message

    def replace_message(self, message: Message, **changes: Any) -> Message:
        """Replace `message` by a copy with `changes` and return that; a reply grows so."""
        changed = replace(message, **changes)
        self._messages[message.id] = changed
        return changed

    def go_back_before(self, message: Message) -> None:
        """End the shown path before `message`, so that the next message becomes a sibling of it."""
        self.tip = message.parent

    def show_branch(self, message: Message) -> None:
        """Show the path through `message`, and from there the newest messages to a leaf."""
        at = message.id
        while children := self._children.get(at):
            at = children[-1]
        self.tip = at

    def remove_branch(self, message: Message) -> list[Message]:
        """Remove `message` and its descendants from the tree and return them, for `restore_messages`.

        If it was shown, its newest sibling is shown instead, or the path ends before it.
        """
        was_shown = any(other.id == message.id for other in self._upwards(self.tip))
        gone = list(self._branch(message.id))
        for other in gone:
            del self._messages[other.id]
            self._children[other.parent].remove(other.id)
        if was_shown:
            self.tip = message.parent
            if beside := self._children.get(message.parent):
                self.show_branch(self._messages[beside[-1]])
        return gone

    def restore_messages(self, messages: Iterable[Message]) -> None:
        """Insert `messages` into the tree; parents must come before children."""
        for message in messages:
            self._messages[message.id] = message
            siblings = self._children.setdefault(message.parent, [])
            siblings.append(message.id)
            if len(siblings) > 1:
                siblings.sort(key=lambda name: self._messages[name].created)

    def message(self, name: str) -> Message | None:
        """Return the message with the id `name`, None if there is none."""
        return self._messages.get(name)

    def messages(self) -> list[Message]:
        """Return all messages of the tree, in the order they were added."""
        return list(self._messages.values())

    def path(self) -> list[Message]:
        """Return the messages of the shown path, oldest first."""
        return list(self._upwards(self.tip))[::-1]

    def path_before(self, message: Message) -> list[Message]:
        """Return the messages that lead to `message`, shown or not, oldest first."""
        return list(self._upwards(message.parent))[::-1]

    def siblings(self, message: Message) -> list[Message]:
        """Return the children of its parent, `message` among them, oldest first."""
        return [self._messages[name] for name in self._children.get(message.parent, ())]

    def has_replies(self, message: Message) -> bool:
        """Return whether anything follows `message`."""
        return bool(self._children.get(message.id))

    def branch_offsets(self, message: Message) -> tuple[int, ...]:
        """Return where words begin in the reply `message` that somebody chose, the last first.

        Those of versions that were removed are not known.
        """
        offsets: list[int] = []
        seen: set[str] = set()
        kept, at = len(message.text), message
        while at.id not in seen and at.reply and (branch := at.reply.branched_from):
            seen.add(at.id)
            if branch.offset < kept:  # what comes later in a version was not taken over
                kept = branch.offset
                offsets.append(kept)
            at = self._messages.get(branch.message, at)
        return tuple(offsets)

    def _upwards(self, at: str | None) -> Iterator[Message]:
        while at is not None and (message := self._messages.get(at)):
            yield message
            at = message.parent

    def _branch(self, name: str) -> Iterator[Message]:
        """Yield `name` and its descendants, parents before children; without recursion, as trees may be deep."""
        waiting = [name]
        while waiting:
            at = waiting.pop(0)
            yield self._messages[at]
            waiting += self._children.get(at, ())


def title_of(text: str, attachments: Attachments = ()) -> str:
    """Return a title: the first words of the first message, or the first attachment's name if it has none."""
    words = " ".join(without_controls(text[:200]).split()) or next((file.title for file in attachments), "")
    return words if len(words) <= 48 else words[:48].rsplit(" ", 1)[0] + "…"

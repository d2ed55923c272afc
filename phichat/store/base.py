"""What is stored of conversations, as every room sees it."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Message


class FileKind(Enum):
    """What a file is to the app."""

    TEXT = auto()
    MODEL = auto()
    CONVERSATIONS = auto()


@dataclass(frozen=True)
class ConversationSummary:
    """A conversation as a list shows it. Times in seconds since 1970; `deleted` is when it went to the bin."""

    id: str
    title: str
    created: float
    changed: float
    is_pinned: bool = False
    deleted: float | None = None


@dataclass(frozen=True)
class ConversationRecord:
    """A conversation in full, as it is stored, exported and imported.

    Attributes:
        tip: the last message of the shown path.
        system: its system prompt; `sampling` its settings, as `Sampling`'s fields.
        model: the last one it was held with.
        draft: what was being written, and `attached` the files that were to go with it.
        origin: where it was imported from, such as `chatgpt`; empty for our own.
        messages: the whole tree, parents before children, oldest first.
    """

    heading: ConversationSummary
    tip: str | None = None
    system: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    draft: str = ""
    origin: str = ""
    messages: tuple[Message, ...] = ()
    attached: Attachments = ()


@dataclass(frozen=True)
class SearchHit:
    """Where a search found something: in a message, or in the title if `message` is None.

    `marks` are the places in `excerpt` that match, each from and to.
    """

    heading: ConversationSummary
    message: str | None
    excerpt: str
    marks: tuple[tuple[int, int], ...] = ()

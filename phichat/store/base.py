"""What the window asks of the history: summaries, records, search hits, and how sessions become records."""

import time
from dataclasses import asdict, dataclass, field
from enum import Enum, auto
from typing import Any

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Conversation, Message, title_of
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session


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

    summary: ConversationSummary
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

    summary: ConversationSummary
    message: str | None
    excerpt: str
    marks: tuple[tuple[int, int], ...] = ()


def session_from_record(record: ConversationRecord) -> Session:
    """The stored conversation, to go on with."""
    heading = record.summary
    title = heading.title if record.messages else ""  # before the first message, its title is that of the draft
    session = Session(Conversation(title, heading.id, record.messages, record.tip), record.system)
    session.sampling = Sampling().with_values(record.sampling)
    session.model = record.model
    session.draft, session.attached = record.draft, record.attached
    return session


def record_from_session(session: Session) -> ConversationRecord:
    """The conversation as it is, to be stored."""
    return ConversationRecord(
        summarize_session(session),
        session.conversation.tip,
        session.system,
        asdict(session.sampling),
        session.model,
        session.draft,
        messages=tuple(session.conversation.messages()),
        attached=session.attached,
    )


def summarize_session(session: Session) -> ConversationSummary:
    """How a list shows it."""
    messages = session.conversation.messages()
    now = time.time()
    created = messages[0].created if messages else now
    changed = messages[-1].created if messages else now
    return ConversationSummary(session.conversation.id, session_title(session), created, changed)


def session_title(session: Session) -> str:
    """Its title, before the first message what is being written or attached."""
    return session.conversation.title or title_of(session.draft, session.attached)

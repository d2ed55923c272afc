"""Types of the conversation history: summaries, records, search hits; conversion between sessions and records."""

import time
from dataclasses import asdict, dataclass, field
from enum import Enum, auto
from typing import Any

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Conversation, Message, title_of
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.unicode import without_controls


class FileKind(Enum):
    """What a file that is dropped on the window contains."""

    TEXT = auto()
    MODEL = auto()
    CONVERSATIONS = auto()


@dataclass(frozen=True)
class ConversationSummary:
    """A conversation as a list shows it. Times in seconds since 1970; `deleted` is when it was moved to the trash.

    The title, which may come from a file, loses its controls.

    `is_draft` if it has no message yet; not compared, as it is no property of its own.
    """

    id: str
    title: str
    created: float
    changed: float
    is_pinned: bool = False
    deleted: float | None = None
    is_draft: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", without_controls(self.title))


@dataclass(frozen=True)
class ConversationRecord:
    """A conversation in full, as it is stored, exported and imported.

    Attributes:
        tip: the id of the last message of the branch that is shown.
        system: the system prompt.
        sampling: the fields of `Sampling`.
        model: the name of the model used last.
        draft: the text in the composer; `attached` are the files attached to it.
        origin: where it was imported from, such as `chatgpt`; empty if it was not.
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
    """A match of a search: in the message with id `message`, or in the title if that is None.

    `marks` are the ranges of `excerpt` that match, as (start, end).
    """

    summary: ConversationSummary
    message: str | None
    excerpt: str
    marks: tuple[tuple[int, int], ...] = ()


def session_from_record(record: ConversationRecord) -> Session:
    """Return a session that continues the stored conversation."""
    summary = record.summary
    title = summary.title if record.messages else ""  # before the first message, the title is made from the draft
    session = Session(Conversation(title, summary.id, record.messages, record.tip), record.system)
    session.sampling = Sampling().with_values(record.sampling)
    session.model = record.model
    session.draft, session.attached = record.draft, record.attached
    return session


def record_from_session(session: Session) -> ConversationRecord:
    """Return the session's conversation as a record to store."""
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
    """Return the summary of the session's conversation."""
    messages = session.conversation.messages()
    now = time.time()
    created = messages[0].created if messages else now
    changed = messages[-1].created if messages else now
    is_draft = session.conversation.tip is None
    return ConversationSummary(session.conversation.id, session_title(session), created, changed, is_draft=is_draft)


def session_title(session: Session) -> str:
    """Return the conversation's title; before the first message, one made from the draft and its attachments."""
    return session.conversation.title or title_of(session.draft, session.attached)

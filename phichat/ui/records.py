"""Conversations as they are stored become those that can be held, and the other way round."""

import time
from dataclasses import asdict

from phichat.chat.conversation import Conversation, title_of
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.store.base import ConversationRecord, ConversationSummary


def session_of(record: ConversationRecord) -> Session:
    """The stored conversation, to go on with."""
    heading = record.heading
    title = heading.title if record.messages else ""  # before the first message, its title is that of the draft
    session = Session(Conversation(title, heading.id, record.messages, record.tip), record.system)
    session.sampling = Sampling().with_values(record.sampling)
    session.model = record.model
    session.draft, session.attached = record.draft, record.attached
    return session


def record_of(session: Session) -> ConversationRecord:
    """The conversation as it is, to be stored."""
    return ConversationRecord(
        heading_of(session),
        session.conversation.tip,
        session.system,
        asdict(session.sampling),
        session.model,
        session.draft,
        messages=tuple(session.conversation.messages()),
        attached=session.attached,
    )


def heading_of(session: Session) -> ConversationSummary:
    """How a list shows it."""
    messages = session.conversation.messages()
    now = time.time()
    created = messages[0].created if messages else now
    changed = messages[-1].created if messages else now
    return ConversationSummary(session.conversation.id, title_of_session(session), created, changed)


def title_of_session(session: Session) -> str:
    """Its title, before the first message what is being written or attached."""
    return session.conversation.title or title_of(session.draft, session.attached)

"""Conversations that are there already when a window opens; and a history that takes its time."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from phichat.chat.conversation import Conversation, Ending, Reply, Role
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History

DAY = 86_400


def put(home: Path, *talks: tuple[str, float], **more: Any) -> list[str]:
    """Store conversations of so many days ago; their ids."""
    history = History(home / "history.sqlite3")
    names = [
        history.save_conversation(record := talk(title, days, **more)).result() and record.summary.id
        for title, days in talks
    ]
    history.close()
    return [str(name) for name in names]


@contextmanager
def held(file: Path) -> Iterator[None]:
    """What is asked of the history is not stored until the end of this, as on a slow disk; it can be read."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def talk(title: str, days: float = 0, answer: str = "Well.", **more: Any) -> ConversationRecord:
    conversation = Conversation(title)
    conversation.add_message(Role.USER, f"Tell me of {title}")
    conversation.add_message(Role.ASSISTANT, answer, Reply("m", 7, (1,), Ending.STOP))
    then = time.time() - days * DAY
    messages = tuple(replace(message, created=then + number) for number, message in enumerate(conversation.messages()))
    heading = ConversationSummary(conversation.id, title, then, then + 1, **more)
    return ConversationRecord(heading, conversation.tip, messages=messages)

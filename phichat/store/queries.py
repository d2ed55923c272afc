"""What is read from the database; every function sees one moment of it."""

import sqlite3
from collections.abc import Iterator

from phichat.store import rows
from phichat.store.base import ConversationRecord, ConversationSummary, SearchHit
from phichat.store.rows import DETAILS, HEADING, MESSAGE
from phichat.store.search_text import Excerpts, phrases_of, query_of

MOST_TITLES = 10
"""Hits in titles, if there are hits in messages as well."""


def headings(connection: sqlite3.Connection, *, in_bin: bool = False) -> list[ConversationSummary]:
    """All conversations, or all in the bin: pinned first, then the last changed."""
    where = "IS NOT NULL" if in_bin else "IS NULL"
    found = connection.execute(
        f"SELECT {HEADING} FROM conversations WHERE deleted {where}"  # noqa: S608 - our own names
        " ORDER BY is_pinned DESC, changed DESC, number DESC"
    )
    return [rows.heading_of(row) for row in found]


def load(connection: sqlite3.Connection, name: str) -> ConversationRecord | None:
    """A conversation in full, without deleted branches; None if there is none."""
    row = connection.execute(f"SELECT {HEADING}, {DETAILS}, number FROM conversations WHERE id = ?", (name,)).fetchone()  # noqa: S608
    if row is None:
        return None
    messages = connection.execute(
        f"SELECT {MESSAGE} FROM messages WHERE conversation = ? AND deleted IS NULL ORDER BY number",  # noqa: S608
        (row[-1],),
    )
    return rows.record_of(row[:-1], tuple(map(rows.message_of, messages)))


def names(connection: sqlite3.Connection) -> list[str]:
    """The ids of all conversations outside the bin, oldest first."""
    return [row[0] for row in connection.execute("SELECT id FROM conversations WHERE deleted IS NULL ORDER BY number")]


def count(connection: sqlite3.Connection) -> int:
    """How many conversations there are outside the bin."""
    return int(rows.one(connection, "SELECT count(*) FROM conversations WHERE deleted IS NULL"))


def search(connection: sqlite3.Connection, typed: str, limit: int) -> list[SearchHit]:
    """Where every typed word begins a word: in titles first, then in messages, the newest first."""
    phrases = phrases_of(typed)
    if not phrases or limit <= 0:
        return []
    query, excerpts = query_of(phrases), Excerpts(phrases)
    in_messages = list(_in_messages(connection, query, excerpts, limit))
    most = max(MOST_TITLES, limit - len(in_messages))
    in_titles = list(_in_titles(connection, query, excerpts, min(most, limit)))
    return (in_titles + in_messages)[:limit]


def _in_titles(connection: sqlite3.Connection, query: str, excerpts: Excerpts, limit: int) -> Iterator[SearchHit]:
    found = connection.execute(
        f"SELECT {HEADING} FROM conversations WHERE deleted IS NULL"  # noqa: S608
        " AND number IN (SELECT rowid FROM title_words WHERE title_words MATCH ?)"
        " ORDER BY is_pinned DESC, changed DESC LIMIT ?",
        (query, limit),
    )
    for row in found:
        heading = rows.heading_of(row)
        yield SearchHit(heading, None, *excerpts.of(heading.title))


def _in_messages(connection: sqlite3.Connection, query: str, excerpts: Excerpts, limit: int) -> Iterator[SearchHit]:
    columns = ", ".join(f"conversations.{name}" for name in HEADING.split(", "))
    found = connection.execute(
        f"SELECT {columns}, messages.id, messages.text, messages.attachments FROM message_words"  # noqa: S608
        " CROSS JOIN messages ON messages.number = message_words.rowid"
        " CROSS JOIN conversations ON conversations.number = messages.conversation"
        " WHERE message_words MATCH ? AND messages.deleted IS NULL AND conversations.deleted IS NULL"
        " ORDER BY message_words.rowid DESC LIMIT ?",
        (query, limit),
    )
    for row in found:
        yield SearchHit(rows.heading_of(row[:6]), row[6], *excerpts.of(rows.words(*row[7:])))

"""Read queries: every function runs within one read transaction."""

import sqlite3
from collections.abc import Iterator
from itertools import islice

from phichat.store import rows
from phichat.store.base import ConversationRecord, ConversationSummary, SearchHit
from phichat.store.rows import DETAIL_COLUMNS, READ_COLUMNS, SUMMARY_COLUMNS, SUMMARY_WIDTH
from phichat.store.search_text import Excerpts, fts_query, has_signs, parse_query, parse_signs

MAX_TITLE_HITS = 10
"""Hits in titles, if there are hits in messages too."""


def list_conversations(connection: sqlite3.Connection, *, in_trash: bool = False) -> list[ConversationSummary]:
    """Return all conversations, or all in the trash: pinned ones first, then by last change."""
    where = "IS NOT NULL" if in_trash else "IS NULL"
    found = connection.execute(
        f"SELECT {SUMMARY_COLUMNS} FROM conversations WHERE deleted {where}"  # noqa: S608 - our own names
        " ORDER BY is_pinned DESC, changed DESC, number DESC"
    )
    return [rows.summary_from_row(row) for row in found]


def load_conversation(
    connection: sqlite3.Connection, name: str, load_choices: rows.LoadChoices
) -> ConversationRecord | None:
    """Return a conversation without its deleted branches; None if it does not exist.

    `load_choices` is called when the choices of a reply are needed.
    """
    row = connection.execute(
        f"SELECT {SUMMARY_COLUMNS}, {DETAIL_COLUMNS}, number FROM conversations WHERE id = ?",  # noqa: S608
        (name,),
    ).fetchone()
    if row is None:
        return None
    messages = connection.execute(
        f"SELECT {READ_COLUMNS} FROM messages WHERE conversation = ? AND deleted IS NULL ORDER BY number",  # noqa: S608
        (row[-1],),
    )
    read = (rows.message_from_row(message, load_choices) for message in messages)
    return rows.record_from_row(row[:-1], tuple(read))


def load_choices(connection: sqlite3.Connection, message: str) -> bytes:
    """Return what was weighed at the tokens of a reply, as `ChoiceTable` packs it; empty if that is not known."""
    return bytes(rows.fetch_value(connection, "SELECT choices FROM messages WHERE id = ?", message) or b"")


def load_undecided(connection: sqlite3.Connection, message: str) -> bytes:
    """Return where the model was least sure in a reply, as it was stored; empty if that is not known."""
    return bytes(rows.fetch_value(connection, "SELECT undecided FROM messages WHERE id = ?", message) or b"")


def count_conversations(connection: sqlite3.Connection) -> int:
    """Return the number of conversations outside the trash."""
    return int(rows.fetch_value(connection, "SELECT count(*) FROM conversations WHERE deleted IS NULL"))


def search_conversations(connection: sqlite3.Connection, typed: str, limit: int) -> list[SearchHit]:
    """Find where every word of `typed` begins a word: in titles first, then in messages, the newest first."""
    phrases = parse_query(typed)
    if not phrases or limit <= 0:
        return []
    query, signs = fts_query(phrases), parse_signs(typed)
    excerpts = Excerpts(phrases, signs)
    in_messages = list(islice(_search_messages(connection, query, excerpts, signs), limit))
    most = max(MAX_TITLE_HITS, limit - len(in_messages))
    in_titles = list(islice(_search_titles(connection, query, excerpts, signs), min(most, limit)))
    return (in_titles + in_messages)[:limit]


def _search_titles(
    connection: sqlite3.Connection, query: str, excerpts: Excerpts, signs: list[str]
) -> Iterator[SearchHit]:
    found = connection.execute(
        f"SELECT {SUMMARY_COLUMNS} FROM conversations WHERE deleted IS NULL"  # noqa: S608
        " AND number IN (SELECT rowid FROM title_words WHERE title_words MATCH ?)"
        " ORDER BY is_pinned DESC, changed DESC",
        (query,),
    )
    for row in found:
        summary = rows.summary_from_row(row)
        if has_signs(summary.title, signs):
            yield SearchHit(summary, None, *excerpts.excerpt(summary.title))


def _search_messages(
    connection: sqlite3.Connection, query: str, excerpts: Excerpts, signs: list[str]
) -> Iterator[SearchHit]:
    columns = ", ".join(f"conversations.{name}" for name in SUMMARY_COLUMNS.split(", "))
    found = connection.execute(
        f"SELECT {columns}, messages.id, messages.text, messages.attachments FROM message_words"  # noqa: S608
        " CROSS JOIN messages ON messages.number = message_words.rowid"
        " CROSS JOIN conversations ON conversations.number = messages.conversation"
        " WHERE message_words MATCH ? AND messages.deleted IS NULL AND conversations.deleted IS NULL"
        " ORDER BY message_words.rowid DESC",
        (query,),
    )
    for row in found:
        summary, (message, *texts) = rows.summary_from_row(row[:SUMMARY_WIDTH]), row[SUMMARY_WIDTH:]
        text = rows.searchable_text(*texts)
        if has_signs(text, signs):
            yield SearchHit(summary, message, *excerpts.excerpt(text))

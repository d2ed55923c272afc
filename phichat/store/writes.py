"""Write queries: every function runs within a transaction that its caller commits."""

import os
import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from phichat.chat.conversation import Message, Piece, text_of, thinking_of, tokens_of
from phichat.errors import StoreError
from phichat.i18n import tr
from phichat.store import rows
from phichat.store.base import ConversationRecord
from phichat.store.rows import MESSAGE_COLUMNS, MESSAGE_PLACEHOLDERS, fetch_value, insert_row
from phichat.store.search_text import fold
from phichat.unicode import replace_surrogates

NUMBER_SPREAD = 3_600_000
"""Milliseconds by which a message's number may be off its time where another has that number."""


def save_conversation(connection: sqlite3.Connection, record: ConversationRecord) -> bool:
    """Insert the conversation and messages that are missing, and take it out of the trash; return whether any were."""
    number = fetch_value(connection, "SELECT number FROM conversations WHERE id = ?", record.summary.id)
    is_new = number is None
    if number is None:
        number = _insert_conversation(connection, record)
    before = connection.total_changes
    if not is_new:
        restore_conversations(connection, [record.summary.id])
    for message in _with_unique_ids(connection, number, record.messages):
        _insert_message(connection, number, message)
    has_more = connection.total_changes > before
    if is_new or has_more:
        _set_tip(connection, number, record.tip)
    return is_new or has_more


def add_message(connection: sqlite3.Connection, conversation: str, message: Message, tip: str | None) -> bool:
    """Insert a message and set the tip. Raise StoreError.

    The conversation leaves the trash, as it is in use; return whether it was there.
    """
    found = connection.execute("SELECT number, deleted FROM conversations WHERE id = ?", (conversation,)).fetchone()
    if found is None:
        raise StoreError(tr("This conversation no longer exists."))
    number, deleted = found
    _insert_message(connection, number, message)
    connection.execute(
        "UPDATE conversations SET tip = ?, changed = ?, deleted = NULL WHERE number = ?",
        (tip, rows.storable_time(message.created), number),
    )
    return deleted is not None


def append_to_reply(connection: sqlite3.Connection, message: str, pieces: Sequence[Piece]) -> None:
    """Append `pieces` to a reply that is being generated."""
    connection.execute(
        "UPDATE messages SET ending = 'answering', text = text || ?,"
        " tokens = CAST(ifnull(tokens, x'') || ? AS BLOB) WHERE id = ?",
        (replace_surrogates(text_of(pieces)), rows.encode_tokens(tokens_of(pieces)), message),
    )
    if thoughts := [piece for piece in pieces if piece.is_thinking]:
        connection.execute(
            "UPDATE messages SET thinking = thinking || ?, thinking_tokens = thinking_tokens + ? WHERE id = ?",
            (replace_surrogates(thinking_of(thoughts)), len(tokens_of(thoughts)), message),
        )


def finish_reply(connection: sqlite3.Connection, message: Message, when: float) -> None:
    """Update a message, as of `when` (seconds since 1970), and index it: its reply has ended."""
    row = rows.row_from_message(message)
    names = MESSAGE_COLUMNS.split(", ")[3:]
    assignments = ", ".join(f"{name} = ?" for name in names)
    connection.execute(f"UPDATE messages SET {assignments} WHERE id = ?", (*row[3:], row[0]))  # noqa: S608 - our names
    number = fetch_value(connection, "SELECT number FROM messages WHERE id = ?", row[0])
    if number is not None:
        index_message(connection, number, _row_text(row))
        connection.execute(
            "UPDATE conversations SET changed = max(changed, ?)"
            " WHERE number = (SELECT conversation FROM messages WHERE number = ?)",
            (when, number),
        )


def set_choices(connection: sqlite3.Connection, message: str, choices: bytes) -> None:
    """Set what was weighed at the tokens of a reply."""
    connection.execute("UPDATE messages SET choices = ? WHERE id = ?", (choices, message))


def set_undecided(connection: sqlite3.Connection, message: str, place: bytes) -> None:
    """Set where the model was least sure in a reply."""
    connection.execute("UPDATE messages SET undecided = ? WHERE id = ?", (place, message))


def pin_message(connection: sqlite3.Connection, message: str, *, is_pinned: bool) -> None:
    """Set whether a message always stays in the prompt."""
    connection.execute("UPDATE messages SET is_pinned = ? WHERE id = ?", (is_pinned, message))


def update_conversation(connection: sqlite3.Connection, conversation: str, **values: Any) -> None:
    """Set columns of a conversation."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    changed = [replace_surrogates(value) if isinstance(value, str) else value for value in values.values()]
    connection.execute(f"UPDATE conversations SET {assignments} WHERE id = ?", (*changed, conversation))  # noqa: S608


def rename_conversation(connection: sqlite3.Connection, conversation: str, title: str, *, is_own: bool) -> None:
    """Set the title; an automatic one (not `is_own`) does not replace one that the user gave."""
    query = "SELECT number FROM conversations WHERE id = ? AND is_own_title <= ?"
    number = fetch_value(connection, query, conversation, is_own)
    if number is not None:
        update_conversation(connection, conversation, title=title, is_own_title=is_own)
        index_title(connection, number, replace_surrogates(title))


def move_to_trash(connection: sqlite3.Connection, conversations: list[str]) -> None:
    """Move conversations to the trash."""
    day = count_days(connection)
    connection.executemany(
        "UPDATE conversations SET deleted = ?, binned_on = ? WHERE id = ? AND deleted IS NULL",
        [(time.time(), day, name) for name in conversations],
    )


def restore_conversations(connection: sqlite3.Connection, conversations: list[str]) -> None:
    """Take conversations out of the trash."""
    connection.executemany(
        "UPDATE conversations SET deleted = NULL WHERE id = ? AND deleted IS NOT NULL",
        [(name,) for name in conversations],
    )


def delete_conversations(connection: sqlite3.Connection, conversations: list[str]) -> None:
    """Delete conversations permanently."""
    for name in conversations:
        number = fetch_value(connection, "SELECT number FROM conversations WHERE id = ?", name)
        messages = "SELECT number FROM messages WHERE conversation = ?"
        connection.execute(f"DELETE FROM message_words WHERE rowid IN ({messages})", (number,))  # noqa: S608
        connection.execute("DELETE FROM title_words WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM conversations WHERE number = ?", (number,))


def delete_draft(connection: sqlite3.Connection, conversation: str) -> bool:
    """Delete a conversation permanently, unless it has messages: another program may have added some.

    Return whether it is gone.
    """
    query = "SELECT 1 FROM messages WHERE conversation = (SELECT number FROM conversations WHERE id = ?)"
    is_draft = fetch_value(connection, query, conversation) is None
    if is_draft:
        delete_conversations(connection, [conversation])
    return is_draft


def delete_from_trash(connection: sqlite3.Connection, conversations: list[str]) -> list[str]:
    """Delete permanently those of the conversations that are still in the trash; return their ids."""
    query = "SELECT 1 FROM conversations WHERE id = ? AND deleted IS NOT NULL"
    gone = [name for name in conversations if fetch_value(connection, query, name)]
    delete_conversations(connection, gone)
    return gone


def delete_branch(connection: sqlite3.Connection, message: str, known: Collection[str] | None = None) -> list[str]:
    """Mark a message and its descendants as deleted, and move the tip off them; return their ids.

    If there are others than those `known` among them, none is deleted.
    """
    found = connection.execute("SELECT conversation, parent FROM messages WHERE id = ?", (message,)).fetchone()
    if found is None:
        return []
    number, parent = found
    branch = _ids_in_branch(connection, number, message)
    if known is not None and not {*branch} <= {*known}:
        return []
    now, day = time.time(), count_days(connection)
    connection.executemany(
        "UPDATE messages SET deleted = ?, binned_on = ? WHERE id = ?", [(now, day, name) for name in branch]
    )
    if fetch_value(connection, "SELECT tip FROM conversations WHERE number = ?", number) in branch:
        connection.execute("UPDATE conversations SET tip = ? WHERE number = ?", (parent, number))
    return branch


def restore_branch(connection: sqlite3.Connection, messages: list[str]) -> None:
    """Undelete messages, and what was deleted below them at the same time: another program may have written it."""
    for message in messages:
        query = "SELECT conversation, deleted FROM messages WHERE id = ? AND deleted IS NOT NULL"
        if found := connection.execute(query, (message,)).fetchone():
            branch = _ids_in_branch(connection, found[0], message, deleted=found[1])
            connection.executemany("UPDATE messages SET deleted = NULL WHERE id = ?", [(name,) for name in branch])


def conversation_of(connection: sqlite3.Connection, message: str) -> str | None:
    """Return the id of the conversation that a message belongs to."""
    found: str | None = fetch_value(
        connection,
        "SELECT conversations.id FROM messages JOIN conversations ON conversations.number = conversation"
        " WHERE messages.id = ?",
        message,
    )
    return found


def count_days(connection: sqlite3.Connection) -> int:
    """Return on how many dates the app has run."""
    return int(fetch_value(connection, "SELECT ifnull(max(number), 0) FROM days"))


def index_message(connection: sqlite3.Connection, number: int, text: str) -> None:
    """Replace the search index entry of a message."""
    connection.execute("DELETE FROM message_words WHERE rowid = ?", (number,))
    if text:
        connection.execute("INSERT INTO message_words (rowid, text) VALUES (?, ?)", (number, fold(text)))


def index_title(connection: sqlite3.Connection, number: int, title: str) -> None:
    """Replace the search index entry of a title."""
    connection.execute("DELETE FROM title_words WHERE rowid = ?", (number,))
    if title:
        connection.execute("INSERT INTO title_words (rowid, text) VALUES (?, ?)", (number, fold(title)))


def allocate_message_number(connection: sqlite3.Connection, conversation: int, created: float) -> int:
    """Return a number for a new message: its time, to sort by, but after the other messages of its conversation."""
    last = fetch_value(connection, "SELECT max(number) FROM messages WHERE conversation = ?", conversation)
    wanted = min(max(int(rows.storable_time(created) * 1000), 0), 2**52)
    if last is not None:
        wanted = max(wanted, last + 1)
    while fetch_value(connection, "SELECT 1 FROM messages WHERE number = ?", wanted):
        wanted += 1 + int.from_bytes(os.urandom(4), "big") % NUMBER_SPREAD
    return wanted


def _insert_conversation(connection: sqlite3.Connection, record: ConversationRecord) -> int:
    """Insert a conversation without its messages; return its number."""
    summary = record.summary
    values = {
        "id": summary.id,
        "title": replace_surrogates(summary.title),
        "created": rows.storable_time(summary.created),
        "changed": rows.storable_time(summary.changed),
        "is_pinned": summary.is_pinned,
        "deleted": summary.deleted,
        "tip": record.tip,
        "system": replace_surrogates(record.system),
        "sampling": rows.encode_json(record.sampling),
        "model": replace_surrogates(record.model),
        "draft": replace_surrogates(record.draft),
        "origin": replace_surrogates(record.origin),
        "attached": rows.encode_attachments(record.attached),
    }
    return insert_conversation(connection, values)


def insert_conversation(connection: sqlite3.Connection, values: dict[str, Any]) -> int:
    """Insert a row into `conversations` and index its title; return its number."""
    insert_row(connection, "conversations", values)
    number = int(fetch_value(connection, "SELECT number FROM conversations WHERE id = ?", values["id"]))
    index_title(connection, number, values.get("title", ""))
    return number


def _row_text(row: rows.Row) -> str:
    """Return the text to index of the columns MESSAGE_COLUMNS."""
    return rows.searchable_text(row[3], row[6])


def _insert_message(connection: sqlite3.Connection, conversation: int, message: Message) -> None:
    row = rows.row_from_message(message)
    if fetch_value(connection, "SELECT 1 FROM messages WHERE id = ?", row[0]):
        connection.execute("UPDATE messages SET deleted = NULL WHERE id = ? AND deleted IS NOT NULL", row[:1])
        return
    number = allocate_message_number(connection, conversation, message.created)
    connection.execute(
        f"INSERT INTO messages (number, conversation, {MESSAGE_COLUMNS}) VALUES (?, ?, {MESSAGE_PLACEHOLDERS})",  # noqa: S608
        (number, conversation, *row),
    )
    index_message(connection, number, _row_text(row))


def _with_unique_ids(connection: sqlite3.Connection, conversation: int, messages: tuple[Message, ...]) -> list[Message]:
    """Return `messages` with new ids for those that messages of another conversation have.

    A new id is derived from the old one, so that a second import adds nothing.
    """
    taken = "SELECT 1 FROM messages WHERE id = ? AND conversation <> ?"
    name = fetch_value(connection, "SELECT id FROM conversations WHERE number = ?", conversation)
    others = {
        message.id: _derived_id(name, message.id)
        for message in messages
        if fetch_value(connection, taken, replace_surrogates(message.id), conversation)
    }
    if not others:
        return list(messages)
    return [
        replace(
            message,
            id=others.get(message.id, message.id),
            parent=message.parent and others.get(message.parent, message.parent),
        )
        for message in messages
    ]


def _derived_id(conversation: str, message: str) -> str:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, for imports only

    return hashlib.sha256(replace_surrogates(f"{conversation} {message}").encode()).hexdigest()[:32]


def _set_tip(connection: sqlite3.Connection, conversation: int, tip: str | None) -> None:
    of_it = "SELECT 1 FROM messages WHERE id = ? AND conversation = ?"
    if tip is not None and not fetch_value(connection, of_it, tip, conversation):
        tip = fetch_value(
            connection, "SELECT id FROM messages WHERE conversation = ? ORDER BY number DESC", conversation
        )
    connection.execute("UPDATE conversations SET tip = ? WHERE number = ?", (tip, conversation))


def _ids_in_branch(
    connection: sqlite3.Connection, conversation: int, message: str, deleted: float | None = None
) -> list[str]:
    """Return the ids of a message and of its descendants that were `deleted` at that time, or are not."""
    branch = {message: None}
    for name, parent in connection.execute(
        "SELECT id, parent FROM messages WHERE conversation = ? AND deleted IS ? ORDER BY number",
        (conversation, deleted),
    ):
        if parent in branch:
            branch[name] = None
    return list(branch)


def record_today(connection: Connection) -> None:
    """Record today's date. A clock that jumps ahead adds one date only."""
    connection.execute("INSERT OR IGNORE INTO days (day) VALUES (?)", (date.today().isoformat(),))  # noqa: DTZ011


MIN_DAYS_IN_TRASH = 7
"""The app must have run on this many later dates before the trash is emptied by the clock."""

DAY = 86400.0


def empty_trash(connection: Connection, older_than_days: int) -> list[str]:
    """Delete permanently what was deleted more than `older_than_days` ago; return the ids of the conversations.

    The clock may jump: days on which the app ran count too, and times of deletion in the future become now.
    """
    record_today(connection)
    now = time.time()
    for table in ("conversations", "messages"):
        connection.execute(f"UPDATE {table} SET deleted = ? WHERE deleted > ?", (now, now))  # noqa: S608 - our own names
    due = (now - older_than_days * DAY, count_days(connection) - min(older_than_days, MIN_DAYS_IN_TRASH))
    where = "deleted <= ? AND binned_on <= ?"
    names = [row[0] for row in connection.execute(f"SELECT id FROM conversations WHERE {where}", due)]  # noqa: S608
    delete_conversations(connection, names)
    hidden = f"SELECT number FROM messages WHERE {where}"  # noqa: S608
    connection.execute(f"DELETE FROM message_words WHERE rowid IN ({hidden})", due)  # noqa: S608
    connection.execute(f"DELETE FROM messages WHERE {where}", due)  # noqa: S608
    return names


TABLES = ("messages", "conversations", "days", "message_words", "title_words")


def delete_all_rows(connection: Connection) -> None:
    """Delete all rows of all tables."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names


def erase_remains(connection: Connection, file: Path) -> None:
    """Purge deleted content from the file, and delete backups and damaged copies, which contain it too."""
    for words in ("message_words", "title_words"):
        with suppress(sqlite3.Error):
            connection.execute(f"INSERT INTO {words} ({words}) VALUES ('optimize')")  # noqa: S608
    for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
        with suppress(sqlite3.Error):
            connection.execute(statement).fetchall()
    for pattern in (f"{file.name}.v*.bak*", f"{file.stem}.damaged-*"):
        for other in file.parent.glob(pattern):
            with suppress(OSError):
                other.unlink()

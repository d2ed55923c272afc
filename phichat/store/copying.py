"""Copies a conversation, row by row, from one database into another."""

from sqlite3 import Connection
from typing import Any

from phichat.store import changes, rows
from phichat.store.rows import one


def copy(source: Connection, target: Connection, name: str) -> bool:
    """Make the conversation `name` in `target` what it is in `source`, deleted branches included; whether it is there.

    Where it is not, it is not in `target` either.
    """
    changes.purge(target, [name])
    found = next(_rows(source, "SELECT * FROM conversations WHERE id = ?", name), None)
    if found is None:
        return False
    number = found.pop("number")
    copied = insert_conversation(target, found)
    for message in _rows(source, "SELECT * FROM messages WHERE conversation = ? ORDER BY number", number):
        del message["number"]
        insert_message(target, message | {"conversation": copied})
    return True


def insert_conversation(target: Connection, values: dict[str, Any]) -> int:
    """A row of `conversations`, findable by its title; its number."""
    _insert(target, "conversations", values)
    number = int(one(target, "SELECT number FROM conversations WHERE id = ?", values["id"]))
    changes.index_title(target, number, values.get("title", ""))
    return number


def insert_message(target: Connection, values: dict[str, Any]) -> None:
    """A row of `messages`, findable by its words."""
    number = changes.place(target, values["conversation"], values["created"])
    _insert(target, "messages", values | {"number": number})
    changes.index_message(target, number, rows.words(values["text"], values.get("attachments")))


def _insert(target: Connection, table: str, values: dict[str, Any]) -> None:
    places = ", ".join("?" for _ in values)
    target.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values()))  # noqa: S608


def _rows(source: Connection, query: str, value: Any) -> Any:
    cursor = source.execute(query, (value,))
    names = [description[0] for description in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)

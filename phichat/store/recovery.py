"""Saves what can be read of a damaged file into a new one, row by row."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from phichat.chat.conversation import Role, title_of
from phichat.i18n import tr, tr_count
from phichat.store import changes, rows, salvage, schema
from phichat.store.failures import Damage
from phichat.store.rows import one

TABLES = ("conversations", "messages", "days")

LEAST = 14
"""Columns that a row has at least: as many as a conversation's had at first."""

MOST_REPEATED = 1000
"""Rows an index may name twice before its pages are taken to lead back to each other."""

_Values = dict[str, Any]


def recover(file: Path, fresh: Path) -> str:
    """Put `fresh`, with all that can be read, in the place of `file`, which is kept; a notice for the person."""
    _remove(fresh)
    with closing(schema.connect(fresh)) as target:
        schema.migrate(target)
        target.execute("BEGIN")
        if not _rescue(file, target):
            _salvage(file, target)
        _foster(target)
        target.execute("COMMIT")
        count = one(target, "SELECT count(*) FROM conversations WHERE deleted IS NULL")
    kept = _keep(file)
    fresh.replace(file)
    recovered = tr_count("{count} conversation was recovered", "{count} conversations were recovered", count)
    return tr("The history was damaged: {recovered}. The damaged file is kept as {name}.").format(
        recovered=recovered, name=kept.name
    )


def _rescue(file: Path, target: Connection) -> bool:
    """Copy every row that SQLite finds; whether it read the tables to their ends."""
    try:
        with closing(schema.connect(file, "ro")) as source:
            source.text_factory = lambda data: data.decode("utf-8", "replace")
            return all([_rescue_table(source, target, table) for table in TABLES])  # noqa: C419 - all of them
    except (sqlite3.Error, UnicodeError):  # it is no database at all
        return False


def _rescue_table(source: Connection, target: Connection, table: str) -> bool:
    for direction in ("ASC", "DESC"):
        query = f"SELECT * FROM {table} NOT INDEXED ORDER BY number {direction}"  # noqa: S608 - our own names
        try:
            before = None
            for row in _rows(source, query):
                if before is not None and (row["number"] > before) != (direction == "ASC"):
                    raise Damage("pages lead back to each other, and would without end")
                before = row["number"]
                _store(target, table, row)
        except (sqlite3.Error, UnicodeError):
            continue
        return True
    return _rescue_one_by_one(source, target, table)


def _rescue_one_by_one(source: Connection, target: Connection, table: str) -> bool:
    """Copy the rows that indexes know of. They are not all: what the table itself does not reach is left out."""
    for index in _indexes(source, table):
        for number in _numbers(source, f"SELECT number FROM {table} INDEXED BY {index}"):  # noqa: S608
            query = f"SELECT * FROM {table} NOT INDEXED WHERE number = {number}"  # noqa: S608
            with suppress(sqlite3.Error, UnicodeError):
                for row in _rows(source, query):
                    _store(target, table, row)
    return False


def _numbers(source: Connection, query: str) -> set[int]:
    numbers: set[int] = set()
    repeated = 0
    with suppress(sqlite3.Error, UnicodeError, TypeError, ValueError):
        for row in source.execute(query):
            repeated += int(row[0]) in numbers
            numbers.add(int(row[0]))
            if repeated > MOST_REPEATED:
                break
    return numbers


def _indexes(source: Connection, table: str) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
    return [str(row[0]) for row in source.execute(query, (table,)).fetchall()]


def _rows(source: Connection, query: str) -> Iterator[_Values]:
    cursor = source.execute(query)
    names = [description[0] for description in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _salvage(file: Path, target: Connection) -> None:
    """Copy every row that is found on any page and is not there yet."""
    names = {table: [row[1] for row in target.execute(f"PRAGMA table_info ({table})")] for table in TABLES}
    for number, values in salvage.rows(file, lambda count: count >= LEAST):
        is_message = values[4] in set(Role)
        table = "messages" if is_message else "conversations"
        row = dict(zip(names[table], values, strict=False)) | {"number": number}
        if len(values) <= len(names[table]):
            _store(target, table, row)


def _store(target: Connection, table: str, row: _Values) -> None:
    """Insert a row, or if that makes no sense what matters most of it; not if there is one with its number."""
    least = ("number", "id", "conversation", "parent", "role", "title", "created", "changed", "deleted", "text")
    for values in (row, {name: row[name] for name in least if name in row}):
        with suppress(sqlite3.Error, TypeError, ValueError, AttributeError, OverflowError):
            places = ", ".join("?" for _ in values)
            names = ", ".join(values)
            target.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values()))  # noqa: S608
            if table == "messages":
                changes.index_message(target, row["number"], rows.words(row["text"], row.get("attachments")))
            elif table == "conversations":
                changes.index_title(target, row["number"], row["title"])
            return


def _foster(target: Connection) -> None:
    """Give a conversation to messages that have lost theirs."""
    lost = target.execute(
        "SELECT conversation, min(number), max(created), id FROM messages"
        " WHERE conversation NOT IN (SELECT number FROM conversations) GROUP BY conversation"
    )
    for number, first, changed, name in lost.fetchall():
        text = one(target, "SELECT text FROM messages WHERE number = ?", first)
        values = {"number": number, "id": f"recovered-{name}", "title": title_of(text) or tr("Recovered")}
        _store(target, "conversations", values | {"created": changed, "changed": changed})


def _keep(file: Path) -> Path:
    """Give the damaged file another name, and what belongs to it; the name."""
    day, count = time.strftime("%Y-%m-%d"), 1
    kept = file.with_name(f"{file.stem}.damaged-{day}{file.suffix}")
    while kept.exists():
        count += 1
        kept = file.with_name(f"{file.stem}.damaged-{day}-{count}{file.suffix}")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).replace(kept.with_name(kept.name + suffix))
    return kept


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)

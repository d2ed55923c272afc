"""Saves what can be read of a damaged file into a new one."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from phichat.chat.messages import title_of
from phichat.store import schema
from phichat.store.copying import insert_conversation, insert_message
from phichat.store.grafting import graft
from phichat.text import tr, tr_count

MOST_ATTEMPTS = 2000
"""Queries in search of readable rows between damaged pages, for each table."""

_Values = dict[str, Any]


def recover(file: Path) -> str:
    """Put a file with all that can be read in the place of `file`, which is kept; a notice for the person."""
    fresh, grafted = file.with_name(file.name + ".recovered"), file.with_name(file.name + ".grafted")
    _remove(fresh)
    with closing(schema.connect(fresh)) as target:
        schema.migrate(target)
        count = _rescue(file, "ro", target) or _rescue(file, "immutable", target)
        if not count:
            graft(file, fresh, grafted)
            count = _rescue(grafted, "immutable", target)
    _remove(grafted)
    kept = _keep(file)
    fresh.replace(file)
    recovered = tr_count("{count} conversation was recovered", "{count} conversations were recovered", count)
    return tr("The history was damaged: {recovered}. The damaged file is kept as {name}.").format(
        recovered=recovered, name=kept.name
    )


def _rescue(file: Path, mode: str, target: Connection) -> int:
    """Copy every row that can be read; how many conversations that were."""
    target.execute("BEGIN")
    with suppress(sqlite3.Error), closing(schema.connect(file, mode)) as source:  # it may be no database at all
        source.text_factory = lambda data: data.decode("utf-8", "replace")
        numbers = _rescue_conversations(source, target)
        _rescue_messages(source, target, numbers)
        _rescue_days(source, target)
    target.execute("COMMIT")
    return int(target.execute("SELECT count(*) FROM conversations").fetchone()[0])


def _rescue_conversations(source: Connection, target: Connection) -> dict[int, int]:
    """The numbers they had, with those they have now."""
    numbers = {}
    for row in _rows(source, "conversations"):
        number = row.pop("number")
        for values in (row, {name: row.get(name) for name in ("id", "title", "created", "changed", "deleted")}):
            with suppress(sqlite3.Error, TypeError, ValueError, KeyError, AttributeError):
                numbers[number] = insert_conversation(target, values)
                break
    return numbers


def _rescue_messages(source: Connection, target: Connection, numbers: dict[int, int]) -> None:
    for row in sorted(_rows(source, "messages"), key=lambda row: int(row["number"])):
        before = row.get("conversation")
        if not isinstance(before, int) or before not in numbers:
            before = before if isinstance(before, int) else -1
            numbers[before] = _foster(target, row)
        del row["number"]
        values = row | {"conversation": numbers[before]}
        least = {name: values.get(name) for name in ("id", "conversation", "parent", "role", "created", "text")}
        for attempt in (values, least, least | {"created": 0.0}):
            with suppress(sqlite3.Error, TypeError, ValueError, KeyError, AttributeError):
                insert_message(target, attempt)
                break


def _rescue_days(source: Connection, target: Connection) -> None:
    for row in _rows(source, "days"):
        with suppress(sqlite3.Error, KeyError):
            target.execute("INSERT INTO days (number, day) VALUES (?, ?)", (row["number"], row["day"]))


def _foster(target: Connection, message: _Values) -> int:
    """A conversation for messages that have lost theirs; its number."""
    created = message.get("created")
    when = created if isinstance(created, float) else time.time()
    title = title_of(str(message.get("text", ""))) or tr("Recovered")
    values = {"id": f"recovered-{message.get('id')}", "title": title, "created": when, "changed": when}
    return insert_conversation(target, values)


def _rows(source: Connection, table: str) -> Iterator[_Values]:
    """Every row that can be read."""
    for number in _numbers(source, table):
        with suppress(sqlite3.Error):
            cursor = source.execute(f"SELECT * FROM {table} NOT INDEXED WHERE number = ?", (number,))  # noqa: S608
            names = [description[0] for description in cursor.description]
            for row in cursor.fetchall():
                yield dict(zip(names, row, strict=True))


def _numbers(source: Connection, table: str) -> list[int]:
    """The rows there are, by the table itself and all its indexes, from both ends of each."""
    orders = [f"{table} NOT INDEXED", *(f"{table} INDEXED BY {name}" for name in _indexes(source, table))]
    found: set[int] = set()
    is_whole = False
    for order in orders:
        for direction in ("ASC", "DESC"):
            query = f"SELECT number FROM {order} ORDER BY number {direction}"  # noqa: S608 - our own names
            numbers, is_end = _scan(source, query)
            found.update(numbers)
            is_whole = is_whole or is_end
    if not is_whole:
        found.update(_between(source, table))
    return sorted(found)


def _indexes(source: Connection, table: str) -> list[str]:
    with suppress(sqlite3.Error):
        query = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
        return [str(row[0]) for row in source.execute(query, (table,)).fetchall()]
    return []


def _between(source: Connection, table: str) -> set[int]:
    """The rows between damaged pages: ranges that cannot be read to their end are halved."""
    found: set[int] = set()
    ranges = [(0, 2**53)]
    for _ in range(MOST_ATTEMPTS):
        if not ranges:
            break
        low, high = ranges.pop(0)
        query = f"SELECT number FROM {table} NOT INDEXED WHERE number BETWEEN {low} AND {high} ORDER BY number"  # noqa: S608
        numbers, is_end = _scan(source, query)
        found.update(numbers)
        low = max(numbers, default=low)
        if not is_end and high - low > 1:
            middle = (low + high) // 2
            ranges += [(low + 1, middle), (middle, high)]
    return found


def _scan(source: Connection, query: str) -> tuple[list[int], bool]:
    """What a query gives before it fails, and whether it did not."""
    numbers: list[int] = []
    try:
        for row in source.execute(query):
            numbers.append(int(row[0]))  # noqa: PERF401 - what came before the failure counts
    except (sqlite3.Error, TypeError, ValueError):
        return numbers, False
    return numbers, True


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

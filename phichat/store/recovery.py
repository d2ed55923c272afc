"""Recover a damaged database into a new file: row by row through SQLite, then from the pages themselves.

What SQLite would not read, as the file's header or its write-ahead log is damaged, it reads from a mended copy.

The page format is described at https://www.sqlite.org/fileformat2.html.
"""

import shutil
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from phichat.chat.conversation import Role, title_of
from phichat.files import is_there, open_private
from phichat.i18n import tr, tr_count
from phichat.store import connections, file_header, migrations, rows, writes
from phichat.store.failures import DatabaseDamaged
from phichat.store.integrity import check_integrity
from phichat.store.losses import Losses
from phichat.store.rows import fetch_dicts, fetch_value
from phichat.store.write_ahead_log import PAGE_SIZE, WriteAheadLog, read_log

TABLES = ("conversations", "messages", "days")

MIN_COLUMNS = 14
"""A row on a page has at least as many columns as the first version's conversations."""

MAX_REPEATED_ROWS = 1000
"""Duplicate rows in an index after which its pages are taken for a cycle."""

_RowDict = dict[str, Any]


def recover(file: Path, fresh: Path) -> str:
    """Replace `file` by `fresh`, made of all that can be read, and keep it; return a notice for the user."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    with closing(connections.connect(fresh)) as target:
        migrations.migrate(target)
        target.execute("BEGIN")
        losses = Losses()
        _copy_rows(file, target, losses)
        _adopt_orphans(target)
        target.execute("COMMIT")
        count = fetch_value(target, "SELECT count(*) FROM conversations WHERE deleted IS NULL")
        lost = losses.sentence(target) if count else ""
    kept = _set_aside(file)
    fresh.replace(file)
    recovered = tr_count("{count} conversation was recovered", "{count} conversations were recovered", count)
    if not lost:
        sentences = tr("The history was damaged. {recovered}. The damaged file was kept as {name}.")
    else:
        sentences = tr("The history was damaged. {recovered}. {lost} The damaged file was kept as {name}.")
    return sentences.format(recovered=recovered, lost=lost, name=kept.name)


def is_empty(file: Path) -> bool:
    """Return whether `file` is there with nothing in it, which SQLite takes for a new database."""
    try:
        return file.stat().st_size == 0
    except OSError:
        return False


def notice_of_empty(file: Path) -> str:
    """Return a notice for the user that `file` has lost everything, with the backup if there is one; "" if not so."""
    if not is_empty(file):
        return ""
    backups = sorted(file.parent.glob(f"{file.name}.v*.bak"), key=lambda path: path.stat().st_mtime)
    if not backups:
        return tr(
            "The history file is empty, so its conversations are lost. If you have a backup of {file}, "
            "close Phichat and restore the backup."
        ).format(file=file)
    return tr(
        "The history file is empty, so its conversations are lost. To restore the last backup, close "
        "Phichat and rename {backup} to {name}."
    ).format(backup=backups[-1], name=file.name)


def _copy_rows(file: Path, target: Connection, losses: Losses) -> None:
    """Copy every row that can be found, and note what isn't; the newest version of each is taken first, and stays."""
    log = read_log(file)
    if log.is_damaged or file_header.is_damaged(file) or is_empty(file):
        with _image(file, log, takes_damaged=True) as image:
            if _is_intact(image) and _copy_readable_rows(image, target, losses):
                return
        with _image(file, log, takes_damaged=False) as image:
            is_complete = _copy_readable_rows(image, target, losses) and not log.is_damaged
    else:
        is_complete = _copy_readable_rows(file, target, losses)
    if not is_complete:
        losses.is_complete = False
        _copy_rows_from_pages(file, log, target)


@contextmanager
def _image(file: Path, log: WriteAheadLog, *, takes_damaged: bool) -> Iterator[Path]:
    """Make a database of `file` with a valid header and the pages in its log, for a while."""
    image = file.with_name(file.name + ".image")
    last = log.frames[-1] if log.frames and log.frames[-1].is_whole else None
    image.unlink(missing_ok=True)
    try:
        with file.open("rb") as source, open_private(image, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            most = last.pages if last else copy.tell() // PAGE_SIZE + len(log.frames)
            for number, page in log.pages(damaged=takes_damaged).items():
                if 0 < number <= most:
                    copy.seek((number - 1) * PAGE_SIZE)
                    copy.write(page)
            if last:
                copy.truncate(most * PAGE_SIZE)
        file_header.repair(image)
        yield image
    finally:
        image.unlink(missing_ok=True)


def _is_intact(file: Path) -> bool:
    try:
        with closing(connections.connect(file, "ro")) as connection:
            check_integrity(connection)
    except (sqlite3.Error, UnicodeError):
        return False
    return True


def _copy_readable_rows(file: Path, target: Connection, losses: Losses) -> bool:
    """Copy every row that SQLite can read; return whether it read all tables to their ends."""
    try:
        with closing(connections.connect(file, "ro")) as source:
            losses.read_index(source)
            source.text_factory = lambda data: data.decode("utf-8", "replace")
            losses.is_complete = all([_copy_table(source, target, table) for table in TABLES])  # noqa: C419 - copies every table, whatever became of the one before
            return losses.is_complete
    except (sqlite3.Error, UnicodeError):  # not a database at all
        return False


def _copy_table(source: Connection, target: Connection, table: str) -> bool:
    for direction in ("ASC", "DESC"):
        query = f"SELECT * FROM {table} NOT INDEXED ORDER BY number {direction}"  # noqa: S608 - our own names
        try:
            before = None
            for row in fetch_dicts(source, query):
                if before is not None and (row["number"] > before) != (direction == "ASC"):
                    raise DatabaseDamaged("pages lead back to each other, and would without end")
                before = row["number"]
                _restore_row(target, table, row)
        except (sqlite3.Error, UnicodeError):
            continue
        return True
    return _copy_rows_by_index(source, target, table)


def _copy_rows_by_index(source: Connection, target: Connection, table: str) -> bool:
    """Copy the rows that an index finds; return False, as rows that the table does not reach are missing."""
    indexes = source.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (table,)
    ).fetchall()
    for (index,) in indexes:
        for number in _row_numbers(source, f"SELECT number FROM {table} INDEXED BY {index}"):  # noqa: S608
            query = f"SELECT * FROM {table} NOT INDEXED WHERE number = {number}"  # noqa: S608
            with suppress(sqlite3.Error, UnicodeError):
                for row in fetch_dicts(source, query):
                    _restore_row(target, table, row)
    return False


def _row_numbers(source: Connection, query: str) -> set[int]:
    numbers: set[int] = set()
    repeated = 0
    with suppress(sqlite3.Error, UnicodeError, TypeError, ValueError):
        for row in source.execute(query):
            repeated += int(row[0]) in numbers
            numbers.add(int(row[0]))
            if repeated > MAX_REPEATED_ROWS:
                break
    return numbers


def _copy_rows_from_pages(file: Path, log: WriteAheadLog, target: Connection) -> None:
    """Copy the rows found on any page that are not in `target` yet."""
    names = {table: [row[1] for row in target.execute(f"PRAGMA table_info ({table})")] for table in TABLES}
    for number, values in rows_from_pages(file, log, lambda count: count >= MIN_COLUMNS):
        is_message = values[4] in set(Role)
        table = "messages" if is_message else "conversations"
        row = dict(zip(names[table], values, strict=False)) | {"number": number}
        if len(values) <= len(names[table]):
            _restore_row(target, table, row)


def _restore_row(target: Connection, table: str, row: _RowDict) -> None:
    """Insert a row, or only its main columns if others are invalid; do nothing if its number is taken."""
    main = ("number", "id", "conversation", "parent", "role", "title", "created", "changed", "deleted", "text")
    for values in (row, {name: row[name] for name in main if name in row}):
        with suppress(sqlite3.Error, TypeError, ValueError, AttributeError, OverflowError):
            rows.insert_row(target, table, values)
            if table == "messages":
                writes.index_message(target, row["number"], rows.searchable_text(row["text"], row.get("attachments")))
            elif table == "conversations":
                writes.index_title(target, row["number"], row["title"])
            return


def _adopt_orphans(target: Connection) -> None:
    """Create a conversation for messages that have lost theirs."""
    lost = target.execute(
        "SELECT conversation, min(number), max(created), id FROM messages"
        " WHERE conversation NOT IN (SELECT number FROM conversations) GROUP BY conversation"
    )
    for number, first, changed, name in lost.fetchall():
        text = fetch_value(target, "SELECT text FROM messages WHERE number = ?", first)
        values = {"number": number, "id": f"recovered-{name}", "title": title_of(text) or tr("Recovered conversation")}
        _restore_row(target, "conversations", values | {"created": changed, "changed": changed})


def _set_aside(file: Path) -> Path:
    """Rename the damaged file and its journals; return the new path."""
    day, count = time.strftime("%Y-%m-%d"), 1
    kept = file.with_name(f"{file.stem}.damaged-{day}{file.suffix}")
    while is_there(kept):
        count += 1
        kept = file.with_name(f"{file.stem}.damaged-{day}-{count}{file.suffix}")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).replace(kept.with_name(kept.name + suffix))
    return kept


_TABLE_LEAF_PAGE = 13

_ReadPage = Callable[[int], bytes]


def rows_from_pages(
    file: Path, log: WriteAheadLog, is_wanted: Callable[[int], bool]
) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rowid and columns of each row on any leaf page, if `is_wanted` accepts its number of columns.

    Pages in the write-ahead log, which were committed last, come first; then those in it that are damaged.
    """
    newer, damaged = log.pages(), log.pages(whole=False, damaged=True)
    with file.open("rb") as opened:

        def read(number: int) -> bytes:
            if page := newer.get(number) or damaged.get(number):
                return page
            opened.seek((number - 1) * PAGE_SIZE)
            return opened.read(PAGE_SIZE).ljust(PAGE_SIZE, b"\0")

        for page in (*newer.values(), *damaged.values()):
            yield from _rows_of_page(page, read, is_wanted)
        for number in range(2, file.stat().st_size // PAGE_SIZE + 2):
            if number not in newer:
                opened.seek((number - 1) * PAGE_SIZE)
                yield from _rows_of_page(opened.read(PAGE_SIZE).ljust(PAGE_SIZE, b"\0"), read, is_wanted)


def _rows_of_page(page: bytes, read: _ReadPage, is_wanted: Callable[[int], bool]) -> Iterator[tuple[int, list[Any]]]:
    if page[0] != _TABLE_LEAF_PAGE:
        return
    count = int.from_bytes(page[3:5], "big")
    for at in range(8, min(8 + 2 * count, PAGE_SIZE - 1), 2):
        with suppress(IndexError, ValueError, struct.error, OverflowError):
            found = _decode_cell(page, int.from_bytes(page[at : at + 2], "big"), read, is_wanted)
            if found:
                yield found


def _decode_cell(
    page: bytes, at: int, read: _ReadPage, is_wanted: Callable[[int], bool]
) -> tuple[int, list[Any]] | None:
    size, at = _decode_varint(page, at)
    number, at = _decode_varint(page, at)
    here = _local_payload_size(size)
    payload = page[at : at + here]
    kinds, start = _serial_types(payload)
    if not is_wanted(len(kinds)) or number < 0:
        return None
    if here < size:
        payload += _read_overflow_pages(int.from_bytes(page[at + here : at + here + 4], "big"), size - here, read)
    return number, list(_decode_columns(payload, kinds, start))


def _local_payload_size(size: int) -> int:
    """Return how many bytes of a row's payload are on its own page; the rest is on overflow pages."""
    most, least = PAGE_SIZE - 35, (PAGE_SIZE - 12) * 32 // 255 - 23
    if size <= most:
        return size
    here = least + (size - least) % (PAGE_SIZE - 4)
    return here if here <= most else least


def _read_overflow_pages(number: int, size: int, read: _ReadPage) -> bytes:
    parts, seen = [], {0, 1}
    while size > 0:
        if number in seen:
            raise ValueError("the chain ends too early, or never")
        seen.add(number)
        page = read(number)
        number = int.from_bytes(page[:4], "big")
        parts.append(page[4 : 4 + size])
        size -= PAGE_SIZE - 4
    return b"".join(parts)


def _serial_types(payload: bytes) -> tuple[list[int], int]:
    """Return the serial types of a record's header, and where its body begins."""
    length, at = _decode_varint(payload, 0)
    kinds = []
    while at < length:
        kind, at = _decode_varint(payload, at)
        kinds.append(kind)
    return kinds, length


def _decode_columns(payload: bytes, kinds: list[int], at: int) -> Iterator[Any]:
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
        data, at = payload[at : at + size], at + size
        if len(data) < size:
            raise ValueError("the row ends too early")
        if kind >= 12:
            yield data.decode("utf-8", "replace") if kind % 2 else data
        elif kind == 7:
            yield struct.unpack(">d", data)[0]
        else:
            yield None if kind == 0 else 1 if kind == 9 else int.from_bytes(data, "big", signed=True)


def _decode_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(8):
        byte = data[at + count]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + count + 1
    return value << 8 | data[at + 8], at + 9

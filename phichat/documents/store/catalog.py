"""Collections, what was added to them, and the files that are there."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, Row

from phichat.documents.library import Collection, FileState, FileStatus

NO_VERSION = -1, 0
"""Size and time of modification that no file has, so that it is read again: of one that the disk couldn't read."""

_NO_TEXT = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile("\0([0-9a-f]{4})")


def path_text(path: Path) -> str:
    """Return a path as the database can store it: a byte that is no UTF-8 comes after a NUL, which no path has."""
    return _NO_TEXT.sub(lambda found: f"\0{ord(found[0]):04x}", str(path))


def path_from(text: str) -> Path:
    """Return the path that `path_text` made `text` of."""
    return Path(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))


@dataclass(frozen=True)
class StoredFile:
    """A row of `files`, and the name and time by which a change of the file is noticed."""

    number: int
    path: Path
    state: FileState
    size: int
    modified: int
    text: int | None
    error: str


def collections(connection: Connection, name: str | None = None) -> list[Collection]:
    """Return the collection called `name`, or all that belong to no conversation, by name."""
    chosen, values = ("name = ?", (name,)) if name is not None else ("conversation = ''", ())
    rows = connection.execute(
        f"SELECT number, name, conversation FROM collections WHERE {chosen} ORDER BY name",
        values,
    ).fetchall()
    return [_collection(connection, *row) for row in rows]


def _collection(connection: Connection, number: int, name: str, conversation: str) -> Collection:
    paths = connection.execute("SELECT path FROM sources WHERE collection = ? ORDER BY path", (number,)).fetchall()
    states = dict(
        connection.execute(
            "SELECT state, count(DISTINCT path) FROM files WHERE source IN"
            " (SELECT number FROM sources WHERE collection = ?) GROUP BY state",
            (number,),
        ).fetchall()
    )
    passages = connection.execute(
        "SELECT count(*) FROM (SELECT text FROM files WHERE source IN (SELECT number FROM sources WHERE collection = ?)"
        " GROUP BY path) AS file JOIN passages ON passages.text = file.text",
        (number,),
    ).fetchone()[0]
    waiting, failed, missing = (states.get(state, 0) for state in ("waiting", "failed", "missing"))
    return Collection(
        name, conversation, tuple(path_from(path) for (path,) in paths), sum(states.values()), waiting, failed, missing,
        passages,
    )  # fmt: skip


TEXTS = (
    "SELECT files.text FROM files JOIN sources ON files.source = sources.number"
    " JOIN collections ON sources.collection = collections.number WHERE collections.name IN ({names})"
    " AND files.text IS NOT NULL"
)
"""The numbers of the texts in some collections, for as many names as there are placeholders."""


def placeholders(values: Sequence[object]) -> str:
    """Return a "?" for each value."""
    return ", ".join("?" * len(values))


def file_states(connection: Connection, name: str) -> list[FileStatus]:
    """Return the files of a collection by path; one that was added twice is there once."""
    rows = connection.execute(
        "SELECT files.path, files.state, files.error, files.is_locked, texts.notes, texts.title, texts.pages,"
        " files.size, (SELECT count(*) FROM passages WHERE passages.text = files.text)"
        " FROM files JOIN sources ON files.source = sources.number"
        " JOIN collections ON sources.collection = collections.number LEFT JOIN texts ON files.text = texts.number"
        " WHERE collections.name = ? GROUP BY files.path ORDER BY files.path",
        (name,),
    ).fetchall()
    return [_file_status(row) for row in rows]


def _file_status(row: Row) -> FileStatus:
    path, state, error, is_locked, notes, title, pages, size, passages = row
    return FileStatus(
        path_from(path),
        FileState(state),
        error,
        tuple(json.loads(notes or "[]")),
        title or "",
        pages or 0,
        passages,
        is_locked=bool(is_locked),
        is_unreachable=state == FileState.FAILED and size == NO_VERSION[0],
    )


def add_sources(connection: Connection, name: str, paths: Sequence[Path], conversation: str) -> None:
    """Add paths to the collection, which is made if there is none."""
    connection.execute(
        "INSERT OR IGNORE INTO collections (name, conversation, created) VALUES (?, ?, ?)",
        (name, conversation, time.time()),
    )
    (number,) = connection.execute("SELECT number FROM collections WHERE name = ?", (name,)).fetchone()
    connection.executemany(
        "INSERT OR IGNORE INTO sources (collection, path) VALUES (?, ?)", [(number, path_text(path)) for path in paths]
    )


def remove_sources(connection: Connection, name: str, paths: Sequence[Path]) -> int:
    """Remove paths from the collection, or all of it without any; return how many sources went."""
    if paths:
        gone = connection.execute(
            f"DELETE FROM sources WHERE path IN ({placeholders(paths)})"
            " AND collection = (SELECT number FROM collections WHERE name = ?)",
            (*map(path_text, paths), name),
        ).rowcount
    else:
        gone = connection.execute("DELETE FROM collections WHERE name = ?", (name,)).rowcount
    delete_unused_texts(connection)
    return gone


def remove_own(connection: Connection, conversations: Sequence[str], *, others: bool) -> int:
    """Remove the collections of these conversations, or of all `others`; return how many."""
    gone = connection.execute(
        f"DELETE FROM collections WHERE conversation != '' AND conversation {'NOT' if others else ''} IN"
        " (SELECT value FROM json_each(?))",
        (json.dumps(list(conversations)),),
    ).rowcount
    delete_unused_texts(connection)
    return gone


def sources(connection: Connection, name: str) -> list[tuple[int, Path]]:
    """Return the number and path of what was added to a collection."""
    rows = connection.execute(
        "SELECT sources.number, path FROM sources JOIN collections ON sources.collection = collections.number"
        " WHERE name = ? ORDER BY path",
        (name,),
    ).fetchall()
    return [(number, path_from(path)) for number, path in rows]


def files_of(connection: Connection, source: int) -> list[StoredFile]:
    """Return the files of a source, by path."""
    rows = connection.execute(
        "SELECT number, path, state, size, modified, text, error FROM files WHERE source = ? ORDER BY path", (source,)
    ).fetchall()
    return [
        StoredFile(number, path_from(path), FileState(state), size, modified, text, error)
        for number, path, state, size, modified, text, error in rows
    ]


def add_files(connection: Connection, source: int, paths: Sequence[Path]) -> None:
    """Add files that wait to be indexed."""
    connection.executemany(
        "INSERT OR IGNORE INTO files (source, path, state) VALUES (?, ?, 'waiting')",
        [(source, path_text(path)) for path in paths],
    )


def remove_file(connection: Connection, number: int) -> None:
    """Remove a file that is no longer to be read."""
    connection.execute("DELETE FROM files WHERE number = ?", (number,))
    delete_unused_texts(connection)


def set_state(connection: Connection, number: int, state: FileState) -> None:
    """Set a file's state; what was read of it stays."""
    connection.execute("UPDATE files SET state = ? WHERE number = ?", (state, number))


def set_indexed(connection: Connection, file: StoredFile, text: int, size: int, modified: int) -> None:
    """Record that a file has this text."""
    known = connection.execute(
        "UPDATE files SET state = 'indexed', error = '', is_locked = 0, text = ?, size = ?, modified = ?"
        " WHERE number = ?",
        (text, size, modified, file.number),
    ).rowcount
    if not known or file.text not in {None, text}:  # not known: it was removed from the collection meanwhile
        delete_unused_texts(connection)


def set_failed(
    connection: Connection,
    file: StoredFile,
    error: str,
    size: int,
    modified: int,
    *,
    is_locked: bool = False,
    keeps_text: bool = False,
) -> None:
    """Record why a file could not be read, as a sentence; what was read of it before goes unless it `keeps_text`."""
    connection.execute(
        "UPDATE files SET state = 'failed', error = ?, is_locked = ?, text = CASE WHEN ? THEN text END, size = ?,"
        " modified = ? WHERE number = ?",
        (error, is_locked, keeps_text, size, modified, file.number),
    )
    if file.text is not None and not keeps_text:
        delete_unused_texts(connection)


def delete_unused_texts(connection: Connection) -> None:
    """Delete the texts, with passages, words and vectors, that no file has any more."""
    unused = "SELECT number FROM texts WHERE number NOT IN (SELECT text FROM files WHERE text IS NOT NULL)"
    if not connection.execute(unused + " LIMIT 1").fetchone():
        return
    passages = f"SELECT number FROM passages WHERE text IN ({unused})"
    connection.execute(f"DELETE FROM passage_words WHERE rowid IN ({passages})")
    connection.execute(f"DELETE FROM vectors WHERE passage IN ({passages})")
    connection.execute(f"DELETE FROM passages WHERE text IN ({unused})")
    connection.execute(f"DELETE FROM texts WHERE number IN ({unused})")

"""Texts with their passages, words and vectors: written as a whole, and read by number."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from phichat.documents.base import Place
from phichat.documents.passages import Passage, count_words
from phichat.documents.store.catalog import TEXTS, path_from, placeholders
from phichat.store.search_text import fold


@dataclass
class DocumentText:
    """What was read of a file.

    Attributes:
        notes: what could not be read, as sentences.
    """

    sha256: str
    title: str
    pages: int
    notes: Sequence[str] = ()
    passages: Sequence[Passage] = ()


@dataclass(frozen=True)
class StoredPassage:
    """A passage, and where it stands in its text; `words` is its length."""

    number: int
    text: int
    position: int
    words: int
    passage: Passage


def text_number(connection: Connection, sha256: str) -> int | None:
    """Return the number of the text with this checksum; None if there is none."""
    found = connection.execute("SELECT number FROM texts WHERE sha256 = ?", (sha256,)).fetchone()
    return found[0] if found else None


def add_text(connection: Connection, document: DocumentText) -> int:
    """Store a text, unless one with its checksum is there; return its number."""
    if (known := text_number(connection, document.sha256)) is not None:
        return known
    sizes = [count_words(passage.full_text) for passage in document.passages]
    number = connection.execute(
        "INSERT INTO texts (sha256, title, pages, words, notes) VALUES (?, ?, ?, ?, ?)",
        (document.sha256, document.title, document.pages, sum(sizes), json.dumps(list(document.notes))),
    ).lastrowid
    assert number is not None  # noqa: S101 - an INSERT has one
    numbers = _new_numbers(connection, len(sizes))
    passages = zip(numbers, sizes, document.passages, strict=True)
    for position, (passage_number, words, passage) in enumerate(passages):
        _add_passage(connection, StoredPassage(passage_number, number, position, words, passage))
    return number


def _new_numbers(connection: Connection, count: int) -> range:
    """Return numbers that no passage ever had."""
    order = "UPDATE last_passage SET number = number + ? RETURNING number"
    ((last,),) = connection.execute(order, (count,)).fetchall()
    return range(last - count + 1, last + 1)


def _add_passage(connection: Connection, stored: StoredPassage) -> None:
    number, passage, place = stored.number, stored.passage, stored.passage.place
    where = place.page, place.line, json.dumps(place.heading)
    connection.execute(
        "INSERT INTO passages (number, text, position, words, page, line, heading, header, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, stored.text, stored.position, stored.words, *where, passage.header, passage.text),
    )
    connection.execute("INSERT INTO passage_words (rowid, text) VALUES (?, ?)", (number, fold(passage.searched_text)))


def add_vectors(connection: Connection, embedder: str, vectors: Iterable[tuple[int, bytes]]) -> None:
    """Store the vectors of passages, by number; not of those that are gone."""
    connection.execute("INSERT OR IGNORE INTO embedders (id) VALUES (?)", (embedder,))
    (number,) = connection.execute("SELECT number FROM embedders WHERE id = ?", (embedder,)).fetchone()
    connection.executemany(
        "INSERT OR REPLACE INTO vectors (embedder, passage, vectors)"
        " SELECT ?, number, ? FROM passages WHERE number = ?",
        ((number, packed, passage) for passage, packed in vectors),
    )


def delete_former_vectors(connection: Connection, embedder: str, former: Sequence[str], most: int) -> int:
    """Delete vectors of `former` embedders of passages that `embedder` has vectors of; return how many, up to `most`.

    Embedders of which none are left are deleted, too.
    """
    old = f"embedder IN (SELECT number FROM embedders WHERE id IN ({placeholders(former)}))"
    count = connection.execute(
        f"DELETE FROM vectors WHERE (embedder, passage) IN (SELECT embedder, passage FROM vectors WHERE {old}"
        " AND EXISTS (SELECT 1 FROM vectors AS own WHERE own.passage = vectors.passage"
        " AND own.embedder = (SELECT number FROM embedders WHERE id = ?)) LIMIT ?)",
        (*former, embedder, most),
    ).rowcount
    connection.execute(
        f"DELETE FROM embedders WHERE id IN ({placeholders(former)})"
        " AND NOT EXISTS (SELECT 1 FROM vectors WHERE embedder = embedders.number)",
        tuple(former),
    )
    return count


def has_embedders(connection: Connection, ids: Sequence[str]) -> bool:
    """Return whether there are vectors of any of these embedders."""
    query = f"SELECT 1 FROM embedders WHERE id IN ({placeholders(ids)})"
    return connection.execute(query, tuple(ids)).fetchone() is not None


def vectors_of(connection: Connection, embedder: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each passage with its vectors; never those of another embedder."""
    yield from connection.execute(
        "SELECT passage, vectors FROM vectors WHERE embedder = (SELECT number FROM embedders WHERE id = ?)"
        " ORDER BY passage",
        (embedder,),
    )


def count_with_vectors(connection: Connection, embedder: str, names: Sequence[str]) -> int:
    """Return of how many passages of some collections this embedder has made vectors."""
    found = connection.execute(
        f"SELECT count(*) FROM passages WHERE text IN ({TEXTS.format(names=placeholders(names))}) AND EXISTS"
        " (SELECT 1 FROM vectors WHERE passage = passages.number AND length(vectors) > 0"
        " AND embedder = (SELECT number FROM embedders WHERE id = ?))",
        (*names, embedder),
    ).fetchone()
    return int(found[0])


_WITHOUT_VECTORS = (
    f" WHERE text IN ({TEXTS.format(names='?')}) AND number > ? AND NOT EXISTS (SELECT 1 FROM vectors"
    " WHERE passage = passages.number AND embedder = (SELECT number FROM embedders WHERE id = ?))"
)


def count_without_vectors(connection: Connection, embedder: str, name: str) -> int:
    """Return how many passages of a collection this embedder has not seen yet."""
    found = connection.execute(f"SELECT count(*) FROM passages {_WITHOUT_VECTORS}", (name, 0, embedder)).fetchone()
    return int(found[0])


def passages_without_vectors(
    connection: Connection, embedder: str, name: str, after: int, most: int
) -> list[StoredPassage]:
    """Return passages of a collection that this embedder has not seen yet, by number, those after number `after`."""
    rows = connection.execute(
        f"{_PASSAGES} {_WITHOUT_VECTORS} ORDER BY number LIMIT ?", (name, after, embedder, most)
    ).fetchall()
    return [_stored(row) for row in rows]


_PASSAGES = "SELECT passages.number, text, position, words, page, line, heading, header, body FROM passages"


def load_passages(connection: Connection, numbers: Sequence[int]) -> dict[int, StoredPassage]:
    """Return passages by number."""
    rows = connection.execute(
        f"{_PASSAGES} WHERE number IN ({placeholders(numbers)})",
        tuple(numbers),
    ).fetchall()
    return {row[0]: _stored(row) for row in rows}


def passages_of_text(connection: Connection, text: int, first: int = 0, last: int = 1 << 40) -> list[StoredPassage]:
    """Return the passages of a text from position `first` to `last`."""
    rows = connection.execute(
        f"{_PASSAGES} WHERE text = ? AND position BETWEEN ? AND ? ORDER BY position",
        (text, first, last),
    ).fetchall()
    return [_stored(row) for row in rows]


def texts_of(connection: Connection, names: Sequence[str]) -> dict[int, Path]:
    """Return the texts in some collections by number, each with the path of a file that has it."""
    chosen = TEXTS.format(names=placeholders(names)).replace("SELECT files.text", "SELECT files.text, files.path", 1)
    return {
        number: path_from(path)
        for number, path in connection.execute(f"{chosen} ORDER BY files.path DESC", tuple(names))
    }


def count_words_of(connection: Connection, names: Sequence[str]) -> int:
    """Return how many words the texts in some collections have."""
    chosen = TEXTS.format(names=placeholders(names))
    found = connection.execute(
        f"SELECT ifnull(sum(words), 0) FROM texts WHERE number IN ({chosen})",
        tuple(names),
    ).fetchone()
    return int(found[0])


def _stored(row: tuple[Any, ...]) -> StoredPassage:
    number, text, position, words, page, line, heading, header, body = row
    passage = Passage(body, Place(page, tuple(json.loads(heading)), line), header)
    return StoredPassage(number, text, position, words, passage)


def are_all_texts(connection: Connection, names: Sequence[str]) -> bool:
    """Return whether these collections have all texts there are."""
    chosen = TEXTS.format(names=placeholders(names))
    others = f"SELECT 1 FROM texts WHERE number NOT IN ({chosen}) LIMIT 1"
    return connection.execute(others, tuple(names)).fetchone() is None


def passage_numbers(connection: Connection, names: Sequence[str]) -> list[int]:
    """Return the numbers of the passages in some collections."""
    chosen = TEXTS.format(names=placeholders(names))
    rows = connection.execute(f"SELECT number FROM passages WHERE text IN ({chosen})", tuple(names)).fetchall()
    return [number for (number,) in rows]


def data_version(connection: Connection) -> tuple[int, int]:
    """Return what changes with every change of the database, whoever makes it."""
    return connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes

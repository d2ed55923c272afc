"""Lexical search: passages by the words they share with a question, ranked by BM25."""

import re
from collections.abc import Sequence
from sqlite3 import Connection

from phichat.documents.store.catalog import TEXTS, placeholders
from phichat.store.search_text import fold

MOST_WORDS = 32

COMMON, FEW = 0.5, 20
"""Share of the passages above which a word says nothing, if there are more than a few."""

LONG, ENDING = 6, 2
"""A word longer than LONG letters also matches with another ending: its last ENDING letters do not count."""

_WORD = re.compile("[0-9a-z\x80-\U0010ffff]+")  # what SQLite's tokenizer `ascii` takes for words


def words_of(text: str) -> list[str]:
    """Return the words of `text`, folded as they are in the index, each once."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))


def search_words(connection: Connection, names: Sequence[str], question: str, most: int) -> list[tuple[int, float]]:
    """Return the passages of some collections that share words with `question`: (number, BM25), the best first."""
    words = _telling_words(connection, words_of(question)[:MOST_WORDS])
    if not words:
        return []
    query = " OR ".join(f'"{word[:-ENDING]}"*' if len(word) > LONG else f'"{word}"' for word in words)
    chosen = TEXTS.format(names=placeholders(names))
    rows = connection.execute(
        "SELECT passage_words.rowid, bm25(passage_words) AS score FROM passage_words"
        " JOIN passages ON passages.number = passage_words.rowid"
        f" WHERE passage_words MATCH ? AND passages.text IN ({chosen}) ORDER BY score LIMIT ?",
        (query, *names, most),
    ).fetchall()
    return [(number, -score) for number, score in rows]


def word_counts(connection: Connection, words: Sequence[str]) -> dict[str, int]:
    """Return in how many passages of all each word is; those in none are left out."""
    return dict(
        connection.execute(
            f"SELECT term, doc FROM vocabulary WHERE term IN ({placeholders(words)})",
            tuple(words),
        ).fetchall()
    )


def _telling_words(connection: Connection, words: Sequence[str]) -> list[str]:
    """Return `words` without those that most passages have, or all if they are like that."""
    most = max(FEW, COMMON * connection.execute("SELECT count(*) FROM passages").fetchone()[0])
    counts = word_counts(connection, words)
    return [word for word in words if counts.get(word, 0) <= most] or list(words)

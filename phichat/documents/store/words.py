"""Lexical search: passages by the words they share with a question, ranked by BM25."""

import re
from collections.abc import Sequence
from sqlite3 import Connection

from phichat.documents.store.catalog import TEXTS, placeholders
from phichat.store.search_text import fold

MOST_WORDS = 32

COMMON, FEW, MANY = 0.5, 20, 10_000
"""Share of the passages above which a word says nothing, and numbers of passages below and above which it is not asked:
among 100,000, words in more than MANY cost most of the time, and change nothing in the order."""

LONG, ENDING = 6, 2
"""A word longer than LONG letters also matches with another ending: its last ENDING letters do not count."""

_WORD = re.compile("[0-9a-z\x80-\U0010ffff]+")  # what SQLite's tokenizer `ascii` takes for words

ASKING = frozenset(
    """
    a about am an and any are be can could did do does for from had has have how i if in is it me my of on or should
    tell that the there this to was were what when where which who why will with would you your
    a au aux avec ce ces cette combien comment d dans de des du elle en est et il j je l la le les ma me mes mon n on ou
    par peut peux pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa se ses son sont sur un une y
    auf bei bin das dem den der des die ein eine einen einer er es fur hat ich im in ist kann man mein meine mit muss
    sind um und von vor wann war warum was welche welchem welchen welcher welches wer wie wird wo womit zu zum zur
    al como con cual cuando de del donde el en es la las los mi por que quien se un una y
    che chi come con cosa da di dove e gli i il la le lo mi non per quale quando si un una
    """.split()  # noqa: SIM905 - a list of strings would take a page
)
"""Folded: whether a passage has them says nothing."""


def words_of(text: str) -> list[str]:
    """Return the words of `text`, folded as they are in the index, each once."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))


class WordCounts:
    """In how many passages each word is; remembered, as to count a frequent one takes milliseconds."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._passages: int | None = None

    def passages(self, connection: Connection) -> int:
        """Return how many passages there are."""
        if self._passages is None:
            self._passages = int(connection.execute("SELECT count(*) FROM passages").fetchone()[0])
        return self._passages

    def of(self, connection: Connection, words: Sequence[str]) -> dict[str, int]:
        """Return the counts of `words`; those in no passage have 0."""
        new = [word for word in words if word not in self._known]
        rows = connection.execute(f"SELECT term, doc FROM vocabulary WHERE term IN ({placeholders(new)})", tuple(new))
        self._known |= {**dict.fromkeys(new, 0), **dict(rows.fetchall())}
        return {word: self._known[word] for word in words}


def subject_of(question: str) -> str:
    """Return `question` without the words that only ask; all of it if it has no others."""
    telling = (word for word in question.replace("?", " ").split() if not ASKING.issuperset(words_of(word)))
    return " ".join(telling) or question


def search_words(
    connection: Connection, names: Sequence[str], question: str, most: int, counts: WordCounts
) -> list[tuple[int, float]]:
    """Return the passages of some collections that share words with `question`: (number, BM25), the best first."""
    words = _telling_words(connection, words_of(question)[:MOST_WORDS], counts)
    if not words:
        return []
    query = " OR ".join(f'"{word[:-ENDING]}"*' if len(word) > LONG else f'"{word}"' for word in words)
    chosen, values = texts_condition(connection, names)
    rows = connection.execute(
        "SELECT rowid, bm25(passage_words) AS score FROM passage_words"
        f" WHERE passage_words MATCH ? {chosen} ORDER BY score LIMIT ?",
        (query, *values, most),
    ).fetchall()
    return [(number, -score) for number, score in rows]


def texts_condition(connection: Connection, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return a condition for the passages of some collections, with its values; nothing if those are all there are."""
    chosen = TEXTS.format(names=placeholders(names))
    others = connection.execute(f"SELECT 1 FROM texts WHERE number NOT IN ({chosen}) LIMIT 1", tuple(names)).fetchone()
    if others is None:
        return "", ()
    return f"AND rowid IN (SELECT number FROM passages WHERE text IN ({chosen}))", tuple(names)


def _telling_words(connection: Connection, words: Sequence[str], counts: WordCounts) -> list[str]:
    """Return `words` without those that most passages have, or all if they are like that."""
    most = min(max(FEW, COMMON * counts.passages(connection)), MANY)
    found = counts.of(connection, words)
    return [word for word in words if found[word] <= most] or list(words)

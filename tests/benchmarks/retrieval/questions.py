"""The questions, with the document that answers each.

Those with the text's "own" words and in "other" words were written before anything was measured. To share no word
with the whole document, those in other words are so short and oblique that they are riddles. So each was then asked
again as a "whole" sentence, as people do, which may share a word or two. Last, somebody who knew no results worded
these so that they are "distinct": sentences that share no word with the passage that answers them, but for one of them.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phichat.unicode import FoldTable

FOLDER = Path(__file__).parent
STOP_WORDS = frozenset((FOLDER / "stop_words.txt").read_text("ascii").split())

_FOLDS = FoldTable()
STEM = 5
"""Letters by which words count as the same, whatever their endings."""


@dataclass(frozen=True)
class Question:
    """A question about a collection.

    Attributes:
        answer: the name of the document that answers it.
        kind: "own", "other", "whole" or "distinct", see above.
    """

    language: str
    collection: str
    answer: str
    kind: str
    text: str


@cache
def questions() -> tuple[Question, ...]:
    """Return all questions."""
    found: list[Question] = []
    language = collection = kind = ""
    for line in (FOLDER / "questions.txt").read_text("utf-8").splitlines():
        answer, _, text = line.partition(" | ")
        if text:
            found.append(Question(language, collection, answer, kind, text))
        elif line:
            language, collection, kind = line.split()
    return tuple(found)


def shared_words(question: str, document: str) -> set[str]:
    """Return the words of a question that its document has, too, but for those that say nothing."""
    there = {_stem(word) for word in _words(document)}
    return {word for word in _words(question) if word not in STOP_WORDS and _stem(word) in there}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", _FOLDS.fold(text))


def _stem(word: str) -> str:
    return word[:STEM]


def unrelated() -> list[tuple[str, str]]:
    """Return (language, text) of questions that no text answers."""
    lines = (FOLDER / "unrelated.txt").read_text("utf-8").splitlines()
    return [(language, text) for language, _, text in (line.partition(" | ") for line in lines)]

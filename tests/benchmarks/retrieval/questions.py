"""The questions, with the document that answers each; written before anything was measured."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phichat.unicode import FoldTable

STOP_WORDS = frozenset(
    """
    a about after all am an and any are as at be been before being by can could did do does doing for from get got had
    has have he her his how i if in into is it its just long made make may me mine more most much must my no not now of
    off on one or other our out own s so some somebody someone something such t than that the their them then there
    these they this to too up us use very was way we were what when where which while who whose why will with without
    would you your
    a ai au aucun aux avec c ce ces cet cette ceux chaque comme comment d dans de des du en est et etre fait faire faut
    il ils j je l la le les leur lui m ma mais mes mon mes n ne nous on ont ou par pas peut peux plus pour pourquoi puis
    que quel quelle quelles quels qu qui quoi rien s sa sans se ses si son sont sur t tes toi tout tous tres un une vos
    votre vous y
    aber als am an auch auf aus bei bin bis da damit das dass dem den der des die dies diese dieser doch du ein eine
    einem einen einer eines er es etwas euch eurer fur hat habe hatte ich ihm ihn ihr im in ist ja kann kein keine man
    mein meine meinem meinen mich mir mit muss nach nicht noch nur ob oder ohne sehr sein seine selbst sich sie sind so
    soll u uber um und uns unter viel vom von vor war warum was welche welcher welches wenn wer werden wie wieder wird
    wo zu zum zur
    """.split()  # noqa: SIM905 - a list of strings would take a page
)

_FOLDS = FoldTable()
STEM = 5
"""Letters by which words count as the same, whatever their endings."""


@dataclass(frozen=True)
class Question:
    """A question about a collection.

    Attributes:
        answer: the name of the document that answers it.
        has_other_words: whether it shares no word with that document.
    """

    language: str
    collection: str
    answer: str
    has_other_words: bool
    text: str


@cache
def questions() -> tuple[Question, ...]:
    """Return all questions."""
    found: list[Question] = []
    language = collection = words = ""
    for line in (Path(__file__).parent / "questions.txt").read_text("utf-8").splitlines():
        answer, _, text = line.partition(" | ")
        if text:
            found.append(Question(language, collection, answer, words == "other", text))
        elif line:
            language, collection, words = line.split()
    return tuple(found)


def shared_words(question: str, document: str) -> set[str]:
    """Return the words of a question that its document has, too, but for those that say nothing."""
    there = {_stem(word) for word in _words(document)}
    return {word for word in _words(question) if word not in STOP_WORDS and _stem(word) in there}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", _FOLDS.fold(text))


def _stem(word: str) -> str:
    return word[:STEM]

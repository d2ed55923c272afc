"""Grounding: which sentence of an answer is supported by which passage, found after the answer was written.

A small model need not cite, then. A sentence counts as supported if a part of a passage has most of its telling words,
whatever their endings, and the passage all of its numbers and what it writes as code; unless the clause that is most
like it denies what it says, or the numbers stand with other words. That is no proof: the same words may be in another
order, or of several sentences.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

from phichat.documents.sentences import ABBREVIATIONS, sentences
from phichat.unicode import FoldTable

LEAST_OVERLAP = 0.5
"""Share of a sentence's words, by weight, that a passage has at least. Of the sentences that
`python -m tests.benchmarks.retrieval.grounding` knows, 27 of 30 that are said reach it, and 2 of 27 that are not.
With what is not said put in the passage's own words, it is 64 of 72 and 58 of 95, and with numbers and denials that
are written in several ways, by which what follows was chosen, 25 of 32 and 1 of 24. The cosine of their vectors doesn't
tell these apart either."""

STEM, SHORT = 5, 3
"""Letters by which words count as the same, whatever their endings; shorter words than SHORT + 1 say nothing."""

MOST_PASSAGES = 2_000
"""What comes after these supports nothing: an imported conversation may have any number."""

FEWEST_WORDS = 2
"""Words that say something in a sentence; with fewer, such as "Yes.", there is nothing to support."""

WINDOW, STEP = 60, 20
"""Words that say something in the part of a passage that supports a sentence, which is looked for in steps: long
passages have most words of many a sentence somewhere."""

_FOLDS = FoldTable()
_NUMBER_WORDS = {
    word: str(number)
    for number, words in {
        2: "two deux zwei", 3: "three trois drei", 4: "four quatre vier", 5: "five cinq funf", 6: "six sechs",
        7: "seven", 8: "eight huit acht", 9: "nine neun", 10: "ten dix zehn", 11: "eleven onze",
        12: "twelve douze zwolf", 15: "fifteen quinze funfzehn", 20: "twenty vingt zwanzig",
        30: "thirty trente dreissig", 40: "forty quarante vierzig", 50: "fifty cinquante funfzig",
        60: "sixty soixante sechzig",
    }.items()
    for word in words.split()
}  # fmt: skip
"""Numbers that are written as words, folded; without those that also mean something else, such as "one", "neuf" (new),
"sept" (September) and "sieben" (to sift)."""

_OVEN = r"(?<=\b(?:au|du|le|un|de)\s)four\b"
_SCALE = r"hundred|thousand|mille|cent|(?:deux|trois|quatre|cinq|six|huit)[-\s]cents?"  # "20 cents" is money
_FIRST = "|".join([_SCALE, *_NUMBER_WORDS])
_LATER = "half|one|demie?|neuf|quatorze|seize|sept|treize|une?|vingts"
_LINK = r"[-\s]+(?:(?<=hundred\s)and\s+|and\s+a\s+(?=half)|et[-\s]+(?=un|onze|demi))?"
_NUMBER = re.compile(rf"\b(?!{_OVEN})(?:{_FIRST})(?:{_LINK}(?:{_FIRST}|{_LATER}))*\b")
"""A number in words. One of several words, such as "two hundred", counts as a word."""

_NUMBER_GAP = "[.,\u00a0\u202f]"
_WORD = re.compile(rf"\d+(?:{_NUMBER_GAP}\d+)*|[^\W\d_]+")
_GROUPING = re.compile(rf"(?<=\d){_NUMBER_GAP}(?=\d{{3}}(?!\d))")
_ABBREVIATED = re.compile(rf"\b({'|'.join(map(re.escape, ABBREVIATIONS))})\.(?=\s*\d)")
_NEGATION = re.compile(
    r"""\b(?:not(?!\s+(?:only|just)\b)|no(?!\s*\d)|never|none|nothing|nobody|neither|nor|cannot|without|except|unless
    |unable|forbidden|prohibited
    |jamais|aucune?|sans|sauf|ni|interdite?s?
    |nicht(?!\s+nur\b)|kein(?:e[mnrs]?)?|nie|niemals|ohne|nichts|weder|ausser|verboten
    |non(?!\s+seulement\b)|nunca|nao)\b
    |n['’]t\b(?!\s+(?:only|just)\b)
    |\bn(?:e\b|['’](?=\w))(?!\W*(?:(?:(?!pas|plus|rien|jamais|aucun)[\w'’]+\s+){1,4}que|\w+\s+pas\s+seulement)\b)""",
    re.VERBOSE,
)
"""Says in a folded text that something is not so; "not only" and "ne … que" do not, nor does "no 5"."""

_SENTENCE = re.compile(r"(?<=[.!?;:…。！？])\s+|\n\s*\n")
_PHRASE = re.compile(
    r"(?<=[.!?;:…,。！？])\s+|\n\s*\n|\s+(?=(?:because|but|except|unless|while|mais|aber|denn|sondern|weil)\b)"
)
_CLAUSE = re.compile(_PHRASE.pattern + r"|\s+(?=(?:and|if|so|et|sauf|si|und|wenn)\b)")
"""Where a text is cut to compare what it says: a number belongs to a phrase, a "not" to a clause."""

_OWN_NUMBER = re.compile(r"(?<!`)`[^`\n]+`(?!`)|(\[\d{1,2}(?:\s?[,;–-]\s?\d{1,2})*\](?!\())")
"""The number of a passage, or several, that the model wrote itself, or a code span, where it means something else."""

_HEADING = re.compile(r"#{1,6}\s")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Support:
    """A sentence of an answer.

    Attributes:
        start: where it begins in the answer; `end` is where it ends.
        passage: the number of the passage that supports it, from 1; None if none does.
        score: from 0 to 1, how much of it the best passage has.
    """

    start: int
    end: int
    passage: int | None
    score: float


class Grounder:
    """Finds which of `passages` supports a sentence."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._known = [_Known(_plain(text)) for text in passages[:MOST_PASSAGES]]
        self._with_stem: dict[str, list[int]] = {}
        for at, known in enumerate(self._known):
            for stem in known.stems:
                self._with_stem.setdefault(stem, []).append(at)

    def support(self, answer: str, start: int, end: int) -> Support | None:
        """Return what supports the sentence at a range of `answer`; None if the sentence says nothing.

        Questions and headings say nothing, and neither does what only leads to what follows it.
        """
        text = _plain(_OWN_NUMBER.sub(lambda found: "" if found[1] else found[0], answer[start:end]))
        words = _words(text)
        if _says_nothing(answer[start:end]) or len({*words}) < FEWEST_WORDS or not self._known:
            return None
        code = {word for span in _CODE.findall(text) for word in _words(span)}
        weights = self._weights(words)
        said = _Said(text)
        scores: dict[int, float] = {}
        for at in self._likely(weights):
            known = self._known[at]
            score = _overlap(words, weights, known) if code <= known.words else 0.0
            scores[at] = 0.0 if score >= LEAST_OVERLAP and known.says_otherwise(said) else score
        best = max(scores, key=lambda at: (scores[at] >= LEAST_OVERLAP, round(scores[at], 1), -at))
        is_supported = scores[best] >= LEAST_OVERLAP
        return Support(start, end, best + 1 if is_supported else None, scores[best])

    def _weights(self, words: Sequence[str]) -> dict[str, float]:
        """Return how much the stem of each word counts: that of a word which all passages have counts less."""
        every = len(self._known)
        stems = {_stem(word) for word in words}
        return {stem: log(1 + every / (1 + len(self._with_stem.get(stem, ())))) for stem in stems}

    def _likely(self, weights: dict[str, float]) -> list[int]:
        """Return the passages that have enough of the words somewhere, or the one that has the most."""
        there = dict.fromkeys(range(1), 0.0)
        for stem, weight in weights.items():
            for at in self._with_stem.get(stem, ()):
                there[at] = there.get(at, 0.0) + weight
        least = LEAST_OVERLAP * sum(weights.values()) * (1 - 1e-9)
        return [at for at, weight in there.items() if weight >= least] or [max(there, key=lambda at: there[at])]


def ground(answer: str, passages: Sequence[str]) -> list[Support]:
    """Return the sentences of `answer` that say something, with the passage that supports each, in order."""
    grounder = Grounder(passages)
    found = (grounder.support(answer, start, end) for start, end in sentences(answer))
    return [support for support in found if support]


def _says_nothing(sentence: str) -> bool:
    return bool(_HEADING.match(sentence)) or sentence.rstrip('*_"”’»)] ').endswith(("?", "？", ":", "："))


class _Clause:
    """The words of a part of a sentence, and whether it says that something is not so."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.numbers = {word for word in words if word[0].isdigit()}
        self.stems = {_stem(word) for word in words} - self.numbers
        self.is_negative = bool(_NEGATION.search(text))


class _Said:
    """A sentence of an answer, in clauses and as a whole."""

    def __init__(self, text: str) -> None:
        self.clauses, self.whole = _cut(text, _CLAUSE), [_Clause(text)]


def _cut(text: str, ends: re.Pattern[str]) -> list[_Clause]:
    return [_Clause(part) for part in ends.split(text) if part.strip()]


def _is_denied(said: Sequence[_Clause], known: Sequence[_Clause]) -> bool:
    """Return whether what is most like a clause of `said` is negative where it is not, or the other way round."""
    for clause in said:
        shared = [len(clause.stems & each.stems) for each in known]
        most = max(shared, default=0)
        alike = {each.is_negative for each, number in zip(known, shared, strict=True) if number == most}
        if most and clause.is_negative not in alike:
            return True
    return False


def _has_other_numbers(said: Sequence[_Clause], known: Sequence[_Clause]) -> bool:
    """Return whether a number stands with fewer words of its clause than other parts of the passage have."""
    for clause in said:
        shared = [len(clause.stems & each.stems) for each in known]
        for number in clause.numbers:
            with_number = [count for each, count in zip(known, shared, strict=True) if number in each.numbers]
            if max(with_number, default=0) < max(shared, default=0):
                return True
    return False


class _Known:
    """The words of a passage."""

    def __init__(self, text: str) -> None:
        self._text = text
        words = _words(text)
        self._stems = [_stem(word) for word in words]
        self.stems, self.words = {*self._stems}, {*words}
        self.numbers = {word for word in words if word[0].isdigit()}

    @cached_property
    def windows(self) -> list[set[str]]:
        """The stems of each part that may support a sentence."""
        starts = range(0, max(len(self._stems) - WINDOW + STEP, 1), STEP)
        return [{*self._stems[at : at + WINDOW]} for at in starts]

    @cached_property
    def _sentences(self) -> list[_Clause]:
        return _cut(self._text, _SENTENCE)

    @cached_property
    def _phrases(self) -> list[_Clause]:
        return _cut(self._text, _PHRASE)

    @cached_property
    def _clauses(self) -> list[_Clause]:
        return _cut(self._text, _CLAUSE)

    def says_otherwise(self, said: _Said) -> bool:
        """Return whether the passage denies what is said, both in a clause and as a whole, or has other numbers."""
        is_denied = _is_denied(said.clauses, self._clauses) and _is_denied(said.whole, self._sentences)
        return is_denied or _has_other_numbers(said.clauses, self._phrases)


def _overlap(words: Sequence[str], weights: dict[str, float], passage: _Known) -> float:
    """Return the share of the words, by weight, that a part of the passage has, 0 if it all lacks a number."""
    if any(word[0].isdigit() and word not in passage.numbers for word in words):
        return 0.0
    there = max(sum(weights[stem] for stem in weights.keys() & window) for window in passage.windows)
    return there / sum(weights.values())


def _plain(text: str) -> str:
    """Return `text` folded, with numbers of a single word as digits, and without the dot of "approx. 5"."""
    # Grouping is removed before folding, which makes plain spaces of the narrow ones.
    folded = _ABBREVIATED.sub(r"\1", _FOLDS.fold(_GROUPING.sub("", text)))
    return _NUMBER.sub(lambda found: _NUMBER_WORDS.get(found[0]) or re.sub(r"[\s-]+", "", found[0]), folded)


def _words(text: str) -> list[str]:
    """Return the words of a plain text that say something."""
    return [word for word in _WORD.findall(text) if word[0].isdigit() or len(word) > SHORT]


def _stem(word: str) -> str:
    return word if word[0].isdigit() else word[:STEM]

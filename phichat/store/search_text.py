"""Full-text search: fold text for the index, parse queries, and make excerpts around matches."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from phichat.unicode import FoldTable, replace_surrogates

MAX_WORDS, MAX_TOKENS_PER_WORD = 16, 32
MAX_EXCERPT_SCAN = 1_000_000
"""Characters of a message that are searched for an excerpt; after them, its beginning is shown."""

_CHUNK, _OVERLAP = 4096, 256
_BEFORE, _LENGTH = 40, 160

_TOKEN = "[0-9a-z\x80-\U0010ffff]"  # noqa: S105 - what SQLite's tokenizer `ascii` takes for a token character
_NO_TOKEN = f"[^{_TOKEN[1:]}"

_UNSPACED_SCRIPTS = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x30FF),  # radicals and kana
    (0x3100, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)  # fmt: skip
"""Code point ranges of scripts without spaces between words: each character becomes a word."""

_SIGNS = "+#$%&@*=<>^~|\\"
"""ASCII signs that tell a word from another; the index has none. Hyphens, points and slashes only join words."""

_PUNCTUATION = ".,;:!?()[]{}\"'`"
_BLANKS = dict.fromkeys((*range(32), 127, 133, 8232, 8233), " ")


def fold(text: str) -> str:
    """Return `text` without accents and case, with ASCII spaces between words; each character is folded by itself.

    The index's tokenizer is `ascii`, which splits at these spaces only, so that SQLite's Unicode tables do not matter.
    """
    return _FOLDS.fold(text)


def parse_query(typed: str) -> list[list[str]]:
    """Split `typed` into words, each a list of tokens: more than one in scripts without spaces."""
    found = (
        re.findall(_TOKEN + "+", fold(word))[:MAX_TOKENS_PER_WORD] for word in replace_surrogates(typed[:2000]).split()
    )
    return [tokens for tokens in found if tokens][:MAX_WORDS]


def parse_signs(typed: str) -> list[str]:
    """Return the words of `typed` in which signs count, such as `c++` or `$23`, as `has_signs` wants them.

    Signs at the end of a sentence, and around quoted words, do not count.
    """
    words = (word.strip(_PUNCTUATION) for word in replace_surrogates(typed[:2000]).casefold().split()[:MAX_WORDS])
    return [word for word in words if any(sign in word for sign in _SIGNS)]


def has_signs(text: str, words: list[str]) -> bool:
    """Return whether `text` has each of `words`, at the beginning of a word if it begins with a letter or digit."""
    folded = text.casefold() if words else ""
    return all(word in folded and re.search(_bounded(word), folded) for word in words)


def _bounded(word: str) -> str:
    return (r"(?<!\w)" if word[0].isalnum() else "") + re.escape(word)


def fts_query(phrases: list[list[str]]) -> str:
    """Return an FTS5 query for texts that have each phrase as a prefix. Tokens are quoted, so they cannot be syntax."""
    return " ".join(f'"{" ".join(tokens)}"*' for tokens in phrases)


class Excerpts:
    """Cuts excerpts out of texts around the first match of any phrase."""

    def __init__(self, phrases: list[list[str]], signs: Sequence[str] = ()) -> None:
        """`signs` are the words in which signs count, as `parse_signs` returns them."""
        self._signs = re.compile("|".join(map(_bounded, signs))) if signs else None
        words = (f"{_NO_TOKEN}+".join(map(re.escape, tokens)) for tokens in phrases)
        self._pattern = re.compile(f"(?<!{_TOKEN})(?:{'|'.join(sorted(words, key=len, reverse=True))})")

    def excerpt(self, text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
        """Return one line of `text` around the first match, and the ranges (start, end) of all matches in it."""
        start = max(self._find(text) - _BEFORE, 0)
        if start:  # begin with a whole word, if one starts soon
            start = next((at + 1 for at in range(start, start + _BEFORE // 2) if text[at].isspace()), start)
        line = text[start : start + _LENGTH].translate(_BLANKS)
        before, after = "…" * (start > 0), "…" * (start + _LENGTH < len(text))
        marks = tuple((begin + len(before), end + len(before)) for begin, end in self._marks(line))
        return before + line + after, marks

    def _find(self, text: str) -> int:
        for start in range(0, min(len(text), MAX_EXCERPT_SCAN), _CHUNK):
            begin = max(start - _OVERLAP, 0)
            for place, _ in self._marks(text[begin : start + _CHUNK]):
                return begin + place
        return 0

    def _marks(self, text: str) -> Iterator[tuple[int, int]]:
        if self._signs:
            yield from (match.span() for match in self._signs.finditer(text.lower()))
            return
        places: list[int] | range | None = None
        for match in self._pattern.finditer(fold(text)):
            places = places or _FOLDS.origins(text)
            yield places[match.start()], places[match.end() - 1] + 1


def _fold_character(letter: str) -> str:
    category, code = unicodedata.category(letter), ord(letter)
    if code < 128:
        return letter if letter.isalnum() else " "
    if unicodedata.combining(letter) or category in {"Cf", "Sk", "Cs"} or 0xFE00 <= code <= 0xFE0F:
        return ""
    if category[0] in "LNM" or category == "Co":
        return _separate_words(letter, code)
    return f" {letter} " if category[0] == "S" else " "  # symbols and emoji are words of their own


def _separate_words(letter: str, code: int) -> str:
    if 0x1100 <= code <= 0x115F:  # each Korean syllable begins a word, to be found while it is still being typed
        return " " + letter
    return f" {letter} " if any(first <= code <= last for first, last in _UNSPACED_SCRIPTS) else letter


_FOLDS = FoldTable(_fold_character)

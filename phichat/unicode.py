"""Unicode helpers: UTF-16 lengths as Qt counts, case and accent folding, names from outside, lone surrogates."""

import unicodedata
from collections.abc import Callable
from itertools import pairwise


def replace_surrogates(text: str) -> str:
    """Return `text` with each lone surrogate, which no encoding can store, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shortened(text: str, most: int) -> str:
    """Return `text` with "…" for its middle if it is longer than `most` characters."""
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


LONGEST_TITLE = 200  # characters
_BIDI_CONTROLS = range(0x202A, 0x202F), range(0x2066, 0x206A)
_HARMFUL = {
    code: None
    for codes in (range(0x20), range(0x7F, 0xA0), *_BIDI_CONTROLS)
    for code in codes
    if not chr(code).isspace()
}


def without_controls(text: str) -> str:
    """Return a name or title from outside without control characters, and without those that turn text around.

    Such a name would look like another one, or be cut off where it is shown. White space stays.
    """
    return text if text.isprintable() else text.translate(_HARMFUL)


def short_title(text: str) -> str:
    """Return a title from outside without controls, and without its middle if it is longer than titles are."""
    return shortened(without_controls(text), LONGEST_TITLE)


LONGEST_WORD = 40  # letters that have room in any column
_BETWEEN_BREAKS = 10  # letters
BREAK = "\N{ZERO WIDTH SPACE}"


def breakable(text: str) -> str:
    """Return `text` with places, which aren't seen, where a line may end in words that are longer than a line."""
    if len(text) <= LONGEST_WORD:
        return text
    return " ".join(_broken(word) if len(word) > LONGEST_WORD else word for word in text.split(" "))


def letters_of(begun: str, text: str) -> int:
    """Return how many characters of `text` are in `begun`, which begins as `text` does, with places to break it."""
    count = 0
    for letter in begun:
        count += text[count : count + 1] == letter
    return count


def _broken(word: str) -> str:
    parts, since = [], 0
    for before, letter in pairwise(f" {word}"):
        is_break = since >= _BETWEEN_BREAKS and before != "\N{ZERO WIDTH JOINER}" and _width(letter) > 0
        parts.append(BREAK + letter if is_break else letter)
        since = 1 if is_break else since + 1
    return "".join(parts)


def has_right_to_left(text: str) -> bool:
    """Return whether some of `text` is read from right to left, as Hebrew and Arabic are."""
    return not text.isascii() and any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in text)


def isolated(word: str) -> str:
    """Return `word` so that, read from right to left, it does not turn the sentence around it.

    By marks, as labels remove what isolates; all languages of the app are read from left to right.
    """
    return f"\N{LEFT-TO-RIGHT MARK}{word}\N{LEFT-TO-RIGHT MARK}" if has_right_to_left(word) else word


def continued(text: str) -> str:
    """Return `text` with "…", which is to the left of a last word that is read from right to left."""
    directions = (unicodedata.bidirectional(letter) for letter in reversed(text))
    last = next((direction for direction in directions if direction in {"L", "R", "AL"}), "L")
    return isolated(f"{text}…" if last == "L" else f"{text}…\N{RIGHT-TO-LEFT MARK}")


def display_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes: wide letters and emoji take two, marks on letters none."""
    return len(text) if text.isascii() else sum(map(_width, text))


def padded(text: str, width: int) -> str:
    """Return `text` with spaces up to `width` columns of a terminal."""
    return text + " " * max(0, width - display_width(text))


def cut_to_width(text: str, width: int) -> str:
    """Return as much of `text` as fits into `width` columns of a terminal."""
    if text.isascii():
        return text[:width]
    room = width
    for at, letter in enumerate(text):
        room -= _width(letter)
        if room < 0:
            return text[:at]
    return text


def _width(letter: str) -> int:
    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, as Qt counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_slice(text: str, begin: int, end: int) -> str:
    """Return `text[begin:end]`, with both positions in UTF-16 code units."""
    if text.isascii():
        return text[begin:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * begin : 2 * end].decode("utf-16-le", "replace")


def strip_accent(letter: str) -> str:
    """Return `letter`, or nothing for a combining mark."""
    return "" if unicodedata.combining(letter) else letter


class FoldTable(dict[int, str]):
    """A table for `str.translate` that folds case, width, ligatures and accents, one character at a time.

    A character is decomposed (NFKD) and case-folded, then `fold_letter` maps each letter of that. ASCII is lowercased.
    Entries are computed when they are first needed.
    """

    def __init__(self, fold_letter: Callable[[str], str] = strip_accent) -> None:
        super().__init__()
        self._fold_letter = fold_letter

    def __missing__(self, code: int) -> str:
        letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        self[code] = "".join(map(self._fold_letter, letters)) if code > 127 else chr(code).lower()
        return self[code]

    def fold(self, text: str) -> str:
        """Return `text` folded."""
        return text.lower() if text.isascii() else text.translate(self)

    def origins(self, text: str) -> list[int] | range:
        """Return, for each character of the folded text, the index in `text` that it comes from."""
        if text.isascii():
            return range(len(text))
        return [at for at, letter in enumerate(text) for _ in self[ord(letter)]]

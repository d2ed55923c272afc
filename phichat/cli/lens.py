"""A text in the terminal under the lens: each word in a color that says how sure the model was of it."""

import os
import unicodedata
from bisect import bisect

from phichat.chat.candidates import SURE, Certainty, Choice, certainty_of
from phichat.chat.conversation import Piece
from phichat.cli.console import Console

# From blue over orange to orange and underlined, which are told apart in all kinds of color blindness. Both colors are
# of a brightness that reads well on black and on white; words that the model was sure of have the terminal's own.
LIMITS = (0.1, 0.25, SURE)
"""Probabilities below which a word has each of the `STYLES`."""

_BLUE, _ORANGE, _UNDERLINED = "38;5;31", "38;5;130", "4"
STYLES = (f"{_ORANGE};{_UNDERLINED}", _ORANGE, _BLUE, "")
COLORLESS = (_UNDERLINED, "", "", "")
"""The styles where the environment asks for no color (https://no-color.org)."""

_JOINERS = "'’_"  # which stand between letters of one word
_SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # how names of their letters begin
_ZERO_WIDTH_JOINER = "\u200d"  # which makes one emoji of two


class TerminalLens:
    """Prints a text word by word, as the words get complete. A word is as sure as its least sure token."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._styles = COLORLESS if os.environ.get("NO_COLOR") else STYLES
        self._word, self._lowest = "", 1.0
        self._pending = 1.0  # the lowest probability of tokens whose text has not come yet
        self._choices: list[Choice | None] = []

    @property
    def certainty(self) -> Certainty | None:
        """How sure the model was of the pieces so far; None if nothing is known."""
        return certainty_of(self._choices)

    def add_piece(self, piece: Piece) -> None:
        """Print a piece of an answer as soon as its word is complete."""
        self._choices.append(piece.choice)
        self.add(piece.text, piece.choice.probability if piece.choice else None)

    def add(self, text: str, probability: float | None) -> None:
        """Print the text of a token as soon as its word is complete; `probability` is None if that is not known."""
        self._pending = min(self._pending, 1.0 if probability is None else probability)
        if not text:
            return
        if self._word and not _is_inside_word(self._word[-1], text[0]):
            self._print_word()
        self._word += text
        self._lowest, self._pending = min(self._lowest, self._pending), 1.0
        if text[-1].isspace():
            self._print_word()

    def end(self) -> None:
        """Print the last word."""
        self._print_word()
        self._pending = 1.0

    def _print_word(self) -> None:
        """Print the word with its style, and the blanks around it without."""
        word, self._word = self._word, ""
        style, self._lowest = self._styles[bisect(LIMITS, self._lowest)], 1.0
        core = word.strip()
        before = word[: len(word) - len(word.lstrip())]
        self._console.print_piece(before)
        self._console.print_piece(core, style)
        self._console.print_piece(word[len(before) + len(core) :])


def _is_inside_word(before: str, after: str) -> bool:
    """Return whether two letters beside one another belong to the same word or sign."""
    if _is_part(after) or before == _ZERO_WIDTH_JOINER or (_is_half_flag(before) and _is_half_flag(after)):
        return True
    if _is_spaceless(before) or _is_spaceless(after):
        return False
    return _is_of_word(before) and _is_of_word(after)


def _is_part(letter: str) -> bool:
    """Return whether `letter` changes the one before it: an accent, or a part of an emoji."""
    return unicodedata.category(letter) in {"Mn", "Me", "Mc", "Cf"} or "\U0001f3fb" <= letter <= "\U0001f3ff"


def _is_half_flag(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _is_of_word(letter: str) -> bool:
    return letter.isalnum() or letter in _JOINERS or _is_part(letter)


def _is_spaceless(letter: str) -> bool:
    """Return whether `letter` is of a script that puts no blanks between words."""
    return not letter.isascii() and unicodedata.name(letter, "").startswith(_SPACELESS)

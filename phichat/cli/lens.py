"""A text in the terminal under the lens: each word in a color that says how sure the model was of it."""

import os
from bisect import bisect

from phichat.chat.candidates import LIMITS, Certainty, certainty_of
from phichat.chat.conversation import Piece
from phichat.chat.weighed_reply import is_inside_word
from phichat.cli.console import Console

# From blue over orange to orange and underlined, which are told apart in all kinds of color blindness. Both colors are
# of a brightness that reads well on black and on white; words that the model was sure of have the terminal's own.
_BLUE, _ORANGE, _UNDERLINED = "38;5;31", "38;5;130", "4"
STYLES = (f"{_ORANGE};{_UNDERLINED}", _ORANGE, _BLUE, "")
"""The styles of words whose probability is below each of `LIMITS`, and of others."""

COLORLESS = (_UNDERLINED, "", "", "")
"""The styles where the environment asks for no color (https://no-color.org)."""

PLAIN = ("", "", "", "")


class TerminalLens:
    """Prints a text word by word, as the words get complete. A word is as sure as its least sure token."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._styles = COLORLESS if os.environ.get("NO_COLOR") else STYLES
        if os.environ.get("TERM") == "dumb":  # which shows escapes as letters
            self._styles = PLAIN
        self._word = ""
        self._known: list[float] = []  # the probabilities of its tokens
        self._pending: list[float] = []  # those of tokens whose text has not come yet
        self._words: list[float | None] = []  # those of the words that were printed

    @property
    def certainty(self) -> Certainty | None:
        """How sure the model was of the words so far; None if nothing is known."""
        return certainty_of(self._words)

    def add_piece(self, piece: Piece) -> None:
        """Print a piece of an answer as soon as its word is complete."""
        self.add(piece.text, piece.choice.probability if piece.choice else None)

    def add(self, text: str, probability: float | None) -> None:
        """Print the text of a token as soon as its word is complete; `probability` is None if that is not known."""
        if probability is not None:
            self._pending.append(probability)
        if not text:
            return
        if self._word and not is_inside_word(self._word[-1], text[0]):
            self._print_word()
        self._word += text
        self._known += self._pending
        self._pending.clear()
        if text[-1].isspace():
            self._print_word()

    def end(self) -> None:
        """Print the last word."""
        self._print_word()
        self._pending.clear()

    def _print_word(self) -> None:
        """Print the word with its style, and the blanks around it without."""
        word, self._word = self._word, ""
        if word:
            self._words.append(min(self._known, default=None))
        style = self._styles[bisect(LIMITS, min(self._known, default=1.0))]
        self._known.clear()
        core = word.strip()
        before = word[: len(word) - len(word.lstrip())]
        self._console.print_piece(before)
        self._console.print_piece(core, style)
        self._console.print_piece(word[len(before) + len(core) :])

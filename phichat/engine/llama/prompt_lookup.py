"""Prompt lookup decoding: guess the next tokens from earlier text, and decide how many guesses are worth a step.

A repetition is found by its last tokens. Until guesses are likely to pay, they are only compared with the tokens that
come, which costs nothing; then several are checked in one step, whose price is measured in use. A step of 16 took 5 to
8 times as long as one token on two cores, so a few right guesses do not pay.

The constants made replays of SmolLM2's replies (16 rewriting a text, 18 not) fastest at the prices of two machines'
models, and never slower than 0.97 of single tokens where nothing was repeated.
"""

from collections.abc import Container, Iterator, Sequence
from itertools import cycle, islice, takewhile

from phichat.engine.base import SIZES

BITE = 3  # equal tokens that make a repetition
NEXT, NEAR = 4, 24  # tokens after the end of the last repetition within which one equal token is enough, and two
FEWEST = 3  # guesses worth a step
FADING = 0.97  # decay of the counts with each token
HOPE = 2.0, 2.5  # prior: right guesses, of how many, where the prompt is repeated
OWN_HOPE = 1.0, 2.0  # the same where the reply repeats itself: 2 of 7 guesses were right, in the prompt 5.5
MOST_DOUBT = 64.0
NEWER = 0.3  # weight of the latest measurement in the moving average

FIRST_PRICES = (4.7, 7.0, 12.0)  # until some are measured
DEAR, MORE = 1.5, 1.1  # a step that costs so many times the next smaller one must promise so many times its gain,
SURE = 3  # unless all guesses were right in so many steps in a row


class StepCosts:
    """The price of larger steps in single tokens, by size: `first` if given, then a moving average."""

    def __init__(self, first: Sequence[float] = ()) -> None:
        self._single = 0.0
        self._of = dict(zip(SIZES, first or FIRST_PRICES, strict=True))

    def record_single(self, seconds: float) -> None:
        """Record the seconds of a step of one token."""
        self._single += NEWER * (seconds - self._single) if self._single else seconds

    def record_larger(self, tokens: int, seconds: float) -> float:
        """Record the seconds of a step of so many tokens; return its price."""
        price = seconds / self._single if self._single else self._of[SIZES[0]]
        size = self._nearest(tokens)
        self._of[size] += NEWER * (price * size / tokens - self._of[size])
        return price

    def estimate_seconds(self, tokens: int) -> float:
        """Return about how many seconds a step will take; infinity if nothing was measured yet."""
        return self._single * self._of[self._nearest(tokens)] if self._single else float("inf")

    def best_step(self, chance: float, full: int, room: int = SIZES[-1]) -> tuple[float, int]:
        """Return how many times as fast as single tokens the best step is, and its size, at most `room` tokens.

        `chance` is the probability that a guess is right, given that those before it are; `full` is how many steps in a
        row had right guesses only.
        """
        sizes = [(min(size, room), price) for size, price in self._of.items()]
        worth = [((1 - chance**size) / (1 - chance) / price, size) for size, price in sizes]
        return max(zip(self._doubts(full), worth, strict=True), key=lambda pair: pair[1][0] / pair[0])[1]

    def _doubts(self, full: int) -> Iterator[float]:
        """Yield what the gain of each size is divided by, as an expensive step that goes wrong loses much."""
        doubt, smaller = 1.0, float("inf")
        for price in self._of.values():
            doubt *= MORE if price > DEAR * smaller and full < SURE else 1
            smaller = price
            yield doubt

    def _nearest(self, tokens: int) -> int:
        return min(SIZES, key=lambda size: abs(size - tokens))


class PromptLookup:
    """Guesses the next tokens of a text that begins with `tokens`.

    Call `add_token` for every token, `guess` before a step and `record_guesses` after it. Tokens in `ends` separate
    turns and are never guessed.
    """

    def __init__(self, tokens: Sequence[int], prices: StepCosts, ends: Container[int] = ()) -> None:
        self.prices = prices
        self._begun, self._ends = len(tokens), ends
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        self._at = 0
        """Index in the text of the token expected next; 0 for none."""
        self._left = 0
        """Index at which the last repetition ended."""
        self._hits = self._misses = self._doubt = 0.0
        self._was_right = False
        self._full = 0
        """How many steps in a row had right guesses only."""
        for token in tokens:
            self._append(token)

    def add_token(self, token: int) -> None:
        """Add the next token of the text."""
        self._was_right = bool(self._at) and self._tokens[self._at] == token
        self._hits = FADING * self._hits + self._was_right
        self._misses = FADING * self._misses + (bool(self._at) and not self._was_right)
        was_at = self._at
        self._append(token)
        if self._was_right:
            self._at += 1
            self._doubt *= FADING
        else:
            self._left = was_at or self._left
            self._at = self._find()

    def guess(self, room: int) -> list[int]:
        """Return the tokens that probably follow, at most `room`; none if a step with them would not pay."""
        if not self._was_right:
            return []
        guesses = list(islice(self._following(), min(room, SIZES[-1] - 1)))
        count = self._size(1 + len(guesses)) - 1
        return guesses[:count] if count >= FEWEST else []

    def record_guesses(self, guesses: int, right: int, seconds: float) -> None:
        """Record how many guesses a step had, how many were right, and its seconds."""
        self._full = self._full + 1 if right == guesses else 0
        has_paid = right + 1 >= self.prices.record_larger(guesses + 1, seconds)
        self._doubt = self._doubt / 2 if has_paid else min(2 * self._doubt + 2, MOST_DOUBT)

    def _append(self, token: int) -> None:
        self._tokens.append(token)
        end = len(self._tokens)
        if end > BITE:  # indexed by the tokens before it, so that the end of the text does not match itself
            self._places[tuple(self._tokens[end - 1 - BITE : end - 1])] = end - 1

    def _find(self) -> int:
        """Return the index of the token expected next; near the end of the last repetition, fewer equal tokens do."""
        text, left = self._tokens, self._left
        if left:
            for alike, reach in ((1, NEXT), (2, NEAR)):
                for at in range(left + 1, min(left + 1 + reach, len(text))):
                    if text[at - alike : at] == text[-alike:]:
                        return at
        return self._places.get(tuple(text[-BITE:]), 0)

    def _following(self) -> Iterator[int]:
        """Yield the tokens from there to one of `ends`; a repetition that reaches the end of the text starts over."""
        places = cycle(range(self._at, len(self._tokens)))
        return takewhile(lambda token: token not in self._ends, (self._tokens[place] for place in places))

    def _size(self, room: int) -> int:
        """Return the size of the next step in tokens, at most `room`; 0 if single tokens are faster."""
        right, of = HOPE if self._at < self._begun else OWN_HOPE
        chance = (self._hits + right) / (self._hits + self._misses + of + self._doubt)
        worth, size = self.prices.best_step(chance, self._full, room)
        return size if worth > 1 else 0

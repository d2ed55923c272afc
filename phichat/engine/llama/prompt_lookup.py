"""Look-up decoding: guesses what comes next from what was said already, and how many guesses are worth trying.

What is being repeated is found by its last tokens. As long as it is not certain that guessing pays, guesses are only
compared with what comes, which costs nothing; then several are tried out in one step, whose price is measured as one
goes. A step of 16 took 5 to 8 times as long as one token on two cores, so that a few right guesses do not pay.

The constants are those with which replays of SmolLM2's replies, 16 to rewriting and 18 to other requests, went fastest
with the prices of two machines' models, and never below 0.97 of single tokens where nothing was to be repeated.
"""

from collections.abc import Container, Iterator, Sequence
from itertools import cycle, islice, takewhile

from phichat.engine.base import SIZES

BITE = 3  # tokens that must be alike before it counts as a repetition
NEXT, NEAR = 4, 24  # tokens behind the place where one was left, in which one alike is enough, and two
FEWEST = 3  # guesses that are worth a step of their own
FADING = 0.97  # what the past counts for, after each token
HOPE = 2.0, 2.5  # right guesses, of how many, that are taken for granted where what came before the reply is repeated
OWN_HOPE = 1.0, 2.0  # the same where the reply repeats itself: of 7 guesses 2 were right there, in the other case 5.5
MOST_DOUBT = 64.0
NEWER = 0.3  # the weight of the latest measurement

FIRST_PRICES = (4.7, 7.0, 12.0)  # where none were measured beforehand
DEAR, MORE = 1.5, 1.1  # what costs so many times the next smaller step has to promise so much more than it,
SURE = 3  # unless so many steps in a row were right to their ends


class StepCosts:
    """How many single tokens a larger step costs: `first` by size, where there are, then as measured."""

    def __init__(self, first: Sequence[float] = ()) -> None:
        self._single = 0.0
        self._of = dict(zip(SIZES, first or FIRST_PRICES, strict=True))

    def record_single(self, seconds: float) -> None:
        """One token took so long."""
        self._single += NEWER * (seconds - self._single) if self._single else seconds

    def record_larger(self, tokens: int, seconds: float) -> float:
        """So many took so long; the price of that."""
        price = seconds / self._single if self._single else self._of[SIZES[0]]
        size = self._nearest(tokens)
        self._of[size] += NEWER * (price * size / tokens - self._of[size])
        return price

    def estimate_seconds(self, tokens: int) -> float:
        """How long so many will take; for ever, as long as nothing was measured."""
        return self._single * self._of[self._nearest(tokens)] if self._single else float("inf")

    def best_step(self, chance: float, full: int, room: int = SIZES[-1]) -> tuple[float, int]:
        """How much quicker than single tokens the best step is, and how many tokens it has, at most `room`.

        Each guess is right with that `chance`, given that the ones before it are. So many `full` steps in a row were
        right to their ends.
        """
        sizes = [(min(size, room), price) for size, price in self._of.items()]
        worth = [((1 - chance**size) / (1 - chance) / price, size) for size, price in sizes]
        return max(zip(self._doubts(full), worth, strict=True), key=lambda pair: pair[1][0] / pair[0])[1]

    def _doubts(self, full: int) -> Iterator[float]:
        """What the worth of each step is divided by: much is lost by a dear one that goes wrong, little by a cheap."""
        doubt, smaller = 1.0, float("inf")
        for price in self._of.values():
            doubt *= MORE if price > DEAR * smaller and full < SURE else 1
            smaller = price
            yield doubt

    def _nearest(self, tokens: int) -> int:
        return min(SIZES, key=lambda size: abs(size - tokens))


class PromptLookup:
    """Follows one text. `add` every token as it comes, `guess` before a step, and tell how the guesses did.

    It begins with `tokens`. Those in `ends` stand between what was said, and are never guessed.
    """

    def __init__(self, tokens: Sequence[int], prices: StepCosts, ends: Container[int] = ()) -> None:
        self.prices = prices
        self._begun, self._ends = len(tokens), ends
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        self._at = 0
        """Where in the text the token stands that should come next; 0 for nowhere."""
        self._left = 0
        """Where the last repetition was left."""
        self._hits = self._misses = self._doubt = 0.0
        self._was_right = False
        self._full = 0
        """How many steps in a row were right to their ends."""
        for token in tokens:
            self._append(token)

    def add_token(self, token: int) -> None:
        """This came next."""
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
        """What probably follows, at most `room` tokens; nothing where trying that would not pay."""
        if not self._was_right:
            return []
        guesses = list(islice(self._following(), min(room, SIZES[-1] - 1)))
        count = self._size(1 + len(guesses)) - 1
        return guesses[:count] if count >= FEWEST else []

    def record_guesses(self, guesses: int, right: int, seconds: float) -> None:
        """So many guesses were tried in a step, so many were right, and it took so long."""
        self._full = self._full + 1 if right == guesses else 0
        has_paid = right + 1 >= self.prices.record_larger(guesses + 1, seconds)
        self._doubt = self._doubt / 2 if has_paid else min(2 * self._doubt + 2, MOST_DOUBT)

    def _append(self, token: int) -> None:
        self._tokens.append(token)
        end = len(self._tokens)
        if end > BITE:  # known by what precedes it, so that it is not found at the very end
            self._places[tuple(self._tokens[end - 1 - BITE : end - 1])] = end - 1

    def _find(self) -> int:
        """Where the text that ends now goes on; near where a repetition was left, less is enough."""
        text, left = self._tokens, self._left
        if left:
            for alike, reach in ((1, NEXT), (2, NEAR)):
                for at in range(left + 1, min(left + 1 + reach, len(text))):
                    if text[at - alike : at] == text[-alike:]:
                        return at
        return self._places.get(tuple(text[-BITE:]), 0)

    def _following(self) -> Iterator[int]:
        """What stands there, up to an end; what ends before the guess does is taken to go round."""
        places = cycle(range(self._at, len(self._tokens)))
        return takewhile(lambda token: token not in self._ends, (self._tokens[place] for place in places))

    def _size(self, room: int) -> int:
        """How many tokens the next step should have, at most `room`; 0 where single ones are quicker."""
        right, of = HOPE if self._at < self._begun else OWN_HOPE
        chance = (self._hits + right) / (self._hits + self._misses + of + self._doubt)
        worth, size = self.prices.best_step(chance, self._full, room)
        return size if worth > 1 else 0

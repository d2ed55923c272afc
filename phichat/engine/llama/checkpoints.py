"""Checkpoints: copies of the part of a model's memory that cannot be trimmed, as it was after some of the tokens.

The states of recurrent and hybrid models are overwritten by each token, and a sliding window loses what it has passed.
The first `length` tokens are kept of such a memory by restoring the checkpoint of that length and removing everything
later from the rest, which is ordinary attention.
"""

from collections.abc import Container, Iterator, Sequence
from itertools import pairwise

from phichat.engine import hardware
from phichat.engine.states import FEWEST, Checkpoint

SHARE = 10  # states that are not in the context take at most one part in so many of all memory
LEFT = 4  # and of the available memory
MOST = 16  # checkpoints of the sequence in the context
SAVED = 4  # of a conversation that is parked or on disk
SPAN = 512  # tokens without the end of a turn, as in a long message, after which there is a checkpoint anyway
TAIL = 4  # tokens at the end of a text that may be other ones when it goes on
HEADER = 16  # tokens at the beginning of a reply, at most, such as its role


class Checkpoints:
    """The checkpoints of the sequence in the context, shortest first, within half of `memory_room`."""

    def __init__(self) -> None:
        self._all: list[Checkpoint] = []

    def __iter__(self) -> Iterator[Checkpoint]:
        return iter(self._all)

    @property
    def last(self) -> int:
        """The length of the longest; 0 if there is none."""
        return self._all[-1].length if self._all else 0

    def before(self, length: int) -> Checkpoint | None:
        """Return the longest that is at most `length` tokens long, in memory; discard those that can't be read."""
        for each in [each for each in reversed(self._all) if each.length <= length]:
            if data := each.read():
                return Checkpoint(each.length, data)
            self._all.remove(each)
        return None

    def read_all(self) -> None:
        """Read those that are still on disk, as their file may be deleted."""
        self._all = [Checkpoint(each.length, data) for each in self._all if (data := each.read())]

    def add(self, checkpoint: Checkpoint) -> None:
        """Add one that is longer than all others; discard the least useful if they are too many."""
        self._all = thinned([*self._all, checkpoint], MOST, memory_room() // 2)

    def replace(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Hold others."""
        self._all = thinned(checkpoints, MOST, memory_room() // 2) if checkpoints else []

    def forget_after(self, length: int) -> None:
        """Discard those longer than `length` tokens."""
        self._all = [each for each in self._all if each.length <= length]


def memory_room() -> int:
    """Return how many bytes states that are not in the context may take, checkpoints among them."""
    return min(hardware.installed_memory() // SHARE, hardware.available_memory() // LEFT)


def thinned(checkpoints: Sequence[Checkpoint], most: int, room: int) -> list[Checkpoint]:
    """Return the most useful of them, at most `most` and within `room` bytes.

    What changes is mostly near the end, so one is worth the tokens that would be decoded without it, divided by those
    that follow it. The distances between those that stay grow with their distance from the end.
    """
    left = list(checkpoints)
    while left and (len(left) > most or sum(len(each.data) for each in left) > room):
        end = left[-1].length + 1
        lengths = [0, *(each.length for each in left)]
        worth = [(one - before) / (end - one) for before, one in pairwise(lengths)]
        del left[worth.index(min(worth))]
    return left


def checkpoint_places(tokens: Sequence[int], ends: Container[int], since: int, *, is_draft: bool = False) -> list[int]:
    """Return after how many of `tokens`, which are decoded next, there should be checkpoints; 0 for before them.

    `ends` are tokens that end a turn; `since` is how many tokens ago the last checkpoint was. There is one at the end
    of a turn, as a question is changed or another answer wanted there, if that saves enough to decode, and always near
    the end. A draft has one before its last words, too. For a few tokens, decoding is not interrupted.
    """
    places = {0, *(index + 1 for index, token in enumerate(tokens[:-1]) if token in ends and index >= HEADER)}
    if is_draft:
        places |= {len(tokens) - FEWEST, len(tokens)} if len(tokens) > 2 * FEWEST else {len(tokens)}
    elif len(tokens) - max(places) > HEADER:
        places.add(len(tokens) - TAIL)
    found, before = list[int](), -since
    for place in sorted(places):
        while place - before > SPAN + FEWEST:
            before += SPAN
            found.append(before)
        if place - before >= FEWEST or (place == max(places) and not is_draft):
            found.append(place)
            before = place
    return [place for place in found if place >= 0]

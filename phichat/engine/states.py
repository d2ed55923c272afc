"""States of conversations: the tokens of one, what llama.cpp wrote of its memory, and checkpoints of some of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Bytes = bytes | bytearray | memoryview

FEWEST = 64  # tokens worth a state: fewer are decoded as quickly as copied or loaded


class StoredBytes(Protocol):
    """Bytes that are read from a file when they are needed."""

    def __len__(self) -> int: ...

    def read(self) -> bytearray:
        """Return them; none if they are gone or damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """The part of a memory that cannot be trimmed, as it was after the first `length` tokens."""

    length: int
    data: bytes | bytearray | StoredBytes

    def read(self) -> bytes | bytearray:
        """Return the data; none if it is gone or damaged."""
        return self.data if isinstance(self.data, bytes | bytearray) else self.data.read()


@dataclass(frozen=True)
class State:
    """A conversation that is not in the context.

    Attributes:
        tokens: its ids.
        data: what llama.cpp wrote of its memory after all of them.
        checkpoints: some of those in between, shortest first; empty for a memory that can be trimmed anywhere.
        is_trimmable: whether it can.
    """

    tokens: Sequence[int]
    data: Bytes
    checkpoints: tuple[Checkpoint, ...] = ()
    is_trimmable: bool = True

    @property
    def bytes(self) -> int:
        """What it takes, without its tokens."""
        return len(self.data) + sum(len(each.data) for each in self.checkpoints)

    def usable_length(self, tokens: Sequence[int]) -> int:
        """Return how many of its tokens are of use to the prompt `tokens`, whose last has to be decoded anyway."""
        common = min(count_common(self.tokens, tokens), len(tokens) - 1)
        lengths = None if self.is_trimmable else [each.length for each in self.checkpoints]
        return usable_length(common, len(self.tokens), lengths)


def usable_length(common: int, length: int, checkpoints: Sequence[int] | None) -> int:
    """Return how many of `length` tokens can be kept if the first `common` are still right.

    `checkpoints` are the lengths there are; None if the memory can be trimmed anywhere.
    """
    if checkpoints is None or common >= length:
        return common
    return max((each for each in checkpoints if each <= common), default=0)


def count_common(known: Sequence[int], tokens: Sequence[int]) -> int:
    """Return the length of the common prefix of `known` and `tokens`."""
    pairs = enumerate(zip(known, tokens, strict=False))
    return next((index for index, pair in pairs if pair[0] != pair[1]), min(len(known), len(tokens)))

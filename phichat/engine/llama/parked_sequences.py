"""States of sequences that nobody uses, parked in memory, so that replies do not attend to their cells.

Without flash attention, a token of one sequence looks at the cells of all, and masks those of the others.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from phichat.engine.llama.bindings import lib
from phichat.engine.llama.checkpoints import memory_room
from phichat.engine.llama.context import LlamaContext, read_state
from phichat.engine.states import count_common


@dataclass(frozen=True)
class ParkedSequence:
    """The state of a sequence after its `tokens`, and the position of the first that is still in its cells."""

    tokens: list[int]
    first: int
    data: bytearray


class ParkedSequences:
    """Parked states, the one parked last at the end, within `memory_room`."""

    def __init__(self, llama: LlamaContext) -> None:
        self._llama = llama
        self._all: list[ParkedSequence] = []

    def park(self, number: int, kept: Sequence[int], *, drops_older: bool = False) -> bool:
        """Copy the state of sequence `number`; return False if there is no room, or llama.cpp gives none.

        If it `drops_older`, room is made by what was parked before.
        """
        context, tokens = self._llama.context, list(kept)
        size = lib.llama_state_seq_get_size(context, number)
        before = [each for each in self._all if count_common(each.tokens, tokens) < len(each.tokens)]
        room = memory_room() - size
        while drops_older and before and sum(len(each.data) for each in before) > room:
            del before[0]
        if sum(len(each.data) for each in before) > room:
            return False
        first = self._llama.first_position(number)
        data = read_state(size, lambda buffer, size: lib.llama_state_seq_get_data(context, buffer, size, number))
        if data:
            self._all = [*before, ParkedSequence(tokens, first, data)]
        return bool(data)

    def best(self, tokens: Sequence[int]) -> tuple[ParkedSequence | None, int]:
        """Return the state that is of most use to `tokens`, and how many of them it has, without the last."""
        found = [(self._usable(each, tokens), each) for each in self._all]
        length, best = max(found, key=lambda pair: pair[0], default=(0, None))
        return best, length

    def restore(self, parked: ParkedSequence, number: int, *, stays: bool) -> bool:
        """Copy a state into the empty sequence `number`, and discard it unless it `stays`.

        Return False if there are no cells for it.
        """
        buffer = (ctypes.c_uint8 * len(parked.data)).from_buffer(parked.data)
        if not lib.llama_state_seq_set_data(self._llama.context, buffer, len(parked.data), number):
            return False
        if not stays:
            self._all = [each for each in self._all if each is not parked]
        return True

    def clear(self) -> None:
        """Discard all states."""
        self._all.clear()

    def _usable(self, parked: ParkedSequence, tokens: Sequence[int]) -> int:
        common = min(count_common(parked.tokens, tokens), len(tokens) - 1)
        return common if self._llama.can_trim_state(common, len(parked.tokens), parked.first) else 0

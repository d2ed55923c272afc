"""Several sequences of tokens in the KV cache of one context, decoded in common steps."""

from collections.abc import Iterable, Sequence
from itertools import count

from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import LlamaContext, decode_error
from phichat.engine.llama.parked_sequences import ParkedSequences
from phichat.engine.states import count_common

COPIED = 16  # tokens of a parked state are surely copied in the time that one is read
NO_ROOM = 1  # returned by llama_decode for want of cells


class CachedSequence:
    """One of the sequences.

    Attributes:
        number: llama.cpp's for it.
        kept: its tokens in the KV cache.
        pending: those to be decoded next.
        row: the index of its logits in the last step; None until all pending tokens are decoded.
        is_free: whether nobody uses it, so that what it keeps may be of use to anybody.
        used: when it was taken last, as a counter.
    """

    def __init__(self, number: int, kept: list[int]) -> None:
        self.number, self.kept = number, kept
        self.pending: list[int] = []
        self.row: int | None = None
        self.is_free = True
        self.used = 0


class SequencePool:
    """The sequences of a context, which share its cells: those of a common prefix, too. `close` it at the end.

    The first is the one that the context decodes by itself.
    """

    def __init__(self, llama: LlamaContext, parked: ParkedSequences | None = None) -> None:
        """With `parked`, what nobody uses is parked there before a reply is written alone, which would attend to it."""
        self._llama, self._parked = llama, parked
        self.spare = 0
        """How many sequences are kept for what is urgent."""
        self._clock = count(1)
        self.all = [CachedSequence(number, [] if number else llama.kept) for number in range(llama.sequences)]

    def close(self) -> None:
        """Forget all but the first, and what is parked."""
        if self._parked:
            self._parked.clear()
        for sequence in self.all[1:]:
            self.forget(sequence)

    def take(self, tokens: Sequence[int], *, is_urgent: bool = False) -> CachedSequence | None:
        """Return a free sequence for `tokens`, which keeps as many of them as any has; None if none is free.

        If all are free, the others are parked, and one that goes on is moved to the first cells then: llama.cpp looks
        at all cells up to the last that is used.
        """
        free = self._free(0 if is_urgent else self.spare)
        if not free:
            return None
        likest = max(free, key=lambda each: self._usable(each, tokens))
        known = self._usable(likest, tokens)
        is_continued = 2 * known > len(likest.kept) and known >= self._parked_length(tokens)
        found = likest if is_continued else min(free, key=lambda each: (bool(each.kept), each.used))
        self._mark_used(found)
        has_parked = len(free) == len(self.all) and self._park_free()
        if has_parked or not is_continued:
            self._park(found, drops_older=not is_continued)
        self.begin(found, tokens)
        return found

    def begin(self, sequence: CachedSequence, tokens: Sequence[int]) -> None:
        """Have `sequence` go on with `tokens`: it keeps or copies the longest prefix, and the others are pending.

        The last is always pending, as its logits are needed.
        """
        self._restore(sequence, tokens)
        source = max(self.all, key=lambda each: (self._usable(each, tokens), each is sequence))
        length = self._usable(source, tokens)
        if source is not sequence:
            self.forget(sequence)
            # states of recurrent models are copied whole
            self._copy(source, sequence, -1 if length == len(source.kept) else length)
            sequence.kept += source.kept[:length]
        elif length < len(sequence.kept):
            self._trim(sequence, length)
        sequence.pending, sequence.row = list(tokens[length:]), None

    def rest(self) -> None:
        """Park what the sequences keep while nobody uses any, unless it is only one, which may go on as it is.

        Now, as nobody waits: tokens that were written beside others are slow to copy, each by itself.
        """
        if sum(bool(sequence.kept) for sequence in self.all) > 1:
            self._park_free()

    def fork(self, source: CachedSequence) -> CachedSequence | None:
        """Return a free sequence that is made the same as `source`; None if none is free."""
        free = self._free(self.spare)
        if not free:
            return None
        found = min(free, key=lambda each: (bool(each.kept), each.used))
        self._mark_used(found)
        self._park(found, drops_older=True)
        self.forget(found)
        self._copy(source, found, -1)
        found.kept += source.kept
        found.pending, found.row = list(source.pending), source.row
        return found

    def release(self, sequence: CachedSequence) -> None:
        """Give a sequence back; what it keeps stays for whoever may use it."""
        sequence.pending, sequence.row = [], None
        sequence.is_free = True

    def suspend(self, sequence: CachedSequence) -> None:
        """Free the cells of a sequence in use; all its tokens are pending then."""
        sequence.pending, sequence.row = [*sequence.kept, *sequence.pending], None
        self._park(sequence)
        self.forget(sequence)

    def forget(self, sequence: CachedSequence) -> None:
        """Free the cells of a sequence."""
        if sequence.kept:
            self._trim(sequence, 0)

    def forget_least_used(self) -> bool:
        """Free the cells of the free sequence that was used least recently; return whether there is one."""
        free = [sequence for sequence in self.all if sequence.is_free and sequence.kept]
        for sequence in sorted(free, key=lambda each: each.used)[:1]:
            self._park(sequence, drops_older=True)
            self.forget(sequence)
        return bool(free)

    def decode(self, parts: Iterable[tuple[CachedSequence, int]]) -> bool:
        """Decode so many of the pending tokens of each sequence in one step; return False if there are no cells.

        Raise EngineError; everything is forgotten then.
        """
        rows, ends = list[tuple[int, int, int, bool]](), list[tuple[CachedSequence, int, int]]()
        for sequence, length in parts:
            is_last = length == len(sequence.pending)
            for index, token in enumerate(sequence.pending[:length]):
                wanted = is_last and index == length - 1
                rows.append((token, len(sequence.kept) + index, sequence.number, wanted))
            ends.append((sequence, length, len(rows) - 1 if is_last else -1))
        if not self._run(rows):
            return False
        for sequence, length, row in ends:
            sequence.kept += sequence.pending[:length]
            del sequence.pending[:length]
            sequence.row = row if row >= 0 else None
        return True

    def _run(self, rows: Sequence[tuple[int, int, int, bool]]) -> bool:
        """Decode rows: a token, its place in its sequence, that one's number, and whether its logits are wanted."""
        batch = self._llama.batch
        for index, (token, place, sequence, is_wanted) in enumerate(rows):
            batch.token[index], batch.pos[index] = token, place
            batch.n_seq_id[index], batch.seq_id[index][0], batch.logits[index] = 1, sequence, is_wanted
        batch.n_tokens = len(rows)
        result = lib.llama_decode(self._llama.context, batch)
        if result and result != NO_ROOM:
            self._llama.forget_all()
            for each in self.all:
                each.kept.clear()
            raise decode_error(result)
        return not result

    def _parked_length(self, tokens: Sequence[int]) -> int:
        return self._parked.best(tokens)[1] if self._parked else 0

    def _park_free(self) -> bool:
        """Park all free sequences for which there is room; return whether any was."""
        free = [sequence for sequence in self.all if sequence.is_free and sequence.kept]
        parked = [sequence for sequence in sorted(free, key=lambda each: each.used) if self._park(sequence)]
        return bool(parked)

    def _park(self, sequence: CachedSequence, *, drops_older: bool = False) -> bool:
        """Park a sequence, whose cells are free then; return False, and leave it as it is, if that cannot be."""
        if not (self._parked and sequence.kept):
            return False
        is_parked = self._parked.park(sequence.number, sequence.kept, drops_older=drops_older)
        if is_parked:
            self.forget(sequence)
        return is_parked

    def _restore(self, sequence: CachedSequence, tokens: Sequence[int]) -> None:
        """Restore what is parked of `tokens` in `sequence`, if it is clearly more than any sequence has of them."""
        parked, length = self._parked.best(tokens) if self._parked else (None, 0)
        known = max(self._usable(each, tokens) for each in self.all)
        if not (self._parked and parked) or length <= known:
            return
        if COPIED * (length - known) > len(parked.tokens):
            self.forget(sequence)
            if self._parked.restore(parked, sequence.number, stays=2 * length <= len(parked.tokens)):
                sequence.kept += parked.tokens

    def _copy(self, source: CachedSequence, target: CachedSequence, length: int) -> None:
        lib.llama_memory_seq_cp(self._llama.memory, source.number, target.number, 0 if length >= 0 else -1, length)

    def _trim(self, sequence: CachedSequence, length: int) -> None:
        """Remove all but the first `length` tokens."""
        lib.llama_memory_seq_rm(self._llama.memory, sequence.number, length or -1, -1)
        del sequence.kept[length:]
        if not sequence.number:
            self._llama.checkpoints.forget_after(length)

    def _free(self, spare: int) -> list[CachedSequence]:
        """Return the free sequences; none if those are no more than what is spared."""
        free = [sequence for sequence in self.all if sequence.is_free]
        return free if len(free) > spare else []

    def _mark_used(self, sequence: CachedSequence) -> None:
        sequence.is_free, sequence.used = False, next(self._clock)

    def _usable(self, sequence: CachedSequence, tokens: Sequence[int]) -> int:
        """Return how many of `tokens` are of use in the cache of a sequence, without the last."""
        common = min(count_common(sequence.kept, tokens), len(tokens) - 1)
        return common if self._llama.can_trim_sequence(sequence.number, common, len(sequence.kept)) else 0

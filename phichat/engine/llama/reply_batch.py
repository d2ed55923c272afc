"""Several replies at once: each step decodes a token of every reply that is written, and a part of a prompt."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from phichat.cancellation import CancelToken
from phichat.engine.llama.loaded_model import LoadedModel
from phichat.engine.llama.sequences import CachedSequence, SequencePool

Told = TypeVar("Told")

STALL = 0.5  # seconds that a part of a prompt may keep replies waiting that are being written
FEWEST = 16  # tokens of a prompt in a step, at least


@dataclass(eq=False)
class BatchedReply(Generic[Told]):
    """A reply among others.

    Attributes:
        work: yields what is told of it, and None when the pending tokens of `sequence` are to be decoded. It then goes
            on after each step that decoded some of them; after one that did not, as it was stopped or there is no room
            for it, the sequence has no row.
        sequence: the one it is written in.
        stop: ends it.
        is_urgent: whether all others wait for it.
        is_suspended: whether it waits for room in the KV cache.
        has_moved: whether `work` goes on before the next step.
        is_over: whether it has ended.
        number: of its request.
    """

    work: Iterator[Told | None]
    sequence: CachedSequence
    stop: CancelToken
    number: int = 0
    is_urgent: bool = False
    is_suspended: bool = False
    has_moved: bool = True
    is_over: bool = False


class ReplyBatch(Generic[Told]):
    """The replies that are being written in the sequences of `pool`."""

    def __init__(self, opened: LoadedModel, pool: SequencePool) -> None:
        self._opened, self._pool = opened, pool
        self.replies: list[BatchedReply[Told]] = []
        self._seconds_a_token = 0.0

    def add(self, reply: BatchedReply[Told]) -> None:
        """Add a reply, which begins before the next step."""
        self.replies.append(reply)

    def run(self) -> Iterator[tuple[BatchedReply[Told], Told]]:
        """Let the replies go on, decode one step for them, and yield what they tell. Raise EngineError.

        Those that end are removed, and their sequences are free again.
        """
        yield from self._go_on()
        if parts := self._parts():
            self._decode(parts)

    def close(self) -> None:
        """End all replies."""
        for reply in self.replies[:]:
            self._remove(reply)

    def _go_on(self) -> Iterator[tuple[BatchedReply[Told], Told]]:
        for reply in self.replies:  # others may be added meanwhile
            if not (reply.has_moved or reply.stop.is_set()):
                continue
            reply.has_moved = False
            for told in reply.work:
                if told is None:
                    break
                yield reply, told
            else:
                reply.is_over = True
        for reply in [reply for reply in self.replies if reply.is_over]:
            self._remove(reply)
            self._resume_one()

    def _remove(self, reply: BatchedReply[Told]) -> None:
        close = getattr(reply.work, "close", None)
        if close:
            close()
        self._pool.release(reply.sequence)
        self.replies.remove(reply)

    def _resume_one(self) -> None:
        """Have the oldest suspended reply go on, as cells are free."""
        for reply in [reply for reply in self.replies if reply.is_suspended][:1]:
            reply.is_suspended = False
            self._pool.begin(reply.sequence, reply.sequence.pending)

    def _parts(self) -> list[tuple[BatchedReply[Told], int]]:
        """Return which replies take part in the next step, and with how many tokens."""
        ready = [reply for reply in self.replies if not reply.is_suspended]
        ready = [reply for reply in ready if reply.is_urgent] or ready
        writing = [reply for reply in ready if len(reply.sequence.pending) == 1]
        room = self._opened.loaded.settings.batch - len(writing)
        if writing and self._seconds_a_token:
            room = min(room, max(int(STALL / self._seconds_a_token), FEWEST))
        parts = [(reply, 1) for reply in writing]
        for reply in ready:
            if len(reply.sequence.pending) > 1 and room > 0:
                parts.append((reply, min(room, len(reply.sequence.pending))))
                room -= parts[-1][1]
        return parts

    def _decode(self, parts: list[tuple[BatchedReply[Told], int]]) -> None:
        tokens = sum(length for _, length in parts)
        pacer, begun = self._opened.pacer_for(tokens), time.perf_counter()
        if not self._pool.decode((reply.sequence, length) for reply, length in parts):
            self._make_room([reply for reply, _ in parts])
            return
        seconds = (time.perf_counter() - begun) / tokens
        if pacer:
            pacer.record_step(seconds)
        if tokens > len(parts):
            self._seconds_a_token = seconds
        for reply, _ in parts:
            reply.has_moved = True

    def _make_room(self, deciding: list[BatchedReply[Told]]) -> None:
        """Free cells: those that nobody uses, else of the reply that came last, which goes on when another has ended.

        The only one left cannot go on.
        """
        if self._pool.forget_least_used():
            return
        active = [reply for reply in self.replies if not reply.is_suspended]
        last = ([reply for reply in active if reply not in deciding] or active)[-1]
        if len(active) > 1:
            self._pool.suspend(last.sequence)
            last.is_suspended = True
        else:
            last.sequence.pending, last.has_moved = [], True

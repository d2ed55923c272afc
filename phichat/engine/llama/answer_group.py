"""The answers to one request, written side by side in a batch of replies."""

import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import replace

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending
from phichat.engine.base import AnswerEvent, Done, Event, Notice, Piece, Reading, Undecided
from phichat.engine.llama.loaded_model import LoadedModel
from phichat.engine.llama.reply_batch import BatchedReply, ReplyBatch
from phichat.engine.llama.reply_plan import Answer, ReplyPlan
from phichat.engine.llama.sequences import CachedSequence, SequencePool

Work = Generator[Event | None, None, None]
"""See `BatchedReply.work`."""


class AnswerGroup:
    """Adds the answers of a plan to a batch: as many as there are sequences for, and the others when one has ended."""

    def __init__(
        self,
        opened: LoadedModel,
        plan: ReplyPlan,
        stop: CancelToken,
        pool: SequencePool,
        batch: ReplyBatch[Event],
        started: float,
        number: int = 0,
        *,
        is_urgent: bool = False,
    ) -> None:
        """`started` is when the request came, `number` which one it is."""
        self._opened, self._plan, self._stop, self._pool, self._batch = opened, plan, stop, pool, batch
        self._number, self._is_urgent, self._started = number, is_urgent, started
        self._statistics = Done(Ending.CANCELLED, plan.request.sampling.seed or 0, len(plan.prompt.tokens))
        self._count = plan.request.count
        self._left = deque(range(1, self._count))
        self._working = 0
        self._done: list[Done] = []
        self._begun = started

    def begin(self, sequence: CachedSequence) -> None:
        """Have the prompt read in `sequence`, which knows what of it is pending, and the answers written."""
        self._add(self._read(sequence), sequence)

    def begin_read(self, sequence: CachedSequence, statistics: Done) -> None:
        """Have the answers to a prompt written that was read in `sequence`; `statistics` are of that."""
        self._statistics = statistics
        self._add(self._fork(sequence), sequence)

    def _add(self, work: Work, sequence: CachedSequence) -> None:
        self._working += 1
        self._batch.add(BatchedReply(work, sequence, self._stop, number=self._number, is_urgent=self._is_urgent))

    def _read(self, sequence: CachedSequence) -> Work:
        tokens = len(self._plan.prompt.tokens)
        cached = len(sequence.kept)
        yield from self._plan.opening()
        yield self._plan.fit(cached)
        while sequence.pending and not self._stop.is_set():
            yield None
            yield Reading(len(sequence.kept), tokens)
        seconds = time.perf_counter() - self._started
        self._statistics = replace(self._statistics, cached_tokens=cached, prompt_seconds=seconds)
        if sequence.row is None:
            yield self._statistics
            return
        self._opened.check_logits(sequence.row)
        yield from self._fork(sequence)

    def _fork(self, sequence: CachedSequence) -> Work:
        """Begin as many answers as there are sequences, all from the same logits."""
        self._begun = time.perf_counter()
        while self._left and (other := self._pool.fork(sequence)):
            self._add(self._write_all(self._left.popleft(), other), other)
        yield from self._write_all(0, sequence)

    def _write_all(self, number: int, sequence: CachedSequence) -> Work:
        """Write an answer, then those that are left."""
        yield from self._write(number, sequence)
        while self._left and not self._stop.is_set():
            number = self._left.popleft()
            self._pool.begin(sequence, self._plan.prompt.tokens)
            yield from self._decode(sequence)
            yield from self._write(number, sequence)
        self._working -= 1
        if self._count > 1 and not self._working:
            yield self._total()

    def _write(self, number: int, sequence: CachedSequence) -> Work:
        with self._plan.answer(number) as answer:
            for piece in self._pieces(answer, sequence):
                yield self._tagged(number, piece) if piece else None
        for event in answer.ending(self._statistics, self._started):
            if isinstance(event, Done):
                self._done.append(event)
            yield self._tagged(number, event)

    def _pieces(self, answer: Answer, sequence: CachedSequence) -> Iterator[Piece | None]:
        """Yield the pieces of an answer, and None when a token is to be decoded."""
        context, llama, stop = self._opened.loaded.context, self._opened.llama, self._stop

        def room() -> int:
            return context - len(sequence.kept)

        answer.writer.end_thinking(room(), stop)
        for left in range(answer.most - 1, -1, -1):
            if sequence.row is None:  # stopped, or there is no room
                break
            token = answer.picker.choose(llama.context, sequence.row)
            yield from answer.writer.take(token, room, stop)
            if answer.writer.is_over or not left:
                break
            if not answer.picker.replaces_last:
                sequence.pending, sequence.row = [token], None
                yield from self._decode(sequence)
        yield from answer.writer.rest(stop)

    def _decode(self, sequence: CachedSequence) -> Iterator[None]:
        """Wait until the pending tokens are decoded; not if stopped, or if there is no room."""
        while sequence.pending and not self._stop.is_set():
            yield None

    def _tagged(self, number: int, event: Piece | Notice | Undecided | Done) -> Event:
        is_own = self._count > 1 and not isinstance(event, Notice)
        return AnswerEvent(number, event) if is_own else event  # type: ignore[arg-type]

    def _total(self) -> Done:
        """Return the figures of all answers together."""
        reasons = {done.reason for done in self._done}
        seconds = time.perf_counter() - self._begun
        written = sum(done.completion_tokens for done in self._done)
        worst = (Ending.CANCELLED, Ending.LENGTH, Ending.STOP)
        return replace(
            self._statistics,
            reason=next((reason for reason in worst if reason in reasons), Ending.CANCELLED),
            completion_tokens=written,
            seconds_to_first_token=min((done.seconds_to_first_token for done in self._done), default=0.0),
            completion_seconds=seconds,
            tokens_per_second=written / seconds if seconds else 0.0,
        )


def write_answers(
    opened: LoadedModel, plan: ReplyPlan, stop: CancelToken, statistics: Done, started: float
) -> Iterator[Event]:
    """Write the answers to a prompt that the context has read; it then keeps the first of them.

    `statistics` are of the prompt, `started` is when the request came. Raise EngineError.
    """
    pool = SequencePool(opened.llama)
    batch = ReplyBatch[Event](opened, pool)
    first = pool.all[0]
    first.row, first.is_free = -1, False
    AnswerGroup(opened, plan, stop, pool, batch, started).begin_read(first, statistics)
    try:
        while batch.replies:
            for _, event in batch.run():
                yield event
    finally:
        batch.close()
        pool.close()

"""Slots of a loaded model: requests that come at any time are answered in one batch."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending
from phichat.engine.base import Done, Event, Request
from phichat.engine.llama.answer_group import AnswerGroup
from phichat.engine.llama.loaded_model import LoadedModel
from phichat.engine.llama.parked_sequences import ParkedSequences
from phichat.engine.llama.reply_batch import ReplyBatch
from phichat.engine.llama.reply_plan import MakeChain, ReplyPlan
from phichat.engine.llama.sequences import SequencePool


@dataclass(frozen=True)
class _Waiting:
    """A request for which no sequence is free."""

    number: int
    plan: ReplyPlan
    stop: CancelToken
    is_urgent: bool
    begun: float


class ReplySlots:
    """Slots for `count` replies at the same time, and one more for what is urgent. `close` them at the end.

    What each has read stays in its sequence, or parked in memory, for the next request that begins like it. Requests
    share the context: a reply that finds it full waits until another has ended.
    """

    def __init__(self, opened: LoadedModel, count: int, make_chain: MakeChain) -> None:
        """Open the context for so many sequences. Raise EngineError if there is not enough memory."""
        opened.open_sequences(count + 1)
        self._opened, self._make_chain = opened, make_chain
        self._pool = SequencePool(opened.llama, ParkedSequences(opened.llama))
        self._pool.spare = 1
        self._batch = ReplyBatch[Event](opened, self._pool)
        self._waiting: list[_Waiting] = []

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._waiting or self._batch.replies)

    def submit(self, number: int, request: Request, stop: CancelToken, *, is_urgent: bool = False) -> None:
        """Add a request, known by `number`. Raise PromptError if it does not fit."""
        plan = ReplyPlan(self._opened, request, self._make_chain)
        place = sum(each.is_urgent for each in self._waiting) if is_urgent else len(self._waiting)
        self._waiting.insert(place, _Waiting(number, plan, stop, is_urgent, time.perf_counter()))

    def run(self) -> Iterator[tuple[int, Event]]:
        """Begin what there is room for, decode a step, and yield what happens, with the numbers of the requests.

        Raise EngineError; all requests have ended then.
        """
        for each in [each for each in self._waiting if each.stop.is_set()]:
            self._waiting.remove(each)
            tokens = len(each.plan.prompt.tokens)
            yield each.number, Done(Ending.CANCELLED, each.plan.request.sampling.seed or 0, tokens)
        self._begin()
        try:
            for reply, event in self._batch.run():
                yield reply.number, event
        except BaseException:
            self.close()
            raise
        if self.is_idle:
            self._pool.rest()

    def close(self) -> None:
        """End all replies, and forget what was read for requests."""
        self._waiting.clear()
        self._batch.close()
        self._pool.close()
        self._opened.llama.forget_all()

    def _begin(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            sequence = self._pool.take(first.plan.prompt.tokens, is_urgent=first.is_urgent)
            if sequence is None:
                return
            del self._waiting[0]
            AnswerGroup(
                self._opened,
                first.plan,
                first.stop,
                self._pool,
                self._batch,
                first.begun,
                first.number,
                is_urgent=first.is_urgent,
            ).begin(sequence)

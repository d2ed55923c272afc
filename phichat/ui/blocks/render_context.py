"""What the blocks of a transcript share: the formula cache, and the process that draws formulas and colours code."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from shiboken6 import isValid

from phichat.cancellation import CancelToken
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.rendering.process import Order, RenderProcess
    from phichat.ui.blocks.formulas import FormulaCache

BUDGETS = 0.5, 2.0  # seconds for an order at first, and when nothing else waits
MOST, LETTERS = 32, 1_000  # orders that are sent together, and characters in them: 0.2 seconds of formulas at most

OnAnswer = Callable[[Any], object]


@dataclass(frozen=True)
class _Job:
    order: "Order"
    on_answer: OnAnswer
    owner: QObject
    attempt: int = 0

    @property
    def size(self) -> int:
        """The number of characters in it, which is about what it takes."""
        return sum(len(value) for value in self.order.values() if isinstance(value, str))


class RenderContext(QObject):
    """One for all messages of a transcript, or for one document beside it.

    Orders are carried out one after the other, and sent several at a time. One that takes long is given up, and tried
    once more when no other waits, so that it holds up nothing.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = BackgroundTasks("render", 1, self)
        self._process: RenderProcess | None = None
        self._waiting: deque[_Job] = deque()
        self._sent: deque[_Job] = deque()
        self._is_busy = False
        self._given_up: deque[_Job] = deque()

    @cached_property
    def formula_cache(self) -> "FormulaCache":
        """The cache of rendered formulas."""
        from phichat.ui.blocks.formulas import FormulaCache  # noqa: PLC0415 - with the first formula

        return FormulaCache(self.render, self)

    def render(self, order: "Order", on_answer: OnAnswer, owner: QObject) -> None:
        """Call `on_answer` with what the render process makes of `order`, unless `owner` is deleted by then.

        It gets None for what cannot be made, or takes too much time or memory.
        """
        self._waiting.append(_Job(order, on_answer, owner))
        self._send()

    @Slot()
    def close(self) -> None:
        """End the process, whatever it is doing; nothing is rendered any more."""
        self._tasks.cancel_all()
        if self._process:
            self._process.close()

    def _send(self) -> None:
        """Send the next orders, unless the process is at work; one that was given up when no other waits."""
        if self._is_busy:
            return
        self._sent = self._next_jobs(self._waiting, MOST) or self._next_jobs(self._given_up, 1)
        if self._sent:
            self._is_busy = True
            orders = [job.order for job in self._sent]
            work = partial(_ask_all, self._render_process(), orders, BUDGETS[self._sent[0].attempt])
            self._tasks.run(work, self._on_answered, self._on_failed, self._on_ended, owner=self)

    def _next_jobs(self, jobs: deque[_Job], most: int) -> deque[_Job]:
        """Take the next of `jobs` that somebody still waits for."""
        found: deque[_Job] = deque()
        letters = 0
        while jobs and len(found) < most and letters < LETTERS:
            job = jobs.popleft()
            if isValid(job.owner):
                found.append(job)
                letters += job.size
        return found

    def _render_process(self) -> "RenderProcess":
        if self._process is None:
            from phichat.rendering.process import RenderProcess  # noqa: PLC0415 - with the first formula or code

            self._process = RenderProcess()
            self.destroyed.connect(self._process.close)
        return self._process

    def _on_answered(self, answer: list[Any]) -> None:
        """Pass on the answer to the first of the orders that were sent; an empty list if it took too much."""
        job = self._sent.popleft()
        if not answer and job.attempt + 1 < len(BUDGETS):
            self._given_up.append(replace(job, attempt=job.attempt + 1))
        elif isValid(job.owner):
            job.on_answer(answer[0] if answer else None)

    def _on_failed(self, _: str) -> None:
        self._on_answered([])

    def _on_ended(self) -> None:
        """Send the next orders, and first those again that followed one that took too much."""
        self._is_busy = False
        self._waiting.extendleft(reversed(self._sent))
        self._send()


def _ask_all(process: "RenderProcess", orders: "Sequence[Order]", seconds: float, _: CancelToken) -> Iterator[Any]:
    """Yield the answer of `process` to each of `orders` in a list, which is empty for one that takes too much."""
    from phichat.rendering.process import OverBudget  # noqa: PLC0415 - as above

    try:
        for answer in process.ask_all(orders, seconds):
            yield [answer]
    except OverBudget:
        yield []

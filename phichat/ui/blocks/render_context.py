"""What the blocks of a transcript share: the formula cache, and the process that draws formulas and colours code."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
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

OnAnswer = Callable[[Any], object]


@dataclass(frozen=True)
class _Job:
    order: "Order"
    on_answer: OnAnswer
    owner: QObject
    attempt: int = 0


class RenderContext(QObject):
    """One for all messages of a transcript, or for one document beside it.

    Orders are carried out one after the other. One that takes long is given up, and tried once more when no other
    waits, so that it holds up nothing.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = BackgroundTasks("render", 1, self)
        self._process: RenderProcess | None = None
        self._running = 0
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
        self._run(_Job(order, on_answer, owner))

    @Slot()
    def close(self) -> None:
        """End the process, whatever it is doing; nothing is rendered any more."""
        self._tasks.cancel_all()
        if self._process:
            self._process.close()

    def _run(self, job: _Job) -> None:
        self._running += 1
        work = partial(_ask, self._render_process(), job.order, BUDGETS[job.attempt])
        self._tasks.run(work, partial(self._on_answered, job), on_end=self._on_ended, owner=self)

    def _render_process(self) -> "RenderProcess":
        if self._process is None:
            from phichat.rendering.process import RenderProcess  # noqa: PLC0415 - with the first formula or code

            self._process = RenderProcess()
            self.destroyed.connect(self._process.close)
        return self._process

    def _on_answered(self, job: _Job, answer: list[Any]) -> None:
        if not answer and job.attempt + 1 < len(BUDGETS):
            self._given_up.append(_Job(job.order, job.on_answer, job.owner, job.attempt + 1))
        elif isValid(job.owner):
            job.on_answer(answer[0] if answer else None)

    def _on_ended(self) -> None:
        self._running -= 1
        while self._given_up and not self._running:
            job = self._given_up.popleft()
            if isValid(job.owner):
                self._run(job)


def _ask(process: "RenderProcess", order: "Order", seconds: float, _: CancelToken) -> list[Any]:
    """Return the answer of `process` in a list, which is empty if `order` took too much."""
    from phichat.rendering.process import OverBudget  # noqa: PLC0415 - as above

    try:
        return [process.ask(order, seconds)]
    except OverBudget:
        return []

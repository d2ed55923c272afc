"""How soon the first token comes: of the next turn, after writing, after pasting, and after a restart."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from phichat.bench.plan import Plan
from phichat.bench.processes import Figures, rounded
from phichat.bench.speed import story
from phichat.chat.messages import Role, Turn
from phichat.engine.base import Piece, Request, Stop
from phichat.engine.host import HostedEngine
from phichat.errors import PhichatError
from phichat.text import tr

EARLIER_WORDS = 780  # about 1,000 tokens
QUESTION_WORDS = 230  # about 300
KEYS_PER_SECOND = 40
LOOK_EVERY = 0.25  # seconds between two looks at what is written, as in the window
PASTED_BEFORE = 3.0  # seconds between pasting and Enter
BUDGET = 8_000_000_000  # bytes of states, for a moment

ANSWER = Turn(Role.ASSISTANT, "I see. Go on.")


def measure(plan: Plan) -> dict[str, Any]:
    """The part `first-token`: each figure beside that of the same prompt with nothing kept."""
    parts: dict[str, Callable[[Plan, float], tuple[float, float]]] = {
        "next_turn": _next_turn,
        "typed_draft": _typed,
        "pasted_draft": _pasted,
        "reopened": _reopened,
    }
    begun, found = time.monotonic(), dict[str, list[tuple[float, float]]]()
    for turn in range(plan.rounds):
        plan.report(tr("Measuring the first token, round {turn} …").format(turn=turn + 1))
        for name, part in parts.items():
            found.setdefault(name, []).append(part(plan, turn))
        each = (time.monotonic() - begun) / (turn + 1)
        if time.monotonic() - begun + each > plan.seconds:
            break
    return {"first_token": {name: _median(pairs) for name, pairs in found.items()}}


def _median(pairs: Sequence[tuple[float, float]]) -> Figures:
    ours, cold = (rounded(statistics.median(column)) for column in zip(*pairs, strict=True))
    return {"ours": ours, "cold": cold}


def _next_turn(plan: Plan, number: float) -> tuple[float, float]:
    """In a long conversation that is held just now; beside a new one with the same new text."""
    earlier = _earlier(number)
    with _engine(plan) as engine:
        _first(engine, plan, earlier)
        ours = _first(engine, plan, (*earlier, ANSWER, _question(number)))
        cold = _first(engine, plan, (_question(number),))
    return ours, cold


def _typed(plan: Plan, number: float) -> tuple[float, float]:
    """A long question, written key by key while the model reads along."""
    question = _question(number)
    with _engine(plan) as engine:
        cold = _first(engine, plan, (question,))
        _first(engine, plan, _other(number))
        begun, seen = time.perf_counter(), 0
        while seen < len(question.text):
            seen = int((time.perf_counter() - begun) * KEYS_PER_SECOND)
            _read_ahead(engine, plan, question.text[:seen], Stop())
            time.sleep(LOOK_EVERY)
        return _first(engine, plan, (question,)), cold


def _pasted(plan: Plan, number: float) -> tuple[float, float]:
    """The same, pasted a moment before it is sent."""
    question = _question(number)
    with _engine(plan) as engine:
        cold = _first(engine, plan, (question,))
        _first(engine, plan, _other(number))
        stop, begun = Stop(), time.perf_counter()
        for _ in engine.generate(_request(plan, (question,), is_draft=True), stop):
            if time.perf_counter() - begun > PASTED_BEFORE:
                stop.set()
        time.sleep(max(0.0, PASTED_BEFORE - (time.perf_counter() - begun)))
        return _first(engine, plan, (question,)), cold


def _reopened(plan: Plan, number: float) -> tuple[float, float]:
    """A long conversation that was held before the program was started."""
    earlier, short = _earlier(number), Turn(Role.USER, "And then?")
    with TemporaryDirectory(prefix="phichat-bench-") as folder:
        states = Path(folder)
        with _engine(plan, states) as engine:
            _first(engine, plan, earlier)
            while not list(states.glob("*.state")):
                time.sleep(0.1)
        with _engine(plan, states) as engine:
            _read_ahead(engine, plan, "", Stop(), (*earlier, ANSWER))
            ours = _first(engine, plan, (*earlier, ANSWER, short))
    with _engine(plan) as engine:
        cold = _first(engine, plan, (*earlier, ANSWER, short))
    return ours, cold


@contextmanager
def _engine(plan: Plan, states: Path | None = None) -> Iterator[HostedEngine]:
    engine = HostedEngine(states=states, budget=BUDGET)
    try:
        engine.load(plan.model, plan.settings, Stop(), lambda _: None)
        yield engine
    finally:
        engine.close()


def _first(engine: HostedEngine, plan: Plan, turns: tuple[Turn, ...]) -> float:
    """Seconds from asking to the first token."""
    begun, found = time.perf_counter(), 0.0
    for event in engine.generate(_request(plan, turns), Stop()):
        if isinstance(event, Piece) and not found:
            found = time.perf_counter() - begun
    if not found:
        raise PhichatError(tr("{name} says nothing: measure another model.").format(name=plan.model.name))
    return found


def _read_ahead(engine: HostedEngine, plan: Plan, draft: str, stop: Stop, earlier: tuple[Turn, ...] = ()) -> None:
    for _ in engine.generate(_request(plan, (*earlier, Turn(Role.USER, draft)), is_draft=True), stop):
        pass


def _request(plan: Plan, turns: tuple[Turn, ...], *, is_draft: bool = False) -> Request:
    return Request(turns, replace(plan.sampling, max_tokens=1, seed=7), is_draft=is_draft)


def _question(number: float) -> Turn:
    return Turn(Role.USER, f"{number}. {story(QUESTION_WORDS)}")


def _other(number: float) -> tuple[Turn, ...]:
    """Something else, so that nothing of the question is kept."""
    return (Turn(Role.USER, f"What is {number}?"),)


def _earlier(number: float) -> tuple[Turn, ...]:
    return (Turn(Role.USER, f"Conversation {number}. {story(EARLIER_WORDS)}"),)

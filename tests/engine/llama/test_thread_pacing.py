"""Thread pacing: the number of threads follows the load, and changes for no other reason."""

from collections.abc import Callable

import psutil
import pytest

from phichat.engine.cpu_load import LOOK_EVERY, STALE, CpuLoad
from phichat.engine.llama.thread_pacing import ThreadPacer


class Machine:
    """Cores on which each thread, and each busy neighbour, wants one; a thread that waits for its core slows all."""

    def __init__(self, cores: int) -> None:
        self.cores, self.busy, self.now = cores, 0, 0.0
        self.pacer = ThreadPacer(cores, self.neighbours, lambda: self.now)
        self.changes = 0

    def neighbours(self) -> float:
        return float(min(self.busy, self.cores))

    def seconds(self, threads: int) -> float:
        is_crowded = threads + self.busy > self.cores
        return 0.1 / threads * (4 if is_crowded and threads > 1 else 1)

    def write(self, tokens: int) -> list[int]:
        """The thread counts that were used."""
        used = []
        for _ in range(tokens):
            threads = self.pacer.threads
            used.append(threads)
            self.now += self.seconds(threads)
            self.pacer.record_step(self.seconds(threads))
            self.changes += self.pacer.threads != threads
        return used


@pytest.mark.parametrize("cores", [1, 2, 4, 8])
def test_on_an_idle_machine_nothing_is_tried(cores: int) -> None:
    assert set(Machine(cores).write(500)) == {cores}


@pytest.mark.parametrize(("cores", "busy"), [(2, 1), (2, 2), (4, 1), (8, 1), (8, 2)])
def test_beside_busy_programs_the_quickest_is_found_soon(cores: int, busy: int) -> None:
    machine = Machine(cores)
    machine.write(20)
    machine.busy = busy
    machine.write(30)
    best = min(range(1, cores + 1), key=machine.seconds)
    assert machine.seconds(machine.write(1)[0]) <= 1.6 * machine.seconds(best)
    assert machine.changes <= 8


def test_when_they_end_all_cores_are_used_at_once() -> None:
    machine = Machine(2)
    machine.busy = 1
    assert machine.write(40)[-1] == 1
    machine.busy = 0
    assert machine.write(5)[-1] == 2


def test_what_was_found_for_so_many_is_known_the_next_time() -> None:
    machine = Machine(2)
    for busy in (1, 0):
        machine.busy = busy
        machine.write(40)
    machine.busy = 1
    assert machine.write(10).count(2) <= 3


def test_a_lasting_slowness_without_a_reason_is_not_tried_over_and_over() -> None:
    """As of a battery that saves power: fewer threads do not help."""
    machine = Machine(2)
    machine.write(20)
    machine.seconds = lambda threads: 0.5 / threads  # type: ignore[method-assign]
    machine.write(200)
    assert machine.pacer.threads == 2
    assert machine.changes <= 4


class TestNeighbours:
    @pytest.fixture
    def advance(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], float]:
        """Lets time pass in which others use so many cores; what is then found."""
        now, used = [0.0], [0.0]
        monkeypatch.setattr(CpuLoad, "used_by_others", lambda _: used[0])
        neighbours = CpuLoad(lambda: now[0])

        def step(seconds: float, cores: float) -> float:
            now[0] += seconds
            used[0] += seconds * cores
            return neighbours()

        return step

    def test_what_others_use_is_told(self, advance: Callable[[float, float], float]) -> None:
        assert advance(2 * LOOK_EVERY, 1.5) == pytest.approx(1.5)

    def test_what_was_long_ago_says_nothing_of_now(self, advance: Callable[[float, float], float]) -> None:
        advance(2 * LOOK_EVERY, 0.0)
        assert advance(10 * STALE, 2.0) == 0.0
        assert advance(2 * LOOK_EVERY, 2.0) == pytest.approx(2.0)

    def test_it_does_not_look_at_every_token(self, advance: Callable[[float, float], float]) -> None:
        advance(2 * LOOK_EVERY, 1.0)
        assert advance(LOOK_EVERY / 10, 50.0) == pytest.approx(1.0)

    def test_ones_own_work_does_not_count(self) -> None:
        then = CpuLoad().used_by_others()
        own = psutil.Process().cpu_times()
        assert then <= psutil.cpu_times().user + psutil.cpu_times().system + psutil.cpu_times().nice - own.user + 1

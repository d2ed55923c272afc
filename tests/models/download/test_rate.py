"""The speed and the time left that people read while a download runs."""

from itertools import pairwise

import pytest

from phichat.models.download.rate import MIN_SECONDS, RESET_SECONDS, WINDOW_SECONDS, TransferRate

MB = 1_000_000


def _run(pace: TransferRate, seconds: float, rate: float, begin: float = 0.0, done: int = 0) -> tuple[float, int]:
    """Bytes at a steady rate, ten looks a second; when and how far it ended."""
    for step in range(1, round(seconds * 10) + 1):
        pace.add(begin + step / 10, done + round(step / 10 * rate))
    return begin + seconds, done + round(seconds * rate)


def test_no_speed_is_claimed_at_first_and_the_true_one_then() -> None:
    pace = TransferRate()
    assert (pace.speed, pace.seconds_left(MB)) == (0, None)
    _run(pace, MIN_SECONDS - 0.3, 3 * MB)
    assert (pace.speed, pace.seconds_left(MB)) == (0, None)
    _run(pace, 5, 3 * MB)
    assert pace.speed == pytest.approx(3 * MB, rel=0.05)
    assert pace.seconds_left(30 * MB) == pytest.approx(10, rel=0.05)


def test_what_was_on_the_disk_does_not_count() -> None:
    pace = TransferRate()
    _run(pace, 4, 1 * MB, done=800 * MB)
    assert pace.speed == pytest.approx(1 * MB, rel=0.05)


def test_waiting_for_the_first_byte_does_not_count() -> None:
    pace = TransferRate()
    now, done = _run(pace, 4, 0)
    _run(pace, 3, 2 * MB, now, done)
    assert pace.speed == pytest.approx(2 * MB, rel=0.15)


def test_bursts_do_not_make_it_jump() -> None:
    pace, seen = TransferRate(), []
    for step in range(600):
        pace.add(step / 10, step // 10 * 2 * MB)  # all of a second's bytes at once
        if step > 10 * WINDOW_SECONDS:
            seen.append((pace.speed, pace.seconds_left(1000 * MB - step // 10 * 2 * MB)))
    speeds, lefts = [speed for speed, _ in seen], [left for _, left in seen if left]
    assert max(speeds) / min(speeds) < 1.15
    assert max(abs(one - other) for one, other in pairwise(lefts)) < 5
    assert lefts[-1] < lefts[0]


def test_a_new_speed_shows_within_seconds() -> None:
    pace = TransferRate()
    now, done = _run(pace, 30, 4 * MB)
    _run(pace, WINDOW_SECONDS + 1, 1 * MB, now, done)
    assert pace.speed == pytest.approx(1 * MB, rel=0.05)


def test_silence_is_no_speed_and_after_it_all_begins_anew() -> None:
    pace = TransferRate()
    now, done = _run(pace, 20, 4 * MB)
    pace.seconds_left(10 * MB)
    now, done = _run(pace, RESET_SECONDS + 2.1, 0, now, done)
    assert (pace.speed, pace.seconds_left(10 * MB)) == (0, None)
    _run(pace, 4, 1 * MB, now, done)
    assert pace.speed == pytest.approx(1 * MB, rel=0.15)


def test_a_computer_that_slept_tells_no_tale_of_it() -> None:
    pace = TransferRate()
    now, done = _run(pace, 20, 4 * MB)
    pace.add(now + 3600, done)
    assert (pace.speed, pace.seconds_left(10 * MB)) == (0, None)
    _run(pace, 4, 4 * MB, now + 3600, done)
    assert pace.speed == pytest.approx(4 * MB, rel=0.05)


def test_beginning_from_the_start_again_is_no_negative_speed() -> None:
    pace = TransferRate()
    now, _ = _run(pace, 20, 4 * MB)
    _run(pace, 1, 4 * MB, now)
    assert pace.speed == 0
    _run(pace, 4, 4 * MB, now)
    assert pace.speed == pytest.approx(4 * MB, rel=0.05)


def test_the_time_left_ends_at_nothing() -> None:
    pace = TransferRate()
    now, done = _run(pace, 20, 4 * MB)
    for step in range(50):
        pace.add(now + step / 10, done + step * MB // 10)
        left = pace.seconds_left(max(5 * MB - step * MB // 10, 0))
        assert left is None or left >= 0
    assert pace.seconds_left(0) == pytest.approx(0, abs=2)

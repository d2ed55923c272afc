"""What the Hub says of waiting, ranges and sizes."""

import time

import pytest

from phichat.cancellation import CancelToken
from phichat.cli.download import PATIENCE
from phichat.errors import HubAway, HubUnreachable
from phichat.models.download.retry import AWAY_PATIENCE, RetryPolicy
from phichat.models.hub_answers import parse_number, parse_range, seconds_to_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"ratelimit": '"api";r=0;t=40'}, 40),
        ({"ratelimit": '"api"; r=0; t=40, "pages"; r=70; t=200'}, 40),
        ({"ratelimit": '"api";r=0;t=40, "resolvers";r=0;t=90'}, 90),
        ({"ratelimit": '"api";t=40'}, 40),
        ({"ratelimit": "limit=500, remaining=0, reset=40"}, 40),
        ({"ratelimit-reset": "40"}, 40),
        ({"x-ratelimit-reset": "40.5"}, 40),
        ({"retry-after": "7", "ratelimit": '"api";r=0;t=40'}, 7),
        ({"ratelimit": "9" * 5000}, 0),
        ({"ratelimit": "t=" + "9" * 9}, 3600),
        ({"retry-after": "9" * 5000}, 3600),
        ({"retry-after": "Fri, 01 Jan 99999 00:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, 0),
        ({}, 0),
    ],
)
def test_how_long_to_wait_is_read_from_every_header_for_it(headers: dict[str, str], seconds: float) -> None:
    assert seconds_to_wait(headers) == seconds


def test_a_limit_may_end_at_a_time_of_day() -> None:
    assert 35 < seconds_to_wait({"x-ratelimit-reset": str(int(time.time()) + 40)}) <= 40


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), (" 5 ", 5), ("", None), ("-5", None), ("9" * 19, None), ("٣", None)]
)
def test_numbers_are_those_of_bytes(text: str, number: int | None) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("text", "found"),
    [("bytes 5-9/10", (5, 9, 10)), ("bytes 5-9/*", (5, 9, None)), (f"bytes 5-9/{'9' * 5000}", None), ("", None)],
)
def test_ranges(text: str, found: tuple[int, int, int | None] | None) -> None:
    assert parse_range(text) == found


class _Clock(CancelToken):
    """Counts the seconds it was waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def wait(self, seconds: float) -> bool:
        self.waited += seconds
        return False


def wait_until_it_gives_up(policy: RetryPolicy, trouble: HubUnreachable) -> None:
    for _ in range(100):
        try:
            policy.back_off(trouble)
        except HubUnreachable:
            return
    pytest.fail("it never gives up")


def test_a_command_waits_for_minutes_for_a_server_in_trouble() -> None:
    clock = _Clock()
    wait_until_it_gives_up(RetryPolicy(clock, PATIENCE), HubUnreachable("Error 503."))
    assert 240 <= clock.waited <= 600


def test_a_command_soon_tells_that_there_is_no_connection() -> None:
    clock = _Clock()
    wait_until_it_gives_up(RetryPolicy(clock, PATIENCE), HubAway("No connection."))
    assert clock.waited <= 31
    clock = _Clock()
    policy = RetryPolicy(clock, PATIENCE)
    policy.reset()  # there was one
    wait_until_it_gives_up(policy, HubAway("No connection."))
    assert clock.waited >= 240


def test_a_command_waits_as_long_as_it_is_told() -> None:
    clock = _Clock()
    RetryPolicy(clock, PATIENCE).back_off(HubUnreachable("Too many.", 300.0))
    assert clock.waited == 300


def test_no_connection_is_not_waited_for_longer_than_wanted() -> None:
    clock = _Clock()
    wait_until_it_gives_up(RetryPolicy(clock, 2), HubAway("No connection."))
    assert clock.waited == 1
    assert AWAY_PATIENCE > 2

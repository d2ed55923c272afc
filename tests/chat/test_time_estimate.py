"""How long it will be until the first word."""

import pytest

from phichat.chat.sampling import UNLIMITED
from phichat.chat.time_estimate import TimeEstimate, estimate_text


@pytest.fixture
def forecast() -> TimeEstimate:
    """Of a model that reads 30 tokens a second."""
    forecast = TimeEstimate()
    forecast.model_loaded(30)
    return forecast


def test_what_is_read_already_is_not_waited_for(forecast: TimeEstimate) -> None:
    forecast.prompt_fitted(330, 30, 1000)
    assert forecast.seconds(1000) == pytest.approx(10)
    forecast.tokens_read(180)
    assert forecast.seconds(1000) == pytest.approx(5)
    forecast.tokens_read(330)
    assert forecast.seconds(1000) == 0


def test_what_was_written_since_counts_too(forecast: TimeEstimate) -> None:
    forecast.prompt_fitted(30, 30, 100)
    assert forecast.seconds(1100) == pytest.approx(10, rel=0.5)
    assert forecast.seconds(50) == 0


def test_without_figures_nothing_is_claimed() -> None:
    forecast = TimeEstimate()
    assert forecast.seconds(1000) == 0
    forecast.prompt_fitted(330, 0, 1000)
    assert forecast.seconds(1000) == 0
    forecast.model_loaded(30)
    assert forecast.seconds(1000) == 0


def test_the_rate_follows_what_was_measured(forecast: TimeEstimate) -> None:
    for _ in range(20):
        forecast.record_speed(1000, 100)
    forecast.record_speed(3, 100)  # too few to say anything
    forecast.prompt_fitted(100, 0, 1)
    assert forecast.seconds(1) == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, ""),
        (0.99, ""),
        (1.2, "about 1 s until the first word"),
        (8.7, "about 9 s until the first word"),
        (13, "about 15 s until the first word"),
        (36, "about 40 s until the first word"),
        (58, "about 1 min until the first word"),
        (170, "about 3 min until the first word"),
    ],
)
def test_it_is_told_in_words_that_do_not_flicker(seconds: float, words: str) -> None:
    assert estimate_text(seconds) == words


def test_thinking_counts_at_the_speed_of_writing() -> None:
    estimate = TimeEstimate()
    estimate.model_loaded(100)
    estimate.prompt_fitted(200, 0, 0)
    assert estimate.seconds(0, 500) == 2  # the speed of writing is not known yet
    estimate.record_writing(10, 80)
    assert estimate.seconds(0) == 2
    assert estimate.seconds(0, 500) == 52
    assert estimate.seconds(0, UNLIMITED) == 10  # as much as last time

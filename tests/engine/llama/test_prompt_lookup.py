"""Prompt lookup: repetitions are guessed, and other text costs nothing."""

from collections.abc import Sequence

import pytest

from phichat.engine.base import SIZES
from phichat.engine.llama.prompt_lookup import SURE, PromptLookup, StepCosts

TEXT = [(number * 37) % 101 + 200 for number in range(100)]


def follow(tokens: Sequence[int], prompt: Sequence[int] = TEXT, room: int = 100) -> tuple[int, int, int]:
    """Write `tokens` as an engine would: how many steps that took, guesses that were tried, and those that were right.

    Steps take what the first prices say.
    """
    look_up, at, steps, tried, right = PromptLookup(prompt, StepCosts()), 0, 0, 0, 0
    guesses: list[int] = []
    while at < len(tokens):
        good = 0
        while good < len(guesses) and at < len(tokens) and guesses[good] == tokens[at]:
            look_up.add_token(tokens[at])
            good, at = good + 1, at + 1
        if guesses:
            look_up.record_guesses(len(guesses), good, 1.0)
        tried, right, steps = tried + len(guesses), right + good, steps + 1
        if at < len(tokens):
            look_up.add_token(tokens[at])
            at += 1
            guesses = look_up.guess(room)
    return steps, tried, right


def test_a_text_that_is_written_again_takes_a_fraction_of_the_steps() -> None:
    steps, tried, right = follow(TEXT)
    assert steps < 40
    assert right > 60
    assert right >= tried - SIZES[-1]


def test_a_changed_word_interrupts_it_only_for_a_moment() -> None:
    changed = [*TEXT[:50], 7, *TEXT[51:]]
    longer = [*TEXT[:50], 7, 8, *TEXT[50:]]
    shorter = [*TEXT[:50], *TEXT[52:]]
    plain, *others = (follow(text)[0] for text in (TEXT, changed, longer, shorter))
    assert all(steps <= plain + 12 for steps in others)


def test_what_was_never_said_is_not_guessed() -> None:
    assert follow(list(range(1000, 1200))) == (200, 0, 0)


def test_a_phrase_now_and_then_is_soon_known_not_to_be_worth_a_guess() -> None:
    text = [token for at in range(0, 90, 6) for token in (*range(1000 + at, 1006 + at), *TEXT[at : at + 4])]
    _, tried, right = follow(text)
    assert right == 0
    assert tried <= 3 * (SIZES[0] - 1)


def test_a_word_said_over_and_over_is_guessed_all_around() -> None:
    steps, _, right = follow([1, 2, 3] * 40, prompt=[])
    assert right > 60
    assert steps < 60


def test_guesses_that_did_not_pay_make_it_cautious() -> None:
    look_up = PromptLookup(TEXT, StepCosts())
    for token in TEXT[:20]:
        look_up.add_token(token)
    assert look_up.guess(100)
    for _ in range(4):
        look_up.record_guesses(15, 0, 1.0)
    assert not look_up.guess(100)
    for token in TEXT[20:80]:
        look_up.add_token(token)
    look_up.record_guesses(15, 15, 0.0)
    look_up.record_guesses(15, 15, 0.0)
    assert look_up.guess(100)


@pytest.mark.parametrize("room", [0, 1, 2, 5])
def test_there_are_no_more_guesses_than_there_is_room(room: int) -> None:
    look_up = PromptLookup(TEXT, StepCosts())
    for token in TEXT[:30]:
        look_up.add_token(token)
    assert len(look_up.guess(room)) <= room


def test_guesses_end_with_what_was_said_there() -> None:
    end = 2
    look_up = PromptLookup([*TEXT[:30], end, *TEXT[30:]], StepCosts((3.2, 3.6, 5.3)), {end})
    for token in TEXT[:20]:
        look_up.add_token(token)
    assert look_up.guess(100) == TEXT[20:30]
    for token in TEXT[20:28]:
        look_up.add_token(token)
    assert not look_up.guess(100), "a whole step for two guesses does not pay"


def test_what_the_reply_says_again_has_to_go_on_for_longer_than_what_it_was_given() -> None:
    def tokens_before_it_guesses(given: Sequence[int], said: Sequence[int]) -> int:
        look_up = PromptLookup(given, StepCosts((4.7, 7.8, 14.6)))
        for token in said:
            look_up.add_token(token)
        for count, token in enumerate(TEXT[:30], 1):
            look_up.add_token(token)
            if look_up.guess(100):
                return count
        return 30

    assert tokens_before_it_guesses([*TEXT, 1, 2, 3], []) < 6
    assert 6 < tokens_before_it_guesses([], [*TEXT, 1, 2, 3]) < 30


def test_steps_that_cost_as_much_as_their_tokens_are_never_worth_it() -> None:
    prices = StepCosts()
    prices.record_single(0.01)
    for _ in range(30):
        for size in SIZES:
            prices.record_larger(size, 0.01 * size)
    worth, _ = prices.best_step(0.99, 9)
    assert worth <= 1


@pytest.mark.parametrize(("first", "size"), [((3.2, 3.6, 5.3), 16), ((4.7, 7.8, 14.6), 8), ((9.0, 17.0, 33.0), None)])
def test_what_was_measured_beforehand_decides_the_first_step(first: tuple[float, ...], size: int | None) -> None:
    look_up = PromptLookup(TEXT, StepCosts(first))
    for token in TEXT[:12]:
        look_up.add_token(token)
    assert len(look_up.guess(100)) == (size - 1 if size else 0)


@pytest.mark.parametrize(("price", "sizes"), [(4.8, [16, 16]), (8.0, [8, 16])])
def test_a_step_that_costs_much_more_has_to_promise_more(price: float, sizes: list[int]) -> None:
    prices = StepCosts()
    prices.record_single(1.0)
    for _ in range(30):
        for size, seconds in ((8, 4.7), (16, price), (32, 99.0)):
            prices.record_larger(size, seconds)
    assert [prices.best_step(chance, 0)[1] for chance in (0.97, 0.99)] == sizes
    assert prices.best_step(0.97, SURE)[1] == 16

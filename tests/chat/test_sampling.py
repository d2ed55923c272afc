"""Sampling: the table of settings and presets that scripts rely on, and values of any kind brought into range."""

import json
from typing import Any

import pytest

from phichat.chat.sampling import MAX_SEED, PRESETS, SETTINGS, Sampling, changed_settings

# name: lowest, highest, step, off; balanced, precise, creative, tutorial
TABLE: dict[str, tuple[Any, ...]] = {
    "temperature": (0, 2, 0.05, 0, 0.7, 0.2, 1.0, 1.0),
    "top_k": (0, 200, 1, 0, 40, 20, 0, 0),
    "top_p": (0, 1, 0.01, 1, 0.95, 0.9, 1, 1),
    "min_p": (0, 1, 0.01, 0, 0.05, 0.1, 0.02, 0),
    "repeat_penalty": (1, 2, 0.01, 1, 1.1, 1.05, 1.1, 1.2),
    "repeat_last_n": (0, 512, 1, 0, 64, 64, 64, 64),
    "max_tokens": (1, 4096, 1, None, 1024, 1024, 1024, 100),
}


def test_settings_and_presets_are_those_of_the_contract() -> None:
    presets = [PRESETS[name].sampling for name in ("balanced", "precise", "creative", "tutorial")]
    found = {
        setting.name: (
            setting.low, setting.high, setting.step, setting.off, *(getattr(preset, setting.name) for preset in presets)
        )
        for setting in SETTINGS
        if not setting.is_advanced
    }  # fmt: skip
    assert found == TABLE
    assert len(PRESETS) == 4
    assert Sampling() == PRESETS["balanced"].sampling


@pytest.mark.parametrize("name", TABLE)
def test_every_option_is_called_like_its_setting(name: str) -> None:
    setting = next(setting for setting in SETTINGS if setting.name == name)
    assert setting.option == "--" + name.replace("_", "-")
    assert setting.label
    assert setting.help


def test_advanced_settings_are_off_unless_chosen() -> None:
    advanced = [setting for setting in SETTINGS if setting.is_advanced and setting.off is not None]
    assert len(advanced) == 8
    for preset in PRESETS.values():
        assert all(getattr(preset.sampling, setting.name) == setting.off for setting in advanced)


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (["END", "END", ""], ("END",)),
        (("a", 3, None), ("a",)),
        ("text", ()),
        (["x" * 900], ("x" * 200,)),
        (["\ud800"], ("\ufffd",)),
    ],
)
def test_lists_of_texts_may_be_anything(stored: object, found: tuple[str, ...]) -> None:
    assert Sampling().with_values({"stop": stored}).stop == found


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_lie_on_the_sliders_steps(preset: Any) -> None:
    assert all(
        setting.clamp(getattr(preset.sampling, setting.name)) == getattr(preset.sampling, setting.name)
        for setting in SETTINGS
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", -1, 0), ("temperature", 9, 2), ("temperature", 0.73, 0.75), ("temperature", 0.15, 0.15),
        ("top_k", 39.6, 40), ("top_k", -5, 0), ("top_p", 0.333, 0.33), ("max_tokens", 0, 1),
        ("max_tokens", 5000, 5000), ("max_tokens", 10**9, 1_048_576),
        ("repeat_penalty", 0, 1), ("seed", 7, 7), ("seed", -1, 0), ("seed", 2**40, MAX_SEED), ("seed", 3.9, 3),
        ("seed", None, None), ("seed", "7", None), ("seed", True, None),
    ],
)  # fmt: skip
def test_values_are_brought_into_range(name: str, value: object, expected: float | None) -> None:
    found = getattr(Sampling(seed=5).with_values({name: value}), name)
    assert found == expected
    assert type(found) is type(getattr(Sampling(seed=5), name)) or found is None


@pytest.mark.parametrize(
    "junk", ["NaN", "Infinity", "-Infinity", "1e400", "true", "null", '"1"', "[]", "{}", "9" * 400]
)
def test_junk_from_a_settings_file_changes_nothing(junk: str) -> None:
    values = json.loads("{" + ", ".join(f'"{name}": {junk}' for name in TABLE) + f', "unknown": {junk}' + "}")
    assert Sampling().with_values(values) == Sampling()


def test_integers_stay_integers() -> None:
    assert isinstance(Sampling().with_values({"top_k": 12.0}).top_k, int)


def test_a_random_seed_is_new_each_time_and_a_chosen_one_stays() -> None:
    seeds = {Sampling().with_seed().seed for _ in range(8)}
    assert len(seeds) > 1
    assert all(seed is not None and 0 <= seed <= MAX_SEED for seed in seeds)
    assert Sampling(seed=0).with_seed().seed == 0


def test_how_much_may_be_thought_is_kept_within_bounds() -> None:
    values = [None, 0, 500, -1, -7, 10**9, "many", True]
    assert [Sampling(thinking=3).with_values({"thinking": value}).thinking for value in values] == [
        None, 0, 500, -1, -1, 1_048_576, None, None,
    ]  # fmt: skip


def test_a_preset_that_says_nothing_about_thinking_differs_in_nothing() -> None:
    assert changed_settings(Sampling(thinking=500), Sampling()) == []
    assert changed_settings(Sampling(thinking=500), Sampling(thinking=0)) == ["thinking"]

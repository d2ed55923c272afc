"""The sampling settings, each with range, step, default and help, and the presets of them.

The settings panel, the command line's options and the presets are made from these fields.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from typing import Any

from phichat.i18n import N_
from phichat.unicode import replace_surrogates

LARGEST_CONTEXT = 1_048_576
"""Tokens; a reply may be as long as the context."""

TEXTS = ("stop", "forbidden")
"""The settings that are lists of texts."""

MOST_TEXTS, LONGEST_TEXT = 100, 200  # of such a list, characters

SEVERAL = 3
"""Answers that are written side by side: as many columns as have room in a window."""

MAX_SEED = 2**32 - 2  # llama.cpp reads 2**32 - 1 as "pick one"

UNLIMITED = -1
"""As `Sampling.thinking`: think as long as it takes."""


@dataclass(frozen=True)
class Setting:
    """The range and the texts of one sampling setting.

    `off` is the value at which it has no effect; None if it always has one. `most` is the largest value of all, where a
    context larger than `high` allows more. Advanced settings are off by default, and shown when asked for.
    """

    name: str
    label: str
    help: str
    low: float
    high: float
    step: float
    off: float | None
    most: float
    is_advanced: bool = False

    @property
    def option(self) -> str:
        """The command-line option."""
        return "--" + self.name.replace("_", "-")

    @property
    def decimals(self) -> int:
        """The number of decimals that the step needs."""
        return 0 if float(self.step).is_integer() else 2

    def high_in(self, context: int) -> float:
        """Return the largest value in a context of so many tokens."""
        return min(max(self.high, context), self.most)  # of most settings, both are the same

    def clamp(self, value: float) -> float:
        """Return the nearest allowed value that is a whole number of steps."""
        steps = round((min(max(value, self.low), self.most) - self.low) / self.step)
        found = round(self.low + steps * self.step, self.decimals)
        return found if self.decimals else int(found)


def _setting(
    default: float,
    label: str,
    text: str,
    low: float,
    high: float,
    step: float,
    off: float | None,
    most: float | None = None,
    *,
    is_advanced: bool = False,
) -> Any:
    values = (low, high, step, off, high if most is None else most, is_advanced)
    return field(default=default, metadata={"words": (label, text), "range": values})


_advanced = partial(_setting, is_advanced=True)


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The defaults are the preset `balanced`.

    Penalties count the tokens of the reply being generated.

    Attributes:
        seed: None for a new random one at each reply.
        stop: texts that end the reply, which are left out of it.
        forbidden: words that the reply must not contain.
        thinking: how many tokens a model that can think may think before it answers: 0 for not at all, UNLIMITED, or
            None for what its makers chose. `max_tokens` limits the answer after it.
    """

    temperature: float = _setting(
        0.7,
        N_("Temperature"),
        N_("Controls randomness. At 0, the most likely word is always chosen; higher values make "
            "answers more creative."),
        0, 2, 0.05, 0,
    )  # fmt: skip
    top_k: int = _setting(
        40,
        N_("Top-k"),
        N_("Considers only this many of the most likely words. Set to 0 for no limit."),
        0, 200, 1, 0,
    )  # fmt: skip
    top_p: float = _setting(
        0.95,
        N_("Top-p"),
        N_("Considers only the most likely words that together reach this probability. Set to 1 for "
            "no limit."),
        0, 1, 0.01, 1,
    )  # fmt: skip
    min_p: float = _setting(
        0.05,
        N_("Min-p"),
        N_(
            "Ignores words whose probability is less than this fraction of the most likely word’s. Set to 0 "
            "to turn it off."
        ),
        0, 1, 0.01, 0,
    )  # fmt: skip
    repeat_penalty: float = _setting(
        1.1,
        N_("Repeat penalty"),
        N_("Makes recently used words less likely to be repeated. Set to 1 to turn it off."),
        1, 2, 0.01, 1,
    )  # fmt: skip
    repeat_last_n: int = _setting(
        64,
        N_("Repeat window"),
        N_("How many recent tokens the repeat penalty checks for repetition. Set to 0 to turn it off."),
        0, 512, 1, 0,
    )  # fmt: skip
    max_tokens: int = _setting(
        1024,
        N_("Maximum length"),
        N_(
            "Limits the answer to this many tokens. A token is about three-quarters of a word. Thinking "
            "doesn’t count toward this limit."
        ),
        1, 4096, 1, None, LARGEST_CONTEXT,
    )  # fmt: skip
    presence_penalty: float = _advanced(
        0,
        N_("Presence penalty"),
        N_(
            "Makes words that have already appeared in the answer less likely, whether they appeared once "
            "or many times. Set to 0 to turn it off."
        ),
        0, 2, 0.05, 0,
    )  # fmt: skip
    frequency_penalty: float = _advanced(
        0,
        N_("Frequency penalty"),
        N_("Makes words less likely the more often they have appeared in the answer. Set to 0 to turn it off."),
        0, 2, 0.05, 0,
    )  # fmt: skip
    dry_multiplier: float = _advanced(
        0,
        N_("DRY strength"),
        N_("Stops the model from repeating whole phrases. Start with 0.8, or set to 0 to turn it off."),
        0, 5, 0.05, 0,
    )  # fmt: skip
    dry_base: float = _advanced(
        1.75,
        N_("DRY growth"),
        N_("Sets how quickly the DRY penalty grows as a repeated phrase gets longer."),
        1, 4, 0.05, None,
    )  # fmt: skip
    dry_allowed_length: int = _advanced(
        2,
        N_("DRY allowed length"),
        N_("DRY doesn’t penalize repeated phrases of up to this many tokens."),
        1, 20, 1, None,
    )  # fmt: skip
    top_n_sigma: float = _advanced(
        0,
        N_("Top-nσ"),
        N_("Keeps only words that score within this many standard deviations of the best. Set to 0 to "
        "turn it off."),
        0, 5, 0.05, 0,
    )  # fmt: skip
    typical_p: float = _advanced(
        1,
        N_("Typical-p"),
        N_(
            "Keeps only words whose level of surprise is close to average, up to this total probability. "
            "Set to 1 to turn it off."
        ),
        0.05, 1, 0.01, 1,
    )  # fmt: skip
    xtc_probability: float = _advanced(
        0,
        N_("XTC probability"),
        N_("How often the most likely words are skipped, for more unusual answers. Set to 0 to turn it off."),
        0, 1, 0.01, 0,
    )  # fmt: skip
    xtc_threshold: float = _advanced(
        0.1,
        N_("XTC threshold"),
        N_(
            "Of all words with a probability above this value, XTC keeps only the least likely one. Values "
            "above 0.5 have no effect."
        ),
        0, 0.5, 0.01, None,
    )  # fmt: skip
    dynatemp_range: float = _advanced(
        0,
        N_("Dynamic temperature"),
        N_(
            "Adjusts the temperature by up to this much: lower when the model is sure, higher when it "
            "isn’t. Set to 0 to turn it off."
        ),
        0, 2, 0.05, 0,
    )  # fmt: skip
    mirostat: float = _advanced(
        0,
        N_("Mirostat"),
        N_(
            "Aims for this level of surprise throughout the answer (Mirostat 2). Replaces top-k, top-p, and "
            "similar settings. Start with 5, or set to 0 to turn it off."
        ),
        0, 10, 0.1, 0,
    )  # fmt: skip
    seed: int | None = None
    stop: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    thinking: int | None = None

    def __post_init__(self) -> None:
        """Take lists, as JSON has no tuples."""
        object.__setattr__(self, "stop", tuple(self.stop))
        object.__setattr__(self, "forbidden", tuple(self.forbidden))

    def with_values(self, values: Mapping[str, Any]) -> "Sampling":
        """Return a copy with `values`, each clamped to its range; unknown names and what is no number are ignored."""
        known = {
            setting.name: setting.clamp(values[setting.name])
            for setting in SETTINGS
            if _is_number(values.get(setting.name))
        }
        if "seed" in values:
            seed = values["seed"]
            known["seed"] = min(max(int(seed), 0), MAX_SEED) if _is_number(seed) else None  # type: ignore[assignment]
        for name in TEXTS:
            if name in values:
                known[name] = _texts(values[name])  # type: ignore[assignment]
        if "thinking" in values:
            budget = values["thinking"]
            limited = min(max(int(budget), UNLIMITED), LARGEST_CONTEXT) if _is_number(budget) else None
            known["thinking"] = limited  # type: ignore[assignment]
        return replace(self, **known)  # type: ignore[arg-type]

    def with_seed(self) -> "Sampling":
        """Return a copy with a seed: its own, or a random one."""
        return self if self.seed is not None else replace(self, seed=int.from_bytes(os.urandom(4)) % (MAX_SEED + 1))


def _texts(value: object) -> tuple[str, ...]:
    """Return the texts in a list that may be anybody's, without empty ones and at most `MOST_TEXTS`."""
    found = (
        [replace_surrogates(text) for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []
    )
    return tuple(dict.fromkeys(text[:LONGEST_TEXT] for text in found if text))[:MOST_TEXTS]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(item.name, *item.metadata["words"], *item.metadata["range"]) for item in fields(Sampling) if item.metadata
)


@dataclass(frozen=True)
class Preset:
    """A named set of sampling settings."""

    id: str
    label: str
    sampling: Sampling


PRESETS: dict[str, Preset] = {
    preset.id: preset
    for preset in (
        Preset("balanced", N_("Balanced"), Sampling()),
        Preset(
            "precise", N_("Precise"), Sampling(temperature=0.2, top_k=20, top_p=0.9, min_p=0.1, repeat_penalty=1.05)
        ),
        Preset("creative", N_("Creative"), Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.02)),
        Preset(
            "tutorial",
            N_("Tutorial"),
            Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repeat_penalty=1.2, max_tokens=100),
        ),
    )
}


OWN = "own:"  # the prefix of the ids of the user's own presets
LONGEST = 60  # characters of a name


def own_presets(stored: Mapping[str, Any]) -> dict[str, Preset]:
    """Return the user's presets by id from what `presets_to_json` returned; invalid ones are ignored."""
    found = {}
    for name, values in stored.items():
        if replace_surrogates(name).strip() and isinstance(values, Mapping):
            preset = own_preset(replace_surrogates(name), Sampling().with_values({**values, "seed": None}))
            found[preset.id] = preset
    return found


def own_preset(name: str, sampling: Sampling) -> Preset:
    """Return a preset of the user's own, without the seed."""
    name = " ".join(name.split())[:LONGEST]
    return Preset(OWN + name, name, sampling.with_values({"seed": None}))


def presets_to_json(presets: Iterable[Preset]) -> dict[str, Any]:
    """Return the user's presets as JSON values, by name."""
    return {preset.label: _plain(preset.sampling) for preset in presets}


def changed_settings(one: Sampling, other: Sampling) -> list[str]:
    """Return the names of the settings that differ, the seed aside; thinking only if both say something about it."""
    before, after = vars(one), vars(other)
    if before == after:
        return []
    names = [*(setting.name for setting in SETTINGS), *TEXTS]
    names += ["thinking"] if None not in {one.thinking, other.thinking} else []
    return [name for name in names if before[name] != after[name]]


def temperatures_around(sampling: Sampling) -> list[Sampling]:
    """Return `sampling` cooler, as it is and warmer: at half the temperature, and half as much again.

    Where they would be the same, as at 0, they are half a degree apart.
    """
    setting = next(each for each in SETTINGS if each.name == "temperature")
    middle = sampling.temperature
    values = [setting.clamp(middle * factor) for factor in (0.5, 1, 1.5)]
    if len(set(values)) < len(values):
        low = min(max(middle - 0.5, setting.low), setting.high - 1)
        values = [setting.clamp(low + step) for step in (0, 0.5, 1)]
    return [replace(sampling, temperature=value) for value in values]


def repeated(sampling: Sampling) -> list[Sampling]:
    """Return the settings of as many answers as are written side by side, each with a seed of its own."""
    return [replace(sampling, seed=None)] * SEVERAL


def nearest_preset(sampling: Sampling, presets: Iterable[Preset], last: str) -> Preset:
    """Return the preset with the fewest different settings; of several, the one with the id `last`, else the first."""
    return min(presets, key=lambda preset: (len(changed_settings(sampling, preset.sampling)), preset.id != last))


def _plain(sampling: Sampling) -> dict[str, Any]:
    return {name: value for name, value in asdict(sampling).items() if name != "seed"}

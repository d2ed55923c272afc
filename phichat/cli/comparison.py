"""The option `--compare`: several answers to one message, each with another value of a sampling setting or preset."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

from phichat.chat.sampling import PRESETS, SETTINGS, Sampling
from phichat.cli.context import sampling_of
from phichat.cli.option_values import names, setting_value
from phichat.engine.base import MOST_ANSWERS
from phichat.i18n import format_number, tr

PRESET = "preset"
_SETTINGS = {setting.option.removeprefix("--"): setting for setting in SETTINGS}


@dataclass(frozen=True)
class Comparison:
    """What differs between answers.

    Attributes:
        name: the option's name in the parsed options, such as `top_k`.
        values: that of each answer.
    """

    name: str
    values: tuple[float | str, ...]

    def samplings(self, options: argparse.Namespace) -> tuple[Sampling, ...]:
        """Return how to sample each answer; all have the same seed, so that nothing else differs."""
        seeded = sampling_of(options).with_seed().seed
        each = {**vars(options), "seed": seeded}
        return tuple(sampling_of(argparse.Namespace(**{**each, self.name: value})) for value in self.values)

    def fields(self, number: int) -> Mapping[str, float | str]:
        """Return what an event of JSON says of the answer of that number, from 0."""
        return {self.name: self.values[number]}

    def title(self, number: int) -> str:
        """Return what the heading of the answer of that number says, from 0."""
        value = self.values[number]
        if isinstance(value, str):
            preset = PRESETS[value]
            return tr(preset.label)
        setting = next(each for each in SETTINGS if each.name == self.name)
        return f"{tr(setting.label)} {format_number(value, setting.decimals)}"


def comparison(text: str) -> Comparison:
    """Return what `SETTING=VALUE,VALUE,…` compares. Raise ArgumentTypeError for anything else."""
    name, _, listed = text.partition("=")
    name = name.strip().replace("_", "-")
    known = [PRESET, *_SETTINGS]
    if name not in known:
        raise argparse.ArgumentTypeError(
            tr("{name} isn’t a setting that can be compared; choose from {names}").format(
                name=name or text, names=", ".join(known)
            )
        )
    if not 0 < listed.count(",") < MOST_ANSWERS:
        raise argparse.ArgumentTypeError(
            tr("give 2 to {most} values, separated by commas, as in {example}").format(
                most=MOST_ANSWERS, example="temperature=0.2,0.8,1.2"
            )
        )
    if name == PRESET:
        return Comparison(PRESET, tuple(names(listed, list(PRESETS))))
    setting = _SETTINGS[name]
    return Comparison(setting.name, tuple(map(setting_value(setting), listed.split(","))))

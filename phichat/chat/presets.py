"""Presets of one's own beside those there are, and which of all settings are nearest to."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from phichat.chat.sampling import SETTINGS, Preset, Sampling
from phichat.unicode import replace_surrogates

OWN = "own:"  # what the ids of a person's own presets begin with
LONGEST = 60  # characters of a name


def own_presets(stored: Mapping[str, Any]) -> dict[str, Preset]:
    """Presets by id, as they are stored by name; what makes no sense is left out."""
    found = {}
    for name, values in stored.items():
        if replace_surrogates(name).strip() and isinstance(values, Mapping):
            preset = own_preset(replace_surrogates(name), Sampling().with_values({**values, "seed": None}))
            found[preset.id] = preset
    return found


def own_preset(name: str, sampling: Sampling) -> Preset:
    """A preset of the person's own, whatever the seed is."""
    name = " ".join(name.split())[:LONGEST]
    return Preset(OWN + name, name, sampling.with_values({"seed": None}))


def stored(presets: Iterable[Preset]) -> dict[str, Any]:
    """Own presets as they are stored."""
    return {preset.label: _plain(preset.sampling) for preset in presets}


def differences(one: Sampling, other: Sampling) -> list[str]:
    """The names of the settings, besides the seed, that are not the same."""
    names = (setting.name for setting in SETTINGS)
    return [name for name in names if getattr(one, name) != getattr(other, name)]


def nearest(sampling: Sampling, presets: Iterable[Preset], last: str) -> Preset:
    """The one that fewest settings differ from; among several the one whose id is `last`, or else the first."""
    return min(presets, key=lambda preset: (len(differences(sampling, preset.sampling)), preset.id != last))


def _plain(sampling: Sampling) -> dict[str, Any]:
    return {name: value for name, value in asdict(sampling).items() if name != "seed"}

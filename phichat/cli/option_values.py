"""Converters of the command line's values. What they cannot convert is an ArgumentTypeError with a sentence."""

import argparse
from collections.abc import Callable

from phichat.chat.sampling import LARGEST_CONTEXT, MAX_SEED, UNLIMITED, Setting
from phichat.i18n import tr


def setting_value(setting: Setting) -> Callable[[str], float]:
    """Return a converter for the values of a sampling setting."""
    if setting.decimals:
        return real_number(setting.low, setting.most)
    return whole_number(int(setting.low), int(setting.high), int(setting.most))


def seed(text: str) -> int | None:
    """Return the seed in `text`; None for a random one."""
    return None if text == "random" else whole_number(0, MAX_SEED)(text)


def thinking_budget(text: str) -> int:
    """Return `Sampling.thinking` for what was given to `--think`."""
    if text in {"on", "off"}:
        return UNLIMITED if text == "on" else 0
    try:
        return whole_number(0, LARGEST_CONTEXT)(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            tr("{text} isn’t on, off, or a whole number of tokens").format(text=text)
        ) from None


def whole_number(low: int, high: int, most: int | None = None) -> Callable[[str], int]:
    """Return a converter; values up to `most` are let through where `high` depends on another option."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if low <= value <= (most or high):
            return value
        raise argparse.ArgumentTypeError(out_of_range(text, low, high))

    return convert


def out_of_range(text: str, low: int, high: int) -> str:
    """Return what is wrong with a value."""
    return tr("{text} isn’t a whole number from {low} to {high}").format(text=text, low=low, high=high)


def real_number(low: float, high: float) -> Callable[[str], float]:
    """Return a converter."""

    def convert(text: str) -> float:
        try:
            value = float(text.replace(",", ".") if text.count(",") == 1 else text)  # 0,7 as in French
        except ValueError:
            value = low - 1
        if low <= value <= high:  # false for nan
            return value
        raise argparse.ArgumentTypeError(
            tr("{text} isn’t a number from {low} to {high}").format(text=text, low=low, high=high)
        )

    return convert

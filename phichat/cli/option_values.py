"""Converters of the command line's values. What they cannot convert is an ArgumentTypeError with a sentence."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

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
            tr("{text} isn’t “on”, “off”, or a whole number of tokens").format(text=text)
        ) from None


def name(text: str) -> str:
    """Return `text`, unless it is empty, as a variable of a script may be by mistake."""
    if text.strip():
        return text
    raise argparse.ArgumentTypeError(tr("the value can’t be empty"))


def path(text: str) -> Path:
    """Return the path `text`, unless that is empty, which would be the current folder."""
    return Path(name(text))


def text(argument: str) -> str:
    """Return `argument`, decoded as a text file is where it isn't in the terminal's encoding."""
    if argument.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in argument):
        return argument
    from phichat.encodings import decode_text  # noqa: PLC0415 - few arguments need it

    try:
        decoded = decode_text(argument.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()))
    except UnicodeEncodeError:  # half a pair, as Windows may pass on
        return argument
    if decoded is None:
        raise argparse.ArgumentTypeError(tr("the value isn’t valid text"))
    return decoded


def phrase(argument: str) -> str:
    """Return `argument` as `text` does, unless it is empty; blanks and line breaks are phrases."""
    if argument:
        return text(argument)
    raise argparse.ArgumentTypeError(tr("the value can’t be empty"))


def names(text: str, known: Sequence[str]) -> list[str]:
    """Return the names in `text`, which commas separate; each is one of `known`."""
    found = text.split(",")
    for each in found:
        if each not in known:
            sentence = tr("invalid choice: %(value)r (choose from %(choices)s)")
            raise argparse.ArgumentTypeError(sentence % {"value": each, "choices": ", ".join(known)})
    return found


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

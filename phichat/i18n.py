"""Translation through gettext, numbers and sizes as the language writes them, and the files in `resources/`.

A language is one file, `resources/translations/<code>.po`. English needs none. The file of a region, such as
`en_GB.po`, has only what differs from its language.
"""

import errno
import gettext
import io
import locale
import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from phichat.unicode import display_width, padded

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


_current: gettext.NullTranslations = gettext.NullTranslations()
_code = "en"

# Regions whose English CLDR derives from British rather than American English, of those with many speakers.
_BRITISH_REGIONS = frozenset({"au", "gb", "gh", "hk", "ie", "in", "ke", "mt", "my", "ng", "nz", "pk", "sg", "za"})


def tr(text: str) -> str:
    """Return `text` in the current language."""
    return _current.gettext(text) if text else ""


def tr_count(one: str, many: str, count: int) -> str:
    """Return the plural form that the current language uses for `count`, with `{count}` filled in."""
    return _current.ngettext(one, many, count).format(count=format_number(count))


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Mark `text` for translation where the language is not known yet; pass it to `tr` when it is shown."""
    return text


_REASONS = {
    errno.EACCES: N_("permission denied"),
    errno.EBUSY: N_("it’s in use"),
    errno.EDQUOT: N_("your disk quota is used up"),
    errno.EEXIST: N_("a file with the same name already exists"),
    errno.EFBIG: N_("the file is too large for this disk"),
    errno.EIO: N_("the disk isn’t working properly"),
    errno.EISDIR: N_("it’s a folder"),
    errno.EMFILE: N_("too many files are open"),
    errno.ENAMETOOLONG: N_("the name is too long"),
    errno.ENOENT: N_("there’s no such file or folder"),
    errno.ENOSPC: N_("the disk is full"),
    errno.ENOTDIR: N_("part of its path isn’t a folder"),
    errno.EPERM: N_("permission denied"),
    errno.EROFS: N_("the disk is read-only"),
}
"""Of the system's errors with files, those that people meet. Python has texts for all, in English."""


def format_number(value: float, decimals: int = 0) -> str:
    """Return `value` as the current language writes numbers, with the separators and digits of its catalogue."""
    text = f"{value:,.{decimals}f}"
    # Translators: the thousands separator, the decimal sign and the ten digits of your language.
    thousands, point, digits = tr("thousands=,")[-1], tr("decimal=.")[-1], tr("digits=0123456789")[-10:]
    return text.translate(str.maketrans(",.0123456789", thousands + point + digits))


def format_count(count: str, *, is_estimate: bool, is_least: bool = False) -> str:
    """Return a number, with its unit or without, as it is said if it is only an estimate, a lower bound, or neither."""
    if is_least and not is_estimate:
        return tr("more than {count}").format(count=count)
    return tr("about {count}").format(count=count) if is_estimate else count


def format_list(items: Sequence[str]) -> str:
    """Return one item or more as a part of a sentence: "a", "a and b", or "a, b, and c"."""
    *others, last = items
    if not others:
        return last
    pattern = tr("{first} and {last}") if len(others) == 1 else tr("{first}, and {last}")
    return pattern.format(first=", ".join(others), last=last)


def format_speed(speed: float) -> str:
    """Return an estimate in tokens a second: with one decimal below 3, else a whole number."""
    return format_number(speed, 1 if speed < 3 else 0)


def format_percent(share: float) -> str:
    """Return a share from 0 to 1 as a percentage, with a decimal below a tenth; what is next to nothing as "<0.1%"."""
    if 0 < share < 0.0005:
        return tr("<{percent}%").format(percent=format_number(0.1, 1))
    decimals = 0 if round(share, 3) >= 0.1 or not share else 1  # else 0.0999 would be 10.0%
    return tr("{percent}%").format(percent=format_number(100 * share, decimals))


def format_size(count: int, more_decimals: int = 0) -> str:
    """Return `count` bytes in a decimal unit: 2.4 GB, 98 MB."""
    for factor, unit in ((10**9, tr("GB")), (10**6, tr("MB")), (10**3, tr("kB"))):
        if count >= factor:
            amount = count / factor
            decimals = (1 if amount < 10 or factor == 10**9 else 0) + more_decimals
            return f"{format_number(amount, decimals)}\N{NO-BREAK SPACE}{unit}"
    return _format_bytes(count)


def format_sizes(one: int, other: int) -> tuple[str, str]:
    """Return two sizes that are compared: with as many decimals as tell them apart, or else in bytes."""
    for more in range(3):
        sizes = format_size(one, more), format_size(other, more)
        if one == other or len({*sizes}) > 1:
            return sizes
    return _format_bytes(one), _format_bytes(other)


def _format_bytes(count: int) -> str:
    return f"{format_number(count)}\N{NO-BREAK SPACE}{tr('byte') if count == 1 else tr('bytes')}"


def format_duration(seconds: float) -> str:
    """Return a duration rounded to one unit: about 9 minutes, less than a minute."""
    minutes, hours, days = (max(round(seconds / unit), 1) for unit in (60, 3600, 86400))
    if seconds < 60:
        return tr("less than a minute")
    if minutes < 90:
        return tr_count("about {count} minute", "about {count} minutes", minutes)
    if hours < 48:
        return tr_count("about {count} hour", "about {count} hours", hours)
    return tr_count("about {count} day", "about {count} days", days)


def format_seconds(seconds: float) -> str:
    """Return a measured time: 12 s, 2 min 5 s."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return tr("{seconds} s").format(seconds=format_number(rest))
    return tr("{minutes} min {seconds} s").format(minutes=format_number(minutes), seconds=format_number(rest))


def format_reason(error: OSError) -> str:
    """Return what the system says went wrong, in the current language where the error is a common one."""
    if error.errno in _REASONS:
        return tr(_REASONS[error.errno])
    return error.strerror or str(error)


def reading_failure(error: OSError, name: str) -> str:
    """Return the sentence about a file called `name` that someone chose, and that `error` keeps from being read."""
    if isinstance(error, FileNotFoundError):
        return tr("{name} no longer exists. It may have been moved, renamed, or deleted.").format(name=name)
    if isinstance(error, PermissionError):
        return tr("You don’t have permission to read {name}. Change its permissions, or use a copy.").format(name=name)
    reason = format_reason(error)
    return tr("{name} couldn’t be read: {reason}. Check that the disk it’s on is connected.").format(
        name=name, reason=reason
    )


def saving_advice(error: OSError, *, is_chosen: bool) -> str:
    """Return what helps if `error` keeps a file from being saved; `is_chosen` if the user said where to."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return tr("Free up space, or choose another location.") if is_chosen else tr("Free up space, then try again.")
    if is_chosen and error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return tr("Choose an existing folder.")
    if is_chosen:
        return tr("Choose another location.")
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return tr("Move or delete the file that’s in the way.")
    is_refused = error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
    return tr("Check the folder’s permissions.") if is_refused else tr("Check the disk.")


def current_language() -> str:
    """Return the code of the current language, such as `fr`."""
    return _code


def set_language(wanted: str | None = None, preferred: str = "") -> str:
    """Switch to the language `wanted` and return its code; one without a catalogue becomes English.

    For None, the first of these that has a catalogue: PHICHAT_LANGUAGE, `preferred` (the user's preference, empty for
    none), the system's language.
    """
    global _current, _code
    for code in [wanted] if wanted else _requested_languages(preferred):
        whole = re.split("[.@]", code.replace("-", "_").lower())[0]
        if whole in {"c", "posix"}:
            break
        if found := _closest_language(whole):
            _current, _code = _catalogue(found), found
            return _code
    _current, _code = gettext.NullTranslations(), "en"
    return _code


def _closest_language(code: str) -> str:
    """Return the available language for `code`, such as `en_nz`; empty if there is none."""
    there = {available.lower(): available for available in available_languages()}
    language, _, region = code.partition("_")
    british = there.get("en_gb") if language == "en" and region in _BRITISH_REGIONS else None
    return there.get(code) or british or there.get(language) or ""


def available_languages() -> list[str]:
    """Return the codes of all languages there are, English first."""
    files = resource("translations").iterdir()
    return ["en", *sorted(file.name[:-3] for file in files if file.name.endswith(".po"))]


def resource(name: str) -> "Traversable":
    """Return a file or folder of `resources/`, which is beside the package in a checkout and inside it elsewhere."""
    return _resources() / name


@cache
def _resources() -> "Traversable":
    for folder in (Path(__file__).with_name("resources"), Path(__file__).parents[1] / "resources"):
        if (
            folder / "icons"
        ).is_dir():  # where Git cannot make symbolic links, a checkout has a small file in their place
            return folder
    from importlib import resources  # noqa: PLC0415 - takes as long as the whole search, and only an installed package needs it

    return resources.files("phichat") / "resources"


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    if code == "en":
        return gettext.NullTranslations()
    import polib  # noqa: PLC0415 - English starts without it

    entries = polib.pofile(resource(f"translations/{code}.po").read_text("utf-8"))
    catalogue = gettext.GNUTranslations(io.BytesIO(entries.to_binary()))
    language, _, region = code.partition("_")
    if region and language in available_languages():
        catalogue.add_fallback(_catalogue(language))
    return catalogue


def _requested_languages(preferred: str) -> Iterator[str]:
    yield from filter(None, [*os.environ.get("PHICHAT_LANGUAGE", "").split(":"), preferred])
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        yield from filter(None, os.environ.get(variable, "").split(":"))
    yield locale.getlocale()[0] or "en"


LONGEST_CELL = 60  # columns of a terminal


def _usual_width(cell: str) -> int:
    width = display_width(cell)
    return width if width <= LONGEST_CELL else 0


def format_columns(rows: list[list[str]]) -> list[str]:
    """Return one line per row, with the cells aligned in columns; a very long one has its own row alone out of line."""
    widths = [max(map(_usual_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(padded, cells, widths)).rstrip() for cells in rows]

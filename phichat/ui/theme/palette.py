"""The colours of each theme and accent, in which every text can be read on its backgrounds."""

from dataclasses import dataclass, replace
from functools import cache

from phichat.i18n import N_

AA_CONTRAST, AAA_CONTRAST = 4.5, 7.0  # contrast of text that WCAG 2 asks for at these levels
NON_TEXT_CONTRAST = 3.0  # what WCAG 2 asks for around what is not text, such as the frame of what has the focus
SYSTEM = "system"


@dataclass(frozen=True)
class Colors:
    """The colours of one theme, each as `#rrggbb`.

    `edge` frames what other themes tell apart by its background alone; `is_plain` is set for high contrast, where
    backgrounds have no shades. `unsure` are the grounds of words that a model was less and less sure of: one hue, from
    light to strong, so that they are told apart whatever colours somebody sees. `faint` is for the words of what can't
    be used, and for hints in empty fields; `off` frames what can't be used.
    """

    ground: str
    surface: str
    side: str
    hover: str
    line: str
    groove: str
    text: str
    muted: str
    alert: str
    mark: str
    strong_mark: str
    on_strong_mark: str
    unsure: tuple[str, str, str]
    faint: str = ""
    off: str = ""
    edge: str = "transparent"
    accent: str = ""
    on_accent: str = ""
    faint_accent: str = ""
    bubble: str = ""
    faint_alert: str = ""
    is_dark: bool = False
    is_plain: bool = False


ACCENTS = {
    "teal": N_("Teal"),
    "blue": N_("Blue"),
    "violet": N_("Violet"),
    "rose": N_("Pink"),
    "ochre": N_("Ochre"),
    "green": N_("Green"),
    "graphite": N_("Graphite"),
}
"""The accents to choose from, and their labels."""

_LIGHT = Colors(
    ground="#faf9f7", surface="#ffffff", side="#f1efeb", hover="#e6e3dd", line="#dedad3", groove="#dedad3",
    text="#1f2326", muted="#5c6167", alert="#a4331f",
    mark="#f6e6a4", strong_mark="#f0a93a", on_strong_mark="#1f2326",
    unsure=("#dce0f1", "#b9c3ec", "#93a4e5"),
)  # fmt: skip
_DARK = Colors(
    ground="#17191b", surface="#202326", side="#121415", hover="#2b2f32", line="#34383c", groove="#34383c",
    text="#e9e7e3", muted="#a3a8ad", alert="#f0957f",
    mark="#55481a", strong_mark="#e5a93c", on_strong_mark="#17191b",
    unsure=("#2b3249", "#3c466d", "#4a588d"), is_dark=True,
)  # fmt: skip
_LIGHT_CONTRAST = Colors(
    ground="#ffffff", surface="#ffffff", side="#ffffff", hover="#e4e4e4", line="#000000", groove="#b0b0b0",
    text="#000000", muted="#262626", alert="#8a0f00",
    mark="#ffec80", strong_mark="#ffb000", on_strong_mark="#000000",
    unsure=("#dae0f9", "#b4c2f4", "#8299ec"), edge="#000000", faint="#595959", off="#b0b0b0", is_plain=True,
)  # fmt: skip
_DARK_CONTRAST = Colors(
    ground="#000000", surface="#000000", side="#000000", hover="#2a2a2a", line="#ffffff", groove="#5c5c5c",
    text="#ffffff", muted="#e0e0e0", alert="#ff9d8a",
    mark="#4a3d00", strong_mark="#ffc53d", on_strong_mark="#000000",
    unsure=("#1b223d", "#2c3866", "#3c4c8a"), edge="#ffffff", faint="#9a9a9a", off="#5c5c5c",
    is_dark=True, is_plain=True,
)  # fmt: skip

THEMES = {
    "light": _LIGHT,
    "dark": _DARK,
    "light-contrast": _LIGHT_CONTRAST,
    "dark-contrast": _DARK_CONTRAST,
}


_ACCENT_COLORS = {
    "light": {
        "teal": ("#0f6e66", "#d0e0dd"), "blue": ("#1c5fb4", "#d2ddeb"), "violet": ("#6a44b8", "#e0d8ec"),
        "rose": ("#ab2a60", "#edd6dd"), "ochre": ("#865600", "#e5dccb"), "green": ("#2d6e2b", "#d5e0d2"),
        "graphite": ("#474d54", "#dcdcdb"),
    },
    "dark": {
        "teal": ("#58bdb2", "#253d3c"), "blue": ("#7cb0f2", "#2d3a4a"), "violet": ("#b49bf0", "#3a364a"),
        "rose": ("#ee8db0", "#46333c"), "ochre": ("#dcab55", "#423928"), "green": ("#86c17c", "#2f3e30"),
        "graphite": ("#c3c8ce", "#393c3f"),
    },
    "light-contrast": {
        "teal": ("#0e635c", "#d4e3e2"), "blue": ("#1956a2", "#d6e1ee"), "violet": ("#6541af", "#e3ddf1"),
        "rose": ("#a2285b", "#eed8e1"), "ochre": ("#794d00", "#e7dfd1"), "green": ("#286327", "#d8e3d8"),
        "graphite": ("#474d54", "#dedfe0"),
    },
    "dark-contrast": {
        "teal": ("#58bdb2", "#132a27"), "blue": ("#7cb0f2", "#1b2735"), "violet": ("#b49bf0", "#282235"),
        "rose": ("#ee8db0", "#341f27"), "ochre": ("#dcab55", "#302613"), "green": ("#86c17c", "#1d2a1b"),
        "graphite": ("#c3c8ce", "#292a2b"),
    },
}  # fmt: skip
"""By theme and accent: the accent itself, and its tint of the ground, as large a share as leaves texts readable."""


@cache
def colors_of(theme: str, colour: str) -> Colors:
    """Return the colours of `theme` with an accent: one of `ACCENTS`, or any `#rrggbb`, such as the system's."""
    base = THEMES[theme]
    accent, tint = _ACCENT_COLORS[theme].get(colour) or fitted_accent(base, colour)
    near_black = "#000000" if base.is_plain else "#0b0d0e"
    return replace(
        base,
        accent=accent,
        faint=base.faint or base.muted,
        off=base.off or base.line,
        on_accent=max("#ffffff", near_black, key=lambda front: contrast(front, accent)),
        faint_accent=tint,
        faint_alert=_tint(base, base.alert, 0.14, AAA_CONTRAST if base.is_plain else AA_CONTRAST),
        bubble=base.ground if base.is_plain else _mix(base.ground, tint, 0.62),
    )


def contrast(front: str, back: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(front), _luminance(back)))
    return (lighter + 0.05) / (darker + 0.05)


def fitted_accent(base: Colors, colour: str) -> tuple[str, str]:
    """Return `colour` as near to itself as is readable in the theme `base`, and its tint of the ground."""
    least = AAA_CONTRAST if base.is_plain else AA_CONTRAST
    accent = _readable(colour, (base.ground, base.surface, base.side), base.text, least)
    return accent, _tint(base, accent, 0.22 if base.is_dark else 0.18, least)


def _readable(colour: str, grounds: tuple[str, ...], towards: str, least: float) -> str:
    """Mix `colour` with as little of `towards` as gives it the contrast `least` on each of `grounds`."""
    for step in range(21):
        found = _mix(colour, towards, step / 20)
        if all(contrast(found, ground) >= least for ground in grounds):
            return found
    return towards


def _tint(base: Colors, accent: str, share: float, least: float) -> str:
    """Mix the ground with up to `share` of `accent`, such that all texts keep the contrast `least` on it."""
    while share > 0.01:
        found = _mix(base.ground, accent, share)
        if all(contrast(front, found) >= least for front in (base.text, base.muted, base.alert)):
            return found
        share -= 0.01
    return base.ground


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(first + (second - first) * share):02x}" for first, second in pairs)


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in _channels(colour)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> list[int]:
    """Return red, green and blue, from 0 to 255."""
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]

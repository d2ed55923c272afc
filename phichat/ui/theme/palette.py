"""The colours: for each theme and accent one set of tokens, in which every text can be read on its grounds."""

from dataclasses import dataclass, replace
from functools import cache

from phichat.i18n import N_

ENOUGH, PLENTY = 4.5, 7.0  # contrast of text: what WCAG 2 asks for at level AA, and at AAA
CLEAR = 3.0  # contrast of what is not text, such as the frame around what has the focus
SYSTEM = "system"


@dataclass(frozen=True)
class Colors:
    """The colours of one theme.

    `edge` is the frame of what other themes tell by its ground alone; `is_plain` says that no shade tells anything.
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
    edge: str = "transparent"
    accent: str = ""
    on_accent: str = ""
    faint_accent: str = ""
    bubble: str = ""
    is_dark: bool = False
    is_plain: bool = False


@dataclass(frozen=True)
class Accent:
    """A colour to choose, on light grounds and on dark ones."""

    label: str
    light: str
    dark: str


ACCENTS = {
    "teal": Accent(N_("Teal"), "#0f6e66", "#58bdb2"),
    "blue": Accent(N_("Blue"), "#1c5fb4", "#7cb0f2"),
    "violet": Accent(N_("Violet"), "#6a44b8", "#b49bf0"),
    "rose": Accent(N_("Rose"), "#ab2a60", "#ee8db0"),
    "ochre": Accent(N_("Ochre"), "#865600", "#dcab55"),
    "green": Accent(N_("Green"), "#2d6e2b", "#86c17c"),
    "graphite": Accent(N_("Graphite"), "#474d54", "#c3c8ce"),
}

_LIGHT = Colors(
    ground="#faf9f7", surface="#ffffff", side="#f1efeb", hover="#e6e3dd", line="#dedad3", groove="#dedad3",
    text="#1f2326", muted="#5c6167", alert="#a4331f",
    mark="#f6e6a4", strong_mark="#f0a93a", on_strong_mark="#1f2326",
)  # fmt: skip
_DARK = Colors(
    ground="#17191b", surface="#202326", side="#121415", hover="#2b2f32", line="#34383c", groove="#34383c",
    text="#e9e7e3", muted="#a3a8ad", alert="#f0957f",
    mark="#55481a", strong_mark="#e5a93c", on_strong_mark="#17191b", is_dark=True,
)  # fmt: skip
_LIGHT_CONTRAST = Colors(
    ground="#ffffff", surface="#ffffff", side="#ffffff", hover="#e4e4e4", line="#000000", groove="#b0b0b0",
    text="#000000", muted="#262626", alert="#8a0f00",
    mark="#ffec80", strong_mark="#ffb000", on_strong_mark="#000000", edge="#000000", is_plain=True,
)  # fmt: skip
_DARK_CONTRAST = Colors(
    ground="#000000", surface="#000000", side="#000000", hover="#2a2a2a", line="#ffffff", groove="#5c5c5c",
    text="#ffffff", muted="#e0e0e0", alert="#ff9d8a",
    mark="#4a3d00", strong_mark="#ffc53d", on_strong_mark="#000000", edge="#ffffff", is_dark=True, is_plain=True,
)  # fmt: skip

THEMES = {
    "light": _LIGHT,
    "dark": _DARK,
    "light-contrast": _LIGHT_CONTRAST,
    "dark-contrast": _DARK_CONTRAST,
}


@cache
def colors_of(theme: str, colour: str) -> Colors:
    """The tokens of `theme` with an accent: one of `ACCENTS`, or any colour, made lighter or darker as it needs be."""
    base = THEMES[theme]
    known = ACCENTS.get(colour)
    wanted = (known.dark if base.is_dark else known.light) if known else colour
    least = PLENTY if base.is_plain else ENOUGH
    accent = _readable(wanted, (base.ground, base.surface, base.side), base.text, least)
    faint = _shade(base, accent, 0.22 if base.is_dark else 0.18, least)
    return replace(
        base,
        accent=accent,
        on_accent=max("#ffffff", "#000000" if base.is_plain else "#0b0d0e", key=lambda front: contrast(front, accent)),
        faint_accent=faint,
        bubble=base.ground if base.is_plain else _mixed(base.ground, faint, 0.62),
    )


def contrast(front: str, back: str) -> float:
    """How well `front` is told from `back`, from 1 to 21, as WCAG 2 defines it."""
    darker, lighter = sorted((_luminance(front), _luminance(back)))
    return (lighter + 0.05) / (darker + 0.05)


def _readable(colour: str, grounds: tuple[str, ...], towards: str, least: float) -> str:
    """`colour`, as little nearer to `towards` as makes it readable on each of `grounds`."""
    for step in range(21):
        found = _mixed(colour, towards, step / 20)
        if all(contrast(found, ground) >= least for ground in grounds):
            return found
    return towards


def _shade(base: Colors, accent: str, share: float, least: float) -> str:
    """The ground with up to that share of `accent` in it, on which all else can still be read."""
    while share > 0.01:
        found = _mixed(base.ground, accent, share)
        if all(contrast(front, found) >= least for front in (base.text, base.muted, base.alert)):
            return found
        share -= 0.01
    return base.ground


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(first + (second - first) * share):02x}" for first, second in pairs)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _shares(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _shares(colour: str) -> list[float]:
    return [part / 255 for part in _parts(colour)]


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]

"""What people see of themes and accents, and whether they can read it."""

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from phichat.ui.theme import theme as icons
from phichat.ui.theme.palette import (
    AA_CONTRAST,
    AAA_CONTRAST,
    ACCENTS,
    NON_TEXT_CONTRAST,
    THEMES,
    colors_of,
    contrast,
    fitted_accent,
)
from phichat.ui.theme.theme import SystemTheme, Theme

TEXTS = [
    *[("text", ground) for ground in ("ground", "surface", "side", "bubble", "hover", "faint_accent", "mark")],
    *[("muted", ground) for ground in ("ground", "surface", "side", "bubble", "hover", "faint_accent")],
    *[("alert", ground) for ground in ("ground", "surface", "side", "faint_accent")],
    *[("accent", ground) for ground in ("ground", "surface", "side")],
    ("on_accent", "accent"),
    ("on_strong_mark", "strong_mark"),
]
CONTRAST_FRAME = "QPushButton:focus { border: 2px"
ODD = ["#ffffff", "#000000", "#ffff00", "#0000ff", "#808080", "#ff0000"]  # what a system may have for an accent


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp)
    yield theme
    theme.set_theme("light", "teal")
    theme.set_font(100)


@pytest.mark.parametrize("colour", [*ACCENTS, *ODD])
@pytest.mark.parametrize("name", THEMES)
def test_every_text_can_be_read_on_its_grounds(name: str, colour: str) -> None:
    tokens = colors_of(name, colour)
    least = AAA_CONTRAST if tokens.is_plain else AA_CONTRAST
    poor = {pair: contrast(*(getattr(tokens, token) for token in pair)) for pair in TEXTS}
    assert {pair: found for pair, found in poor.items() if found < least} == {}


@pytest.mark.parametrize("colour", ACCENTS)
@pytest.mark.parametrize("name", THEMES)
def test_what_has_the_focus_is_told_from_what_is_around_it(name: str, colour: str) -> None:
    tokens = colors_of(name, colour)
    grounds = (tokens.ground, tokens.surface, tokens.side, tokens.hover)
    assert min(contrast(tokens.accent, ground) for ground in grounds) >= NON_TEXT_CONTRAST


@pytest.mark.parametrize("colour", ACCENTS)
@pytest.mark.parametrize("name", THEMES)
def test_accents_are_what_is_made_of_a_system_accent(name: str, colour: str) -> None:
    original = colors_of("dark" if THEMES[name].is_dark else "light", colour).accent
    tokens = colors_of(name, colour)
    assert (tokens.accent, tokens.faint_accent) == fitted_accent(THEMES[name], original)


def test_contrast_is_measured_as_others_do() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_choosing_dark_changes_colours_and_icons_at_once(qtbot: QtBot, theme: Theme, qapp: Any) -> None:
    theme.set_theme("light")
    light_icon = theme.icon("new").pixmap(20).toImage()
    with qtbot.waitSignal(theme.changed):
        theme.set_theme("dark")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.colors.ground)
    assert theme.colors.is_dark
    assert theme.icon("new").pixmap(20).toImage() != light_icon


class Wishes(SystemTheme):
    """A system that wants what the test says."""

    scheme, contrast, colour = "light", False, "#8040c0"

    def want(self, scheme: str, *, contrast: bool = False) -> None:
        self.scheme, self.contrast = scheme, contrast
        self.changed.emit()

    def is_dark(self) -> bool:
        return self.scheme == "dark"

    def wants_contrast(self) -> bool:
        return self.contrast

    def accent(self) -> str:
        return self.colour


def test_it_follows_the_system_as_that_changes(qapp: QApplication) -> None:
    system = Wishes(qapp)
    theme = Theme(qapp, system)
    theme.set_theme("system", "system")
    assert theme.colors is colors_of("light", "#8040c0")
    system.want("dark")
    assert theme.colors is colors_of("dark", "#8040c0")
    system.want("dark", contrast=True)
    assert theme.colors is colors_of("dark-contrast", "#8040c0")
    assert CONTRAST_FRAME in qapp.styleSheet(), "a wider frame around what has the focus"
    system.colour = "#208020"
    system.want("light")
    assert theme.colors is colors_of("light", "#208020")
    assert CONTRAST_FRAME not in qapp.styleSheet()
    theme.set_theme("dark", "teal")
    system.want("light", contrast=True)
    assert theme.colors is colors_of("dark", "teal")


def test_the_systems_accent_is_used_where_that_is_wanted(theme: Theme, qapp: QApplication) -> None:
    theme.set_theme("light", "rose")
    rose = theme.colors.accent
    theme.set_theme("light", "system")
    assert theme.colors.accent != rose
    assert theme.colors is colors_of("light", qapp.palette().color(QPalette.ColorRole.Accent).name())
    theme.set_theme("dark")
    assert theme.colors.accent != rose


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("percent", [100, 200])
def test_icons_have_as_many_pixels_as_the_screen(
    theme: Theme, monkeypatch: pytest.MonkeyPatch, ratio: float, percent: int
) -> None:
    monkeypatch.setattr(icons, "_ratios", lambda: [1.0, ratio])
    theme.set_theme("dark" if percent == 100 else "light")
    theme.set_font(percent)
    theme._redraw_icons()
    needed = round(20 * percent / 100 * ratio)
    assert theme.icon("model").actualSize(QSize(1000, 1000)).width() >= needed

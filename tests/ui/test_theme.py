"""What people see of light and dark, and whether they can read it."""

import pytest
from PySide6.QtGui import QColor, QPalette
from pytestqt.qtbot import QtBot

from phichat.ui.theme import DARK, LIGHT, Theme, Tokens

PAIRS = [
    ("text", "ground"), ("text", "surface"), ("text", "side"), ("text", "bubble"), ("text", "hover"),
    ("text", "faint_accent"), ("muted", "ground"), ("muted", "side"), ("muted", "surface"), ("on_accent", "accent"),
    ("accent", "ground"), ("alert", "ground"), ("text", "mark"), ("on_strong_mark", "strong_mark"),
]  # fmt: skip


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_every_text_can_be_read_on_its_ground(tokens: Tokens, front: str, back: str) -> None:
    lighter, darker = sorted((_luminance(getattr(tokens, front)), _luminance(getattr(tokens, back))), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_choosing_dark_changes_colours_and_icons_at_once(qtbot: QtBot, qapp: object) -> None:
    theme = Theme(qapp)  # type: ignore[arg-type]
    theme.choose("light")
    light_icon = theme.icon("new").pixmap(20).toImage()
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.ground)  # type: ignore[attr-defined]
    assert theme.icon("new").pixmap(20).toImage() != light_icon
    theme.choose("light")


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

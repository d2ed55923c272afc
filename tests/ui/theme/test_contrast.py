"""Every text stands out from its ground by 4.5 to 1 or more, measured in what is painted."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from phichat.errors import EngineDied
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import PHI_4, ScriptedEngine, ScriptedShelf
from tests.ui.conftest import Person

LEAST, LEAST_OF_SHAPES = 4.5, 3.0
FINE = 3  # pixels painted for each one, so that the middle of a stroke has its whole colour
TEXTS = QLabel, QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit


def painted(widget: QWidget) -> Any:
    """What is on the screen, as rows of pixels, each a number: 0xffRRGGBB."""
    pixmap = QPixmap(widget.size() * FINE)
    pixmap.setDevicePixelRatio(FINE)
    widget.render(pixmap)
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4).copy()


def luminance(colours: Any) -> Any:
    """As WCAG 2 defines it."""
    share = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=-1) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(pixels: Any) -> float:
    """Between the ground, which is the commonest colour, and what differs most from it."""
    colours, counts = np.unique(pixels, return_counts=True)
    light = luminance(colours[counts >= FINE])
    ground = luminance(colours[[np.argmax(counts)]])[0]
    return float(max((np.maximum(light, ground) + 0.05) / (np.minimum(light, ground) + 0.05)))


def has_text(widget: QWidget) -> bool:
    words = widget.property("text") or widget.property("plainText") or widget.property("placeholderText")
    return bool(words and str(words).strip()) and widget.isVisible() and widget.isEnabled()


def measured(window: QWidget) -> dict[str, float]:
    """The contrast of each text that is seen, by what it says."""
    pixels, found = painted(window), {}
    for kind in TEXTS:
        for widget in window.findChildren(kind):
            seen = widget.viewport() if isinstance(widget, QAbstractScrollArea) else widget
            rect = seen.visibleRegion().boundingRect()
            if has_text(widget) and rect.width() > 8 and rect.height() > 8:
                place = QRect(seen.mapTo(window, rect.topLeft()), rect.size())
                cut = pixels[place.top() * FINE : place.bottom() * FINE, place.left() * FINE : place.right() * FINE]
                words = widget.property("text") or widget.property("plainText") or widget.property("placeholderText")
                found[f"{type(widget).__name__} {widget.objectName()}: {words}"[:80]] = contrast(cut)
    return found


def rows(window: QWidget, person: Person) -> dict[str, float]:
    """The same for the rows of the sidebar."""
    view = person.find("conversationList")
    pixels, found = painted(window), {}
    for row in range(view.model().rowCount()):
        index = view.model().index(row, 0)
        place = view.visualRect(index).translated(view.viewport().mapTo(window, QPoint(0, 0)))
        cut = pixels[place.top() * FINE : place.bottom() * FINE, place.left() * FINE : place.right() * FINE]
        found[str(index.data())] = contrast(cut)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str, home: Path, open_window: Callable[[], Person], engine: ScriptedEngine) -> None:
    home.mkdir(parents=True)
    (home / "preferences.json").write_text(json.dumps({"theme": theme}))
    person = open_window()
    person.window.resize(1200, 1500)  # so that all of the settings are seen
    person.wait_for(GenerationState.IDLE)
    states = [measured(person.window)]
    engine.enqueue("A **ferry** is `a boat`, see [this](https://example.com).\n\n```c\nint row;\n```\n> Quoted")
    person.ask("What is a ferry?")
    person.wait(lambda: person.window.generation.state is GenerationState.IDLE and len(person.titles()) == 1)
    person.choose_in(0, "Pin")
    states += [measured(person.window), rows(person.window, person)]
    engine.enqueue("Half", EngineDied("The model ended. Ask again."))
    person.ask("And then?")
    person.wait_for(GenerationState.IDLE)
    person.type("a draft")
    states.append(measured(person.window))
    assert len(states[1]) > 40
    assert {words: round(ratio, 2) for state in states for words, ratio in state.items() if ratio < LEAST} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_bar_of_a_download_that_has_not_begun_stands_out(
    theme: str, home: Path, open_window: Callable[[], Person], shelf: ScriptedShelf
) -> None:
    home.mkdir(parents=True)
    (home / "preferences.json").write_text(json.dumps({"theme": theme}))
    shelf.rows[PHI_4.name] = replace(PHI_4, bytes_on_disk=1, is_paused=True)
    person = open_window()
    person.wait(lambda: person.window.findChild(QWidget, "stripProgress"))
    bar, strip = person.find("stripProgress"), person.find("downloadStrip")
    person.settle(bar)
    assert bar.value() == 0
    pixels, place = painted(strip), QRect(bar.mapTo(strip, QPoint()), bar.size()).adjusted(-3, -4, 3, 4)
    seen = pixels[place.top() * FINE : place.bottom() * FINE, place.left() * FINE : place.right() * FINE]
    assert contrast(seen) >= LEAST_OF_SHAPES

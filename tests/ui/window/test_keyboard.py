"""The window without a mouse: Tab leads everywhere, in the order of reading, and one sees where one is."""

from collections.abc import Callable, Iterator
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QPushButton, QWidget

from phichat.ui.a11y.focus import ensure_visible
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.transcript.message_toolbar import MessageToolbar
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

PLACES = ["sidebar", "header", "transcript", "composerBox", "settingsPanel"]
BY_KEY = Qt.WidgetAttribute.WA_KeyboardFocusChange
REPLY = "A [link](https://example.com) to follow.\n\n```python\nprint('ferry')\n```\n\nAnd an end."


@pytest.fixture
def talker(person: Person, engine: ScriptedEngine) -> Person:
    """After two questions, so that there is something of everything."""
    person.window.resize(1200, 760)
    for question in ("What is a ferry?", "And a boat?"):
        engine.enqueue(REPLY)
        person.ask(question)
        person.wait(lambda: engine.requests)
        person.wait_for(GenerationState.IDLE)
    person.type("a draft")
    person.wait(lambda: len(person.titles()) == 1)
    return person


def place(widget: QWidget | None) -> str:
    """The part of the window it is in."""
    while widget and widget.objectName() not in PLACES:
        widget = widget.parentWidget()
    return widget.objectName() if widget else ""


def is_seen(widget: QWidget) -> bool:
    """Whether something of it is within all that it is in."""
    rect, inside = widget.rect(), widget
    while widget.isVisible() and (outside := inside.parentWidget()) and not inside.isWindow():
        rect = rect.translated(inside.pos()).intersected(outside.rect())
        inside = outside
    return widget.isVisible() and rect.width() > 4 and rect.height() > 4


def walk(person: Person, key: Qt.Key) -> Iterator[QWidget]:
    """All that Tab leads to, beginning and ending with the message field."""
    first = focus = person.find("composer")
    first.setFocus()
    yield first
    for _ in range(300):
        QTest.keyClick(focus, key)
        now = QApplication.focusWidget()
        assert now, "the focus is nowhere"
        if now is not focus:
            focus = now
            yield focus
        if focus is first:
            return


def comes_and_goes(widget: QWidget) -> bool:
    """Whether it is there only while one is in a message, or far from the end."""
    return isinstance(widget.parent(), MessageToolbar) or widget.objectName() == "downButton"


def can_take(widget: QWidget) -> bool:
    return bool(
        widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and widget.isEnabled()
        and not widget.focusProxy()
    )


@pytest.mark.parametrize("direction", [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft])
def test_tab_leads_through_everything_in_the_order_of_reading_and_back(
    talker: Person, qapp: QApplication, direction: Qt.LayoutDirection
) -> None:
    qapp.setLayoutDirection(direction)
    try:
        is_turned = direction is Qt.LayoutDirection.RightToLeft
        talker.wait(lambda: (talker.find("sidebar").x() > talker.find("settingsPanel").x()) is is_turned)
        forth: list[QWidget] = []
        for widget in walk(talker, Qt.Key.Key_Tab):
            assert is_seen(widget), f"{widget} cannot be seen"
            assert talker.window.testAttribute(BY_KEY) or not forth, "for which Qt shows the focus of buttons"
            forth.append(widget)
        assert [name for name, _ in groupby(forth, place)] == [*PLACES[3:], *PLACES[:4]]
        assert len(forth) - 1 == len(set(forth))
        missed = set(filter(can_take, talker.window.findChildren(QWidget))) - set(forth)
        assert not [(widget, widget.parent()) for widget in missed if not comes_and_goes(widget)]
        panel = [widget for widget in forth if place(widget) == "settingsPanel"]
        tops = [widget.mapTo(talker.find("panelContent"), QPoint(0, widget.height())).y() for widget in panel]
        assert len(tops) > 10
        assert all(above <= below + 12 for above, below in pairwise(tops))
        back = [widget for widget in walk(talker, Qt.Key.Key_Backtab) if not comes_and_goes(widget)]
        assert back == [widget for widget in reversed(forth) if not comes_and_goes(widget)]
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_tab_goes_to_messages_in_sight(talker: Person, engine: ScriptedEngine) -> None:
    for _ in range(4):
        engine.enqueue(REPLY * 3)
        talker.find("composer").selectAll()
        talker.ask("And now?")
        talker.wait_for(GenerationState.IDLE)
    bar = talker.find("transcript").verticalScrollBar()
    for at, key in ((bar.maximum(), Qt.Key.Key_Tab), (bar.maximum() // 2, Qt.Key.Key_Backtab)):
        talker.find("modelButton" if key is Qt.Key.Key_Tab else "composer").setFocus()
        bar.setValue(at)
        talker.wait_until_still()
        at = bar.value()  # noqa: PLW2901 - once all messages have their height
        for _ in range(6):
            QTest.keyClick(talker.window.focusWidget() or talker.window, key)
            if place(QApplication.focusWidget()) == "transcript":
                break
        assert place(QApplication.focusWidget()) == "transcript"
        assert abs(bar.value() - at) < 40


def test_enter_presses_the_button_with_the_focus(talker: Person) -> None:
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        _press_with_focus(talker, key)


def _press_with_focus(talker: Person, key: Qt.Key) -> None:
    talker.window.activateWindow()
    talker.wait(talker.window.isActiveWindow)
    more = talker.button(3, "More actions")
    more.setFocus()
    QTest.keyClick(more, key)
    assert isinstance(QApplication.activePopupWidget(), QMenu)
    talker.close_menu()
    talker.window._coordinator.open_dialog()
    close = talker.find("modelsDialog").findChild(QPushButton, "closeButton")
    talker.wait(talker.find("modelsDialog").isActiveWindow)
    close.setFocus()
    QTest.keyClick(close, key)
    assert not talker.find("modelsDialog").isVisible()


def test_what_is_hidden_leaves_the_focus_to_the_message_field_which_takes_letters_alone(talker: Person) -> None:
    more = talker.button(3, "More actions")
    more.setFocus()
    more.parentWidget().hide()
    assert talker.find("composer").hasFocus()
    for name in ("composer", "transcript", "message-1"):
        talker.find(name).setFocus()
        QTest.keyClick(talker.find(name), Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert talker.written() == "a draft"
    talker.find("composer").setReadOnly(True)
    talker.find("composer").setFocus()
    for key in (Qt.Key.Key_A, Qt.Key.Key_Space):
        talker.press(key)
    assert talker.written() == "a draft"


def test_what_has_the_focus_shows_it(talker: Person) -> None:
    kinds = {
        (type(widget).__name__, place(widget), widget.objectName()): widget for widget in walk(talker, Qt.Key.Key_Tab)
    }
    assert len(kinds) > 30
    faint = [kind for kind, widget in kinds.items() if widget.isVisible() and _difference(talker, widget) < 24]
    assert not faint


def _difference(person: Person, widget: QWidget) -> int:
    """How many pixels are others once it has the focus."""
    elsewhere = person.find("composer" if widget.objectName() != "composer" else "searchField")
    elsewhere.setFocus(Qt.FocusReason.TabFocusReason)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    person.window.setAttribute(BY_KEY)
    ensure_visible(widget)
    QGuiApplication.processEvents()
    with_focus = _picture(person, widget)
    elsewhere.setFocus(Qt.FocusReason.TabFocusReason)
    QGuiApplication.processEvents()
    without = _picture(person, widget)
    return int((with_focus != without).sum())


def _picture(person: Person, widget: QWidget) -> Any:
    """What is seen of it, and of a little around it."""
    rect = QRect(widget.mapTo(person.window, QPoint(0, 0)), widget.size()).adjusted(-9, -9, 9, 9)
    shown = person.window.grab(rect.intersected(person.window.rect())).toImage()
    shown = shown.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(shown.constBits(), np.uint32).copy()


OPENERS: list[tuple[str, Callable[[Person], None]]] = [
    ("bin", lambda person: person.click("binButton")),
    ("find", lambda person: QTest.keyClick(person.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)),
    ("edit", lambda person: QTest.keyClick(person.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)),
]


def test_what_opens_later_is_in_its_place(talker: Person) -> None:
    for name, opens in OPENERS:
        opens(talker)
        talker.wait(lambda: name != "bin" or talker.window.findChild(QWidget, "binBackButton"))  # noqa: B023
        talker.window.activateWindow()
        talker.find("settingsPanel").verticalScrollBar().setValue(0)  # Tab enters it where it is in sight
        forth = list(walk(talker, Qt.Key.Key_Tab))
        assert [place for place, _ in groupby(forth, place)] == [*PLACES[3:], *PLACES[:4]], name
        missed = set(filter(can_take, talker.window.findChildren(QWidget))) - set(forth)
        assert not [widget for widget in missed if not comes_and_goes(widget)], name
        if name == "bin":
            talker.click("binBackButton")
        elif name == "find":
            QTest.keyClick(talker.find("findField"), Qt.Key.Key_Escape)


def test_what_takes_the_focus_has_a_name(talker: Person) -> None:
    for _, opens in OPENERS:
        opens(talker)
    talker.window._coordinator.open_dialog()
    talker.window._coordinator.offer_phi_3()
    everything = [widget for window in QApplication.topLevelWidgets() for widget in window.findChildren(QWidget)]
    taking = [widget for widget in everything if can_take(widget)]
    assert len(taking) > 50
    nameless = [widget for widget in taking if not spoken(widget)]
    assert not [(widget, widget.objectName(), widget.parent()) for widget in nameless]


def spoken(widget: QWidget) -> str:
    """What a screen reader calls it."""
    name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
    return name if widget.accessibleName() or not isinstance(widget, QComboBox) else ""

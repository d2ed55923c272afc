"""Tab goes to what is next, however much else there is."""

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QPushButton, QScrollArea, QSpinBox, QVBoxLayout, QWidget

from phichat.ui.a11y import focus
from phichat.ui.a11y.focus import move_focus

ROWS = 50


@pytest.fixture
def window(qapp: QApplication) -> QWidget:
    """A window with a button above and a field below a long conversation, of rows with two buttons."""
    window, area, contents = QWidget(), QScrollArea(), QWidget()
    rows = QVBoxLayout(contents)
    for number in range(ROWS):
        row = QWidget()
        buttons = QHBoxLayout(row)
        for name in "ab":
            buttons.addWidget(QPushButton(f"{number}{name}"))
        rows.addWidget(row)
    area.setWidget(contents)
    column = QVBoxLayout(window)
    column.addWidget(QPushButton("above"))
    column.addWidget(area)
    column.addWidget(QSpinBox())
    window.resize(300, 300)
    window.show()
    QTest.qWaitForWindowExposed(window)
    window.activateWindow()
    return window


def name(widget: QWidget | None) -> str:
    return widget.text() if isinstance(widget, QPushButton) else type(widget).__name__


def test_tab_and_back_go_through_all_rows(window: QWidget) -> None:
    inside = [f"{number}{letter}" for number in range(ROWS) for letter in "ab"]
    order = ["above", "QScrollArea", *inside, "QSpinBox"]
    window.findChildren(QPushButton)[0].setFocus()
    found = [name(window.focusWidget())]
    for _ in range(len(order)):
        move_focus(window, 1)
        found.append(name(window.focusWidget()))
    assert found == [*order, "above"]
    back = [found[-1]]
    for _ in range(len(order)):
        move_focus(window, -1)
        back.append(name(window.focusWidget()))
    assert back == [*order, "above"][::-1]
    window.close()


def test_a_step_looks_at_what_is_near_alone(window: QWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 3,000 code blocks in a conversation, each press of Tab took 0.3 seconds."""
    looked_at: list[QWidget] = []
    takes = focus._takes_focus

    def record(widget: QWidget) -> bool:
        looked_at.append(widget)
        return takes(widget)

    monkeypatch.setattr(focus, "_takes_focus", record)
    window.findChildren(QPushButton)[0].setFocus()
    for step in (1, 1, 1, 1, -1, -1, 1):
        looked_at.clear()
        move_focus(window, step)
        assert len(looked_at) < 60
    window.close()

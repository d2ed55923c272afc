"""Every control is painted in the colours of the theme, wherever it is: none looks like another program's."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QMenu,
    QMenuBar,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSlider,
    QSpinBox,
    QTabWidget,
    QTextEdit,
    QToolButton,
    QToolTip,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from phichat.ui.theme.palette import THEMES, Colors, contrast
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import PlainTextEdit

FEW = 24  # pixels: so many are of a colour between two others, at rounded corners and in letters
TOKENS = (
    "ground", "surface", "side", "hover", "line", "groove", "text", "muted", "faint", "off", "accent", "on_accent",
    "faint_accent",
)  # fmt: skip
LONG = "\n".join(["\N{NO-BREAK SPACE}" * 200] * 40)  # without letters, whose edges have many colours


def combo() -> QWidget:
    made = QComboBox()
    made.addItems(["One", "Two"])
    return made


def tabs() -> QWidget:
    made = QTabWidget()
    for name in ("One", "Two"):
        made.addTab(QWidget(), name)
    return made


def checked(made: QCheckBox | QRadioButton) -> QWidget:
    made.setText("On")
    made.setChecked(True)
    return made


def tree() -> QWidget:
    made = QTreeWidget()
    made.setHeaderLabels(["Name", "Size"])
    made.addTopLevelItems([QTreeWidgetItem([" ", " "]) for _ in range(60)])
    return made


def listing() -> QWidget:
    made = QListWidget()
    made.addItems([str(number) for number in range(60)])
    return made


def menu() -> QWidget:
    made = QMenu()
    made.addAction("One").setCheckable(True)
    made.addSeparator()
    made.addMenu("More").addAction("Two")
    return made


def menu_bar() -> QWidget:
    made = QMenuBar()
    made.addMenu("File")
    return made


def disabled_button() -> QWidget:
    made = QPushButton("Do it")
    made.setEnabled(False)
    return made


def tool_button() -> QWidget:
    made = QToolButton()
    made.setText("Do it")
    return made


def slider() -> QWidget:
    made = QSlider(Qt.Orientation.Horizontal)
    made.setValue(40)
    return made


def progress() -> QWidget:
    made = QProgressBar(textVisible=False)
    made.setValue(40)
    return made


def wrapless(made: QPlainTextEdit | QTextEdit) -> QWidget:
    made.setPlainText(LONG)
    made.setLineWrapMode(type(made).LineWrapMode.NoWrap)  # type: ignore[arg-type] # each has its own enumeration
    return made


def any_field() -> QWidget:
    return wrapless(QPlainTextEdit())


def rich_field() -> QWidget:
    return wrapless(QTextEdit())


def button_box() -> QWidget:
    return QDialogButtonBox(QDialogButtonBox.StandardButton.Close | QDialogButtonBox.StandardButton.Save)


CONTROLS: dict[str, Callable[[], QWidget]] = {
    "combo box": combo,
    "spin box": lambda: QSpinBox(value=7),
    "line": lambda: QLineEdit("word"),
    "button": lambda: QPushButton("Do it"),
    "disabled button": disabled_button,
    "tool button": tool_button,
    "buttons of a dialog": button_box,
    "check box": lambda: checked(QCheckBox()),
    "radio button": lambda: checked(QRadioButton()),
    "slider": slider,
    "progress": progress,
    "tabs": tabs,
    "our field": lambda: wrapless(PlainTextEdit()),
    "tree": tree,
    "list": listing,
    "menu": menu,
    "menu bar": menu_bar,
}


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp)
    theme.set_theme(request.param, "teal")
    yield theme
    theme.set_theme("light", "teal")


def painted(widget: QWidget) -> QImage:
    """Return what is on the screen in the place of `widget`."""
    window = widget.window()
    return window.grab(QRect(widget.mapTo(window, QPoint()), widget.size())).toImage()


def strange_colours(widget: QWidget, colors: Colors) -> dict[str, int]:
    """Return the colours of more than a few pixels that are not the theme's, and of how many pixels each is."""
    image = painted(widget).convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    found, counts = np.unique(pixels[:, : image.width()] & 0xFFFFFF, return_counts=True)
    known = {getattr(colors, token) for token in TOKENS}
    named = {f"#{int(colour):06x}": int(count) for colour, count in zip(found, counts, strict=True)}
    return {name: count for name, count in named.items() if count > FEW and name not in known}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_is_painted_in_the_colours_of_the_theme(name: str, theme: Theme, qtbot: QtBot) -> None:
    place, control = QWidget(), CONTROLS[name]()
    qtbot.addWidget(place)
    layout = QVBoxLayout(place)
    layout.addWidget(control)
    layout.addWidget(QPushButton("takes the focus"))
    place.resize(260, 200)
    place.show()
    qtbot.waitExposed(place)
    assert strange_colours(control, theme.colors) == {}


@pytest.mark.parametrize("name", ["button", "tool button", "check box", "radio button", "combo box", "slider"])
def test_the_focus_is_shown_without_a_frame_of_qts_own(name: str, theme: Theme, qtbot: QtBot) -> None:
    place, control = QWidget(), CONTROLS[name]()
    qtbot.addWidget(place)
    QVBoxLayout(place).addWidget(control)
    place.show()
    place.activateWindow()
    qtbot.waitUntil(place.isActiveWindow)
    place.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    control.setFocus(Qt.FocusReason.TabFocusReason)
    assert control.hasFocus()
    assert strange_colours(control, theme.colors) == {}


@pytest.mark.parametrize("name", ["light-contrast", "dark-contrast"])
def test_with_high_contrast_a_disabled_button_has_no_frame_of_one_that_can_be_pressed(
    name: str, qapp: QApplication, qtbot: QtBot
) -> None:
    theme = Theme(qapp)
    theme.set_theme(name, "teal")
    places = []
    for button in (QPushButton("Do it"), disabled_button()):
        place = QWidget()
        qtbot.addWidget(place)
        QVBoxLayout(place).addWidget(button)
        place.show()
        places.append(_share_of(theme.colors.line, button))
    assert places[0] == 1
    assert places[1] == 0
    theme.set_theme("light", "teal")


@pytest.mark.parametrize("name", ["light-contrast", "dark-contrast"])
def test_with_high_contrast_it_is_seen_which_server_buttons_can_be_pressed_and_which_fields_are_empty(
    name: str, qapp: QApplication, qtbot: QtBot
) -> None:
    theme = Theme(qapp)
    theme.set_theme(name, "teal")
    place, on, off, empty = QWidget(), QPushButton("Do it"), disabled_button(), QLineEdit()
    qtbot.addWidget(place)
    column = QVBoxLayout(place)
    empty.setPlaceholderText("Optional")
    for button in (on, off):
        theme.apply_stylesheet(button, "small")
    for widget in (on, off, empty):
        column.addWidget(widget)
    place.show()
    assert _share_of(theme.colors.line, on) == 1
    assert _share_of(theme.colors.line, off) == 0
    for widget in (off, empty):
        inside = painted(widget).copy(3, 3, widget.width() - 6, widget.height() - 6)
        shades = [inside.pixelColor(x, y).name() for x in range(inside.width()) for y in range(inside.height())]
        strongest = max(shades, key=lambda shade: contrast(shade, theme.colors.ground))
        assert 4.5 < contrast(strongest, theme.colors.ground) < 8, "it looks like what was typed or can be pressed"
    theme.set_theme("light", "teal")


def _share_of(color: str, button: QWidget) -> float:
    """Return how much of the upper edge has that color."""
    edge = [painted(button).pixelColor(x, 0).name() for x in range(12, button.width() - 12)]
    return edge.count(color) / len(edge)


@pytest.mark.parametrize("make", [any_field, rich_field, tree, listing])
def test_every_scroll_bar_is_the_thin_one(make: Callable[[], QWidget], theme: Theme, qtbot: QtBot) -> None:
    area = make()
    qtbot.addWidget(area)
    area.resize(200, 120)
    area.show()
    assert isinstance(area, QAbstractScrollArea)
    bar = area.verticalScrollBar()
    assert bar.isVisible()
    assert bar.width() == 10
    groove = painted(bar).pixelColor(5, bar.height() - 4).name()
    assert groove in {theme.colors.surface, theme.colors.ground}


def test_boxes_of_qt_itself_have_the_same_buttons(theme: Theme, qtbot: QtBot) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, "", "Replace it?", QMessageBox.StandardButton.Yes)
    dialog = QFileDialog()
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    for window in (box, dialog):
        qtbot.addWidget(window)
        window.show()
        buttons = [button for button in window.findChildren(QPushButton) if button.isVisible()]
        assert buttons
        for button in buttons:
            assert strange_colours(button, theme.colors) == {}


def test_a_tool_tip_has_a_quiet_frame(theme: Theme, qtbot: QtBot) -> None:
    place = QWidget()
    qtbot.addWidget(place)
    place.show()
    QToolTip.showText(place.mapToGlobal(place.rect().center()), "What this does", place)
    tip = next(widget for widget in QApplication.topLevelWidgets() if widget.inherits("QTipLabel"))
    assert painted(tip).pixelColor(0, 8) == QColor(theme.colors.line)
    assert strange_colours(tip, theme.colors) == {}
    QToolTip.hideText()

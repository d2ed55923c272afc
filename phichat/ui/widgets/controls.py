"""Labels, buttons and banner rows that several places share."""

from collections.abc import Callable
from weakref import WeakMethod

from PySide6.QtCore import QMimeData, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFont, QPalette, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

from phichat.ui.theme.scaling import scaled, set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.clipboard import copy_to_clipboard
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.unicode import shortened, without_controls

BANNER_MARGINS, BANNER_SPACING, BUTTON_SPACING, LEAST_SAID = (14, 5, 6, 5), 12, 8, 150  # pixels


ROOM_FOR_ACCENTS = 2  # pixels
LONGEST_IN_MENU = 60  # letters
FEWEST_LETTERS, TEXT_MARGIN = 12, 4  # of a combo box: what it shows at least; pixels


def heading_label(text: str) -> QLabel:
    """Return a label in bold, with room for accents on capitals, which some fonts draw above their height."""
    label = plain_label(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setContentsMargins(0, ROOM_FOR_ACCENTS, 0, 0)
    return label


def help_label(text: str) -> QLabel:
    """Return a label in small, muted letters that wraps."""
    label = small_label(plain_label(text))
    label.setWordWrap(True)
    return label


def small_label(label: QLabel) -> QLabel:
    """Return `label` in small, muted letters."""
    font = muted(label).font()
    font.setPointSizeF(font.pointSizeF() * 0.9)
    label.setFont(font)
    return label


class Divider(QWidget):
    """A horizontal line with `text` in its middle, and `hint` as its tool tip."""

    def __init__(self, name: str, text: str, hint: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(text)
        self.setAccessibleDescription(hint)
        self.setToolTip(tool_tip(hint))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(12)
        layout.addWidget(_line(), 1)
        layout.addWidget(muted(plain_label(text)))
        layout.addWidget(_line(), 1)


def _line() -> QWidget:
    line = QWidget()
    line.setFixedHeight(1)
    line.setAutoFillBackground(True)
    line.setBackgroundRole(QPalette.ColorRole.Mid)
    return line


def scroll_area(widget: QWidget) -> QScrollArea:
    """Return an area that looks like `widget` alone, and scrolls it where there is less room than it needs."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows the focus inside
    area.setWidget(widget)
    for each in (widget, area.viewport()):
        each.setAutoFillBackground(False)  # on what is around the area
    return area


def push_button(name: str, text: str) -> QPushButton:
    """Return a button that Enter in another field of a dialog does not click."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setAutoDefault(False)
    return button


def banner_button(name: str, text: str) -> QPushButton:
    """Return a button that leaves the focus where it is when it is clicked."""
    button = push_button(name, text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def button_width(button: QPushButton, text: str) -> int:
    """Return the width of `button` with `text`."""
    frame = button.sizeHint().width() - max(map(button.fontMetrics().horizontalAdvance, button.text().split("\n")))
    return button.fontMetrics().horizontalAdvance(text) + frame


def in_two_lines(button: QPushButton, text: str, width: int) -> str:
    """Return `text` for `button`, in two lines if one is wider than `width`."""
    if button_width(button, text) <= width or " " not in text:
        return text
    middle = min((at for at, letter in enumerate(text) if letter == " "), key=lambda at: abs(2 * at - len(text)))
    return f"{text[:middle]}\n{text[middle + 1 :]}"


def _in_one_line(button: QPushButton) -> str:
    return button.text().replace("\n", " ")


def menu_text(name: str) -> str:
    """Return a name from outside for an entry of a menu: without its middle if it is long; `&` would mark a key."""
    return shortened(without_controls(name), LONGEST_IN_MENU).replace("&", "&&")


def add_heading(menu: QMenu, text: str) -> None:
    """Add a heading after a line to `menu`. Under a style sheet, Qt draws sections as lines without their titles."""
    menu.addSeparator()
    heading = menu.addAction(text)
    heading.setEnabled(False)
    font = menu.font()
    font.setWeight(QFont.Weight.DemiBold)
    heading.setFont(font)


class Banner(QFrame):
    """A slim banner: buttons beside what it says or, where that would be narrower than LEAST_SAID, below it.

    Attributes:
        said: the layout for what it says.
    """

    def __init__(self, name: str, *buttons: QPushButton) -> None:
        super().__init__()
        self.setObjectName(name)
        self.said = QHBoxLayout()
        self.said.setSpacing(BANNER_SPACING)
        self._buttons = buttons
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(BUTTON_SPACING)
        for button in buttons:
            self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(*BANNER_MARGINS)
        self._layout.setSpacing(BANNER_SPACING)
        self._layout.addLayout(self.said, 1)
        self._layout.addLayout(self._row)

    def room(self) -> int:
        """Return how wide what it says may be, in pixels."""
        beside = 0 if self._is_high() else self._buttons_width() + BANNER_SPACING
        return self._inner_width() - beside

    def _inner_width(self) -> int:
        before, _, after, _ = BANNER_MARGINS
        return self.width() - before - after

    def _buttons_width(self) -> int:
        """Return the width of the buttons side by side, each with its text in one line, whatever they have now."""
        widths = (button_width(button, _in_one_line(button)) for button in self._buttons)
        return sum(width + BUTTON_SPACING for width in widths) - BUTTON_SPACING

    def _is_high(self) -> bool:
        return self._inner_width() < scaled(LEAST_SAID) + BANNER_SPACING + self._buttons_width()

    def resizeEvent(self, event: QResizeEvent) -> None:
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._layout.setDirection(down if self._is_high() else across)
        self._layout.setSpacing(2 if self._is_high() else BANNER_SPACING)
        self._row.setDirection(down if self._inner_width() < self._buttons_width() else across)
        for button in self._buttons:
            button.setText(in_two_lines(button, _in_one_line(button), self._inner_width()))
        super().resizeEvent(event)


class NoticeBar(Banner):
    """A banner with a text that wraps, and a button each to accept what it says and to dismiss it.

    Attributes:
        text: the label with the text.
        accept: the button to accept.

    Signals: `accepted`, `dismissed`.
    """

    accepted = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme, name: str, accept: QPushButton, dismiss: QPushButton) -> None:
        super().__init__(name, accept, dismiss)
        self.text, self.accept = plain_label(), accept
        self.text.setWordWrap(True)
        self.said.addWidget(self.text, 1)
        for button, signal in ((accept, self.accepted), (dismiss, self.dismissed)):
            button.clicked.connect(signal)
        theme.apply_stylesheet(self, "strip")


class ComboBox(QComboBox):
    """A combo box in which the mouse wheel chooses only while it has the focus, and in which long text ends in "…"."""

    def let_shrink(self) -> None:
        """Let it be narrower than its longest entry, which may be of any length."""
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(FEWEST_LETTERS)
        self.setIconSize(QSize(0, 0))  # there are none, but room for them

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        style, control = self.style(), QStyle.ComplexControl.CC_ComboBox
        room = style.subControlRect(control, option, QStyle.SubControl.SC_ComboBoxEditField, self).width()
        text = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room - TEXT_MARGIN)
        option.currentText = text

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class FoldButton(QToolButton):
    """Folds what is below it; the arrow points down while that is open, as `toggled` tells."""

    def __init__(self, name: str, hint: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setCheckable(True)
        self.setAutoRaise(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setToolTip(tool_tip(hint))
        self.toggled.connect(self._show_arrow)
        self._show_arrow(is_open=False)

    @Slot(bool)
    def _show_arrow(self, is_open: bool) -> None:
        self.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)


ICON = 16  # pixels
CONFIRMED_FOR = 1500  # milliseconds that a button shows a check mark

Copied = Callable[[], str | QMimeData]


class IconButton(QToolButton):
    """Shows the theme's `icon`. `label` is the tool tip and, without the keys in brackets at its end, the name."""

    def __init__(self, theme: Theme, icon: str, label: str, object_name: str = "") -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self.setObjectName(object_name)
        self.setAutoRaise(True)
        set_icon_size(self, ICON)
        self.setAccessibleName(label.partition(" (")[0])
        self.setToolTip(tool_tip(label))
        self._confirmed = QTimer(self, interval=CONFIRMED_FOR, singleShot=True)
        self._confirmed.timeout.connect(self._show_icon)
        theme.changed.connect(self._show_icon)
        self._show_icon()

    def confirm(self) -> None:
        """Show a check mark for a moment."""
        self.setIcon(self._theme.icon("done"))
        self._confirmed.start()

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon(self._icon))


class CopyButton(IconButton):
    """Copies what a method returns, and confirms it. Holds the method weakly."""

    def __init__(self, theme: Theme, label: str, text: WeakMethod[Copied]) -> None:
        super().__init__(theme, "copy", label)
        self._text = text
        self.clicked.connect(self._copy)

    @Slot()
    def _copy(self) -> None:
        if text := self._text():
            copy_to_clipboard(text())
            self.confirm()

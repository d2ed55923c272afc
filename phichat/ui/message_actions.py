"""The few buttons of a message: a quiet place that shows them while the message is pointed at or has the focus."""

from weakref import WeakMethod

from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from phichat.i18n import tr
from phichat.ui.theme.scaling import set_fixed_size, set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.clipboard import Copied, CopyButton
from phichat.ui.widgets.plain_text import tool_tip

WIDTH, HEIGHT = 28, 24  # pixels
MOST = 3  # buttons


class MessageActions(QWidget):
    """Takes its place from the beginning; its buttons are made when they are first shown.

    Signals: `pressed` on the one with `icon`, `more_wanted(QPoint)` where the menu is to open.
    """

    pressed = Signal()
    more_wanted = Signal(QPoint)

    def __init__(self, theme: Theme, copied: WeakMethod[Copied], copying: str, icon: str, label: str) -> None:
        super().__init__()
        self._theme, self._copied, self._copying, self._icon, self._label = theme, copied, copying, icon, label
        self._main: QToolButton | None = None
        self._more: QToolButton | None = None
        self._buttons: list[QWidget] = []
        self._can_press = True
        set_fixed_size(self, MOST * WIDTH, HEIGHT)

    def reveal(self, *, revealed: bool) -> bool:
        """Show the buttons, or hide them; whether they were made for it."""
        is_first = revealed and not self._buttons
        if is_first:
            self._build()
        for button in self._buttons:
            button.setVisible(revealed)
        return is_first

    def set_can_press(self, can_press: bool) -> None:
        """Whether the button with `icon` does anything now."""
        self._can_press = can_press
        if self._main:
            self._main.setEnabled(can_press)

    def buttons(self) -> list[QWidget]:
        """What takes the focus, as far as it is there."""
        return self._buttons

    def _build(self) -> None:
        copy = CopyButton(self._theme, self._copying, self._copied)
        self._main, self._more = _button(self._label), _button(tr("More"))
        self._main.clicked.connect(self.pressed)
        self._main.setEnabled(self._can_press)
        self._more.clicked.connect(self._ask_for_more)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._buttons = [copy, self._main, self._more]
        for button in (copy, self._main, self._more):
            set_icon_size(button, 16, WIDTH, HEIGHT)
            layout.addWidget(button)
        self._theme.dress(self, "tools")
        self._theme.changed.connect(self._show_icons)
        self._show_icons()

    @Slot()
    def _ask_for_more(self) -> None:
        if self._more:
            self.more_wanted.emit(self._more.mapToGlobal(QPoint(0, self._more.height())))

    @Slot()
    def _show_icons(self) -> None:
        if self._main and self._more:
            self._main.setIcon(self._theme.icon(self._icon))
            self._more.setIcon(self._theme.icon("more"))


def _button(label: str) -> QToolButton:
    button = QToolButton()
    button.setAutoRaise(True)
    button.setAccessibleName(label)
    button.setToolTip(tool_tip(label))
    return button

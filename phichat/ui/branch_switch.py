"""Which of several versions of a message is shown, and buttons for the others: ‹ 2/3 ›."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.plain_text import plain_label, tool_tip


class BranchSwitch(QWidget):
    """Two buttons and a number.

    Signals: `turned(int)`: -1 for the version before, 1 for the one after.
    """

    turned = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._previous = _button("previousVersion", tr("Previous version"))
        self._next = _button("nextVersion", tr("Next version"))
        self._label = muted(plain_label())
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget in (self._previous, self._label, self._next):
            layout.addWidget(widget)
        self._previous.clicked.connect(self._back)
        self._next.clicked.connect(self._on)
        theme.dress(self, "tools")
        theme.changed.connect(self._show_icons)
        self._show_icons()

    def show_place(self, at: int, count: int) -> None:
        """Show that the version of number `at`, from 0, is one of `count`."""
        self._label.setText(f"{format_number(at + 1)}/{format_number(count)}")
        self._label.setAccessibleName(
            tr("{number} of {count}").format(number=format_number(at + 1), count=format_number(count))
        )
        self._label.setToolTip(tool_tip(self._label.accessibleName()))
        self._previous.setEnabled(at > 0)
        self._next.setEnabled(at < count - 1)

    def place(self) -> str:
        """What is shown, in words."""
        return self._label.accessibleName()

    def buttons(self) -> list[QWidget]:
        """What takes the focus."""
        return [self._previous, self._next]

    def take_focus(self, turn: int) -> None:
        """Focus the button for `turn`, or the other one where that leads nowhere."""
        wanted, other = (self._next, self._previous) if turn > 0 else (self._previous, self._next)
        (wanted if wanted.isEnabled() else other).setFocus()

    @Slot()
    def _back(self) -> None:
        self.turned.emit(-1)

    @Slot()
    def _on(self) -> None:
        self.turned.emit(1)

    @Slot()
    def _show_icons(self) -> None:
        self._previous.setIcon(self._theme.icon("previous"))
        self._next.setIcon(self._theme.icon("next"))


def _button(name: str, label: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setAutoRaise(True)
    button.setAccessibleName(label)
    button.setToolTip(tool_tip(label))
    set_icon_size(button, 14, 22, 24)
    return button

"""The buttons of a message, and the switcher between its versions."""

from weakref import WeakMethod

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import set_fixed_size, set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import Copied, CopyButton, IconButton
from phichat.ui.widgets.foreign_text import plain_label, tool_tip

WIDTH, HEIGHT = 28, 24  # pixels of a button
BUTTONS = 3


class MessageToolbar(QWidget):
    """Copy, a main button with `icon` and `label`, and More; created when first shown, in room reserved from the start.

    With `has_lens`, a switch for the lens comes before them.

    Signals:
        pressed: the main button was clicked.
        lens_toggled(bool): the user turned the lens on or off.
        more_requested(QPoint): open the menu at this place of the screen.
    """

    pressed = Signal()
    lens_toggled = Signal(bool)
    more_requested = Signal(QPoint)

    def __init__(
        self,
        theme: Theme,
        copied: WeakMethod[Copied],
        *,
        copy_label: str,
        icon: str,
        label: str,
        has_lens: bool = False,
    ) -> None:
        super().__init__()
        self._theme, self._copied, self._copy_label, self._icon, self._label = theme, copied, copy_label, icon, label
        self._main: IconButton | None = None
        self._more: IconButton | None = None
        self._buttons: list[QWidget] = []
        self._can_press = True
        self._has_lens, self._is_lens_on = has_lens, False
        self._lens: IconButton | None = None
        set_fixed_size(self, (BUTTONS + has_lens) * WIDTH, HEIGHT)

    def reveal(self, *, revealed: bool) -> None:
        """Show the buttons, or hide them."""
        if revealed and not self._buttons:
            self._build()
        for button in self._buttons:
            button.setVisible(revealed)

    def set_can_press(self, can_press: bool) -> None:
        """Enable or disable the main button."""
        self._can_press = can_press
        if self._main:
            self._main.setEnabled(can_press)

    def set_lens_on(self, is_on: bool) -> None:
        """Show whether the lens is on."""
        self._is_lens_on = is_on
        if self._lens:
            self._lens.setChecked(is_on)

    def buttons(self) -> list[QWidget]:
        """Return the widgets that take the focus; empty before they are created."""
        return self._buttons

    def _build(self) -> None:
        copy = CopyButton(self._theme, self._copy_label, self._copied)
        self._main = IconButton(self._theme, self._icon, self._label)
        self._more = IconButton(self._theme, "more", tr("More actions"))
        self._main.clicked.connect(self.pressed)
        self._main.setEnabled(self._can_press)
        self._more.clicked.connect(self._ask_for_more)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        buttons = [copy, self._main, self._more]
        if self._has_lens:
            self._lens = IconButton(self._theme, "lens", tr("Show how sure the model was"), "lensToggle")
            self._lens.setCheckable(True)
            self._lens.setChecked(self._is_lens_on)
            self._lens.clicked.connect(self.lens_toggled)
            buttons.insert(0, self._lens)
        self._buttons = [*buttons]
        for button in buttons:
            set_icon_size(button, 16, WIDTH, HEIGHT)
            layout.addWidget(button)

    @Slot()
    def _ask_for_more(self) -> None:
        if self._more:
            self.more_requested.emit(self._more.mapToGlobal(QPoint(0, self._more.height())))


class VersionSwitcher(QWidget):
    """A label like 2/3 between two buttons.

    Signals: `step_requested(int)`: -1 for the previous version, 1 for the next.
    """

    step_requested = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._previous = IconButton(theme, "previous", tr("Previous version"), "previousVersion")
        self._next = IconButton(theme, "next", tr("Next version"), "nextVersion")
        for button in (self._previous, self._next):
            set_icon_size(button, 14, 22, 24)
        self._label = muted(plain_label())
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget in (self._previous, self._label, self._next):
            layout.addWidget(widget)
        self._previous.clicked.connect(self._request_previous)
        self._next.clicked.connect(self._request_next)

    def show_version(self, index: int, count: int) -> None:
        """Show version `index`, from 0, of `count`."""
        self._label.setText(f"{format_number(index + 1)}/{format_number(count)}")
        self._label.setAccessibleName(
            tr("{number} of {count}").format(number=format_number(index + 1), count=format_number(count))
        )
        self._label.setToolTip(tool_tip(self._label.accessibleName()))
        self._previous.setEnabled(index > 0)
        self._next.setEnabled(index < count - 1)

    def description(self) -> str:
        """Return what is shown, in words."""
        return self._label.accessibleName()

    def buttons(self) -> list[QWidget]:
        """Return the widgets that take the focus."""
        return [self._previous, self._next]

    def focus_button(self, step: int) -> None:
        """Focus the button for `step`, or the other one if that is disabled."""
        wanted, other = (self._next, self._previous) if step > 0 else (self._previous, self._next)
        (wanted if wanted.isEnabled() else other).setFocus()

    @Slot()
    def _request_previous(self) -> None:
        self.step_requested.emit(-1)

    @Slot()
    def _request_next(self) -> None:
        self.step_requested.emit(1)

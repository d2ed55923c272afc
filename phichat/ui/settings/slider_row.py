"""The row of one setting: a slider and a spin box that agree, a help text, and a button to undo a change."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QPalette, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QWidget

from phichat.chat.sampling import Setting
from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import set_fixed_size, set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import IconButton, help_label
from phichat.ui.widgets.foreign_text import plain_label, set_tool_tip, tool_tip
from phichat.ui.widgets.spin_boxes import DoubleSpinBox


class SliderRow(QWidget):
    """Shows and edits `setting`, and marks a value that is not the preset's.

    Signals: `changed(str, float)` with the setting's name and value when the user changes it.
    """

    changed = Signal(str, float)

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__()
        self._setting = setting
        self._theme = theme
        self._value = self._preset_value = setting.low
        self._refused = self._preset = ""
        self._said: tuple[str, ...] = ()
        self._label = plain_label(tr(setting.label))
        name = _camel_case(setting.name)
        self._spin = _Spin(setting)
        self._spin.setObjectName(name + "Spin")
        self._slider = _Slider(Qt.Orientation.Horizontal)
        self._slider.setObjectName(name + "Slider")
        self._slider.setRange(0, round((setting.high - setting.low) / setting.step))
        self._slider.setPageStep(max(1, self._slider.maximum() // 10))
        self._changed_dot: QLabel | None = None
        self._reset: IconButton | None = None
        self._head = self._lay_out()
        for control in (self._spin, self._slider):
            control.setAccessibleName(tr(setting.label))
        for part in (self._spin, self._slider, self._label):
            part.setToolTip(tool_tip(tr(setting.help)))
        self._slider.valueChanged.connect(self._on_slider)
        self._spin.valueChanged.connect(self._on_spin)
        self._spin.editingFinished.connect(self._on_spin_left)
        self._show_change("")

    def show_value(self, value: float) -> None:
        """Show `value` without emitting `changed`."""
        if value > self._spin.maximum():
            self._spin.setMaximum(value)
            self._slider.setMaximum(self._position(value))
        with QSignalBlocker(self._slider), QSignalBlocker(self._spin):
            self._slider.setValue(self._position(value))
            self._spin.setValue(value)

    def set_high(self, high: float) -> None:
        """Let values go up to `high`; the present one stays, even if it is larger."""
        high = max(high, self._spin.value())
        with QSignalBlocker(self._slider), QSignalBlocker(self._spin):
            self._spin.setMaximum(high)
            self._slider.setMaximum(self._position(high))
            self._slider.setPageStep(max(1, self._slider.maximum() // 10))

    def show_preset_value(self, value: float, preset_value: float, preset: str) -> None:
        """Show whether `value` differs from the value in the preset labelled `preset`."""
        self._value, self._preset_value = value, preset_value
        self._show_change(preset)

    def set_refused(self, reason: str) -> None:
        """Gray this out for `reason`, a sentence; take changes again if it is empty."""
        if reason == self._refused:
            return
        self._refused, setting = reason, self._setting
        for control in filter(None, (self._slider, self._spin, self._label, self._reset)):
            control.setEnabled(not reason)
        for control in (self._slider, self._spin, self._label):
            control.setToolTip(tool_tip(reason or tr(setting.help)))
        self._show_change(self._preset)

    def _show_change(self, preset: str) -> None:
        self._preset = preset
        setting, is_changed = self._setting, self._value != self._preset_value
        usual = format_number(self._preset_value, setting.decimals)
        words = tr("Changed from {value} ({preset}).").format(preset=preset, value=usual) if is_changed else ""
        self._mark(tr("Reset to {value} ({preset})").format(value=usual, preset=preset) if is_changed else "")
        if self._said != (said := (self._refused, words)):
            self._said = said
            for control in (self._spin, self._slider):
                control.setAccessibleDescription(" ".join(filter(None, [*said, tr(setting.help)])))

    def _mark(self, hint: str) -> None:
        """Show the mark of a changed value, and the button to reset it, with a tool tip; hide both if it is empty."""
        if self._reset is None and not hint:
            return
        dot, reset = self._changed_dot or self._make_dot(), self._reset or self._make_reset()
        if reset.hasFocus() and not hint:
            self._slider.setFocus()
        for part in (dot, reset):
            part.setVisible(bool(hint))
        set_tool_tip(reset, hint)

    def _make_dot(self) -> QLabel:
        self._changed_dot = dot = plain_label("●")
        dot.setForegroundRole(QPalette.ColorRole.Link)
        dot.setObjectName(_camel_case(self._setting.name) + "Changed")
        self._head.insertWidget(0, dot)
        return dot

    def _make_reset(self) -> IconButton:
        setting = self._setting
        label = tr("Reset {setting}").format(setting=tr(setting.label))
        self._reset = reset = IconButton(self._theme, "back", label, _camel_case(setting.name) + "Reset")
        reset.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        set_icon_size(reset, 14, 22, 22)
        reset.setEnabled(not self._refused)
        reset.clicked.connect(self._on_reset)
        self._head.insertWidget(self._head.count() - 1, reset)
        return reset

    def _lay_out(self) -> QHBoxLayout:
        setting = self._setting
        head = QHBoxLayout()
        head.setSpacing(5)
        self._label.setWordWrap(True)  # beside the mark and the button, long names have less room
        head.addWidget(self._label, 1)
        head.addWidget(self._spin)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addLayout(head, 0, 0)
        layout.addWidget(self._slider, 1, 0)
        layout.addWidget(help_label(tr(setting.help)), 2, 0)
        return head

    @Slot(int)
    def _on_slider(self, position: int) -> None:
        self._change_value(self._setting.clamp(self._setting.low + position * self._setting.step))

    @Slot(float)
    def _on_spin(self, value: float) -> None:
        with QSignalBlocker(self._slider):  # not the spin box, in which the user is typing
            self._slider.setValue(self._position(value))
        self.changed.emit(self._setting.name, self._setting.clamp(value))

    @Slot()
    def _on_spin_left(self) -> None:
        self.show_value(self._setting.clamp(self._spin.value()))

    @Slot()
    def _on_reset(self) -> None:
        self._change_value(self._preset_value)

    def _change_value(self, value: float) -> None:
        self.show_value(value)
        self.changed.emit(self._setting.name, value)

    def _position(self, value: float) -> int:
        return round((value - self._setting.low) / self._setting.step)


class _Slider(QSlider):
    """A slider that the mouse wheel moves only while it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class _Spin(DoubleSpinBox):
    """A spin box with the range and decimals of a setting; none for a whole number."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setDecimals(setting.decimals)
        self.setRange(setting.low, setting.high)
        self.setSingleStep(setting.step)
        self.setGroupSeparatorShown(True)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        set_fixed_size(self, 76)


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

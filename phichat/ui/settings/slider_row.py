"""One setting in the panel: a slider, a spin box that always agrees, a sentence, and a way back from a change."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QHBoxLayout, QSlider, QToolButton, QWidget

from phichat.chat.sampling import Setting
from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import set_fixed_size, set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.labels import help_label
from phichat.ui.widgets.plain_text import plain_label, set_tool_tip, tool_tip


class SliderRow(QWidget):
    """Shows `setting`, and where its value is not the preset's.

    Signals: `changed(name, value)` when a person changed it.
    """

    changed = Signal(str, float)

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__()
        self._setting, self._theme = setting, theme
        self._value = self._usual = setting.low
        name = _camel_case(setting.name)
        self._spin = _Spin(setting)
        self._spin.setObjectName(name + "Spin")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setObjectName(name + "Slider")
        self._slider.setRange(0, round((setting.high - setting.low) / setting.step))
        theme.apply_stylesheet(self._slider, "slider")
        self._slider.setPageStep(max(1, self._slider.maximum() // 10))
        self._dot = plain_label("●")
        self._dot.setForegroundRole(QPalette.ColorRole.Link)
        self._dot.setObjectName(name + "Changed")
        self._back = _back_button(name + "Reset", tr("Reset {setting}").format(setting=tr(setting.label)))
        theme.apply_stylesheet(self._back, "tools")
        self._lay_out()
        for control in (self._spin, self._slider):
            control.setAccessibleName(tr(setting.label))
            control.setToolTip(tool_tip(tr(setting.help)))
        self._slider.valueChanged.connect(self._on_slider)
        self._spin.valueChanged.connect(self._on_spin)
        self._spin.editingFinished.connect(self._on_spin_left)
        self._back.clicked.connect(self._on_back)
        theme.changed.connect(self._show_icon)
        self._show_icon()
        self._show_change("")

    def show_value(self, value: float) -> None:
        """Show `value`, and tell nobody."""
        with QSignalBlocker(self._slider), QSignalBlocker(self._spin):
            self._slider.setValue(self._position(value))
            self._spin.setValue(value)

    def show_preset_value(self, value: float, usual: float, preset: str) -> None:
        """Show whether `value` is another one than `usual`, which the preset called so has."""
        self._value, self._usual = value, usual
        self._show_change(preset)

    def _show_change(self, preset: str) -> None:
        setting, is_changed = self._setting, self._value != self._usual
        usual = format_number(self._usual, setting.decimals)
        words = tr("Changed: {preset} has {value}.").format(preset=preset, value=usual) if is_changed else ""
        if self._back.hasFocus() and not is_changed:
            self._slider.setFocus()
        self._dot.setVisible(is_changed)
        self._back.setVisible(is_changed)
        set_tool_tip(self._back, tr("Back to {value}, as in {preset}").format(value=usual, preset=preset))
        for control in (self._spin, self._slider):
            control.setAccessibleDescription(" ".join(filter(None, [words, tr(setting.help)])))

    def _lay_out(self) -> None:
        setting = self._setting
        head = QHBoxLayout()
        head.setSpacing(5)
        head.addWidget(self._dot)
        head.addWidget(plain_label(tr(setting.label)))
        head.addStretch()
        head.addWidget(self._back)
        head.addWidget(self._spin)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addLayout(head, 0, 0)
        layout.addWidget(self._slider, 1, 0)
        layout.addWidget(help_label(tr(setting.help)), 2, 0)

    @Slot(int)
    def _on_slider(self, position: int) -> None:
        self._change(self._setting.clamp(self._setting.low + position * self._setting.step))

    @Slot(float)
    def _on_spin(self, value: float) -> None:
        with QSignalBlocker(self._slider):  # the spin box itself is being written in
            self._slider.setValue(self._position(value))
        self.changed.emit(self._setting.name, self._setting.clamp(value))

    @Slot()
    def _on_spin_left(self) -> None:
        self.show_value(self._setting.clamp(self._spin.value()))

    @Slot()
    def _on_back(self) -> None:
        self._change(self._usual)

    @Slot()
    def _show_icon(self) -> None:
        self._back.setIcon(self._theme.icon("back"))

    def _change(self, value: float) -> None:
        self.show_value(value)
        self.changed.emit(self._setting.name, value)

    def _position(self, value: float) -> int:
        return round((value - self._setting.low) / self._setting.step)


class _Spin(QDoubleSpinBox):
    """A spin box for one setting, for whole numbers too."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setDecimals(setting.decimals)
        self.setRange(setting.low, setting.high)
        self.setSingleStep(setting.step)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        set_fixed_size(self, 76)


def _back_button(name: str, label: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setAutoRaise(True)
    button.setAccessibleName(label)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    set_icon_size(button, 14, 22, 22)
    return button


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

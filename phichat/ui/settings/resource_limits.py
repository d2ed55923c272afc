"""The part of the settings panel that says what models may take of this computer."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.theme.scaling import set_fixed_size
from phichat.ui.widgets.controls import heading_label, help_label
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.ui.widgets.spin_boxes import SpinBox

MAX_GB, MAX_MINUTES = 100, 1440
LIMIT_WIDTH = 92  # pixels


class ResourceLimits(QWidget):
    """What models may take of this computer; the same for all conversations.

    Signals: `states_changed(int)` with gigabytes on disk for the prompt cache, `rest_changed(int)` with minutes until
    an idle model is unloaded.
    """

    states_changed = Signal(int)
    rest_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(heading_label(tr("This computer")))
        states = tr("Disk space for the prompt cache, which keeps conversations from being processed twice.")
        rest = tr("Frees memory when the model isn’t in use. The model reloads when you start typing.")
        self._states = _spin_box("statesSpin", tr("Prompt cache size"), states, MAX_GB, tr("GB"))
        self._rest = _spin_box("restSpin", tr("Unload the model after"), rest, MAX_MINUTES, tr("min"))
        self._states.setSpecialValueText(tr("None"))
        self._rest.setSpecialValueText(tr("Never"))
        for field, text in ((self._states, states), (self._rest, rest)):
            layout.addLayout(_labelled(field))
            layout.addWidget(help_label(text))
        self._states.valueChanged.connect(self.states_changed)
        self._rest.valueChanged.connect(self.rest_changed)

    def show_values(self, gigabytes: int, minutes: int) -> None:
        """Show the limits without emitting signals."""
        with QSignalBlocker(self._states), QSignalBlocker(self._rest):
            self._states.setValue(gigabytes)
            self._rest.setValue(minutes)


def _spin_box(name: str, label: str, text: str, most: int, unit: str) -> SpinBox:
    field = SpinBox(maximum=most)
    field.setObjectName(name)
    field.setAccessibleName(label)
    field.setAccessibleDescription(text)
    field.setToolTip(tool_tip(text))
    field.setSuffix("\N{NO-BREAK SPACE}" + unit)
    field.setKeyboardTracking(False)
    return field


def _labelled(field: SpinBox) -> QHBoxLayout:
    """Return a row of `field` with its accessible name as its label, as the rows of sliders are."""
    label = plain_label(field.accessibleName())
    label.setWordWrap(True)
    label.setBuddy(field)
    set_fixed_size(field, LIMIT_WIDTH)
    row = QHBoxLayout()
    row.addWidget(label, 1)
    row.addWidget(field, 0, Qt.AlignmentFlag.AlignTop)
    return row

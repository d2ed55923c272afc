"""What models may take of this computer: disk for what they remember, and memory while nobody asks."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QSpinBox, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.widgets.labels import heading_label, help_label
from phichat.ui.widgets.plain_text import tool_tip

MOST_GB, MOST_MINUTES = 100, 1440


class ComputerSection(QWidget):
    """Two fields, the same for all conversations.

    Signals: `states_changed(int)` with gigabytes, `rest_changed(int)` with minutes.
    """

    states_changed = Signal(int)
    rest_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(heading_label(tr("This computer")))
        states = tr("Disk for what the model remembers of conversations, so that they are not read twice.")
        rest = tr("After so long without a question, the model gives its memory back; it returns as you write.")
        self._states = _field("statesSpin", tr("Disk for remembered conversations"), states, MOST_GB, tr("GB"))
        self._rest = _field("restSpin", tr("Time until the model rests"), rest, MOST_MINUTES, tr("min"))
        self._states.setSpecialValueText(tr("none"))
        self._rest.setSpecialValueText(tr("never"))
        for field, text in ((self._states, states), (self._rest, rest)):
            layout.addWidget(field)
            layout.addWidget(help_label(text))
        self._states.valueChanged.connect(self.states_changed)
        self._rest.valueChanged.connect(self.rest_changed)

    def show_values(self, gigabytes: int, minutes: int) -> None:
        """Show these, and tell nobody."""
        with QSignalBlocker(self._states), QSignalBlocker(self._rest):
            self._states.setValue(gigabytes)
            self._rest.setValue(minutes)


def _field(name: str, label: str, text: str, most: int, unit: str) -> QSpinBox:
    field = QSpinBox(maximum=most)
    field.setObjectName(name)
    field.setAccessibleName(label)
    field.setAccessibleDescription(text)
    field.setToolTip(tool_tip(text))
    field.setSuffix("\N{NO-BREAK SPACE}" + unit)
    field.setKeyboardTracking(False)
    return field

"""The row that says whether a model thinks before it answers, and for how long."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from phichat.chat.sampling import LARGEST_CONTEXT, UNLIMITED
from phichat.i18n import tr
from phichat.ui.theme.scaling import set_fixed_size
from phichat.ui.widgets.controls import ComboBox, help_label
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.ui.widgets.spin_boxes import SpinBox

USUAL_BUDGET, STEP = 500, 100  # tokens
SPIN_WIDTH = 130  # pixels
ON, LIMITED, OFF = range(3)


class ThinkingRow(QWidget):
    """Shows and edits `Sampling.thinking`; hidden for a model that can't think.

    Signals: `changed(object)` with the budget when the user changes it.
    """

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._budget: int | None = None
        self._default = ""
        text = tr(
            "Thinking takes time but helps with hard questions. To read the model’s thinking, click the "
            "line above its answer."
        )
        self._choice = ComboBox()
        self._choice.setObjectName("thinkingCombo")
        self._choice.setAccessibleName(tr("Thinking"))
        self._choice.addItems([tr("On"), tr("Limited"), tr("Off")])
        self._spin = SpinBox(minimum=1, maximum=LARGEST_CONTEXT, singleStep=STEP, value=USUAL_BUDGET)
        self._spin.setObjectName("thinkingSpin")
        self._spin.setAccessibleName(tr("Thinking limit, in tokens"))
        self._spin.setSuffix(" " + tr("tokens"))
        self._spin.setGroupSeparatorShown(True)
        self._spin.setKeyboardTracking(False)
        for field in (self._choice, self._spin):
            field.setToolTip(tool_tip(text))
        self._lay_out(text)
        self._choice.activated.connect(self._on_changed)
        self._spin.valueChanged.connect(self._on_changed)
        self.hide()

    def show_default(self, default: str) -> None:
        """Show what the model does if nothing is set: "on" or "off"; hide for one that can't think."""
        self._default = default
        self.setVisible(bool(default))
        self.show_budget(self._budget)

    def show_budget(self, budget: int | None) -> None:
        """Show a budget without emitting `changed`."""
        self._budget = budget
        shown = budget
        if budget is None:
            shown = 0 if self._default == "off" else UNLIMITED
        with QSignalBlocker(self._choice), QSignalBlocker(self._spin):
            self._choice.setCurrentIndex(OFF if shown == 0 else ON if shown == UNLIMITED else LIMITED)
            if shown and shown > 0:
                self._spin.setValue(shown)
        self._spin.setVisible(self._choice.currentIndex() == LIMITED)

    def _lay_out(self, text: str) -> None:
        label = plain_label(tr("Thinking"))
        label.setBuddy(self._choice)
        set_fixed_size(self._spin, SPIN_WIDTH)
        head = QHBoxLayout()
        head.addWidget(label, 1)
        head.addWidget(self._choice)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._spin, 0, Qt.AlignmentFlag.AlignRight)
        column.addWidget(help_label(text))

    @Slot()
    def _on_changed(self) -> None:
        chosen = self._choice.currentIndex()
        budget = {ON: UNLIMITED, OFF: 0}.get(chosen, self._spin.value())
        self.show_budget(budget)
        self.changed.emit(budget)

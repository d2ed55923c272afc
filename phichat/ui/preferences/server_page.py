"""The page of the preferences that lets other apps use the model."""

from weakref import WeakMethod

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.client_requests import ServerState
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import CopyButton, help_label
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.spin_boxes import SpinBox
from phichat.ui.widgets.text_input import refuse_drops

LOWEST_PORT, HIGHEST_PORT = 1024, 65_535
MOST_SLOTS = 16


class ServerPage(QWidget):
    """Turns the server on and off, and shows what other apps need.

    Signals: `switched(bool)` on or off; `port_chosen(int)`; `slots_chosen(int)`: how many answers at the same time.
    """

    switched = Signal(bool)
    port_chosen = Signal(int)
    slots_chosen = Signal(int)

    def __init__(self, theme: Theme, state: ServerState, port: int, slots: int, *, is_on: bool) -> None:
        super().__init__()
        self._switch = QCheckBox(tr("Let other apps use the model"))
        self._switch.setObjectName("serveSwitch")
        self._switch.setAccessibleName(self._switch.text())
        self._switch.setChecked(is_on)
        self._switch.toggled.connect(self.switched)
        self._port = _number_field(LOWEST_PORT, HIGHEST_PORT, port)
        self._port.setGroupSeparatorShown(False)
        self._port.valueChanged.connect(self.port_chosen)
        self._slots = _number_field(1, MOST_SLOTS, slots)
        self._slots.valueChanged.connect(self.slots_chosen)
        self._address, self._key = (_CopyField(theme, name) for name in ("serverAddress", "serverKey"))
        self._status = help_label("")
        self._status.setObjectName("serverStatus")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(10)
        self._add(form, "serverPortSpin", tr("Port"), self._port, self._port)
        self._add(form, "serverSlotsSpin", tr("Simultaneous answers"), self._slots, self._slots)
        self._add(form, "serverAddress", tr("Address"), self._address, self._address.field)
        self._add(form, "serverKey", tr("Key"), self._key, self._key.field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        layout.addWidget(self._switch)
        layout.addWidget(
            help_label(
                tr(
                    "When this is on, apps on this computer can use the model through an OpenAI-compatible "
                    "API. Your own messages take priority. Nothing that other apps send is saved."
                )
            )
        )
        layout.addLayout(form)
        layout.addWidget(self._status)
        layout.addStretch()
        self.show_state(state, is_on=is_on)

    def show_state(self, state: ServerState, *, is_on: bool) -> None:
        """Show what has become of the server; a new problem is announced."""
        with QSignalBlocker(self._switch):
            self._switch.setChecked(is_on)
        self._address.show_text(state.url)
        self._key.show_text(state.key)
        before, text = self._status.text(), _status(state, is_on=is_on)
        muted(self._status, alert=bool(state.problem))
        self._status.setText(text)
        if state.problem and text != before:
            announce(self._status, text)

    def _add(self, form: QFormLayout, name: str, label: str, row: QWidget, control: QWidget) -> None:
        control.setObjectName(name)
        control.setAccessibleName(label)
        words = plain_label(label)
        words.setBuddy(control)
        form.addRow(words, row)


class _CopyField(QWidget):
    """A text that can be selected and copied, and not changed."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self.field = QLineEdit(readOnly=True)
        label = tr("Copy address") if name == "serverAddress" else tr("Copy key")
        self._copy = CopyButton(theme, label, WeakMethod(self.text))
        self._copy.setObjectName(name + "Copy")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._copy)

    def text(self) -> str:
        """Return the text."""
        return self.field.text()

    def show_text(self, text: str) -> None:
        """Show `text`; without any, there is nothing to copy."""
        if text != self.field.text():
            self.field.setText(text)
            self.field.setCursorPosition(0)
        for widget in (self.field, self._copy):
            widget.setEnabled(bool(text))


def _number_field(low: int, high: int, value: int) -> SpinBox:
    """Return a field for a number, which counts once it is entered as a whole."""
    field = SpinBox(minimum=low, maximum=high, value=value)
    field.setKeyboardTracking(False)
    refuse_drops(field)
    return field


def _status(state: ServerState, *, is_on: bool) -> str:
    if state.problem or not is_on:
        return state.problem
    if not state.url:
        return tr("Starting…")
    return tr("Last request: {request}").format(request=state.last) if state.last else tr("No requests yet.")

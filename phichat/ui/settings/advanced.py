"""The settings panel's advanced sampling settings, folded until they are asked for."""

from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from phichat.chat.sampling import SETTINGS, Sampling, changed_settings
from phichat.engine.model_ref import Capabilities
from phichat.i18n import tr, tr_count
from phichat.ui.settings.slider_row import SliderRow
from phichat.ui.theme.scaling import set_fixed_size, text_scale
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import FoldButton, help_label
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.ui.widgets.text_input import PlainTextField

LINES = 3  # of a list of texts that are visible at once
ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"))  # as people type what a line cannot hold
ADVANCED = tuple(setting for setting in SETTINGS if setting.is_advanced)


class AdvancedSettings(QWidget):
    """A button, and below it the advanced settings, which are built when it is first clicked.

    Signals:
        changed(str, object): a setting's name and its value, when the user changes it.
        opened: the settings were built.
        picture_pasted: a picture was pasted into a field for texts.
    """

    changed = Signal(str, object)
    opened = Signal()
    picture_pasted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._sampling = self._base = Sampling()
        self._base_label = ""
        self._capabilities: Capabilities | None = None
        self._refusal = ""
        self._rows: dict[str, SliderRow] = {}
        self._lists: dict[str, TextListField] = {}
        self._content: QWidget | None = None
        self._button = FoldButton("advancedButton", tr("More settings to shape answers, all off by default."))
        self._button.toggled.connect(self._on_toggled)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 10, 0, 0)
        self._layout.setSpacing(6)
        self._layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        self._show_count()

    def show_sampling(self, sampling: Sampling) -> None:
        """Show `sampling` without emitting signals."""
        self._sampling = sampling
        self._show()

    def show_preset(self, base: Sampling, label: str) -> None:
        """Mark the values that differ from those of the preset `base`, which is labelled `label`."""
        self._base, self._base_label = base, label
        self._show()

    def show_capabilities(self, capabilities: Capabilities | None, refusal: str) -> None:
        """Gray out the settings that a server does not take; `refusal` says so. None if all are taken."""
        self._capabilities, self._refusal = capabilities, refusal
        for name, row in self._rows.items():
            row.set_refused(self._refusal_of(name))
        for name, field in self._lists.items():
            field.set_refused(self._refusal_of(name))

    def _refusal_of(self, name: str) -> str:
        return "" if self._capabilities is None or name in self._capabilities.sampling else self._refusal

    def _show(self) -> None:
        self._show_count()
        for name, row in self._rows.items():
            value = getattr(self._sampling, name)
            row.show_value(value)
            row.show_preset_value(value, getattr(self._base, name), self._base_label)
        for name, field in self._lists.items():
            field.show_texts(getattr(self._sampling, name))

    def _show_count(self) -> None:
        """Tell on the button how many settings are in use, as they may be folded."""
        names = {setting.name for setting in ADVANCED} | {"stop", "forbidden"}
        count = len(names & set(changed_settings(self._sampling, Sampling())))
        words = tr_count("Advanced ({count} in use)", "Advanced ({count} in use)", count) if count else tr("Advanced")
        self._button.setText(words.format(count=count))
        self._button.setAccessibleName(self._button.text())

    @Slot(bool)
    def _on_toggled(self, is_open: bool) -> None:
        if is_open and self._content is None:
            self._build()
        if self._content:
            self._content.setVisible(is_open)

    def _build(self) -> None:
        self._content = QWidget()
        layout = QVBoxLayout(self._content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for setting in ADVANCED:
            row = self._rows[setting.name] = SliderRow(setting, self._theme)
            row.changed.connect(self._on_value)
            layout.addWidget(row)
        self._add_list(
            layout,
            "stop",
            tr("Stop at"),
            tr("Answers stop just before any of these words or phrases. Enter one per line."),
        )
        self._add_list(
            layout,
            "forbidden",
            tr("Never say"),
            tr("Answers won’t contain any of these words or phrases. Enter one per line."),
        )
        self._layout.addWidget(self._content)
        self._show()
        self.show_capabilities(self._capabilities, self._refusal)
        self.opened.emit()

    @Slot(str, float)
    def _on_value(self, name: str, value: float) -> None:
        self.changed.emit(name, value)

    def _add_list(self, layout: QVBoxLayout, name: str, label: str, text: str) -> None:
        title, field = plain_label(label), TextListField(name + "Field", label, text)
        title.setBuddy(field)
        field.changed.connect(partial(self.changed.emit, name))
        field.picture_pasted.connect(self.picture_pasted)
        self._lists[name] = field
        layout.addSpacing(6)
        layout.addWidget(title)
        layout.addWidget(field)
        layout.addWidget(help_label(text))


class TextListField(PlainTextField):
    r"""Edits a list of texts, one a line; a line break in one is typed as `\n`.

    Signals: `changed(tuple)` with the texts when the user changes them.
    """

    changed = Signal(tuple)

    def __init__(self, name: str, label: str, text: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(label)
        self._help = text
        self.set_refused("")
        self.setTabChangesFocus(True)
        set_fixed_size(self, 0, round(self.fontMetrics().lineSpacing() / text_scale()) * LINES + 14)
        self.textChanged.connect(self._on_edited)

    def set_refused(self, reason: str) -> None:
        """Gray this out for `reason`, a sentence; take changes again if it is empty."""
        self.setEnabled(not reason)
        self.setToolTip(tool_tip(reason))
        self.setAccessibleDescription(" ".join(filter(None, [reason, self._help])))

    def texts(self) -> tuple[str, ...]:
        """Return the texts, without empty lines and doubles."""
        return tuple(dict.fromkeys(_unescaped(line) for line in self.toPlainText().split("\n") if line))

    def show_texts(self, texts: tuple[str, ...]) -> None:
        """Show `texts` without emitting `changed`, unless the field shows them already."""
        if texts != self.texts():
            with QSignalBlocker(self):
                self.show_text("\n".join(map(_escaped, texts)))

    @Slot()
    def _on_edited(self) -> None:
        self.changed.emit(self.texts())


def _escaped(text: str) -> str:
    for char, typed in ESCAPES:
        text = text.replace(char, typed)
    return text


def _unescaped(line: str) -> str:
    known = {typed: char for char, typed in ESCAPES}
    found, at = "", 0
    while at < len(line):
        char = known.get(line[at : at + 2])
        found += char or line[at]
        at += 2 if char else 1
    return found

"""The preset picker: built-in presets, and the user's own, which can be saved, renamed and deleted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from phichat.chat.sampling import (
    LONGEST,
    OWN,
    PRESETS,
    SETTINGS,
    Preset,
    Sampling,
    changed_settings,
    nearest_preset,
    own_preset,
    own_presets,
    presets_to_json,
)
from phichat.i18n import tr
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import ComboBox, IconButton, small_label
from phichat.ui.widgets.foreign_text import ElidedLabel


class PresetPicker(QWidget):
    """Shows the preset that the settings are nearest to, and what is changed from it.

    Attributes:
        base: that preset.
        reset: the button to reset all settings, for a place below the picker.

    Signals:
        chosen(Sampling): the user chose a preset with these settings.
        reset_requested: the user wants the default preset, with a random seed.
        own_changed(dict): the user's presets changed; as they are to be stored.
    """

    chosen = Signal(object)
    reset_requested = Signal()
    own_changed = Signal(dict)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._own: dict[str, Preset] = {}
        self._sampling = Sampling()
        self.base = PRESETS["balanced"]
        self._presets = ComboBox()
        self._presets.setObjectName("presetCombo")
        self._presets.let_shrink()
        self._presets.setAccessibleName(tr("Preset"))
        self._presets.setToolTip(tr("Ready-made settings, from precise to creative."))
        self._presets.activated.connect(self._on_activated)
        self.reset = QPushButton(tr("Reset"))
        self.reset.setObjectName("resetButton")
        self.reset.setAccessibleName(tr("Reset settings"))
        self.reset.setToolTip(tr("Reset to the Balanced preset"))
        self.reset.clicked.connect(self._on_reset)
        self._more = self._more_button()
        self._note = small_label(ElidedLabel())
        self._note.setObjectName("presetNote")
        policy = self._note.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # else the slider that is dragged would move
        self._note.setSizePolicy(policy)
        self._lay_out()
        self.show_own({})

    def show_own(self, own: Mapping[str, Any]) -> None:
        """Show the user's own presets, given as they are stored, without emitting signals."""
        self._own = own_presets(own)
        self._presets.clear()
        for preset in PRESETS.values():
            self._presets.addItem(tr(preset.label), preset.id)
        for preset in self._own.values():
            self._presets.addItem(preset.label, preset.id)
        self.show_sampling(self._sampling, is_edited=self.base.id in self._presets_by_id())

    def show_sampling(self, sampling: Sampling, *, is_edited: bool = False) -> None:
        """Show the preset with these settings or, if there is none, what is changed from the nearest.

        With `is_edited`, the base stays the preset that the user began to change.
        """
        self._sampling = sampling
        found = nearest_preset(sampling, self._presets_by_id().values(), self.base.id)
        if not is_edited or not changed_settings(sampling, found.sampling):
            self.base = found
        changed = changed_settings(sampling, self.base.sampling)
        self._show_choice(is_changed=bool(changed))
        words = self._describe(changed) if changed else ""
        self._note.setText(words or " ")
        self._note.setVisible(bool(changed))
        self._presets.setAccessibleDescription(words)

    def _describe(self, changed: Sequence[str]) -> str:
        """Return a sentence about the settings that are not the base's."""
        names = {setting.name: tr(setting.label) for setting in SETTINGS} | {
            "stop": tr("Stop at"),
            "forbidden": tr("Never say"),
        }
        labels = [label for name, label in names.items() if name in changed]
        return tr("Changed from {preset}: {settings}").format(preset=self.base_label(), settings=", ".join(labels))

    def _show_choice(self, *, is_changed: bool) -> None:
        """Select the base, or an entry "changed" that is there only while it applies."""
        at = self._presets.findData("")
        if is_changed:
            label = tr("{preset} (changed)").format(preset=self.base_label())
            if at < 0:
                self._presets.addItem(label, "")
            else:
                self._presets.setItemText(at, label)
        elif at >= 0:
            self._presets.removeItem(at)
        self._presets.setCurrentIndex(self._presets.findData("" if is_changed else self.base.id))

    def base_label(self) -> str:
        """Return the translated label of the base."""
        return self._label(self.base)

    def labelled_samplings(self) -> list[tuple[str, Sampling]]:
        """Return the translated label and the settings of each preset."""
        return [(self._label(preset), preset.sampling) for preset in self._presets_by_id().values()]

    def _presets_by_id(self) -> dict[str, Preset]:
        return {**PRESETS, **self._own}

    def _label(self, preset: Preset) -> str:
        return preset.label if preset.id.startswith(OWN) else tr(preset.label)

    def combo_box(self) -> QWidget:
        """Return the combo box, for a label's buddy."""
        return self._presets

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self._presets, 1)
        row.addWidget(self._more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self._note)

    def _more_button(self) -> QToolButton:
        button = IconButton(self._theme, "more", tr("My presets"), "presetMenuButton")
        button.setToolTip(tr("Save, rename, or delete your presets"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        set_icon_size(button, 16, 28, 26)
        menu = QMenu(button)
        menu.setObjectName("presetMenu")
        self._save_as = menu.addAction(tr("Save as preset…"))
        self._update = menu.addAction("")
        self._rename = menu.addAction("")
        self._delete = menu.addAction("")
        for action, slot in (
            (self._save_as, self._ask_for_name),
            (self._update, self._on_update),
            (self._rename, self._ask_for_new_name),
            (self._delete, self._on_delete),
        ):
            action.triggered.connect(slot)
        menu.aboutToShow.connect(self._show_menu)
        button.setMenu(menu)
        return button

    @Slot()
    def _show_menu(self) -> None:
        is_own = self.base.id in self._own
        name = self.base_label().replace("&", "&&")
        self._update.setText(tr("Update {preset} with these settings").format(preset=name))
        self._rename.setText(tr("Rename {preset}…").format(preset=name))
        self._delete.setText(tr("Delete {preset}…").format(preset=name))
        for action in (self._update, self._rename, self._delete):
            action.setVisible(is_own)
        self._update.setEnabled(bool(changed_settings(self._sampling, self.base.sampling)))

    @Slot()
    def _ask_for_name(self) -> None:
        self._open_name_dialog(tr("Save as preset"), "", self._objection, self._on_named)

    @Slot()
    def _ask_for_new_name(self) -> None:
        label = self.base.label

        def objection(name: str) -> str:
            return "" if name.casefold() == label.casefold() else self._objection(name)

        self._open_name_dialog(tr("Rename preset"), label, objection, self._on_renamed)

    def _open_name_dialog(
        self, title: str, name: str, objection: Callable[[str], str], slot: Callable[[str], None]
    ) -> None:
        from phichat.ui.widgets.dialogs import NameDialog  # noqa: PLC0415 - when it is opened

        dialog = NameDialog(self.window(), title, name, LONGEST, objection)
        dialog.setObjectName("presetNameDialog")
        dialog.named.connect(slot)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _objection(self, name: str) -> str:
        """Return why a preset cannot have that name; empty if it can."""
        there = {self._label(preset).casefold() for preset in self._presets_by_id().values()}
        return tr("A preset with this name already exists. Enter another name.") if name.casefold() in there else ""

    @Slot(str)
    def _on_named(self, name: str) -> None:
        self._save_own(own_preset(name, self._sampling))

    @Slot(str)
    def _on_renamed(self, name: str) -> None:
        preset = own_preset(name, self.base.sampling)
        if preset.label and preset.id != self.base.id:
            self._own.pop(self.base.id, None)
        self._save_own(preset)

    @Slot()
    def _on_update(self) -> None:
        self._save_own(own_preset(self.base.label, self._sampling))

    @Slot()
    def _on_delete(self) -> None:
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - when it is opened

        question = tr("Delete the preset “{preset}”?").format(preset=self.base.label)
        ask_question(
            self._theme, self.window(), "deletePresetQuestion", question, tr("Delete"), tr("Keep"), self._delete_base
        )

    @Slot()
    def _delete_base(self) -> None:
        if self._own.pop(self.base.id, None):
            self._emit_own()

    def _save_own(self, preset: Preset) -> None:
        if preset.label:
            self._own[preset.id] = self.base = preset
            self._emit_own()

    def _emit_own(self) -> None:
        own = presets_to_json(sorted(self._own.values(), key=lambda preset: preset.label[:LONGEST].casefold()))
        self.show_own(own)
        self.chosen.emit(self._sampling)
        self.own_changed.emit(own)

    @Slot(int)
    def _on_activated(self, index: int) -> None:
        if preset := self._presets_by_id().get(self._presets.itemData(index)):
            self.base = preset
            self.chosen.emit(preset.sampling)

    @Slot()
    def _on_reset(self) -> None:
        self.base = PRESETS["balanced"]
        self.reset_requested.emit()

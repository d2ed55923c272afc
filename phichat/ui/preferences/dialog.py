"""The preferences dialog."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QRectF, QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from phichat import i18n
from phichat.chat.sampling import PRESETS, Sampling, own_presets
from phichat.i18n import N_, tr
from phichat.store.preferences import Preferences
from phichat.ui.controllers.client_requests import ServerState
from phichat.ui.controllers.servers import Servers
from phichat.ui.preferences.folder_row import FolderRow
from phichat.ui.preferences.server_page import ServerPage
from phichat.ui.preferences.servers_page import ServersPage
from phichat.ui.preferences.token_row import TokenRow
from phichat.ui.theme.palette import ACCENTS, SYSTEM, colors_of
from phichat.ui.theme.scaling import LEAST, MOST, STEP, resize_window, scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import help_label, scroll_area
from phichat.ui.widgets.dialogs import close_button_box
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.spin_boxes import SpinBox
from phichat.ui.widgets.text_input import PlainTextField, picture_refusal, refuse_drops

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


SWATCH_SIZE, SWATCH_RATIO = 16, 3  # pixels, and the device pixel ratio it is drawn for


def swatch(accent: str) -> QIcon:
    """Return a dot, half of it the accent in the light theme, half in the dark one."""
    pixmap = QPixmap(QSize(SWATCH_SIZE, SWATCH_SIZE) * SWATCH_RATIO)
    pixmap.setDevicePixelRatio(SWATCH_RATIO)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for theme, start in (("light", 90), ("dark", 270)):
        painter.setBrush(QColor(colors_of(theme, accent).accent))
        painter.drawPie(QRectF(1, 1, SWATCH_SIZE - 2, SWATCH_SIZE - 2), start * 16, 180 * 16)
    painter.end()
    return QIcon(pixmap)


THEMES = {
    SYSTEM: N_("System default"),
    "light": N_("Light"),
    "dark": N_("Dark"),
    "light-contrast": N_("Light, high contrast"),
    "dark-contrast": N_("Dark, high contrast"),
}


class PreferencesDialog(QDialog):
    """Shows the preferences `now`; the update check can be chosen only if `can_look`.

    `folders` are the data folder and the models folder; `families` the fonts to choose from; `servers` are those with
    models; `server` is the state of the server for other apps.

    Signals:
        chosen(str, object): the user chose that value for the preference of that name.
        folder_requested: the user wants to choose another folder for models.
        opened(Path): the user wants to see a folder.
        token_entered(str): the user entered an access token for the Hub.
        token_removed: the user wants to forget it.
    """

    chosen = Signal(str, object)
    folder_requested = Signal()
    opened = Signal(Path)
    token_entered = Signal(str)
    token_removed = Signal()

    def __init__(
        self,
        theme: Theme,
        now: Preferences,
        folders: tuple[Path, Path],
        families: list[str],
        parent: QWidget,
        *,
        can_look: bool,
        hub: str,
        servers: Servers,
        server: ServerState = ServerState(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(parent)
        self.setObjectName("preferencesDialog")
        self.setWindowTitle(tr("Preferences"))
        self.setAccessibleName(tr("Preferences"))
        self._theme, self._now, self._can_look = theme, now, can_look
        self.token = TokenRow(theme, hub)
        self.token.entered.connect(self.token_entered)
        self.token.removed.connect(self.token_removed)
        self._tabs = tabs = QTabWidget()
        tabs.setObjectName("preferencesTabs")
        tabs.setAccessibleName(tr("Preferences"))
        self._models_page = scroll_area(self._make_models_page(*folders))
        self._servers = ServersPage(theme, servers)
        self._servers_page = scroll_area(self._servers)
        self.server = self._server_page(server)
        for page, name in (
            (scroll_area(self._general_page(folders[0])), tr("General")),
            (scroll_area(self._appearance_page(families)), tr("Appearance")),
            (scroll_area(self._conversations_page()), tr("New conversations")),
            (self._models_page, tr("Models")),
            (self._servers_page, tr("Servers")),
            (scroll_area(self.server), tr("Other apps")),
        ):
            tabs.addTab(page, name)
        layout = QVBoxLayout(self)
        layout.addWidget(tabs)
        layout.addWidget(close_button_box(self))
        resize_window(self, 620, 500)
        tabs.ensurePolished()
        needed = tabs.tabBar().sizeHint().width() + 2 * scaled(16)  # in some languages, the names of the pages are long
        self.resize(max(self.width(), needed), self.height())

    def show_servers(self) -> None:
        """Show the page with the servers, with the focus where one chooses or adds one."""
        self._tabs.setCurrentWidget(self._servers_page)
        self._servers.focus_first()

    @Slot(int)
    def show_size(self, percent: int) -> None:
        """Show the text size."""
        with QSignalBlocker(self._size):
            self._size.setValue(percent)

    def show_models_folder(self, folder: Path, *, is_ours: bool) -> None:
        """Show the folder for models from the next start on."""
        self._models.show_folder(folder, is_ours=is_ours)

    def focus_token(self) -> None:
        """Show the field for the access token, and focus it."""
        self._tabs.setCurrentWidget(self._models_page)
        self.token.field.setFocus()

    def show_models(self, models: "Sequence[ModelRef]") -> None:
        """Offer `models` as the one to begin with."""
        chosen = self._now.default_model
        for model in models:
            self._model.addItem(model.name if model.is_remote else model.title, model.location)
        if chosen and self._model.findData(chosen) < 0:  # it was chosen by name, or its disk is away
            self._model.addItem(chosen, chosen)
        self._model.setCurrentIndex(max(self._model.findData(chosen), 0))

    def _general_page(self, data: Path) -> QWidget:
        page, form = _page()
        self._add(form, "languageCombo", tr("Language"), self._language_combo())
        form.addRow("", help_label(tr("Takes effect after you restart Phichat.")))
        words = tr("Notify me when a long answer or a download finishes")
        form.addRow("", self._check_box("notifies", "notifiesCheck", words))
        looks = self._check_box("looks_for_versions", "versionsCheck", tr("Check for new versions every week"))
        looks.setEnabled(self._can_look)
        form.addRow("", looks)
        form.addRow("", help_label(self._update_check_help()))
        place = FolderRow(self._theme, "dataFolder", tr("Data folder"))
        place.show_folder(data)
        place.opened.connect(self.opened)
        form.addRow(tr("Data folder"), place)
        form.addRow(
            "",
            help_label(
                tr("To use another folder, set the PHICHAT_HOME environment variable before you start Phichat.")
            ),
        )
        return page

    def _appearance_page(self, families: list[str]) -> QWidget:
        page, form = _page()
        themes = {name: tr(label) for name, label in THEMES.items()}
        self._add(form, "themeCombo", tr("Theme"), self._combo("theme", themes, self._now.theme))
        accents = {SYSTEM: tr("System default"), **{name: tr(label) for name, label in ACCENTS.items()}}
        colours = self._combo("accent", accents, self._now.accent)
        for number, name in enumerate(accents):
            if name in ACCENTS:
                colours.setItemIcon(number, swatch(name))
        self._add(form, "accentCombo", tr("Accent color"), colours)
        self._size = SpinBox(minimum=LEAST, maximum=MOST, singleStep=STEP, value=self._now.text_percent)
        self._size.setSuffix(tr("{percent}%").format(percent=""))
        self._size.setKeyboardTracking(False)
        refuse_drops(self._size)
        self._size.valueChanged.connect(self._on_size)
        self._add(form, "textSizeSpin", tr("Text size"), self._size)
        fonts = {"": tr("System default"), **{name: name for name in families}}
        self._add(form, "fontCombo", tr("Font"), self._combo("font", fonts, self._now.font))
        form.addRow("", self._check_box("less_motion", "lessMotionCheck", tr("Reduce motion")))
        return page

    def _language_combo(self) -> QComboBox:
        codes = i18n.available_languages()
        natives = {code: QLocale(code).nativeLanguageName() for code in codes}
        names = {code: name[:1].upper() + name[1:] for code, name in natives.items()}
        names["en"] = "English"
        return self._combo("language", {"": tr("System default"), **names}, self._now.language)

    def _conversations_page(self) -> QWidget:
        page, form = _page()
        self._prompt = PlainTextField()
        self._prompt.show_text(self._now.system)
        self._prompt.setTabChangesFocus(True)
        self._prompt.textChanged.connect(self._on_prompt)
        self._add(form, "defaultSystemPrompt", tr("System prompt"), self._prompt)
        cut = tr("The system prompt was too long, so the end was cut off.")
        for pasted, sentence in ((self._prompt.text_cut, cut), (self._prompt.picture_pasted, picture_refusal())):
            note = help_label(sentence)
            note.hide()
            self._prompt.textChanged.connect(note.hide)
            pasted.connect(note.show, Qt.ConnectionType.QueuedConnection)  # once the rest is there
            form.addRow("", note)
        presets = {**PRESETS, **own_presets(self._now.presets)}
        self._samplings = {name: preset.sampling for name, preset in presets.items()}
        labels = {name: tr(preset.label) if name in PRESETS else preset.label for name, preset in presets.items()}
        begins = replace(Sampling().with_values(self._now.sampling), seed=None)
        like = next((name for name, sampling in self._samplings.items() if sampling == begins), "")
        combo = self._combo("", labels if like else {"": tr("Custom"), **labels}, like)
        combo.activated.connect(self._on_preset)
        self._presets = combo
        self._add(form, "defaultPresetCombo", tr("Preset"), combo)
        self._model = self._combo("default_model", {"": tr("Last used model")}, "")
        self._add(form, "defaultModelCombo", tr("Default model"), self._model)
        form.addRow(
            "",
            help_label(tr("Existing conversations keep their own settings, which you can see in the settings panel.")),
        )
        return page

    def _make_models_page(self, data: Path, models: Path) -> QWidget:
        page, form = _page()
        self._models = FolderRow(self._theme, "modelsFolder", tr("Models folder"), can_change=True)
        self._models.show_folder(models, is_ours=models.parent == data)
        self._models.opened.connect(self.opened)
        self._models.change_requested.connect(self.folder_requested)
        self._models.own_requested.connect(self._on_own_folder)
        form.addRow(tr("Models folder"), self._models)
        form.addRow(
            "",
            help_label(
                tr(
                    "After you restart Phichat, new downloads will be saved here. Existing models will stay "
                    "where they are."
                )
            ),
        )
        label = plain_label(tr("Access token"))
        label.setBuddy(self.token.field)
        form.addRow(label, self.token)
        return page

    def _server_page(self, state: ServerState) -> ServerPage:
        page = ServerPage(self._theme, state, self._now.server_port, self._now.server_slots, is_on=self._now.serves)
        page.switched.connect(self._on_server_switch)
        page.port_chosen.connect(partial(self.chosen.emit, "server_port"))
        page.slots_chosen.connect(partial(self.chosen.emit, "server_slots"))
        return page

    def _update_check_help(self) -> str:
        if not self._can_look:
            return tr("This build of Phichat can’t check for new versions.")
        return tr(
            "The update server sees only your IP address and your Phichat version. Updates are never "
            "installed automatically."
        )

    def _add(self, form: QFormLayout, name: str, label: str, control: QWidget) -> None:
        control.setObjectName(name)
        control.setAccessibleName(label)
        words = plain_label(label)
        words.setBuddy(control)
        form.addRow(words, control)

    def _combo(self, name: str, choices: Mapping[str, str], now: str) -> QComboBox:
        combo = QComboBox()
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(14)
        for value, label in choices.items():
            combo.addItem(label, value)
        combo.setCurrentIndex(max(combo.findData(now), 0))
        combo.setProperty("preference", name)
        if name:
            combo.activated.connect(self._on_combo)
        return combo

    def _check_box(self, name: str, object_name: str, label: str) -> QCheckBox:
        box = QCheckBox(label)
        box.setObjectName(object_name)
        box.setAccessibleName(label)
        box.setChecked(bool(asdict(self._now)[name]))
        box.setProperty("preference", name)
        box.toggled.connect(self._on_check_box)
        return box

    @Slot(int)
    def _on_combo(self, _: int) -> None:
        combo = self.sender()
        if isinstance(combo, QComboBox):
            self.chosen.emit(str(combo.property("preference")), combo.currentData())

    @Slot(bool)
    def _on_check_box(self, is_on: bool) -> None:
        box = self.sender()
        if box:
            self.chosen.emit(str(box.property("preference")), is_on)

    @Slot(bool)
    def _on_server_switch(self, is_on: bool) -> None:
        self.chosen.emit("serves", is_on)

    @Slot(int)
    def _on_size(self, percent: int) -> None:
        self.chosen.emit("text_percent", percent)

    @Slot()
    def _on_prompt(self) -> None:
        self.chosen.emit("system", self._prompt.toPlainText())

    @Slot(int)
    def _on_preset(self, _: int) -> None:
        if sampling := self._samplings.get(self._presets.currentData()):
            self.chosen.emit("sampling", asdict(sampling))

    @Slot()
    def _on_own_folder(self) -> None:
        self.chosen.emit("models_folder", "")


def _page() -> tuple[QWidget, QFormLayout]:
    page = QWidget()
    form = QFormLayout(page)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setContentsMargins(16, 16, 16, 16)
    form.setVerticalSpacing(10)
    return page, form

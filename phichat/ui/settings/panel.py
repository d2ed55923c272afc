"""The settings panel: system prompt, preset, sampling settings, context, resource limits."""

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from phichat.chat.sampling import MAX_SEED, SETTINGS, Sampling
from phichat.chat.sources import PASSAGE_TOKENS, USUAL_TOKENS, passage_tokens
from phichat.engine.model_ref import Capabilities
from phichat.i18n import tr
from phichat.ui.settings.advanced import AdvancedSettings
from phichat.ui.settings.preset_picker import PresetPicker
from phichat.ui.settings.resource_limits import ResourceLimits
from phichat.ui.settings.slider_row import SliderRow
from phichat.ui.settings.thinking_row import ThinkingRow
from phichat.ui.theme.scaling import set_fixed_size, text_scale
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.column import BAR_WIDTH, keep_room_for_scroll_bar
from phichat.ui.widgets.controls import heading_label, help_label
from phichat.ui.widgets.foreign_text import tool_tip
from phichat.ui.widgets.spin_boxes import DoubleSpinBox, SpinBox
from phichat.ui.widgets.text_input import PlainTextField, picture_refusal, refuse_drops

LEAST_CONTEXT = 256  # tokens
MAX_CONTEXT = 131_072  # tokens, for a model that does not tell its own maximum
CONTEXT_DELAY = 600  # milliseconds without a further change, before the model is loaded again


class SettingsPanel(QScrollArea):
    """Shows and edits the settings of the current conversation.

    Attributes:
        computer: the resource limits.
        presets: the preset picker.
        sampling: the sampling settings shown.

    Signals:
        sampling_changed(Sampling), system_changed(str): at each change by the user.
        failed(str): a sentence about what could not be done; empty once that is over.
        context_changed(int): after a pause, as it means to load the model again; in tokens.
        passages_changed(int): at each change by the user; in tokens, for all conversations.
        default_requested: the user wants new conversations to begin with these settings.
    """

    sampling_changed = Signal(object)
    system_changed = Signal(str)
    failed = Signal(str)
    context_changed = Signal(int)
    passages_changed = Signal(int)
    default_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settingsPanel")
        self.setAccessibleName(tr("Settings"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        keep_room_for_scroll_bar(self)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._theme = theme
        self.sampling = Sampling()
        self._rows: dict[str, SliderRow] = {}
        self._takes_seed = True
        self._content = content = QWidget(self.viewport())  # Qt styles again what gets another parent
        content.setObjectName("panelContent")
        content.setAutoFillBackground(True)
        content.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._layout = QVBoxLayout(content)
        self._layout.setContentsMargins(18, 16, 18 - BAR_WIDTH, 18)
        self._layout.setSpacing(6)
        self._add_system_prompt()
        self._add_presets()
        self._above_sliders = self._layout.count()
        for setting in (each for each in SETTINGS if not each.is_advanced):
            row = self._rows[setting.name] = SliderRow(setting, theme)
            row.changed.connect(self._on_value)
            self._layout.addWidget(row)
        self._thinking = ThinkingRow()
        self._thinking.changed.connect(self._on_thinking)
        self._layout.addWidget(self._thinking)
        self._add_seed()
        self._advanced = AdvancedSettings(theme)
        self._advanced.changed.connect(self._on_value)
        self._advanced.opened.connect(self._prepare_fields)
        self._advanced.picture_pasted.connect(self._on_picture, Qt.ConnectionType.QueuedConnection)
        self._layout.addWidget(self._advanced)
        self._add_context()
        self.computer = ResourceLimits()
        self._layout.addWidget(self.computer)
        self._layout.addStretch()
        self._prepare_fields()
        self.show_sampling(self.sampling)

    def show_content(self) -> None:
        """Show what is on the panel, once the panel is wanted and has its style, as Qt lays it out then."""
        if self.widget() is None:
            self.setWidget(self._content)

    def add_section(self, section: QWidget) -> None:
        """Add `section` above the sliders, of which the most used are then in sight together with it."""
        self._layout.insertWidget(self._above_sliders, section)
        self._section = section

    @Slot(bool)
    def follow_section(self, is_open: bool) -> None:
        """Scroll to the section once it is laid out, as it was opened."""
        if is_open:
            QTimer.singleShot(0, self, self._scroll_to_section)

    @Slot()
    def _scroll_to_section(self) -> None:
        self._layout.activate()
        self.verticalScrollBar().setValue(self._section.y())

    @Slot()
    def _prepare_fields(self) -> None:
        """Let the wheel scroll the panel instead of giving fields the focus, and let them take no drops."""
        for kind in (QAbstractSpinBox, QAbstractSlider, QComboBox):
            for control in self._content.findChildren(kind):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for field in self._content.findChildren(QAbstractSpinBox):
            refuse_drops(field)

    def show_sampling(self, sampling: Sampling) -> None:
        """Show `sampling` without emitting signals."""
        self.sampling = sampling
        for name, row in self._rows.items():
            row.show_value(getattr(sampling, name))
        self._advanced.show_sampling(sampling)
        self._thinking.show_budget(sampling.thinking)
        with QSignalBlocker(self._random), QSignalBlocker(self._seed):
            self._random.setChecked(sampling.seed is None)
            self._seed.setEnabled(self._takes_seed and sampling.seed is not None)
            if sampling.seed is not None:
                self._seed.setValue(sampling.seed)
        self._show_preset()

    def show_system(self, text: str) -> None:
        """Show the system prompt without emitting signals."""
        with QSignalBlocker(self._system):
            self._system.show_text(text)

    def show_default(self, *, is_default: bool) -> None:
        """Show whether new conversations begin with these settings."""
        self._default.setEnabled(not is_default)

    def show_context(self, context: int, most: int) -> None:
        """Show the context in use, of at most `most` tokens, 0 if that is unknown, as a server's may be.

        What is being typed stays.
        """
        self._used_context = context, most
        if not self._context.lineEdit().isModified():
            self._show_used_context()
        for setting in SETTINGS:
            if row := self._rows.get(setting.name):
                row.set_high(setting.high_in(context))
        self.show_passages(self._passage_tokens)

    @Slot()
    def _end_typing(self) -> None:
        # Qt only does so where it has to write the number anew.
        self._context.lineEdit().setModified(False)
        self._show_used_context()

    def _show_used_context(self) -> None:
        """Show the context in use, unless another one was entered."""
        if self._context_timer.isActive():
            return
        context, most = self._used_context
        with QSignalBlocker(self._context):
            self._context.setMinimum(LEAST_CONTEXT if context else 0)
            self._context.setSpecialValueText("" if context else tr("Unknown"))
            self._context.setMaximum(most or MAX_CONTEXT)
            self._context.setValue(context)

    def show_passages(self, tokens: int) -> None:
        """Show how many tokens of passages go with a message, as far as the context has room for them."""
        self._passage_tokens = tokens
        context = self._used_context[0] or MAX_CONTEXT
        self._passages.show_value(passage_tokens(tokens, context))
        self._passages.set_high(passage_tokens(int(PASSAGE_TOKENS.high), context))
        self._passages.show_preset_value(tokens, USUAL_TOKENS, tr("default"))

    def show_capabilities(self, capabilities: Capabilities | None, host: str) -> None:
        """Gray out the settings that `host` does not take; None for a model on this computer, which takes all."""
        refusal = tr("{host} doesn’t support this setting.").format(host=host)
        for name, row in self._rows.items():
            row.set_refused("" if capabilities is None or name in capabilities.sampling else refusal)
        self._advanced.show_capabilities(capabilities, refusal)
        takes_seed = capabilities is None or "seed" in capabilities.sampling
        for field in self._seed_tips:
            field.setEnabled(takes_seed and (field is self._random or self.sampling.seed is not None))
            field.setToolTip(tool_tip(self._seed_tips[field] if takes_seed else refusal))
        self._takes_seed = takes_seed
        self._context.setEnabled(capabilities is None)
        text = "" if capabilities is None else tr("{host} sets the context size.").format(host=host)
        self._context.setToolTip(tool_tip(text))
        self._context.setAccessibleDescription(text)

    def show_thinking(self, default: str) -> None:
        """Show whether the model can think, and what it does if nothing is set; as `Loaded.thinking`."""
        self._thinking.show_default(default)

    def emit_pending_context(self) -> None:
        """Emit a change of the context now that waits for its pause to end."""
        if self._context_timer.isActive():
            self._on_context()

    def show_seed(self, seed: int) -> None:
        """Show the random seed that a reply was made with."""
        if self.sampling.seed is None:
            with QSignalBlocker(self._seed):
                self._seed.setValue(seed)

    def _add_system_prompt(self) -> None:
        self._heading(tr("System prompt"))
        self._system = PlainTextField()
        self._system.setObjectName("systemPrompt")
        self._system.setAccessibleName(tr("System prompt"))
        self._system.setPlaceholderText(tr("You can tell the model what role to play and how to answer."))
        self._system.setTabChangesFocus(True)
        set_fixed_size(self._system, 0, round(self._system.fontMetrics().lineSpacing() / text_scale()) * 4 + 14)
        self._system.textChanged.connect(self._on_system)
        after = Qt.ConnectionType.QueuedConnection  # once the rest is there; a drop changes the text in any case
        self._system.text_cut.connect(self._on_cut, after)
        self._system.picture_pasted.connect(self._on_picture, after)
        self._layout.addWidget(self._system)

    def _add_presets(self) -> None:
        title = self._heading(tr("Sampling"))
        self.presets = PresetPicker(self._theme)
        self.presets.chosen.connect(self._on_preset)
        self.presets.reset_requested.connect(self._on_reset)
        title.setBuddy(self.presets.combo_box())  # screen readers read the buddy besides the preset
        self._layout.addWidget(self.presets)
        self._default = QPushButton(tr("Use for new conversations"))
        self._default.setObjectName("defaultButton")
        self._default.setAccessibleName(tr("Use for new conversations"))
        self._default.setToolTip(tr("New conversations will start with this system prompt and these settings."))
        self._default.clicked.connect(self.default_requested)
        row = QHBoxLayout()
        row.addWidget(self._default, 1)
        row.addWidget(self.presets.reset)
        self._layout.addLayout(row)

    def _add_seed(self) -> None:
        self._heading(tr("Seed"))
        self._random = QCheckBox(tr("Random"))
        self._random.setObjectName("randomSeedCheck")
        self._random.setAccessibleName(tr("Random seed"))
        self._random.toggled.connect(self._on_seed)
        self._seed = DoubleSpinBox(maximum=MAX_SEED, decimals=0)  # a QSpinBox ends at 2**31
        self._seed.setObjectName("seedSpin")
        self._seed.setAccessibleName(tr("Seed"))
        self._seed.valueChanged.connect(self._on_seed)
        self._seed_tips: dict[QWidget, str] = {
            self._random: tr("Uses a new seed for every answer. The seed is shown below the answer."),
            self._seed: tr("The same seed, settings, and message give the same answer."),
        }
        for field, tip in self._seed_tips.items():
            field.setToolTip(tool_tip(tip))
        row = QHBoxLayout()
        row.addWidget(self._random)
        row.addWidget(self._seed, 1)
        self._layout.addLayout(row)

    def _add_context(self) -> None:
        self._heading(tr("Context"))
        self._used_context = 4096, 0
        self._context = SpinBox(minimum=LEAST_CONTEXT, maximum=MAX_CONTEXT, singleStep=256, value=4096)
        self._context.setGroupSeparatorShown(True)
        self._context.setObjectName("contextSpin")
        self._context.setAccessibleName(tr("Context size, in tokens"))
        self._context.setSuffix(" " + tr("tokens"))
        self._context.setKeyboardTracking(False)
        self._context_timer = QTimer(self, interval=CONTEXT_DELAY, singleShot=True)
        self._context_timer.timeout.connect(self._on_context)
        self._context.valueChanged.connect(self._wait_for_context)
        self._context.editingFinished.connect(self._end_typing)
        self._layout.addWidget(self._context)
        self._layout.addWidget(
            help_label(tr("How much of the conversation the model can see at once. A larger context uses more memory."))
        )
        self._passages = SliderRow(PASSAGE_TOKENS, self._theme)
        self._passages.changed.connect(self._on_passages)
        self._layout.addWidget(self._passages)
        self.show_passages(USUAL_TOKENS)

    def _heading(self, text: str) -> QLabel:
        if self._layout.count():
            self._layout.addSpacing(10)
        label = heading_label(text)
        self._layout.addWidget(label)
        return label

    @Slot(str, float)
    @Slot(str, object)
    def _on_value(self, name: str, value: object) -> None:
        self.sampling = self.sampling.with_values({name: value})
        self._show_preset(is_edited=True)
        self.sampling_changed.emit(self.sampling)

    @Slot()
    def _on_seed(self) -> None:
        seed = None if self._random.isChecked() else int(self._seed.value())
        self._seed.setEnabled(seed is not None)
        self.sampling = replace(self.sampling, seed=seed)
        self.sampling_changed.emit(self.sampling)

    @Slot(object)
    def _on_thinking(self, budget: int | None) -> None:
        self.sampling = replace(self.sampling, thinking=budget)
        self._show_preset(is_edited=True)
        self.sampling_changed.emit(self.sampling)

    @Slot(object)
    def _on_preset(self, sampling: Sampling) -> None:
        thinking = self.sampling.thinking if sampling.thinking is None else sampling.thinking
        self._set_sampling(replace(sampling, seed=self.sampling.seed, thinking=thinking))

    @Slot(object)
    def use_values(self, values: Mapping[str, float]) -> None:
        """Change the settings that `values` name, as if the user had moved their sliders."""
        self._set_sampling(self.sampling.with_values(values))

    @Slot()
    def _on_reset(self) -> None:
        self._set_sampling(Sampling())

    @Slot()
    def _wait_for_context(self) -> None:
        self._context_timer.start()  # connected directly, start() would take the value for an interval

    @Slot()
    def _on_context(self) -> None:
        self._context_timer.stop()
        self.context_changed.emit(self._context.value())

    @Slot(str, float)
    def _on_passages(self, _: str, tokens: float) -> None:
        self.show_passages(int(tokens))
        self.passages_changed.emit(int(tokens))

    @Slot()
    def _on_cut(self) -> None:
        self.failed.emit(tr("The system prompt was too long, so the end was cut off."))

    @Slot()
    def _on_picture(self) -> None:
        self.failed.emit(picture_refusal())

    @Slot()
    def _on_system(self) -> None:
        self.failed.emit("")
        self.system_changed.emit(self._system.toPlainText())

    def _set_sampling(self, sampling: Sampling) -> None:
        self.show_sampling(sampling)
        self.sampling_changed.emit(sampling)

    def _show_preset(self, *, is_edited: bool = False) -> None:
        self.presets.show_sampling(self.sampling, is_edited=is_edited)
        base, label = self.presets.base.sampling, self.presets.base_label()
        for name, row in self._rows.items():
            row.show_preset_value(getattr(self.sampling, name), getattr(base, name), label)
        self._advanced.show_sampling(self.sampling)
        self._advanced.show_preset(base, label)

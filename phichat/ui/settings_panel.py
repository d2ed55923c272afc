"""The settings panel, generated from the sampling settings: for each a slider, a spin box and a sentence."""

from dataclasses import replace

from PySide6.QtCore import QEvent, QMimeData, QObject, QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from phichat.chat.sampling import MAX_SEED, PRESETS, SETTINGS, Sampling, Setting, preset_of
from phichat.text import tr
from phichat.ui.computer_section import ComputerSection
from phichat.ui.labels import explanation, heading
from phichat.ui.theme import Theme

LARGEST_CONTEXT = 131_072
SETTLED_AFTER = 600  # milliseconds without a further change of the context


class SettingsPanel(QScrollArea):
    """Shows and changes how the next reply is made.

    Attributes:
        computer: what models may take of this computer.

    Signals: `sampling_changed(Sampling)`, `system_changed(str)` as they change; `context_changed(int)` once a new
    context is settled, as it takes loading the model again; `default_wanted` where new conversations should begin so.
    """

    sampling_changed = Signal(object)
    system_changed = Signal(str)
    context_changed = Signal(int)
    default_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settingsPanel")
        self.setAccessibleName(tr("Settings"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._theme = theme
        self.sampling = Sampling()
        self._rows: dict[str, _Row] = {}
        content = QWidget()
        content.setObjectName("panelContent")
        content.setAutoFillBackground(True)
        content.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        theme.dress(self.verticalScrollBar(), "bar")
        self._layout = QVBoxLayout(content)
        self._layout.setContentsMargins(18, 16, 18, 18)
        self._layout.setSpacing(6)
        self._add_system_prompt()
        self._add_presets()
        for setting in SETTINGS:
            self._add_row(setting)
        self._add_seed()
        self._add_context()
        self.computer = ComputerSection()
        self._layout.addWidget(self.computer)
        self._layout.addStretch()
        self.setWidget(content)
        self._calm = _Calm(self)
        for kind in (QAbstractSpinBox, QAbstractSlider, QComboBox):
            for control in content.findChildren(kind):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                control.installEventFilter(self._calm)
        self.show_sampling(self.sampling)

    def show_sampling(self, sampling: Sampling) -> None:
        """Show `sampling`, and tell nobody."""
        self.sampling = sampling
        for name, row in self._rows.items():
            row.show_value(getattr(sampling, name))
        with QSignalBlocker(self._random), QSignalBlocker(self._seed):
            self._random.setChecked(sampling.seed is None)
            self._seed.setEnabled(sampling.seed is not None)
            if sampling.seed is not None:
                self._seed.setValue(sampling.seed)
        self._show_preset()

    def show_system(self, text: str) -> None:
        """Show the system prompt `text`, and tell nobody."""
        with QSignalBlocker(self._system):
            self._system.setPlainText(text)

    def show_default(self, *, is_default: bool) -> None:
        """Show whether new conversations begin like this."""
        self._default.setEnabled(not is_default)

    def show_context(self, context: int, most: int) -> None:
        """Show the context in force, of at most `most` tokens."""
        with QSignalBlocker(self._context):
            self._context.setMaximum(most or LARGEST_CONTEXT)
            self._context.setValue(context)

    def settle(self) -> None:
        """Tell of what was changed and not told yet."""
        if self._settled.isActive():
            self._on_context()

    def show_seed(self, seed: int) -> None:
        """Show the seed that a random choice came to."""
        if self.sampling.seed is None:
            with QSignalBlocker(self._seed):
                self._seed.setValue(seed)

    def _add_system_prompt(self) -> None:
        self._heading(tr("System prompt"))
        self._system = _PlainField()
        self._system.setObjectName("systemPrompt")
        self._system.setAccessibleName(tr("System prompt"))
        self._system.setPlaceholderText(tr("Who the model should be, and how it should answer. Empty is fine."))
        self._system.setTabChangesFocus(True)
        self._theme.dress(self._system, "field")
        self._system.setFixedHeight(self._system.fontMetrics().lineSpacing() * 4 + 14)
        self._system.textChanged.connect(self._on_system)
        self._layout.addWidget(self._system)

    def _add_presets(self) -> None:
        title = self._heading(tr("How it answers"))
        self._presets = QComboBox()
        title.setBuddy(self._presets)  # its own name hides what is chosen, and is hidden by it
        self._presets.setObjectName("presetCombo")
        self._presets.setAccessibleName(tr("Preset"))
        self._presets.setToolTip(tr("Ready-made settings, from careful to daring."))
        for preset in PRESETS.values():
            self._presets.addItem(tr(preset.label), preset.id)
        self._presets.addItem(tr("Your own"), "")
        self._presets.activated.connect(self._on_preset)
        self._reset = QPushButton(tr("Reset"))
        self._reset.setObjectName("resetButton")
        self._reset.setAccessibleName(tr("Reset the settings"))
        self._reset.setToolTip(tr("Back to the preset Balanced."))
        self._reset.clicked.connect(self._on_reset)
        row = QHBoxLayout()
        row.addWidget(self._presets, 1)
        row.addWidget(self._reset)
        self._layout.addLayout(row)
        self._default = QPushButton(tr("Use for new conversations"))
        self._default.setObjectName("defaultButton")
        self._default.setAccessibleName(tr("Use for new conversations"))
        self._default.setToolTip(tr("The system prompt and these settings belong to this conversation."))
        self._default.clicked.connect(self.default_wanted)
        self._layout.addWidget(self._default)

    def _add_row(self, setting: Setting) -> None:
        row = self._rows[setting.name] = _Row(setting, self._theme)
        row.changed.connect(self._on_value)
        self._layout.addWidget(row)

    def _add_seed(self) -> None:
        self._heading(tr("Seed"))
        self._random = QCheckBox(tr("Random"))
        self._random.setObjectName("randomSeedCheck")
        self._random.setAccessibleName(tr("Random seed"))
        self._random.setToolTip(tr("A new seed for every reply; the one used is shown below the reply."))
        self._random.toggled.connect(self._on_seed)
        self._seed = QDoubleSpinBox(maximum=MAX_SEED, decimals=0)  # a QSpinBox ends at 2**31
        self._seed.setObjectName("seedSpin")
        self._seed.setAccessibleName(tr("Seed"))
        self._seed.setToolTip(tr("The same seed, settings and question give the same reply."))
        self._seed.valueChanged.connect(self._on_seed)
        row = QHBoxLayout()
        row.addWidget(self._random)
        row.addWidget(self._seed, 1)
        self._layout.addLayout(row)

    def _add_context(self) -> None:
        self._heading(tr("Context"))
        self._context = QSpinBox(minimum=256, maximum=LARGEST_CONTEXT, singleStep=256, value=4096)
        self._context.setObjectName("contextSpin")
        self._context.setAccessibleName(tr("Context, in tokens"))
        self._context.setSuffix(" " + tr("tokens"))
        self._context.setKeyboardTracking(False)
        self._settled = QTimer(self, interval=SETTLED_AFTER, singleShot=True)
        self._settled.timeout.connect(self._on_context)
        self._context.valueChanged.connect(self._wait_for_context)
        self._layout.addWidget(self._context)
        self._layout.addWidget(
            explanation(tr("How much of the conversation the model keeps in view; more takes more memory."))
        )

    def _heading(self, text: str) -> QLabel:
        if self._layout.count():
            self._layout.addSpacing(10)
        label = heading(text)
        self._layout.addWidget(label)
        return label

    @Slot(str, float)
    def _on_value(self, name: str, value: float) -> None:
        self.sampling = self.sampling.with_values({name: value})
        self._show_preset()
        self.sampling_changed.emit(self.sampling)

    @Slot()
    def _on_seed(self) -> None:
        seed = None if self._random.isChecked() else int(self._seed.value())
        self._seed.setEnabled(seed is not None)
        self.sampling = replace(self.sampling, seed=seed)
        self.sampling_changed.emit(self.sampling)

    @Slot(int)
    def _on_preset(self, index: int) -> None:
        preset = PRESETS.get(self._presets.itemData(index))
        if preset:
            self._take(replace(preset.sampling, seed=self.sampling.seed))

    @Slot()
    def _on_reset(self) -> None:
        self._take(Sampling())

    @Slot()
    def _wait_for_context(self) -> None:
        self._settled.start()  # not connected directly: it would take the context for its interval

    @Slot()
    def _on_context(self) -> None:
        self._settled.stop()
        self.context_changed.emit(self._context.value())

    @Slot()
    def _on_system(self) -> None:
        self.system_changed.emit(self._system.toPlainText())

    def _take(self, sampling: Sampling) -> None:
        self.show_sampling(sampling)
        self.sampling_changed.emit(sampling)

    def _show_preset(self) -> None:
        preset = preset_of(self.sampling)
        self._presets.setCurrentIndex(self._presets.findData(preset.id if preset else ""))


class _Row(QWidget):
    """One setting: label, spin box, slider, sentence. Slider and spin box always agree.

    Signals: `changed(name, value)` when a person changed it.
    """

    changed = Signal(str, float)

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__()
        self._setting = setting
        name = _camel_case(setting.name)
        label = QLabel(tr(setting.label))
        self._spin = _Spin(setting)
        self._spin.setObjectName(name + "Spin")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setObjectName(name + "Slider")
        self._slider.setRange(0, round((setting.high - setting.low) / setting.step))
        theme.dress(self._slider, "slider")
        self._slider.setPageStep(max(1, self._slider.maximum() // 10))
        for control in (self._spin, self._slider):
            control.setAccessibleName(tr(setting.label))
            control.setAccessibleDescription(tr(setting.help))
            control.setToolTip(tr(setting.help))
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addWidget(label, 0, 0)
        layout.addWidget(self._spin, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self._slider, 1, 0, 1, 2)
        layout.addWidget(explanation(tr(setting.help)), 2, 0, 1, 2)
        self._slider.valueChanged.connect(self._on_slider)
        self._spin.valueChanged.connect(self._on_spin)
        self._spin.editingFinished.connect(self._on_spin_left)

    def show_value(self, value: float) -> None:
        """Show `value`, and tell nobody."""
        with QSignalBlocker(self._slider), QSignalBlocker(self._spin):
            self._slider.setValue(self._position(value))
            self._spin.setValue(value)

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

    def _change(self, value: float) -> None:
        self.show_value(value)
        self.changed.emit(self._setting.name, value)

    def _position(self, value: float) -> int:
        return round((value - self._setting.low) / self._setting.step)


class _Calm(QObject):
    """Leaves the mouse wheel to the panel, unless the control under it has the focus."""

    def eventFilter(self, control: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(control, QWidget) and not control.hasFocus():
            event.ignore()
            return True
        return False


class _PlainField(QPlainTextEdit):
    """A field for text; files are the window's to take."""

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return not source.hasUrls() and super().canInsertFromMimeData(source)


class _Spin(QDoubleSpinBox):
    """A spin box for one setting, for whole numbers too."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setDecimals(setting.decimals)
        self.setRange(setting.low, setting.high)
        self.setSingleStep(setting.step)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFixedWidth(76)


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

"""Larger and smaller text, and the whole screen for the window."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from phichat.i18n import format_number, tr
from phichat.ui.actions import Actions
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.theme.scaling import LEAST, MOST, STEP
from phichat.ui.theme.theme import Theme


class Zooming(QObject):
    """Does what the View menu says of sizes, and remembers it.

    Signals: `changed(int)` with the percentage; `told(str)` with a sentence.
    """

    changed = Signal(int)
    told = Signal(str)

    def __init__(self, window: QWidget, actions: Actions, theme: Theme, remembering: PreferencesStore) -> None:
        super().__init__(window)
        self._actions, self._theme, self._remembering = actions, theme, remembering
        actions.larger.triggered.connect(self._on_larger)
        actions.smaller.triggered.connect(self._on_smaller)
        actions.usual.triggered.connect(self._on_usual)
        actions.full.triggered.connect(self._on_full)
        window.installEventFilter(self)
        self._show_actions()

    @Slot(int)
    def use(self, percent: int) -> None:
        """Have text of `percent` of the system's size from now on."""
        percent = min(max(percent, LEAST), MOST)
        if percent == self._remembering.now.text_percent:
            return
        self._remembering.change(text_percent=percent)
        self._letter()
        self.changed.emit(percent)
        self.told.emit(tr("Text size: {percent} %").format(percent=format_number(percent)))

    @Slot(str)
    def use_font(self, family: str) -> None:
        """Have letters of `family`, or for none the system's, from now on."""
        self._remembering.change(font=family)
        self._letter()

    def _letter(self) -> None:
        self._theme.letter(self._remembering.now.text_percent, self._remembering.now.font)
        self._show_actions()

    def _show_actions(self) -> None:
        percent = self._remembering.now.text_percent
        self._actions.larger.setEnabled(percent < MOST)
        self._actions.smaller.setEnabled(percent > LEAST)
        self._actions.full.setChecked(self._window().isFullScreen())

    @Slot()
    def _on_larger(self) -> None:
        self.use(self._remembering.now.text_percent + STEP)

    @Slot()
    def _on_smaller(self) -> None:
        self.use(self._remembering.now.text_percent - STEP)

    @Slot()
    def _on_usual(self) -> None:
        self.use(100)

    @Slot()
    def _on_full(self) -> None:
        # What the window really is decides: the system may have changed it.
        window = self._window()
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._actions.full.setChecked(window.isFullScreen())

    def _window(self) -> QWidget:
        # Not kept: a circle of references is freed at any time, in any thread.
        window = self.parent()
        assert isinstance(window, QWidget)  # noqa: S101 - it was made so
        return window

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.WindowStateChange:  # by the system, too
            self._actions.full.setChecked(self._window().isFullScreen())
        return super().eventFilter(watched, event)

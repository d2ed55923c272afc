"""How the system wants things to look: light or dark, with how much contrast, and in which accent colour."""

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication


class SystemLooks(QObject):
    """Asks Qt, which asks the system.

    Signals: `changed` when something may be another way now.
    """

    changed = Signal()

    def __init__(self, application: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._hints = application.styleHints()
        # Qt's before 6.10 do not know of contrast.
        self._access = self._hints.accessibility() if hasattr(self._hints, "accessibility") else None
        self._hints.colorSchemeChanged.connect(self._on_changed)
        application.paletteChanged.connect(self._on_changed)
        if self._access:
            self._access.contrastPreferenceChanged.connect(self._on_changed)

    @Slot()
    def _on_changed(self) -> None:
        self.changed.emit()

    def is_dark(self) -> bool:
        """Whether grounds are to be dark."""
        return self._hints.colorScheme() is Qt.ColorScheme.Dark

    def wants_contrast(self) -> bool:
        """Whether everything is to be told as clearly as can be."""
        access = self._access
        return access is not None and access.contrastPreference() is Qt.ContrastPreference.HighContrast

    def accent(self) -> str:
        """The accent colour, as long as the application's palette has none of its own."""
        return self._application.palette().color(QPalette.ColorRole.Accent).name()

"""The QApplication, which hears which files it is to open where the system asks the running program, as macOS does."""

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication


class Application(QApplication):
    """Signals: `file_given(str)` when the system wants a file to be opened."""

    # By `event`, which gets its own events alone: a filter would be asked about all events of all widgets.
    file_given = Signal(str)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent) and event.file():
            self.file_given.emit(event.file())
            return True
        return super().event(event)

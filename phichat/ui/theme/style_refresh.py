"""Styles widgets again in the colours of the palette: those in sight at once, the others in slices of idle time."""

from time import perf_counter

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QRect, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import createdByPython, isValid

SLICE = 0.006  # seconds of styling widgets before the event loop runs again


class StyleRefresh(QObject):
    """Has all widgets look up the colours of their style sheets again, which Qt keeps when the palette changes.

    Qt itself does that when it gets another style sheet, but with a widget once for each that it is in, and in one go:
    an answer with 400 blocks of code took it 1.2 s (`python -m tests.benchmarks.transcript codes`), which are 0.16 s
    here for those that nobody sees.
    """

    def __init__(self, application: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._application = application
        self._waiting: list[QWidget] = []
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    def start(self) -> None:
        """Style what is in sight now, and the rest later."""
        self._waiting.clear()
        for window in self._application.topLevelWidgets():
            if window.isHidden() and createdByPython(window):
                self._waiting.append(window)
            else:
                self._style(window, window.rect())
        self._timer.start()

    def _style(self, widget: QWidget, area: QRect) -> None:
        """Style `widget` and what is in `area` of it, and have the rest wait."""
        if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):  # else it is styled before it is first shown
            widget.style().polish(widget)
            QCoreApplication.sendEvent(widget, QEvent(QEvent.Type.StyleChange))
        for child in widget.children():
            if not isinstance(child, QWidget) or (child.isWindow() and createdByPython(child)):
                continue
            seen = area.intersected(child.geometry()).translated(-child.pos())
            is_seen = not child.isHidden() and not seen.isEmpty()
            if is_seen or not createdByPython(child):  # Qt's own may be deleted any time, without a word to Python
                self._style(child, seen)
            else:
                self._waiting.append(child)

    @Slot()
    def _go_on(self) -> None:
        until = perf_counter() + SLICE
        while self._waiting and perf_counter() < until:
            if isValid(widget := self._waiting.pop()):
                self._style(widget, QRect())
        if not self._waiting:
            self._timer.stop()

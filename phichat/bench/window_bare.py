"""A minimal window with the same parts, which start-up is compared to."""

import sys

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QDoubleSpinBox,
    QGridLayout,
    QListWidget,
    QMainWindow,
    QSlider,
    QTextEdit,
    QWidget,
)

SETTINGS = 7


def main() -> int:
    """Show the window, and quit once it takes input."""
    application = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.setCentralWidget(QTextEdit())
    _dock(window, QListWidget(), Qt.DockWidgetArea.LeftDockWidgetArea)
    _dock(window, _panel(), Qt.DockWidgetArea.RightDockWidgetArea)
    window.resize(1180, 760)
    window.show()
    QTimer.singleShot(0, window.close)
    return application.exec()


def _dock(window: QMainWindow, widget: QWidget, area: Qt.DockWidgetArea) -> None:
    dock = QDockWidget(window)
    dock.setWidget(widget)
    window.addDockWidget(area, dock)


def _panel() -> QWidget:
    panel = QWidget()
    rows = QGridLayout(panel)
    for row in range(SETTINGS):
        rows.addWidget(QSlider(Qt.Orientation.Horizontal), row, 0)
        rows.addWidget(QDoubleSpinBox(), row, 1)
    return panel


if __name__ == "__main__":
    sys.exit(main())

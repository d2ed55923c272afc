"""Drag and drop: what comes from elsewhere is copied, never moved, since a source deletes what it moves."""

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QDropEvent


def files_in(source: QMimeData) -> list[Path]:
    """Return the local files in dropped or pasted data."""
    return [Path(file) for url in source.urls() if (file := url.toLocalFile())]


def accept_copy(event: QDropEvent) -> None:
    """Accept a drag or drop, answered with a copy or a link; ignore it if its source offers neither."""
    offered = event.possibleActions()
    for action in (Qt.DropAction.CopyAction, Qt.DropAction.LinkAction):
        if offered & action:
            event.setDropAction(action)
            event.accept()
            return
    event.setDropAction(Qt.DropAction.IgnoreAction)
    event.ignore()


def can_copy(event: QDropEvent) -> bool:
    """Return whether the source of a drag offers its data without giving it away."""
    return bool(event.possibleActions() & (Qt.DropAction.CopyAction | Qt.DropAction.LinkAction))

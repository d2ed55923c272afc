"""The window that an object belongs to."""

from typing import TypeVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

WidgetT = TypeVar("WidgetT", bound=QWidget)


def parent_window(child: QObject, kind: type[WidgetT]) -> WidgetT:
    """Return the parent of `child`, which is a `kind`.

    Asked for each time: a child that kept its window in an attribute would make a circle of references, which Python's
    collector frees at any time and in any thread, where Qt's objects may only be freed in the main one.
    """
    window = child.parent()
    assert isinstance(window, kind)  # noqa: S101 - it was made so
    return window

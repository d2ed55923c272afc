"""Announcements to screen readers."""

from PySide6.QtWidgets import QWidget


def announce(widget: QWidget, text: str) -> None:
    """Have a screen reader read out `text`, which is about `widget`."""
    from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent  # noqa: PLC0415 - its enumerations load slowly

    QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))

"""Typing where there is no text field: it is passed on to one."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QWidget

_COMMAND = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier


def is_typing(event: QKeyEvent) -> bool:
    """Return whether a key would enter text in a text field, or paste it. Space has a meaning of its own elsewhere."""
    if event.matches(QKeySequence.StandardKey.Paste):
        return True
    text = event.text()
    return bool(text.strip()) and text.isprintable() and not _is_command(event)


def is_space(event: QKeyEvent) -> bool:
    """Return whether a key would enter a space in a text field."""
    return event.text() == " " and not _is_command(event)


def _is_command(event: QKeyEvent) -> bool:
    is_alt_gr = event.modifiers() & _COMMAND and event.modifiers() & Qt.KeyboardModifier.AltModifier
    return bool(event.modifiers() & _COMMAND and not is_alt_gr)


def pass_on(event: QKeyEvent, field: QWidget) -> None:
    """Focus `field` and give it the key that was pressed elsewhere; one that it did not take itself comes back here."""
    if field.window().focusWidget() is field:
        return
    field.setFocus(Qt.FocusReason.OtherFocusReason)
    copied = QKeyEvent(event.type(), event.key(), event.modifiers(), event.text(), event.isAutoRepeat(), event.count())
    QApplication.sendEvent(field, copied)

"""How large letters are, and what grows with them."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from shiboken6 import isValid

LEAST, MOST, STEP = 80, 200, 10  # percent of the system's size
_PIXELS = "designedPixels"
_HAS_FONT = Qt.WidgetAttribute.WA_SetFont


def set_text_size(application: QApplication, percent: int, family: str) -> None:
    """Have all letters in `family`, empty for the system's, and of `percent` of its size, whoever shows them."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPointSizeF(font.pointSizeF() * percent / 100)
    if family:
        font.setFamilies([family, *font.families()])
    ratio = font.pointSizeF() / application.font().pointSizeF()
    widgets = _living(application)
    own = [(widget, widget.font().pointSizeF()) for widget in widgets if widget.testAttribute(_HAS_FONT)]
    application.setFont(font)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.ApplicationFontChange.value)  # so that it is done now
    for widget, size in own:
        if isValid(widget) and widget.font().pointSizeF() == size:  # what only has another weight has followed
            larger = QFont(widget.font())
            larger.setPointSizeF(size * ratio)
            widget.setFont(larger)
    for widget in widgets:
        if isValid(widget):
            _apply(widget)


def text_scale() -> float:
    """How much larger letters are than the system has them."""
    usual = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    return QApplication.font().pointSizeF() / usual.pointSizeF()


def scaled(pixels: int) -> int:
    """So many pixels, or as many more as letters are larger."""
    return round(pixels * text_scale())


def fixed_font() -> QFont:
    """Letters of one width, for code."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(font.pointSizeF() * text_scale())
    return font


def set_icon_size(button: QAbstractButton, icon: int, width: int = 0, height: int = 0) -> None:
    """Have an icon of so many pixels and, where given, a button of that size: more where letters are larger."""
    _design(button, icon=icon, width=width, height=height)


def set_fixed_size(widget: QWidget, width: int, height: int = 0) -> None:
    """Have `widget` so wide and, where given, so high; larger where letters are."""
    _design(widget, width=width, height=height)


def set_max_width(widget: QWidget, width: int) -> None:
    """Have `widget` no wider than that; wider where letters are larger."""
    _design(widget, most=width)


def set_min_width(widget: QWidget, width: int) -> None:
    """Have `widget` no narrower than that; nor than more where letters are larger."""
    _design(widget, least=width)


def _design(widget: QWidget, **pixels: int) -> None:
    widget.setProperty(_PIXELS, pixels)
    _apply(widget)


def _apply(widget: QWidget) -> None:
    pixels: dict[str, Any] | None = widget.property(_PIXELS)
    for name, value in (pixels or {}).items():
        if value:
            _SETTERS[name](widget, scaled(int(value)))


def _set_icon(widget: Any, pixels: int) -> None:
    widget.setIconSize(QSize(pixels, pixels))


_SETTERS: dict[str, Callable[[Any, int], None]] = {
    "icon": _set_icon,
    "width": QWidget.setFixedWidth,
    "height": QWidget.setFixedHeight,
    "most": QWidget.setMaximumWidth,
    "least": QWidget.setMinimumWidth,
}


def _living(application: QApplication) -> list[QWidget]:
    """All widgets in windows that are there; those of a closed one may go at any moment."""
    windows = [widget for widget in application.topLevelWidgets() if isValid(widget) and not widget.isHidden()]
    return [widget for window in windows for widget in (window, *window.findChildren(QWidget))]

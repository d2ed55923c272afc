"""The text size, and sizes in pixels that scale with it."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QAbstractButton, QApplication, QPlainTextEdit, QTextEdit, QWidget
from shiboken6 import isValid

LEAST, MOST, STEP = 80, 200, 10  # percent of the desktop's text size
TAB = 4  # columns
FRAME = QSize(20, 60)  # pixels that a window's frame and title may take
_PIXELS = "designedPixels"
_KEPT_FONT = "_q_styleSheetWidgetFont"  # the font that Qt brings back with the next style sheet of the application
_HAS_FONT = Qt.WidgetAttribute.WA_SetFont


def set_text_size(application: QApplication, percent: int, family: str) -> None:
    """Set the font of all widgets: `percent` of the desktop's size, in `family` or, if empty, in the desktop's.

    The application's style sheet is gone then: its sizes depend on that of the text, too.
    """
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPointSizeF(font.pointSizeF() * percent / 100)
    if family:
        font.setFamilies([family, *font.families()])
    application.setStyleSheet("")  # with one, widgets would not follow the application's font
    ratio = font.pointSizeF() / application.font().pointSizeF()
    widgets = _shown_widgets(application)
    own = [(widget, widget.font().pointSizeF()) for widget in widgets if widget.testAttribute(_HAS_FONT)]
    application.setFont(font)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.ApplicationFontChange.value)  # now, not later
    for widget, size in own:
        if isValid(widget) and widget.font().pointSizeF() == size:  # a font that differs in weight alone has followed
            larger = QFont(widget.font())
            larger.setPointSizeF(size * ratio)
            widget.setFont(larger)
        if isValid(widget):
            widget.setProperty(_KEPT_FONT, None)
    for widget in widgets:
        if isValid(widget):
            _apply(widget)


def text_scale() -> float:
    """Return the ratio of the text size to the desktop's."""
    usual = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    return QApplication.font().pointSizeF() / usual.pointSizeF()


def scaled(pixels: int) -> int:
    """Return `pixels`, a size at the desktop's text size, at the present one."""
    return round(pixels * text_scale())


def resize_window(window: QWidget, width: int, height: int) -> None:
    """Resize `window` to pixels that scale with the text size, as far as there is room on the screen."""
    room = window.screen().availableSize() - FRAME
    window.resize(QSize(scaled(width), scaled(height)).boundedTo(room))


def set_tab_width(field: QTextEdit | QPlainTextEdit) -> None:
    """Let a tab take TAB columns in the font of `field`, instead of 80 pixels."""
    field.setTabStopDistance(TAB * field.fontMetrics().horizontalAdvance(" "))


def fixed_font() -> QFont:
    """Return the desktop's monospaced font at the present text size."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(font.pointSizeF() * text_scale())
    return font


def set_icon_size(button: QAbstractButton, icon: int, width: int = 0, height: int = 0) -> None:
    """Set the icon size of `button` and, unless 0, its own size, in pixels that scale with the text size."""
    _scale(button, icon=icon, width=width, height=height)


def set_fixed_size(widget: QWidget, width: int, height: int = 0) -> None:
    """Fix the width and height of `widget`, unless 0, in pixels that scale with the text size."""
    _scale(widget, width=width, height=height)


def set_max_width(widget: QWidget, width: int) -> None:
    """Limit the width of `widget`, in pixels that scale with the text size."""
    _scale(widget, most=width)


def set_min_width(widget: QWidget, width: int) -> None:
    """Set the minimum width of `widget`, in pixels that grow with the text size.

    They don't shrink with it, as neither do the margins of buttons and rows.
    """
    _scale(widget, least=width)


def set_min_height(widget: QWidget, height: int) -> None:
    """Set the minimum height of `widget`, in pixels that scale with the text size."""
    _scale(widget, lowest=height)


def _scale(widget: QWidget, **pixels: int) -> None:
    widget.setProperty(_PIXELS, pixels)
    _apply(widget)


def _apply(widget: QWidget) -> None:
    pixels: dict[str, Any] | None = widget.property(_PIXELS)
    scale = text_scale() if pixels else 1.0
    for name, value in (pixels or {}).items():
        if value:
            _SETTERS[name](widget, max(round(value * scale), int(value) if name == "least" else 0))


def _set_icon(widget: Any, pixels: int) -> None:
    widget.setIconSize(QSize(pixels, pixels))


_SETTERS: dict[str, Callable[[Any, int], None]] = {
    "icon": _set_icon,
    "width": QWidget.setFixedWidth,
    "height": QWidget.setFixedHeight,
    "most": QWidget.setMaximumWidth,
    "least": QWidget.setMinimumWidth,
    "lowest": QWidget.setMinimumHeight,
}


def _shown_widgets(application: QApplication) -> list[QWidget]:
    """Return all widgets of windows that are shown: those of a closed one may be deleted at any moment."""
    windows = [widget for widget in application.topLevelWidgets() if isValid(widget) and not widget.isHidden()]
    return [widget for window in windows for widget in (window, *window.findChildren(QWidget))]

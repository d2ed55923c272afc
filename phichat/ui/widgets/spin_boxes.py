"""Spin boxes: a number beyond a limit can be typed, and becomes the limit; and it can be typed as anywhere.

Qt's own swallow the digit that would exceed the maximum: of 10000, where 8192 is the most, 1000 would stay. After a
sign that groups digits in another language, they take no digit at all. The mouse wheel changes only one with the focus.
"""

import re
from typing import Any

from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

INSET = 6  # pixels
LONGEST = 20  # characters of a number
_GROUPING = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'’"


class SpinBox(QSpinBox):
    """A spin box for whole numbers, its text off its frame, as Qt ignores the left padding of a style sheet there."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.lineEdit().setTextMargins(INSET, 0, 0, 0)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what is beyond a limit until it is entered."""
        text, position = _ungrouped(self, text, position, _GROUPING + ".,")
        return super().validate(text, position) if _in_range(self, text) else _unfinished(text, position)

    def fixup(self, text: str) -> str:
        """Return the nearest number in the range."""
        number = _number(self, text)
        return text if number is None else self.textFromValue(int(_limit(self, number)))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class DoubleSpinBox(QDoubleSpinBox):
    """The same for numbers with decimals, or too large for a QSpinBox.

    Decimals begin with a comma or a point in every language: keyboards have one, numeric pads the other.
    """

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.lineEdit().setTextMargins(INSET, 0, 0, 0)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what is beyond a limit until it is entered."""
        if self.decimals():
            text = re.sub("[.,]", self.locale().decimalPoint(), text)
        text, position = _ungrouped(self, text, position, _GROUPING if self.decimals() else _GROUPING + ".,")
        return super().validate(text, position) if _in_range(self, text) else _unfinished(text, position)

    def fixup(self, text: str) -> str:
        """Return the nearest number in the range."""
        number = _number(self, text)
        return text if number is None else self.textFromValue(_limit(self, number))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _ungrouped(field: QSpinBox | QDoubleSpinBox, text: str, position: int, signs: str) -> tuple[str, int]:
    """Return `text` without `signs` behind digits, and the position in it, but for the sign of the field's language."""
    number = text.removesuffix(field.suffix())
    signs = signs.replace(field.locale().groupSeparator(), "")
    if not any(sign in number for sign in signs):
        return text, position
    others = re.escape(signs)
    pattern = re.compile(rf"(?<=\d)[{others}](?=\d|$)")
    before = len(pattern.findall(number, 0, min(position, len(number))))
    return pattern.sub("", number) + text[len(number) :], position - before


def _unfinished(text: str, position: int) -> tuple[QValidator.State, str, int]:
    return QValidator.State.Intermediate, text, position


def _in_range(field: QSpinBox | QDoubleSpinBox, text: str) -> bool:
    number = _number(field, text)
    return number is None or number == _limit(field, number)


def _limit(field: QSpinBox | QDoubleSpinBox, number: float) -> float:
    return min(max(number, field.minimum()), field.maximum())


def _number(field: QSpinBox | QDoubleSpinBox, text: str) -> float | None:
    """Return the number that `text` of the field stands for; None if it is none."""
    digits = text.removeprefix(field.prefix()).removesuffix(field.suffix())
    digits = digits.replace(field.locale().groupSeparator(), "").strip()
    number, is_number = field.locale().toDouble(digits)
    return number if is_number and len(digits) <= LONGEST else None

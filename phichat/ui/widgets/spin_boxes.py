"""Spin boxes: a number beyond a limit can be typed, and becomes the limit.

Qt's own swallow the digit that would exceed the maximum: of 10000, where 8192 is the most, 1000 would stay.
"""

import re
from typing import Any

from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

INSET = 6  # pixels
LONGEST = 20  # characters of a number


class SpinBox(QSpinBox):
    """A spin box for whole numbers, its text off its frame, as Qt ignores the left padding of a style sheet there."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.lineEdit().setTextMargins(INSET, 0, 0, 0)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept what is beyond a limit until it is entered."""
        return super().validate(text, position) if _in_range(self, text) else _unfinished(text, position)

    def fixup(self, text: str) -> str:
        """Return the nearest number in the range."""
        number = _number(self, text)
        return text if number is None else self.textFromValue(int(_limit(self, number)))


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
        return super().validate(text, position) if _in_range(self, text) else _unfinished(text, position)

    def fixup(self, text: str) -> str:
        """Return the nearest number in the range."""
        number = _number(self, text)
        return text if number is None else self.textFromValue(_limit(self, number))


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

"""A number that is too large or too small for its field becomes the limit, and none of its digits is lost."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.ui.conftest import Person


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("contextSpin", "500000", 131_072),
        ("contextSpin", "10", 256),
        ("maxTokensSpin", "99999", 4096),
        ("temperatureSpin", "77", 2.0),
        ("seedSpin", "99999999999", 4_294_967_294),
        ("topKSpin", "12", 12),
    ],
)
def test_what_is_typed_goes_to_the_limit(person: Person, name: str, typed: str, value: float) -> None:
    field = person.find(name)
    person.find("randomSeedCheck").setChecked(False)
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, typed)
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert field.value() == value

"""Every field of the settings has a label beside it that can be seen, and writes numbers alike."""

from PySide6.QtWidgets import QAbstractSpinBox, QLabel, QSpinBox

from tests.ui.conftest import Person


def test_the_fields_of_this_computer_have_labels(person: Person) -> None:
    panel = person.find("settingsPanel")
    for name in ("statesSpin", "restSpin"):
        field = person.find(name)
        labels = [label for label in panel.findChildren(QLabel) if label.buddy() is field]
        assert [label.text() for label in labels] == [field.accessibleName()]
        assert labels[0].isVisibleTo(panel)


def test_thousands_are_written_as_elsewhere_in_the_window(person: Person) -> None:
    context = person.find("contextSpin", QSpinBox)
    context.setValue(4096)
    assert context.text().startswith("4,096"), "as in the status bar"
    limit = person.find("maxTokensSpin", QAbstractSpinBox)
    limit.setValue(4096)
    assert limit.text() == "4,096"

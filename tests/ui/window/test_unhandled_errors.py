"""Errors that nothing caught are told, wherever they were raised."""

import sys
import threading

import pytest
from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QApplication, QPushButton

from phichat.app.notices import UnhandledErrors
from tests.ui.conftest import Person


class FaultyButton(QPushButton):
    """A button whose slots raise."""

    def __init__(self) -> None:
        super().__init__()
        self.clicked.connect(self.fail)

    @Slot()
    def fail(self) -> None:
        raise KeyError("the zebra")

    @Slot()
    def fail_otherwise(self) -> None:
        raise KeyError("the walrus")


@pytest.fixture(autouse=True)
def logged(person: Person, monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What is logged, while errors are told in the window."""
    kinds: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: kinds.append(kind))
    monkeypatch.setattr(threading, "excepthook", lambda args: kinds.append(args.exc_type))
    UnhandledErrors(person.window)
    return kinds


def is_told(person: Person) -> bool:
    return "Something went wrong" in person.status()


def test_an_error_in_a_slot_is_told_once_with_a_way_to_the_log(
    person: Person, logged: list[type[BaseException]]
) -> None:
    button = FaultyButton()
    button.click()
    person.wait(lambda: is_told(person))
    person.click("statusMessageLog")
    person.wait(lambda: person.window.findChild(QPushButton, "copyLogButton"))
    person.click("copyLogButton")
    assert QApplication.clipboard().text() == person.find("logText").toPlainText()
    person.find("logsDialog").close()
    person.click("statusMessageDismiss")
    button.click()
    QApplication.processEvents()
    assert not is_told(person)
    assert logged == [KeyError, KeyError]
    QTimer.singleShot(0, button, button.fail_otherwise)
    person.wait(lambda: is_told(person))


def test_an_error_in_a_thread_is_told(person: Person, logged: list[type[BaseException]]) -> None:
    def fail() -> None:
        raise ValueError

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    person.wait(lambda: is_told(person))
    assert logged == [ValueError]


def test_after_the_window_is_closed_errors_are_only_logged(person: Person, logged: list[type[BaseException]]) -> None:
    person.window.close()
    hook = sys.excepthook
    hook(ValueError, ValueError(), None)
    assert logged == [ValueError]
    assert hook.__name__ == "<lambda>"

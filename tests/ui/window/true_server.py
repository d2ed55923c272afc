"""A conversation in the window with a true server, whose answers nobody knows."""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QWidget

from phichat.chat.conversation import Ending
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.lens.lens_text import LensText
from tests.ui.conftest import Person

QUESTION = "Write a long story about a whale in the sea, with ten chapters."


def added(person: Person, address: str) -> str:
    """Add it by its address, and test it; what is said."""
    person.window.commands.preferences.trigger()
    person.find("preferencesTabs").setCurrentWidget(person.find("serversPage"))
    person.find("serverAddressField").setText(address)
    person.find("serverNameField").setText("gaming")
    person.click("serverAdd")
    person.wait(lambda: person.find("serverCancel").isHidden() and person.find("serversStatus").text())
    said = str(person.find("serversStatus").text())
    person.click("serverTest")
    person.wait(lambda: "is working" in person.find("serversStatus").text())
    said += f" {person.find('serversStatus').text()}"
    person.find("preferencesDialog").close()
    return said


def choose(person: Person, model: str) -> None:
    menu = person.find("modelButton").menu()
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == model).trigger()
    person.wait(lambda: (loaded := person.window.generation.loaded) and loaded.model.title == model)
    person.wait_for(GenerationState.IDLE)


def context(person: Person) -> int:
    loaded = person.window.generation.loaded
    return loaded.context if loaded else 0


def agree(person: Person) -> None:
    person.wait(lambda: person.window.findChild(QMessageBox, "consentQuestion"))
    button = person.find("consentQuestion", QMessageBox).findChild(QWidget, "agreeButton")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    person.wait(lambda: not person.window.findChild(QMessageBox, "consentQuestion"))


class TrueServer:
    """A conversation with a true server, whose answers nobody knows."""

    def __init__(self, person: Person, address: str) -> None:
        self.person, self.added = person, added(person, address)
        menu = person.find("modelButton").menu()
        menu.aboutToShow.emit()
        texts = [action.text() for action in menu.actions()]
        choose(person, texts[texts.index("gaming") + 1])

    def answer(self) -> str:
        return self.person.window.session.conversation.path()[-1].text

    def begun(self, question: str = QUESTION) -> None:
        """Ask, and wait for the beginning of the answer."""
        count = len(self.person.window.session.conversation.path())
        self.person.ask(question)
        self.person.wait(lambda: len(self.person.window.session.conversation.path()) == count + 2 and self.answer())

    def idle(self) -> None:
        self.person.wait_for(GenerationState.IDLE)

    def ending(self) -> Ending | None:
        """Why the last answer ended."""
        reply = self.person.window.session.conversation.path()[-1].reply
        return reply.ending if reply else None

    def continue_button(self) -> QWidget:
        buttons = self.person.window.findChildren(QWidget, "continueButton")
        return next(each for each in buttons if each.isVisible())

    def show_probabilities(self) -> None:
        person = self.person
        person.window.commands.lens.setChecked(True)
        person.find("maxTokensSpin").setValue(12)
        person.ask("Name three colors of the sea.")
        agree(person)
        person.wait(lambda: person.window.findChild(QWidget, "message-1") and self.answer())
        self.idle()
        assert person.find("lensSummary").isVisible()
        text = person.find("message-1").findChild(LensText)
        text.point_at(QPointF(text.word_rect(0).center()))
        assert person.find("lensCandidates").model().rowCount() > 1
        person.window.commands.lens.setChecked(False)

    def stop_and_continue(self) -> None:
        self.person.find("maxTokensSpin").setValue(min(context(self.person) // 4, 400))  # it has to fit twice
        self.begun()
        self.person.click("stopButton")
        self.idle()
        if self.ending() is not Ending.STOP:
            self.write_on()

    def write_on(self) -> None:
        """Continue the last answer, and stop it again."""
        came = self.answer()
        QTest.mouseClick(self.continue_button(), Qt.MouseButton.LeftButton)
        self.person.wait(lambda: len(self.answer()) > len(came))
        assert self.answer().startswith(came)
        self.person.click("stopButton")
        self.idle()

    def ask_for_three(self) -> None:
        self.person.find("maxTokensSpin").setValue(12)
        self.begun()
        self.idle()
        conversation = self.person.window.session.conversation
        number = len(conversation.path()) - 1
        self.person.choose_in(number, "Generate answers side by side", "Generate three answers")
        self.person.wait(lambda: self.person.window.findChild(QWidget, "answer-3"))
        self.idle()
        versions = conversation.siblings(conversation.path()[-1])
        assert len(versions) == 4
        assert all(each.text for each in versions)

"""What a model thinks, in the window: a quiet line above the answer, folded, and a button that ends it."""

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPlainTextEdit, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending
from phichat.chat.sampling import UNLIMITED, Sampling
from phichat.ui.a11y import screen_reader
from phichat.ui.help.shortcuts_dialog import groups
from phichat.ui.settings.panel import SettingsPanel
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.copying import message_data
from tests.support.fakes import ScriptedEngine, thought
from tests.ui.conftest import Person

THOUGHT = "Let me see. The ice is slippery."


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def line(person: Person, number: int = 1) -> QPushButton:
    button = person.find(f"thinking-{number}").findChild(QPushButton)
    assert isinstance(button, QPushButton)
    return button


def field(person: Person, number: int = 1) -> QPlainTextEdit | None:
    found = person.find(f"thinking-{number}").findChild(QPlainTextEdit)
    return found if isinstance(found, QPlainTextEdit) and not found.isHidden() else None


def wait_for_answer(person: Person, text: str) -> None:
    person.qtbot.waitUntil(lambda: person.window.findChild(QWidget, "message-1") is not None)
    person.qtbot.waitUntil(lambda: person.message(1) == text and not person.find("sendButton").isHidden())


def ask(person: Person, engine: ScriptedEngine, *lines: object) -> None:
    engine.enqueue(*lines)  # type: ignore[arg-type]
    person.ask("Why?")


def _stored_seed(person: Person) -> int | None:
    history = person.window.conversations.history()
    reply = history.load_conversation(person.window.session.conversation.id).messages[-1].reply
    assert reply
    return reply.seed


def test_thinking_shows_while_it_goes_on_and_folds(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    ask(person, engine, thought("Let me see."), thought(" The ice"), gate, thought(" is slippery."), "Because.")
    person.qtbot.waitUntil(lambda: person.window.findChild(QWidget, "thinking-1") is not None)
    person.qtbot.waitUntil(lambda: line(person).text() == "Thinking… 0 s, 2 tokens")
    assert person.find("thinking-1").property("source") == "Let me see. The ice"
    assert person.message(1) == ""
    assert line(person).accessibleName() == "Thinking…"
    assert field(person) is None
    gate.set()
    wait_for_answer(person, "Because.")
    assert line(person).text() == line(person).accessibleName() == "Thought for 1 s"
    assert person.find("thinking-1").property("source") == THOUGHT


def test_a_reply_without_thinking_has_no_line(person: Person, engine: ScriptedEngine) -> None:
    ask(person, engine, "Because.")
    wait_for_answer(person, "Because.")
    assert person.window.findChild(QWidget, "thinking-1") is None
    assert person.find("answerNowButton").isHidden()


def test_it_opens_and_folds_by_click_and_by_keys_is_left_out_of_copies_and_kept(
    person: Person, engine: ScriptedEngine
) -> None:
    ask(person, engine, thought(THOUGHT), "Because.")
    wait_for_answer(person, "Because.")
    person.find("message-1").take_focus()
    QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Backtab)
    assert person.window.focusWidget() is line(person)
    QTest.mouseClick(line(person), Qt.MouseButton.LeftButton)
    opened = field(person)
    assert opened is not None
    assert (opened.toPlainText(), opened.accessibleName()) == (THOUGHT, "The model’s thinking")
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        before = field(person) is not None
        line(person).setFocus()
        QTest.keyClick(line(person), key)
        assert (field(person) is not None) is not before
    data: QMimeData = message_data(person.window.session.conversation.path()[1])
    assert data.text() == "Because."
    assert "slippery" not in data.html()
    assert person.window.conversations.autosave.last is not None
    person.window.conversations.autosave.last.result()
    stored = person.window.conversations.history().load_conversation(person.window.session.conversation.id)
    reply = stored.messages[1].reply
    assert reply is not None
    assert (reply.ending, reply.thinking, reply.thinking_tokens) == (Ending.STOP, THOUGHT, 1)
    assert stored.summary.title == "Why?"


def test_open_thinking_grows(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    ask(person, engine, thought("One"), gate, thought(" two"), thought("\nthree"), "Because.")
    person.qtbot.waitUntil(lambda: person.window.findChild(QWidget, "thinking-1") is not None)
    line(person).click()
    gate.set()
    wait_for_answer(person, "Because.")
    opened = field(person)
    assert opened is not None
    assert opened.toPlainText() == "One two\nthree"


def test_long_thinking_is_bounded(person: Person, engine: ScriptedEngine) -> None:
    ask(person, engine, thought("word " * 20_000 + "end"), "Because.")
    wait_for_answer(person, "Because.")
    line(person).click()
    opened = field(person)
    assert opened is not None
    person.qtbot.waitUntil(lambda: opened.toPlainText().endswith("end"))
    assert opened.height() < 400


def test_answer_now(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    ask(person, engine, thought("Hm"), gate, "Because.")
    person.qtbot.waitUntil(lambda: not person.find("answerNowButton").isHidden())
    stop = person.window.generation._reply  # the engine sees it, in its process
    assert stop is not None
    person.click("answerNowButton")
    assert stop.is_hurried()
    assert not stop.is_set()
    assert person.find("answerNowButton").isHidden()
    person.wait(lambda: _stored_seed(person) is None)  # before a crash
    gate.set()
    wait_for_answer(person, "Because.")
    reply = person.window.session.conversation.path()[-1].reply
    assert reply
    assert reply.seed is None, "none ends the thinking there"


def test_answer_now_has_keys_and_an_entry_in_the_menu(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    action = person.window.commands.answer_now
    assert not action.isEnabled()
    ask(person, engine, thought("Hm"), gate, "Because.")
    person.qtbot.waitUntil(action.isEnabled)
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    assert person.find("answerNowButton").toolTip() == f"Stop thinking and answer now ({keys})"
    listed = dict(rows_of_shortcuts(person))
    assert (listed["Answer now"], listed["Stop generating"]) == (keys, "Esc")
    stop = person.window.generation._reply
    assert stop is not None
    person.type("meanwhile")
    person.press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert (stop.is_hurried(), stop.is_set()) == (True, False)
    assert not action.isEnabled()
    assert person.written() == "meanwhile"
    gate.set()
    person.qtbot.waitUntil(lambda: person.message(1) == "Because.")


def rows_of_shortcuts(person: Person) -> list[tuple[str, str]]:
    return next(rows for heading, rows in groups(person.window.menuBar()) if heading == "Conversation")


def test_a_thought_that_was_stopped_can_go_on(person: Person, engine: ScriptedEngine, gate: threading.Event) -> None:
    ask(person, engine, thought("Hm", 7), gate)
    person.qtbot.waitUntil(lambda: not person.find("answerNowButton").isHidden())
    person.click("stopButton")
    person.qtbot.waitUntil(lambda: person.window.findChild(QWidget, "continueButton") is not None)
    engine.enqueue(thought("m"), "Because.")
    person.click("continueButton")
    wait_for_answer(person, "Because.")
    assert person.find("thinking-1").property("source") == "Hmm"
    begun = engine.requests[1].begun
    assert begun is not None
    assert (begun.text, begun.thinking, begun.tokens) == ("", "Hm", (7,))


def test_find_looks_into_it_only_while_it_is_open(person: Person, engine: ScriptedEngine) -> None:
    ask(person, engine, thought(THOUGHT), "It is slippery.")
    wait_for_answer(person, "It is slippery.")
    QTest.keyClick(person.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    person.find("findField").setText("slippery")
    person.qtbot.waitUntil(lambda: person.find("findCount").text() == "1 of 1")
    line(person).click()
    person.qtbot.waitUntil(lambda: person.find("findCount").text().endswith("of 2"))
    QTest.keyClick(person.find("findField"), Qt.Key.Key_Return)
    line(person).click()
    person.qtbot.waitUntil(lambda: person.find("findCount").text().endswith("of 1"))


def test_find_looks_into_open_thinking_as_it_grows(
    person: Person, engine: ScriptedEngine, gate: threading.Event
) -> None:
    ask(person, engine, thought("Snow is slippery."), gate, thought(" Ice is slippery."), "So it is.")
    person.qtbot.waitUntil(lambda: person.window.findChild(QWidget, "thinking-1") is not None)
    line(person).click()
    QTest.keyClick(person.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    person.find("findField").setText("slippery")
    person.qtbot.waitUntil(lambda: person.find("findCount").text() == "1 of 1")
    gate.set()
    person.qtbot.waitUntil(lambda: person.find("findCount").text() == "1 of 2")


def test_screen_readers_are_told_that_the_model_thinks_but_not_what(
    person: Person, engine: ScriptedEngine, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(screen_reader, "is_screen_reader_active", lambda: True)
    monkeypatch.setattr(screen_reader, "announce", lambda _, text: heard.append(text))
    monkeypatch.setattr(screen_reader, "PAUSE", 0)
    ask(person, engine, thought("Let me see."), thought(" The ice is slippery. "), gate, "Because.")
    person.qtbot.waitUntil(lambda: not person.find("answerNowButton").isHidden())
    gate.set()
    wait_for_answer(person, "Because.")
    person.qtbot.waitUntil(lambda: "End of the answer" in "\n".join(heard))
    assert "Thinking…" in "\n".join(heard)
    assert "ice" not in "\n".join(heard)


class TestSettings:
    @pytest.fixture
    def panel(self, qapp: QApplication, qtbot: QtBot) -> SettingsPanel:
        panel = SettingsPanel(Theme(qapp))
        qtbot.addWidget(panel)
        panel.show_content()
        panel.show()
        return panel

    @staticmethod
    def controls(panel: SettingsPanel) -> tuple[QComboBox, QSpinBox]:
        combo, spin = panel.findChild(QComboBox, "thinkingCombo"), panel.findChild(QSpinBox, "thinkingSpin")
        assert isinstance(combo, QComboBox)
        assert isinstance(spin, QSpinBox)
        return combo, spin

    def test_only_for_models_that_can_think(self, panel: SettingsPanel) -> None:
        combo, _ = self.controls(panel)
        assert not combo.isVisible()
        panel.show_thinking("off")
        assert (combo.isVisible(), combo.currentText()) == (True, "Off")
        panel.show_thinking("on")
        assert combo.currentText() == "On"
        panel.show_thinking("")
        assert not combo.isVisible()

    def test_it_is_set_and_limited(self, panel: SettingsPanel) -> None:
        combo, spin = self.controls(panel)
        panel.show_thinking("on")
        chosen: list[Sampling] = []
        panel.sampling_changed.connect(chosen.append)
        assert not spin.isVisible()
        for index in (2, 1, 0):
            combo.setCurrentIndex(index)
            combo.activated.emit(index)
        assert [sampling.thinking for sampling in chosen] == [0, 500, UNLIMITED]

    def test_a_preset_that_says_nothing_about_it_changes_nothing(self, panel: SettingsPanel) -> None:
        panel.show_thinking("on")
        panel.show_sampling(Sampling(thinking=700))
        assert [control.isVisible() for control in self.controls(panel)] == [True, True]
        assert self.controls(panel)[1].value() == 700
        panel._on_preset(Sampling(temperature=1))
        assert panel.sampling.thinking == 700

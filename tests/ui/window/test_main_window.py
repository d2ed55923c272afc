"""What a person sees and does in the window."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from phichat import i18n
from phichat.chat.conversation import Ending, Role, Turn
from phichat.chat.sampling import PRESETS, SETTINGS, Sampling, Setting
from phichat.engine.base import Done, Loading, ModelRef, Notice, PromptFit
from phichat.errors import EngineDied, ModelDamaged, StoreError
from phichat.models.catalogue import PHI_3
from phichat.models.library import Library
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

NAMES = """
mainWindow transcript composer sendButton stopButton conversationList newConversationButton searchField
settingsPanel systemPrompt presetCombo temperatureSlider topKSlider topPSlider minPSlider repeatPenaltySlider
repeatLastNSlider maxTokensSlider temperatureSpin topKSpin topPSpin minPSpin repeatPenaltySpin repeatLastNSpin
maxTokensSpin seedSpin randomSeedCheck contextSpin resetButton modelButton statusSpeed statusContext
statusMessage
""".split()  # noqa: SIM905 - a table


def test_everything_can_be_found_and_has_a_name_for_screen_readers(person: Person) -> None:
    for name in NAMES:
        found = person.window if name == "mainWindow" else person.find(name)
        assert found.accessibleName() or found.windowTitle() or found.property("text"), name


def test_a_question_is_answered_as_the_words_come(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue("Puck ", "slides", gate, " home.")
    person.ask("Write a haiku")
    person.wait(lambda: person.message(1) == "Puck slides")
    assert person.message(0) == "Write a haiku"
    assert person.window.generation.state is GenerationState.WRITING
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "Puck slides home."


def test_a_question_is_sent_by_key_and_by_mouse_unless_it_is_blank(person: Person, engine: ScriptedEngine) -> None:
    person.ask("   ")
    person.click("sendButton")
    assert not engine.requests
    person.find("composer").clear()
    person.type("one")
    person.press(Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    person.ask("two")
    person.wait_for(GenerationState.IDLE)
    assert engine.requests[0].turns == (Turn(Role.USER, "one\ntwo"),)
    person.click("newConversationButton")
    person.type("Hello")
    person.click("sendButton")
    person.wait(lambda: person.message(1) == "Hello")
    assert person.written() == ""


def test_stop_keeps_what_was_written_and_the_next_question_works(person: Person, engine: ScriptedEngine) -> None:
    for how in ("Escape", "button"):
        person.click("newConversationButton")
        _stop(person, engine, how)


def _stop(person: Person, engine: ScriptedEngine, how: str) -> None:
    engine.enqueue("Half", threading.Event(), " a thought")
    person.ask("Think")
    person.wait(lambda: person.message(1) == "Half")
    if how == "Escape":
        person.press(Qt.Key.Key_Escape)
    else:
        person.click("stopButton")
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == "Half"
    reply = person.window.session.conversation.path()[-1].reply
    assert reply is not None
    assert reply.ending is Ending.CANCELLED
    person.ask("Again")
    person.wait(lambda: person.message(3) == "Again")
    person.wait_for(GenerationState.IDLE)
    assert [turn.text for turn in engine.requests[-1].turns] == ["Think", "Half", "Again"]


def test_one_can_write_and_send_while_the_model_loads(
    open_window: Callable[[], Person], engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.enqueue_load(gate)
    person = open_window()
    person.wait_for(GenerationState.LOADING)
    person.ask("Early")
    assert person.message(0) == "Early"
    gate.set()
    person.wait(lambda: person.message(1) == "Early")


def test_a_question_that_waits_for_the_model_can_be_taken_back(
    open_window: Callable[[], Person], engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.enqueue_load(gate)
    person = open_window()
    person.wait_for(GenerationState.LOADING)
    person.ask("Early")
    person.press(Qt.Key.Key_Escape)
    assert not person.window.generation.is_answering()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.message(1) == ""


def test_the_next_question_can_be_written_while_the_answer_comes(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue(gate, "First.")
    person.ask("One")
    person.ask("Two")
    assert person.written() == "Two"
    gate.set()
    person.wait_for(GenerationState.IDLE)
    person.press(Qt.Key.Key_Return)
    person.wait(lambda: person.message(3) == "Two")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    gate = threading.Event()
    engine.enqueue("One ", gate, "two")
    person.ask("Count")
    person.wait(lambda: person.message(1) == "One ")
    person.type("next question")
    assert person.written() == "next question"
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.written() == "next question"


def test_errors_and_notices_are_shown_as_plain_text_and_the_conversation_goes_on(
    person: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue("Half", EngineDied("It ended. Ask again."))
    person.ask("One")
    person.wait_for(GenerationState.IDLE)
    assert person.status() == "It ended. Ask again."
    assert person.message(1) == "Half"
    person.ask("Two")
    person.wait(lambda: person.message(3) == "Two")
    person.wait_for(GenerationState.IDLE)
    engine.enqueue(Notice("Started again."))
    person.ask("Hello")
    person.wait(lambda: person.status() == "Started again.")
    person.wait_for(GenerationState.IDLE)
    engine.enqueue(Notice("<b>bold</b> is damaged."))
    person.ask("Hello")
    person.wait(lambda: "bold" in person.status())
    label = person.find("statusMessage")
    assert label.textFormat() is Qt.TextFormat.PlainText
    assert label.accessibleDescription() == "<b>bold</b> is damaged."


def test_a_model_that_does_not_load_is_said_and_nothing_written_is_lost(
    open_window: Callable[[], Person], engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.enqueue_load(gate, ModelDamaged("It is damaged."))
    person = open_window()
    person.wait_for(GenerationState.LOADING)
    person.ask("Early")
    person.type("draft")
    gate.set()
    person.wait_for(GenerationState.EMPTY)
    assert person.status() == "It is damaged."
    assert person.message(0) == "Early"
    person.press(Qt.Key.Key_Return)
    assert person.written() == "draft"


def test_speed_context_and_seed_are_shown_as_far_as_they_were_counted(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Yes.", Done(Ending.STOP, 77, 30, 0, 10, 0.25, 0.2, 2.0, 5.0))
    person.ask("Ready?")
    person.wait_for(GenerationState.IDLE)
    assert person.find("statusSpeed").property("text") == "5.0 tokens/s, first token after 0.2 s"
    assert person.find("statusContext").property("text") == "Context: 40 of 4,096 (0%)"
    assert engine.requests[0].sampling.seed is not None
    assert f"seed {engine.requests[0].sampling.seed}" in _all_text(person.find("message-1"))
    person.click("newConversationButton")
    engine.enqueue("Half", Done(Ending.CANCELLED, 77))  # which is all that is known after Stop, while the engine hangs
    engine.fits = lambda _: PromptFit(1150, 0, 4096)
    person.ask("Ready?")
    person.wait_for(GenerationState.IDLE)
    assert person.find("statusContext").property("text") == "Context: 1,151 of 4,096 (28%)"
    person.click("newConversationButton")
    engine.fits = lambda _: PromptFit(0, 0, 4096)
    engine.enqueue(Done(Ending.CANCELLED, 77))
    person.ask("Ready?")
    person.wait_for(GenerationState.IDLE)
    assert not person.find("statusContext").property("text")


def test_html_stays_text_lines_of_a_poem_stay_lines_and_code_is_whole(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("A <b>bold</b> <script>alert(1)</script> *word*")
    person.ask("Say it")
    person.wait_for(GenerationState.IDLE)
    assert "A <b>bold</b> <script>alert(1)</script> word" in _all_text(person.find("message-1"))
    person.click("newConversationButton")
    engine.enqueue("Blades carve winter glass\nBreath hangs")
    person.ask("Haiku")
    person.wait_for(GenerationState.IDLE)
    assert "glass\nBreath" in _all_text(person.find("message-1")).replace("\u2028", "\n")
    person.click("newConversationButton")
    engine.enqueue("Look:\n\n```python\nprint(1)\n```\nDone.")
    person.ask("Code")
    person.wait_for(GenerationState.IDLE)
    code: Any = person.find("message-1").findChild(QPlainTextEdit)
    assert code.toPlainText() == "print(1)"


def test_the_end_is_followed_only_by_a_reader_who_is_there(person: Person, engine: ScriptedEngine) -> None:
    gates = [threading.Event(), threading.Event()]
    engine.enqueue("line\n\n" * 60, gates[0], "more\n\n" * 30, gates[1], "last\n\n" * 30)
    person.ask("Long")
    bar = person.find("transcript").verticalScrollBar()
    person.wait(lambda: person.message(1).count("line") == 60 and bar.maximum() > 500)
    person.wait(lambda: bar.value() == bar.maximum())
    bar.setValue(10)
    gates[0].set()
    person.wait(lambda: "more" in person.message(1))
    person.qtbot.wait(50)
    assert bar.value() == 10
    person.click("downButton")
    gates[1].set()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: bar.value() == bar.maximum())


def test_slider_and_spin_box_always_agree_and_count_for_the_next_answer(person: Person, engine: ScriptedEngine) -> None:
    person.find("advancedButton").click()
    for setting in SETTINGS:
        _check_slider_and_spin_box(person, setting)
    person.ask("Hello")
    person.wait(lambda: person.message(1) == "Hello")
    sampling = engine.requests[-1].sampling
    highest = {setting.name: setting.high for setting in SETTINGS}
    assert {name: getattr(sampling, name) for name in highest} == highest


def _check_slider_and_spin_box(person: Person, setting: Setting) -> None:
    """Move them to every end, and leave them at the upper one."""
    name = setting.name
    base = "".join(word.capitalize() if at else word for at, word in enumerate(name.split("_")))
    slider, spin = person.find(base + "Slider"), person.find(base + "Spin")
    for position in (slider.minimum(), slider.maximum() // 3, slider.maximum()):
        slider.setValue(position)
        assert spin.value() == pytest.approx(setting.low + position * setting.step), name
        spin.setValue(spin.value())
        assert slider.value() == position, name
    spin.setValue(spin.minimum())
    assert slider.value() == slider.minimum(), name
    spin.setValue(spin.maximum())


def test_settings_are_set_and_count_for_the_next_answer(person: Person, engine: ScriptedEngine) -> None:
    combo = person.find("presetCombo")
    assert combo.currentData() == "balanced"
    combo.setCurrentIndex(combo.findData("tutorial"))
    combo.activated.emit(combo.currentIndex())
    assert person.window.session.sampling == PRESETS["tutorial"].sampling
    person.find("temperatureSlider").setValue(3)
    assert combo.currentData() == ""
    person.click("resetButton")
    assert combo.currentData() == "balanced"
    assert person.window.session.sampling == Sampling()
    for name, typed, value in (("temperature", "0.35", 0.35), ("topP", "0.5", 0.5)):
        _type_value(person, engine, name, typed, value)
    QTest.keyClick(person.find("randomSeedCheck"), Qt.Key.Key_Space)
    person.find("seedSpin").setValue(2**32 - 2)
    person.ask("Hello")
    person.wait_for(GenerationState.IDLE)
    assert engine.requests[-1].sampling.seed == 2**32 - 2
    person.click("newConversationButton")
    person.find("systemPrompt").setPlainText("Be brief.")
    person.ask("Hello")
    person.wait_for(GenerationState.IDLE)
    assert engine.requests[-1].turns[0] == Turn(Role.SYSTEM, "Be brief.")


def test_it_is_said_that_the_system_prompt_is_cut_off_until_that_is_undone(person: Person) -> None:
    data = QMimeData()
    data.setText("Be brief.\n" * 20_000)
    field = person.find("systemPrompt")
    field.insertFromMimeData(data)
    person.wait(lambda: person.status() == "The system prompt was too long, so the end was cut off.")
    field.undo()
    assert "cut off" not in person.status()
    assert field.toPlainText() == ""


def test_a_new_context_loads_the_model_again(person: Person, engine: ScriptedEngine) -> None:
    person.find("contextSpin").setProperty("value", 2048)
    person.wait(lambda: len(engine.loads) == 2)
    assert engine.loads[-1][1].context == 2048
    person.wait_for(GenerationState.IDLE)


def test_answering_again_puts_another_answer_in_the_place(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("One")
    engine.enqueue("Other")
    person.ask("Choose")
    person.wait_for(GenerationState.IDLE)
    retry = next(button for button in person.find("message-1").findChildren(QWidget)
                 if button.accessibleName() == "Regenerate")  # fmt: skip
    QTest.mouseClick(retry, Qt.MouseButton.LeftButton)
    person.wait(lambda: person.message(1) == "Other")
    conversation = person.window.session.conversation
    assert [message.text for message in conversation.siblings(conversation.path()[-1])] == ["One", "Other"]


def test_conversations_are_listed_and_opened_and_an_answer_stays_in_its_own(
    person: Person, engine: ScriptedEngine
) -> None:
    person.ask("About whales")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    assert person.window.findChild(QWidget, "message-0") is None
    person.ask("About bread")
    person.wait_for(GenerationState.IDLE)
    assert person.titles() == ["About bread", "About whales"]
    person.open("About whales")
    person.wait(lambda: person.message(0) == "About whales")
    person.click("newConversationButton")
    gate = threading.Event()
    engine.enqueue("Slow", gate, " whales")
    person.ask("Whales")
    person.wait(lambda: person.message(1) == "Slow")
    person.click("newConversationButton")
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.window.findChild(QWidget, "message-0") is None
    person.open("Whales")
    person.wait(lambda: person.message(1) == "Slow whales")


def test_the_window_comes_back_as_it_was(open_window: Callable[[], Person]) -> None:
    first = open_window()
    first.wait_for(GenerationState.IDLE)
    first.find("temperatureSlider").setValue(30)
    first.find("systemPrompt").setPlainText("Rhyme.")
    first.click("defaultButton")
    QTest.keyClick(first.window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert not first.find("conversationList").isVisible()
    first.window.resize(760, 560)  # the offscreen screen is 800 pixels wide
    first.window.close()
    second = open_window()
    assert not second.find("conversationList").isVisible()
    assert (second.window.width(), second.window.height()) == (760, 560)
    assert second.window.session.sampling.temperature == 1.5
    assert second.window.session.system == "Rhyme."


def test_settings_that_cannot_be_saved_are_said_and_hold_until_the_end(
    person: Person, engine: ScriptedEngine, home: Path
) -> None:
    _replace_by_file(home)
    person.find("temperatureSlider").setValue(4)
    person.click("defaultButton")
    person.wait(lambda: _is_told_at_last(person, "settings couldn’t be saved"))
    person.ask("Hello")
    person.wait(lambda: person.message(1) == "Hello")
    assert engine.requests[-1].sampling.temperature == 0.2


def test_that_settings_cannot_be_saved_is_said_until_they_are(person: Person, home: Path) -> None:
    person.wait_for(GenerationState.IDLE)
    file = home / "preferences.json"
    while not file.is_dir():
        file.unlink(missing_ok=True)
        with suppress(FileExistsError):  # a thread has just saved it
            file.mkdir(parents=True)
    person.find("temperatureSlider").setValue(4)
    person.click("defaultButton")
    person.window.feedback.end_results()
    person.wait(lambda: "settings couldn’t be saved" in person.status())
    file.rmdir()
    person.find("temperatureSlider").setValue(5)
    person.click("defaultButton")
    person.wait(file.is_file)
    person.window.feedback.end_results()
    person.wait(lambda: "settings couldn’t be saved" not in person.status())


def test_columns_fold_where_there_is_no_room(person: Person) -> None:
    person.window.resize(1100, 700)
    assert person.find("settingsPanel").isVisible()
    person.window.resize(760, 700)
    person.wait(lambda: person.find("settingsPanel").isHidden())
    person.window.resize(1100, 700)
    person.wait(lambda: person.find("settingsPanel").isVisible())


def test_a_model_file_can_be_opened_or_dropped(
    person: Person, engine: ScriptedEngine, phi3_model: Path, chatml_model: Path
) -> None:
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: engine.loads[-1][0] == phi3_model)
    person.wait_for(GenerationState.IDLE)
    assert phi3_model.stem in str(person.find("modelButton").property("text"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(chatml_model))])
    buttons, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, buttons, none)
    QApplication.sendEvent(person.find("composer"), enter)
    assert enter.isAccepted()
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, buttons, none)
    QApplication.sendEvent(person.window, enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, none)
    QApplication.sendEvent(person.window, drop)
    person.wait(lambda: engine.loads[-1][0] == chatml_model)
    person.wait_for(GenerationState.IDLE)


def test_a_model_file_can_be_opened_with_the_program(
    open_window: Callable[..., Person], engine: ScriptedEngine, phi3_model: Path
) -> None:
    person = open_window(opened=phi3_model)
    person.wait(lambda: person.find("modelButton").property("text") and engine.loads)
    person.wait_for(GenerationState.IDLE)
    assert [path for path, _ in engine.loads] == [phi3_model]
    person.window.close()
    open_window().wait(lambda: len(engine.loads) > 1)
    assert engine.loads[-1][0] == phi3_model


@pytest.mark.skipif(sys.platform == "win32", reason="a path of other systems")
def test_the_system_can_hand_a_file_to_the_running_program() -> None:
    said = subprocess.run([sys.executable, "-c", ASKED_TO_OPEN], check=True, capture_output=True, text=True)
    assert said.stdout.split() == ["/models/phi.gguf"]


ASKED_TO_OPEN = """
from PySide6.QtGui import QFileOpenEvent
from phichat.ui.desktop.application import Application

application = Application([])
application.file_given.connect(print)
application.sendEvent(application, QFileOpenEvent("/models/phi.gguf"))
"""


def test_a_file_that_is_not_there_is_said(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    person.window.model_selection.open_file(str(tmp_path / "gone.gguf"))
    person.wait(lambda: "gone.gguf" in person.status())
    person.ask("Still there?")
    person.wait(lambda: person.message(1) == "Still there?")


def test_closing_while_an_answer_comes_ends_everything(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Half", threading.Event())
    person.ask("Never ends")
    person.wait(lambda: person.message(1) == "Half")
    person.window.close()
    assert engine.loaded is None


def test_the_window_speaks_french(open_window: Callable[[], Person]) -> None:
    i18n.set_language("fr")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert person.find("newConversationButton").property("text") == "Nouvelle conversation"
    assert person.find("composer").accessibleName() == "Votre message"


def _all_text(widget: QWidget) -> str:
    texts = [child.property("plainText") or child.property("text") for child in widget.findChildren(QWidget)]
    return "\n".join(str(found) for found in texts if found)


def _is_told_at_last(person: Person, words: str) -> bool:
    """Return whether this is told, once what matters more was read."""
    if "New messages are only kept in memory" in person.status():
        person.window.feedback.dismiss()
    return words in person.status()


def _replace_by_file(folder: Path) -> None:
    while not folder.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # a thread of the window's has just made the folder again
            folder.write_text("in the way", "utf-8")


def test_what_is_remembered_of_an_opened_file_is_used_at_the_next_start(
    open_window: Callable[[], Person], engine: ScriptedEngine, phi3_model: Path
) -> None:
    first = open_window()
    first.wait_for(GenerationState.IDLE)
    first.window.model_selection.open_file(str(phi3_model))
    first.wait(lambda: engine.loads[-1][0] == phi3_model)
    first.wait_for(GenerationState.IDLE)
    first.window.close()
    open_window().wait(lambda: engine.loads[-1][0] == phi3_model)


def test_a_long_message_and_hostile_text_do_no_harm(person: Person, engine: ScriptedEngine) -> None:
    text = (
        "<|end|><|system|> <img src='http://127.0.0.1:1/x.png'> ![p](http://127.0.0.1:1/y.png) 𝕳\u202e" + "long " * 2000
    )
    engine.enqueue(text)
    person.window.submit(text)
    person.wait_for(GenerationState.IDLE)
    assert person.message(0) == person.message(1) == text


def test_a_model_that_is_gone_since_the_last_start_is_said_and_another_one_used(
    open_window: Callable[[], Person], engine: ScriptedEngine, home: Path, starter: Path, phi3_model: Path
) -> None:
    home.mkdir()
    (home / "preferences.json").write_text('{"model": "/nowhere/gone.gguf"}', "utf-8")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert engine.loads[0][0] == starter
    person.wait(lambda: "gone.gguf" in person.status())
    assert person.status().endswith("SmolLM2 135M (starter) will be used until you choose another model.")
    model = person.window.generation.model
    assert model
    person.window.model_selection.load_model(model)  # as where its server has another key
    person.wait(lambda: len(engine.loads) == 2 and person.window.generation.state is GenerationState.IDLE)
    person.window.feedback.end_results()
    assert person.status().endswith("will be used until you choose another model."), "none was"
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: person.status().endswith(" is ready."))
    person.window.feedback.end_results()
    assert person.status() == "", "it was for so long"


def test_a_library_that_cannot_be_written_is_told_whichever_model_is_chosen_next(
    person: Person, engine: ScriptedEngine, starter: Path, phi3_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went as soon as another one was."""
    person.wait_for(GenerationState.IDLE)

    def refuse(*_: object) -> None:
        raise StoreError("The list of models couldn’t be saved.")

    monkeypatch.setattr(Library, "record_use", refuse)
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: person.status() == "The list of models couldn’t be saved.")
    monkeypatch.undo()
    person.window.model_selection.open_file(str(starter))
    person.wait(lambda: engine.loads[-1][0] == starter and person.window.generation.state is GenerationState.IDLE)
    person.window.feedback.end_results()
    assert person.status() == "The list of models couldn’t be saved."


def test_what_follows_the_reading_of_the_file_is_named(person: Person, engine: ScriptedEngine) -> None:
    gates = threading.Event(), threading.Event()
    engine.enqueue_load(Loading(0.5), gates[0], Loading(1.0), gates[1])
    person.window.model_selection.set_context(1024)
    person.wait(lambda: person.status().endswith("… 50%"))
    gates[0].set()
    person.wait(lambda: person.status() == "Preparing SmolLM2 135M (starter)…")
    assert person.find("messageLine").findChild(QProgressBar).maximum() == 0, "for how long is not known"
    gates[1].set()
    person.wait_for(GenerationState.IDLE)


def test_where_the_remembered_model_is_away_the_one_used_before_is_taken(
    open_window: Callable[[], Person], engine: ScriptedEngine, home: Path, starter: Path, chatml_model: Path
) -> None:
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.window.model_selection.open_file(str(chatml_model))
    person.wait(lambda: engine.loads[-1][0] == chatml_model)
    person.wait_for(GenerationState.IDLE)
    person.window.model_selection.open_file(str(starter))
    person.wait(lambda: engine.loads[-1][0] == starter)
    person.wait_for(GenerationState.IDLE)
    person.window.close()
    (home / "preferences.json").write_text("{ half", "utf-8")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert engine.loads[-1][0] == starter, "not the file that was opened once"


def test_a_model_that_was_downloaded_meanwhile_takes_the_place_of_the_starter(
    open_window: Callable[[], Person], engine: ScriptedEngine, home: Path, starter: Path, chatml_model: Path
) -> None:
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert engine.loads[-1][0] == starter
    person.window.close()
    downloaded = home / "models" / PHI_3.file
    downloaded.parent.mkdir(exist_ok=True)
    shutil.copyfile(chatml_model, downloaded)
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert engine.loads[-1][0] == downloaded, "nobody chose the starter"


def test_a_notice_stays_while_the_answer_comes_unless_it_tells_that_it_is_tried_again(
    person: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue(Notice("Trying again with a smaller context."), "Yes ", "indeed.")
    person.ask("Well?")
    person.wait_for(GenerationState.IDLE)
    assert person.status() == "Trying again with a smaller context."
    person.ask("And now?")
    person.wait(lambda: person.message(3) == "And now?")
    assert person.status() == ""
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    gates = threading.Event(), threading.Event()
    engine.enqueue(Notice("Trying again.", is_passing=True), gates[0], "Yes ", gates[1], "indeed.")
    person.ask("Well?")
    person.wait(lambda: person.status() == "Trying again.")
    gates[0].set()
    person.wait(lambda: person.message(1) == "Yes ")
    assert person.status() == ""
    gates[1].set()
    person.wait_for(GenerationState.IDLE)
    assert person.status() == ""


def test_asking_more_leaves_the_messages_before_as_they_are(person: Person) -> None:
    person.ask("One")
    person.wait_for(GenerationState.IDLE)
    before = [person.find("message-0"), person.find("message-1")]
    person.ask("Two")
    person.wait(lambda: person.message(3) == "Two")
    assert [person.find("message-0"), person.find("message-1")] == before


def _type_value(person: Person, engine: ScriptedEngine, name: str, typed: str, value: float) -> None:
    spin = person.find(name + "Spin")
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, typed)
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert spin.value() == value
    assert person.find(name + "Slider").value() == round(value / spin.singleStep())
    person.ask("Hello")
    person.wait_for(GenerationState.IDLE)
    assert value in vars(engine.requests[-1].sampling).values()


def test_a_new_context_waits_for_the_answer_and_is_kept_when_closing(
    person: Person, engine: ScriptedEngine, open_window: Callable[[], Person]
) -> None:
    gate = threading.Event()
    engine.enqueue("Half ", gate, "whole")
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    person.find("contextSpin").setValue(1024)
    person.qtbot.wait(800)
    assert len(engine.loads) == 1
    gate.set()
    person.wait(lambda: len(engine.loads) == 2)
    assert person.message(1) == "Half whole"
    person.wait_for(GenerationState.IDLE)
    person.find("contextSpin").setValue(512)
    person.window.close()
    open_window().wait(lambda: engine.loads[-1][1].context == 512)


def test_another_model_waits_for_the_answer(person: Person, engine: ScriptedEngine, phi3_model: Path) -> None:
    gate = threading.Event()
    engine.enqueue("Half ", gate, "whole")
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    person.window._header.model_chosen.emit(ModelRef.of_file(phi3_model))
    assert person.status().startswith("Switching to")
    gate.set()
    person.wait(lambda: len(engine.loads) == 2)
    assert person.message(1) == "Half whole"
    assert engine.loads[-1][0] == phi3_model


def test_a_bad_file_leaves_the_model_there_was(
    person: Person, engine: ScriptedEngine, starter: Path, phi3_model: Path, open_window: Callable[[], Person]
) -> None:
    engine.enqueue_load(ModelDamaged("It is damaged."))
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: len(engine.loads) == 3 and person.window.generation.state is GenerationState.IDLE)
    assert engine.loads[-1][0] == starter
    assert person.status() == "It is damaged."
    person.ask("Still there?")
    person.wait(lambda: person.message(1) == "Still there?")
    person.window.close()
    open_window().wait(lambda: len(engine.loads) == 4)
    assert engine.loads[-1][0] == starter


def test_a_remembered_model_that_no_longer_loads_gives_way_to_the_default(
    open_window: Callable[[], Person], engine: ScriptedEngine, home: Path, starter: Path, phi3_model: Path
) -> None:
    home.mkdir()
    (home / "preferences.json").write_text(json.dumps({"model": str(phi3_model)}), "utf-8")
    engine.enqueue_load(ModelDamaged("It is damaged."))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    assert [path for path, _ in engine.loads] == [phi3_model, starter]
    assert person.status() == "It is damaged."
    person.ask("Still there?")
    person.wait_for(GenerationState.IDLE)
    person.window.close()
    again = open_window()
    again.wait_for(GenerationState.IDLE)
    assert [path for path, _ in engine.loads] == [phi3_model, starter, starter]
    assert not again.status().startswith("It is damaged.")


def test_enter_before_the_model_is_known_is_not_lost(open_window: Callable[[], Person]) -> None:
    person = open_window()
    person.ask("Very early")
    person.wait(lambda: person.message(1) == "Very early")


def test_the_wheel_moves_the_panel_and_changes_nothing(person: Person) -> None:
    person.window.resize(1100, 700)
    for name in ("temperatureSlider", "temperatureSpin", "contextSpin", "presetCombo", "seedSpin"):
        control = person.find(name)
        before = control.property("value"), control.property("currentIndex")
        turn = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(control, turn)
        assert (control.property("value"), control.property("currentIndex")) == before


def test_a_draft_is_not_overwritten_by_an_idea(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Half", threading.Event())
    person.ask("Long")
    person.wait(lambda: person.message(1) == "Half")
    person.click("newConversationButton")
    person.type("draft")
    person.window.submit("an idea")
    assert person.written() == "draft"


def test_nothing_moves_while_a_window_starts(open_window: Callable[[], Person]) -> None:
    person = open_window()
    places: dict[str, set[int]] = {}
    while person.window.generation.state is not GenerationState.IDLE:
        QApplication.processEvents()
        for widget in person.window.findChildren(QWidget):
            if widget.isVisible() and (isinstance(widget, QLabel | QPushButton) or widget.objectName() == "composer"):
                name = widget.objectName() or str(widget.property("text"))
                places.setdefault(name, set()).add(widget.mapTo(person.window, widget.rect().topLeft()).y())
    assert "composer" in places
    assert {name: found for name, found in places.items() if len(found) > 1 and name != "statusMessage"} == {}


def test_nobody_is_told_that_there_is_no_model_before_it_was_looked_for(open_window: Callable[[], Person]) -> None:
    person = open_window()
    assert "no model" not in _all_text(person.window).lower()


def test_where_there_is_no_model_that_is_said_and_one_can_be_opened(
    open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "no_such_package")
    person = open_window()
    person.wait(lambda: "No model yet" in _all_text(person.window))
    assert "No model" in str(person.find("modelButton").property("text"))

"""What a person does with messages: copy, quote, continue, ask again otherwise, delete and undo."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QTextBrowser, QWidget

from phichat.chat.conversation import Ending, Message, Role, Turn
from phichat.chat.sampling import PRESETS, Sampling
from phichat.engine.base import Done
from phichat.errors import EngineDied, EngineError
from phichat.exchange.json_format import record_to_json
from phichat.store.history import History
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import Line, ScriptedEngine
from tests.support.stored_history import put
from tests.ui.conftest import Person

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def note(person: Person, number: int) -> str:
    """What is said below an answer."""
    labels = person.find(f"message-{number}").findChildren(QLabel)
    return "\n".join(label.text() for label in labels if label.wordWrap()).translate({0xA0: " ", 0x2060: None})


def ask(person: Person, text: str) -> None:
    person.ask(text)
    person.wait_for(GenerationState.IDLE)


def show(person: Person, title: str) -> None:
    person.open(title)
    person.wait(lambda: person.message(0) == f"Tell me of {title}")


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def test_actions_appear_where_one_points_and_where_the_focus_is_which_keys_move(person: Person) -> None:
    ask(person, "One")
    ask(person, "Two")
    assert person.button(0, "Copy message") is None
    assert person.button(1, "Copy answer") is None
    assert person.button(3, "Copy answer"), "the last one always shows them"
    person.point_at(0)
    assert person.button(0, "Copy message")
    person.find("message-1").take_focus()
    assert person.button(1, "Copy answer")
    person.find("composer").setFocus()
    assert person.button(1, "Copy answer") is None
    person.find("message-3").take_focus()
    for number in (2, 1, 0):
        QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
        assert person.find(f"message-{number}").isAncestorOf(person.window.focusWidget())
    QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert person.find("message-1").isAncestorOf(person.window.focusWidget())


def test_tab_goes_through_a_message_in_the_order_of_reading(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Before\n\n", "```python\nprint(1)\n```\n", "After")
    ask(person, "Code")
    person.wait(lambda: all(stop.isVisible() for stop in person.find("message-1").tab_stops()))
    person.find("message-1").take_focus()
    names = []
    for _ in range(10):
        names.append(person.window.focusWidget().accessibleName())
        QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Tab)
    code = ["Wrap long lines", "Save code to file", "Copy code", "python code"]
    buttons = ["Show how sure the model was", "Copy answer", "Regenerate", "More actions"]
    assert names == ["Answer", *code, "Answer", *buttons]


def test_a_message_and_the_conversation_are_copied_as_they_were_written(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("A **bold** word")
    ask(person, "Say it")
    person.press_in(1, "Copy answer")
    assert clipboard() == "A **bold** word"
    person.press_in(0, "Copy message")
    assert clipboard() == "Say it"
    QTest.keyClick(person.window, Qt.Key.Key_C, CONTROL | SHIFT)
    assert clipboard() == "## You\n\nSay it\n\n## starter\n\nA **bold** word\n"


def test_a_message_or_what_is_selected_of_it_is_quoted_below_what_is_written(
    person: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue("First *line*\nsecond line")
    ask(person, "Say it")
    person.type("You said")
    person.choose_in(1, "Quote in message")
    assert person.written() == "You said\n\n> First *line*\n> second line\n\n"
    assert person.find("composer").hasFocus()
    person.find("composer").clear()
    text = person.find("message-1").findChild(QTextBrowser)
    cursor = text.textCursor()
    cursor.setPosition(6)
    cursor.setPosition(10, cursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    person.choose_in(1, "Quote in message")
    assert person.written() == "> line\n\n"
    person.find("composer").clear()
    person.click("newConversationButton")
    engine.enqueue(EngineDied("It ended."))
    person.ask("Well?")
    person.wait_for(GenerationState.IDLE)
    QTest.keyClick(person.find("composer"), Qt.Key.Key_R, CONTROL | SHIFT)
    assert person.written() == ""


def test_an_answer_that_was_cut_goes_on_where_it_ended(person: Person, engine: ScriptedEngine, home: Path) -> None:
    endings: list[list[Line]] = [
        ["Once ", threading.Event(), "never"],
        ["Once ", Done(Ending.LENGTH, 1, 1, 0, 1, 0.1, 0.1, 1.0, 1.0)],
        ["Once ", RuntimeError("broken")],
    ]
    for pieces in endings:
        person.click("newConversationButton")
        engine.enqueue(*pieces)
        _have_it_go_on(person, engine, home)


def _have_it_go_on(person: Person, engine: ScriptedEngine, home: Path) -> None:
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Once ")
    person.press(Qt.Key.Key_Escape)
    person.wait_for(GenerationState.IDLE)
    engine.enqueue("upon a time")
    person.press_in(1, "Continue")
    person.wait(
        lambda: person.message(1) == "Once upon a time" and person.window.generation.state is GenerationState.IDLE
    )
    assert engine.requests[-1].begun == Turn(Role.ASSISTANT, "Once ", (1000,))
    assert person.button(1, "Continue") is None
    assert len(person.window.session.conversation.messages()) == 2
    assert "seed" not in note(person, 1), "none reproduces all of it"
    menu = person.menu(1)
    entry = next(each for each in menu.menu().actions() if each.text() == "Regenerate with the same seed")
    assert not entry.isEnabled()
    person.close_menu()
    reply = exported(home, person.window.session.conversation.id)["messages"][-1]["reply"]
    assert reply["seed"] is None
    assert "seed" not in reply["sampling"].keys() | reply["statistics"].keys()


def exported(home: Path, name: str) -> dict[str, Any]:
    """The conversation of that name as an export has it."""
    with closing(History(home / "history.sqlite3", is_guest=True)) as history:
        return record_to_json(history.load_conversation(name))


def test_an_answer_that_was_stopped_before_its_first_word_leaves_no_version(
    person: Person, engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.enqueue(gate, "never")
    person.ask("Tell")
    person.wait(lambda: engine.requests)
    person.press(Qt.Key.Key_Escape)
    gate.set()
    person.wait_for(GenerationState.IDLE)
    engine.enqueue("Once upon a time")
    person.press(Qt.Key.Key_R, CONTROL)
    person.wait(lambda: person.message(1) == "Once upon a time")
    person.wait_for(GenerationState.IDLE)
    assert [each.text for each in person.window.session.conversation.messages()] == ["Tell", "Once upon a time"]


def test_only_the_last_answer_goes_on(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Once ", Done(Ending.LENGTH, 1, 1, 0, 1, 0.1, 0.1, 1.0, 1.0))
    ask(person, "Tell")
    assert person.button(1, "Continue")
    ask(person, "More")
    assert person.button(1, "Continue") is None
    assert person.button(3, "Continue") is None


def test_an_answer_that_ended_says_how_it_was_made_and_on_a_later_day_too(
    person: Person, engine: ScriptedEngine, open_window: Callable[[], Person]
) -> None:
    done = Done(Ending.STOP, 77, 30, 0, 10, 0.25, 0.2, 2.0, 5.0)
    engine.enqueue("Yes.", replace(done, stopped_by="\nUser:"))
    ask(person, "Ready?")
    assert note(person, 1).startswith("Stopped at “↵User:” · starter")
    engine.enqueue("No.", done)
    ask(person, "Really?")
    before = note(person, 3)
    assert before.startswith("starter · 1 token · 5.0 tokens/s · seed ")
    person.window.close()
    again = open_window()
    again.wait(lambda: again.titles() == ["Ready?"])
    again.open("Ready?")
    again.wait(lambda: "Stopped at “↵User:”" in note(again, 1) and note(again, 3) == before)


def test_an_interrupted_answer_says_so_and_can_go_on(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Once ")
    ask(person, "Tell")
    conversation = person.window.session.conversation
    message = conversation.path()[-1]
    assert message.reply is not None
    reply = replace(message.reply, ending=Ending.CANCELLED, statistics={"interrupted": True})
    person.window.message_commands.show_path()
    conversation.replace_message(message, reply=reply)
    person.window.message_commands.show_path()
    assert note(person, 1).startswith("Interrupted · starter")
    assert person.button(1, "Continue")


def test_with_the_same_seed_and_settings_the_answer_is_the_same_or_that_is_explained(
    person: Person, engine: ScriptedEngine
) -> None:
    engine.enqueue("One")
    ask(person, "Choose")
    person.find("temperatureSlider").setValue(0)
    engine.enqueue("One")
    person.choose_in(1, "Regenerate with the same seed")
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    assert engine.requests[1].sampling == engine.requests[0].sampling
    assert note(person, 1).endswith("\nThe new answer is identical to the previous version.")
    assert person.window.session.sampling.temperature == 0
    person.click("newConversationButton")
    person.open("Choose")
    assert "The new answer is identical" in note(person, 1)
    engine.enqueue("Other")
    person.choose_in(1, "Regenerate with the same seed")
    person.wait(lambda: "This answer differs" in note(person, 1))


def test_again_with_another_seed_or_preset_changes_only_that(person: Person, engine: ScriptedEngine) -> None:
    person.find("settingsPanel").presets.show_own({"R&D": {"temperature": 1.7, "top_k": 3}})
    ask(person, "Choose")
    first = engine.requests[0].sampling
    person.choose_in(1, "Regenerate with", "Another seed")
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    assert engine.requests[1].sampling.seed != first.seed
    assert replace(engine.requests[1].sampling, seed=first.seed) == first
    person.choose_in(1, "Regenerate with", "Precise")
    person.wait(lambda: len(engine.requests) == 3 and person.window.generation.state is GenerationState.IDLE)
    assert engine.requests[2].sampling == replace(PRESETS["precise"].sampling, seed=engine.requests[1].sampling.seed)
    assert person.window.session.sampling == PRESETS["balanced"].sampling
    menus = {action.text(): action.menu() for action in person.menu(1).menu().actions()}
    titles = [action.text() for action in menus["Regenerate with"].actions() if action.font().bold()]
    person.close_menu()
    assert titles == ["Preset", "Model"]
    daring = Sampling(temperature=1.7, top_k=3)
    person.choose_in(1, "Regenerate with", "R&&D")
    person.wait(lambda: len(engine.requests) == 4 and person.window.generation.state is GenerationState.IDLE)
    assert engine.requests[3].sampling == replace(daring, seed=engine.requests[2].sampling.seed)


def test_again_with_another_model_loads_that_first(person: Person, engine: ScriptedEngine, phi3_model: Path) -> None:
    ask(person, "Choose")
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: len(engine.loads) == 2 and person.window.generation.state is GenerationState.IDLE)
    person.choose_in(1, "Regenerate with the same seed")
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    assert len(engine.loads) == 4, "the reply's own model answers again, and the chosen one is loaded after that"
    assert note(person, 1).startswith("starter")
    assert engine.loads[-1][0] == phi3_model


def have_two_models(person: Person, engine: ScriptedEngine, phi3_model: Path) -> None:
    """Have an answer of the starter, which is in use, with another model known."""
    ask(person, "Choose")
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: len(engine.loads) == 2 and person.window.generation.state is GenerationState.IDLE)
    person.window.model_selection.open_file(str(engine.loads[0][0]))
    person.wait(lambda: len(engine.loads) == 3 and person.window.generation.state is GenerationState.IDLE)


def test_another_model_is_used_for_one_answer_only(person: Person, engine: ScriptedEngine, phi3_model: Path) -> None:
    other = phi3_model.stem
    have_two_models(person, engine, phi3_model)
    person.choose_in(1, "Regenerate with", other)
    person.wait(lambda: len(engine.loads) == 5 and person.window.generation.state is GenerationState.IDLE)
    assert engine.loads[3][0] == phi3_model
    assert note(person, 1).startswith(other)
    assert (
        person.status()
        == f"{other} was used for that answer only. SmolLM2 135M (starter) will answer your next messages."
    )
    assert "starter" in person.find("modelButton").text()
    assert person.window.session.model == "starter"
    ask(person, "More")
    assert note(person, 3).startswith("starter")
    person.click("newConversationButton")
    ask(person, "Choose")
    engine.enqueue(EngineError("This message is longer than the context of 512 tokens."))
    person.choose_in(1, "Regenerate with", other)
    person.wait(lambda: len(engine.loads) == 7 and person.window.generation.state is GenerationState.IDLE)
    assert person.window.session.model == "starter"
    assert "longer than the context" in note(person, 1)
    person.click("newConversationButton")
    ask(person, "Choose")
    gate, asked = threading.Event(), len(engine.requests)
    engine.enqueue(gate, "Never")
    person.choose_in(1, "Regenerate with", other)
    person.wait(lambda: len(engine.requests) == asked + 1)
    person.click("stopButton")
    person.wait(lambda: len(engine.loads) == 9 and person.window.generation.state is GenerationState.IDLE)
    assert "for that answer only" not in person.status()
    gate.set()
    person.click("newConversationButton")
    ask(person, "Choose")
    gate = threading.Event()
    engine.enqueue_load(gate, EngineError("This is no model."))
    person.choose_in(1, "Regenerate with", other)
    with person.qtbot.waitSignal(person.find("settingsPanel").context_changed):
        person.find("contextSpin").setProperty("value", 2048)
    gate.set()
    person.wait(lambda: len(engine.loads) > 10 and person.window.generation.state is GenerationState.IDLE)
    assert engine.loads[-1][1].context == 2048
    assert "This is no model." in person.status()


def test_conversations_opened_meanwhile_name_the_model_that_answers_next(
    person: Person, engine: ScriptedEngine, phi3_model: Path
) -> None:
    ask(person, "First")
    other, selection, gate = phi3_model.stem, person.window.model_selection, threading.Event()
    selection.open_file(str(phi3_model))
    person.wait(lambda: len(engine.loads) == 2 and person.window.generation.state is GenerationState.IDLE)
    person.click("newConversationButton")
    ask(person, "Second")
    selection.open_file(str(engine.loads[0][0]))
    person.wait(lambda: len(engine.loads) == 3 and person.window.generation.state is GenerationState.IDLE)
    person.click("newConversationButton")
    ask(person, "Third")
    engine.enqueue("Once ", gate, "upon")
    person.choose_in(1, "Regenerate with", other)
    person.wait_for(GenerationState.WRITING)
    person.open("First")
    assert "This conversation used" not in person.status()
    person.open("Second")
    assert person.status() == f"This conversation used {other}. It now uses SmolLM2 135M (starter)."
    selection.open_file(str(phi3_model))
    person.wait(lambda: "Switching to" in person.status())
    person.open("First")
    person.wait(lambda: person.status() == f"This conversation used starter. It now uses {other}.")
    gate.set()
    person.wait_for(GenerationState.IDLE)


def test_an_answer_that_failed_before_its_first_word_is_gone_once_another_succeeds(
    person: Person, engine: ScriptedEngine, home: Path
) -> None:
    engine.enqueue(EngineDied("The model ended."))
    ask(person, "Choose")
    engine.enqueue(EngineDied("The model ended."))
    person.press_in(1, "Retry")
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    engine.enqueue("One")
    person.press_in(1, "Retry")
    person.wait(lambda: person.message(1) == "One" and person.window.generation.state is GenerationState.IDLE)
    conversation = person.window.session.conversation
    assert len(conversation.siblings(conversation.path()[-1])) == 1
    switcher = person.find("message-1").version_switcher
    assert switcher is None or switcher.isHidden()
    person.window.close()
    history = History(home / "history.sqlite3", is_guest=True)
    stored = history.load_conversation(conversation.id).messages
    history.close()
    assert [message.text for message in stored] == ["Choose", "One"]


def stored_texts(person: Person, home: Path) -> list[str]:
    """Close the window; return what the history has of its conversation."""
    name = person.window.session.conversation.id
    person.window.close()
    history = History(home / "history.sqlite3", is_guest=True)
    stored = history.load_conversation(name).messages
    history.close()
    return [message.text for message in stored]


def test_what_was_asked_after_a_failed_answer_stays_once_another_version_succeeds(
    person: Person, engine: ScriptedEngine, home: Path
) -> None:
    engine.enqueue(EngineDied("The model ended."))
    ask(person, "Choose")
    ask(person, "And then?")
    engine.enqueue("One")
    person.press_in(1, "Regenerate")
    person.wait(lambda: person.message(1) == "One" and person.window.generation.state is GenerationState.IDLE)
    person.press_in(1, "Previous version")
    person.wait(lambda: person.window.findChild(QWidget, "message-3"))
    assert [person.message(number) for number in (2, 3)] == ["And then?", "And then?"]
    person.press_in(1, "Next version")
    ask(person, "More?")
    assert stored_texts(person, home) == ["Choose", "", "And then?", "And then?", "One", "More?", "More?"]


def test_messages_deleted_below_a_failed_answer_come_back_with_it(
    person: Person, engine: ScriptedEngine, home: Path
) -> None:
    engine.enqueue(EngineDied("The model ended."))
    ask(person, "Choose")
    ask(person, "And then?")
    person.choose_in(2, "Delete this and later messages")
    engine.enqueue("One")
    person.press_in(1, "Retry")
    person.wait(lambda: person.message(1) == "One" and person.window.generation.state is GenerationState.IDLE)
    person.window.commands.undo_change.trigger()
    person.wait(lambda: person.window.findChild(QWidget, "message-3"))
    assert [person.message(number) for number in (0, 2, 3)] == ["Choose", "And then?", "And then?"]
    assert stored_texts(person, home) == ["Choose", "", "And then?", "And then?", "One"]


def add_elsewhere(person: Person, home: Path, text: str) -> None:
    """Go on from the last answer as `phichat chat --save` does beside the window, in a conversation of its own."""
    conversation = person.window.session.conversation
    message = Message(Role.USER, text, conversation.tip)
    with closing(History(home / "history.sqlite3", is_guest=True)) as history:
        history.add_message(conversation.id, message, message.id).result()


def test_what_another_program_added_below_deleted_messages_comes_back_with_them(person: Person, home: Path) -> None:
    ask(person, "One")
    ask(person, "Two")
    add_elsewhere(person, home, "From the terminal")
    person.choose_in(2, "Delete this and later messages")
    person.click("undoButton")
    person.wait(lambda: person.window.findChild(QWidget, "message-4"))
    assert [person.message(number) for number in (2, 3, 4)] == ["Two", "Two", "From the terminal"]
    person.click("redoButton")
    person.wait(lambda: person.window.findChild(QWidget, "message-2") is None)
    person.click("undoButton")
    person.wait(lambda: person.window.findChild(QWidget, "message-4"))
    assert stored_texts(person, home) == ["One", "One", "Two", "Two", "From the terminal"]


def test_what_another_program_added_below_a_failed_answer_stays(
    person: Person, engine: ScriptedEngine, home: Path
) -> None:
    engine.enqueue(EngineDied("The model ended."))
    ask(person, "Choose")
    add_elsewhere(person, home, "From the terminal")
    engine.enqueue("One")
    person.press_in(1, "Retry")
    person.wait(lambda: person.message(1) == "One" and person.window.generation.state is GenerationState.IDLE)
    assert stored_texts(person, home) == ["Choose", "", "From the terminal", "One"]


def test_while_an_answer_comes_no_other_is_asked_for(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "One")
    gate = threading.Event()
    engine.enqueue("Half", gate)
    person.ask("Two")
    person.wait(lambda: person.message(3) == "Half")
    person.point_at(1)
    assert not person.button(1, "Regenerate").isEnabled()
    enabled = {action.text(): action.isEnabled() for action in person.menu(1).menu().actions()}
    person.close_menu()
    assert enabled["Copy"]
    assert enabled["Quote in message"]
    assert not enabled["Regenerate"]
    assert not enabled["Delete this and later messages"]
    QTest.keyClick(person.window, Qt.Key.Key_R, CONTROL)
    assert len(engine.requests) == 2
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert person.button(1, "Regenerate").isEnabled()


def test_keys_act_on_the_last_message(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "Choose")
    QTest.keyClick(person.window, Qt.Key.Key_R, CONTROL)
    person.wait(lambda: len(engine.requests) == 2 and person.window.generation.state is GenerationState.IDLE)
    QTest.keyClick(person.window, Qt.Key.Key_R, CONTROL | SHIFT)
    assert person.written() == "> Choose\n\n"
    QTest.keyClick(person.window, Qt.Key.Key_E, CONTROL)
    assert person.find("editField").hasFocus()


def test_a_deleted_branch_comes_back(person: Person, open_window: Callable[[], Person]) -> None:
    for question in ("One", "Two", "Three"):
        ask(person, question)
    person.choose_in(2, "Delete this and later messages")
    assert person.window.findChild(QWidget, "message-2") is None
    person.click("undoButton")
    person.wait(lambda: person.window.findChild(QWidget, "message-5"))
    assert [person.message(number) for number in range(6)] == ["One", "One", "Two", "Two", "Three", "Three"]
    ask(person, "Four")
    person.click("redoButton")
    person.wait(lambda: person.window.findChild(QWidget, "message-2") is None)
    person.click("undoButton")
    person.wait(lambda: person.window.findChild(QWidget, "message-7"))
    assert person.message(6) == "Four"
    person.window.conversations.undo_stack.redo()
    assert person.window.findChild(QWidget, "message-2") is None
    person.window.close()
    again = open_window()
    again.wait(lambda: again.titles() == ["One"])
    again.open("One")
    again.wait(lambda: again.message(1) == "One")
    assert again.window.findChild(QWidget, "message-2") is None


def test_the_undo_bar_goes_with_the_conversation_it_is_about_and_once_something_is_asked(person: Person) -> None:
    ask(person, "One")
    ask(person, "Two")
    person.choose_in(2, "Delete this and later messages")
    assert person.find("undoBar").isVisible()
    person.click("newConversationButton")
    assert not person.find("undoBar").isVisible()
    assert person.window.commands.undo_change.text() == "Undo: Messages deleted", "which still brings them back"
    ask(person, "One")
    person.choose_in(1, "Delete this and later messages")
    ask(person, "Two")
    assert not person.find("undoBar").isVisible()


def test_undo_and_redo_show_the_conversation_that_they_change(home: Path, open_window: Callable[[], Person]) -> None:
    put(home, *((f"Talk {number}", number) for number in range(12)))
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: len(person.titles()) == 12)
    show(person, "Talk 0")
    person.choose_in(1, "Delete this and later messages")
    for number in (*range(1, 12), 0, 5):  # more than are kept in memory: the first one is read again
        show(person, f"Talk {number}")
    undo_stack = person.window.conversations.undo_stack
    for change, count in ((undo_stack.undo, 2), (undo_stack.redo, 1)):
        change()
        person.wait(lambda: person.window.session.conversation.title == "Talk 0")
        assert len(person.window.session.conversation.path()) == count
        assert person.find("undoBar").isVisible()
        show(person, "Talk 5")
        assert not person.find("undoBar").isVisible()


def test_after_continue_one_goes_on_in_the_message_field(person: Person, engine: ScriptedEngine) -> None:
    for by_key in (False, True):
        person.click("newConversationButton")
        _continue(person, engine, by_key=by_key)


def _continue(person: Person, engine: ScriptedEngine, *, by_key: bool) -> None:
    engine.enqueue("Half ", EngineDied("It ended."))
    ask(person, "Well?")
    gate = threading.Event()
    engine.enqueue("and half", gate)
    if by_key:
        person.button(1, "Continue").setFocus()
        QTest.keyClick(person.button(1, "Continue"), Qt.Key.Key_Return)
    else:
        person.press_in(1, "Continue")
    person.wait(lambda: "and half" in person.message(1))
    focus = person.window.focusWidget()
    gate.set()
    person.wait_for(GenerationState.IDLE)
    assert focus is person.find("composer")


def test_what_is_shown_beside_or_instead_of_what_was_deleted(person: Person, engine: ScriptedEngine) -> None:
    ask(person, "One")
    person.find("message-0").take_focus()
    person.choose_in(0, "Delete this and later messages")
    assert not person.find("transcript").isVisible()
    assert person.find("composer").hasFocus(), "and not what the empty conversation offers"
    person.click("undoButton")
    assert person.message(1) == "One"
    person.click("newConversationButton")
    engine.enqueue("One")
    engine.enqueue("Other")
    ask(person, "Choose")
    person.press_in(1, "Regenerate")
    person.wait(lambda: person.message(1) == "Other" and person.window.generation.state is GenerationState.IDLE)
    person.choose_in(1, "Delete this and later messages")
    assert person.message(1) == "One"
    assert person.button(1, "Next version") is None
    person.click("undoButton")
    assert person.message(1) == "Other"
    assert person.button(1, "Previous version")
    person.click("newConversationButton")
    engine.enqueue("A line.\n\n" * 80)
    ask(person, "Long?")
    bar = person.find("transcript").verticalScrollBar()
    person.wait(lambda: 0 < bar.maximum() == bar.value())
    person.choose_in(1, "Delete this and later messages")
    person.click("undoButton")
    person.wait(lambda: 0 < bar.maximum() == bar.value())


def test_a_quote_is_undone_like_typing(person: Person) -> None:
    ask(person, "One")
    person.type("before")
    QTest.keyClick(person.window, Qt.Key.Key_R, CONTROL | SHIFT)
    quoted = person.written()
    assert quoted.startswith("before\n\n> ")
    person.press(Qt.Key.Key_Z, CONTROL)
    assert person.written() == "before"
    person.press(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert person.written() == quoted
    assert person.find("composer").textCursor().atEnd()


def test_keys_reach_an_answer_without_a_word(person: Person, engine: ScriptedEngine) -> None:
    for ending in (threading.Event(), EngineError("No more memory.")):
        person.click("newConversationButton")
        _have_no_word(person, engine, ending)
        reached: list[int] = []
        for _ in range(4):
            QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
            assert person.find(f"message-{3 - len(reached)}").isAncestorOf(person.window.focusWidget())
            reached.append(person.find("transcript").focused_index())
        assert reached == [3, 2, 1, 0]


def _have_no_word(person: Person, engine: ScriptedEngine, ending: threading.Event | EngineError) -> None:
    engine.enqueue("Words.")
    person.ask("First?")
    person.wait_for(GenerationState.IDLE)
    asked = len(engine.requests)
    engine.enqueue(ending)
    person.ask("Second?")
    if isinstance(ending, threading.Event):
        person.wait(lambda: len(engine.requests) > asked)
        person.press(Qt.Key.Key_Escape)
    person.wait_for(GenerationState.IDLE)
    person.wait(lambda: person.find("message-3").message.reply.ending in {Ending.CANCELLED, Ending.ERROR})


def test_alt_up_passes_over_an_answer_that_is_not_there_yet(person: Person, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.enqueue(gate, "Words.")
    person.ask("First?")
    person.wait(lambda: engine.requests)
    QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert person.find("transcript").focused_index() == 0
    gate.set()
    person.wait_for(GenerationState.IDLE)

"""What happens in the window is stored as it happens, and is there at the next start."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending, Message, Piece, Reply, Role
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.errors import StoreError
from phichat.store import database
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History
from phichat.ui import feedback
from phichat.ui.controllers.autosave import AutoSave
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.support.stored_history import held, put
from tests.ui.conftest import Person


def stored(home: Path) -> list[ConversationRecord]:
    """What the file holds, once no window has it open."""
    history = History(home / "history.sqlite3")
    try:
        return list(history.iter_conversations())
    finally:
        history.close()


def test_a_conversation_is_there_at_the_next_start(
    person: Person, engine: ScriptedEngine, open_window: Callable[[], Person], home: Path
) -> None:
    engine.enqueue("They sleep ", "with half of the brain.")
    person.ask("How do whales sleep?")
    person.wait_for(GenerationState.IDLE)
    person.window.close()
    second = open_window()
    second.wait(lambda: second.titles() == ["How do whales sleep?"])
    assert second.written() == ""
    second.open("How do whales sleep?")
    second.wait(lambda: second.message(1) == "They sleep with half of the brain.")
    reply = second.window.session.conversation.path()[-1].reply
    assert reply is not None
    assert (reply.ending, reply.tokens) == (Ending.STOP, (1000, 1001))
    assert reply.statistics["completion_tokens"] == 2


def test_the_question_is_stored_before_the_model_sees_it(
    person: Person, engine: ScriptedEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    generate = engine.generate

    def look_first(*arguments: Any) -> Any:
        history = History(home / "history.sqlite3")
        seen.append([message.text for record in history.iter_conversations() for message in record.messages])
        history.close()
        return generate(*arguments)

    monkeypatch.setattr(engine, "generate", look_first)
    person.ask("First things first")
    person.wait(lambda: person.message(1) == "First things first")
    assert seen == [["First things first", ""]]


def test_what_the_window_closed_upon_can_be_continued(
    person: Person, engine: ScriptedEngine, open_window: Callable[[], Person]
) -> None:
    engine.enqueue("Half ", threading.Event(), "whole")
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    person.window.close()
    second = open_window()
    second.wait(lambda: second.titles() == ["Tell"])
    second.open("Tell")
    second.wait(lambda: second.message(1) == "Half ")
    reply = second.window.session.conversation.path()[-1].reply
    assert reply is not None
    assert reply.ending is Ending.CANCELLED


def test_drafts_stay_with_their_conversations(person: Person, open_window: Callable[[], Person]) -> None:
    person.ask("Whales")
    person.wait_for(GenerationState.IDLE)
    person.type("and dolphins?")
    person.click("newConversationButton")
    assert person.written() == ""
    person.type("Something else")
    person.open("Whales")
    assert person.written() == "and dolphins?"
    assert person.titles() == ["Something else", "Whales"]
    person.window.close()
    second = open_window()
    second.wait(lambda: second.written() == "Something else")
    second.open("Whales")
    second.wait(lambda: second.written() == "and dolphins?")


def test_a_draft_that_is_given_up_leaves_nothing_but_what_the_model_remembers(person: Person, home: Path) -> None:
    erased = QSignalSpy(person.window.conversations.autosave.erased)
    person.type("Hm")
    person.wait(lambda: person.window.conversations.autosave.is_stored(person.window.session))
    person.find("composer").clear()
    person.wait(lambda: not person.window.conversations.autosave.is_stored(person.window.session))
    assert erased.count() == 0
    person.window.close()
    assert stored(home) == []


def test_a_draft_that_another_program_went_on_with_stays(person: Person, home: Path) -> None:
    person.type("Hm")
    person.click("newConversationButton")
    person.open("Hm")
    name = person.window.session.conversation.id
    with closing(History(home / "history.sqlite3", is_guest=True)) as terminal:
        person.wait(terminal.list_conversations)
        asked = Message(Role.USER, "How do whales sleep?")
        terminal.add_message(name, asked, asked.id).result()
        assert person.titles() == ["Hm"]
        terminal.rename_conversation(name, "Whales").result()
        person.find("composer").clear()
        person.wait(lambda: person.titles() == ["Whales"])
        person.wait(person.window.session.conversation.messages)
        assert person.message(0) == "How do whales sleep?"
        person.type("And dolphins?")
        person.window.close()
    [record] = stored(home)
    assert ([each.text for each in record.messages], record.draft) == (["How do whales sleep?"], "And dolphins?")


@pytest.mark.parametrize("written", ["", "And dolphins?"])
def test_a_draft_that_another_program_went_on_with_keeps_its_title(person: Person, home: Path, written: str) -> None:
    person.type("Hm")
    session = person.window.session
    with closing(History(home / "history.sqlite3", is_guest=True)) as terminal:
        person.wait(terminal.list_conversations)
        asked = Message(Role.USER, "How do whales sleep?")
        terminal.add_message(session.conversation.id, asked, asked.id).result()
        person.window.conversations.commands.reload_list()
        person.wait(session.conversation.messages)
        person.find("composer").clear()
        person.type(written)
        person.wait(lambda: terminal.load_conversation(session.conversation.id).draft == written)
        person.window.close()
    [record] = stored(home)
    assert (record.summary.title, len(record.messages)) == ("Hm", 1)


def test_a_draft_that_is_sent_becomes_the_conversation(person: Person, home: Path) -> None:
    person.type("How do")
    person.wait(lambda: person.window.conversations.autosave.is_stored(person.window.session))
    person.ask(" whales sleep?")
    person.wait_for(GenerationState.IDLE)
    assert person.titles() == ["How do whales sleep?"]
    person.window.close()
    record = stored(home)[0]
    assert (record.summary.title, record.draft, len(record.messages)) == ("How do whales sleep?", "", 2)


def test_what_is_typed_before_the_list_arrives_is_not_lost(open_window: Callable[[], Person]) -> None:
    first = open_window()
    first.type("from last time")
    first.window.close()
    second = open_window()
    second.type("x")
    second.wait(second.titles)
    assert second.written() == "x"


def test_settings_belong_to_their_conversation(person: Person, open_window: Callable[[], Person]) -> None:
    person.ask("Warm")
    person.wait_for(GenerationState.IDLE)
    person.find("temperatureSlider").setValue(40)
    person.find("systemPrompt").setPlainText("Rhyme.")
    person.click("newConversationButton")
    assert person.find("temperatureSpin").value() == Sampling().temperature
    assert person.find("systemPrompt").toPlainText() == ""
    assert not person.find("defaultButton").isEnabled()
    person.window.close()
    second = open_window()
    second.wait(lambda: second.titles() == ["Warm"])
    second.open("Warm")
    second.wait(lambda: second.find("temperatureSpin").value() == 2.0)
    assert second.find("systemPrompt").toPlainText() == "Rhyme."
    second.click("defaultButton")
    second.click("newConversationButton")
    assert second.find("systemPrompt").toPlainText() == "Rhyme."


def test_of_a_temporary_conversation_nothing_is_stored(person: Person, home: Path, engine: ScriptedEngine) -> None:
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(person.window, Qt.Key.Key_N, modifiers)
    assert person.find("temporaryNote").isVisible()
    person.ask("A secret")
    person.wait_for(GenerationState.IDLE)
    person.type("and more")
    person.qtbot.wait(500)
    assert person.titles() == ["A secret"]
    person.click("newConversationButton")
    assert not person.find("temporaryNote").isVisible()
    person.open("A secret")
    assert person.message(0) == "A secret"
    assert person.written() == "and more"
    person.window.close()
    assert stored(home) == []


def test_a_reply_in_another_conversation_is_kept_there(person: Person, engine: ScriptedEngine, home: Path) -> None:
    gate = threading.Event()
    engine.enqueue("Slow ", gate, "whales")
    person.ask("Whales")
    person.wait(lambda: person.message(1) == "Slow ")
    person.click("newConversationButton")
    gate.set()
    person.wait_for(GenerationState.IDLE)
    person.window.close()
    assert [message.text for message in stored(home)[0].messages] == ["Whales", "Slow whales"]


def test_going_on_keeps_the_reply(person: Person, engine: ScriptedEngine, home: Path) -> None:
    engine.enqueue("Half ", threading.Event())
    person.ask("Tell")
    person.wait(lambda: person.message(1) == "Half ")
    person.press(Qt.Key.Key_Escape)
    person.wait_for(GenerationState.IDLE)
    engine.enqueue("and whole.")
    person.window.generation.continue_reply(person.window.session)
    person.wait_for(GenerationState.IDLE)
    person.window.close()
    reply = stored(home)[0].messages[-1]
    assert reply.text == "Half and whole."
    assert reply.reply is not None
    assert reply.reply.ending is Ending.STOP


def ask(person: Person, question: str) -> None:
    person.ask(question)
    person.wait_for(GenerationState.IDLE)


def test_a_conversation_whose_messages_were_all_deleted_can_come_back(person: Person, home: Path) -> None:
    ask(person, "Precious words")
    person.choose_in(0, "Delete this and later messages")
    person.type("x")
    person.press(Qt.Key.Key_Backspace)
    person.window.conversations.current.save_now()
    person.click("newConversationButton")
    assert person.titles() == ["Precious words"]
    person.type("Other")
    person.click("newConversationButton")
    person.window.commands.undo_change.trigger()
    assert set(person.titles()) == {"Other", "Precious words"}
    person.open("Precious words")
    person.wait(lambda: person.message(1) == "Precious words")
    person.window.close()
    assert ("Precious words", 2) in [(record.summary.title, len(record.messages)) for record in stored(home)]


def test_a_conversation_whose_messages_were_all_deleted_outlives_being_opened(
    person: Person, open_window: Callable[[], Person], home: Path
) -> None:
    ask(person, "Precious words")
    ask(person, "More of them")
    person.choose_in(0, "Delete this and later messages")
    person.window.close()
    again = open_window()
    again.wait(lambda: again.titles() == ["Precious words"])
    again.open("Precious words")
    again.click("newConversationButton")
    again.window.close()
    with closing(connect(home / "history.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (4,)


@pytest.mark.parametrize("gone", [[], ["one", "two"]])
def test_what_goes_from_the_bin_for_good_is_forgotten_by_all(qtbot: QtBot, gone: list[str]) -> None:
    autosave = AutoSave(lambda: cast("Any", SimpleNamespace(empty_trash=lambda: done)))
    erased, purged = QSignalSpy(autosave.erased), QSignalSpy(autosave.purged)
    done: Future[list[str]] = Future()
    autosave.empty_bin()
    thread = threading.Thread(target=done.set_result, args=(gone,))
    thread.start()
    thread.join()
    qtbot.wait(20)
    assert erased.count() == bool(gone)
    assert [purged.at(at) for at in range(purged.count())] == ([[gone]] if gone else [])


def test_a_draft_is_stored_while_one_types_on(person: Person) -> None:
    for _ in range(12):
        person.type("w")
        person.qtbot.wait(100)
    assert person.window.conversations.autosave.is_stored(person.window.session)


def test_a_system_prompt_alone_is_kept_as_a_draft_is(person: Person, open_window: Callable[[], Person]) -> None:
    ask(person, "Other")
    person.click("newConversationButton")
    person.find("systemPrompt").setPlainText("Rhyme.")
    person.open("Other")
    assert person.titles() == ["Untitled", "Other"]
    person.open("Untitled")
    assert person.find("systemPrompt").toPlainText() == "Rhyme."
    person.click("newConversationButton")
    assert person.find("systemPrompt").toPlainText() == ""
    person.open("Untitled")
    person.find("systemPrompt").clear()
    person.window.conversations.current.save_now()
    assert person.titles() == ["Other"]


@pytest.fixture
def slow(home: Path, open_window: Callable[[], Person], monkeypatch: pytest.MonkeyPatch) -> Person:
    """In front of two conversations, of which Slow takes its time to be read, and then cannot be."""
    slow, _ = put(home, ("Slow", 0.001), ("Quick", 0.002))
    load = History.load_conversation

    def load_slowly(history: History, name: str) -> ConversationRecord:
        if name == slow:
            time.sleep(0.4)
            raise StoreError("It is too slow.")
        time.sleep(0.8)
        return load(history, name)

    monkeypatch.setattr(History, "load_conversation", load_slowly)
    person = open_window()
    person.wait(lambda: person.titles() == ["Slow", "Quick"])
    return person


def test_a_new_conversation_is_not_replaced_by_one_that_was_being_read(slow: Person) -> None:
    slow.open("Quick")
    slow.click("newConversationButton")
    slow.type("Mine")
    slow.qtbot.wait(1200)
    assert slow.window.session.draft == slow.written() == "Mine"


def test_what_cannot_be_read_does_not_keep_another_from_being_shown(slow: Person) -> None:
    slow.open("Slow")
    slow.wait(lambda: slow.window.conversations.current._wanted)
    slow.open("Quick")
    slow.wait(lambda: slow.window.session.conversation.title == "Quick")


def test_what_was_written_last_does_not_replace_what_was_begun_since(person: Person) -> None:
    current = person.window.conversations.current
    person.click("newConversationButton")
    begun = current.session
    current.resume_draft(ConversationRecord(ConversationSummary("draft", "Hm", 1.0, 1.0), draft="Hm"))
    assert current.session is begun


def test_a_conversation_is_read_again_as_it_was_in_memory(person: Person, engine: ScriptedEngine, home: Path) -> None:
    engine.enqueue("They sleep ", rest := threading.Event(), "well.")
    person.ask("Whales")
    person.wait(lambda: person.message(1) == "They sleep ")
    with held(home / "history.sqlite3"):
        rest.set()
        person.wait_for(GenerationState.IDLE)
        person.click("newConversationButton")
        person.window.conversations.current.reload_sessions()
        person.open("Whales")
        QTest.qWait(300)
    person.wait(lambda: person.window.findChild(QWidget, "message-1"))
    assert person.message(1) == "They sleep well."


def test_deleted_messages_come_back_into_a_conversation_that_was_read_again(person: Person) -> None:
    ask(person, "One")
    ask(person, "Two")
    person.choose_in(2, "Delete this and later messages")
    person.click("newConversationButton")
    person.window.conversations.current.reload_sessions()
    person.open("One")
    person.wait(lambda: person.message(1) == "One")
    person.window.commands.undo_change.trigger()
    person.wait(lambda: person.message(3) == "Two")


@pytest.mark.parametrize("is_answering", [False, True])
def test_what_is_brought_into_the_conversation_that_is_shown_is_seen(
    person: Person, engine: ScriptedEngine, tmp_path: Path, is_answering: bool
) -> None:
    ask(person, "One")
    ask(person, "Two")
    conversation, file = person.window.session.conversation, tmp_path / "some.json"
    sidebar = person.window.sidebar
    sidebar.import_export.export([conversation.id], file)
    person.wait(lambda: "Exported" in person.status())
    content = json.loads(file.read_text())
    messages = content["conversations"][0]["messages"]
    messages.append({**messages[2], "id": "f" * 32, "parent": messages[3]["id"], "text": "From elsewhere"})
    content["conversations"][0]["tip"] = "f" * 32
    file.write_text(json.dumps(content))
    if is_answering:
        engine.enqueue("Half ", threading.Event())
        person.ask("Three")
        person.wait(lambda: person.message(5) == "Half ")
    sidebar.import_files([file])
    person.wait(lambda: conversation.message("f" * 32))
    last = person.message(5) if is_answering else person.message(4)
    assert last == ("Half " if is_answering else "From elsewhere")


SAVED = "Recent messages that were only kept in memory have now been saved."


class BrokenHistory:
    """Takes nothing."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> "Future[Any]":
            future: Future[Any] = Future()
            future.set_exception(StoreError("The disk is full."))
            return future

        return refuse


def test_what_cannot_be_stored_is_said_once(qtbot: Any) -> None:
    autosave = AutoSave(lambda: cast("History", BrokenHistory()))
    failed = QSignalSpy(autosave.failed)
    session = Session()
    session.begin_reply("Hello", Reply("m"))
    assert isinstance(autosave.store_question(session), Future)
    for _ in range(5):
        autosave.append_reply(session, [Piece("x", 1)])
        qtbot.wait(5)
    assert failed.count() == 1
    assert failed.at(0) == ["The disk is full."]


def test_a_history_that_cannot_be_opened_is_said_and_answers_come(
    open_window: Callable[[], Person], home: Path
) -> None:
    home.mkdir()
    (home / "history.sqlite3").mkdir()
    person = open_window()
    person.wait(lambda: "only kept in memory" in person.status())
    person.wait_for(GenerationState.IDLE)
    person.ask("Still there?")
    person.wait(lambda: person.message(1) == "Still there?")
    assert person.titles() == ["Still there?"]
    quit_action = next(action for action in person.window.actions() if action.text() == "Quit")
    quit_action.trigger()
    question = person.find("unsavedQuestion", QMessageBox)
    assert question.text().startswith("Quit Phichat? 1 conversation couldn’t be saved")
    QTest.keyClick(question, Qt.Key.Key_Escape)
    person.wait(lambda: person.window.findChild(QMessageBox, "unsavedQuestion") is None)
    assert person.window.isVisible()
    person.window.windowHandle().close()
    person.click("agreeButton")
    person.wait(lambda: not person.window.isVisible())


def test_a_folder_that_can_be_written_to_again_is_used_by_itself(
    open_window: Callable[[], Person], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "RETRY_SECONDS", 0.02)
    home.mkdir()
    (home / "history.sqlite3").mkdir()
    person = open_window()
    person.wait(lambda: "only kept in memory" in person.status())
    person.wait_for(GenerationState.IDLE)
    person.ask("Still there?")
    person.wait(lambda: person.message(1) == "Still there?")  # the model answers once the question is in memory
    (home / "history.sqlite3").rmdir()
    person.wait(lambda: person.status() == SAVED)
    assert stored_texts(home)[0] == "Still there?"


def stored_texts(home: Path) -> list[str]:
    """What another program finds in the only conversation."""
    with closing(History(home / "history.sqlite3", is_guest=True)) as history:
        (summary,) = history.list_conversations()
        return [message.text for message in history.load_conversation(summary.id).messages]


def test_a_full_disk_with_room_again_saves_by_itself(
    disk: Callable[[int], None], open_window: Callable[[], Person], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure goes, the good news fades, and the next failure is told again."""
    monkeypatch.setattr(feedback, "LEAST_SHOWN", 60)
    monkeypatch.setattr(feedback, "SHOWN_PER_LETTER", 0)
    person, said = open_window(), list[str]()
    person.window.feedback.shown.connect(lambda shown: said.append(shown.text))  # a look may come when it has faded
    person.wait_for(GenerationState.IDLE)
    ask(person, "First?")
    for question in ("Second? ", "Third? "):
        disk(1)
        person.find("composer").setPlainText(question + "x" * 100_000)
        person.press(Qt.Key.Key_Return)
        person.wait(lambda: "is full. New messages are only kept in memory" in person.status())
        person.wait_for(GenerationState.IDLE)
        said.clear()
        disk(1_000_000)
        person.wait(lambda: SAVED in said)
        person.wait(lambda: person.status() == "")
        assert any(text.startswith(question) for text in stored_texts(home))


def test_quitting_asks_nothing_where_all_is_saved(person: Person) -> None:
    person.ask("Saved?")
    person.wait_for(GenerationState.IDLE)
    next(action for action in person.window.actions() if action.text() == "Quit").trigger()
    assert not person.window.isVisible()


def test_any_text_comes_back(person: Person, open_window: Callable[[], Person]) -> None:
    said: dict[str, str] = {}
    for text in ("<|end|>'; DROP TABLE messages; --", "\ud800 lone", "𝕳 \u202e x", "x" * 100_000):
        person.click("newConversationButton")
        person.window.submit(text)
        person.wait_for(GenerationState.IDLE)
        said[person.titles()[0]] = person.message(0)
    assert len(said) == 4
    person.window.close()
    second = open_window()
    second.wait(lambda: set(second.titles()) == set(said))
    for title, message in said.items():
        second.open(title)
        second.wait(lambda: second.message(0) == message)  # noqa: B023

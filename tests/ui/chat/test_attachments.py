"""Text files go with a question: dropped, pasted or chosen, counted before they are sent, and never lost."""

import json
import threading
import weakref
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QClipboard, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton, QWidget

from phichat.chat.attachments import Attachment, AttachmentRemark, with_attachments
from phichat.engine.base import PromptFit, Request
from phichat.errors import EngineError
from phichat.exchange.export import Format, export
from phichat.ui.chat import attachments
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.transcript.message_editor import MessageEditor
from phichat.ui.widgets import dialogs
from tests.support.conversations import talk
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

CONTEXT = 4096


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.txt"
    file.write_text("Ferries float on the river.\n", "utf-8")
    return file


@pytest.fixture
def counting(engine: ScriptedEngine) -> ScriptedEngine:
    """A token for each character, two for each turn, and a context of 4,096."""

    def fits(request: Request) -> PromptFit:
        tokens = sum(len(turn.text) + 2 for turn in request.turns)
        excess = len(request.turns[-1].text) + 2 - (CONTEXT - 1)
        trouble = "It is too long." if excess > 0 else ""
        return PromptFit(tokens, 0, CONTEXT, trouble=trouble, excess=max(excess, 0))

    engine.fits = fits
    return engine


def drop(person: Person, *files: Path) -> None:
    """Drag them over the window, and let go."""
    buttons, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    data = _mime(*files)
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, buttons, none)
    QApplication.sendEvent(person.window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(person.window, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, none))


def chips(person: Person, place: str = "composerBox") -> list[str]:
    """What the chips there are called."""
    return [chip.accessibleName() for chip in _all(person, place, "chipOpen")]


def attach(person: Person, *files: Path) -> None:
    drop(person, *files)
    person.wait(lambda: {file.name for file in files} <= set(chips(person)))


def note(person: Person) -> str:
    found = person.find("composerNote")
    return "" if found.isHidden() else str(found.text())


def test_a_dropped_file_goes_with_the_question_and_stays_with_it(
    person: Person, engine: ScriptedEngine, notes: Path
) -> None:
    attach(person, notes)
    notes.unlink()  # what becomes of it is no matter
    person.ask("Why?")
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    file = Attachment("notes.txt", "Ferries float on the river.\n")
    assert engine.requests[0].turns[-1].text == with_attachments("Why?", [file])
    assert person.message(0) == "Why?"
    assert chips(person, "message-0") == ["notes.txt"]
    assert chips(person) == []
    assert person.window.session.attached == ()
    person.ask("And how?")
    person.wait(lambda: len(engine.requests) == 2)
    assert "Ferries float" in engine.requests[1].turns[0].text


@pytest.fixture
def clipboard(qapp: QApplication) -> Iterator[QClipboard]:
    """Empty afterwards: Qt keeps what is there for longer than Python lives, and this is an object of Python's."""
    yield qapp.clipboard()
    qapp.clipboard().clear()


def test_files_are_chosen_by_button_pasted_or_dropped_and_opened(
    person: Person, notes: Path, monkeypatch: pytest.MonkeyPatch, clipboard: QClipboard
) -> None:
    monkeypatch.setattr(dialogs, "choose_attachments", lambda _: [str(notes)])
    person.click("attachButton")
    person.wait(lambda: chips(person) == ["notes.txt"])
    QTest.mouseClick(_all(person, "composerBox", "chipRemove")[0], Qt.MouseButton.LeftButton)
    assert chips(person) == []
    clipboard.setMimeData(_mime(notes))
    person.press(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    person.wait(lambda: chips(person) == ["notes.txt"])
    assert person.written() == ""
    QTest.mouseClick(_all(person, "composerBox", "chipRemove")[0], Qt.MouseButton.LeftButton)
    assert chips(person) == []
    person.find("searchField").setFocus()
    drop(person, notes)
    assert person.window.focusWidget() is person.find("composer")
    person.wait(lambda: chips(person) == ["notes.txt"])
    drop(person, notes)
    person.wait(lambda: person.status() == "notes.txt is already attached.")
    assert chips(person) == ["notes.txt"]
    QTest.mouseClick(_all(person, "composerBox", "chipOpen")[0], Qt.MouseButton.LeftButton)
    window = person.find("attachmentWindow")
    assert (window.windowTitle(), person.find("attachmentText").toPlainText()) == (
        "notes.txt",
        "Ferries float on the river.\n",
    )
    window.close()


def test_a_file_alone_is_a_question(person: Person, engine: ScriptedEngine, notes: Path) -> None:
    assert not person.find("sendButton").isEnabled()
    attach(person, notes)
    assert person.find("sendButton").isEnabled()
    person.click("sendButton")
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    assert person.titles() == ["notes.txt"]
    person.find("message-0").take_focus()
    assert person.window.focusWidget().accessibleName() == "notes.txt"


def test_tokens_are_told_at_the_chip_and_in_the_status_line(
    person: Person, counting: ScriptedEngine, notes: Path
) -> None:
    attach(person, notes)
    length = len(with_attachments("", person.window.session.attached))
    person.wait(lambda: f"{length} tokens" in _all(person, "composerBox", "chipOpen")[0].accessibleDescription())
    assert _all(person, "composerBox", "chipOpen")[0].text() == f" notes.txt · {length} tokens"
    person.wait(lambda: f"Context: {length + 2} of 4,096" in str(person.find("statusContext").property("text")))


def test_what_cannot_fit_is_explained_and_not_sent(person: Person, counting: ScriptedEngine, tmp_path: Path) -> None:
    long, short = tmp_path / "long.txt", tmp_path / "short.txt"
    long.write_text("x" * 8_000, "utf-8")
    short.write_text("Short", "utf-8")
    attach(person, short, long)
    person.type("Why?")
    excess = len(with_attachments("Why?", person.window.session.attached)) + 2 - (CONTEXT - 1)
    sentence = (
        f"With its attachments, this message is {excess:,} tokens too long for the model’s context (4,096 tokens). "
        "Remove a file, shorten the message, or choose a larger context in the settings."
    )
    person.wait(lambda: note(person) == sentence)
    assert not person.find("sendButton").isEnabled()
    person.press(Qt.Key.Key_Return)
    assert (person.written(), chips(person), counting.requests) == ("Why?", ["short.txt", "long.txt"], [])
    QTest.mouseClick(_all(person, "composerBox", "chipRemove")[1], Qt.MouseButton.LeftButton)
    assert chips(person) == ["short.txt"]
    person.wait(lambda: note(person) == "")
    assert person.find("sendButton").isEnabled()
    person.press(Qt.Key.Key_Return)
    person.wait(lambda: len(counting.requests) == 1)


def test_a_text_that_is_much_too_long_is_not_counted(person: Person, engine: ScriptedEngine, tmp_path: Path) -> None:
    """What is known of its tokens is how many there are at least, which may be a small part."""

    def fits(request: Request) -> PromptFit:
        if not request.turns[-1].text:
            return PromptFit(6, 0, CONTEXT)
        return PromptFit(4646, 0, CONTEXT, trouble="It is too long.", excess=550, is_least=True)

    engine.fits = fits
    long = tmp_path / "long.txt"
    long.write_text("x" * 8_000, "utf-8")
    attach(person, long)
    person.type("Why?")
    person.wait(lambda: note(person).startswith("With its attachments, this message is much too long for the model’s"))
    assert "4,096 tokens" in note(person)
    [chip] = _all(person, "composerBox", "chipOpen")
    person.wait(lambda: chip.text().endswith("more than 4,640 tokens"))
    person.click("newConversationButton")

    def fits_others(request: Request) -> PromptFit:
        text = request.turns[-1].text
        if not text:
            return PromptFit(6, 0, CONTEXT)
        if "y" in text:  # nobody counts that
            return PromptFit(4646, 0, CONTEXT, trouble="It is too long.", excess=550, is_least=True)
        return PromptFit(50_006, 0, CONTEXT, trouble="It is too long.", excess=46_000)

    engine.fits = fits_others
    for letter in "xy":
        (tmp_path / f"{letter}.txt").write_text(letter * 8_000, "utf-8")
        attach(person, tmp_path / f"{letter}.txt")
    person.wait(lambda: "more than 54,640" in person.find("statusContext").text())


def test_a_long_text_that_is_pasted_stays_text_and_is_weighed_too(person: Person, counting: ScriptedEngine) -> None:
    data = QMimeData()
    data.setText("word " * 1200)
    person.find("composer").insertFromMimeData(data)
    person.wait(lambda: note(person).startswith("This message is 1,907 tokens too long"))
    assert chips(person) == []
    assert person.written() == "word " * 1200


def test_a_text_that_was_removed_is_there_again_after_undo(person: Person, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Notes.\n", "utf-8")
    data = QMimeData()
    data.setText("A line of it.\n" * 2000)
    person.find("composer").insertFromMimeData(data)
    attach(person, tmp_path / "notes.txt")
    before = person.window.session.attached
    QTest.mouseClick(_all(person, "composerBox", "chipRemove")[0], Qt.MouseButton.LeftButton)
    assert before[0] not in person.window.session.attached
    person.click("undoButton")
    assert person.window.session.attached == before
    person.click("redoButton")
    assert chips(person) == ["notes.txt"]


def test_a_chip_is_removed_by_key_and_the_focus_goes_on(person: Person, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.txt", "b.txt")]
    for file in files:
        file.write_text(file.name, "utf-8")
    attach(person, *files)
    person.find("attachButton").setFocus()
    for _ in range(4):
        QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert person.window.focusWidget().accessibleName() == "a.txt"
    QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Delete)
    assert chips(person) == ["b.txt"]
    assert person.window.focusWidget().accessibleName() == "Remove b.txt"
    QTest.keyClick(person.window.focusWidget(), Qt.Key.Key_Space)
    assert chips(person) == []
    assert person.window.focusWidget() is person.find("composer")


BAD = [
    ("a.png", b"\x89PNG\0\0", "a.png isn’t a text file."),
    ("big.txt", b"a" * 1_000_001, "1,000,001\u00a0bytes; the limit is 1,000,000\u00a0bytes"),
    ("large.txt", b"a" * 1_020_000, "1.02\u00a0MB; the limit is 1.00\u00a0MB"),
    ("gone.txt", None, "gone.txt no longer exists. It may have been moved, renamed, or deleted."),
    ("empty.txt", b"", "empty.txt is empty, so it can’t be attached."),
]


def test_a_bad_file_is_told_with_its_reason_and_nothing_is_lost(person: Person, notes: Path, tmp_path: Path) -> None:
    for name, content, sentence in BAD:
        person.click("newConversationButton")
        assert "absent.txt" not in person.status()
        assert chips(person) == []
        _drop_bad_file(person, tmp_path / name, content, sentence)


def _drop_bad_file(person: Person, bad: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        bad.write_bytes(content)
    person.type("Half a thought")
    attach(person, bad.with_name("notes.txt"))
    drop(person, bad, bad.with_name("absent.txt"))
    person.wait(lambda: sentence in person.status())
    assert "absent.txt no longer exists." in person.status()
    assert (person.written(), chips(person)) == ("Half a thought", ["notes.txt"])


def test_all_refused_files_are_named_with_their_reasons(person: Person, notes: Path, tmp_path: Path) -> None:
    bad = [tmp_path / f"picture {number}.png" for number in range(30)]
    for file in bad:
        file.write_bytes(b"\x89PNG\0\0")
    others = {"empty.txt": b"", "big.log": b"a" * 1_200_000, "large.log": b"a" * 2_400_000}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    drop(person, *bad[:5], notes, *bad[5:], *(tmp_path / name for name in others), tmp_path / "absent.txt")
    person.wait(lambda: "absent.txt no longer exists." in person.status())
    pictures, empty, large, absent = person.status().splitlines()
    assert pictures.startswith("picture 0.png isn’t a text file.")
    assert "The same goes for picture 1.png, picture 2.png" in pictures
    assert pictures.endswith(", and 9 more files.")
    assert empty == "empty.txt is empty, so it can’t be attached."
    assert large.startswith("big.log is too large to attach")
    assert large.endswith("The same goes for large.log.")
    assert absent.startswith("absent.txt no longer exists.")
    assert chips(person) == ["notes.txt"]


def test_refusals_are_there_after_sending_until_they_are_dismissed(
    person: Person, engine: ScriptedEngine, notes: Path, tmp_path: Path
) -> None:
    engine.enqueue(EngineError("The model ended."))
    drop(person, notes, tmp_path / "absent.txt")
    person.wait(lambda: "absent.txt no longer exists." in person.status())
    person.ask("What do they say?")
    assert "absent.txt no longer exists." in person.status()
    person.wait(lambda: person.status() == "The model ended.")
    person.click("statusMessageDismiss")
    assert "absent.txt no longer exists." in person.status(), "it was not read, as something else went wrong"
    person.click("newConversationButton")
    assert person.status() == ""
    person.open("What do they say?")
    assert "absent.txt no longer exists." in person.status()
    person.click("statusMessageDismiss")
    assert person.status() == ""


def test_a_refusal_is_there_until_the_same_file_is_attached(person: Person, notes: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    person.window.feedback.announced.connect(heard.append)
    bad, worse = tmp_path / "a.png", tmp_path / "b.txt"
    bad.write_bytes(b"\x89PNG\0\0")
    worse.write_bytes(b"")
    refused = "a.png isn’t a text file. Only documents and text files can be attached."
    empty = "b.txt is empty, so it can’t be attached."
    drop(person, bad)
    person.wait(lambda: person.status() == refused)
    attach(person, notes)
    assert person.status() == refused, "it may not have been read"
    drop(person, worse)
    person.wait(lambda: person.status() == f"{refused}\n{empty}")
    worse.write_text("Now it has words.", "utf-8")
    drop(person, worse)
    person.wait(lambda: person.status() == refused)
    assert heard == [refused, empty], "each is read out once"
    person.click("statusMessageDismiss")
    assert person.status() == ""
    worse.write_bytes(b"")
    drop(person, worse)
    person.wait(lambda: person.status() == empty)
    assert chips(person) == ["notes.txt", "b.txt"]


def test_exports_of_any_program_are_imported_without_inventing_a_date_and_other_json_is_attached(
    person: Person, tmp_path: Path
) -> None:
    lines = [json.dumps({"messages": [{"role": "user", "content": title}]}) for title in ("Ferries", "Owls")]
    (tmp_path / "talks.jsonl").write_text("\n".join(lines))
    drop(person, tmp_path / "talks.jsonl")
    person.wait(lambda: {"Ferries", "Owls"} <= set(person.titles()))
    assert chips(person) == []
    rows = person.find("conversationList").model()
    titles = [rows.index(row, 0).data() for row in range(rows.rowCount())]
    assert titles[titles.index("No date") + 1 :] in (["Ferries", "Owls"], ["Owls", "Ferries"])
    exported, plain = tmp_path / "talk.json", tmp_path / "data.json"
    export([talk("Why?", "Because.", title="Brought")], Format.JSON, exported)
    plain.write_text('{"ferry": 1}', "utf-8")
    drop(person, exported, plain)
    person.wait(lambda: chips(person) == ["data.json"] and "Brought" in person.titles())


def test_a_model_without_its_ending_is_opened(
    person: Person, engine: ScriptedEngine, phi3_model: Path, tmp_path: Path
) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(phi3_model.read_bytes())
    drop(person, blob)
    person.wait(lambda: engine.loads[-1][0] == blob)
    person.wait_for(GenerationState.IDLE)


def test_files_are_there_after_a_restart_and_in_their_own_conversation(
    person: Person, open_window: Callable[[], Person], engine: ScriptedEngine, notes: Path
) -> None:
    person.ask("First")
    person.wait_for(GenerationState.IDLE)
    person.click("newConversationButton")
    attach(person, notes)
    person.open("First")
    person.wait(lambda: chips(person) == [])
    person.open("notes.txt")
    assert chips(person) == ["notes.txt"]
    person.window.close()
    second = open_window()
    second.wait(lambda: chips(second) == ["notes.txt"])
    second.wait_for(GenerationState.IDLE)
    second.ask("Why?")
    second.wait(lambda: engine.requests[-1].turns[-1].text.startswith("notes.txt:"))
    second.wait_for(GenerationState.IDLE)
    second.window.close()
    third = open_window()
    third.wait(lambda: "Why?" in third.titles())
    third.open("Why?")
    third.wait(lambda: chips(third, "message-0") == ["notes.txt"])
    assert chips(third) == []


def test_an_edited_question_keeps_its_files_but_for_those_taken_away(
    person: Person, engine: ScriptedEngine, notes: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Other", "utf-8")
    attach(person, notes, other)
    person.ask("Why?")
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    person.press_in(0, "Edit")
    assert chips(person, "editBox") == ["notes.txt", "other.txt"]
    QTest.mouseClick(_all(person, "editBox", "chipRemove")[0], Qt.MouseButton.LeftButton)
    QTest.keyClicks(person.find("editField"), " Then?")
    person.click("editSend")
    person.wait(lambda: len(engine.requests) == 2)
    assert engine.requests[1].turns[-1].text == with_attachments("Why? Then?", [Attachment("other.txt", "Other")])
    person.wait_for(GenerationState.IDLE)
    person.press_in(0, "Previous version")
    assert chips(person, "message-0") == ["notes.txt", "other.txt"]


def test_what_is_asked_before_there_is_a_model_takes_its_files_along(
    open_window: Callable[[], Person],
    engine: ScriptedEngine,
    notes: Path,
    phi3_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("phichat.models.library.STARTER_PACKAGE", "no_such_package")
    person = open_window()
    person.wait(lambda: "No model" in str(person.find("modelButton").property("text")))
    attach(person, notes)
    person.ask("Early")
    assert (person.written(), chips(person)) == ("Early", ["notes.txt"])
    person.window.model_selection.open_file(str(phi3_model))
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    assert engine.requests[0].turns[-1].text.startswith("notes.txt:")
    assert (person.written(), chips(person)) == ("", [])


def test_while_an_answer_is_made_the_next_question_gets_its_files(
    person: Person, engine: ScriptedEngine, notes: Path
) -> None:
    gate = threading.Event()
    engine.enqueue("Once ", gate, "upon")
    person.ask("Tell")
    person.wait_for(GenerationState.WRITING)
    attach(person, notes)
    person.ask("Why?")
    assert (person.written(), chips(person)) == ("Why?", ["notes.txt"])
    gate.set()
    person.wait_for(GenerationState.IDLE)
    person.press(Qt.Key.Key_Return)
    person.wait(lambda: engine.requests[-1].turns[-1].text.startswith("notes.txt:"))


def test_a_file_is_read_ahead_before_a_word_is_written(person: Person, engine: ScriptedEngine, notes: Path) -> None:
    attach(person, notes)
    person.wait(lambda: any(draft.endswith("float on the river.\n```\n\n") for draft in engine.drafts))


def test_a_file_on_a_slow_disk_holds_nothing_up(
    person: Person, notes: Path, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    _hold(monkeypatch, gate)
    drop(person, notes)
    person.type("Meanwhile")
    person.wait(lambda: note(person) == "Reading notes.txt…")
    person.press(Qt.Key.Key_Return)
    assert person.written() == "Meanwhile"
    person.click("newConversationButton")
    assert note(person) == "Reading notes.txt…"
    gate.set()
    person.wait(lambda: note(person) == "")
    assert chips(person) == []
    person.open("Meanwhile")
    person.wait(lambda: chips(person) == ["notes.txt"])


@pytest.fixture
def held(person: Person, notes: Path, monkeypatch: pytest.MonkeyPatch, clipboard: QClipboard) -> threading.Event:
    """Open when a file may be read that was pasted into the editor of a message."""
    person.ask("Why?")
    person.wait(lambda: person.message(1) == "Why?" and person.window.generation.state is GenerationState.IDLE)
    gate = threading.Event()
    _hold(monkeypatch, gate)
    person.press_in(0, "Edit")
    clipboard.setMimeData(_mime(notes))
    QTest.keyClick(person.find("editField"), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    person.wait(lambda: edit_hint(person) == "Reading notes.txt…")
    return gate


def edit_hint(person: Person) -> str:
    """Return what an editor says below its field."""
    (hint,) = [label.text() for label in person.find("editBox").findChildren(QLabel) if len(label.text()) > 15]
    return str(hint)


def test_a_file_that_is_read_after_its_edit_was_canceled_is_there_when_that_goes_on(
    person: Person, held: threading.Event
) -> None:
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Escape)
    held.set()
    person.wait(lambda: person.status() == "notes.txt will be attached when you edit the message again.")
    assert chips(person) == []
    person.press_in(0, "Edit")
    assert chips(person, "editBox") == ["notes.txt"]


def test_a_long_file_that_is_read_after_its_edit_was_canceled_is_refused(person: Person, held: threading.Event) -> None:
    controller = person.window.findChild(attachments.AttachmentController)
    assert controller
    controller.is_long = lambda _: True
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Escape)
    held.set()
    person.wait(lambda: person.status() == "notes.txt wasn’t attached because you canceled the edit.")
    assert not _all(person, "composerBox", "documentChip")


def test_an_edit_waits_for_the_file_that_is_being_read_for_it(
    person: Person, held: threading.Event, engine: ScriptedEngine
) -> None:
    """It was sent without, and the file was refused. The message field held back what nothing was read for."""
    assert note(person) == ""
    QTest.keyClicks(person.find("editField"), " Then?")
    assert not person.find("editSend").isEnabled()
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Return)
    assert edit_hint(person) == "Reading notes.txt…"
    assert len(engine.requests) == 1
    held.set()
    person.wait(lambda: chips(person, "editBox") == ["notes.txt"])
    person.wait(lambda: edit_hint(person).startswith("Sending creates a new version"))
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) == 2)
    assert engine.requests[1].turns[-1].text.startswith("notes.txt:")


def test_an_edit_tells_of_a_picture_while_pages_are_read_and_of_a_file_before_that_is_named(
    person: Person, held: threading.Event, clipboard: QClipboard, engine: ScriptedEngine
) -> None:
    """Each page that was read took the sentence away; Enter in the first moment of reading did nothing, in silence."""
    editor = person.find("editBox", MessageEditor)
    picture = QMimeData()
    picture.setImageData(QImage(4, 4, QImage.Format.Format_RGB32))
    clipboard.setMimeData(picture)
    QTest.keyClick(editor.field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    refusal = "Phichat can’t read images. Paste text or attach a document instead."
    person.wait(lambda: edit_hint(person) == refusal)
    editor.set_can_send(can_send=True)
    editor.show_reading("notes.txt, page 2")
    assert edit_hint(person) == refusal
    QTest.keyClick(editor.field, Qt.Key.Key_Return)
    assert edit_hint(person) == "Reading notes.txt, page 2…"
    held.set()
    person.wait(lambda: chips(person, "editBox") == ["notes.txt"])
    editor.show_reading("")
    QTest.keyClick(editor.field, Qt.Key.Key_Return)
    assert edit_hint(person) == "A file is still being read. Try again in a moment."
    editor.show_reading(None)
    assert edit_hint(person).startswith("Sending creates a new version")
    assert len(engine.requests) == 1


def test_an_edit_does_not_wait_for_a_file_that_never_comes(
    person: Person, held: threading.Event, engine: ScriptedEngine
) -> None:
    files = person.window.findChild(attachments.AttachmentController)
    assert files
    files._give_up()
    person.wait(lambda: person.status().startswith("notes.txt took too long to read."))
    QTest.keyClick(person.find("editField"), Qt.Key.Key_Return)
    person.wait(lambda: len(engine.requests) == 2)
    held.set()


def test_a_window_that_closes_while_a_file_is_read_for_an_edit_keeps_nothing(
    person: Person, held: threading.Event
) -> None:
    """What is kept in a circle is freed by Python's collector, and the next window crashed after that."""
    files = person.window.findChild(attachments.AttachmentController)
    assert files
    target = weakref.ref(files._readings[0].target)
    held.set()
    files.close()
    assert target() is None


def _give_up_after(person: Person, milliseconds: int) -> None:
    """Have files given up that don't answer for so long."""
    files = person.window.findChild(attachments.AttachmentController)
    assert files
    files._give_up_timer.setInterval(milliseconds)


def _stuck_files(folder: Path, count: int) -> list[Path]:
    """Return so many files, for `_hold`."""
    stuck = [folder / f"stuck{number}.txt" for number in range(count)]
    for file in stuck:
        file.write_text("Nobody will ever read this.")
    return stuck


def test_a_disk_that_never_answers_is_given_up_and_files_behind_it_are_attached(
    person: Person, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    _hold(monkeypatch, gate)
    _give_up_after(person, 50)
    drop(person, notes)
    person.wait(lambda: person.status().startswith("notes.txt took too long to read."))
    gate.set()
    assert note(person) == ""
    assert chips(person) == []
    person.click("newConversationButton")
    stuck, none = tmp_path / "stuck.txt", tmp_path / "none.txt"
    stuck.write_text("Nobody will ever read this.")
    gate = threading.Event()
    _hold(monkeypatch, gate, stuck)
    _give_up_after(person, 200)
    drop(person, stuck, none, notes)
    person.wait(lambda: "none.txt" in person.status())
    gate.set()
    late, missing = person.status().splitlines()
    assert late.startswith("stuck.txt took too long to read.")
    assert "none.txt" in missing
    assert note(person) == ""
    assert chips(person) == ["notes.txt"]


def test_a_disk_that_never_answers_holds_up_no_other(
    person: Person, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = _stuck_files(tmp_path, 6)  # more than are read at once
    gate = threading.Event()
    _hold(monkeypatch, gate, *stuck)
    _give_up_after(person, 200)
    drop(person, *stuck)
    person.wait(lambda: person.status().startswith("stuck0.txt took too long to read."))  # before the others are
    person.wait(lambda: all(file.name in person.status() for file in stuck))
    assert note(person) == ""
    attach(person, notes)
    gate.set()
    assert person.status().startswith("stuck0.txt took too long to read.")
    assert chips(person) == ["notes.txt"]


def test_a_file_whose_turn_has_not_come_is_not_given_up(
    person: Person, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = _stuck_files(tmp_path, 4)  # as many as are read at once
    gate = threading.Event()
    _hold(monkeypatch, gate, *stuck)
    _give_up_after(person, 200)
    for file in stuck:
        drop(person, file)
    attach(person, notes)
    assert all(file.name in person.status() for file in stuck)
    assert "notes.txt" not in person.status()
    gate.set()


def test_what_is_missing_in_a_file_is_told_even_if_the_next_one_never_answers(
    person: Person, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, gate = tmp_path / "stuck.txt", threading.Event()
    stuck.write_text("Nobody will ever read this.")
    files = person.window.findChild(attachments.AttachmentController)
    assert files

    def read(file: Path, *_: object) -> Iterator[object]:
        if file == stuck:
            gate.wait(30)
        yield Attachment(file.name, "Ferries float.")
        yield AttachmentRemark("Page 3 couldn’t be read.")

    monkeypatch.setattr(files, "_read", read)
    files._give_up_timer.setInterval(200)
    drop(person, notes, stuck)
    person.wait(lambda: person.status() == "Page 3 couldn’t be read.")
    person.window.feedback.end_results()
    assert person.status().startswith("stuck.txt took too long to read.")
    gate.set()


def test_words_in_a_file_are_found_and_shown(person: Person, engine: ScriptedEngine, notes: Path) -> None:
    attach(person, notes)
    person.ask("Why?")
    person.wait(lambda: engine.requests and person.window.generation.state is GenerationState.IDLE)
    person.click("newConversationButton")
    QTest.keyClicks(person.find("searchField"), "river")
    person.wait(lambda: person.window.findChild(QWidget, "searchResults") and person.titles("searchResults"))
    assert "river" in person.row("Why?", "searchResults").data(Qt.ItemDataRole.UserRole).excerpt
    person.open("Why?", "searchResults")
    person.wait(lambda: chips(person, "message-0") == ["notes.txt"])
    chip = _all(person, "message-0", "chipOpen")[0]
    frame = chip.parentWidget()
    assert frame
    person.wait(lambda: frame.property("found"))
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert person.find("attachmentText").textCursor().position() == "Ferries float on the river.".index("river")
    person.find("attachmentWindow").close()


def _hold(monkeypatch: pytest.MonkeyPatch, gate: threading.Event, *held: Path) -> None:
    """No file, or none of those, is read before the gate is open."""
    from phichat.exchange import text_files

    read = text_files.read_text

    def slowly(file: Path) -> Attachment:
        if not held or file in held:
            gate.wait(30)
        return read(file)

    monkeypatch.setattr(text_files, "read_text", slowly)


def _mime(*files: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    return data


def _all(person: Person, place: str, name: str) -> list[QToolButton]:
    """Those of that name in that place, in the order in which they are seen."""
    found = person.find(place).findChildren(QToolButton, name)
    shown = [one for one in found if not one.isHidden() and not one.parentWidget().isHidden()]
    places = {one: one.mapTo(person.window, QPoint()) for one in shown}
    return sorted(shown, key=lambda one: (places[one].y(), places[one].x()))


def test_who_attached_a_file_goes_on_writing(person: Person, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for is_chosen, by_key in product((True, False), repeat=2):
        monkeypatch.setattr(dialogs, "choose_attachments", lambda _: [str(notes)] if is_chosen else [])  # noqa: B023
        person.click("newConversationButton")
        _press_attach(person, is_chosen=is_chosen, by_key=by_key)


def _press_attach(person: Person, *, is_chosen: bool, by_key: bool) -> None:
    assert not person.window.session.attached
    button = person.find("attachButton")
    if by_key:
        button.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(button, Qt.Key.Key_Space)
    else:
        person.find("composer").setFocus()
        person.click("attachButton")
    goes_on = is_chosen or not by_key  # who cancels by key stays at the button
    assert person.find("composer").hasFocus() is goes_on
    person.wait(lambda: bool(person.window.session.attached) is is_chosen)

"""Nothing that a message is shown with makes the conversation wider than its place, whatever words it has."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QToolButton, QWidget

from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Branch, Conversation, Ending, Reply, Role
from phichat.chat.session import Session
from phichat.chat.sources import Source, Sources
from phichat.ui.blocks.code_block import CodeBlock
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.transcript.answer_columns import AnswerColumns
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

WORD = "Donaudampfschifffahrts" * 14
"""A word of 300 letters, as a model or a file from elsewhere may bring it."""

DONE = Reply("m", 7, (1,), Ending.STOP)
PASSAGE = Source(f"{WORD[:200]}.pdf", "Ferries float on the river.", heading=(WORD,))


def conversation(question: str = "Why?", answer: str = "Well.", reply: Reply = DONE, **more: object) -> Conversation:
    made = Conversation("Long words")
    made.add_message(Role.USER, question, **more)  # type: ignore[arg-type]
    made.add_message(Role.ASSISTANT, answer, reply)
    return made


PLACES: dict[str, Callable[[], Conversation]] = {
    "question": lambda: conversation(question=WORD),
    "file": lambda: conversation(attachments=(Attachment(f"{WORD[:200]}.txt", WORD),)),
    "answer": lambda: conversation(answer=f"# {WORD}\n\n{WORD}\n\n- {WORD}\n\n> {WORD}\n\n[{WORD}](https://{WORD}.de)"),
    "code": lambda: conversation(answer=f"```python\n{WORD}\n```"),
    "language": lambda: conversation(answer=f"```{WORD}\nx = 1\n```"),
    "address as language": lambda: conversation(answer=f"```https://example.com/{WORD}?a=b\nx = 1\n```"),
    "code in a list": lambda: conversation(answer=f"- one\n  - two\n\n    ```{WORD}\n    x = 1\n    ```"),
    "table": lambda: conversation(answer=f"| {WORD} | b |\n|---|---|\n| {WORD} | {WORD} |"),
    "formula": lambda: conversation(answer=f"$${WORD}$$\n\n\\(\\text{{{WORD}}}\\)"),
    "model": lambda: conversation(reply=Reply(WORD, 7, (1,), Ending.STOP)),
    "failure": lambda: conversation(answer="", reply=Reply(ending=Ending.ERROR, statistics={"error": f"No {WORD}."})),
    "stopping text": lambda: conversation(reply=Reply("m", ending=Ending.STOP, statistics={"stopped_by": WORD})),
    "branch": lambda: conversation(reply=Reply("m", ending=Ending.STOP, branched_from=Branch("x", 0, WORD, WORD))),
    "thoughts": lambda: conversation(reply=Reply("m", ending=Ending.STOP, thinking=WORD, thinking_seconds=2.0)),
    "sources": lambda: conversation(answer="Ferries float on the river.", sources=Sources(("a",), (PASSAGE,))),
    "searched": lambda: conversation(sources=Sources(searched=(WORD,))),
    "unfinished": lambda: conversation(sources=Sources(searched=("a",), unfinished=(WORD,))),
}


def show(person: Person, shown: Conversation) -> None:
    person.window.conversations.current.cache_session(Session(shown))
    person.window.conversations.current.open_conversation(shown.id)
    last = shown.path()[-1]
    person.wait(lambda: person.find("message-1").message.id == last.id)
    person.wait_until_still()


def overhang(person: Person) -> int:
    """By how many pixels the messages are wider than their place."""
    transcript = person.find("transcript")
    return int(transcript.widget().width() - transcript.viewport().width())


def cut(person: Person, view: QWidget) -> list[str]:
    """What labels and buttons in a message reach out of it, and so are cut."""
    shown = [one for kind in (QLabel, QAbstractButton) for one in view.findChildren(kind) if one.isVisible()]
    places = [QRect(one.mapTo(view, QPoint()), one.size()) for one in shown]
    return [
        f"{one} {place}"
        for one, place in zip(shown, places, strict=True)
        if place.left() < 0 or place.right() >= view.width()
    ]


@pytest.mark.parametrize("width", [620, 1180])
def test_a_long_word_anywhere_leaves_the_conversation_as_wide_as_it_is(person: Person, width: int) -> None:
    person.window.resize(width, 700)
    found = {}
    for place, make in PLACES.items():
        show(person, make())
        for name in ("message-0", "message-1"):
            found[f"{place}: {name}"] = cut(person, person.find(name)), overhang(person)
    assert {place: what for place, what in found.items() if what[0] or what[1] > 0} == {}


def test_columns_of_answers_stay_as_wide_as_they_are(person: Person) -> None:
    shown = conversation(question=WORD, reply=Reply(WORD, 7, (1,), Ending.STOP)).path()
    columns = AnswerColumns(person.window._theme, person.find("transcript").context)
    columns.show_messages("Why?", [shown[1].__class__(Role.ASSISTANT, "Well.", reply=DONE)])
    usual = columns.minimumSizeHint().width()
    columns.show_messages(shown[0].text, shown[1:])
    assert columns.minimumSizeHint().width() <= usual


def test_code_that_is_not_saved_says_so_in_its_width_until_it_is_dismissed(
    person: Person, engine: ScriptedEngine, tmp_path: Path
) -> None:
    engine.enqueue("```python\nx = 1\n```")
    person.ask("Write code")
    person.wait_for(GenerationState.IDLE)
    view = person.find("message-1")
    person.wait(lambda: view.findChild(CodeBlock))
    block = view.findChild(CodeBlock)
    block.save(str(tmp_path / WORD[:200] / "x.py"))
    person.wait_until_still()
    assert (cut(person, view), overhang(person)) == ([], 0)
    labels = [one for one in block.findChildren(QLabel) if one.isVisible()]
    assert [one.text() for one in labels if "couldn’t be saved" in one.text()]
    assert "python" in [one.text() for one in labels]
    dismiss = next(one for one in block.findChildren(QToolButton) if one.accessibleName() == "Dismiss")
    assert dismiss in block.buttons()
    QTest.mouseClick(dismiss, Qt.MouseButton.LeftButton)
    assert not [one for one in block.findChildren(QLabel) if one.isVisible() and "couldn’t" in one.text()]
    block.save(str(tmp_path / WORD[:200] / "x.py"))
    block.save(str(tmp_path / "x.py"))
    assert not [one for one in block.findChildren(QLabel) if one.isVisible() and "couldn’t" in one.text()]


def test_a_long_word_is_copied_as_it_is(person: Person) -> None:
    show(person, conversation(answer="", reply=Reply(ending=Ending.ERROR, statistics={"error": f"No {WORD}."})))
    note = next(one for one in person.find("message-1").findChildren(QLabel) if WORD in one.text())
    note.setSelection(0, len(note.property("text")))
    QTest.keyClick(note, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == f"No {WORD}."

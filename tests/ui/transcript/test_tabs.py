"""A tab is four columns wide wherever text is shown or written, in every text size."""

from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person


def _columns(field: QTextEdit | QPlainTextEdit) -> float:
    return field.tabStopDistance() / field.fontMetrics().horizontalAdvance(" ")


def test_a_tab_is_four_columns_wide_everywhere(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("Prose\n\n```sql\nSELECT\ta\n```\n")
    person.find("composer").setPlainText("SELECT\ta,\n\tb\nFROM\tt;")
    person.click("sendButton")
    person.wait_for(GenerationState.IDLE)
    (question,) = person.find("message-0").text_edits()
    person.wait(lambda: len(person.find("message-1").text_edits()) == 2)
    fields = [question, *person.find("message-1").text_edits(), person.find("composer"), person.find("systemPrompt")]
    for field in fields:
        assert _columns(field) == 4
        font = field.font()
        font.setPointSizeF(2 * font.pointSizeF())
        field.setFont(font)
        assert _columns(field) == 4


def test_words_behind_a_tab_are_not_far_away(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("OK")
    person.find("composer").setPlainText("\tb")
    person.click("sendButton")
    person.wait_for(GenerationState.IDLE)
    (question,) = person.find("message-0").text_edits()
    cursor = question.textCursor()
    cursor.setPosition(0)
    begin = question.cursorRect(cursor).left()
    cursor.setPosition(1)
    assert question.cursorRect(cursor).left() - begin < 40

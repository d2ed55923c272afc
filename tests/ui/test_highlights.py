"""Matches in a text field are highlighted wherever they are in sight."""

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTextEdit
from pytestqt.qtbot import QtBot

from phichat.ui.theme.palette import colors_of
from phichat.ui.widgets.highlights import Highlights, SearchTerms


def is_marked(field: QTextEdit) -> bool:
    """Return whether all words in sight are highlighted."""
    seen = field.viewport().rect()
    first, last = (field.cursorForPosition(each).position() for each in (seen.topLeft(), seen.bottomRight()))
    marked = {each.cursor.selectionStart() for each in field.extraSelections()}
    text = field.toPlainText()
    return {at for at in range(first, last) if text.startswith("word", at)} <= marked


def test_a_long_paragraph_is_highlighted_wherever_it_is_in_sight(qtbot: QtBot) -> None:
    field = QTextEdit(" ".join(f"{number} word" for number in range(6000)))
    field.resize(600, 300)
    field.show()
    highlights = Highlights(field, SearchTerms("word"), colors_of("light", "teal"))
    bar = field.verticalScrollBar()
    qtbot.waitExposed(field)
    bar.setValue(bar.maximum() // 2)
    qtbot.waitUntil(lambda: is_marked(field))
    field.resize(200, 300)
    QTest.qWait(0)
    bar.setValue(bar.maximum() // 2)
    qtbot.waitUntil(lambda: is_marked(field))
    highlights.clear()
    field.close()

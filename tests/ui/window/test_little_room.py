"""In a small window, and with large letters, everything can be read: it wraps, gives way or says that it is cut."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QScrollArea, QStyle, QWidget

from phichat import i18n
from phichat.errors import EngineError
from phichat.ui.controllers.generation import GenerationState
from phichat.ui.models.banners import MakersNotice, ReadyNotice
from phichat.ui.theme.scaling import set_text_size
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.answer_columns import AnswerColumns
from phichat.ui.widgets.controls import IconButton
from phichat.ui.widgets.foreign_text import ElidedLabel
from phichat.ui.widgets.message_line import AlertLabel
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

FAILURE = "The model’s process stopped, perhaps for lack of memory. Try again, or choose a smaller model."


@pytest.fixture(autouse=True)
def _usual_letters(qapp: QApplication) -> Iterator[None]:
    yield
    set_text_size(qapp, 100, "")


@pytest.fixture
def narrow(person: Person) -> Person:
    """In front of a small window with the settings open."""
    person.window.resize(600, 386)
    person.window.commands.panel.setChecked(True)
    return person


@pytest.fixture
def larger(home: Path, open_window: Callable[[], Person]) -> Person:
    """In front of a window with letters of one and a half times the size."""
    home.mkdir(exist_ok=True)
    (home / "preferences.json").write_text(json.dumps({"text_percent": 150}), "utf-8")
    person = open_window()
    person.wait_for(GenerationState.IDLE)
    return person


def place(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), QPoint()), widget.size())


def test_what_was_done_ends_as_it_does_though_its_middle_is_cut(narrow: Person) -> None:
    sentence = "“A conversation with quite a long title” deleted."
    narrow.window.conversations.undo_stack.announced.emit(sentence, "")
    narrow.wait(lambda: narrow.find("undoBar").isVisible())
    [line] = narrow.find("undoBar").findChildren(ElidedLabel)
    narrow.wait(lambda: "…" in line.shown_text())
    assert line.shown_text().endswith("deleted.")
    assert (line.text(), line.toolTip()) == (sentence, sentence)
    narrow.window.commands.panel.setChecked(False)
    narrow.window.resize(1200, 600)
    narrow.wait(lambda: (line.shown_text(), line.toolTip()) == (sentence, ""))


def test_the_message_field_says_that_its_hint_is_cut(narrow: Person) -> None:
    field = narrow.find("composer")
    narrow.wait(lambda: field.placeholderText().endswith("…") and field.placeholderText() != "Write a message…")
    room = field.viewport().width()
    assert field.fontMetrics().horizontalAdvance(field.placeholderText()) < room
    narrow.window.resize(1200, 600)
    narrow.wait(lambda: field.placeholderText() == "Write a message…")


def test_figures_are_whole_or_not_there(person: Person) -> None:
    person.window.commands.sidebar.setChecked(False)
    person.ask("One")
    person.wait_for(GenerationState.IDLE)
    figures = [person.find(name) for name in ("statusContext", "statusSpeed")]
    person.wait(lambda: all(figure.text() for figure in figures))
    shown = []
    for width in range(320, 640, 40):
        person.wait(partial(_is_resized, person.window, width))
        person.settle(*figures)
        shown.append([figure for figure in figures if figure.isVisible()])
        assert all(figure.width() >= figure.sizeHint().width() for figure in shown[-1])
    assert len(shown[0]) < len(shown[-1]) == len(figures)


def _is_resized(window: QWidget, width: int) -> bool:
    """Resize the window, which may still be as wide as what is about to be hidden; return whether it is so wide now."""
    window.resize(width, 500)
    return window.width() == width


def test_a_failure_is_whole_in_a_low_window(narrow: Person) -> None:
    columns = AnswerColumns(narrow.window._theme, narrow.find("transcript").context)
    columns.setMinimumHeight(300)
    narrow.window._pages.addWidget(columns)  # as it is there once several answers were compared
    narrow.window.feedback.fail(FAILURE)
    label = narrow.find("statusMessage", QLabel)
    narrow.wait(lambda: label.isVisible() and label.height() >= label.heightForWidth(label.width()))


def test_a_failed_answer_says_why_above_its_buttons_where_there_is_no_room_beside_them(
    larger: Person, engine: ScriptedEngine
) -> None:
    larger.window.resize(1280, 800)
    larger.window.commands.panel.setChecked(True)
    engine.enqueue("Trees are", EngineError(FAILURE))
    larger.ask("Tell me about trees")
    larger.wait_for(GenerationState.IDLE)
    answer = larger.find("message-1")
    [note] = [label for label in answer.findChildren(AlertLabel) if label.text() == FAILURE]
    larger.wait(lambda: place(note).bottom() <= place(larger.find("continueButton")).top())
    assert note.width() > answer.width() * 0.9


def test_the_sign_of_a_centred_failure_is_whole(qapp: QApplication) -> None:
    label = AlertLabel(Theme(qapp))
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    label.set_alert(is_alert=True)
    label.setText(FAILURE)
    for width in range(200, 900, 7):
        label.resize(width, label.heightForWidth(width))
        assert label.rect().contains(label._sign_place())


def test_columns_follow_the_text_size_and_back(
    person: Person, open_window: Callable[[], Person], home: Path, qapp: QApplication
) -> None:
    def widths(person: Person) -> list[int]:
        return [person.find(name).width() for name in ("sidebar", "settingsPanel")]

    person.window.resize(1900, 900)
    before = [240, 340]
    person.window._columns.setSizes([240, 1900, 340])
    person.wait(lambda: widths(person) == before)
    for _ in range(5):
        QTest.keyClick(person.find("composer"), Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    person.wait(lambda: widths(person) == pytest.approx([1.5 * width for width in before], abs=4))
    person.window.close()
    stored = json.loads((home / "preferences.json").read_text())["columns"]
    assert [stored[0], stored[2]] == pytest.approx(before, abs=4)
    set_text_size(qapp, 100, "")
    again = open_window()
    again.wait_for(GenerationState.IDLE)
    again.window.resize(1900, 900)
    again.wait(lambda: widths(again) == pytest.approx([1.5 * width for width in before], abs=4))
    QTest.keyClick(again.find("composer"), Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    again.wait(lambda: widths(again) == pytest.approx(before, abs=4))


def test_ideas_are_whole_beside_settings_with_large_letters(larger: Person) -> None:
    larger.window.resize(900, 600)
    QTest.qWait(50)
    larger.window.commands.panel.setChecked(True)
    area = larger.find("welcome", QScrollArea)
    larger.wait(lambda: area.widget().width() <= area.viewport().width() < 500)
    buttons = [button for button in area.findChildren(QPushButton) if button.accessibleName()]
    assert len(buttons) == 4
    assert all(button.text().replace("\n", " ") == button.accessibleName() for button in buttons)
    assert any("\n" in button.text() for button in buttons)
    assert all(button.width() >= button.sizeHint().width() for button in buttons)


def test_buttons_of_columns_and_dialogs_have_icons_as_large_as_the_letters(larger: Person) -> None:
    assert IconButton(larger.window._theme, "copy", "Copy").iconSize() == QSize(24, 24)
    menu = larger.find("modelButton").menu()
    assert menu.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize, None, menu) == 24
    QTest.keyClick(larger.find("composer"), Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert menu.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize, None, menu) == 16


def test_the_message_field_stays_where_it_is_with_a_sign_below(larger: Person) -> None:
    field = larger.find("composerBox")
    larger.wait(lambda: not larger.status() or larger.find("statusMessage").isVisible())
    larger.window.feedback.succeed("Done.")
    larger.wait(lambda: larger.status() == "Done." and larger.find("statusMessage").isVisible())
    larger.settle(field)
    before = place(field)
    larger.window.feedback.end_results()
    larger.wait(lambda: larger.status() == "")
    larger.settle(field)
    assert place(field) == before


def test_dialogs_are_as_large_as_their_letters_and_no_higher_than_the_screen(larger: Person) -> None:
    larger.window.documents.open_collections()
    dialog = larger.find("collectionsDialog")
    room = dialog.screen().availableSize()
    assert dialog.width() == min(1230, room.width() - 20)
    assert dialog.height() <= room.height() - 60
    dialog.close()


@pytest.mark.parametrize("width", range(240, 700, 30))
def test_buttons_of_banners_are_whole_beside_or_below_what_they_say(qapp: QApplication, width: int) -> None:
    notice = ReadyNotice(Theme(qapp))
    notice.show_ready("A model whose name is quite long")
    notice.resize(width, 40)
    notice.show()
    for _ in range(2):  # the buttons go below it first
        QTest.qWait(0)
        notice.resize(width, notice.heightForWidth(width))
    for button in notice.findChildren(QPushButton):
        assert button.width() >= button.sizeHint().width()
        assert notice.rect().contains(place(button))
    assert notice.text.height() >= notice.text.heightForWidth(notice.text.width())
    assert not any(place(notice.text).intersects(place(button)) for button in notice.findChildren(QPushButton))
    notice.close()


def test_a_button_wider_than_its_banner_has_two_lines(qapp: QApplication) -> None:
    i18n.set_language("fr")
    notice = MakersNotice(Theme(qapp))
    notice.show_model("Phi-3 Mini")
    column = QWidget()
    notice.setParent(column)
    notice.resize(200, 120)
    column.show()
    notice.show()
    QTest.qWait(0)
    assert notice.accept.text() == "Utiliser les\nréglages recommandés"
    assert notice.accept.sizeHint().width() < 180
    notice.resize(600, 120)
    assert notice.accept.text() == "Utiliser les réglages recommandés"
    column.close()


@pytest.mark.parametrize("width", range(200, 521, 40))
def test_a_banner_looks_as_its_width_wants_whatever_it_was_before(qapp: QApplication, width: int) -> None:
    i18n.set_language("fr")
    looks = []
    for widths in ((width,), (180, width)):
        notice = MakersNotice(Theme(qapp))
        notice.show_model("Phi-3 Mini")
        column = QWidget()
        notice.setParent(column)
        notice.show()
        column.show()
        for each in widths:
            notice.resize(each, 200)
            QTest.qWait(0)
        buttons = notice.findChildren(QPushButton)
        looks.append([place(notice.text), *[(button.text(), place(button)) for button in buttons]])
        column.close()
    assert looks[0] == looks[1]


def test_the_message_field_keeps_its_height_when_the_line_below_gets_lower(
    person: Person, engine: ScriptedEngine
) -> None:
    person.window.resize(1180, 760)
    engine.enqueue("An answer.")
    person.ask("What is it?")
    person.wait(lambda: person.find("statusSpeed").isVisible())
    box, line = person.find("composerBox"), person.find("statusSpeed").parentWidget()
    person.settle(box, line)
    height = box.height()
    for sentence in ("A sentence of many words. " * 8, "Few words."):
        person.window.feedback.tell(sentence)
        person.settle(box, line)
    assert box.height() == height
    assert box.mapTo(person.window, box.rect().bottomLeft()).y() < line.mapTo(person.window, QPoint()).y()

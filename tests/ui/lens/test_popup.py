"""The card with the candidates of a word: where it stands in the window, and what it says."""

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QLabel, QListView, QWidget
from pytestqt.qtbot import QtBot

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.weighed_reply import WeighedToken, WeighedWord
from phichat.ui.lens.popup import LensPopup
from phichat.ui.theme.theme import Theme

TEXT = "It rains"
COUNT = 10  # candidates


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(700, 600)
    window.show()
    return window


@pytest.fixture
def popup(window: QWidget, qapp: QApplication) -> LensPopup:
    return LensPopup(Theme(qapp), window)


def word_of(*candidates: Candidate, chosen: int) -> WeighedWord:
    share = next(each for each in candidates if each.token == chosen)
    choice = Choice(share.before, share.after, candidates.index(share) + 1, 2.0, candidates)
    return WeighedWord(3, 8, (WeighedToken(3, 8, 1, chosen, choice),))


def ten(chosen: int = 0) -> WeighedWord:
    found = [Candidate(number, f" word{number}", 0.1 - 0.005 * number, 0.1) for number in range(COUNT)]
    return word_of(*found, chosen=chosen)


def rows(popup: LensPopup) -> QListView:
    found = popup.findChild(QListView, "lensCandidates")
    assert isinstance(found, QListView)
    return found


def is_in_sight(view: QListView, row: int) -> bool:
    return bool(view.viewport().rect().contains(view.visualRect(view.model().index(row, 0))))


def test_it_stands_above_a_word_near_the_bottom_with_all_its_rows(popup: LensPopup) -> None:
    popup.show_word(TEXT, ten(), can_choose=True)
    word = QRect(100, 480, 60, 20)
    popup.place_at(word)
    assert popup.geometry().bottom() < word.top()
    assert all(is_in_sight(rows(popup), row) for row in range(COUNT))


def test_it_stands_below_a_word_with_room_for_it(popup: LensPopup) -> None:
    popup.show_word(TEXT, ten(), can_choose=True)
    word = QRect(100, 40, 60, 20)
    popup.place_at(word)
    assert popup.y() > word.bottom()
    assert all(is_in_sight(rows(popup), row) for row in range(COUNT))


def test_the_chosen_word_is_in_sight_where_not_all_have_room(popup: LensPopup) -> None:
    popup.window().resize(700, 300)
    popup.show_word(TEXT, ten(chosen=8), can_choose=True)
    popup.place_at(QRect(100, 140, 60, 20))
    QApplication.processEvents()
    assert not is_in_sight(rows(popup), 0)
    assert is_in_sight(rows(popup), 8)


def test_it_says_what_crossed_out_words_are_if_there_are_any(popup: LensPopup) -> None:
    said = []
    for cut_by in (None, "min_p"):
        word = word_of(Candidate(1, " rains", 0.9, 1.0), Candidate(2, " pours", 0.01, 0.0, cut_by), chosen=1)
        popup.show_word(TEXT, word, can_choose=True)
        said.append(" ".join(label.text() for label in popup.findChildren(QLabel)))
    assert ["Crossed-out" in each for each in said] == [False, True]


def test_a_word_from_right_to_left_leaves_its_sentence_as_it_is(popup: LensPopup) -> None:
    popup.show_word(
        "It \u05d9\u05e8\u05d3", word_of(Candidate(1, " \u05d9\u05e8\u05d3", 0.9, 1.0), chosen=1), can_choose=True
    )
    heading = next(label for label in popup.findChildren(QLabel) if "most likely" in label.text())
    assert heading.text() == "“\u200e\u05d9\u05e8\u05d3\u200e”: 90%, the most likely word"


def test_it_is_as_high_as_its_parts_need(popup: LensPopup) -> None:
    cut = [Candidate(number, f" word{number}", 0.1 - 0.005 * number, 0.0, "top_k") for number in range(1, COUNT)]
    popup.show_word(TEXT, word_of(Candidate(0, " word0", 0.1, 1.0), *cut, chosen=0), can_choose=True)
    popup.place_at(QRect(100, 40, 60, 20))
    QApplication.processEvents()
    labels = [label for label in popup.findChildren(QLabel) if label.isVisible()]
    assert len(labels) == 3
    assert all(label.height() >= label.heightForWidth(label.width()) for label in labels)
    assert rows(popup).height() >= rows(popup).sizeHint().height()

"""The text of an answer under the lens is rendered, and its words are where their letters are."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from phichat.chat.weighed_reply import weighed_reply
from phichat.ui.lens import answer_text
from phichat.ui.lens.answer_text import AnswerText
from phichat.ui.lens.popup import word_sentence
from phichat.ui.theme.theme import Theme
from tests.support.weighed_answers import weighed_message, weighed_pieces

Show = Callable[..., AnswerText]
TOKENS = (
    "#", " Snow", "\n\n", "It", " is", " **", "very", " cold", "**", ",", " and", " [", "white", "](",
    "http://a.b", ")", ".",
    "\n\n", "-", " one", "\n", "-", " two", "\n\n", "```", "py", "\n", "x", " =", " 1", "\n", "y", "\n", "```", "\n\n",
    "|", " a", " |", " b", " |\n", "|-", "|-|\n", "| 1", " | 2", " |\n\n", "End", " $", "x^2", "$.",
)  # fmt: skip


@pytest.fixture
def show(qtbot: QtBot, qapp: QApplication) -> Show:
    def make(*tokens: str, unsure: str = "", is_growing: bool = False) -> AnswerText:
        text = AnswerText(Theme(qapp))
        qtbot.addWidget(text)
        text.resize(400, 600)
        update(text, *tokens, unsure=unsure, is_growing=is_growing)
        text.show()
        return text

    return make


def update(text: AnswerText, *tokens: str, unsure: str = "", is_growing: bool = False) -> None:
    known = weighed_reply(
        weighed_message(weighed_pieces(*((each, 0.05 if each == unsure else 0.9, 1.0) for each in tokens)))
    )
    assert known is not None
    text.show_words(known.text, known.words, is_growing=is_growing)


def shown(text: AnswerText, word: int) -> str:
    """Return what is drawn in the rectangle of a word."""
    layout, area = text.document().documentLayout(), text.word_rect(word)
    y = area.center().y()
    begin = layout.hitTest(QPointF(area.left() + 1, y), Qt.HitTestAccuracy.FuzzyHit)
    end = layout.hitTest(QPointF(area.right(), y), Qt.HitTestAccuracy.FuzzyHit)
    return text.toPlainText()[begin:end]


def said(text: AnswerText) -> list[str]:
    return [text.text[word.start : word.end] for word in text.words]


def test_prose_is_rendered_and_code_and_tables_are_source(show: Show) -> None:
    lines = show(*TOKENS).toPlainText().split("\n")
    assert lines[:2] == ["Snow", "It is very cold, and white."]
    assert lines[2:4] == ["•\tone", "•\ttwo"]
    assert lines[4:8] == ["```py", "x = 1", "y", "```"]
    assert lines[8:11] == ["| a | b |", "|-|-|", "| 1 | 2 |"]
    assert lines[11] == "End $x^2$."


def test_words_are_where_their_letters_are(show: Show) -> None:
    text = show(*TOKENS)
    # A narrow word has some room after it, in some fonts as much as a space.
    found = [(word, shown(text, at).rstrip()) for at, word in enumerate(said(text)) if word.strip()]
    assert [(word, drawn) for word, drawn in found if word not in {drawn, "-"}] == []
    assert [word for word, _ in found][:10] == ["Snow", "It", "is", "very", "cold", ",", "and", "white", ".", "-"]


def test_all_tokens_belong_to_words_that_are_shown(show: Show) -> None:
    text = show(*TOKENS)
    numbers = [token.number for word in text.words for token in word.tokens]
    assert numbers == [*range(len(TOKENS))]
    very = said(text).index("very")
    assert [token.number for token in text.words[very].tokens] == [5, 6], "the asterisks go with the word they are for"


def test_an_unsure_mark_tints_the_word_it_is_for(show: Show) -> None:
    text = show(*TOKENS, unsure=" **")
    assert [text.text[word.start : word.end] for word in text.words if word.is_hesitation] == ["very"]


def test_links_do_not_open_and_have_no_line_of_their_own(show: Show) -> None:
    text = show(*TOKENS)
    white = said(text).index("white")
    assert text.anchorAt(text.word_rect(white).center()) == ""


def test_copying_takes_the_source(show: Show) -> None:
    text = show(*TOKENS)
    text.selectAll()
    assert text.selected_markdown().startswith("Snow\n\nIt is **very cold**, and [white](http://a.b).\n\n- one")
    assert text.markdown() == text.text


@pytest.mark.parametrize("step", [1, 3])
def test_a_growing_answer_is_shown_as_when_it_is_complete(show: Show, step: int) -> None:
    text = show("#", is_growing=True)
    for end in range(1, len(TOKENS), step):
        update(text, *TOKENS[:end], is_growing=True)
    update(text, *TOKENS)
    whole = show(*TOKENS)
    assert text.toPlainText() == whole.toPlainText()
    assert text.words == whole.words
    assert [text.word_rect(at) for at in range(len(text.words))] == [
        whole.word_rect(at) for at in range(len(whole.words))
    ]


def test_words_stay_where_they_are_as_an_answer_becomes_too_long_to_be_rendered(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = show(*TOKENS[:16], is_growing=True)
    monkeypatch.setattr(answer_text, "MOST_LETTERS", 30)
    for is_growing in (True, False):
        update(text, *TOKENS[:17], is_growing=is_growing)
        assert text.toPlainText() == "".join(TOKENS[:17])
        found = [(word, shown(text, at).strip()) for at, word in enumerate(said(text)) if word.strip()]
        assert [(word, drawn) for word, drawn in found if word != drawn] == []


def test_a_sentence_about_a_word_from_right_to_left_keeps_its_direction(show: Show) -> None:
    text = show("\u062b\u0644\u062c", " Cold")
    sentence = word_sentence(text.text, text.words[0])
    assert sentence.startswith("“\u200e\u062b\u0644\u062c\u200e”, 90%")
    assert word_sentence(text.text, text.words[1]).startswith("“Cold”, 90%")


def test_left_goes_on_in_text_that_is_read_from_right_to_left(show: Show) -> None:
    text = show(
        "\u0627\u0644\u062b\u0644\u062c", " \u0628\u0627\u0631\u062f", " \u062c\u062f\u0627", "\n\n", "Cold", " snow"
    )
    text.go_to(0)
    QTest.keyClick(text, Qt.Key.Key_Left)
    assert text.current == 1
    assert text.word_rect(1).right() < text.word_rect(0).left() + 1, "as it is drawn further to the left"
    QTest.keyClick(text, Qt.Key.Key_Right)
    assert text.current == 0
    text.go_to(said(text).index("Cold"))
    QTest.keyClick(text, Qt.Key.Key_Right)
    assert said(text)[text.current] == "snow"


def test_words_of_both_directions_are_where_their_letters_are(show: Show) -> None:
    text = show("Snow", " \u05e9\u05dc\u05d5\u05dd", " \u05e2\u05d5\u05dc\u05dd", " 12", " falls")
    places = [text.word_rect(word) for word in range(5)]
    order = sorted(range(5), key=lambda word: places[word].left())
    assert order in ([0, 2, 1, 3, 4], [0, 3, 2, 1, 4]), "Hebrew words stand from right to left between the others"
    assert all(places[one].right() <= places[other].left() + 1 for one, other in pairwise(order)), "none overlap"
    for word, place in enumerate(places):
        text.point_at(QPointF(place.center()))
        assert text.current == word

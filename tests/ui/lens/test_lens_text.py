"""A text under the lens: how its words look, and how mouse and keys go from word to word."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from phichat.chat.weighed_reply import weighed_reply
from phichat.ui.lens.legend import LensLegend
from phichat.ui.lens.lens_text import LensText
from phichat.ui.lens.word_pieces import level_of
from phichat.ui.theme.palette import AA_CONTRAST, AAA_CONTRAST, ACCENTS, THEMES, colors_of, contrast
from phichat.ui.theme.theme import Theme
from tests.support.weighed_answers import weighed_message, weighed_pieces

SENTENCE = (("The", 0.9, 0.2), (" cold", 0.3, 2.5), (" win", 0.2, 1.0), ("ter", 0.95, 0.1), (" sings", 0.02, 4.0))


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme(qapp)


@pytest.fixture
def show(qtbot: QtBot, theme: Theme) -> Callable[..., LensText]:
    def make(*tokens: tuple[str, float, float], width: int = 400) -> LensText:
        weighed = weighed_reply(weighed_message(weighed_pieces(*tokens)))
        assert weighed is not None
        text = LensText(theme)
        qtbot.addWidget(text)
        text.resize(width, 200)
        text.show_words(weighed.text, weighed.words)
        text.show()
        return text

    return make


def said(text: LensText, word: int) -> str:
    found = text.words[word]
    return text.text[found.start : found.end]


def painted(text: LensText, word: int) -> set[int]:
    """The colours in the rectangle of a word."""
    pixmap = QPixmap(text.viewport().size())
    text.viewport().render(pixmap)
    image = pixmap.copy(text.word_rect(word)).toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return {int(colour) for colour in np.unique(rows[:, : image.width()])}


def test_a_comma_is_no_wider_than_its_glyph(show: Callable[..., LensText]) -> None:
    text = show(("one", 0.9, 0.2), (",", 0.2, 2.0), (" two", 0.9, 0.2))
    assert [said(text, word) for word in range(3)] == ["one", ",", "two"]
    assert text.word_rect(1).width() <= text.fontMetrics().horizontalAdvance(",") + 2


def test_words_have_the_look_of_their_least_sure_token(show: Callable[..., LensText], theme: Theme) -> None:
    text = show(*SENTENCE)
    assert [said(text, at) for at in range(4)] == ["The", "cold", "winter", "sings"]
    assert [level_of(word) for word in text.words] == [3, 2, 1, 0]
    grounds = [QColor(colour).rgb() for colour in theme.colors.unsure]
    found = [{grounds.index(colour) for colour in painted(text, at) & {*grounds}} for at in range(4)]
    assert found == [set(), {0}, {1}, {2}]


def test_arrow_keys_go_from_word_to_word(show: Callable[..., LensText], qtbot: QtBot) -> None:
    text = show(*SENTENCE)
    gone: list[int] = []
    text.word_changed.connect(gone.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Home):
        QTest.keyClick(text, key)
    assert gone == [0, 1, 3, 2, 0]
    with qtbot.waitSignal(text.word_entered) as entered:
        QTest.keyClick(text, Qt.Key.Key_Return)
    assert entered.args == [0]
    with qtbot.waitSignal(text.left):
        QTest.keyClick(text, Qt.Key.Key_Escape)
    assert text.current == -1


def test_up_and_down_go_to_the_word_nearest_in_the_next_line(show: Callable[..., LensText]) -> None:
    text = show(*((f" word{number}", 0.5, 1.0) for number in range(40)), width=260)
    text.go_to(2)
    QTest.keyClick(text, Qt.Key.Key_Down)
    before, now = text.word_rect(2), text.word_rect(text.current)
    assert before.bottom() <= now.top() + 1 < before.bottom() + before.height()
    assert abs(before.left() - now.left()) < before.width()
    QTest.keyClick(text, Qt.Key.Key_Up)
    assert text.current == 2
    text.go_to(0)
    assert not text.uses_key(Qt.Key.Key_Up, Qt.KeyboardModifier.NoModifier), "the transcript scrolls"


def test_the_mouse_points_at_words(show: Callable[..., LensText]) -> None:
    text = show(*SENTENCE)
    for word in (3, 0, 2):
        text.point_at(QPointF(text.word_rect(word).center()))
        assert text.current == word
    text.point_at(QPointF(390, 190))
    assert text.current == 2, "beside the text, the last one stays"


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (("雪", " が", "\U0001f1eb", "\U0001f1f7", " fini"), ["雪", "が", "\U0001f1eb\U0001f1f7", "fini"]),
        (("\U0001f600", " e\u0301te\u0301", "\n\n", "| a", " | b |", "\n"), ["\U0001f600", "e\u0301te\u0301"]),
        (("```py", "\n", "x", " =", " 1", "\r\n", "\0", "end"), ["```py", "\n", "x", "=", "1"]),
    ],
)
def test_words_stand_where_their_letters_are(
    show: Callable[..., LensText], tokens: tuple[str, ...], words: list[str]
) -> None:
    text = show(*((token, 0.05, 3.0) for token in tokens))
    for at, word in enumerate(words):
        document = text.document()
        first = document.documentLayout().hitTest(
            QPointF(text.word_rect(at).left() + 1, text.word_rect(at).center().y()), Qt.HitTestAccuracy.FuzzyHit
        )
        units = len(text.text[: text.words[at].start].encode("utf-16-le")) // 2
        assert (said(text, at), first) in {(word, units), (word, units + 1)} or not word.strip()


def test_a_text_that_grows_keeps_its_place(show: Callable[..., LensText]) -> None:
    text = show(*SENTENCE)
    text.go_to(1)
    longer = weighed_reply(weighed_message(weighed_pieces(*SENTENCE, (" softly", 0.4, 1.0))))
    assert longer is not None
    text.show_words(longer.text, longer.words)
    assert (text.current, text.toPlainText()) == (1, "The cold winter sings softly")
    other = weighed_reply(weighed_message(weighed_pieces(("No", 0.4, 1.0))))
    assert other is not None
    text.show_words(other.text, other.words)
    assert (text.current, text.toPlainText()) == (-1, "No")


def test_a_text_of_any_length_is_shown_to_its_end(show: Callable[..., LensText], qtbot: QtBot) -> None:
    text = show(*((f" word{number}\n", 0.5, 1.0) for number in range(4_000)))
    assert len(text.toPlainText()) < len(text.text)
    qtbot.waitUntil(lambda: text.toPlainText() == text.text)
    text.go_to(len(text.words) - 1)
    assert text.word_rect(text.current).isValid()


@pytest.mark.parametrize("name", THEMES)
def test_grounds_are_told_apart_by_lightness_and_can_be_read_on(name: str) -> None:
    for accent in ACCENTS:
        colors = colors_of(name, accent)
        least = AAA_CONTRAST if colors.is_plain else AA_CONTRAST
        assert all(contrast(colors.text, ground) >= least for ground in colors.unsure)
        steps = [contrast(colors.ground, ground) for ground in (colors.ground, *colors.unsure)]
        assert all(after / before > 1.15 for before, after in pairwise(steps)), steps


def test_the_legend_says_what_it_shows(qtbot: QtBot, theme: Theme) -> None:
    legend = LensLegend(theme)
    qtbot.addWidget(legend)
    assert legend.accessibleName() == (
        "Words are underlined by probability: dotted if below 50%, dashed if below 25%, solid if below 10%."
    )
    legend.resize(400, legend.sizeHint().height())
    assert not legend.grab().isNull()

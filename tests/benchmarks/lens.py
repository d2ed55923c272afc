"""Measures an answer of 4,000 tokens under the lens: the milliseconds to open it, to point at a word, and to scroll.

    QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.lens

Opening unpacks what is stored, lays the text out and paints what is in sight; an arrow key goes to the next word and
shows its candidates; the last tokens of an answer are written one by one. Prints the median and the longest of each, in
processor time: the rest of a frame is waited for. Garbage is collected between the measurements, as the window does it
while it is idle.
"""

import gc
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Message, Piece
from phichat.chat.weighed_reply import GrowingReply, WeighedReply, weighed_reply
from phichat.ui.lens.answer_lens import AnswerLens
from phichat.ui.lens.lens_text import LensText
from phichat.ui.lens.pointer import LensPointer
from phichat.ui.theme.theme import Theme
from tests.support.weighed_answers import weighed_message, weighed_pieces

if TYPE_CHECKING:
    from phichat.ui.controllers.reply_weigher import ReplyWeigher

TOKENS, OPENED, POINTED, WRITTEN = 4_000, 15, 200, 100
FRAME = 16  # milliseconds
WORDS = ("the", "ferry", "came", "back", "late", "in", "the", "evening", "and", "people", "waited", "with", "lamps")
OTHERS = tuple(f" {word}" for word in WORDS[:9])


class Stored:
    """Knows what is stored, as ReplyWeigher does."""

    def known(self, message: Message) -> WeighedReply | None:
        """Return what was weighed."""
        return weighed_reply(message)

    def objection(self) -> str:
        """Return that the model can read answers."""
        return ""


def pieces() -> list[Piece]:
    """Return an answer with paragraphs of sixty tokens, a third of which are unsure."""
    chance = random.Random(7)

    def tokens() -> Iterator[tuple[str, float, float]]:
        for number in range(TOKENS):
            end = "\n\n" if number % 60 == 59 else ""
            yield f" {chance.choice(WORDS)}{end}", chance.choice((0.9, 0.8, 0.95, 0.7, 0.4, 0.05)), chance.random() * 4

    return weighed_pieces(*tokens(), others=OTHERS)


def timed(what: Callable[[], object]) -> float:
    """Return the milliseconds that `what` takes, with what it leaves for the event loop, and the painting."""
    gc.collect()
    begun = time.process_time()
    what()
    QTest.qWait(FRAME)
    return 1000 * (time.process_time() - begun)


def told(name: str, times: list[float]) -> None:
    """Print one line."""
    print(f"{name:16} {median(times):6.1f} ms, at most {max(times):.1f} ms", flush=True)


def main() -> None:
    """Print a line for each."""
    gc.disable()  # as phichat/__main__.py does
    application = QApplication.instance() or QApplication(["lens", "-style", "fusion"])
    theme = Theme(cast(QApplication, application))
    message, window, area = weighed_message(pieces()), QWidget(), QScrollArea()
    content = QWidget()
    column = QVBoxLayout(content)
    area.setWidgetResizable(True)
    area.setWidget(content)
    QVBoxLayout(window).addWidget(area)
    window.resize(760, 700)
    window.show()
    QTest.qWaitForWindowExposed(window)
    lenses: list[AnswerLens] = []

    def show() -> None:
        lenses.append(AnswerLens(theme, cast("ReplyWeigher", Stored())))
        column.addWidget(lenses[-1])
        lenses[-1].show_message(message)

    opened = []
    for _ in range(OPENED):
        opened.append(timed(show))
        if len(opened) < OPENED:
            lenses[-1].deleteLater()
            lenses[-1].hide()
            lenses.pop()
    told("open", opened)
    text = lenses[-1].text
    pointer = LensPointer(theme, window, lambda: True)
    pointer.add(text)
    places = [text.word_rect(word).center() for word in range(POINTED)]
    seen = [QPointF(place) for place in places if text.visibleRegion().contains(place)]
    told("point at a word", [timed(lambda: text.point_at(place)) for place in seen])  # noqa: B023
    text.setFocus()
    text.go_to(0)
    told("arrow key", [timed(lambda: QTest.keyClick(text, Qt.Key.Key_Right)) for _ in range(POINTED)])
    pointer.hide()
    bar = area.verticalScrollBar()
    told("scroll a page", [timed(lambda: bar.setValue(bar.value() + 600)) for _ in range(bar.maximum() // 600)])
    told("write a token", [timed(step) for step in written(text)])


def written(text: LensText) -> Iterator[Callable[[], None]]:
    """Yield a function for each of the last tokens, which writes it."""
    known, last = pieces()[:-WRITTEN], pieces()[-WRITTEN:]
    table, so_far = table_of(known), "".join(piece.text for piece in known)
    growing = GrowingReply(table, "starter")
    growing.update(so_far)

    def write(piece: Piece) -> None:
        nonlocal so_far
        so_far += piece.text
        table.add_piece(piece)
        if found := growing.update(so_far):
            text.show_words(found.text, found.words)

    yield from (partial(write, piece) for piece in last)


if __name__ == "__main__":
    main()

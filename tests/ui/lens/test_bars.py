"""The bars of the likeliest next words."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from phichat.chat.candidates import Candidate
from phichat.ui.lens.bars import SCALE_ROLE, CandidateList, visible_word
from phichat.ui.theme.theme import Theme

SNOW = Candidate(1, " snow", 0.62, 0.8)
HOT = Candidate(2, " hot", 0.051, 0.0, "top_k")


@pytest.fixture
def bars(qtbot: QtBot, qapp: QApplication) -> CandidateList:
    found = CandidateList(Theme(qapp))
    qtbot.addWidget(found)
    return found


def test_they_can_be_read_aloud(bars: CandidateList) -> None:
    bars.show_candidates([SNOW, HOT])
    rows = [bars.model().index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)]
    assert rows == ["snow: 62%, 80% after sampling", "hot: 5.1%, removed by Top-k"]
    assert bars.accessibleDescription() == ". ".join(rows)


def test_the_focused_row_stays_as_a_slider_moves(bars: CandidateList) -> None:
    bars.show_candidates([SNOW, HOT])
    bars.setCurrentIndex(bars.model().index(1, 0))
    bars.show_candidates([SNOW, Candidate(2, " hot", 0.051, 0.1)])
    assert bars.currentIndex().row() == 1
    bars.show_candidates([])
    assert bars.model().rowCount() == 0


def test_the_longest_bar_fits(bars: CandidateList) -> None:
    bars.show_candidates([SNOW, HOT])
    assert bars.model().index(0, 0).data(SCALE_ROLE) == 1
    bars.show_candidates([HOT])
    assert bars.model().index(0, 0).data(SCALE_ROLE) == 0.1


@pytest.mark.parametrize(
    ("text", "seen"), [(" snow", "snow"), ("\n", "⏎"), ("  ", "␣␣"), ("\\xE2", "\\xE2"), ("a b", "a b"), ("\t", "⇥")]
)
def test_blanks_can_be_seen(text: str, seen: str) -> None:
    assert visible_word(text) == seen

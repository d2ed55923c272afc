"""The bars of the likeliest next words."""

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from phichat.chat.candidates import Candidate
from phichat.i18n import format_percent
from phichat.ui.lens.bars import (
    CANDIDATE_ROLE,
    LABELS_ROLE,
    SCALE_ROLE,
    CandidateList,
    columns,
    is_struck,
    setting_label,
    visible_word,
)
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
    assert rows == ["snow: 62%, 80% with your settings", "hot: 5.1%, ruled out by Top-k"]
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


def test_the_smallest_percentage_has_room(bars: CandidateList) -> None:
    """Once it was "<0.…"."""
    percentage, metrics = format_percent(0.0001), bars.fontMetrics()
    *_, column = columns(QRectF(0, 0, 280, 20), metrics, ["Top-k"])
    assert metrics.elidedText(percentage, Qt.TextElideMode.ElideRight, int(column.width())) == percentage


@pytest.mark.parametrize(
    ("text", "seen"), [(" snow", "snow"), ("\n", "⏎"), ("  ", "␣␣"), ("\\xE2", "\\xE2"), ("a b", "a b"), ("\t", "⇥")]
)
def test_blanks_can_be_seen(text: str, seen: str) -> None:
    assert visible_word(text) == seen


def test_the_end_of_the_answer_is_named(bars: CandidateList) -> None:
    bars.show_candidates([Candidate(3, "<|im_end|>", 0.0003, 0.0, "top_k")])
    assert bars.accessibleDescription() == "(end of answer): <0.1%, ruled out by Top-k"


def test_labels_of_other_samplers_have_room_once_they_were_there(bars: CandidateList) -> None:
    long = Candidate(3, " tea", 0.3, 0.0, "top_n_sigma")
    bars.show_candidates([SNOW, HOT])
    assert setting_label("top_n_sigma") not in bars.model().index(0, 0).data(LABELS_ROLE)
    for shown in ([SNOW, long], [SNOW, HOT]):
        bars.show_candidates(shown)
        assert setting_label("top_n_sigma") in bars.model().index(0, 0).data(LABELS_ROLE)


@pytest.fixture
def settings_bars(qtbot: QtBot, qapp: QApplication) -> CandidateList:
    found = CandidateList(Theme(qapp), follows_settings=True)
    qtbot.addWidget(found)
    return found


def test_bars_of_settings_are_in_the_order_of_their_numbers(settings_bars: CandidateList) -> None:
    settings_bars.show_candidates([HOT, SNOW, Candidate(3, " tea", 0.3, 0.9)])
    rows = [settings_bars.model().index(row, 0).data(CANDIDATE_ROLE).text for row in range(3)]
    assert rows == [" tea", " snow", " hot"]
    assert settings_bars.accessibleDescription().startswith("tea: 30%, 90% with your settings. snow")


def test_a_slider_does_not_change_the_scale(settings_bars: CandidateList) -> None:
    scales = set()
    for after in (0.05, 0.3, 1.0):
        settings_bars.show_candidates([Candidate(3, " tea", 0.3, after)])
        scales.add(settings_bars.model().index(0, 0).data(SCALE_ROLE))
    assert scales == {1.0}


def test_a_click_leaves_the_focus_where_nothing_can_be_chosen(settings_bars: CandidateList) -> None:
    assert settings_bars.focusPolicy() is Qt.FocusPolicy.TabFocus


@pytest.mark.parametrize(
    ("text", "is_chosen", "expected"), [(" hot", False, True), (" hot", True, False), (",", False, False)]
)
def test_only_a_word_that_did_not_come_is_struck_out(text: str, is_chosen: bool, expected: bool) -> None:
    assert is_struck(Candidate(2, text, 0.05, 0.0, "top_k"), is_chosen=is_chosen) is expected
    assert not is_struck(SNOW, is_chosen=False)

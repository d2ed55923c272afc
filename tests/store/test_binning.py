"""The bin keeps what it was given for as long as it should, whatever the clock says."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from phichat.chat.conversation import Message, Role
from phichat.store import writes
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History

START = 1_800_000_000.0

At = Callable[[float], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Sets the clock to so many days after the start."""

    class Today(date):
        days = 0.0

        @classmethod
        def today(cls) -> Any:
            return date(2027, 1, 15) + timedelta(days=cls.days)

    def set_clock(days: float) -> None:
        Today.days = days
        monkeypatch.setattr("phichat.store.writes.time.time", lambda: START + days * 86400)

    monkeypatch.setattr(writes, "date", Today)
    set_clock(0)
    return set_clock


@pytest.fixture
def binned(history: History, at: At) -> History:
    """With one conversation in the bin, and a branch deleted in another."""
    message = Message(Role.USER, "needle")
    history.save_conversation(ConversationRecord(ConversationSummary("gone", "", 1.0, 1.0)))
    history.save_conversation(ConversationRecord(ConversationSummary("kept", "", 1.0, 1.0), messages=(message,)))
    history.empty_trash()  # the day has been seen
    history.delete_branch(message.id)
    history.move_to_trash(["gone"]).result()
    return history


def still_there(history: History) -> bool:
    return bool(history.list_conversations(in_trash=True))


def test_after_thirty_days_it_is_gone(binned: History, at: At) -> None:
    for day in range(30):
        at(day)
        assert binned.empty_trash().result() == []
    at(30.1)
    assert still_there(binned)
    assert binned.empty_trash().result() == ["gone"]
    assert not still_there(binned)
    assert [heading.id for heading in binned.list_conversations()] == ["kept"]


def test_who_comes_once_a_week_waits_a_little_longer(binned: History, at: At) -> None:
    for week in range(1, writes.MIN_DAYS_IN_TRASH):
        at(week * 7)
        assert binned.empty_trash().result() == []
    at(writes.MIN_DAYS_IN_TRASH * 7)
    assert binned.empty_trash().result() == ["gone"]


@pytest.mark.parametrize("jump", [31, 365, 10_000])
def test_a_clock_that_jumps_ahead_empties_nothing(binned: History, at: At, jump: int) -> None:
    for day in (jump, jump + 1, 2, 3, jump, 4):
        at(day)
        assert binned.empty_trash().result() == []
    assert still_there(binned)


def test_what_was_deleted_in_the_future_counts_from_now(history: History, at: At) -> None:
    history.save_conversation(ConversationRecord(ConversationSummary("gone", "", 1.0, 1.0)))
    at(10_000)
    history.move_to_trash(["gone"]).result()
    for day in range(30):
        at(day)
        assert history.empty_trash().result() == []
    at(30)
    assert history.empty_trash().result() == ["gone"]


def test_the_bin_is_emptied_at_once_if_so_wanted(binned: History, at: At) -> None:
    assert binned.empty_trash(0).result() == ["gone"]
    assert binned.load_conversation("kept").messages == ()

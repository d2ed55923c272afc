"""Conversations by day: today, yesterday, the week before, then by month."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from PySide6.QtCore import QLocale

from phichat.i18n import language, tr

WEEK = 7  # days


def sections(times: Sequence[float], now: float) -> list[tuple[int, str]]:
    """Where in `times`, newest first, each section begins, and what it is called."""
    today, position, found = _day(now), 0, []
    while position < len(times):
        title, begins = _section(_day(times[position]), today)
        found.append((position, title))
        position = max(position + 1, bisect_right(times, -begins, key=_negative))
    return found


def _section(day: date, today: date) -> tuple[str, float]:
    """The section of `day`, and when it begins."""
    if day >= today:
        return tr("Today"), _midnight(today)
    if day == today - timedelta(1):
        return tr("Yesterday"), _midnight(day)
    if day >= today - timedelta(WEEK):
        return tr("Previous 7 days"), _midnight(today - timedelta(WEEK))
    month = QLocale(language()).standaloneMonthName(day.month).capitalize()
    title = month if day.year == today.year else tr("{month} {year}").format(month=month, year=day.year)
    return title, _midnight(day.replace(day=1))


def _day(seconds: float) -> date:
    try:
        return datetime.fromtimestamp(seconds).date()  # noqa: DTZ006 - the days of the person's own calendar
    except (OverflowError, ValueError, OSError):  # beyond what the calendar here can show
        return date(1970, 1, 1) if seconds < 0 else date.max


def _midnight(day: date) -> float:
    try:
        return datetime(day.year, day.month, day.day).timestamp()  # noqa: DTZ001 - as above
    except (OverflowError, ValueError, OSError):
        return float("-inf")


def _negative(value: float) -> float:
    return -value

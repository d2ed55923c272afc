"""The list model of conversations, grouped by date."""

import time
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from PySide6.QtCore import QLocale, QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt, Signal, Slot

from phichat.i18n import language, tr
from phichat.store.base import ConversationSummary

SUMMARY_ROLE = Qt.ItemDataRole.UserRole
IS_ANSWERING_ROLE = Qt.ItemDataRole.UserRole + 1

Index = QModelIndex | QPersistentModelIndex
_Start = tuple[int, str, list[ConversationSummary], int]
"""The row of a section's name, that name, the group its conversations are from, and the first one's place in it."""


class ConversationListModel(QStringListModel):
    """Headings with the names of their sections between them.

    Nothing is made for a row before it is looked at, so that ten thousand take no longer than ten. Of Qt's own model
    only the number of rows is used: a view asks for that twice for each row, which Python would answer too slowly.

    Signals: `renamed(str, str)` with a conversation's id and the title that the person gave it.
    """

    renamed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._temporary: list[ConversationSummary] = []
        self._pinned: list[ConversationSummary] = []
        self._others: list[ConversationSummary] = []
        self._starts: list[_Start] = []
        self._rows = 0
        self._generation = ""
        self._meanwhile: list[Callable[[], object]] | None = None
        self._today = ""

    def expect(self) -> None:
        """All headings are being read: what happens until `show_all` counts on top of them."""
        self._meanwhile = []

    def show_all(self, headings: Iterable[ConversationSummary]) -> None:
        """These are all that are stored."""
        with self._changing():
            found = sorted(headings, key=_newest_first)
            self._pinned = [heading for heading in found if heading.is_pinned]
            self._others = [heading for heading in found if not heading.is_pinned]
        meanwhile, self._meanwhile = self._meanwhile or [], None
        for change in meanwhile:
            change()

    def put(self, heading: ConversationSummary, *, is_temporary: bool = False) -> None:
        """A conversation is new, or not as it was."""
        self._note(lambda: self.put(heading, is_temporary=is_temporary))
        with self._changing():
            self._remove([heading.id])
            if is_temporary:
                self._temporary.insert(0, heading)
            elif heading.is_pinned:
                insort(self._pinned, heading, key=_newest_first)
            else:
                insort(self._others, heading, key=_newest_first)

    def touch(self, heading: ConversationSummary, *, is_temporary: bool) -> None:
        """As `put`, but what the person chose to be pinned stays so."""
        old = self.heading(heading.id)
        self.put(replace(heading, is_pinned=bool(old and old.is_pinned)), is_temporary=is_temporary)

    def change(self, name: str, **values: Any) -> None:
        """The conversation whose id is `name` has other values."""
        if heading := self.heading(name):
            self.put(replace(heading, **values), is_temporary=heading in self._temporary)

    def take(self, names: Iterable[str]) -> list[ConversationSummary]:
        """Conversations are not there any more; what they were."""
        gone = set(names)
        self._note(lambda: self.take(gone))
        with self._changing():
            return self._remove(gone)

    def clear(self) -> None:
        """None are left."""
        self.take([heading.id for heading in self.headings()])

    def show_answering(self, name: str) -> None:
        """The conversation in which a reply is being made; empty for none."""
        before, self._generation = self._generation, name
        for index in map(self.index_of, {before, name} - {""} if name != before else ()):
            self.dataChanged.emit(index, index, [IS_ANSWERING_ROLE])

    def heading(self, name: str) -> ConversationSummary | None:
        """The conversation whose id is `name`."""
        return next((heading for heading in self.headings() if heading.id == name), None)

    def headings(self) -> Iterator[ConversationSummary]:
        """All of them, in the order they are shown."""
        for group in (self._temporary, self._pinned, self._others):
            yield from group

    def index_of(self, name: str) -> QModelIndex:
        """Where the conversation whose id is `name` is shown."""
        for row, _, group, offset in self._starts:
            end = self._end_of(row, group, offset)
            for place in range(offset, end):
                if group[place].id == name:
                    return self.index(row + 1 + place - offset)
        return QModelIndex()

    @Slot()
    def refresh(self) -> None:
        """Another day may have begun."""
        if time.strftime("%x") != self._today:
            with self._changing():
                pass

    def _note(self, change: Callable[[], object]) -> None:
        if self._meanwhile is not None:
            self._meanwhile.append(change)

    def _remove(self, names: Iterable[str]) -> list[ConversationSummary]:
        gone = set(names)
        found = [heading for heading in self.headings() if heading.id in gone]
        self._temporary, self._pinned, self._others = (
            [heading for heading in group if heading.id not in gone]
            for group in (self._temporary, self._pinned, self._others)
        )
        return found

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Rows may come, go and move: what is chosen or being renamed stays so.

        Meanwhile the groups are replaced, not changed: the rows as they were are still known.
        """
        yield
        starts, rows = self._arranged()
        if rows > self._rows:
            self.insertRows(self._rows, rows - self._rows)
        self.layoutAboutToBeChanged.emit()
        before = [(index, self._at(index.row())) for index in self.persistentIndexList()]
        self._starts, self._rows = starts, rows
        for index, heading in before:
            self.changePersistentIndex(index, self.index_of(heading.id) if heading else QModelIndex())
        self.layoutChanged.emit()
        if self.rowCount() > rows:
            self.removeRows(rows, self.rowCount() - rows)

    def _arranged(self) -> tuple[list[_Start], int]:
        """Where each section begins, and how many rows there are in all."""
        self._today = time.strftime("%x")
        times = [heading.changed for heading in self._others]
        found = sections(times, time.time())
        ends = [start for start, _ in found[1:]] + [len(times)]
        parts = [
            (tr("Temporary"), self._temporary, 0, len(self._temporary)),
            (tr("Pinned"), self._pinned, 0, len(self._pinned)),
            *((title, self._others, start, end) for (start, title), end in zip(found, ends, strict=False)),
        ]
        starts: list[_Start] = []
        rows = 0
        for title, group, start, end in parts:
            if start < end:
                starts.append((rows, title, group, start))
                rows += 1 + end - start
        return starts, rows

    def _end_of(self, row: int, group: list[ConversationSummary], offset: int) -> int:
        """The place in `group` after the last one of the section that begins in `row`."""
        after = next((start[0] for start in self._starts if start[0] > row), self._rows)
        return min(offset + after - row - 1, len(group))

    def _section(self, row: int) -> _Start:
        return self._starts[bisect_right(self._starts, row, key=_first) - 1]

    def _at(self, row: int) -> ConversationSummary | None:
        """What is shown in `row`; None for the name of a section."""
        start, _, group, offset = self._section(row)
        return group[offset + row - start - 1] if row > start else None

    def _is_answering(self, heading: ConversationSummary, role: int) -> bool | None:
        return heading.id == self._generation if role == IS_ANSWERING_ROLE else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < self._rows:
            return None
        heading = self._at(index.row())
        if heading is None:
            return self._section(index.row())[1] if role in _NAMES else None
        return _VALUES[role](heading) if role in _VALUES else self._is_answering(heading, role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        heading = self._at(index.row()) if role == Qt.ItemDataRole.EditRole else None
        title = " ".join(str(value).split())
        if not heading or not title or title == heading.title:
            return False
        self.renamed.emit(heading.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not 0 <= index.row() < self._rows or self._at(index.row()) is None:
            return Qt.ItemFlag.NoItemFlags
        return (
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsEditable
            | Qt.ItemFlag.ItemNeverHasChildren
        )


def title_of_summary(heading: ConversationSummary) -> str:
    """Its title in one line, even if it has none."""
    return " ".join(heading.title[:500].split()) or tr("Untitled")


def _newest_first(heading: ConversationSummary) -> float:
    return -heading.changed


def _first(start: Sequence[Any]) -> int:
    return int(start[0])


_NAMES = {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}
_VALUES: dict[int, Callable[[ConversationSummary], Any]] = {
    Qt.ItemDataRole.DisplayRole: title_of_summary,
    Qt.ItemDataRole.AccessibleTextRole: title_of_summary,
    Qt.ItemDataRole.EditRole: lambda heading: heading.title,
    SUMMARY_ROLE: lambda heading: heading,
}


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

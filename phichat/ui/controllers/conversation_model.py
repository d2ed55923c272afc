"""The list model of conversations, grouped by date."""

import time
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from PySide6.QtCore import QAbstractListModel, QLocale, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal, Slot

from phichat.i18n import current_language, tr
from phichat.store.base import ConversationSummary
from phichat.unicode import without_controls

SUMMARY_ROLE = Qt.ItemDataRole.UserRole
"""The conversation's ConversationSummary; None for the title of a section."""

IS_ANSWERING_ROLE = Qt.ItemDataRole.UserRole + 1
"""Whether a reply is being generated in the conversation."""

FLAGS = (
    Qt.ItemFlag.ItemIsEnabled
    | Qt.ItemFlag.ItemIsSelectable
    | Qt.ItemFlag.ItemIsEditable
    | Qt.ItemFlag.ItemNeverHasChildren
)
"""Of a conversation's row: views ask for them again and again."""

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Section:
    """A row with the title of the conversations below it; it cannot be selected, and has no id."""

    title: str
    id: str = ""


Row = ConversationSummary | Section


class ConversationListModel(QAbstractListModel):
    """Conversations, newest first, under the titles of their sections: temporary, pinned, and one for each date range.

    Persistent indexes, and so the selection and an open editor, stay with their conversations at each change.
    A change is a few passes over the rows: 4.4 ms to move one of 10,000 conversations to the top, with the list shown.

    Signals:
        renamed(str, str): the user edited a title; with the conversation's id and the new title.
    """

    renamed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._temporary: list[ConversationSummary] = []
        self._stored: list[ConversationSummary] = []
        self._rows: list[Row] = []
        self._answering = ""
        self._changes_while_loading: list[Callable[[], object]] | None = None
        self._today = ""

    def begin_loading(self) -> None:
        """Record changes from now on, to repeat them on what set_conversations() gets."""
        self._changes_while_loading = []

    def set_conversations(self, summaries: Iterable[ConversationSummary]) -> None:
        """Replace all stored conversations; temporary ones stay."""
        self._stored = sorted(summaries, key=_newest_first)
        self._arrange()
        changes, self._changes_while_loading = self._changes_while_loading or [], None
        for change in changes:
            change()

    def upsert(self, summary: ConversationSummary, *, is_temporary: bool = False) -> None:
        """Insert a conversation, or replace the one with its id."""
        self._record(lambda: self.upsert(summary, is_temporary=is_temporary))
        self._discard({summary.id})
        if is_temporary:
            self._temporary.insert(0, summary)
        else:
            insort(self._stored, summary, key=_newest_first)
        self._arrange()

    def touch(self, summary: ConversationSummary, *, is_temporary: bool) -> None:
        """Insert or replace a conversation as upsert() does, but keep whether it is pinned."""
        old = self.summary(summary.id)
        self.upsert(replace(summary, is_pinned=bool(old and old.is_pinned)), is_temporary=is_temporary)

    def set_values(self, conversation_id: str, **values: Any) -> None:
        """Replace fields of a conversation's summary, if it is in the list."""
        if summary := self.summary(conversation_id):
            self.upsert(replace(summary, **values), is_temporary=summary in self._temporary)

    def remove(self, conversation_ids: Iterable[str]) -> list[ConversationSummary]:
        """Remove conversations; return their summaries in the order of the list."""
        ids = set(conversation_ids)
        self._record(lambda: self.remove(ids))
        removed = [summary for summary in self.summaries() if summary.id in ids]
        self._discard(ids)
        self._arrange()
        return removed

    def clear(self) -> None:
        """Remove all conversations."""
        self.remove([summary.id for summary in self.summaries()])

    def set_answering(self, conversation_id: str) -> None:
        """Mark the conversation in which a reply is being generated; an empty id for none."""
        before, self._answering = self._answering, conversation_id
        if before == conversation_id:
            return
        for index in (self.index_of(before), self.index_of(conversation_id)):
            if index.isValid():
                self.dataChanged.emit(index, index, [IS_ANSWERING_ROLE])

    def summary(self, conversation_id: str) -> ConversationSummary | None:
        """Return the summary of a conversation; None if it is not in the list."""
        return next((summary for summary in self.summaries() if summary.id == conversation_id), None)

    def is_temporary(self, conversation_id: str) -> bool:
        """Return whether a conversation is temporary, so that nothing of it is stored."""
        return any(summary.id == conversation_id for summary in self._temporary)

    def summaries(self) -> Iterator[ConversationSummary]:
        """Yield all conversations in the order of the list."""
        return (row for row in self._rows if isinstance(row, ConversationSummary))

    def index_of(self, conversation_id: str) -> QModelIndex:
        """Return the index of a conversation; an invalid one if it is not in the list."""
        rows = (at for at, row in enumerate(self._rows) if row.id == conversation_id)
        return self.index(next(rows, -1)) if conversation_id else QModelIndex()

    @Slot()
    def refresh_sections(self) -> None:
        """Rearrange the sections if another day has begun."""
        if time.strftime("%x") != self._today:
            self._arrange()

    def _record(self, change: Callable[[], object]) -> None:
        if self._changes_while_loading is not None:
            self._changes_while_loading.append(change)

    def _discard(self, conversation_ids: set[str]) -> None:
        self._temporary = [summary for summary in self._temporary if summary.id not in conversation_ids]
        self._stored = [summary for summary in self._stored if summary.id not in conversation_ids]

    def _arrange(self) -> None:
        """Sort the conversations into sections and update the rows."""
        self._today = time.strftime("%x")
        others = [summary for summary in self._stored if not summary.is_pinned]
        starts = sections([summary.changed for summary in others], time.time())
        ends = [*(start for start, _ in starts[1:]), len(others)]
        groups = [
            (tr("Temporary"), self._temporary),
            (tr("Pinned"), [summary for summary in self._stored if summary.is_pinned]),
            *((title, others[start:end]) for (start, title), end in zip(starts, ends, strict=False)),
        ]
        rows: list[Row] = []
        for title, group in groups:
            if group:
                rows += [Section(title), *group]
        self._set_rows(rows)

    def _set_rows(self, rows: list[Row]) -> None:
        """Replace the rows; persistent indexes follow their conversations.

        Rows are inserted and removed at the end alone, and put in order in between: were a row removed from where it
        is, a view would select, and so open, the conversation beside it.
        """
        old = self._rows
        if [row.id for row in old] == [row.id for row in rows]:
            self._replace_contents(rows)
            return
        if len(rows) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(rows) - 1)
            self._rows = old + rows[len(old) :]
            self.endInsertRows()
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        positions = {row.id: at for at, row in enumerate(rows)} | {"": -1}
        after = [positions.get(self._rows[index.row()].id, -1) for index in before]
        self._rows = rows + old[len(rows) :]
        self.changePersistentIndexList(before, [self.index(at) for at in after])
        self.layoutChanged.emit()
        if len(old) > len(rows):
            self.beginRemoveRows(QModelIndex(), len(rows), len(old) - 1)
            self._rows = rows
            self.endRemoveRows()

    def _replace_contents(self, rows: list[Row]) -> None:
        """Replace rows by others for the same conversations in the same order."""
        pairs = zip(self._rows, rows, strict=True)
        changed = [at for at, (old, new) in enumerate(pairs) if old is not new and old != new]
        self._rows = rows
        if changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.AccessibleTextRole and isinstance(row, ConversationSummary) and row.is_draft:
            return tr("Draft: {title}").format(title=title_of_summary(row))
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return row.title if isinstance(row, Section) else title_of_summary(row)
        if isinstance(row, Section):
            return None
        values = {
            Qt.ItemDataRole.EditRole: title_of_summary(row) if row.title else "",
            SUMMARY_ROLE: row,
            IS_ANSWERING_ROLE: row.id == self._answering,
        }
        return values.get(role)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Emit `renamed` for another title that is not blank; who renames tells the model by set_values()."""
        summary = index.data(SUMMARY_ROLE) if role == Qt.ItemDataRole.EditRole else None
        title = " ".join(without_controls(str(value)).split())
        if not isinstance(summary, ConversationSummary) or not title or title == summary.title:
            return False
        self.renamed.emit(summary.id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        is_conversation = isinstance(self.data(index, SUMMARY_ROLE), ConversationSummary)
        return FLAGS if is_conversation else Qt.ItemFlag.NoItemFlags


def title_of_summary(summary: ConversationSummary) -> str:
    """Return the title in one line of at most 500 characters, or "Untitled"."""
    return " ".join(summary.title[:500].split()) or tr("Untitled")


def _newest_first(summary: ConversationSummary) -> float:
    return -summary.changed


WEEK = 7  # days


def sections(times: Sequence[float], now: float) -> list[tuple[int, str]]:
    """Return each date section of `times`, newest first: the position of its first time, and its title.

    Imported conversations may have no date; their time is 0.
    """
    today, position, found = _day(now), 0, []
    while position < len(times):
        if times[position] <= 0:
            found.append((position, tr("No date")))
            break
        title, begins = _section(_day(times[position]), today)
        found.append((position, title))
        position = max(position + 1, bisect_right(times, -begins, key=lambda value: -value))
    return found


def _section(day: date, today: date) -> tuple[str, float]:
    """Return the title of the section of `day`, and the time at which it begins."""
    if day >= today:
        return tr("Today"), _midnight(today)
    if day == today - timedelta(1):
        return tr("Yesterday"), _midnight(day)
    if day >= today - timedelta(WEEK):
        return tr("Previous 7 days"), _midnight(today - timedelta(WEEK))
    month = QLocale(current_language()).standaloneMonthName(day.month).capitalize()
    title = month if day.year == today.year else tr("{month} {year}").format(month=month, year=day.year)
    return title, _midnight(day.replace(day=1))


def _day(seconds: float) -> date:
    try:
        return datetime.fromtimestamp(seconds).date()  # noqa: DTZ006 - the user's own calendar
    except (OverflowError, ValueError, OSError):  # beyond what the platform's calendar can show
        return date(1970, 1, 1) if seconds < 0 else date.max


def _midnight(day: date) -> float:
    try:
        return datetime(day.year, day.month, day.day).timestamp()  # noqa: DTZ001 - the user's own calendar
    except (OverflowError, ValueError, OSError):
        return float("-inf")

"""Excel files: the sheets as tables with their headers, dates as dates. Formulas are not computed, nor macros run."""

import posixpath
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from phichat.documents.base import Finding, Note, Outline, Part
from phichat.documents.readers.archive import BROKEN, Archive, open_archive
from phichat.documents.readers.docx import core_title
from phichat.documents.readers.flow import MOST_COLUMNS, Row, tabulated
from phichat.documents.readers.source import MOST_TEXT, Source, clean_heading, damaged
from phichat.documents.readers.xml_events import End, Event, Start, XmlError, events

WORKBOOK = "xl/workbook.xml"
_RELATIONS, _STRINGS, _STYLES = "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml"

_DATES = {*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)}  # formats of dates that every Excel knows
_FIRST_DAY, _FIRST_DAY_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - Excel knows no time zones


def read(source: Source) -> Iterator[Part]:
    """Yield the sheets of a workbook. See `source.Reader`."""
    with open_archive(source.path, source.name) as archive:
        try:
            book = _Book(archive)
        except (*BROKEN, XmlError, KeyError) as error:
            raise damaged(source.name) from error
        yield Outline(core_title(archive))
        for name, member in book.sheets:
            try:
                yield from tabulated(book.rows(member), (clean_heading(name),))
            except (*BROKEN, XmlError, KeyError):
                yield Note(Finding.DAMAGED, name=clean_heading(name))


def related(archive: Archive, member: str, folder: str) -> dict[str, str]:
    """Return the members that `member` names by id, relative to `folder`. Raise as `events` and `Archive.chunks`."""
    found = {}
    for event in events(archive.chunks(member)):
        if (
            isinstance(event, Start)
            and event.name == "Relationship"
            and event.attributes.get("TargetMode") != "External"
        ):
            target = event.attributes.get("Target", "")
            found[event.attributes.get("Id", "")] = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return found


class _Book:
    """A workbook: its sheets, the strings they share, and which cells are dates.

    Attributes:
        sheets: the name of each sheet, and the member of the archive that it is in.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._first_day = _FIRST_DAY
        self.sheets = list(self._find_sheets())
        self._strings = list(self._shared_strings()) if _STRINGS in archive else []
        self._dates = list(self._date_styles()) if _STYLES in archive else []

    def _find_sheets(self) -> Iterator[tuple[str, str]]:
        members = related(self._archive, _RELATIONS, "xl")
        for event in events(self._archive.chunks(WORKBOOK)):
            if not isinstance(event, Start):
                continue
            if event.name == "sheet":
                yield event.attributes.get("name", ""), members.get(event.attributes.get("id", ""), "")
            elif event.name == "workbookPr" and event.attributes.get("date1904") in {"1", "true"}:
                self._first_day = _FIRST_DAY_1904

    def _shared_strings(self) -> Iterator[str]:
        text: list[str] = []
        length = 0
        is_text = is_reading = False  # how a word is read out loud stands beside it, in Japanese
        for event in events(self._archive.chunks(_STRINGS)):
            if isinstance(event, str):
                if is_text and not is_reading:
                    text.append(event)
                    length += len(event)
                    if length > MOST_TEXT:
                        return
            elif event.name == "t":
                is_text = isinstance(event, Start)
            elif event.name == "rPh":
                is_reading = isinstance(event, Start)
            elif event.name == "si" and not isinstance(event, Start):
                yield "".join(text)
                text = []

    def _date_styles(self) -> Iterator[bool]:
        """Yield for each style of cells whether it shows a date."""
        dates, is_cell_style = set(_DATES), False
        for event in events(self._archive.chunks(_STYLES)):
            if isinstance(event, str):
                continue
            if event.name == "cellXfs":
                is_cell_style = isinstance(event, Start)
            elif isinstance(event, Start) and event.name == "numFmt":
                if _shows_date(event.attributes.get("formatCode", "")):
                    dates.add(_number(event.attributes.get("numFmtId", "")))
            elif isinstance(event, Start) and event.name == "xf" and is_cell_style:
                yield _number(event.attributes.get("numFmtId", "")) in dates

    def rows(self, member: str) -> Iterator[Row]:
        """Yield the rows of a sheet with their numbers. Raise as `events` and `Archive.chunks`."""
        number, cells = 0, [""]
        cell: Start | None = None
        for event, text in _with_values(events(self._archive.chunks(member))):
            if event.name == "row" and isinstance(event, Start):
                number, cells = _number(event.attributes.get("r", "")) or number + 1, []
            elif event.name == "row":
                yield number, cells
            elif isinstance(event, Start):
                cell = event
            elif cell and (at := _column(cell.attributes.get("r", "")) or len(cells)) < MOST_COLUMNS:
                cells += [""] * (at - len(cells))
                cells.append(self._value(cell, text))

    def _value(self, cell: Start, text: str) -> str:
        """Return the value of a cell as it is shown, or nearly so."""
        kind = cell.attributes.get("t", "n")
        if kind == "s":
            at = _number(text)
            return self._strings[at] if text and at < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        if kind != "n":
            return text
        style = _number(cell.attributes.get("s", ""))
        is_date = style < len(self._dates) and self._dates[style]
        return self._date(text) if is_date else _shortest(text)

    def _date(self, text: str) -> str:
        try:
            days = float(text)
            moment = self._first_day + timedelta(seconds=round(days * 86400))
        except (ValueError, OverflowError):
            return text
        if days < 1:
            return moment.strftime("%H:%M:%S")
        return moment.strftime("%Y-%m-%d" if days == int(days) else "%Y-%m-%d %H:%M:%S")


def _with_values(found: Iterable[Event]) -> Iterator[tuple[Start | End, str]]:
    """Yield the starts and ends of rows and cells, those of cells with their value."""
    text: list[str] = []
    is_value = False
    for event in found:
        if isinstance(event, str):
            if is_value:
                text.append(event)
        elif event.name in {"v", "t"}:
            is_value = isinstance(event, Start)
        elif event.name in {"row", "c"}:
            yield event, "".join(text)
            text = []


def _shows_date(code: str) -> bool:
    """Return whether a format has days, months, years, hours or seconds outside of quotes and colors."""
    plain = "".join(part for at, part in enumerate(code.split('"')) if at % 2 == 0)
    while "[" in plain and "]" in plain[plain.index("[") :]:
        start = plain.index("[")
        plain = plain[:start] + plain[plain.index("]", start) + 1 :]
    return any(letter in plain.lower() for letter in "dmyhs") and "general" not in plain.lower()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _column(reference: str) -> int:
    """Return the index of the column in a reference such as AB12; 0 for the first, and if there is none."""
    index = 0
    for letter in reference[:3].upper():
        if "A" <= letter <= "Z":
            index = 26 * index + ord(letter) - 64
    return max(0, index - 1)


def _shortest(text: str) -> str:
    """Return a number without the digits that floating point adds."""
    try:
        return f"{float(text):.15g}" if "." in text or "E" in text else text
    except ValueError:
        return text

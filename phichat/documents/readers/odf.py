"""OpenDocument files: texts by headings, sheets as tables with their headers, presentations slide by slide."""

import re
from collections.abc import Iterator

from phichat.documents.base import MOST_PAGES, Finding, Note, Outline, Part, Section
from phichat.documents.readers.archive import BROKEN, Archive, open_archive
from phichat.documents.readers.docx import element_text
from phichat.documents.readers.flow import MOST_COLUMNS, Flow, Row, tabulated
from phichat.documents.readers.source import Source, clean, clean_heading, damaged, protected
from phichat.documents.readers.xml_events import End, Event, Start, XmlError, events

CONTENT = "content.xml"
_KIND, _META, _MANIFEST = "mimetype", "meta.xml", "META-INF/manifest.xml"

MOST_REPEATED = 100  # times that a row which is said to be repeated is given

_CELLS = {"table-cell", "covered-table-cell"}
_SPACES = re.compile(r"\s+")
_SKIPPED = {"annotation", "tracked-changes", "ruby-text", "forms", "event-listeners", "script", "notes"}


def read(source: Source) -> Iterator[Part]:
    """Yield the content of an OpenDocument file. See `source.Reader`."""
    with open_archive(source.path, source.name) as archive:
        if _is_encrypted(archive):
            raise protected(source.name)
        yield Outline(_title(archive), _slides(archive))
        has_text = False
        content = _Content()
        try:
            for part in content.read(events(archive.chunks(CONTENT))):
                has_text = True
                yield part
        except (*BROKEN, XmlError, KeyError) as error:
            if not has_text:
                raise damaged(source.name) from error
            yield Note(Finding.DAMAGED)


def _is_encrypted(archive: Archive) -> bool:
    try:
        found = events(archive.chunks(_MANIFEST))
        return any(isinstance(event, Start) and event.name == "encryption-data" for event in found)
    except (*BROKEN, XmlError, KeyError):
        return False


def _title(archive: Archive) -> str:
    try:
        return element_text(archive, _META, "title")
    except (*BROKEN, XmlError, KeyError):
        return ""


def _slides(archive: Archive) -> int:
    """Return how many slides there are; 0 for what is no presentation."""
    try:
        if b"presentation" not in archive.read(_KIND):
            return 0
        return sum(isinstance(event, Start) and event.name == "page" for event in events(archive.chunks(CONTENT)))
    except (*BROKEN, XmlError, KeyError):
        return 0


class _Content:
    """The content of a document that is being read."""

    def __init__(self) -> None:
        self._flow = Flow()
        self._text: list[list[str]] = []  # of paragraphs inside one another, such as footnotes
        self._levels: list[int] = []
        self._skipped = self._lists = self._page = 0
        self._is_sheet = False
        self._tables: list[_Table] = []

    def read(self, found: Iterator[Event]) -> Iterator[Section | Note]:
        """Yield its sections."""
        for event in found:
            if isinstance(event, str):
                if self._text and not self._skipped:
                    self._text[-1].append(_SPACES.sub(" ", event))
            elif event.name in _SKIPPED:
                self._skipped += 1 if isinstance(event, Start) else -1
            elif self._skipped:
                continue
            elif isinstance(event, Start):
                yield from self._start(event)
            else:
                yield from self._end(event)
            if self._page > MOST_PAGES:
                yield Note(Finding.TRUNCATED)
                return
        yield from self._flow.finish()

    def _start(self, event: Start) -> Iterator[Section]:
        match event.name:
            case "p" | "h":
                self._text.append([])
                level = event.attributes.get("outline-level", "1")
                self._levels.append(int(level) if event.name == "h" and level.isdecimal() else 0)
            case "list":
                self._lists += 1
            case "s" if self._text:
                self._text[-1].append(" " * min(_count(event, "c"), 100))
            case "tab" | "line-break" if self._text:
                self._text[-1].append("\t" if event.name == "tab" else "\n")
            case "spreadsheet":
                self._is_sheet = True
            case "page":
                yield from self._flow.finish()
                self._page += 1
                self._flow = Flow((), self._page)
            case "table":
                self._tables.append(_Table(clean_heading(event.attributes.get("name", ""))))
            case _ if self._tables:
                self._tables[-1].start(event)

    def _end(self, event: End) -> Iterator[Section]:
        match event.name:
            case "p" | "h" if self._text:
                yield from self._end_paragraph()
            case "list":
                self._lists -= 1
            case "table" if self._tables:
                yield from self._end_table(self._tables.pop())
            case _ if self._tables:
                self._tables[-1].end(event)

    def _end_paragraph(self) -> Iterator[Section]:
        text, level = clean("".join(self._text.pop())).strip(), self._levels.pop()
        if self._tables:
            self._tables[-1].cell.append(text)
        elif self._text:  # inside another: a footnote
            self._text[-1].append(f" [{text}]")
        elif level:
            yield from self._flow.add_heading(level, text)
        else:
            yield from self._flow.add_paragraph(f"• {text}" if self._lists and text else text)

    def _end_table(self, table: "_Table") -> Iterator[Section]:
        if self._tables:  # inside a cell
            self._tables[-1].cell += [" ".join(filter(None, cells)) for _, cells in table.rows]
        elif self._is_sheet:
            yield from tabulated(table.rows, (table.name,))
        else:
            yield from self._flow.add_table((None, cells) for _, cells in table.rows)


class _Table:
    """A table that is being read. Cells and rows may be said to be repeated, empty ones a million times.

    Attributes:
        name: the name of the sheet.
        rows: the rows so far that are not empty.
        cell: the paragraphs of the current cell.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[Row] = []
        self.cell: list[str] = []
        self._cells: list[str] = []
        self._number = 0
        self._rows_repeated = self._cells_repeated = 1

    def start(self, event: Start) -> None:
        """Begin a row or a cell, which is there as often as it says."""
        if event.name == "table-row":
            self._cells, self._rows_repeated = [], _count(event, "number-rows-repeated")
        elif event.name in _CELLS:
            self.cell, self._cells_repeated = [], _count(event, "number-columns-repeated")

    def end(self, event: End) -> None:
        """Take a cell into its row, or a row that is not empty into the table."""
        if event.name in _CELLS:
            room = max(0, MOST_COLUMNS - len(self._cells))
            self._cells += [" ".join(self.cell)] * min(self._cells_repeated, room)
            self.cell = []
        elif event.name == "table-row":
            if any(self._cells):
                repeated = min(self._rows_repeated, MOST_REPEATED)
                self.rows += [(self._number + at, self._cells) for at in range(1, repeated + 1)]
            self._number += self._rows_repeated


def _count(event: Start, name: str) -> int:
    value = event.attributes.get(name, "1")
    return max(1, int(value)) if value.isdecimal() and len(value) < 9 else 1

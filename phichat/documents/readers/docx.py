"""Word files: paragraphs by headings, lists, tables, footnotes. Macros and what is linked stay unread."""

from collections.abc import Iterator

from phichat.documents.base import Finding, Note, Outline, Part, Section
from phichat.documents.readers.archive import BROKEN, Archive, open_archive
from phichat.documents.readers.flow import Flow, Row
from phichat.documents.readers.source import Source, clean_heading, damaged
from phichat.documents.readers.xml_events import End, Event, Start, XmlError, events

DOCUMENT = "word/document.xml"
_STYLES, _CORE = "word/styles.xml", "docProps/core.xml"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")

_SKIPPED = {"Fallback", "moveFrom", "instrText", "delText", "pict"}  # shown elsewhere, or not at all
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}


def read(source: Source) -> Iterator[Part]:
    """Yield the text of a Word file. See `source.Reader`."""
    with open_archive(source.path, source.name) as archive:
        yield Outline(core_title(archive))
        has_text = False
        try:
            levels = _heading_levels(archive)
            for member in (DOCUMENT, *(name for name in _NOTES if name in archive)):
                for section in _Body(levels).read(events(archive.chunks(member))):
                    has_text = True
                    yield section
        except (*BROKEN, XmlError, KeyError) as error:
            if not has_text:
                raise damaged(source.name) from error
            yield Note(Finding.DAMAGED)


def core_title(archive: Archive) -> str:
    """Return the title in the properties of a file of Microsoft Office; empty if there is none."""
    try:
        return element_text(archive, _CORE, "title")
    except (*BROKEN, XmlError, KeyError):
        return ""


def element_text(archive: Archive, member: str, name: str) -> str:
    """Return the text of the first element called `name` as a title. Raise as `events` and `Archive.chunks`."""
    text: list[str] | None = None
    for event in events(archive.chunks(member)):
        if isinstance(event, str):
            if text is not None:
                text.append(event)
        elif event.name == name and text is None:
            text = []
        elif isinstance(event, End) and event.name == name:
            break
    return clean_heading("".join(text or ()))


def _heading_levels(archive: Archive) -> dict[str, int]:
    """Return the level of each style that is one of headings, from 1, by the style's id."""
    levels: dict[str, int] = {}
    based: dict[str, str] = {}
    style = ""
    if _STYLES not in archive:
        return {f"Heading{level}": level for level in range(1, 10)}
    for event in events(archive.chunks(_STYLES)):
        if not isinstance(event, Start):
            continue
        value = event.attributes.get("val", "")
        match event.name:
            case "style":
                style = event.attributes.get("styleId", "")
            case "name" if value.lower() == "title":
                levels[style] = 1
            case "name" if value.lower().startswith("heading ") and value[8:].isdecimal():
                levels[style] = int(value[8:])
            case "basedOn":
                based[style] = value
            case "outlineLvl" if value.isdecimal() and int(value) < 9:
                levels.setdefault(style, int(value) + 1)
    return levels | {style: levels[other] for style, other in based.items() if style not in levels and other in levels}


class _Paragraph:
    """A paragraph that is being read: its text, the level of its style, and whether it is in a list."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.level = 0
        self.is_item = False

    def __str__(self) -> str:
        text = "".join(self.text)
        return f"• {text}" if self.is_item and text.strip() else text


class _Body:
    """The text of a document, or of its notes. Paragraphs may stand inside one another, as text boxes do."""

    def __init__(self, levels: dict[str, int]) -> None:
        self._levels = levels
        self._flow = Flow()
        self._open: list[_Paragraph] = []
        self._skipped = self._tables = 0
        self._is_text = False
        self._rows: list[Row] = []
        self._cells: list[str] = []
        self._cell: list[str] = []

    def read(self, found: Iterator[Event]) -> Iterator[Section]:
        """Yield its sections."""
        for event in found:
            if isinstance(event, str):
                if self._is_text and self._open and not self._skipped:
                    self._open[-1].text.append(event)
            elif event.name in _SKIPPED:
                self._skipped += 1 if isinstance(event, Start) else -1
            elif self._skipped:
                continue
            elif isinstance(event, Start):
                self._start(event)
            else:
                yield from self._end(event)
        yield from self._flow.finish()

    def _start(self, event: Start) -> None:
        match event.name:
            case "p":
                self._open.append(_Paragraph())
            case "t":
                self._is_text = True
            case "tbl":
                self._tables += 1
            case "pStyle" if self._open:
                self._open[-1].level = self._levels.get(event.attributes.get("val", ""), 0)
            case "numPr" if self._open:
                self._open[-1].is_item = True
            case name if name in _SIGNS and self._open:
                self._open[-1].text.append(_SIGNS[name])

    def _end(self, event: End) -> Iterator[Section]:
        match event.name:
            case "t":
                self._is_text = False
            case "p" if self._open:
                yield from self._end_paragraph(self._open.pop())
            case "tc" if self._tables == 1:  # a table inside a cell is text of that cell
                self._cells.append(" ".join(self._cell))
                self._cell = []
            case "tr" if self._tables == 1:
                self._rows.append((None, self._cells))
                self._cells = []
            case "tbl" if self._tables:
                self._tables -= 1
                if not self._tables:
                    yield from self._flow.add_table(self._rows)
                    self._rows = []

    def _end_paragraph(self, paragraph: _Paragraph) -> Iterator[Section]:
        if self._tables:
            self._cell.append(str(paragraph))
        elif paragraph.level:
            yield from self._flow.add_heading(paragraph.level, str(paragraph))
        else:
            yield from self._flow.add_paragraph(str(paragraph))

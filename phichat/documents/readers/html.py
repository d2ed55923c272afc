"""Web pages: their text by headings. Scripts and styles are left out, and nothing a page links to is fetched."""

from collections.abc import Iterator
from html.parser import HTMLParser

from phichat.documents.base import Finding, Note, Outline, Part, Section
from phichat.documents.readers.flow import Flow, Row
from phichat.documents.readers.source import Source, clean_heading, read_plain

_CHUNK = 64 * 1024  # characters parsed at once
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN = {"script", "style", "template", "svg", "iframe", "noscript", "head"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "menu", "nav", "ol", "p",
    "pre", "section", "summary", "ul",
}  # fmt: skip
_TABLE_PARTS = {"table", "tr", "td", "th"}
_MARKERS = {"li": "• "}


def read(source: Source) -> Iterator[Part]:
    """Yield the text of a page. See `source.Reader`."""
    text, is_cut = read_plain(source)
    page = Page()
    sections = page.read(text)
    first = next(sections, None)
    yield Outline(page.title)  # known by now
    if first:
        yield first
        yield from sections
    if is_cut:
        yield Note(Finding.TRUNCATED)


class Page(HTMLParser):
    """The text of a web page.

    Attributes:
        title: what the page says it is called, once it was read.
    """

    def __init__(self, heading: tuple[str, ...] = ()) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._flow = Flow(heading)
        self._done: list[Section] = []
        self._text: list[str] = []
        self._hidden: list[str] = []
        self._level = self._verbatim = 0
        self._is_title = self._is_in_cell = False
        self._tables: list[list[Row]] = []
        self._row: list[str] | None = None

    def read(self, text: str) -> Iterator[Section]:
        """Yield the sections of the page."""
        for start in range(0, len(text), _CHUNK):
            self.feed(text[start : start + _CHUNK])
            yield from self._done
            self._done.clear()
        self.close()
        while self._tables:
            self._end_table()
        self._end_block()
        yield from self._done
        yield from self._flow.finish()

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        if self._hidden == ["head"] and (tag == "body" or tag in _BLOCKS or tag in _HEADINGS):
            self._hidden.clear()  # its end may be left out
        if tag == "title" and not self.title:
            self._is_title = True
        elif tag in _HIDDEN:
            self._hidden.append(tag)
        elif self._hidden:
            return
        elif tag == "br":
            self._text.append("\n")
        elif tag in _TABLE_PARTS:
            self._start_table_part(tag)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._end_block()
            self._text.append(_MARKERS.get(tag, ""))
            self._level = _HEADINGS.get(tag, 0)
            self._verbatim += tag == "pre"

    def _start_table_part(self, tag: str) -> None:
        if tag == "table":
            self._end_block()
            self._end_row()
            self._tables.append([])
        elif tag == "tr" and self._tables:
            self._end_row()
            self._row = []
        elif self._row is not None:
            self._end_cell()
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        if tag == "title":
            self._is_title = False
        elif tag in _HIDDEN:
            if tag in self._hidden:  # and what was not closed inside
                del self._hidden[self._hidden.index(tag) :]
        elif self._hidden:
            return
        elif tag == "table" and self._tables:
            self._end_table()
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._end_block()
            self._level = 0
            self._verbatim = max(0, self._verbatim - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        if self._is_title:
            self.title = clean_heading(self.title + data)
        elif not self._hidden:
            self._text.append(data if self._verbatim else _folded(data))

    def _end_block(self) -> None:
        """Take the text since the last block as a paragraph or heading; inside of a table, it stays in its cell."""
        if self._tables:
            self._text.append(" ")
            self._level = 0
            return
        text = "".join(self._text)
        self._text.clear()
        if not self._verbatim:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        if self._level:
            self._done += self._flow.add_heading(self._level, text)
        elif text.strip(" •\n"):
            self._done += self._flow.add_paragraph(text)

    def _end_cell(self) -> None:
        """Take the text of a cell; what stands before the first one of a row belongs to no cell."""
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if self._row is not None and self._is_in_cell:
            self._row.append(text)
        self._is_in_cell = False

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            self._tables[-1].append((None, self._row))
        self._row = None

    def _end_table(self) -> None:
        """Take a table; one inside another, which pages are laid out with, becomes rows of the outer."""
        self._end_row()
        rows = self._tables.pop()
        if self._tables:
            self._tables[-1] += rows
        else:
            self._end_block()
            self._done += self._flow.add_table(rows)


def _folded(text: str) -> str:
    """Return `text` with spaces for line ends, which a page shows as spaces."""
    return text.replace("\n", " ")

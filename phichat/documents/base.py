"""What readers make of a file: runs of text with their place, and notes about what could not be read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from phichat.cancellation import CancelToken
from phichat.i18n import N_, format_number, tr

LARGEST_FILE = 500_000_000  # bytes
MOST_PAGES = 5_000
LONGEST_SECTION = 20_000
"""Characters in a section; a longer run is cut between paragraphs or lines."""

MOST_RANGES = 8  # of pages in a sentence


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text begins in its file. What a kind of file has not is None or empty.

    Attributes:
        page: the page, from 1.
        heading: the headings it stands under, the outermost first: chapters, sheets of a workbook, files of an archive.
        line: the line, from 1; in a workbook the row.
    """

    page: int | None = None
    heading: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text that stands at one place: a page, what is under one heading, or some rows of a table.

    Attributes:
        text: paragraphs with an empty line between them. Where `place` has a line, each line of the text is one line
            of the file, so that the place of any part of it can be counted; rows of a table are one line each.
        header: of a table, the line with the names of its columns, which is not in `text`; all its sections have it.
    """

    text: str
    place: Place = Place()
    header: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a document before its text: the first that a reader yields.

    Attributes:
        title: the title that the document gives itself; empty for none.
        pages: how many pages it has; 0 if it has none, as a text file.
    """

    title: str = ""
    pages: int = 0


class Finding(StrEnum):
    """What a note tells of some pages or parts."""

    PICTURES = "pictures"
    EMPTY = "empty"
    DAMAGED = "damaged"
    TRUNCATED = "truncated"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a document that its text does not have.

    Attributes:
        pages: the pages it is about, in order; empty if it is about the whole document.
        name: the part it is about, such as a sheet or a file inside; empty for none.
    """

    finding: Finding
    pages: tuple[int, ...] = ()
    name: str = ""

    @property
    def sentence(self) -> str:
        """The note as people read it."""
        wording = _WORDINGS[self.finding]
        if self.pages:
            sentence = tr(wording.pages) if len(self.pages) > 1 else tr(wording.page)
            return sentence.format(pages=_ranges(self.pages))
        return tr(wording.part).format(name=self.name) if self.name else tr(wording.whole)


Part = Outline | Section | Note


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as an image: `width` × `height` pixels of four bytes, red, green, blue and alpha, row by row."""

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in shares of its width and height from the top left corner, from 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float


class DocumentReader(Protocol):
    """Reads documents and shows their pages; `phichat.documents.process` does so in a process of its own."""

    def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
        """Yield an Outline, then sections in the order of reading, each as soon as it is read; notes come between.

        Raise DocumentError: a DocumentLocked asks for the password, or another one.
        """

    def render_page(self, path: Path, page: int, width: int, *, password: str = "") -> PagePicture:
        """Return a page of a PDF file as an image of that width in pixels. Raise DocumentError."""

    def find_on_page(self, path: Path, page: int, text: str, *, password: str = "") -> Sequence[Box]:
        """Return where `text` is on a page of a PDF file, a box for each line of it; none if it is not there."""


def joined_text(parts: Iterable[Part]) -> str:
    """Return the whole text of a document, in which each table has its header once."""
    texts: list[str] = []
    header = ""
    for part in parts:
        if isinstance(part, Section):
            is_new = part.header and part.header != header
            texts.append(f"{part.header}\n{part.text}" if is_new else part.text)
            header = part.header
    return "\n\n".join(texts)


@dataclass(frozen=True)
class _Wording:
    """The sentences about a page, pages, a part with a name, and a whole document."""

    page: str
    pages: str
    part: str
    whole: str


_WORDINGS = {
    Finding.PICTURES: _Wording(
        N_("Page {pages} is a picture with no readable text."),
        N_("Pages {pages} are pictures with no readable text."),
        N_("“{name}” is a picture with no readable text."),
        N_("The file contains pictures with no readable text."),
    ),
    Finding.EMPTY: _Wording(
        N_("Page {pages} has no text."),
        N_("Pages {pages} have no text."),
        N_("“{name}” has no text."),
        N_("The file has no text."),
    ),
    Finding.DAMAGED: _Wording(
        N_("Page {pages} is damaged and couldn’t be read."),
        N_("Pages {pages} are damaged and couldn’t be read."),
        N_("“{name}” is damaged and couldn’t be read."),
        N_("The file is damaged, so only part of it was read."),
    ),
    Finding.TRUNCATED: _Wording(
        N_("Page {pages} has too much text, so only its beginning was read."),
        N_("Pages {pages} have too much text, so only the beginning of each was read."),
        N_("“{name}” has too much text, so only its beginning was read."),
        N_("The file has too much text, so only its beginning was read."),
    ),
    Finding.SKIPPED: _Wording(
        N_("Page {pages} couldn’t be read and was skipped."),
        N_("Pages {pages} couldn’t be read and were skipped."),
        N_("The email attachment “{name}” wasn’t read."),
        N_("Parts of the file weren’t read."),
    ),
}


def _ranges(pages: Sequence[int]) -> str:
    """Return page numbers as people write them: 3–9, 12."""
    ranges: list[list[int]] = []
    for page in pages:
        if ranges and page == ranges[-1][1] + 1:
            ranges[-1][1] = page
        else:
            ranges.append([page, page])
    shown = ["–".join(map(format_number, sorted({*each}))) for each in ranges[:MOST_RANGES]]
    return ", ".join([*shown, "…"] if len(ranges) > MOST_RANGES else shown)

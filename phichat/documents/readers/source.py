"""What readers are given and share: the file, limits of what they unpack and yield, and clean text."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from phichat.documents.base import LONGEST_SECTION, Finding, Note, Part, Section
from phichat.encodings import decode_text
from phichat.errors import DocumentDamaged, DocumentUnsupported
from phichat.i18n import tr
from phichat.unicode import replace_surrogates, without_controls

MOST_TEXT = 50_000_000
"""Characters of one document; what follows is left out."""

MOST_SECTIONS, MOST_NOTES = 200_000, 200
"""Of one document; usual ones with as much text have a tenth of that."""

MOST_PLAIN = 100_000_000
"""Bytes read of a file whose text is not packed."""

LONGEST_HEADING, DEEPEST_HEADING = 200, 8

_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_BREAKS = ("\n\n", "\n", " ")


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes:
        first_page: where reading begins, from 1: the pages before were read already.
        report: told the page that is read next.
    """

    path: Path
    password: str = ""
    first_page: int = 1
    report: Callable[[int], None] = lambda _: None

    @property
    def name(self) -> str:
        """The file's name as it is shown."""
        return without_controls(replace_surrogates(self.path.name))


Reader = Callable[[Source], Iterator[Part]]
"""Yields an Outline, then the document's sections and notes. Raises DocumentError, OSError."""


def read_plain(source: Source) -> tuple[str, bool]:
    """Return the text of a file in any encoding, and whether that is only its beginning. Raise DocumentError."""
    with source.path.open("rb") as file:
        data = file.read(MOST_PLAIN + 1)
    is_cut = len(data) > MOST_PLAIN
    if is_cut:
        data = data[: data.rfind(b"\n", 0, MOST_PLAIN) + 1] or data[:MOST_PLAIN]
    text = decode_text(data)
    if text is None:
        raise unsupported(source.name)
    return clean(text), is_cut


def protected(name: str) -> DocumentUnsupported:
    """Return the error about a file that is encrypted in a way that is not read."""
    return DocumentUnsupported(
        tr(
            "{name} is protected in a way that Phichat doesn’t support. Save a copy without protection, "
            "then add the copy."
        ).format(name=name)
    )


def unsupported(name: str) -> DocumentUnsupported:
    """Return the error about a kind of file that is not read."""
    return DocumentUnsupported(
        tr(
            "{name} is a kind of file that Phichat can’t read. Save it as a PDF or text file, then add the new file."
        ).format(name=name)
    )


def damaged(name: str) -> DocumentDamaged:
    """Return the error about a file of which nothing can be read."""
    return DocumentDamaged(
        tr("{name} is damaged and can’t be read. Get another copy, or save it again in the app that made it.").format(
            name=name
        )
    )


def clean(text: str) -> str:
    """Return `text` with one kind of line end, and without controls and lone surrogates."""
    return _CONTROLS.sub("", _ENDS.sub("\n", replace_surrogates(text)))


def clean_heading(text: str) -> str:
    """Return `text` as a heading: one line, not too long."""
    return " ".join(clean(text).split())[:LONGEST_HEADING]


def nested(path: tuple[str, ...], level: int, title: str) -> tuple[str, ...]:
    """Return the path of headings once one of `level`, from 1, follows `path`."""
    return (*path[: max(0, min(level, DEEPEST_HEADING) - 1)], clean_heading(title))


def limited(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield `parts` with long sections cut, empty ones left out, and no more of all than is read of a document."""
    length = sections = notes = 0
    for part in parts:
        if not isinstance(part, Section):
            notes += isinstance(part, Note) and not part.pages
            if notes <= MOST_NOTES:
                yield part
            continue
        for section in _cut(part):
            length, sections = length + len(section.text), sections + 1
            if length > MOST_TEXT or sections > MOST_SECTIONS:
                yield Note(Finding.TRUNCATED)
                return
            yield section


def _cut(section: Section) -> Iterator[Section]:
    """Yield `section` in pieces that are not too long, each with the line at which it begins."""
    text, line = section.text, section.place.line
    start = 0
    while start < len(text):
        end = _end_of_piece(text, start)
        piece = text[start:end]
        if piece.strip():
            skipped = len(piece) - len(piece.lstrip("\n"))
            at = None if line is None else line + skipped
            yield replace(section, text=piece.strip("\n"), place=replace(section.place, line=at))
        line = None if line is None else line + piece.count("\n")
        start = end


def _end_of_piece(text: str, start: int) -> int:
    limit = start + LONGEST_SECTION
    if limit >= len(text):
        return len(text)
    ends = (text.rfind(each, start + LONGEST_SECTION // 2, limit) + len(each) for each in _BREAKS)
    return next((end for each, end in zip(_BREAKS, ends, strict=True) if end >= len(each) + start), limit)

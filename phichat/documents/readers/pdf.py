"""PDF files through PDFium: text in reading order, pictures of pages, and where a text is on one.

This is the only module that imports pypdfium2. Its PDFium is built without JavaScript and forms, and nothing here
follows a link, opens an attachment or starts an action.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, c_double, c_int, c_ushort, cast, create_string_buffer
from itertools import islice
from math import pi
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from phichat.documents.base import MOST_PAGES, Box, Finding, Note, Outline, PagePicture, Part, Place, Section
from phichat.documents.readers.pdf_layout import Line, Word, page_text
from phichat.documents.readers.source import DEEPEST_HEADING, Source, clean, clean_heading, damaged, nested, protected
from phichat.errors import DocumentDamaged, DocumentError, DocumentLocked
from phichat.i18n import format_number, tr

MOST_CHARACTERS = 200_000  # of a page
FEW_CHARACTERS = 40  # on a page that may be a picture with a number below it
MOST_BOOKMARKS, MOST_FIELDS = 20_000, 2_000
WIDEST, TALLEST = 4_000, 8_000  # pixels of a picture of a page

_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_ENDS, _BREAKS = frozenset("\r\n"), frozenset("\r\n \t\xa0\0")
_FINE = 1_000_000  # steps across a page, of which points on it are shares

Headings = dict[int, list[tuple[int, str]]]
"""Of each page, from 1, the level and the title of the bookmarks that lead to it."""


def read(source: Source) -> Iterator[Part]:
    """Yield the text of a PDF file page by page. See `source.Reader`."""
    with _opened(source) as document:
        headings = _bookmarks(document)
        yield Outline(clean_heading(document.get_metadata_value("Title")), len(document))
        path: tuple[str, ...] = ()
        for page in range(1, min(len(document), MOST_PAGES) + 1):
            if page >= source.first_page:
                source.report(page)
                yield from _read_page(document, page, path, headings.get(page, ()))
            for level, title in headings.get(page, ()):
                path = nested(path, level, title)
        if len(document) > MOST_PAGES:
            yield Note(Finding.TRUNCATED)


def render_page(source: Source, page: int, width: int) -> PagePicture:
    """Return a page, from 1, as an image of that width in pixels. Raise DocumentError."""
    with _opened(source) as document, _page(document, page, source.name) as opened:
        across, high = opened.get_size()
        scale = min(max(width, 1), WIDEST) / max(across, 1)
        scale = min(scale, TALLEST / max(high, 1))
        document.init_forms()  # to have filled fields drawn; this PDFium runs no scripts
        bitmap = opened.render(scale=scale, force_bitmap_format=pdfium_c.FPDFBitmap_BGRA, rev_byteorder=True)
        row = bitmap.width * 4
        pixels = bytes(bitmap.buffer)
        if bitmap.stride != row:
            pixels = b"".join(pixels[at : at + row] for at in range(0, len(pixels), bitmap.stride))
        return PagePicture(bitmap.width, bitmap.height, pixels)


def find_on_page(source: Source, page: int, text: str) -> list[Box]:
    """Return where `text` is on a page, from 1, a box for each of its lines. Raise DocumentError.

    Only letters and digits are compared. Where the whole is not found, as with columns, its lines are.
    """
    with _opened(source) as document, _page(document, page, source.name) as opened:
        text_page = opened.get_textpage()
        letters, places = _letters(text_page)
        whole = _comparable(text)
        wanted = [whole] if whole in letters else [_comparable(line) for line in text.splitlines()]
        found: list[Box] = []
        at = 0
        for each in filter(None, wanted):
            start = letters.find(each, at) if letters.find(each, at) >= 0 else letters.find(each)
            if start >= 0:
                at = start + len(each)
                found += _boxes(opened, text_page, places[start], places[at - 1] + 1)
        return found


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """Open the document. Raise DocumentError."""
    try:
        document = pdfium.PdfDocument(source.path, password=source.password or None)
    except pdfium.PdfiumError as error:
        raise _trouble(error, source) from error
    with document:
        yield document


def _trouble(error: Any, source: Source) -> DocumentError:
    if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
        sentence = (
            tr("That isn’t the password for {name}. Try again.")
            if source.password
            else tr("{name} is protected. Enter its password.")
        )
        return DocumentLocked(sentence.format(name=source.name))
    if error.err_code == pdfium_c.FPDF_ERR_SECURITY:
        return protected(source.name)
    return damaged(source.name)


@contextmanager
def _page(document: Any, page: int, name: str) -> Iterator[Any]:
    """Open a page, from 1. Raise DocumentError."""
    try:
        opened = document[page - 1] if 0 < page <= len(document) else None
    except pdfium.PdfiumError:
        opened = None
    if opened is None:
        raise DocumentDamaged(
            tr("Page {page} of {name} can’t be shown because it’s damaged or missing.").format(
                page=format_number(page), name=name
            )
        )
    try:
        yield opened
    finally:
        opened.close()


def _bookmarks(document: Any) -> Headings:
    headings: Headings = {}
    for bookmark in islice(document.get_toc(max_depth=DEEPEST_HEADING), MOST_BOOKMARKS):
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and (title := clean_heading(bookmark.get_title())):
            headings.setdefault(index + 1, []).append((bookmark.level + 1, title))
    return headings


def _read_page(
    document: Any, page: int, path: tuple[str, ...], headings: Sequence[tuple[int, str]]
) -> list[Section | Note]:
    """Return the text of a page, parted where one of its headings begins, and notes; one if it cannot be read."""
    try:
        opened = document[page - 1]
        text_page = opened.get_textpage()
        count = pdfium_c.FPDFText_CountChars(text_page)
        lines = _lines(text_page, min(count, MOST_CHARACTERS))
        text = "\n\n".join(filter(None, [clean(page_text(lines)), *_fields(opened)]))
        found = [_without_text(opened, text)] if len(text) < FEW_CHARACTERS else []
        found += [Finding.TRUNCATED] if count > MOST_CHARACTERS else []
        text_page.close()
        opened.close()
    except Exception:  # noqa: BLE001 - whatever is wrong with one page, the others can be read
        return [Note(Finding.DAMAGED, (page,))]
    notes = [Note(finding, (page,)) for finding in found if finding]
    return [*notes, *_parted(text, page, path, headings)]


def _without_text(page: Any, text: str) -> Finding | None:
    """Return what a page with next to no `text` is."""
    if not text:
        return Finding.PICTURES if pdfium_c.FPDFPage_CountObjects(page) else Finding.EMPTY
    across, high = page.get_size()
    pictures = page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=2)
    areas = (
        (box[2] - box[0]) * (box[3] - box[1]) for box in (picture.get_bounds() for picture in islice(pictures, 50))
    )
    return Finding.PICTURES if any(area > across * high / 2 for area in areas) else None


def _parted(text: str, page: int, path: tuple[str, ...], headings: Sequence[tuple[int, str]]) -> Iterator[Section]:
    start = 0
    for level, title in headings:
        at = _line_with(text, title, start)
        if at > start:
            yield Section(text[start:at].strip("\n"), Place(page, path))
        start, path = max(start, at), nested(path, level, title)
    yield Section(text[start:].strip("\n"), Place(page, path))


def _line_with(text: str, title: str, start: int) -> int:
    """Return where the line begins that `title` is in, from `start`; -1 if there is none. Spaces may differ."""
    pattern = r"\s+".join(map(re.escape, title.split()))
    found = re.compile(pattern, re.IGNORECASE).search(text, start)
    return max(start, text.rfind("\n", 0, found.start()) + 1) if found else -1


def _fields(page: Any) -> Iterator[str]:
    """Yield what was entered into the fields of a form, with their names."""
    for index in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), MOST_FIELDS)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        if pdfium_c.FPDFAnnot_GetSubtype(annotation) == pdfium_c.FPDF_ANNOT_WIDGET:
            name, value = (_annotation_text(annotation, key) for key in (b"T", b"V"))
            if value and value != "Off":
                yield f"{name}: {value}" if name else value
        pdfium_c.FPDFPage_CloseAnnot(annotation)


def _annotation_text(annotation: Any, key: bytes) -> str:
    length = pdfium_c.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not 2 < length < MOST_CHARACTERS:
        return ""
    buffer = create_string_buffer(length)
    pdfium_c.FPDFAnnot_GetStringValue(annotation, key, cast(buffer, POINTER(c_ushort)), length)
    return clean(buffer.raw[:-2].decode("utf-16-le", "replace")).strip()


def _lines(text_page: Any, count: int) -> list[Line]:
    """Return the words of the first `count` characters of a page by lines, as the file has them.

    Their places are those of a page turned so that most of its lines run from left to right.
    """
    lines: list[Line] = [[]]
    turns: list[int] = []
    letters: list[str] = []
    start = 0
    for index in range(count + 1):
        letter = chr(pdfium_c.FPDFText_GetUnicode(text_page, index)) if index < count else " "
        if letter not in _BREAKS:
            if not letters:
                start = index
            letters.append(letter)
            continue
        if letters:
            if not lines[-1]:
                turns.append(round(pdfium_c.FPDFText_GetCharAngle(text_page, start) / (pi / 2)) % 4)
            lines[-1].append(Word("".join(letters).translate(_LIGATURES), *_box(text_page, start, index - 1)))
            letters = []
        if letter in _ENDS and lines[-1]:
            lines.append([])
    quarters = max(turns, key=turns.count, default=0)
    return [[_turned(word, quarters) for word in line] for line in lines] if quarters else lines


def _box(text_page: Any, first: int, last: int) -> tuple[float, float, float, float]:
    """Return the box around two characters and so around the word between: left, bottom, right, top."""
    boxes = [(c_double(), c_double(), c_double(), c_double()) for _ in range(2)]
    for index, (left, right, bottom, top) in zip((first, last), boxes, strict=True):
        pdfium_c.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
    (l1, r1, b1, t1), (l2, r2, b2, t2) = boxes
    return (
        min(l1.value, l2.value),
        min(b1.value, b2.value),
        max(r1.value, r2.value),
        max(t1.value, t2.value),
    )


def _turned(word: Word, quarters: int) -> Word:
    """Return `word` at its place on a page turned by `quarters` of a turn clockwise."""
    text, left, bottom, right, top = word
    match quarters:
        case 1:
            return Word(text, -top, left, -bottom, right)
        case 2:
            return Word(text, -right, -top, -left, -bottom)
        case _:
            return Word(text, bottom, -right, top, -left)


def _letters(text_page: Any) -> tuple[str, list[int]]:
    """Return the letters and digits of a page, and the index of each among its characters."""
    letters: list[str] = []
    places: list[int] = []
    for index in range(min(pdfium_c.FPDFText_CountChars(text_page), MOST_CHARACTERS)):
        for letter in _comparable(chr(pdfium_c.FPDFText_GetUnicode(text_page, index))):
            letters.append(letter)
            places.append(index)
    return "".join(letters), places


def _comparable(text: str) -> str:
    return "".join(letter for letter in text.translate(_LIGATURES).casefold() if letter.isalnum())


def _boxes(page: Any, text_page: Any, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes of the characters from `start` to before `end`, one for each line."""
    line: Box | None = None
    for index in range(pdfium_c.FPDFText_CountRects(text_page, start, end - start)):
        left, top, right, bottom = (c_double() for _ in range(4))
        pdfium_c.FPDFText_GetRect(text_page, index, left, top, right, bottom)
        corners = [_on_screen(page, x, y) for x, y in ((left, top), (right, bottom))]
        xs, ys = sorted(corner[0] for corner in corners), sorted(corner[1] for corner in corners)
        box = Box(xs[0], ys[0], xs[1], ys[1])
        if line and not _is_one_line(line, box):
            yield line
            line = None
        line = _around(line, box) if line else box
    if line:
        yield line


def _around(one: Box, two: Box) -> Box:
    left, top = min(one.left, two.left), min(one.top, two.top)
    return Box(left, top, max(one.right, two.right), max(one.bottom, two.bottom))


def _is_one_line(line: Box, box: Box) -> bool:
    shared = min(line.bottom, box.bottom) - max(line.top, box.top)
    is_beside = -0.1 < box.left - line.right < 0.1 or line.left <= box.left <= line.right
    return is_beside and shared > min(line.bottom - line.top, box.bottom - box.top) / 2


def _on_screen(page: Any, x: c_double, y: c_double) -> tuple[float, float]:
    """Return a point in shares of the page as it is shown, from its top left corner."""
    across, down = c_int(), c_int()
    pdfium_c.FPDF_PageToDevice(page, 0, 0, _FINE, _FINE, 0, x, y, across, down)
    return min(max(across.value / _FINE, 0.0), 1.0), min(max(down.value / _FINE, 0.0), 1.0)

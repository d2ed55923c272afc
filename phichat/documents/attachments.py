"""Documents as attachments: their whole text with its pages, if it is short enough for a message."""

import time
from collections.abc import Iterator
from pathlib import Path

from phichat.cancellation import CancelToken
from phichat.chat.attachments import Attachment, AttachmentProgress, AttachmentRemark
from phichat.documents.base import DocumentReader, Finding, Note, Outline, Section
from phichat.errors import DocumentTooLarge, DocumentUnsupported
from phichat.i18n import format_number, format_size, tr
from phichat.unicode import replace_surrogates, without_controls

LONGEST = 1_000_000
"""The longest text in bytes. The longest context of a small model holds about half of that."""

TOLD_EVERY = 0.1  # seconds between two reports of the progress

BEGINNING = 1024  # bytes that tell a document from a text
_BEGINNINGS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf")
_SUFFIXES = {".pdf", ".eml", ".mht", ".mhtml", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub"}
_WORTH_TELLING = {Finding.PICTURES, Finding.DAMAGED, Finding.TRUNCATED, Finding.SKIPPED}


def is_document(path: Path) -> bool:
    """Return whether a file has to be read as a document, as it is no text itself; False if it cannot be opened."""
    try:
        if not path.is_file():  # opening a pipe would block
            return False
        with path.open("rb") as file:
            begin = file.read(BEGINNING)
    except OSError:
        return False
    return b"%PDF-" in begin or begin.startswith(_BEGINNINGS) or path.suffix.lower() in _SUFFIXES


def read_attachment(
    reader: DocumentReader, path: Path, password: str, stop: CancelToken
) -> Iterator[AttachmentProgress | AttachmentRemark | Attachment]:
    """Yield the progress of reading a document, the document as an attachment, and what that does not have.

    Raise DocumentError: a DocumentLocked asks for the password, or another one.
    """
    name = without_controls(replace_surrogates(path.name))
    text = _Text(name)
    remarks: list[str] = []
    has_pictures, pages, told = False, 0, 0.0
    for part in reader.read(path, password=password, stop=stop):
        match part:
            case Outline():
                pages = part.pages
            case Section():
                text.add(part)
                if part.place.page and time.monotonic() > told + TOLD_EVERY:
                    told = time.monotonic()
                    yield AttachmentProgress(part.place.page, max(pages, part.place.page))
            case Note() if part.finding in _WORTH_TELLING:
                has_pictures = has_pictures or part.finding is Finding.PICTURES
                remarks.append(part.sentence)
    if stop.is_set():
        return
    if not text.lines:
        raise _without_text(name, remarks, has_pictures=has_pictures)
    yield Attachment(name, "\n\n".join(text.lines))
    if remarks:
        yield AttachmentRemark(tr("{name}: {remarks}").format(name=name, remarks=" ".join(remarks)))


class _Text:
    """The text of a document. Raise DocumentTooLarge once there is too much for a message."""

    def __init__(self, name: str) -> None:
        self.lines: list[str] = []
        self._name = name
        self._page: int | None = None
        self._header = ""
        self._length = 0

    def add(self, section: Section) -> None:
        """Add a section, after the number of its page and the header of its table where these are new."""
        if section.place.page and section.place.page != self._page:
            self._add(tr("[Page {page}]").format(page=format_number(section.place.page)))
        is_new = section.header and section.header != self._header
        self._add(f"{section.header}\n{section.text}" if is_new else section.text)
        self._page, self._header = section.place.page, section.header

    def _add(self, line: str) -> None:
        self.lines.append(line)
        self._length += len(line.encode("utf-8", "replace")) + 2
        if self._length > LONGEST:
            raise DocumentTooLarge(
                tr("{name} has too much text to attach (the limit is {limit}). Attach part of it instead.").format(
                    name=self._name, limit=format_size(LONGEST)
                )
            )


def _without_text(name: str, remarks: list[str], *, has_pictures: bool) -> DocumentUnsupported:
    if has_pictures:
        problem = tr(
            "{name} contains pictures of text, not actual text. Run it through an OCR app, then attach the result."
        )
        return DocumentUnsupported(problem.format(name=name))
    sentence = tr("{name} has no text, so it can’t be attached.").format(name=name)
    return DocumentUnsupported(" ".join([sentence, *remarks]))

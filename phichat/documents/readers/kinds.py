"""Which reader a file gets: by what is in it, and by its name where all kinds look alike."""

import stat
from collections.abc import Iterator

from phichat.documents.base import LARGEST_FILE, Finding, Note, Outline, Part
from phichat.documents.readers import docx, epub, html, odf, slides, tables, text, workbook
from phichat.documents.readers.archive import open_archive
from phichat.documents.readers.source import Reader, Source, limited, protected, unsupported
from phichat.errors import DocumentTooLarge, DocumentUnreachable, DocumentUnsupported
from phichat.i18n import format_sizes, reading_failure, tr

BEGINNING = 1024  # bytes in which a PDF file says that it is one

_PDF, _ZIP, _OLE, _RTF = b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf"


def _read_pdf(source: Source) -> Iterator[Part]:
    from phichat.documents.readers import pdf  # noqa: PLC0415 - PDFium takes 20 ms to import

    return pdf.read(source)


def _read_mail(source: Source) -> Iterator[Part]:
    from phichat.documents.readers import mail  # noqa: PLC0415 - Python's package takes 10 ms to import

    return mail.read(source)


_PACKED = {
    ".docx",
    ".docm",
    ".dotx",
    ".xlsx",
    ".xlsm",
    ".pptx",
    ".pptm",
    ".ppsx",
    ".odt",
    ".ott",
    ".ods",
    ".odp",
    ".epub",
}
_BY_MEMBER: dict[str, Reader] = {
    docx.DOCUMENT: docx.read,
    workbook.WORKBOOK: workbook.read,
    slides.PRESENTATION: slides.read,
    epub.CONTAINER: epub.read,
    odf.CONTENT: odf.read,
}
_BY_SUFFIX: dict[str, Reader] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), text.read_markdown),
    **dict.fromkeys((".csv", ".tsv", ".tab"), tables.read),
    **dict.fromkeys((".html", ".htm", ".xhtml"), html.read),
    **dict.fromkeys((".eml", ".mht", ".mhtml"), _read_mail),
}


def read(source: Source) -> Iterator[Part]:
    """Yield an Outline, then sections and notes of any file. Raise DocumentError."""
    try:
        check(source)
        tells = False
        for part in limited(_reader(source)(source)):
            tells = tells or not isinstance(part, Outline)
            yield part
        if not tells and source.first_page == 1:
            yield Note(Finding.EMPTY)
    except OSError as error:
        raise DocumentUnreachable(reading_failure(error, source.name)) from error


def check(source: Source) -> None:
    """Raise DocumentError for what is no file or is too large, OSError for what cannot be opened."""
    status = source.path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise DocumentUnsupported(tr("{name} is a folder. Add the files inside it instead.").format(name=source.name))
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would block
        raise unsupported(source.name)
    if status.st_size > LARGEST_FILE:
        size, most = format_sizes(status.st_size, LARGEST_FILE)
        raise DocumentTooLarge(
            tr("{name} is too large to read ({size}; the limit is {limit}). Split it, then add the parts.").format(
                name=source.name, size=size, limit=most
            )
        )


def _reader(source: Source) -> Reader:
    with source.path.open("rb") as file:
        begin = file.read(BEGINNING)
    suffix = source.path.suffix.lower()
    if _PDF in begin or suffix == ".pdf":
        return _read_pdf
    if begin.startswith(_OLE):
        raise _old_or_protected(source.name)
    if begin.startswith(_ZIP) or suffix in _PACKED:
        return _packed_reader(source)
    if begin.startswith(_RTF):
        raise unsupported(source.name)
    if begin.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return html.read
    return _BY_SUFFIX.get(suffix, text.read)


def _packed_reader(source: Source) -> Reader:
    """Return the reader of a zip file, by what is in it."""
    with open_archive(source.path, source.name) as archive:
        if archive.is_encrypted():
            raise protected(source.name)
        for member, reader in _BY_MEMBER.items():
            if member in archive:
                return reader
    raise unsupported(source.name)


def _old_or_protected(name: str) -> DocumentUnsupported:
    return DocumentUnsupported(
        tr(
            "{name} is in an old Microsoft Office format or is password-protected. Save it in a current "
            "format without a password, then add the new file."
        ).format(name=name)
    )

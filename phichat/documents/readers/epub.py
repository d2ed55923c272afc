"""E-books in EPUB: the chapters in their order. Scripts in them are left out, and nothing they link to is fetched."""

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote

from phichat.documents.base import Finding, Note, Outline, Part, Place, Section
from phichat.documents.readers.archive import BROKEN, Archive, open_archive
from phichat.documents.readers.docx import element_text
from phichat.documents.readers.html import Page
from phichat.documents.readers.source import Source, clean, clean_heading, damaged, protected
from phichat.documents.readers.xml_events import Start, XmlError, events
from phichat.encodings import decode_text

CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
MOST_CHAPTERS = 10_000

_TEXTS = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # obfuscated, which is no protection


def read(source: Source) -> Iterator[Part]:
    """Yield the chapters of a book. See `source.Reader`."""
    with open_archive(source.path, source.name) as archive:
        if _is_protected(archive):
            raise protected(source.name)
        try:
            book = _Book(archive)
        except (*BROKEN, XmlError, KeyError) as error:
            raise damaged(source.name) from error
        yield Outline(book.title)
        for member in book.chapters[:MOST_CHAPTERS]:
            yield from _read_chapter(archive, member, book.title)


def _read_chapter(archive: Archive, member: str, book: str) -> Iterator[Section | Note]:
    try:
        text = decode_text(archive.read(member))
    except (*BROKEN, KeyError):
        text = None
    if text is None:
        yield Note(Finding.DAMAGED, name=clean_heading(posixpath.basename(member)))
        return
    page = Page()
    sections = list(page.read(clean(text)))
    path = (page.title,) if page.title and page.title != book else ()
    for section in sections:
        yield section if section.place.heading else replace(section, place=Place(heading=path))


def _is_protected(archive: Archive) -> bool:
    """Return whether anything but fonts is encrypted."""
    try:
        found = events(archive.chunks(_ENCRYPTION))
        ways = (event.attributes for event in found if isinstance(event, Start) and event.name == "EncryptionMethod")
        return any(not way.get("Algorithm", "").startswith(_FONTS) for way in ways)
    except (*BROKEN, XmlError, KeyError):
        return False


class _Item(NamedTuple):
    """A file of the book: the member of the archive, and its kind."""

    member: str
    kind: str


class _Book:
    """What the package of a book tells. Raise as `events` and `Archive.chunks`.

    Attributes:
        title: its title.
        chapters: the members of the archive that are its chapters, in their order.
    """

    def __init__(self, archive: Archive) -> None:
        found = events(archive.chunks(CONTAINER))
        packages = (event.attributes for event in found if isinstance(event, Start) and event.name == "rootfile")
        member = next((package["full-path"] for package in packages), "")
        folder = posixpath.dirname(member)
        items: dict[str, _Item] = {}
        order: list[str] = []
        for event in events(archive.chunks(member)):
            if not isinstance(event, Start):
                continue
            if event.name == "item":
                target = posixpath.normpath(posixpath.join(folder, unquote(event.attributes.get("href", ""))))
                items[event.attributes.get("id", "")] = _Item(target, event.attributes.get("media-type", ""))
            elif event.name == "itemref":
                order.append(event.attributes.get("idref", ""))
        self.title = element_text(archive, member, "title")
        self.chapters = [items[each].member for each in order if each in items and items[each].kind in _TEXTS]

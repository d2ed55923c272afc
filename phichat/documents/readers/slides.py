"""PowerPoint files: each slide is a page."""

from collections.abc import Iterator

from phichat.documents.base import MOST_PAGES, Finding, Note, Outline, Part, Place, Section
from phichat.documents.readers.archive import BROKEN, Archive, open_archive
from phichat.documents.readers.docx import core_title
from phichat.documents.readers.source import Source, clean, clean_heading, damaged
from phichat.documents.readers.workbook import related
from phichat.documents.readers.xml_events import Start, XmlError, events

PRESENTATION = "ppt/presentation.xml"
_RELATIONS = "ppt/_rels/presentation.xml.rels"

_TITLES = {"title", "ctrTitle"}


def read(source: Source) -> Iterator[Part]:
    """Yield the slides of a presentation. See `source.Reader`."""
    with open_archive(source.path, source.name) as archive:
        try:
            slides = list(_slides(archive))
        except (*BROKEN, XmlError, KeyError) as error:
            raise damaged(source.name) from error
        yield Outline(core_title(archive), len(slides))
        for page, member in enumerate(slides[:MOST_PAGES], 1):
            if page < source.first_page:
                continue
            source.report(page)
            yield _read_slide(archive, member, page)
        if len(slides) > MOST_PAGES:
            yield Note(Finding.TRUNCATED)


def _slides(archive: Archive) -> Iterator[str]:
    """Yield the members that the slides are in, in their order."""
    members = related(archive, _RELATIONS, "ppt")
    for event in events(archive.chunks(PRESENTATION)):
        if isinstance(event, Start) and event.name == "sldId":
            yield members.get(event.attributes.get("id", ""), "")


def _read_slide(archive: Archive, member: str, page: int) -> Section | Note:
    try:
        title, text = _slide_text(archive, member)
    except (*BROKEN, XmlError, KeyError):
        return Note(Finding.DAMAGED, (page,))
    if not text:
        return Note(Finding.PICTURES, (page,))
    return Section(text, Place(page, (title,) if title else ()))


def _slide_text(archive: Archive, member: str) -> tuple[str, str]:
    """Return the title of a slide and its whole text. Raise as `events` and `Archive.chunks`."""
    paragraphs: list[str] = []
    text: list[str] = []
    title = ""
    is_text = is_title = False
    for event in events(archive.chunks(member)):
        if isinstance(event, str):
            if is_text:
                text.append(event)
        elif event.name == "t":
            is_text = isinstance(event, Start)
        elif event.name == "br" and isinstance(event, Start):
            text.append("\n")
        elif event.name == "sp":
            is_title = False
        elif event.name == "ph" and isinstance(event, Start):
            is_title = event.attributes.get("type", "") in _TITLES
        elif event.name == "p" and not isinstance(event, Start):
            paragraph = clean("".join(text)).strip()
            title = title or (clean_heading(paragraph) if is_title else "")
            paragraphs += [paragraph] if paragraph else []
            text = []
    return title, "\n\n".join(paragraphs)

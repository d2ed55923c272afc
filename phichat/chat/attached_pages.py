"""The pages of attached documents as sources of answers, which then name those that their sentences are from."""

import re
from collections.abc import Iterable
from functools import lru_cache

from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Message
from phichat.chat.sources import Source, Sources
from phichat.i18n import tr

KNOWN = 64  # attachments whose pages are remembered

_PAGE = re.compile(r"^\[([^\W\d_]+)\W([\d.,\u00a0\u202f]+)\]$", re.MULTILINE)
"""May be the line before a page of a document in an attachment. Others, such as "[Verse 1]", have another word."""


def attached_sources(path: Iterable[Message]) -> Sources | None:
    """Return the pages of the documents that were attached to these messages; None if none has pages."""
    files = dict.fromkeys(file for message in path for file in message.attachments)
    pages = tuple(page for file in files for page in _pages(file))
    return Sources(tuple(file.title for file in files), pages, is_attached=True) if pages else None


@lru_cache(KNOWN)
def _pages(file: Attachment) -> tuple[Source, ...]:
    pages = []
    words = {"Page", tr("[Page {page}]").strip("[]").split("{")[0].strip()}  # as it may be from another run
    begins = [found for found in _PAGE.finditer(file.text) if found[1] in words]
    for at, begin in enumerate(begins):
        end = begins[at + 1].start() if at + 1 < len(begins) else len(file.text)
        number, text = re.sub(r"\D", "", begin[2]), file.text[begin.end() : end].strip()
        if number and text:
            pages.append(Source(file.name, text, int(number)))
    return tuple(pages)

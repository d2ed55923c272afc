"""Files attached to a message, and the prompt text that they become."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

from phichat.i18n import format_number, tr
from phichat.unicode import replace_surrogates, shortened, without_controls

LONGEST_NAME = 255  # characters
_FENCES = re.compile("`{3,}")


def fenced(text: str, language: str = "") -> str:
    """Return `text` as a fenced code block of Markdown, with a fence that nothing in the text can close."""
    fence = "`" * (max(map(len, _FENCES.findall(text)), default=2) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


@dataclass(frozen=True)
class Attachment:
    """The text of a file from the moment it was attached. `name` has no folder."""

    name: str
    text: str

    @cached_property
    def quoted(self) -> str:
        """The name and the text as a fenced code block, as the model reads them."""
        block = fenced(self.text.removesuffix("\n"))
        return f"{self.title}:\n{block}\n\n"

    @property
    def title(self) -> str:
        """The name on one line without controls, and without its middle if it is longer than names of files are."""
        name = without_controls(shortened(self.name, 2 * LONGEST_NAME))
        return shortened(" ".join(name.split()), LONGEST_NAME)


@dataclass(frozen=True)
class AttachmentProgress:
    """How far the reading of a document is: at which of its pages, from 1."""

    page: int
    pages: int

    def title(self, name: str) -> str:
        """Return the name of the document with the page that is read."""
        page, pages = format_number(self.page), format_number(self.pages)
        return tr("{name} (page {page} of {pages})").format(name=name, page=page, pages=pages)


@dataclass(frozen=True)
class AttachmentRemark:
    """A sentence about what an attachment does not have of its document."""

    sentence: str


Attachments = tuple[Attachment, ...]


def text_attachment(text: str, others: Sequence[Attachment]) -> Attachment:
    """Return `text` as an attachment with a name that none of `others` has."""
    taken = {file.name for file in others}
    names = chain([tr("Pasted text.txt")], (tr("Pasted text {number}.txt").format(number=at) for at in count(2)))
    name = next(name for name in names if name not in taken)
    return Attachment(name, replace_surrogates(text).replace("\r\n", "\n").replace("\r", "\n"))


def with_attachments(text: str, attachments: Sequence[Attachment]) -> str:
    """Return a message as the model reads it: files first, so that the prefix stays the same while `text` is typed."""
    return "".join(attachment.quoted for attachment in attachments) + text


def length_with(text: str, attachments: Sequence[Attachment]) -> int:
    """Return the length of `with_attachments` in characters."""
    return sum(len(attachment.quoted) for attachment in attachments) + len(text)

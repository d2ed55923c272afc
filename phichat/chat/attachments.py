"""Text files that go with a question: kept beside its text, and put before it where the model reads it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

_FENCES = re.compile("`{3,}")


def fenced(text: str, language: str = "") -> str:
    """Return `text` as a fenced code block of Markdown, with a fence that nothing in the text can close."""
    fence = "`" * (max(map(len, _FENCES.findall(text)), default=2) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


@dataclass(frozen=True)
class Attachment:
    """A file as it was when it was attached; what becomes of it later is no matter. `name` has no folder."""

    name: str
    text: str

    @cached_property
    def quoted(self) -> str:
        """Its name, and its text in a fence that nothing in the text can close."""
        block = fenced(self.text.removesuffix("\n"))
        return f"{self.title}:\n{block}\n\n"

    @property
    def title(self) -> str:
        """Its name in one line, whatever a file may be called."""
        return " ".join(self.name.split())


Attachments = tuple[Attachment, ...]


def with_attachments(text: str, attachments: Sequence[Attachment]) -> str:
    """What the model is to read of a question: the files come first, and stay the same while the text is written."""
    return "".join(attachment.quoted for attachment in attachments) + text


def length_with(text: str, attachments: Sequence[Attachment]) -> int:
    """How many characters that has."""
    return sum(len(attachment.quoted) for attachment in attachments) + len(text)

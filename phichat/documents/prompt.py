"""Found passages as the sources of a question, which `phichat.chat.sources` puts into a prompt."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phichat.chat.sources import Source, Sources, with_sources

if TYPE_CHECKING:
    from phichat.documents.library import FoundPassage


def source_of(passage: "FoundPassage") -> Source:
    """Return a found passage as a source."""
    place = passage.place
    return Source(str(passage.path), passage.text, place.page, place.line, place.heading, passage.score)


def source_title(passage: "FoundPassage") -> str:
    """Return where a passage is, on one line: "manual.pdf, p. 12"."""
    return source_of(passage).title


def with_passages(question: str, passages: "Sequence[FoundPassage]") -> str:
    """Return a message as the model reads it; see `with_sources`."""
    return with_sources(question, Sources(passages=tuple(map(source_of, passages))))

"""Text files, source code among them, in any encoding."""

from collections.abc import Iterator

from phichat.documents.base import Finding, Note, Outline, Part, Place, Section
from phichat.documents.readers.source import Source, read_plain


def read(source: Source) -> Iterator[Part]:
    """Yield the text with its lines. See `source.Reader`."""
    text, is_cut = read_plain(source)
    yield Outline()
    yield Section(text, Place(line=1))
    if is_cut:
        yield Note(Finding.TRUNCATED)

"""Passages: the sections of a document cut into pieces of a size that fits into a prompt, each with its place."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from phichat.documents.base import Place, Section

USUAL, LONGEST = 200, 250
"""Words in a passage: about so many, and at most."""

SHORT = 60
"""Words below which a passage goes on in the next section, though that is under another heading."""

LONG_WORD = 16  # characters; what has no spaces counts as words of this length

_UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u2e80-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff]")
_SENTENCE_END = re.compile(r"[.!?…][\"”’»)]*\s+|[。！？]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of text out of a document.

    Attributes:
        text: as the reader gave it, without the header of a table.
        place: where it begins.
        header: of a table, the line with the names of its columns.
    """

    text: str
    place: Place = field(default_factory=Place)
    header: str = ""

    @property
    def full_text(self) -> str:
        """The text as a model reads it: rows of a table come after their header."""
        return f"{self.header}\n{self.text}" if self.header else self.text

    @property
    def searched_text(self) -> str:
        """The text with the headings above it, by whose words it is found, too."""
        return "\n".join([*self.place.heading, self.full_text])


def count_words(text: str) -> int:
    """Return how many words `text` has; in scripts without spaces, two characters count as a word."""
    unspaced = 0 if text.isascii() else len(_UNSPACED.findall(text))
    return max(len(text.split()) + unspaced // 2, len(text) // LONG_WORD)


def cut_passages(sections: Iterable[Section]) -> Iterator[Passage]:
    """Yield the passages of a document in order; nothing of its text is left out, and nothing is twice.

    They end between paragraphs where they can, else between sentences or lines. A short one goes on in the next
    section, unless that belongs to another chapter, page or table.
    """
    pending: Passage | None = None
    for section in sections:
        for passage in _cut_section(section):
            joined = _join(pending, passage) if pending else None
            if pending and joined is None:
                yield pending
            pending = joined or passage
    if pending:
        yield pending


def _join(first: Passage, second: Passage) -> Passage | None:
    """Return both as one, or None if they do not belong together."""
    sizes = [count_words(passage.text) for passage in (first, second)]
    if first.header != second.header or sum(sizes) > USUAL or not _belong_together(first.place, second.place, sizes):
        return None
    is_same = first.place.heading == second.place.heading
    heading = () if is_same else second.place.heading[-1:]
    return replace(first, text=_gap(first, second).join([first.text, *heading, second.text]))


def _belong_together(first: Place, second: Place, sizes: Sequence[int]) -> bool:
    """Return whether passages of these sizes may be one; of a page, only with a page that is as good as empty."""
    if first.page != second.page:
        return first.heading[:1] == second.heading[:1] and max(sizes) < SHORT
    return first.heading == second.heading or (first.heading[:1] == second.heading[:1] and min(sizes) < SHORT)


def _gap(first: Passage, second: Passage) -> str:
    """Return what stands between two passages: where lines count, as many line breaks as the file has."""
    if second.header:
        return "\n"
    if first.place.line is None or second.place.line is None or first.place.heading != second.place.heading:
        return "\n\n"
    return "\n" * max(second.place.line - first.place.line - first.text.count("\n"), 1)


def _cut_section(section: Section) -> Iterator[Passage]:
    """Yield a section's passages of at most LONGEST words, of about USUAL ones if it is longer than that."""
    for start, end in _runs(section):
        text = section.text[start:end]
        lead = len(text) - len(text.lstrip("\n"))
        if text := text.strip("\n"):
            line = section.place.line
            if line is not None:
                line += section.text.count("\n", 0, start + lead)
            yield Passage(text, replace(section.place, line=line), section.header)


def _runs(section: Section) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the passages in the section's text."""
    pieces = list(_pieces(section.text, _BREAKS_OF_TABLES if section.header else _BREAKS))
    left = sum(words for _, _, words in pieces)
    begin, words = 0, 0
    for start, _, more in pieces:
        wanted = left / max(round(left / USUAL), 1)  # so that the last one is no rest of a few words
        if words and left > LONGEST and (words + more > LONGEST or words + more / 2 > wanted):
            yield begin, start
            left -= words
            begin, words = start, 0
        words += more
    yield begin, len(section.text)


_PARAGRAPHS, _LINES = re.compile(r"\n[ \t]*\n\s*"), re.compile(r"\n+")
_BREAKS = (_PARAGRAPHS, _SENTENCE_END, _LINES, re.compile(r"\s+"), re.compile(r"(?<=.)"))
"""Where a text may be cut, the best places first."""

_BREAKS_OF_TABLES = (_LINES, *_BREAKS[3:])


def _pieces(text: str, breaks: Sequence[re.Pattern[str]], offset: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, words) of the pieces that are not cut, each of at most USUAL words if it can be."""
    at = 0
    for end in [*(found.end() for found in breaks[0].finditer(text)), len(text)]:
        if end > at:
            piece = text[at:end]
            size = count_words(piece)
            if size <= USUAL or not breaks[1:]:
                yield offset + at, offset + end, size
            else:
                yield from _pieces(piece, breaks[1:], offset + at)
            at = end

"""An answer under the lens as paragraphs: prose as it is rendered, and code and tables by their source."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from phichat.chat.weighed_reply import WeighedToken, WeighedWord
from phichat.markdown.citations import JOINER
from phichat.markdown.document import Node, Paragraph, Run, Style
from phichat.markdown.letter_places import letter_places, shown_text


def shown_paragraphs(nodes: Iterable[Node], source: str) -> Iterator[Paragraph]:
    """Yield what is shown of `nodes`: links lose their line, as lines say how sure the model was."""
    for node in nodes:
        if isinstance(node, Paragraph):
            runs = tuple(replace(run, link="", text=run.text.replace(JOINER, "")) for run in node.runs)
            yield replace(node, runs=runs)
        else:
            yield from _source_lines(node, source)


def _source_lines(node: Node, source: str) -> Iterator[Paragraph]:
    """Yield a paragraph for each line, as only those in sight are measured."""
    at = node.start
    for number, line in enumerate(source[node.start : node.end].removesuffix("\n").split("\n")):
        runs = (Run(line, Style.CODE),) if line else ()
        yield Paragraph(start=at, end=at + len(line), depth=node.depth, runs=runs, continues=number > 0)
        at += len(line) + 1


class LetterMap:
    """Tells where the letters of a source are shown, which becomes `paragraphs`.

    `before` is the map of its beginning, of which what has not changed is taken.
    """

    def __init__(self, paragraphs: Sequence[Paragraph], source: str, before: "LetterMap | None" = None) -> None:
        self._paragraphs: Sequence[Paragraph] = paragraphs
        self._source: str = source
        same = 0
        if before and source.startswith(before._source):
            same = max(_common_prefix(before._paragraphs, paragraphs) - 1, 0)
        self._ends: list[tuple[int, int]] = before._ends[:same] if before else []
        """Where each paragraph ends: in the source, and in what is shown."""
        begin, position = self._ends[-1] if self._ends else (0, 0)
        known = before._positions[:begin] if before and same else []
        self._positions: list[int] = [*known, *[-1] * (len(source) + 1 - len(known))]
        for paragraph in paragraphs[same:]:
            begin, position = self._place(paragraph, begin, position)
            self._ends.append((begin, position))

    def _place(self, paragraph: Paragraph, begin: int, position: int) -> tuple[int, int]:
        shown, places = shown_text(paragraph), letter_places(paragraph, self._source, begin)
        units = [0, *accumulate(1 + (letter > "\uffff") for letter in shown)]
        for place, unit in zip(places, units, strict=False):
            if place >= 0:
                self._positions[place] = position + unit
                begin = place + 1
        return begin, position + units[-1] + 1

    def shown_words(self, text: str, words: Iterable[WeighedWord]) -> list[tuple[WeighedWord, int, int]]:
        """Return the `words` of the source `text` that are shown, each with where it begins and ends.

        A line break is where the paragraph ends. What stands for a format, such as asterisks, goes with the next word.
        """
        found: list[tuple[WeighedWord, int, int]] = []
        waiting: tuple[WeighedToken, ...] = ()
        for word in words:
            is_whole = self._positions[word.start] >= 0 <= self._positions[word.end - 1] and word.end > word.start
            places: Sequence[int] = (word.start, word.end - 1)
            if not is_whole:
                places = [at for at in range(word.start, word.end) if self._positions[at] >= 0]
            is_blank = not places and word.end > word.start and text[word.start : word.end].isspace()
            if not (places or is_blank):
                waiting += word.tokens
                continue
            if is_blank and found:
                _add_tokens(found, waiting)
                waiting, begin = (), found[-1][2]
                end = begin
            elif places:
                begin, last = self._positions[places[0]], places[-1]
                end = self._positions[last] + 1 + (text[last] > "\uffff")
            else:
                begin = end = 0
            found.append((replace(word, tokens=waiting + word.tokens) if waiting else word, begin, end))
            waiting = ()
        _add_tokens(found, waiting)
        return found

    def source_between(self, begin: int, end: int, text: str) -> str:
        """Return what of the source `text` is shown between two positions."""
        places = [place for place, position in enumerate(self._positions) if begin <= position < end]
        return text[places[0] : places[-1] + 1] if places else ""


def _common_prefix(old: Sequence[Paragraph], new: Sequence[Paragraph]) -> int:
    pairs = zip(old, new, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))


def _add_tokens(found: list[tuple[WeighedWord, int, int]], tokens: tuple[WeighedToken, ...]) -> None:
    """Add `tokens` to the last word."""
    if found and tokens:
        word, begin, end = found[-1]
        found[-1] = replace(word, tokens=word.tokens + tokens), begin, end

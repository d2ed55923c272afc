"""Where the letters that a paragraph shows are in its Markdown."""

from phichat.markdown.document import Paragraph

_SAME = ((8, 4_000), (4, 400), (2, 60), (1, 40))
"""So many letters in a row are looked for among so many: fewer are sooner somewhere by chance."""
_BULLETS, _TASKS = "-*+", "☐☑"


def shown_text(paragraph: Paragraph) -> str:
    """Return the text that `paragraph` shows, with its marker; formulas by their source."""
    return _marker(paragraph) + "".join(run.text for run in paragraph.runs)


def letter_places(paragraph: Paragraph, source: str, begin: int) -> list[int]:
    """Return for each letter of `shown_text` its place in `source`; -1 for one that is not there.

    `begin` is where the paragraph begins at the earliest, if others share its part of the source.
    """
    at, marker, text = max(begin, paragraph.start), _marker(paragraph), shown_text(paragraph)
    places, at = _marker_places(marker, source, at, paragraph.end)
    for index in range(len(marker), len(text)):
        found = _find(text, index, source, at, paragraph.end)
        places.append(found)
        at = at if found < 0 else found + 1
    return places


def _marker(paragraph: Paragraph) -> str:
    return paragraph.marker + "\t" if paragraph.marker else ""


def _marker_places(marker: str, source: str, at: int, end: int) -> tuple[list[int], int]:
    """Return the places of a list item's marker, and where its text begins at the earliest."""
    if not marker:
        return [], at
    while at < end and (source[at].isspace() or source[at] == ">"):
        at += 1
    number = marker.rstrip("\t")
    if source.startswith(number, at):
        return [*range(at, at + len(number)), -1], at + len(number)
    if at < end and source[at] in _BULLETS:
        after = at + 1
        box = source.find("]", after, after + 6) if number in _TASKS else -1
        return [at, *[-1] * (len(marker) - 1)], max(after, box + 1)
    return [-1] * len(marker), at


def _find(text: str, index: int, source: str, at: int, end: int) -> int:
    """Return the place from `at` on of a letter of `text`, most likely that where the next letters follow it."""
    letter = text[index]
    if at < end and (source[at] == letter or (source[at].isspace() and letter.isspace())):
        return at
    rest = text[index:]
    if len(rest) <= _SAME[0][0] and (found := source.rfind(rest, at, end)) >= 0:  # the end is where the source ends
        return found
    for count, most in _SAME[: -1 if letter.isspace() else None]:
        found = source.find(text[index : index + count], at, min(at + most, end))
        if found >= 0 and index + count <= len(text):
            return found
    return -1

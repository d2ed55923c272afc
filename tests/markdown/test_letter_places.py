"""Each letter that Markdown shows is found in its source."""

from pathlib import Path

import pytest

from phichat.markdown.document import Paragraph
from phichat.markdown.letter_places import letter_places, shown_text
from phichat.markdown.streaming import parse_blocks

ROOT = Path(__file__).parents[2]


def paragraphs(source: str) -> list[Paragraph]:
    return [item for block in parse_blocks(source) for item in block.items if isinstance(item, Paragraph)]


def placed(source: str) -> list[tuple[str, str]]:
    """Return each shown letter that is in the source, and that of the source in its place, where they differ."""
    found, begin = [], 0
    for paragraph in paragraphs(source):
        places = letter_places(paragraph, source, begin)
        known = [place for place in places if place >= 0]
        assert known == sorted(set(known)), "in the order of the text"
        begin = known[-1] + 1 if known else begin
        shown = zip(shown_text(paragraph), places, strict=True)
        found += [(letter, source[place]) for letter, place in shown if place >= 0 and letter != source[place]]
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Some **bold** words", [*range(5), *range(7, 11), *range(13, 19)]),
        ("# A *b*", [2, 3, 5]),
        ("a [link](http://a.link/b), too", [0, 1, *range(3, 7), *range(25, 30)]),
        ("1. first", [0, 1, -1, *range(3, 8)]),
        ("- one", [0, -1, 2, 3, 4]),
        ("- [ ] do", [0, -1, 6, 7]),
        ("- [a](http://b.c)", [0, -1, 3]),
        ("> quoted", [*range(2, 8)]),
        (r"2 \* 3", [0, 1, 3, 4, 5]),
        ("x $a^2$ y", [*range(9)]),
        ("&copy; now", [-1, *range(6, 10)]),
        ("\N{GRINNING FACE} **\u0645**", [0, 1, 4]),
    ],
)
def test_letters_are_found(source: str, expected: list[int]) -> None:
    (paragraph,) = paragraphs(source)
    assert letter_places(paragraph, source, 0) == expected


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/architecture.md", "CONTRIBUTING.md"])
def test_nearly_all_letters_of_long_texts_are_found(name: str) -> None:
    source = (ROOT / name).read_text(encoding="utf-8")
    assert {shown for shown, written in placed(source) if not written.isspace()} <= {*"•◦▪☐☑"}
    lost, begin = 0, 0
    for paragraph in paragraphs(source):
        places = letter_places(paragraph, source, begin)
        begin = max([begin, *(place + 1 for place in places)])
        shown = zip(places, shown_text(paragraph), strict=True)
        lost += sum(place < 0 and not letter.isspace() for place, letter in shown)
    assert lost == 0

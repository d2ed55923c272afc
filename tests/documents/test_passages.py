"""How documents are cut into passages."""

from pathlib import Path

import pytest

from phichat.documents.base import Place, Section
from phichat.documents.passages import LONGEST, USUAL, Passage, count_words, cut_passages

PARAGRAPH = "A sentence of six short words. " * 10  # 60 words
ROOT = Path(__file__).parents[2]


def _cut(*sections: Section) -> list[Passage]:
    return list(cut_passages(sections))


def test_a_short_document_is_one_passage() -> None:
    assert _cut(Section("Two words.", Place(line=1))) == [Passage("Two words.", Place(line=1))]


def test_an_empty_document_has_none() -> None:
    assert not _cut(Section(""), Section("\n\n"))


def test_a_long_text_is_cut_between_paragraphs() -> None:
    passages = _cut(Section("\n\n".join([PARAGRAPH.strip()] * 20)))
    assert all(150 <= count_words(passage.text) <= LONGEST for passage in passages)
    assert all(passage.text.startswith("A sentence") and passage.text.endswith("words.") for passage in passages)


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    passages = _cut(Section(PARAGRAPH * 20))
    assert all(passage.text.rstrip().endswith("words.") for passage in passages)


@pytest.mark.parametrize("text", ["word " * 3000, "漢字" * 3000, "x" * 20_000, "一句话。" * 900])
def test_what_has_no_good_place_to_cut_is_cut_all_the_same(text: str) -> None:
    passages = _cut(Section(text))
    assert max(count_words(passage.text) for passage in passages) <= LONGEST
    assert "".join("".join(passage.text for passage in passages).split()) == "".join(text.split())


def test_nothing_is_left_out_and_nothing_is_twice() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert " ".join(passage.text for passage in _cut(Section(text))).split() == text.split()


def test_each_passage_knows_its_line() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    lines = text.split("\n")
    for passage in _cut(Section(text, Place(line=1))):
        assert passage.place.line
        assert passage.text.split("\n")[0].strip() in lines[passage.place.line - 1]


def test_a_passage_stays_on_its_page() -> None:
    passages = _cut(*(Section(PARAGRAPH * 2, Place(page=page)) for page in (1, 2)), Section("The end.", Place(page=3)))
    assert [passage.place.page for passage in passages] == [1, 2, 3]


def test_pages_with_next_to_nothing_are_one_passage() -> None:
    assert _cut(Section("A Manual", Place(page=1)), Section("Second edition", Place(page=2))) == [
        Passage("A Manual\n\nSecond edition", Place(page=1))
    ]


def test_short_sections_of_a_chapter_are_one_passage() -> None:
    passages = _cut(
        Section("It is small.", Place(heading=("Owls", "Size"))),
        Section("It is brown.", Place(heading=("Owls", "Color"))),
        Section("They are large.", Place(heading=("Eagles",))),
    )
    assert [passage.text for passage in passages] == ["It is small.\n\nColor\n\nIt is brown.", "They are large."]
    assert passages[0].searched_text == "Owls\nSize\nIt is small.\n\nColor\n\nIt is brown."


def test_the_rows_of_a_table_keep_its_header() -> None:
    rows = "\n".join(f"owl {number}\tbrown\t{number} years. Old." for number in range(200))
    passages = _cut(Section(rows, Place(heading=("Birds",), line=2), header="name\tcolor\tage"))
    assert len(passages) > 3
    assert all(passage.full_text.startswith("name\tcolor\tage\nowl ") for passage in passages)
    assert passages[1].text.split("\n")[0] == rows.split("\n")[(passages[1].place.line or 0) - 2]


def test_passages_are_of_about_the_same_size() -> None:
    sizes = [
        count_words(passage.text) for passage in _cut(Section("\n".join(["seven words are in each short line"] * 60)))
    ]
    assert len(sizes) == 2
    assert max(sizes) - min(sizes) < USUAL / 4

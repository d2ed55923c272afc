"""PDF files: their text in reading order with pages and headings, what has no text, and where a passage stands."""

from pathlib import Path

import pytest

from phichat.documents.base import Finding, Note, Outline, Part, Section
from phichat.documents.readers import kinds, pdf
from phichat.documents.readers.source import Source
from phichat.errors import DocumentDamaged, DocumentLocked
from tests.support.pdf_files import PICTURE, Text, lines_down, page_of, pdf_file

LEFT = ["The left column tells", "of rivers that run", "down to the sea and", "of ships that sail", "on them by night."]
RIGHT = [
    "The right column says",
    "how mountains were",
    "raised and worn away",
    "by ice and by rain",
    "over many years.",
]


def parts_of(folder: Path, data: bytes, password: str = "") -> list[Part]:
    path = folder / "a.pdf"
    path.write_bytes(data)
    return list(kinds.read(Source(path, password)))


def text_of(parts: list[Part]) -> str:
    return "\n\n".join(part.text for part in parts if isinstance(part, Section))


def test_each_page_has_its_text_and_number(tmp_path: Path) -> None:
    pages = [page_of(lines_down(["First page", "of two"])), page_of(lines_down(["Second page"]))]
    parts = parts_of(tmp_path, pdf_file(pages, title="A manual"))
    assert parts[0] == Outline("A manual", 2)
    found = [(part.place.page, part.text) for part in parts if isinstance(part, Section)]
    assert found == [(1, "First page\nof two"), (2, "Second page")]


def test_bookmarks_become_headings_and_part_a_page_where_they_begin(tmp_path: Path) -> None:
    pages = [
        page_of(lines_down(["Cats", "They sleep.", "", "Dogs", "They bark."])),
        page_of(lines_down(["They run, too."])),
    ]
    parts = parts_of(tmp_path, pdf_file(pages, bookmarks=[("Cats", 1), ("Dogs", 1)]))
    found = [(part.place.page, part.place.heading, part.text) for part in parts if isinstance(part, Section)]
    assert found == [
        (1, ("Cats",), "Cats\nThey sleep."),
        (1, ("Dogs",), "Dogs\nThey bark."),
        (2, ("Dogs",), "They run, too."),
    ]


def test_pictures_are_said_to_be_pictures_and_empty_pages_empty(tmp_path: Path) -> None:
    pages = [page_of(lines_down(["Text"])), PICTURE, PICTURE + b"\n" + page_of([(300, 20, "3")]), b""]
    notes = [part for part in parts_of(tmp_path, pdf_file(pages)) if isinstance(part, Note)]
    assert notes == [Note(Finding.PICTURES, (2,)), Note(Finding.PICTURES, (3,)), Note(Finding.EMPTY, (4,))]


def _across(left: list[str], right: list[str]) -> list[Text]:
    """Two columns, written line by line across both."""
    columns = zip(lines_down(left, top=560), lines_down(right, left=320, top=560), strict=True)
    return [text for both in columns for text in both]


TURNED = {0: b"", 90: b"0 1 -1 0 612 0 cm ", 180: b"-1 0 0 -1 612 792 cm ", 270: b"0 -1 1 0 0 792 cm "}


@pytest.mark.parametrize(("turned", "rotate"), [(0, 0), (90, 90), (180, 180), (270, 270), (90, 0), (270, 0)])
def test_columns_are_read_one_after_the_other(tmp_path: Path, turned: int, rotate: int) -> None:
    title = [(72.0, 590.0, "A title that stands above both of the columns of this page, from side to side")]
    page = TURNED[turned] + page_of(title + _across(LEFT, RIGHT))
    text = text_of(parts_of(tmp_path, pdf_file([page], rotate=rotate)))
    assert text.index("A title") < text.index(LEFT[0]) < text.index(LEFT[-1]) < text.index(RIGHT[0])
    assert text.index(RIGHT[0]) < text.index(RIGHT[-1])


def test_frames_in_any_order_are_read_from_above(tmp_path: Path) -> None:
    frames = [lines_down(LEFT, top=720 - 90 * at) for at in range(5)]
    marked = [[(x, y, f"{at} {text}") for x, y, text in frame] for at, frame in enumerate(frames)]
    shuffled = [text for at in (4, 2, 0, 3, 1) for text in marked[at]]
    text = text_of(parts_of(tmp_path, pdf_file([page_of(shuffled)])))
    starts = [text.index(f"{at} The left") for at in range(5)]
    assert starts == sorted(starts)


def test_cells_of_a_table_stay_in_their_rows(tmp_path: Path) -> None:
    rows = [("Name", "Age", "Town"), ("Ada", "36", "London"), ("Alan", "41", "Wilmslow"), ("Emmy", "53", "Erlangen")]
    cells = [(72 + 150 * at, 700 - 14 * row, cell) for row, each in enumerate(rows) for at, cell in enumerate(each)]
    text = text_of(parts_of(tmp_path, pdf_file([page_of(cells)])))
    assert text.splitlines() == ["\t".join(row) for row in rows]


def test_paragraphs_are_parted_and_dots_that_lead_to_a_number_are_few(tmp_path: Path) -> None:
    above, below = (
        lines_down(["One", "paragraph."]),
        lines_down(["Another", "one ................ 12"], top=660),
    )
    text = text_of(parts_of(tmp_path, pdf_file([page_of(above + below)])))
    assert text == "One\nparagraph.\n\nAnother\none … 12"


@pytest.mark.parametrize(("shown", "meant"), [("M¨uller d´ej`a vu", "Müller déjà vu"), ("a `quote`", "a `quote`")])
def test_accents_before_their_letters_are_put_onto_them(tmp_path: Path, shown: str, meant: str) -> None:
    assert text_of(parts_of(tmp_path, pdf_file([page_of(lines_down([shown]))]))) == meant


def test_a_protected_file_asks_for_its_password(tmp_path: Path) -> None:
    data = pdf_file([page_of(lines_down(["A secret"]))], password="sesame")
    with pytest.raises(DocumentLocked, match=r"^a.pdf is protected. Enter its password.$"):
        parts_of(tmp_path, data)
    with pytest.raises(DocumentLocked, match="isn’t the password"):
        parts_of(tmp_path, data, "simsim")
    assert text_of(parts_of(tmp_path, data, "sesame")) == "A secret"


def test_of_a_damaged_file_the_rest_is_read_and_the_damage_named(tmp_path: Path) -> None:
    data = pdf_file([page_of(lines_down([f"Page {at}"])) for at in range(1, 4)])
    parts = parts_of(tmp_path, data.replace(b"8 0 obj\n<</Type/Page", b"8 0 obj\n<</Type/Gone"))
    assert text_of(parts) == "Page 1\n\nPage 3"
    assert [part.sentence for part in parts if isinstance(part, Note)] == ["Page 2 is damaged and couldn’t be read."]
    with pytest.raises(DocumentDamaged, match="Get another copy"):
        parts_of(tmp_path, b"%PDF-1.4\nnothing")


def test_a_page_is_drawn_as_wide_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_file([page_of(lines_down(["Black on white"]))]))
    picture = pdf.render_page(Source(path), 1, 306)
    assert (picture.width, picture.height) == (306, 396)
    assert len(picture.pixels) == 306 * 396 * 4
    assert {*picture.pixels[3::4]} == {255}
    assert min(picture.pixels) < 80
    with pytest.raises(DocumentDamaged, match=r"Page 2 of a\.pdf"):
        pdf.render_page(Source(path), 2, 306)


def test_a_passage_is_found_on_its_page_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_file([page_of(_across(LEFT, RIGHT))]))
    boxes = pdf.find_on_page(Source(path), 1, "of rivers that run\ndown to the sea and")
    assert len(boxes) == 2
    assert all(72 / 612 - 0.01 < box.left < box.right < 0.5 for box in boxes)
    assert abs(boxes[0].bottom - (792 - 546) / 792) < 0.01
    assert boxes[0].bottom < boxes[1].top
    assert pdf.find_on_page(Source(path), 1, "nothing of the kind") == []

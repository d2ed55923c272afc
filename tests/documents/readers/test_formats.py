"""Word, OpenDocument, Excel, PowerPoint, EPUB, web pages, e-mail, tables and text: what is read of each, and where."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from phichat.documents.base import Finding, Note, Outline, Part, Place, Section, joined_text
from phichat.documents.readers import kinds, source
from phichat.documents.readers.source import Source
from phichat.errors import DocumentDamaged, DocumentUnsupported
from tests.support.office_files import (
    MAIL,
    book_file,
    open_document_file,
    packed,
    slides_file,
    word_file,
    word_paragraph,
    word_table,
    workbook_file,
)

PEOPLE = [["Name", "Born"], ["Ada", "1815"], ["Alan", "1912"], ["Emmy", "1882"]]
NAMES, ROWS = "Name | Born", "Ada | 1815\nAlan | 1912\nEmmy | 1882"


def parts_of(folder: Path, name: str, data: bytes | str) -> list[Part]:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(kinds.read(Source(path)))


def sections_of(folder: Path, name: str, data: bytes | str) -> list[tuple[tuple[str, ...], str, str]]:
    """Return the headings, the header of a table, and the text of each section."""
    parts = parts_of(folder, name, data)
    assert isinstance(parts[0], Outline)
    return [(part.place.heading, part.header, part.text) for part in parts if isinstance(part, Section)]


def test_word_files_have_headings_lists_and_tables(tmp_path: Path) -> None:
    body = (
        word_paragraph("Before")
        + word_paragraph("Animals", "T1")
        + word_paragraph("Cats", "Mine")
        + word_paragraph("They sleep.")
        + word_paragraph("a lot", is_item=True)
        + word_table(PEOPLE)
        + word_paragraph("After")
    )
    notes = f'<w:footnotes xmlns:w="w">{word_paragraph("A footnote")}</w:footnotes>'
    data = word_file(body, {"word/footnotes.xml": notes})
    assert parts_of(tmp_path, "a.docx", data)[0] == Outline("A title")
    cats = ("Animals", "Cats")
    assert sections_of(tmp_path, "renamed.txt", data) == [
        ((), "", "Before"),
        (("Animals",), "", "Animals"),
        (cats, "", "Cats\n\nThey sleep.\n\n• a lot"),
        (cats, NAMES, ROWS),
        (cats, "", "After"),
        ((), "", "A footnote"),
    ]


def test_what_word_does_not_show_is_not_read_and_boxes_are_read_once(tmp_path: Path) -> None:
    box = f"<w:txbxContent>{word_paragraph('In a box')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:delText>deleted</w:delText><w:instrText>PAGE</w:instrText><w:t>one</w:t><w:tab/>"
        f"<w:t>two</w:t><w:br/><w:t>three</w:t></w:r><AlternateContent><Choice>{box}</Choice>"
        f"<Fallback>{box}</Fallback></AlternateContent></w:p>"
    )
    ((_, _, text),) = sections_of(tmp_path, "a.docx", word_file(body))
    assert text == "In a box\n\none\ttwo\nthree"


def test_sheets_of_excel_are_tables_with_headers_rows_and_dates(tmp_path: Path) -> None:
    rows = (
        '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="inlineStr"><is><t>Day</t></is></c>'
        '<c r="C2" t="s"><v>1</v></c></row>'
        '<row r="4"><c r="A4" t="str"><v>pen</v></c><c r="B4" s="1"><v>45000</v></c>'
        '<c r="C4"><v>0.30000000000000004</v></c></row>'
        '<row r="5"><c r="A5" t="str"><v>ink</v></c><c r="C5" t="b"><v>1</v></c></row>'
    )
    parts = parts_of(tmp_path, "a.xlsx", workbook_file({"Shop": rows, "Empty": ""}, ["Thing", "Price"]))
    assert parts[1:] == [
        Section("pen | 2023-03-15 | 0.3\nink |  | TRUE", Place(None, ("Shop",), 4), "Thing | Day | Price")
    ]


def test_slides_are_pages(tmp_path: Path) -> None:
    title = '<sp><nvPr><ph type="title"/></nvPr><p><r><t>Hello</t></r></p></sp>'
    data = slides_file([title + "<sp><p><r><t>World</t></r></p></sp>", "<pic/>"])
    assert parts_of(tmp_path, "a.pptx", data) == [
        Outline("", 2),
        Section("Hello\n\nWorld", Place(1, ("Hello",))),
        Note(Finding.PICTURES, (2,)),
    ]


def test_open_document_texts_have_headings_lists_tables_and_footnotes(tmp_path: Path) -> None:
    cells = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{cell}</text:p></table:table-cell>' for cell in row)}"
        "</table:table-row>"
        for row in PEOPLE
    )
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Cats</text:h>'
        "<text:p>They<text:s/>sleep<text:note><text:note-body><text:p>indeed</text:p></text:note-body></text:note>.\n"
        "  Long.</text:p><text:list><text:list-item><text:p>a lot</text:p></text:list-item></text:list>"
        f"<table:table>{cells}</table:table>"
    )
    data = open_document_file(body)
    assert parts_of(tmp_path, "a.odt", data)[0] == Outline("A title")
    assert sections_of(tmp_path, "a.odt", data) == [
        (("Cats",), "", "Cats\n\nThey sleep [indeed]. Long.\n\n• a lot"),
        (("Cats",), NAMES, ROWS),
    ]


def test_open_document_sheets_may_repeat_cells_a_million_times(tmp_path: Path) -> None:
    rows = (
        "<table:table-row><table:table-cell><text:p>Name</text:p></table:table-cell><table:table-cell><text:p>Town</text:p>"
        '</table:table-cell></table:table-row><table:table-row table:number-rows-repeated="2"><table:table-cell '
        'table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    data = open_document_file(f'<table:table table:name="Sheet">{rows}</table:table>', "spreadsheet")
    assert parts_of(tmp_path, "a.ods", data)[1:] == [Section("x | x\nx | x", Place(None, ("Sheet",), 2), "Name | Town")]


def test_open_document_slides_are_pages(tmp_path: Path) -> None:
    data = open_document_file("".join(f"<draw:page><text:p>{at}</text:p></draw:page>" for at in "ab"), "presentation")
    assert parts_of(tmp_path, "a.odp", data) == [
        Outline("A title", 2),
        Section("a", Place(1)),
        Section("b", Place(2)),
    ]


def test_a_book_has_its_chapters_in_order(tmp_path: Path) -> None:
    chapters = {
        "two%20b.xhtml": "<html><head><title>Two</title></head><body><p>No heading&nbsp;here.</p></body></html>",
        "one.xhtml": "<!DOCTYPE html><head><title>A book</title></head><body><h1>One</h1><p>Text.</p></body>",
    }
    data = packed({name.replace("%20", " "): content for name, content in _members(book_file(chapters)).items()})
    assert sections_of(tmp_path, "a.epub", data) == [
        (("Two",), "", "No heading here."),
        (("One",), "", "One\n\nText."),
    ]


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_of_a_damaged_book_the_other_chapters_are_read(tmp_path: Path) -> None:
    data = book_file({f"{at}.xhtml": f"<p>Chapter {at}" for at in (1, 2)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        at = archive.getinfo("OPS/1.xhtml").header_offset
    parts = parts_of(tmp_path, "a.epub", data[: at + 45] + b"\xff\xff\xff" + data[at + 48 :])
    assert [part.sentence for part in parts if isinstance(part, Note)] == ["“1.xhtml” is damaged and couldn’t be read."]
    assert joined_text(parts) == "Chapter 2"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_however_it_is_packed_a_damaged_chapter_is_no_fault_of_the_disk(tmp_path: Path, method: int) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in _members(book_file({f"{at}.xhtml": f"<p>Chapter {at}" for at in (1, 2)})).items():
            archive.writestr(name, content)
        begin = archive.getinfo("OPS/1.xhtml").header_offset + 30 + len("OPS/1.xhtml")
        size = archive.getinfo("OPS/1.xhtml").compress_size
    broken = data.getvalue()[: begin + size // 4] + b"\xff" * (size // 2)
    parts = parts_of(tmp_path, "a.epub", broken + data.getvalue()[len(broken) :])
    assert Note(Finding.DAMAGED, name="1.xhtml") in parts
    assert joined_text(parts) == "Chapter 2"


def test_a_damaged_word_file_gives_what_comes_before(tmp_path: Path) -> None:
    whole = "".join(word_paragraph(f"Paragraph {at}. " * 30) for at in range(200))
    parts = parts_of(tmp_path, "a.docx", word_file(whole + "<broken"))
    assert "Paragraph 199" in joined_text(parts)
    assert parts[-1] == Note(Finding.DAMAGED)
    with pytest.raises(DocumentDamaged, match=r"b\.docx is damaged"):
        parts_of(tmp_path, "b.docx", word_file("")[:200])


def test_what_is_protected_or_of_no_known_kind_is_said_to_be(tmp_path: Path) -> None:
    encrypted = {"META-INF/manifest.xml": '<manifest xmlns:m="m"><m:encryption-data/></manifest>'}
    drm = {"META-INF/encryption.xml": '<encryption><EncryptionMethod Algorithm="aes"/></encryption>'}
    for name, data, words in [
        ("a.odt", open_document_file("", more=encrypted), "protected in a way"),
        ("a.epub", book_file({"a": "x"}, drm), "protected in a way"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old Microsoft Office format or is password"),
        ("a.zip", packed({"a.txt": "text"}), "kind of file that Phichat can’t read"),
        ("a.rtf", b"{\\rtf1 text}", "kind of file"),
        ("a.bin", bytes(range(256)) * 10, "kind of file"),
    ]:
        with pytest.raises(DocumentUnsupported, match=words):
            parts_of(tmp_path, name, data)


def test_web_pages_have_headings_lists_and_tables_but_no_scripts(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td>{'<td>'.join(row)}" for row in PEOPLE)
    page = (
        "<!DOCTYPE html><head><title>A &amp; B</title><style>p {}</style><body>Hello<br>you<script>alert('x')</script>"
        "<h1>Cats</h1><p>They\n  <b>sleep</b>.<ul><li>a lot<li>more</ul><pre>  kept\n   as is</pre>"
        f"<table>{rows}</table><h2>End</h2>"
    )
    assert parts_of(tmp_path, "a.html", page)[0] == Outline("A & B")
    assert sections_of(tmp_path, "a", page) == [
        ((), "", "Hello\nyou"),
        (("Cats",), "", "Cats\n\nThey sleep.\n\n• a lot\n\n• more\n\n  kept\n   as is"),
        (("Cats",), NAMES, ROWS),
        (("Cats", "End"), "", "End"),
    ]


def test_mail_says_who_wrote_and_what_is_attached(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, "a.eml", MAIL)
    assert parts[0] == Outline("The engine – notes")
    text = joined_text(parts)
    assert text.startswith("From: Ada <ada@example.org>\nTo: Charles")
    assert text.endswith("Café at four?\n\nYours, Ada")
    assert [part.sentence for part in parts if isinstance(part, Note)] == [
        "The email attachment “../../notes.pdf” wasn’t read."
    ]


def test_the_pictures_of_a_saved_page_are_no_attachments(tmp_path: Path) -> None:
    page = EmailMessage()
    page["Subject"] = "Cats"
    page.set_content("<h1>Cats</h1><p>They sleep.", subtype="html")
    page.add_related(b"picture", "image", "png")
    page.add_related("p { color: red }", "css")
    page.add_related(b"font", "font", "woff2")
    page.add_related(b"text", "application", "pdf", filename="cats.pdf", disposition="attachment")
    page.add_related(b"text", "application", "pdf", filename="dogs.pdf", disposition="inline")
    for name in ("a.mhtml", "a.eml"):
        parts = parts_of(tmp_path, name, page.as_bytes())
        assert joined_text(parts).endswith("They sleep.")
        notes = [part.sentence for part in parts if isinstance(part, Note)]
        assert notes == [f"The email attachment “{pet}.pdf” wasn’t read." for pet in ("cats", "dogs")]


@pytest.mark.parametrize("is_mixed", [False, True], ids=["alone", "with an attachment"])
def test_a_document_beside_the_pictures_of_an_email_is_named(tmp_path: Path, *, is_mixed: bool) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Cats"
    mail.set_content("The cats are asleep.")
    mail.add_alternative("<p>The cats are asleep.</p><img src='cid:cat'>", "html")
    page = mail.get_payload(1)
    assert isinstance(page, EmailMessage)
    page.add_related(b"picture", "image", "png", cid="<cat>", filename="cat.png", disposition="inline")
    page.add_related(b"text", "application", "pdf", cid="<pdf>", filename="cats.pdf", disposition="inline")
    page.add_related("<p>Frame</p>", "html")
    if is_mixed:
        mail.add_attachment(b"text", "application", "zip", filename="cats.zip")
    parts = parts_of(tmp_path, "a.eml", mail.as_bytes())
    assert joined_text(parts).endswith("The cats are asleep.")
    notes = [part.sentence for part in parts if isinstance(part, Note)]
    assert notes == [f"The email attachment “{name}” wasn’t read." for name in ["cats.pdf", "cats.zip"][: 1 + is_mixed]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "Name,Born\n\"Ada\",1815\nAlan,1912\nEmmy,1882\n"),
        ("b.csv", "Name;Born\nAda;1815\nAlan;1912\nEmmy;1882\n"),
        ("c.tsv", "Name\tBorn\nAda\t1815\nAlan\t1912\nEmmy\t1882\n"),
    ],
)  # fmt: skip
def test_tables_know_their_headers_and_lines(tmp_path: Path, name: str, text: str) -> None:
    assert parts_of(tmp_path, name, text)[1:] == [Section(ROWS, Place(line=2), NAMES)]


def test_a_table_without_a_header_has_none_and_long_ones_are_cut(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, "a.csv", "".join(f"{at},{at * at}\n" for at in range(120)))
    sections = [part for part in parts if isinstance(part, Section)]
    assert [section.header for section in sections] == [""] * 3
    assert [section.place.line for section in sections] == [1, 51, 101]


def test_markdown_has_headings_and_lines(tmp_path: Path) -> None:
    text = "intro\n\n# Cats #\nThey sleep.\n```\n# no heading\n```\nDogs\n----\nThey bark.\n"
    parts = parts_of(tmp_path, "a.md", text)
    assert parts == [
        Outline("Cats"),
        Section("intro", Place(line=1)),
        Section("# Cats #\nThey sleep.\n```\n# no heading\n```", Place(None, ("Cats",), 3)),
        Section("Dogs\n----\nThey bark.", Place(None, ("Cats", "Dogs"), 8)),
    ]


def test_long_texts_are_cut_and_every_piece_knows_its_line(tmp_path: Path) -> None:
    lines = [f"{at} " + "word " * at for at in range(1, 400)]
    parts = parts_of(tmp_path, "a.py", "\n".join(lines))
    sections = [part for part in parts if isinstance(part, Section)]
    assert len(sections) > 5
    for section in sections:
        assert section.place.line
        assert section.text.startswith(f"{section.place.line} word")
    assert "\n".join(section.text for section in sections) == "\n".join(lines)


def test_of_very_many_parts_only_the_first_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_SECTIONS", 3)
    parts = parts_of(tmp_path, "a.md", "# a\n\n" * 9)
    assert len(parts) == 5
    assert parts[-1] == Note(Finding.TRUNCATED)


def test_text_in_another_encoding_is_read(tmp_path: Path) -> None:
    text = "Der Bär müßte über die Straße gehen und Äpfel, Öl und Käse für alle Gäste holen."
    assert sections_of(tmp_path, "a.txt", text.encode("cp1252"))[0][2] == text

"""Documents made to harm whoever reads them, and good ones with some bytes changed."""

import random
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO

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
from tests.support.pdf_files import PICTURE, lines_down, page_of, pdf_file

_PROSE = ["The quick brown fox", "jumps over the lazy dog", "and runs away."]
_TABLE = [["Name", "Born"], ["Ada", "1815"], ["Alan", "1912"], ["Emmy", "1882"]]
_ROWS = "".join(
    f'<row r="{at}"><c r="A{at}" t="s"><v>0</v></c><c r="B{at}"><v>{at}.5</v></c></row>' for at in range(1, 9)
)

GOOD: dict[str, bytes] = {
    "a.pdf": pdf_file(
        [*(page_of(lines_down([*_PROSE, str(at)])) for at in range(6)), PICTURE],
        title="T",
        bookmarks=[("The quick", 2)],
    ),
    "locked.pdf": pdf_file([page_of(lines_down(_PROSE))] * 3, password="sesame"),
    "a.docx": word_file(word_paragraph("Cats", "T1") + word_paragraph(" ".join(_PROSE)) + word_table(_TABLE)),
    "a.xlsx": workbook_file({"One": _ROWS, "Two": _ROWS}, ["text"]),
    "a.pptx": slides_file([f"<sp><p><r><t>{line}</t></r></p></sp>" for line in _PROSE]),
    "a.odt": open_document_file("".join(f"<text:p>{line}</text:p>" for line in _PROSE)),
    "a.ods": open_document_file(
        '<table:table table:name="S"><table:table-row><table:table-cell table:number-columns-repeated="3">'
        "<text:p>x</text:p></table:table-cell></table:table-row></table:table>",
        "spreadsheet",
    ),
    "a.epub": book_file({f"{at}.xhtml": f"<h1>Chapter {at}</h1><p>{_PROSE[0]}</p>" for at in range(4)}),
    "a.html": f"<title>T</title><h1>Cats</h1><p>{_PROSE[0]}<table><tr><td>a<td>b<tr><td>c<td>d</table>".encode(),
    "a.md": b"# Cats\n\nThey *sleep*.\n\n```\ncode\n```\n\nDogs\n----\n",
    "a.csv": b'Name,Born\n"Ada",1815\nAlan,1912\nEmmy,1882\n',
    "a.eml": MAIL,
    "a.txt": "Grüße aus Köln, 25 °C".encode("cp1252"),
    "a.py": b"def f(x):\n    return x + 1\n",
}
"""A good document of each kind."""


def mutations(data: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `data` so many times with bytes changed, cut out, doubled or cut off, as `seed` has it."""
    chance = random.Random(seed)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5, 30))):
            at = chance.randrange(len(changed) or 1)
            match chance.randrange(6):
                case 0 | 1:
                    changed[at : at + 1] = bytes([chance.randrange(256)])
                case 2:
                    changed[at : at + chance.randrange(1, 60)] = b""
                case 3:
                    changed[at:at] = changed[at : at + chance.randrange(1, 300)]
                case 4:
                    changed[at:at] = chance.choice((b"\xff" * 9, b"9" * 12, b"<" * 40, b"[" * 40, b"\0" * 20, b"-1"))
                case 5 if chance.random() < 0.3:
                    del changed[at:]
        yield bytes(changed)


def mutations_inside(data: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield a zip file so many times with what is packed in it changed as `mutations` does, checksums right."""
    chance = random.Random(seed)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for number in range(count):
        name = chance.choice(list(members))
        changed = next(mutations(members[name], 1, number))
        yield packed({**members, name: changed})


def _bomb(size: int) -> bytes:
    """Return a Word file whose text unpacks to `size` bytes."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        member.write(b'<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>')
        for _ in range(size // 1_000_000):
            member.write(b"A" * 1_000_000)
    return data.getvalue()


def _many_members(count: int) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for at in range(count):
            archive.writestr(f"{at}", b"")
        archive.writestr("word/document.xml", "<document/>")
    return data.getvalue()


def _laughs(name: str) -> str:
    """Return the declaration of entities that expand to ten thousand million letters."""
    entities = "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(10))
    return f'<!DOCTYPE {name} [<!ENTITY l0 "ha">{entities}]>'


def _stolen(url: str) -> str:
    return f'<!DOCTYPE x [<!ENTITY stolen SYSTEM "{url}">]>'


def _word_document(text: str) -> str:
    return f'<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>'


def _endless_pages() -> bytes:
    """Return a PDF file whose tree of pages leads back to itself."""
    return pdf_file([page_of(lines_down(_PROSE))]).replace(b"/Count 1/Kids[6 0 R]", b"/Count 999999/Kids[2 0 R]")


def _program(action: str) -> bytes:
    return pdf_file([page_of(lines_down(_PROSE))], catalog=f"/OpenAction<<{action}>>")


WORDS = "The quick brown fox"
SECRET = "a secret of the computer"


def hostile(url: str, secret: str) -> dict[str, Callable[[], bytes]]:
    """Return hostile documents by name.

    `url` is an address that nobody may ask for, `secret` a file that nobody may read.
    """
    laughing = _laughs("x") + _word_document("&l10;")
    stolen = _stolen(secret) + _word_document("&stolen;")
    remote = f'<!DOCTYPE x SYSTEM "{url}x.dtd">{_word_document(WORDS)}'
    loading = (
        f'<link rel=stylesheet href="{url}a.css"><script src="{url}a.js"></script><img src="{url}a.png">'
        f'<iframe src="{url}"></iframe><meta http-equiv=refresh content="0;{url}"><p>{WORDS}'
    )
    return {
        "bomb.docx": lambda: _bomb(1_000_000_000),
        "members.docx": lambda: _many_members(60_000),
        "laughs.docx": lambda: packed({"word/document.xml": laughing}),
        "stolen.docx": lambda: packed({"word/document.xml": stolen}),
        "remote.docx": lambda: packed({"word/document.xml": remote}),
        "deep.docx": lambda: word_file("<w:tbl><w:tr><w:tc>" * 10_000),
        "deep.odt": lambda: open_document_file("<text:list><text:list-item>" * 10_000),
        "lists.html": lambda: b"<ul><li>" * 10_000 + WORDS.encode(),
        "tables.html": lambda: b"<table><tr><td>" * 10_000 + WORDS.encode(),
        "comments.html": lambda: b"<!--" * 200_000,
        "declarations.html": lambda: b"<![CDATA[" * 100_000,
        "lists.md": lambda: b"".join(b" " * at + b"- a\n" for at in range(3_000)),
        "quotes.md": lambda: b">" * 100_000 + b" a",
        "remote.html": loading.encode,
        "remote.epub": lambda: book_file({"a.xhtml": loading}),
        "paths.docx": lambda: packed({"../../evil": "x", "/etc/evil": "x", **_word_members()}),
        "paths.epub": lambda: book_file({"../../../../../../etc/passwd": f"<p>{WORDS}"}),
        "quotes.csv": lambda: b'a,b\n"' + b"x" * 5_000_000,
        "columns.csv": lambda: b"," * 3_000_000 + b"\n" + b"," * 3_000_000,
        "far.xlsx": lambda: workbook_file({"S": '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'}),
        "numbers.xlsx": lambda: workbook_file({"S": f'<row r="1"><c r="A1" s="1"><v>{"9" * 400}</v></c></row>'}),
        "repeated.ods": lambda: open_document_file(
            '<table:table table:name="S"><table:table-row table:number-rows-repeated="99999999">'
            '<table:table-cell table:number-columns-repeated="99999999"><text:p>x</text:p></table:table-cell>'
            "</table:table-row></table:table>",
            "spreadsheet",
        ),
        "parts.eml": lambda: b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(3_000)
        ),
        "headers.eml": lambda: b"Subject: " + b"=?utf-8?q?x?= " * 20_000 + b"\n\nx",
        "script.pdf": lambda: _program("/S/JavaScript/JS(app.alert('x'); while (true) {})"),
        "launch.pdf": lambda: _program("/S/Launch/F(/usr/bin/touch)/Win<</F(cmd.exe)>>"),
        "link.pdf": lambda: _program(f"/S/URI/URI({url})"),
        "remote.pdf": lambda: _program(f"/S/SubmitForm/F<</FS/URL/F({url})>>"),
        "endless.pdf": _endless_pages,
        "count.pdf": lambda: pdf_file([page_of(lines_down(_PROSE))]).replace(b"/Count 1", b"/Count 2147483647"),
        "stack.pdf": lambda: pdf_file([b"q " * 2_000_000 + page_of(lines_down(_PROSE))]),
        "nested.pdf": lambda: pdf_file([b"[" * 2_000_000]),
        "letters.pdf": lambda: pdf_file([page_of((10, 10, "x" * 90) for _ in range(20_000))]),
        "outline.pdf": lambda: pdf_file([b""], bookmarks=[("a", 1)] * 2).replace(b"/Next 10 0 R", b"/Next 9 0 R"),
    }


def _word_members() -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(word_file(word_paragraph(WORDS)))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

"""Documents of office programs, e-books and e-mail, as small as they can be."""

import io
import zipfile
from collections.abc import Mapping, Sequence

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "draw", "meta", "manifest")
)
CORE = '<p xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A title</dc:title></p>'


def packed(members: Mapping[str, str | bytes]) -> bytes:
    """Return a zip file with these members."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def word_paragraph(text: str, style: str = "", *, is_item: bool = False) -> str:
    """Return a paragraph of Word."""
    numbered = "<w:numPr/>" if is_item else ""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{numbered}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


def word_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Word."""
    cells = ("".join(f"<w:tc>{word_paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def word_file(body: str, more: Mapping[str, str] | None = None) -> bytes:
    """Return a Word file with this content of its body."""
    styles = (
        f'<w:styles {W}><w:style w:styleId="T1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="T2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="Mine"><w:name w:val="mine"/><w:basedOn w:val="T2"/></w:style></w:styles>'
    )
    document = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    return packed({"word/document.xml": document, "word/styles.xml": styles, "docProps/core.xml": CORE, **(more or {})})


def workbook_file(sheets: Mapping[str, str], strings: Sequence[str] = ()) -> bytes:
    """Return an Excel file with these rows in its sheets; style 1 shows dates."""
    names = "".join(f'<sheet name="{name}" sheetId="{at}" r:id="r{at}"/>' for at, name in enumerate(sheets, 1))
    links = "".join(f'<Relationship Id="r{at}" Target="worksheets/s{at}.xml"/>' for at in range(1, len(sheets) + 1))
    shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
    members = {
        "xl/workbook.xml": f"<workbook {R}><sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships>{links}</Relationships>",
        "xl/sharedStrings.xml": f"<sst>{shared}</sst>",
        "xl/styles.xml": '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
    }
    parts = {
        f"xl/worksheets/s{at}.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
        for at, rows in enumerate(sheets.values(), 1)
    }
    return packed(members | parts)


def slides_file(slides: Sequence[str]) -> bytes:
    """Return a PowerPoint file with these shapes on its slides."""
    ids = "".join(f'<sldId id="{255 + at}" r:id="r{at}"/>' for at in range(1, len(slides) + 1))
    links = "".join(f'<Relationship Id="r{at}" Target="slides/s{at}.xml"/>' for at in range(1, len(slides) + 1))
    members = {
        "ppt/presentation.xml": f"<presentation {R}><sldIdLst>{ids}</sldIdLst></presentation>",
        "ppt/_rels/presentation.xml.rels": f"<Relationships>{links}</Relationships>",
    }
    return packed(members | {f"ppt/slides/s{at}.xml": f"<sld>{shapes}</sld>" for at, shapes in enumerate(slides, 1)})


def open_document_file(body: str, kind: str = "text", more: Mapping[str, str] | None = None) -> bytes:
    """Return an OpenDocument file with this content of its body."""
    content = (
        f"<office:document-content {ODF}><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return packed({"mimetype": mimetype, "content.xml": content, "meta.xml": CORE, **(more or {})})


def book_file(chapters: Mapping[str, str], more: Mapping[str, str] | None = None) -> bytes:
    """Return an EPUB file with these chapters."""
    items = "".join(
        f'<item id="c{at}" href="{name}" media-type="application/xhtml+xml"/>' for at, name in enumerate(chapters)
    )
    order = "".join(f'<itemref idref="c{at}"/>' for at in range(len(chapters)))
    package = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>A book</dc:title></metadata>'
        f"<manifest>{items}</manifest><spine>{order}</spine></package>"
    )
    container = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    members = {"META-INF/container.xml": container, "OPS/book.opf": package, **(more or {})}
    return packed(members | {f"OPS/{name}": text for name, text in chapters.items()})


MAIL = b"""From: Ada <ada@example.org>
To: Charles <charles@example.org>
Date: Thu, 7 Dec 1843 10:00:00 +0000
Subject: =?utf-8?q?The_engine_=E2=80=93_notes?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Caf=E9 at four?

Yours, Ada
--b
Content-Type: application/pdf; name="notes.pdf"
Content-Disposition: attachment; filename="../../notes.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--b--
"""
"""A message with an attachment whose name has a path."""

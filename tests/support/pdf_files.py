"""PDF files written by hand: text at places, pictures, passwords, bookmarks, actions."""

import hashlib
import struct
from collections.abc import Iterable, Sequence

Text = tuple[float, float, str]
"""Where a line begins, in points from the lower left corner, and what it says."""

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def lines_down(lines: Iterable[str], left: float = 72, top: float = 720, step: float = 14) -> list[Text]:
    """Return `lines` one below the other."""
    return [(left, top - step * number, line) for number, line in enumerate(lines)]


def page_of(texts: Iterable[Text]) -> bytes:
    """Return the content of a page with these texts, in this order."""
    shown = (f"BT /F 11 Tf {x} {y} Td ({_escaped(text)}) Tj ET" for x, y, text in texts)
    return "\n".join(shown).encode("cp1252")


PICTURE = b"q 612 0 0 792 0 0 cm /P Do Q"
"""The content of a page that is one picture."""


def pdf_file(
    pages: Sequence[bytes],
    *,
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
    catalog: str = "",
    rotate: int = 0,
    password: str = "",
) -> bytes:
    """Return a PDF file with the `pages` of these contents.

    `bookmarks` have a title and the page they lead to, from 1; `catalog` is added to the entries of the catalog.
    With a `password`, the file is encrypted in the oldest way there is.
    """
    first = 6
    kids = [first + 2 * number for number in range(len(pages))]
    outline = first + 2 * len(pages)
    objects: dict[int, bytes] = {
        1: f"<</Type/Catalog/Pages 2 0 R{catalog}{f'/Outlines {outline} 0 R' if bookmarks else ''}>>".encode(),
        2: f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(f'{kid} 0 R' for kid in kids)}]>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        4: _stream(bytes(3), "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceRGB/BitsPerComponent 8"),
    }
    for kid, content in zip(kids, pages, strict=True):
        objects[kid] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Rotate {rotate}/Contents {kid + 1} 0 R"
            "/Resources<</Font<</F 3 0 R>>/XObject<</P 4 0 R>>>>>>"
        ).encode()
        objects[kid + 1] = content
    objects |= _outline(outline, bookmarks, kids)
    key = _key(password) if password else b""
    for number in [kid + 1 for kid in kids]:
        objects[number] = _stream(_rc4(_object_key(key, number), objects[number]) if key else objects[number])
    trailer = f"<</Size {max(objects) + 1}/Root 1 0 R"
    if title and not password:
        objects[5] = f"<</Title({_escaped(title)})>>".encode("cp1252")
        trailer += "/Info 5 0 R"
    if password:
        trailer += f"/ID[<{'00' * 16}><{'00' * 16}>]/Encrypt{_encryption(password)}"
    return _assembled(objects, trailer + ">>")


def _assembled(objects: dict[int, bytes], trailer: str) -> bytes:
    data, places = b"%PDF-1.4\n", {}
    for number, content in sorted(objects.items()):
        places[number] = len(data)
        data += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(
        f"{places[number]:010} 00000 n \n" if number in places else "0000000000 65535 f \n"
        for number in range(max(objects) + 1)
    )
    end = f"xref\n0 {max(objects) + 1}\n{table}trailer\n{trailer}\nstartxref\n{len(data)}\n%%EOF\n"
    return data + end.encode()


def _outline(first: int, bookmarks: Sequence[tuple[str, int]], kids: Sequence[int]) -> dict[int, bytes]:
    if not bookmarks:
        return {}
    last = first + len(bookmarks)
    objects = {first: f"<</First {first + 1} 0 R/Last {last} 0 R/Count {len(bookmarks)}>>".encode()}
    for number, (title, page) in enumerate(bookmarks, first + 1):
        following = f"/Next {number + 1} 0 R" if number < last else ""
        objects[number] = (
            f"<</Title({_escaped(title)})/Parent {first} 0 R/Dest[{kids[page - 1]} 0 R/Fit]{following}>>"
        ).encode("cp1252")
    return objects


def _stream(content: bytes, entries: str = "") -> bytes:
    return f"<<{entries}/Length {len(content)}>>\nstream\n".encode() + content + b"\nendstream"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _padded(password: str) -> bytes:
    return (password.encode("latin-1") + _PADDING)[:32]


def _owner(password: str) -> bytes:
    return _rc4(hashlib.md5(_padded(password)).digest()[:5], _padded(password))


def _key(password: str) -> bytes:
    return hashlib.md5(_padded(password) + _owner(password) + struct.pack("<i", -4) + bytes(16)).digest()[:5]


def _object_key(key: bytes, number: int) -> bytes:
    return hashlib.md5(key + number.to_bytes(3, "little") + bytes(2)).digest()[:10]


def _encryption(password: str) -> str:
    user = _rc4(_key(password), _PADDING)
    return f"<</Filter/Standard/V 1/R 2/P -4/O<{_owner(password).hex()}>/U<{user.hex()}>>>"


def _rc4(key: bytes, data: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)

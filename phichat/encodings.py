"""Encodings of text files: by their marks, by what only they have in them, or guessed from the words."""

import locale
import re
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

CONTROLS = 1000
"""A file with more than one unusual control character in this many is not text."""

_MARKS = {
    BOM_UTF32_LE: "utf-32", BOM_UTF32_BE: "utf-32",  # before UTF-16, whose mark theirs begins with
    BOM_UTF8: "utf-8-sig", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16",
}  # fmt: skip
_OLDER = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp932",
    "cp949", "gb18030", "big5", "euc_jp", "koi8_r", "cp866",
)  # fmt: skip
"""Encodings to guess from; more candidates make the guesses worse."""

_CYRILLIC = {"cp1251", "koi8_r", "cp866"}  # what is text in one is text in another, with other letters
_FREQUENT = "оеаинтсрвл"
_DOS = ("cp437", "cp850")

_USUAL = frozenset("\t\n\r\f\v\b\x1b\x85")  # with the escape of a log's colours
_UNUSUAL_BYTE = re.compile(rb"[\0-\x07\x0e-\x1a\x1c-\x1f]")
_SWITCH = re.compile(rb"\x1b\$(?:[@B]|\([@-DO-Q]|\)C)")  # to Japanese or Korean letters
_SWITCHING = ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_3", "iso2022_jp_2004")
_UTF_7_MARK = re.compile(rb"\+/v[89+/]")
_PLUS = re.compile(rb"\+(?:-|([A-Za-z0-9/+]{3,}))?")
_MARK = r"[^\x00-\x7f‘’“”«»…–—•·€™®©°¿¡]"  # beyond ASCII, without the signs that stand beside words
_BEYOND_ASCII = re.compile(_MARK)
_BESIDE_LETTER = re.compile(f"(?<=[A-Za-z]){_MARK}|{_MARK}(?=[A-Za-z])")
_ONLY_IN_DOS = re.compile(rb"[A-Za-z][\x81\x90]|[\x81\x90][A-Za-z]")  # ü and É; nothing in Windows' western letters
_WORDS = (
    (0x20, 0x700), (0x900, 0x1100), (0x2010, 0x2040), (0x3000, 0x3100), (0x4E00, 0xA000), (0xAC00, 0xD7A4),
    (0xFF00, 0xFFF0),
)  # fmt: skip
"""Where the letters of most languages are in Unicode; two bytes that are no UTF-16 are mostly elsewhere."""

LEAST_IN_WORDS, LEAST_BESIDE = 0.9, 0.8
BROKEN_WORDS, WHOLE_WORDS = 0.5, 0.1
"""Shares of the letters that are none in the middle of words: above the first, the encoding is wrong."""


def decode_text(data: bytes) -> str | None:
    """Return the text that `data` holds, in whatever encoding; None if it is not text."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return _if_text(data.decode(encoding, "replace"))
    if _UNUSUAL_BYTE.search(data) and not _is_separated(data) and (wide := _without_mark(data)):
        return wide
    if b"\0" in data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _if_text(_guessed(data))
    return _if_text(_switched(data) or _from_utf_7(data) or text)


def _is_separated(data: bytes) -> bool:
    """Return whether NULs only stand between texts, as of `find -print0`; UTF-16 has one for each such letter."""
    texts = data.replace(b"\0", b"")
    if 4 * max(data[::2].count(0), data[1::2].count(0)) >= len(data) or _UNUSUAL_BYTE.search(texts):
        return False
    with suppress(UnicodeDecodeError):
        texts.decode("utf-8")
        return len(texts) < len(data)
    return False


def _without_mark(data: bytes) -> str | None:
    """Decode UTF-16 that does not say so; return None for anything else."""
    found = []
    for encoding in ("utf-16-le", "utf-16-be"):
        with suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            found.append((_share_in_words(text), text))
    share, text = max(found, default=(0.0, ""))
    return _if_text(text) if share >= LEAST_IN_WORDS else None


def _share_in_words(text: str) -> float:
    usual = sum(
        letter in "\t\n\r" or any(first <= ord(letter) < end for first, end in _WORDS) for letter in text[:10_000]
    )
    return usual / max(1, len(text[:10_000]))


def _switched(data: bytes) -> str | None:
    """Decode what switches between alphabets with escapes, which are ASCII, too."""
    if not _SWITCH.search(data):
        return None
    for encoding in ["iso2022_kr"] if b"\x1b$)C" in data else _SWITCHING:
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return None


def _from_utf_7(data: bytes) -> str | None:
    """Decode UTF-7: ASCII in which `+` begins letters in Base64, and stands for nothing else."""
    if b"+" not in data or not data.isascii():
        return None
    signs = list(_PLUS.finditer(data))
    written = [sign[1] for sign in signs if sign[1]]
    if not written or not all(sign[1] or sign[0] == b"+-" for sign in signs):
        return None
    try:
        text = data.decode("utf-7")
        letters = "".join((b"+" + each + b"-").decode("utf-7") for each in written)
    except UnicodeDecodeError:
        return None
    if _UTF_7_MARK.match(data):
        return text.removeprefix("\ufeff")
    is_said = all(ord(letter) < 0x700 for letter in letters) or len(letters) >= len(written) * 2
    return text if is_said and not letters.isascii() and _share_in_words(letters) == 1 else None


def _guessed(data: bytes) -> str:
    """Decode with the likeliest encoding, of equals the usual one; return a NUL if none fits."""
    if dos := _from_dos(data):
        return dos
    from charset_normalizer import from_bytes  # noqa: PLC0415 - most files are UTF-8

    found = list(from_bytes(data, cp_isolation=list(_OLDER)))
    equals = [match for match in found if (match.chaos, match.coherence) == (found[0].chaos, found[0].coherence)]
    stranger = sorted((match for match in equals if match.encoding in _CYRILLIC), key=_strangeness)[1:]
    equals = [match for match in equals if match not in stranger]
    for usual in (locale.getencoding(), "cp1252", "cp1251"):
        for match in equals:
            if usual in match.could_be_from_charset:
                return str(match)
    return str(equals[0]) if equals else "\0"


def _from_dos(data: bytes) -> str | None:
    """Decode what DOS wrote in the languages of western Europe; None if Windows' letters make better words."""
    is_sure = _ONLY_IN_DOS.search(data) is not None
    if not is_sure and _share_broken(data.decode("cp1252", "replace")) < BROKEN_WORDS:
        return None
    found = [(_share_broken(text), number, text) for number, text in enumerate(data.decode(name) for name in _DOS)]
    share, _, text = min(found)
    return text if share <= WHOLE_WORDS and _stands_in_words(text) else None


def _stands_in_words(text: str) -> bool:
    """Return whether the letters beyond ASCII stand beside those of ASCII: else they are of another alphabet."""
    return len(_BESIDE_LETTER.findall(text)) >= LEAST_BESIDE * len(_BEYOND_ASCII.findall(text))


def _share_broken(text: str) -> float:
    """Return the share of the signs beyond ASCII that break a word."""
    signs = _BESIDE_LETTER.findall(text)
    return sum(not sign.isalpha() for sign in signs) / max(1, len(signs))


def _strangeness(match: "CharsetMatch") -> int:
    """Return how few of the letters are frequent ones in Russian, below zero."""
    words = str(match).lower()
    return -sum(map(words.count, _FREQUENT))


def _if_text(text: str) -> str | None:
    odd = (letter for letter in set(text) - _USUAL if unicodedata.category(letter) == "Cc")
    return text if sum(map(text.count, odd)) <= len(text) // CONTROLS else None

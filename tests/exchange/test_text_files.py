"""Text files of every kind are read as what they say; what is none is refused in one sentence."""

import codecs
import json
import os
import random
import zlib
from pathlib import Path

import pytest

from phichat.errors import StoreError
from phichat.exchange.export import Format, export
from phichat.exchange.text_files import MOST, kind_of, read_text
from phichat.store.base import FileKind
from tests.support.conversations import talk

WORDS = "Fähren schwimmen – jusqu’à l’île. "
RUSSIAN = "Паром перевозит людей и вещи через реку снова и снова, зимой и летом. "
POLISH = "Zażółć gęślą jaźń i płyń promem przez rzekę. "
JAPANESE = "フェリーは人や物を運んで川を渡ります。夏も冬も、何度でも。"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes.txt"


@pytest.mark.parametrize(
    "data",
    [
        WORDS.encode(),
        WORDS.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + WORDS.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + WORDS.encode("utf-32-be"),
        WORDS.encode("cp1252"),
    ],
)
def test_an_encoding_is_no_matter(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert read_text(file).text == WORDS
    assert read_text(file).name == "notes.txt"


@pytest.mark.parametrize(
    ("words", "encoding"), [(RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r"), (JAPANESE, "shift_jis"), (POLISH, "cp1250")]
)
def test_older_encodings_are_guessed(file: Path, words: str, encoding: str) -> None:
    file.write_bytes(words.encode(encoding) * 3)
    assert read_text(file).text == words * 3


KOREAN = "이것은 한국어 문장입니다. 인코딩을 시험합니다.\n"
FRENCH = "Les élèves ont été très étonnés : où était la forêt ?\nÇa, c'est à Noël.\n"
GERMAN = "Über den Wolken muß die Freiheit grenzenlos sein. Schöne Grüße.\n"


@pytest.mark.parametrize("words", [RUSSIAN, JAPANESE, POLISH, KOREAN, FRENCH, "שלום עולם\n"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-7"])
def test_unicode_that_does_not_say_so(file: Path, words: str, encoding: str) -> None:
    file.write_bytes(words.encode(encoding))
    assert read_text(file).text == words


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (JAPANESE, "iso2022_jp"), (KOREAN, "iso2022_kr"), (RUSSIAN, "cp866"),
        (FRENCH, "cp437"), (FRENCH, "cp850"), (GERMAN, "cp437"), ("caf\xe9 au lait", "cp437"),
    ],
)  # fmt: skip
def test_encodings_of_mail_and_dos(file: Path, words: str, encoding: str) -> None:
    file.write_bytes(words.encode(encoding))
    assert read_text(file).text == words


@pytest.mark.parametrize(
    "words",
    ["a+b-c and C++ - x+abc-d", "1+1=2", "+33612345678-9", "--- a\n+++ b\n+line-x", "+Foo-bar +Baz-qux", "+ABC-"],
)
def test_a_plus_stays_a_plus(file: Path, words: str) -> None:
    file.write_text(words)
    assert read_text(file).text == words


@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r", "cp866"])
@pytest.mark.parametrize("words", ["Это русский текст в старой кодировке.\n", "Съешь же ещё этих мягких булок"])
def test_one_line_of_russian_is_read_in_the_right_letters(file: Path, words: str, encoding: str) -> None:
    file.write_bytes(words.encode(encoding))
    assert read_text(file).text == words


def test_lines_end_in_one_way_and_colours_of_a_log_stay(file: Path) -> None:
    file.write_bytes(b"\x1b[31mone\x1b[0m\r\ntwo\rthree\n")
    assert read_text(file).text == "\x1b[31mone\x1b[0m\ntwo\nthree\n"


def test_the_largest_file_is_read_and_no_larger_one(file: Path) -> None:
    file.write_bytes(b"a" * MOST)
    assert len(read_text(file).text) == MOST
    file.write_bytes(b"a" * 3_200_000)
    assert _refusal(file) == (
        "notes.txt is too large to attach (3.2\N{NO-BREAK SPACE}MB; the limit is "
        "1.0\N{NO-BREAK SPACE}MB). Attach part of it instead."
    )


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"text with a \0 in it",
        b"docs/a.md\0docs/bcd.md\0docs/ef.md\0",
        "été/a.md\0docs/bcd.md\0".encode(),
        codecs.BOM_UTF16_LE + "a\x01".encode("utf-16-le") * 20,
        b"%PDF-1.7\n" + zlib.compress(random.Random(1).randbytes(5000)).replace(b"\0", b"\1"),
        random.Random(2).randbytes(4000).replace(b"\0", b"\x01"),
    ],
    ids=["picture", "nul", "names", "other names", "controls", "pdf", "noise"],
)
def test_what_is_no_text_is_refused(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert _refusal(file) == "notes.txt isn’t a text file. Only documents and text files can be attached."


def test_other_bad_files_are_told_in_a_sentence_each(file: Path) -> None:
    assert _refusal(file) == "notes.txt no longer exists. It may have been moved, renamed, or deleted."
    file.write_text(" \n")
    assert _refusal(file) == "notes.txt is empty, so it can’t be attached."
    file.unlink()
    file.mkdir()
    assert _refusal(file) == "notes.txt is a folder. Attach the files inside it instead."


@pytest.mark.skipif(os.name == "nt", reason="there are none of that kind")
def test_a_pipe_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    assert "isn’t a text file" in _refusal(file)


def test_a_file_that_may_not_be_read_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("secret")
    for error, part in (
        (PermissionError(13, "Permission denied"), "don’t have permission to read"),
        (OSError(5, "Input/output error"), "couldn’t be read: the disk isn’t working properly"),
    ):

        def refuse(*_: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(Path, "open", refuse)
        assert part in _refusal(file)


class TestKinds:
    def test_by_ending_and_by_content(self, tmp_path: Path) -> None:
        exported, plain, model = (tmp_path / name for name in ("talk.json", "data.json", "blob"))
        export([talk("Why?", "Because.")], Format.JSON, exported)
        plain.write_text(json.dumps([{"ferry": 1}, {"ferry": 2}]))
        model.write_bytes(b"GGUF\3\0\0\0")
        kinds = {
            tmp_path / "a.gguf": FileKind.MODEL,
            tmp_path / "A.GGUF": FileKind.MODEL,
            tmp_path / "a.zip": FileKind.CONVERSATIONS,
            exported: FileKind.CONVERSATIONS,
            plain: FileKind.TEXT,
            model: FileKind.MODEL,
            tmp_path / "gone.txt": FileKind.TEXT,
            tmp_path: FileKind.TEXT,
        }
        assert {file: kind_of(file) for file in kinds} == kinds

    def test_lines_with_messages_are_conversations(self, tmp_path: Path) -> None:
        file, data = tmp_path / "talks.jsonl", tmp_path / "data.jsonl"
        file.write_text('{"messages": [{"role": "user", "content": "Hello"}]}\n' * 2)
        data.write_text('{"ferry": 1}\n{"ferry": 2}\n')
        assert kind_of(file) is FileKind.CONVERSATIONS
        assert kind_of(data) is FileKind.TEXT

    def test_an_export_that_is_cut_off_or_newer_is_still_one(self, tmp_path: Path) -> None:
        file = tmp_path / "talk.json"
        export([talk("Why?", "Because.")], Format.JSON, file)
        whole = file.read_text()
        for text in (whole[:90], whole.replace('"version": 1', '"version": 99')):
            file.write_text(text)
            assert kind_of(file) is FileKind.CONVERSATIONS


def _refusal(file: Path) -> str:
    with pytest.raises(StoreError) as caught:
        read_text(file)
    return str(caught.value)

"""The detokenizer."""

import random

import pytest

from phichat.engine.llama.vocabulary import Detokenizer


def read(*parts: bytes, stops: tuple[str, ...] = ()) -> tuple[list[str], Detokenizer]:
    reader = Detokenizer(stops)
    return [reader.feed(part) for part in parts], reader


def test_half_a_character_waits_for_its_other_half() -> None:
    pieces, _ = read(b"\xf0\x9f", b"\xa7", b"\x8a!")
    assert pieces == ["", "", "🧊!"]


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert read(b"a\xffb")[0] == ["a\ufffdb"]


def test_half_a_character_at_the_end_is_left_out() -> None:
    pieces, reader = read(b"a\xf0\x9f")
    assert pieces == ["a"]
    assert reader.rest() == ""


@pytest.mark.parametrize(
    ("parts", "text"),
    [([b" Hi", b" there"], "Hi there"), ([b" ", b" Hi"], " Hi"), ([b"", b" Hi"], "Hi"), ([b"  Hi"], " Hi"),
     ([b"\nHi"], "\nHi"), ([b"Hi", b" "], "Hi ")],
)  # fmt: skip
def test_only_the_one_space_before_the_first_word_goes(parts: list[bytes], text: str) -> None:
    assert "".join(read(*parts)[0]) == text


def test_what_might_end_the_reply_is_held_back_until_it_is_sure() -> None:
    pieces, reader = read(b"Yes.\nUs", b"eful.", stops=("\nUser:",))
    assert pieces == ["Yes.", "\nUseful."]
    assert not reader.ended_by


def test_a_stop_text_ends_the_reply_and_is_no_part_of_it() -> None:
    pieces, reader = read(b"Yes.\n", b"User", b": More", stops=("\nUser:",))
    assert pieces == ["Yes.", "", ""]
    assert reader.ended_by
    assert reader.rest() == ""


def test_what_was_held_back_comes_at_the_end() -> None:
    pieces, reader = read(b"Yes.\nUser", stops=("\nUser:",))
    assert pieces == ["Yes."]
    assert reader.rest() == "\nUser"
    assert reader.rest() == ""


def test_the_first_of_several_stop_texts_counts_wherever_it_begins() -> None:
    pieces, reader = read(b"a", b"b", b"a", b"b", b"c", stops=("abc", "bx"))
    assert "".join(pieces) == "ab"
    assert reader.ended_by


def test_however_the_bytes_are_cut_the_text_is_the_same() -> None:
    text = "Naïve: 🧊🏒 été\nUse\nUs\nUser\n\U00010348!"
    data, source = text.encode(), random.Random(3)
    for _ in range(200):
        cuts = sorted(source.choices(range(len(data) + 1), k=6))
        parts = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        pieces, reader = read(*parts, stops=("\nUser:",))
        assert "".join(pieces) + reader.rest() == text

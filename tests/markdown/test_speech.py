"""What is said of a reply while it grows: whole sentences, each once, without marks."""

import random

import pytest

from phichat.markdown.speech import LONG, SpeechSplitter, spoken_text


def said(source: str, step: int = 1) -> list[str]:
    """All that is said while `source` comes in pieces of `step` characters."""
    saying = SpeechSplitter()
    found = []
    for end in range(step, len(source), step):
        found += saying.next_sentences(source[:end])
    return found + saying.next_sentences(source, is_whole=True)


@pytest.mark.parametrize(
    ("source", "sentences"),
    [
        ("A ferry is a boat. It carries people.", ["A ferry is a boat.", "It carries people."]),
        ("Is it? Yes! Really… Well", ["Is it?", "Yes!", "Really…", "Well"]),
        ("Fruit, e.g. apples, or i.e. Pears. Done", ["Fruit, e.g. apples, or i.e. Pears.", "Done"]),
        ("Pi is 3.14, about 3. And so on.", ["Pi is 3.14, about 3.", "And so on."]),
        ("Dr. Smith met J. R. Tolkien. Both wrote.", ["Dr. Smith met J. R. Tolkien.", "Both wrote."]),
        ("Voilà « Bonjour ! » Puis rien.", ["Voilà « Bonjour ! »", "Puis rien."]),
        ("他说你好。然后走了！Why? 好", ["他说你好。", "然后走了！", "Why?", "好"]),
        ("مرحبا. كيف حالك؟ بخير", ["مرحبا.", "كيف حالك؟", "بخير"]),
        ("See www.example.com for it. Bye", ["See www.example.com for it.", "Bye"]),
        ("Old pond\nA frog jumps in\nSound of water", ["Old pond A frog jumps in Sound of water"]),
        ("A heading\n\nAnd text", ["A heading", "And text"]),
        ("# **Ships**\nThey *float*.", ["Ships", "They float."]),
        ("To buy:\n- **Milk**\n- Bread. Brown\n1. First\n2. Second", [
            "To buy:", "Milk", "Bread.", "Brown", "1. First", "2. Second"]),
        ("Cut<br>and glue, see [the page][1] of m[0][1].", ["Cut and glue, see the page of m[0][1]."]),
        ("```md\na\n```sh\nb\n```\n```\nEnd", ["Code, 4 lines", "End"]),
        ("- [x] done\n- [ ] open", ["☑ done", "☐ open"]),
        ("> Quoted\n\n---\n\nEnd", ["Quoted", "End"]),
        ("So:\n\n```python\nprint(1)\n\n# a. B\n```\nNow run it.", ["So:", "Code, 3 lines", "Now run it."]),
        ("1. So:\n\n    ```py\n    x = 1. Y\n    ```\n2. Then", ["1. So:", "Code, 1 line", "2. Then"]),
        ("```\nnever closed", ["Code, 1 line"]),
        ("`ls` lists files. Try `rm *` not.", ["ls lists files.", "Try rm * not."]),
        ("| a | **b** |\n|---|---|\n| 1 | 2 |", ["a, b", "1, 2"]),
        ("Use snake_case and 2 * 3 * 4.", ["Use snake_case and 2 * 3 * 4."]),
        ("[The docs](https://a.b/c?d=e.f) say **so. And** more.", ["The docs say so.", "And more."]),
        ("**粗体**文字。", ["粗体文字。"]),
        ("$$\nx^2\n$$\nand $y$ is \\(z\\).", ["x^2", "and y is (z)."]),
        ("Fish &amp; chips 🎉", ["Fish & chips 🎉"]),
        ("***", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences_are_said_once_and_bare(source: str, sentences: list[str]) -> None:
    for step in (1, 3, 1000):
        assert said(source, step) == sentences


def test_a_sentence_is_said_as_soon_as_it_is_known_to_have_ended() -> None:
    saying = SpeechSplitter()
    assert saying.next_sentences("A boat. ") == []
    assert saying.next_sentences("A boat. It") == ["A boat."]
    assert saying.next_sentences("A boat. It floats.\n") == ["It floats."]
    assert saying.next_sentences("A boat. It floats.\nAnd", is_whole=True) == ["And"]
    assert saying.next_sentences("A boat. It floats.\nAnd", is_whole=True) == []


def test_what_was_there_before_is_not_said() -> None:
    assert SpeechSplitter("Once upon a").next_sentences("Once upon a time. The end", is_whole=True) == [
        "time.",
        "The end",
    ]


@pytest.mark.parametrize(("unit", "end"), [("word ", "word"), ("some words, ", "words,"), ("字", "字")])
def test_what_never_ends_is_said_at_a_pause(unit: str, end: str) -> None:
    source = unit * 300
    parts = said(source, 7)
    assert len(parts) > 1
    assert all(len(part) <= LONG and part.endswith(end) for part in parts)
    assert "".join(parts).replace(" ", "") == source.replace(" ", "")


def test_nothing_is_lost_whatever_is_written() -> None:
    chance = random.Random(7)
    for _ in range(200):
        source = "".join(chance.choice(["a", "B", ". ", "! ", "\n", "\n\n", "`", "```\n", "- ", "1. ", "| ", "。", "*"])
                         for _ in range(60))  # fmt: skip
        whole, parts = said(source, 10_000), said(source)
        assert sum(map(len, parts)) > 0 or not spoken_text(source)
        if "`" not in source:
            letters = [character for character in source if character in "aB"]
            assert [character for part in parts for character in part if character in "aB"] == letters
            assert "".join(parts).replace(" ", "") == "".join(whole).replace(" ", "")


def test_a_long_cell_is_said_whole() -> None:
    cell = " ".join(f"*word{number}*" for number in range(300))
    [spoken] = said(f"| {cell} | end |\n", 10_000)
    assert spoken == " ".join(f"word{number}" for number in range(300)) + ", end"


def test_a_cell_that_only_begins_marks_is_said() -> None:
    assert said(f"| {'![]( ' * 16_000}| end |\n", 100_000) == ["end"]  # three minutes if looked at as one text

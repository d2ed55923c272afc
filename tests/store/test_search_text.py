"""What is typed finds what was written, whatever the script, and is shown in place."""

import sqlite3
import sys
import unicodedata
from contextlib import closing

import pytest

from phichat.store.search_text import Excerpts, fold, fts_query, has_signs, parse_query, parse_signs

NFD_KOREAN = unicodedata.normalize("NFD", "한국")


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("Hello World", "wor hel", ["Hel", "Wor"]), ("Crème brûlée", "creme BRULEE", ["Crème", "brûlée"]),
        ("creme", "crème", ["creme"]), ("STRASSE", "straße", ["STRASSE"]), ("Straße", "strasse", ["Straße"]),
        ("ﬁne", "fine", ["ﬁne"]), ("ＦＵＬＬ", "full", ["ＦＵＬＬ"]), ("don't stop", "don't", ["don't"]),
        ("don't", "don t", ["don", "t"]), ("我们说中文", "说中", ["说中"]), ("我们说中文", "文", ["文"]),
        ("東京に行きます", "行き", ["行き"]), ("ガラス", "ｶﾞﾗｽ", ["ガラス"]), ("がく", "かく", ["がく"]),
        ("한국어를 배워요", "국어", ["국어"]), ("한국어", "하", ["한"]), ("한국", NFD_KOREAN, ["한국"]),
        (NFD_KOREAN, "한국", [NFD_KOREAN]), ("เมืองไทย", "ไทย", ["ไทย"]), ("Ελλάδα", "ελλαδα", ["Ελλάδα"]),
        ("Ёлка", "елк", ["Ёлк"]), ("İstanbul", "istanbul", ["İstanbul"]), ("a😀b", "😀", ["😀"]), ("x\0y", "y", ["y"]),
        ("soft\u00adware", "software", ["soft\u00adware"]), ("price: 5€", "€", ["€"]), ("हिन्दी", "हिन्दी", ["हिन्दी"]),
        ("𝕳𝖎", "hi", ["𝕳𝖎"]), ("abc中文def", "中文", ["中文"]), ("abc中文def", "abc中文de", ["abc中文de"]),
        ("foo_bar.baz", "bar.b", ["bar.b"]), ("v1.2.3", "2.3", ["2.3"]), ("C'était l’été", "l'ete", ["l’été"]),
        ("inside in", "in inside", ["inside", "in"]), ("to be", "be BE be", ["be"]),
    ],
)  # fmt: skip
def test_what_is_typed_is_found_and_marked(text: str, typed: str, marked: list[str]) -> None:
    phrases = parse_query(typed)
    assert found(text, fts_query(phrases))
    excerpt, marks = Excerpts(phrases).excerpt(text)
    assert [excerpt[start:end] for start, end in marks] == marked


@pytest.mark.parametrize(
    ("text", "typed"), [("Hello", "ello"), ("中文", "文中"), ("a b", "ab"), ("abc", "abd"), ("a", "a b"), ("", "a")]
)
def test_what_is_not_there_is_not_found(text: str, typed: str) -> None:
    assert not found(text, fts_query(parse_query(typed)))


@pytest.mark.parametrize("typed", ['"', "'", "* ^ -", "()", "   ", "", "\0", "--;", "\u0301"])
def test_without_a_word_there_is_nothing_to_look_for(typed: str) -> None:
    assert parse_query(typed) == []


@pytest.mark.parametrize(
    "typed",
    [
        "AND", "a AND", "NOT a", "a OR b NOT", 'a"b', "text:a", "{text} : a", "NEAR(a b)", "^a", "a*", "a + b", "-a",
        "a\ud800", "a\0b", "a" * 10_000, "a " * 10_000, "中" * 10_000, "'; DROP TABLE words; --",
    ],
)  # fmt: skip
def test_what_is_typed_is_no_syntax(typed: str) -> None:
    assert found("none of it", fts_query(parse_query(typed))) is False


def test_python_and_sqlite_agree_on_what_a_word_is() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    letters = [letter for letter in every if unicodedata.category(letter) not in {"Cn", "Cs", "Co"}]
    for first in range(0, len(letters), 50_000):
        text = " ".join(letters[first : first + 50_000 : 3])
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'ascii')")
            connection.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('words', 'row')")
            connection.execute("INSERT INTO words VALUES (?)", (fold(text),))
            theirs = {row[0] for row in connection.execute("SELECT term FROM vocabulary")}
        ours = {token for letter in set(text) for tokens in parse_query(letter) for token in tokens}
        assert ours == theirs


def test_each_character_is_folded_by_itself() -> None:
    text = "Crème ﬁ 한국 中文 😀é"
    assert fold(text) == "".join(fold(letter + "中")[: -len(fold("中"))] for letter in text)


def test_an_excerpt_is_one_line_around_the_first_match() -> None:
    excerpt, marks = Excerpts(parse_query("nadel")).excerpt(
        "before " * 100 + "\nhere\tis the Nadel, é " + "after " * 100
    )
    assert excerpt[slice(*marks[0])] == "Nadel"
    assert excerpt.startswith("…before ")
    assert excerpt.endswith("…")
    assert "\n" not in excerpt
    assert len(excerpt) < 200


@pytest.mark.parametrize("before", [0, 4000, 4090, 4096, 9000, 100_000])
@pytest.mark.parametrize("filler", ["x ", "é "])
def test_a_match_is_found_wherever_it_is(before: int, filler: str) -> None:
    excerpt, marks = Excerpts(parse_query("needle")).excerpt((filler * before)[:before] + " a needle in it")
    assert [excerpt[start:end] for start, end in marks] == ["needle"]


def found(text: str, query: str) -> bool:
    """Whether SQLite finds it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'ascii', prefix = '1 2 3')")
        connection.execute("INSERT INTO words VALUES (?)", (fold(text),))
        return bool(connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,)).fetchall())


def test_signs_in_a_word_count() -> None:
    assert parse_signs("learn C++ or “C#”, not a well-known file.txt!") == ["c++", "“c#”"]
    for text, typed, is_found in (
        ("I learn C++11.", "c++", True), ("I like cats", "C++", False), ("C and C#", "c#", True), ("abc#", "c#", False),
        ("It costs $23.50", "$23", True), ("It costs 23 euros", "$23", False), ("100% sure", "100%", True),
        ("1000 things", "100%", False), ("R&D", "r&d", True), ("R and D", "r&d", False),
    ):  # fmt: skip
        assert has_signs(text, parse_signs(typed)) is is_found, (text, typed)

"""Words a reply must not contain."""

import re
from itertools import product
from typing import Any

import pytest

from phichat.chat.forbidden_words import ForbiddenWords


@pytest.mark.parametrize(
    ("words", "written", "added", "is_found"),
    [
        (["delve"], "Let us ", "delve", True),
        (["delve"], "Let us del", "ves", True),
        (["delve"], "Let us ", "Delving", False),
        (["cat"], "edu", "cation", False),
        (["cat"], "", "CAT", True),
        (["as an AI"], "well, as\n  an", " ai model", True),
        (["—"], "word", "—", True),
        (["straße"], "die STRAS", "SE", True),
        (["cat"], "cat", "s", False),  # it was there before
        ([], "a", "b", False),
        ([" "], "a", " ", False),
    ],
)
def test_a_word_is_found_as_it_is_finished(words: list[str], written: str, added: str, is_found: bool) -> None:
    forbidden = ForbiddenWords(words)
    forbidden.extend(written.encode())
    assert forbidden.would_spell(added.encode()) is is_found
    assert forbidden.would_spell(added.encode()) is is_found


def _holds_one(words: list[str], text: str) -> bool:
    return any(re.search((r"\b" if word[0].isalnum() else "") + re.escape(word), text) for word in words)


def test_words_that_share_letters_are_all_found() -> None:
    words = ["ab", "abba", "a b", "bab", " b"]
    texts = ["".join(letters) for length in range(1, 5) for letters in product("ab ", repeat=length)]
    texts = [text for text in texts if "  " not in text]
    for written in (text for text in texts if not _holds_one(words, text)):
        forbidden = ForbiddenWords(words)
        forbidden.extend(written.encode())
        for added in (text for text in texts if not (written.endswith(" ") and text.startswith(" "))):
            assert forbidden.would_spell(added.encode()) is _holds_one(words, written + added), (written, added)


def test_however_many_words_there_are_most_tokens_are_soon_done(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = ForbiddenWords("".join(letters) for letters in product("abcdef", repeat=4))
    forbidden.extend(b"the zoo")
    looked_at: list[str] = []

    class Pattern:
        def finditer(self, text: str) -> list[Any]:
            looked_at.append(text)
            return []

    monkeypatch.setattr(forbidden, "_pattern", Pattern())
    for token in (b" a", b"each", b"fox", b"d", b" bead"):
        forbidden.would_spell(token)
    assert looked_at == ["the zoo bead"]


def test_characters_may_come_in_parts() -> None:
    forbidden = ForbiddenWords(["été"])
    first, second = "é".encode()[:1], "é".encode()[1:]
    forbidden.extend("ét".encode() + first)
    assert forbidden.would_spell(second)
    assert not forbidden.would_spell(first)

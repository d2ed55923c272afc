"""Words a reply must not contain."""

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


def test_characters_may_come_in_parts() -> None:
    forbidden = ForbiddenWords(["été"])
    first, second = "é".encode()[:1], "é".encode()[1:]
    forbidden.extend("ét".encode() + first)
    assert forbidden.would_spell(second)
    assert not forbidden.would_spell(first)

"""The name that is suggested for an exported conversation."""

import pytest

from phichat.chat.conversation import title_of
from phichat.store.base import ConversationSummary
from phichat.ui.sidebar.import_export import _file_name

NAMES = [
    (
        title_of("SELECT a -- x = 1 and many other conditions that follow"),
        "SELECT a -- x = 1 and many other conditions.json",
    ),
    ("SELECT a -- x =…", "SELECT a -- x.json"),
    ("Why, oh why, (…", "Why, oh why.json"),
    ("What is C++", "What is C++.json"),
    ("What is C#?", "What is C#.json"),
    ("A/B: \\ <c> | d*", "A B c d.json"),
    ("...hidden", "hidden.json"),
    ("--help", "help.json"),
    ("The end.", "The end.json"),
    ("हिन्दी और…", "हिन्दी और.json"),
    ("👍🏽👍🏽…", "phichat.json"),
    ("\u202eevil\u2066", "evil.json"),
    ("con", "_con.json"),
    ("NUL.txt", "_NUL.txt.json"),
    ("conversation", "conversation.json"),
    ("word " * 30, "word word word word word word word word word word word word.json"),
    ("w" * 200, "w" * 60 + ".json"),
    ("", "Untitled.json"),
]


@pytest.mark.parametrize(("title", "name"), NAMES)
def test_the_name_is_clean(title: str, name: str) -> None:
    assert _file_name(ConversationSummary("id", title, 0.0, 0.0)) == name

"""Conversations: a tree of which one path is shown."""

import pytest

from phichat.chat.messages import Conversation, Role, clean, title_of


def test_messages_follow_each_other() -> None:
    conversation = Conversation()
    first = conversation.add(Role.USER, "Hi")
    second = conversation.add(Role.ASSISTANT, "Yo")
    assert conversation.path() == [first, second]
    assert second.parent == first.id


def test_an_edit_stands_beside_what_it_replaces() -> None:
    conversation = Conversation()
    first = conversation.add(Role.USER, "Hi")
    answer = conversation.add(Role.ASSISTANT, "Yo")
    conversation.go_back_to(answer)
    other = conversation.add(Role.ASSISTANT, "Hello")
    assert conversation.path() == [first, other]
    assert conversation.siblings(other) == conversation.siblings(answer) == [answer, other]
    assert conversation.siblings(first) == [first]


def test_a_changed_message_stays_where_it_is() -> None:
    conversation = Conversation()
    conversation.add(Role.USER, "Hi")
    answer = conversation.add(Role.ASSISTANT, "")
    longer = conversation.change(answer, text="Yo")
    assert conversation.path()[-1] == longer
    assert longer.id == answer.id


def test_an_empty_conversation_has_an_empty_path() -> None:
    assert Conversation().path() == []


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("plain 🧊", "plain 🧊"), ("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("\ud83e\uddca", "🧊"),
     ("\ufeffBOM", "\ufeffBOM"), ("end\ud83e", "end\ufffd"), ("", "")],
)  # fmt: skip
def test_text_that_no_file_can_hold_is_mended(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert Conversation().add(Role.USER, text).text == cleaned


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hi", "Hi"), ("  two\n lines ", "two lines"), ("", ""), ("x" * 60, "x" * 48 + "…"),
        ("twelve words that together are a good deal too many", "twelve words that together are a good deal too…"),
    ],
)  # fmt: skip
def test_the_title_is_the_beginning_of_the_first_message(text: str, title: str) -> None:
    assert title_of(text) == title


def test_a_conversation_is_named_by_its_first_question_alone() -> None:
    conversation = Conversation()
    conversation.add(Role.USER, "First")
    conversation.add(Role.USER, "Second")
    assert conversation.title == "First"
    named = Conversation("Mine")
    named.add(Role.USER, "First")
    assert named.title == "Mine"

"""Conversations: a tree of which one path is shown."""

import pytest

from phichat.chat.conversation import Branch, Conversation, Message, Reply, Role, title_of
from phichat.unicode import replace_surrogates


def test_messages_follow_each_other() -> None:
    conversation = Conversation()
    first = conversation.add_message(Role.USER, "Hi")
    second = conversation.add_message(Role.ASSISTANT, "Yo")
    assert conversation.path() == [first, second]
    assert second.parent == first.id


def test_an_edit_stands_beside_what_it_replaces() -> None:
    conversation = Conversation()
    first = conversation.add_message(Role.USER, "Hi")
    answer = conversation.add_message(Role.ASSISTANT, "Yo")
    conversation.go_back_before(answer)
    other = conversation.add_message(Role.ASSISTANT, "Hello")
    assert conversation.path() == [first, other]
    assert conversation.siblings(other) == conversation.siblings(answer) == [answer, other]
    assert conversation.siblings(first) == [first]


def test_a_changed_message_stays_where_it_is() -> None:
    conversation = Conversation()
    conversation.add_message(Role.USER, "Hi")
    answer = conversation.add_message(Role.ASSISTANT, "")
    longer = conversation.replace_message(answer, text="Yo")
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
    assert replace_surrogates(text) == cleaned
    assert Conversation().add_message(Role.USER, text).text == cleaned


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
    conversation.add_message(Role.USER, "First")
    conversation.add_message(Role.USER, "Second")
    assert conversation.title == "First"
    named = Conversation("Mine")
    named.add_message(Role.USER, "First")
    assert named.title == "Mine"


class TestBranches:
    def tree(self) -> Conversation:
        """One question with two replies, the second of which is followed by another question."""
        conversation = Conversation()
        conversation.add_message(Role.USER, "Q")
        first = conversation.add_message(Role.ASSISTANT, "A1")
        conversation.go_back_before(first)
        conversation.add_message(Role.ASSISTANT, "A2")
        conversation.add_message(Role.USER, "Q2")
        return conversation

    def texts(self, conversation: Conversation) -> list[str]:
        return [message.text for message in conversation.path()]

    def by_text(self, conversation: Conversation, text: str) -> Message:
        return next(message for message in conversation.messages() if message.text == text)

    def test_another_branch_is_shown_to_its_end(self) -> None:
        tree = self.tree()
        tree.show_branch(self.by_text(tree, "A1"))
        assert self.texts(tree) == ["Q", "A1"]
        tree.show_branch(self.by_text(tree, "A2"))
        assert self.texts(tree) == ["Q", "A2", "Q2"]

    def test_a_branch_that_is_removed_gives_way_and_comes_back(self) -> None:
        tree = self.tree()
        order = [sibling.text for sibling in tree.siblings(self.by_text(tree, "A2"))]
        gone = tree.remove_branch(self.by_text(tree, "A1"))
        assert [message.text for message in gone] == ["A1"]
        tree.restore_messages(gone)
        assert [sibling.text for sibling in tree.siblings(gone[0])] == order == ["A1", "A2"]
        gone = tree.remove_branch(self.by_text(tree, "A2"))
        assert [message.text for message in gone] == ["A2", "Q2"]
        assert self.texts(tree) == ["Q", "A1"]
        tree.restore_messages(gone)
        tree.show_branch(gone[0])
        assert self.texts(tree) == ["Q", "A2", "Q2"]

    def test_the_last_branch_takes_the_path_back_to_its_question(self) -> None:
        tree = self.tree()
        tree.remove_branch(self.by_text(tree, "A1"))
        assert self.texts(tree) == ["Q", "A2", "Q2"]
        tree.remove_branch(self.by_text(tree, "A2"))
        assert self.texts(tree) == ["Q"]
        tree.remove_branch(self.by_text(tree, "Q"))
        assert self.texts(tree) == []
        assert tree.tip is None

    def test_the_words_that_were_chosen_are_known_as_far_as_they_are_still_there(self) -> None:
        tree = self.tree()
        first = self.by_text(tree, "A1")

        def branch_of(message: Message, offset: int, text: str) -> Message:
            tree.go_back_before(first)
            return tree.add_message(Role.ASSISTANT, text, Reply(branched_from=Branch(message.id, offset, text)))

        second = branch_of(first, 3, "Skyblue, no cloud")
        third = branch_of(second, 9, "Skyblue, one cloud")
        fourth = branch_of(third, 7, "Skyblue and bright")
        found = [tree.branch_offsets(each) for each in (first, second, third, fourth)]
        assert found == [(), (3,), (9, 3), (7, 3)]
        tree.remove_branch(second)
        assert tree.branch_offsets(third) == (9,)

    def test_what_branches_in_a_circle_ends(self) -> None:
        tree = self.tree()
        answer = self.by_text(tree, "A1")
        answer = tree.replace_message(answer, text="Long", reply=Reply(branched_from=Branch(answer.id, 1, "x")))
        assert tree.branch_offsets(answer) == (1,)

    def test_a_stored_tree_is_the_same_tree(self) -> None:
        tree = self.tree()
        again = Conversation(tree.title, tree.id, tree.messages(), tree.tip)
        assert again.path() == tree.path()
        assert Conversation("", "x", [], "nobody").path() == []

    def test_long_conversations_stay_quick_to_walk(self) -> None:
        tree = Conversation()
        for number in range(5000):
            tree.add_message(Role.USER, str(number))
        assert len(tree.path()) == 5000
        assert all(len(tree.siblings(message)) == 1 for message in tree.path())
        assert len(tree.remove_branch(tree.path()[0])) == 5000

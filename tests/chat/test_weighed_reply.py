"""An answer under the lens: its tokens lie where they were written, and make whole words."""

import pytest

from phichat.chat.candidates import Choice
from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Message, Piece, PieceKind, Reply, Role
from phichat.chat.weighed_reply import GrowingReply, WeighedReply, weighed_reply


def choice(probability: float = 0.9, entropy: float = 0.5) -> Choice:
    return Choice(probability, probability, 1, entropy)


def weighed(*pieces: Piece | str, text: str | None = None) -> WeighedReply:
    """The answer that consists of `pieces`; texts are tokens of which the model was sure."""
    parts = [Piece(each, at, choice=choice()) if isinstance(each, str) else each for at, each in enumerate(pieces)]
    whole = "".join(each.text for each in parts if not each.is_thinking) if text is None else text
    message = Message(Role.ASSISTANT, whole, reply=Reply("phi", choices=table_of(parts).pack()))
    found = weighed_reply(message)
    assert found
    return found


def words(reply: WeighedReply) -> list[str]:
    return [reply.text[word.start : word.end] for word in reply.words]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (("The", " best", " th", "ing"), ["The", "best", "thing"]),
        (("It", "’", "s", " co", "ld", ".", "\n\n", "Yes"), ["It’s", "cold", ".", "\n\n", "Yes"]),
        (("雪", "合", "戦"), ["雪", "合", "戦"]),
        (("a", "", "", "", "🧊", " b"), ["a", "🧊", "b"]),
        (("👩", "\u200d", "", "🚀", "!"), ["👩\u200d🚀", "!"]),
        (("🇫", "🇷", "🇩", "🇪"), ["🇫🇷🇩🇪"]),
        (("```", "py", "\n", "x", " =", " ", "1"), ["```", "py", "\n", "x", "=", " ", "1"]),
        (("e", "\u0301", "t", "e"), ["e\u0301te"]),
    ],
)
def test_tokens_make_words(tokens: tuple[str, ...], expected: list[str]) -> None:
    reply = weighed(*tokens)
    assert words(reply) == expected
    assert [token for word in reply.words for token in word.tokens] == list(reply.tokens)


def test_what_ends_an_answer_is_no_part_of_its_last_word() -> None:
    reply = weighed("The", Piece(" end", 1, choice=choice(0.9)), Piece("", 2, choice=choice(0.01)), Piece("", 3))
    assert words(reply) == ["The", "end"]
    assert [len(word.tokens) for word in reply.words] == [1, 1]
    assert not reply.hesitations
    assert reply.certainty
    assert reply.certainty.share == 1
    assert weighed("", "").words == ()


def test_the_parts_of_a_character_belong_to_it() -> None:
    reply = weighed("a", "", "", "🧊", " b")
    assert [(token.start, token.end) for token in reply.words[1].tokens] == [(1, 1), (1, 1), (1, 2)]


def test_a_word_is_as_sure_as_its_least_sure_token() -> None:
    reply = weighed(Piece("un", 1, choice=choice(0.2, 3.0)), Piece("likely", 2, choice=choice(0.9, 0.1)), Piece("!", 3))
    word, sign = reply.words
    assert word.probability == pytest.approx(0.2, abs=1e-4)
    assert word.least_sure.token == 1
    assert sign.probability is None
    assert reply.hesitations == (word,)
    assert reply.certainty
    assert reply.certainty.share == 0


def test_thinking_is_no_part_of_the_answer_but_counts() -> None:
    reply = weighed(
        Piece("Hm.", 1, PieceKind.THINKING), Piece("", 2, PieceKind.THINKING), Piece("Yes", -1), Piece("!", 3)
    )
    assert [(each.start, each.end, each.number, each.token) for each in reply.tokens] == [(0, 3, 2, -1), (3, 4, 3, 3)]


def test_the_word_at_a_character() -> None:
    reply = weighed("The", " best")
    found = [reply.word_at(offset) for offset in (0, 2, 3, 4, 7)]
    assert found == [reply.words[0]] * 3 + [reply.words[1]] * 2


@pytest.mark.parametrize("text", ["", "The worst", "The best thing"])
def test_choices_of_another_text_are_of_no_use(text: str) -> None:
    table = table_of([Piece("The", 1), Piece(" best", 2)])
    message = Message(Role.ASSISTANT, text, reply=Reply(choices=table.pack()))
    assert (weighed_reply(message) is None) == (len(text) != len("The best"))
    assert weighed_reply(Message(Role.ASSISTANT, "The best", reply=Reply(choices=b"\x02damaged"))) is None


@pytest.mark.parametrize(
    "tokens",
    [
        ("The", " best", " th", "ing", ",", "\n\n", "is", " co", "ld", "."),
        ("a", "", "", "🧊", " b", "", "👩", "\u200d", "🚀", " 雪", "合", "e\u0301", "", ""),
    ],
)
def test_an_answer_that_grows_has_the_words_of_one_that_is_complete(tokens: tuple[str, ...]) -> None:
    parts = [Piece("Hm", 90, PieceKind.THINKING)]
    table, text = table_of(parts), ""
    growing = GrowingReply(table, "phi")
    assert growing.update("") is None
    for number, token in enumerate(tokens):
        parts.append(Piece(token, number, choice=choice()))
        table.add_piece(parts[-1])
        text += token
        if number % 3 == 1:  # several at a time, or none
            continue
        found = growing.update(text)
        assert found is not None
        assert (found.tokens, found.words) == (weighed(*parts).tokens, weighed(*parts).words)
        assert growing.update(text) == found
    assert growing.update(text + "?") is None

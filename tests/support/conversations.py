"""Conversations made up at random, but the same for the same seed, with everything in them that is hard to carry."""

import random
from typing import Any

from phichat.chat.attachments import Attachment
from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Branch, Ending, Message, Piece, Reply, Role
from phichat.chat.sources import Source, Sources
from phichat.store.base import ConversationRecord, ConversationSummary

HARD = (
    "", "plain", "é", "日本語", "😀", "a\nb", "\r\n", "\u2028", "\x00\x01\x7f", "\ufffd", "</style>",
    "<script>alert(1)</script>",
    "]]>", "--", "' OR 1=1 --", "<|end|>", "```", "~~~ a`b", "# You", "## You", "You\n---", "a\n===", "<!--", "<pre>",
    "[x](javascript:alert(1))", "![x](http://a/b.png)", "\\", "\ud7ff\ue000", "\U0010ffff", "| a |\n|---|\n| b |",
)  # fmt: skip


def words(chance: random.Random) -> str:
    """Some hard things in a row."""
    return "".join(chance.choice((*HARD, " ", "\n", "\n\n")) for _ in range(chance.randrange(6)))


def values(chance: random.Random, depth: int = 3) -> dict[str, Any]:
    """Settings as JSON holds them."""
    simple = [None, True, 0, -1, 2**53 + 1, 2**63 - 1, 0.1, 1e-300, words(chance), [1, [2, {"a": None}]]]
    found = {words(chance): chance.choice(simple) for _ in range(chance.randrange(4))}
    return found | ({"deeper": values(chance, depth - 1)} if depth and chance.random() < 0.3 else {})


def reply(chance: random.Random) -> Reply:
    """How a reply might have come to be."""
    return Reply(
        words(chance),
        chance.choice([None, 0, 2**32 - 2]),
        tuple(chance.randrange(200_064) for _ in range(chance.randrange(9))),
        chance.choice(list(Ending)),
        values(chance),
        chance.choice([None, "ab" * 32]),
        values(chance),
        values(chance),
        branched_from=chance.choice([None, None, Branch(f"{chance.getrandbits(128):032x}", 3, words(chance), "é")]),
        choices=chance.choice([b"", table_of([Piece(words(chance), 7), Piece("é", -1)]).pack()]),
    )


def files(chance: random.Random) -> tuple[Attachment, ...]:
    """What might go with a question: mostly nothing."""
    return tuple(Attachment(words(chance), words(chance)) for _ in range(chance.choice([0, 0, 0, 1, 2])))


def sources(chance: random.Random) -> Sources | None:
    """What might have been found for a question: mostly nothing was searched."""
    found = Source(words(chance), words(chance), chance.choice([None, 12]), None, (words(chance),), 0.5)
    return chance.choice([None, None, None, Sources((words(chance),)), Sources(("Work",), (found,))])


def record(chance: random.Random, messages: int = 12) -> ConversationRecord:
    """A tree with branches."""
    tree: list[Message] = []
    for number in range(chance.randrange(messages)):
        parent = chance.choice([None, *tree])
        role = chance.choice(list(Role))
        tree.append(
            Message(
                role,
                words(chance),
                parent.id if parent else None,
                f"{chance.getrandbits(128):032x}",
                reply(chance) if role is Role.ASSISTANT else None,
                1.7e9 + number + chance.random(),
                chance.random() < 0.3,
                files(chance) if role is Role.USER else (),
                sources(chance) if role is Role.USER else None,
            )
        )
    created = 1.7e9 + chance.random()
    heading = ConversationSummary(
        f"{chance.getrandbits(128):032x}", words(chance), created, created + 1, chance.random() < 0.5,
        chance.choice([None, created + 2]),
    )  # fmt: skip
    tip = chance.choice(tree).id if tree else None
    return ConversationRecord(
        heading, tip, words(chance), values(chance), words(chance), words(chance), "", tuple(tree), files(chance)
    )


def talk(*said: str, title: str = "A talk", created: float = 1_700_000_000.0) -> ConversationRecord:
    """Questions and answers by turns."""
    messages: list[Message] = []
    for number, text in enumerate(said):
        role = Role.ASSISTANT if number % 2 else Role.USER
        parent = messages[-1].id if messages else None
        made_by = Reply("tiny", 7, (1, 2), Ending.STOP) if number % 2 else None
        messages.append(Message(role, text, parent, f"{title} {number}", made_by, created + number))
    heading = ConversationSummary(f"id of {title}", title, created, created)
    return ConversationRecord(heading, messages[-1].id if messages else None, messages=tuple(messages))

"""Answers with what a model might have weighed at each of their tokens."""

from collections.abc import Sequence
from dataclasses import replace

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.choice_table import ChoiceTable
from phichat.chat.conversation import Ending, Message, Piece, Reply, Role

OTHERS = (" snow", " tea", " light", " ice")


def choice(text: str, token: int, probability: float, entropy: float = 0.5, others: Sequence[str] = OTHERS) -> Choice:
    """Return a choice of `text` with that probability; half of the rest is of `others`, and top-p cuts their last."""
    shares = [(1 - probability) / 2 ** (at + 1) for at in range(len(others))]
    rest = [
        Candidate(50_000 + at, other, share, share)
        for at, (other, share) in enumerate(zip(others, shares, strict=True))
    ]
    rest[-1] = replace(rest[-1], after=0.0, cut_by="top_p")
    candidates = sorted([Candidate(token, text, probability, probability), *rest], key=lambda each: -each.before)
    rank = [each.token for each in candidates].index(token) + 1
    return Choice(probability, probability, rank, entropy, tuple(candidates))


def weighed_pieces(*tokens: tuple[str, float, float], others: Sequence[str] = OTHERS) -> list[Piece]:
    """Return a piece for each of `tokens`: its text, its probability, and the entropy in bits."""
    return [
        Piece(text, 100 + number, choice=choice(text, 100 + number, probability, entropy, others))
        for number, (text, probability, entropy) in enumerate(tokens)
    ]


def weighed_message(pieces: Sequence[Piece], model: str = "starter") -> Message:
    """Return an answer that consists of `pieces`."""
    table = ChoiceTable()
    for piece in pieces:
        table.add_piece(piece)
    tokens = tuple(piece.token for piece in pieces)
    reply = Reply(model, 7, tokens, Ending.STOP, choices=table.pack())
    return Message(Role.ASSISTANT, "".join(piece.text for piece in pieces), reply=reply)

"""What a model weighed at one token of a reply: the likeliest tokens, before and after sampling."""

from dataclasses import dataclass

MOST = 50
"""Candidates of a token, at most."""


@dataclass(frozen=True)
class Candidate:
    """A token that could have come.

    Attributes:
        token: its id.
        text: what it adds to the reply; bytes of a part of a character are written in hexadecimal.
        before: its probability in the model's own distribution, from 0 to 1.
        after: its probability after all samplers; 0 if one removed it.
        cut_by: the sampling setting that removed it, such as "top_k"; None if none did.
    """

    token: int
    text: str
    before: float
    after: float
    cut_by: str | None = None


@dataclass(frozen=True)
class Choice:
    """The choice of one token.

    Attributes:
        probability: that of the chosen token in the model's own distribution, from 0 to 1.
        after: that of the chosen token after all samplers.
        rank: how many tokens were at least as likely in the model's own distribution; 1 for the likeliest.
        entropy: of the model's own distribution, in bits.
        candidates: the likeliest tokens, the likeliest first.
    """

    probability: float
    after: float
    rank: int
    entropy: float
    candidates: tuple[Candidate, ...] = ()


def text_of_bytes(data: bytes) -> str:
    """Return `data` as text, with bytes that are no whole characters written in hexadecimal."""
    return "".join(
        f"\\x{ord(char) - 0xDC00:02X}" if 0xDC80 <= ord(char) <= 0xDCFF else char
        for char in data.decode("utf-8", "surrogateescape")
    )

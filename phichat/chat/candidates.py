"""What a model weighed at one token of a reply: the likeliest tokens, before and after sampling."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, fsum

from phichat.i18n import format_number, format_percent, tr, tr_count

MOST = 50
"""Candidates of a token, at most."""


@dataclass(frozen=True)
class Candidate:
    """A token that could have come.

    Attributes:
        token: its id; -1 if a server did not tell it.
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
        after: that of the chosen token after all samplers; 0 if a server did not tell what samplers did to any token.
        rank: how many tokens were at least as likely in the model's own distribution; 1 for the likeliest.
        entropy: of the model's own distribution, in bits.
        candidates: the likeliest tokens, the likeliest first.
    """

    probability: float
    after: float
    rank: int
    entropy: float
    candidates: tuple[Candidate, ...] = ()

    @property
    def knows_after(self) -> bool:
        """Whether it is known what the samplers did."""
        return self.after > 0


class LazyChoice(Choice):
    """A choice whose candidates are made when they are first looked at; equal to a plain one."""

    _make: Callable[[], tuple[Candidate, ...]]

    @classmethod
    def of(
        cls, probability: float, after: float, rank: int, entropy: float, make: Callable[[], tuple[Candidate, ...]]
    ) -> Choice:
        """Return a choice whose candidates `make` returns."""
        choice = cls.__new__(cls)  # the frozen __init__ takes three times as long
        vars(choice).update(probability=probability, after=after, rank=rank, entropy=entropy, _make=make)
        return choice

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """See Choice."""
        return self._make()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))


def _values(choice: Choice) -> tuple[object, ...]:
    return choice.probability, choice.after, choice.rank, choice.entropy, choice.candidates


SURE = 0.5
"""From which probability of a word on a model counts as sure."""

LIMITS = (0.1, 0.25, SURE)
"""Probabilities below which a word is shown as one that the model was less and less sure of."""

HESITATION = LIMITS[1]
"""Below which probability a word is a hesitation: one in four, so that F8 goes through words that are tinted."""


@dataclass(frozen=True)
class Certainty:
    """How sure a model was of a reply: of what share of its words, and how often it hesitated."""

    share: float
    hesitations: int


def certainty_of(probabilities: Iterable[float | None]) -> Certainty | None:
    """Return how sure the model was of words with these probabilities; None if none is known."""
    known = [each for each in probabilities if each is not None]
    if not known:
        return None
    sure = sum(each >= SURE for each in known)
    return Certainty(sure / len(known), sum(each < HESITATION for each in known))


def certainty_text(certainty: Certainty) -> str:
    """Return a sentence on how sure the model was."""
    return tr("The model was sure {share} of the time, with {hesitations}.").format(
        share=format_percent(certainty.share),
        hesitations=tr_count("{count} hesitation", "{count} hesitations", certainty.hesitations),
    )


ENDS = frozenset(
    {
        "</s>",
        "<eos>",
        "<end_of_turn>",
        "<|end|>",
        "<|end_of_text|>",
        "<|endoftext|>",
        "<|eom_id|>",
        "<|eot_id|>",
        "<|im_end|>",
        "<|return|>",
        "<|END_OF_TURN_TOKEN|>",
        "<｜end▁of▁sentence｜>",
    }
)
"""Tokens that end an answer, as the vocabularies in the catalogue and their relatives spell them."""


def named_end(text: str) -> str:
    """Return what people see of a token: its text, but for those that end an answer what they mean."""
    return tr("(end of answer)") if text in ENDS else text


_STEEPEST = 700.0  # of the exponents that a float has room for


def perplexity_of(logprobs: Sequence[float]) -> float | None:
    """Return the exponential of the mean surprise of tokens; None if there is none."""
    return exp(min(-fsum(logprobs) / len(logprobs), _STEEPEST)) if logprobs else None


def perplexity_text(perplexity: float | None, count: int) -> str:
    """Return a sentence on the perplexity of a text of so many tokens; None if there is only one."""
    if perplexity is None:
        return tr("The text is only one token long, which is too short to calculate its perplexity.")
    tokens = tr_count("{count} token", "{count} tokens", count)
    return tr("Perplexity: {perplexity} ({tokens})").format(perplexity=format_number(perplexity, 2), tokens=tokens)


def text_of_bytes(data: bytes) -> str:
    """Return `data` as text, with bytes that are no whole characters written in hexadecimal."""
    return "".join(
        f"\\x{ord(char) - 0xDC00:02X}" if 0xDC80 <= ord(char) <= 0xDCFF else char
        for char in data.decode("utf-8", "surrogateescape")
    )

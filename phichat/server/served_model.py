"""The model that clients use, and what the server knows of it."""

from dataclasses import dataclass, field
from typing import Protocol

from phichat.chat.sampling import Sampling
from phichat.engine.slots import Slots
from phichat.server.completion import ReplyTokens
from phichat.server.sampling import default_sampling


class Encoder(Protocol):
    """Turns texts into tokens, and back. Any thread may call; a call may take a while."""

    def tokenize(self, text: str, *, adds_special: bool, parses_special: bool) -> list[int]:
        """Return the ids of `text`. Raise EngineError."""

    def token_bytes(self) -> list[bytes]:
        """Return what each token of the vocabulary adds to a text. Raise EngineError."""


class Embedder(Protocol):
    """Turns texts into vectors. Any thread may call; a call may take a while."""

    def embed(self, text: str) -> tuple[list[float], int]:
        """Return the vector of `text`, of length one, and how many tokens it has. Raise EngineError or ModelError."""


class Running(Protocol):
    """A completion that is being answered; implemented by Answering.

    Attributes:
        count: how many answers it asks for.
    """

    count: int

    def cancel(self) -> None:
        """Stop it."""


@dataclass
class ServedModel:
    """A model, and how it is used.

    Attributes:
        name: what clients call it.
        context: the size of its context in tokens.
        slots: what answers requests.
        encoder: what makes tokens of texts.
        sampling: the settings for what a request leaves open.
        splits_answers: whether several answers to one prompt are asked for one by one.
        is_private: whether nothing of a request may be written to disk, the prompt cache included.
        replies: the tokens of the latest replies.
        embedding_name, embedder: what makes vectors of texts, and what clients call it; None for nothing.
        running: what is being answered.
    """

    name: str
    context: int
    slots: Slots
    encoder: Encoder
    sampling: Sampling = field(default_factory=default_sampling)
    splits_answers: bool = False
    is_private: bool = True
    replies: ReplyTokens = field(default_factory=ReplyTokens)
    embedding_name: str = ""
    embedder: Embedder | None = None
    running: set[Running] = field(default_factory=set)

    @property
    def load(self) -> int:
        """How many answers are being written, or wait."""
        return sum(each.count for each in self.running)

    def cancel_all(self) -> None:
        """Stop everything that is being answered."""
        for each in [*self.running]:
            each.cancel()

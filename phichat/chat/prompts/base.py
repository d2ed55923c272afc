"""The protocols of prompt formats and of the chat templates that some of them use."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from phichat.chat.conversation import Turn
from phichat.chat.prompts.provenance import Run

NO_VARIABLES: Mapping[str, object] = MappingProxyType({})


class PromptFormat(Protocol):
    """How a model expects a conversation.

    Attributes:
        stop_tokens: the ids that end a reply.
        stop_texts: plain text that ends one, where the format has no token for it.
        notice: a sentence for the user about the format; empty for none.
        source: the model's own chat template; empty if it has none that works.
    """

    stop_tokens: frozenset[int]
    stop_texts: tuple[str, ...]
    notice: str
    source: str

    def tokens(self, turns: Sequence[Turn], variables: Mapping[str, object] = NO_VARIABLES) -> list[int]:
        """Return the ids of the prompt, up to where the assistant's reply begins.

        `variables` are for the template, such as `enable_thinking`; their values are JSON's.
        """

    def least_tokens(self, text: str) -> int:
        """Return how many tokens `text` has at least, without tokenising it."""


class TemplateError(ValueError):
    """The template fails, or leaves out a message."""


Part = Run
"""Text, and the index of the turn that it comes from; None for the template's own.

Text of what no single turn's `text` is has another number: ANYWHERE, or the number of turns and more for thoughts.
"""


class Template(Protocol):
    """A chat template that is ready to use."""

    def parts(self, turns: Sequence[Turn], variables: Mapping[str, object]) -> list[Part]:
        """Return the parts of a prompt for `turns`, up to where the assistant's reply begins.

        `variables` are such as `bos_token`. Raise TemplateError if the template leaves out what the user or the system
        says.
        """

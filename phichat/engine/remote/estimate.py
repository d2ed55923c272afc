"""Estimates how many tokens a conversation has, from the length of its text and what a server counted before."""

from collections.abc import Mapping, Sequence

from phichat.chat.conversation import Turn
from phichat.chat.prompts.base import NO_VARIABLES

BYTES_PER_TOKEN = 3.5
"""Of UTF-8, in common vocabularies: about 4.2 in English, 3.7 in French, 2.5 in Chinese."""

FEWEST_BYTES, MOST_BYTES = 1.0, 8.0
TOKENS_PER_TURN = 5  # of the marks around it


class EstimatedFormat:
    """Implements PromptFormat with a prompt of the estimated length, whose ids mean nothing."""

    stop_tokens: frozenset[int] = frozenset()
    stop_texts: tuple[str, ...] = ()
    notice = ""
    source = ""

    def __init__(self) -> None:
        self._bytes_per_token = BYTES_PER_TOKEN

    def tokens(self, turns: Sequence[Turn], _: Mapping[str, object] = NO_VARIABLES) -> list[int]:
        """See PromptFormat."""
        return [0] * self.count(turns)

    def least_tokens(self, text: str) -> int:  # noqa: ARG002 - as the protocol has it
        """Return 0, as nobody knows the server's vocabulary."""
        return 0

    def count(self, turns: Sequence[Turn]) -> int:
        """Return about how many tokens `turns` have."""
        return round(_bytes(turns) / self._bytes_per_token) + TOKENS_PER_TURN * len(turns)

    def learn(self, turns: Sequence[Turn], tokens: int) -> None:
        """Estimate by what a server counted: `turns` have so many tokens."""
        of_text = tokens - TOKENS_PER_TURN * len(turns)
        if of_text > 0:
            self._bytes_per_token = min(max(_bytes(turns) / of_text, FEWEST_BYTES), MOST_BYTES)


def _bytes(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text.encode("utf-8", "replace")) for turn in turns)

"""A scored text as words under the lens, and as a table for a spreadsheet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp

from phichat.chat.candidates import Choice, perplexity_of, perplexity_text
from phichat.chat.weighed_reply import WeighedToken, WeighedWord, words_of
from phichat.engine.base import Scored
from phichat.i18n import format_number, tr
from phichat.ui.lens.bars import visible_word
from phichat.ui.lens.popup import surprise_bits


@dataclass(frozen=True)
class ScoredText:
    """A text, the words it consists of, how surprising it is as a whole, as a sentence, and what that means."""

    text: str
    words: tuple[WeighedWord, ...]
    summary: str
    meaning: str

    @classmethod
    def of_tokens(cls, tokens: Sequence[Scored]) -> "ScoredText":
        """Return the text whose tokens are `tokens`."""
        text = "".join(token.text for token in tokens)
        ends = list(accumulate(len(token.text) for token in tokens))
        weighed = [
            WeighedToken(end - len(token.text), end, number, token.token, _choice(token))
            for number, (token, end) in enumerate(zip(tokens, ends, strict=True))
        ]
        perplexity = perplexity_of([token.logprob for token in tokens if token.logprob is not None])
        words = tuple(words_of(text, weighed))
        return cls(text, words, perplexity_text(perplexity, len(tokens)), _meaning(perplexity))

    def table(self) -> str:
        """Return a line for each word, with tabs between its cells: the word, its probability, surprise and rank."""
        head = (tr("Word"), tr("Probability"), tr("Surprise (bits)"), tr("Rank"))
        return "\n".join("\t".join(row) for row in (head, *self._rows()))

    def _rows(self) -> Iterable[tuple[str, str, str, str]]:
        for word in self.words:
            said = visible_word(self.text[word.start : word.end])
            choices = [token.choice for token in word.tokens if token.choice]
            if not choices:
                yield said, "", "", ""
                continue
            bits = sum(surprise_bits(choice.probability) for choice in choices)
            yield said, f"{2**-bits:.6g}", f"{bits:.3f}", str(max(choice.rank for choice in choices))


def _meaning(perplexity: float | None) -> str:
    """Return what a perplexity says, in words; nothing for None."""
    if perplexity is None:
        return ""
    count = format_number(perplexity, 0 if perplexity >= 10 else 1)
    return tr(
        "On average, guessing the next token was as hard as picking the right one out of {count} equally "
        "likely tokens. The lower the perplexity, the closer the text is to what the model expected."
    ).format(count=count)


def _choice(token: Scored) -> Choice | None:
    if token.logprob is None:
        return None
    share = exp(token.logprob)
    return Choice(share, share, token.rank or 0, token.entropy or 0.0)

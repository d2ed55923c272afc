"""An answer as its tokens and words, each with how sure the model was of it."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from phichat.chat.candidates import HESITATION, Certainty, Choice, certainty_of
from phichat.chat.choice_table import ChoiceRow, ChoiceTable
from phichat.chat.conversation import Message, PieceKind

_JOINERS = "'’_"  # which stand between letters of one word
_SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # how names of their letters begin
_ZERO_WIDTH_JOINER = "\u200d"  # which makes one emoji of two


@dataclass(frozen=True, slots=True)
class WeighedToken:
    """A token of an answer.

    Attributes:
        start, end: what it brought of the answer's text; equal where it ends in the middle of a character, or its text
            was held back, and comes with a later token.
        number: its place among all tokens of the reply, those of the thinking included.
        token: its id; -1 if that is not known.
        choice: what was weighed; None if that is not known.
    """

    start: int
    end: int
    number: int
    token: int
    choice: Choice | None


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """Whole tokens that make a word, a sign or blanks; one in the middle of a character goes with what it becomes.

    Attributes:
        start, end: in the answer's text, without the blanks around it; a line break alone is a word, too.
        tokens: its tokens.
    """

    start: int
    end: int
    tokens: tuple[WeighedToken, ...]

    @property
    def probability(self) -> float | None:
        """That of its least likely token; None if nothing is known."""
        if len(self.tokens) == 1:  # as most words have
            choice = self.tokens[0].choice
            return choice.probability if choice else None
        return min((each.choice.probability for each in self.tokens if each.choice), default=None)

    @property
    def least_sure(self) -> WeighedToken:
        """Its least likely token; the first if nothing is known."""
        return min(self.tokens, key=lambda each: each.choice.probability if each.choice else 2.0)

    @property
    def is_hesitation(self) -> bool:
        """Whether the model was far from sure of it."""
        return self.probability is not None and self.probability < HESITATION


@dataclass(frozen=True)
class WeighedReply:
    """An answer that a model has weighed.

    Attributes:
        model: the name of that model, in whose vocabulary candidates are.
        text: the answer.
        tokens, words: what it consists of; all words together are the whole text, but for blanks.
        table: what they were made of, and all tokens of its thinking.
    """

    model: str
    text: str
    tokens: tuple[WeighedToken, ...]
    words: tuple[WeighedWord, ...]
    table: ChoiceTable = field(repr=False, compare=False)

    @property
    def certainty(self) -> Certainty | None:
        """How sure the model was; None if nothing is known."""
        return certainty_of(word.probability for word in self.words)

    @property
    def hesitations(self) -> tuple[WeighedWord, ...]:
        """The words at which the model hesitated, in the order of the text."""
        return tuple(word for word in self.words if word.is_hesitation)

    def word_at(self, offset: int) -> WeighedWord | None:
        """Return the word at a character of the text, or the one before blanks; None before the first."""
        place = bisect_right(self.words, offset, key=lambda word: word.start)
        return self.words[place - 1] if place else None

    def text_of(self, token: WeighedToken) -> str:
        """Return what people see of a token; empty if it is in the middle of a character and no candidate."""
        candidates = token.choice.candidates if token.choice else ()
        found = next((each.text for each in candidates if each.token == token.token >= 0), "")
        return self.text[token.start : token.end] or found

    def ids_before(self, token: WeighedToken, known: Sequence[int] = ()) -> tuple[int, ...]:
        """Return the ids of all tokens of the reply before `token`; none if one of them is not known.

        `known` are those of the whole reply, if they are: what is weighed may begin later.
        """
        ids = self.table.tokens()
        later = [each for each in ids[token.number :] if each >= 0]
        if len(known) >= len(later) and tuple(known[len(known) - len(later) :]) == tuple(later):
            return tuple(known[: len(known) - len(later)])
        has_gap = ids[0] < 0 and token.number > 0
        return () if has_gap else tuple(each for each in ids[: token.number] if each >= 0)

    @property
    def thinking_tokens(self) -> int:
        """How many tokens the thinking has."""
        return sum(row.kind is PieceKind.THINKING and row.token >= 0 for row in self.table.rows())

    @property
    def begins_within_token(self) -> bool:
        """Whether the answer begins in the middle of a token, which counts as thinking."""
        first = next((each for each in self.tokens if each.end > each.start), None)
        return first is not None and first.token < 0


class GrowingReply:
    """An answer of which `table` grows with its text: only what is new is placed in it.

    Attributes:
        table: what is known so far.
    """

    def __init__(self, table: ChoiceTable, model: str) -> None:
        self.table, self._model = table, model
        self._tokens: list[WeighedToken] = []
        self._words: list[WeighedWord] = []
        self._count = self._placed_in_words = 0  # rows of the table, and tokens

    def update(self, text: str) -> WeighedReply | None:
        """Return what is known of the answer, which is `text` by now; None if that does not fit the table."""
        at = self._tokens[-1].end if self._tokens else 0
        self._tokens += _placed(self.table.rows(self._count), at, self._count)
        self._count = len(self.table)
        if not self._tokens or self._tokens[-1].end != len(text):
            return None
        if self._words:
            self._placed_in_words -= len(self._words.pop().tokens)  # the last word may go on
        added = list(words_of(text, self._tokens[self._placed_in_words :]))
        self._words += added
        self._placed_in_words += sum(len(word.tokens) for word in added)
        return WeighedReply(self._model, text, tuple(self._tokens), tuple(self._words), self.table)


def weighed_reply(message: Message, choices: bytes | None = None, model: str = "") -> WeighedReply | None:
    """Return the answer `message` with what is stored of it, or with other `choices` that `model` made of it.

    None if there are none, they are damaged, or they are of another text.
    """
    reply = message.reply
    data = (reply.choices if reply else b"") if choices is None else choices
    try:
        table = ChoiceTable.unpack(data) if data else ChoiceTable()
    except ValueError:
        return None
    tokens = tuple(_placed(table.rows()))
    if not tokens or tokens[-1].end != len(message.text):
        return None
    name = model or (reply.model if reply else "")
    return WeighedReply(name, message.text, tokens, tuple(words_of(message.text, tokens)), table)


def _placed(rows: Iterable[ChoiceRow], at: int = 0, first: int = 0) -> Iterator[WeighedToken]:
    """Yield the tokens of the answer among `rows`, of which `first` is the number, and that stand from `at` on."""
    for number, (length, kind, token, choice) in enumerate(rows, first):
        if kind is PieceKind.TEXT:
            yield WeighedToken(at, at + length, number, token, choice)
            at += length


def words_of(text: str, tokens: Sequence[WeighedToken]) -> Iterator[WeighedWord]:
    """Yield the words that `tokens`, those of all of `text`, make; without what brought no text after the last."""
    waiting: list[WeighedToken] = []
    has_text = False
    for token in tokens:
        is_new = has_text and token.end > token.start and not is_inside_word(text[token.start - 1], text[token.start])
        if is_new:
            kept = _count_with_text(waiting)
            yield _word(text, waiting[:kept])
            del waiting[:kept]
        waiting.append(token)
        has_text = has_text or token.end > token.start
    if has_text:
        yield _word(text, waiting[: _count_with_text(waiting)])


def _count_with_text(tokens: Sequence[WeighedToken]) -> int:
    """Return how many come before those that belong to what they become: parts of a character, or held back."""
    if tokens[-1].end > tokens[-1].start:
        return len(tokens)
    return next(at for at in range(len(tokens), 0, -1) if tokens[at - 1].end > tokens[at - 1].start)


def _word(text: str, tokens: Sequence[WeighedToken]) -> WeighedWord:
    start, end = tokens[0].start, tokens[-1].end
    said = text[start:end]
    if core := said.strip():
        start += len(said) - len(said.lstrip())
        end = start + len(core)
    return WeighedWord(start, end, tuple(tokens))


def is_inside_word(before: str, after: str) -> bool:
    """Return whether two characters beside one another belong to the same word or sign."""
    if before.isascii() and after.isascii():  # as most are: no table of Unicode is needed for them
        return (before.isalnum() or before in _JOINERS) and (after.isalnum() or after in _JOINERS)
    if _is_part(after) or before == _ZERO_WIDTH_JOINER or (_is_half_flag(before) and _is_half_flag(after)):
        return True
    if _is_spaceless(before) or _is_spaceless(after):
        return False
    return _is_of_word(before) and _is_of_word(after)


def _is_part(letter: str) -> bool:
    """Return whether `letter` changes the one before it: an accent, or a part of an emoji."""
    return unicodedata.category(letter) in {"Mn", "Me", "Mc", "Cf"} or "\U0001f3fb" <= letter <= "\U0001f3ff"


def _is_half_flag(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _is_of_word(letter: str) -> bool:
    return letter.isalnum() or letter in _JOINERS or _is_part(letter)


def _is_spaceless(letter: str) -> bool:
    """Return whether `letter` is of a script that puts no blanks between words."""
    return not letter.isascii() and unicodedata.name(letter, "").startswith(_SPACELESS)

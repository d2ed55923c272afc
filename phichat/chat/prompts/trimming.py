"""Trimming a conversation to the context: old turns go, the system prompt and pinned messages stay."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.base import NO_VARIABLES, PromptFormat
from phichat.errors import AnswerTooLong, PinsTooLong, PromptError, PromptTooLong, SystemPromptTooLong
from phichat.i18n import format_number, tr

GONE = "…"
"""The text of a question that is left out while its pinned answer stays."""

LONG = 200_000
"""Characters of a message that is worth a look whether it can fit, as tokenising it takes a fifth of a second."""

PARTS = 8
"""What stays is counted in this fraction of the room: else each new pin would move the cut, and all be read anew."""


class ContextTrimmer:
    """The possible cuts of a conversation: 0 for none, else before one of the user's turns. Pinned turns stay.

    Attributes:
        shortest: the number of tokens of the shortest possible prompt.
    """

    def __init__(
        self, form: PromptFormat, turns: Sequence[Turn], variables: Mapping[str, object] = NO_VARIABLES
    ) -> None:
        self._form, self._variables = form, variables
        self._turns = turns = joined(turns)
        self._system = [turn for turn in turns if turn.role is Role.SYSTEM]
        self._rest = [turn for turn in turns if turn.role is not Role.SYSTEM]
        users = (index for index, turn in enumerate(self._rest) if turn.role is Role.USER)
        self._places = [0, *filter(None, users)]
        self.shortest = self._length(len(self._places) - 1)

    def system(self) -> int:
        """Return the number of tokens of the system prompt with the shortest question."""
        return len(self._tokens([*self._system, Turn(Role.USER, "?")])) if self._system else 0

    def unpinned(self) -> int:
        """Return the number of tokens of the shortest prompt if nothing were pinned."""
        if not any(turn.is_pinned for turn in self._rest[: self._places[-1]]):
            return self.shortest  # counting a long text again takes seconds
        return len(self._tokens([*self._system, *self._rest[self._places[-1] :]]))

    def turns(self, cut: int) -> list[Turn]:
        """Return the turns of the prompt after a cut."""
        place = self._places[cut]
        return [*self._pinned(place), *self._rest[place:]] if place else list(self._turns)

    def tokens(self, cut: int) -> list[int]:
        """Return the ids of the prompt after a cut."""
        return self._tokens(self.turns(cut))

    def dropped(self, cut: int) -> int:
        """Return how many turns a cut leaves out."""
        return sum(not turn.is_pinned for turn in self._rest[: self._places[cut]])

    def first_after(self, cut: int) -> str:
        """Return the id of the first message from which on a cut leaves nothing out; empty if it leaves out nothing."""
        before = range(self._places[cut])
        last = next((index for index in reversed(before) if not self._rest[index].is_pinned), None)
        return "" if last is None else self._rest[last + 1].message

    def first_for(self, room: int) -> int:
        """Return the cut for `room` tokens; it stays the same while the conversation grows by about half of that.

        The tokens that go are a multiple of half the room that what stays leaves, rounded up to the end of a turn.
        """
        full = self._length(0)
        if full <= room:
            return 0
        step = max((room - self._staying(max(room // PARTS, 1))) // 2, 1)
        gone = -(-(full - room) // step) * step
        places = range(len(self._places))
        found = bisect_left(places, gone, key=lambda cut: full - self._length(cut))
        return min(found, len(self._places) - 1)

    def _staying(self, part: int) -> int:
        """Return the number of tokens of system and pinned messages, rounded down to a multiple of `part`."""
        last = Turn(Role.USER, "?")
        staying = len(self._tokens([*self._pinned(len(self._rest) - 1), last]))
        return (staying - len(self._tokens([last]))) // part * part

    def _pinned(self, place: int) -> list[Turn]:
        """Return the pinned turns before `place`, with GONE in place of a question that goes while its answer stays.

        Otherwise the answer would seem to belong to another question, and templates want alternating roles.
        """
        kept = self._system[:]
        for before, turn in pairwise([None, *self._rest[:place]]):
            if turn and turn.is_pinned:
                is_lost = turn.role is Role.ASSISTANT and before is not None and not before.is_pinned
                kept += [Turn(Role.USER, GONE), turn] if is_lost else [turn]
        return kept

    def _tokens(self, turns: Sequence[Turn]) -> list[int]:
        return self._form.tokens(turns, self._variables)

    def _length(self, cut: int) -> int:
        return len(self.tokens(cut))


def joined(turns: Sequence[Turn]) -> list[Turn]:
    """Return `turns` with questions joined that no reply stands between, as where a reply was empty or failed."""
    found: list[Turn] = []
    for turn in turns:
        if found and found[-1].role is turn.role is Role.USER:
            before = found[-1]
            text, is_pinned = f"{before.text}\n\n{turn.text}", before.is_pinned or turn.is_pinned
            found[-1] = replace(before, text=text, is_pinned=is_pinned)
        else:
            found.append(turn)
    return found


@dataclass(frozen=True)
class Prompt:
    """A prompt that fits.

    Attributes:
        tokens: the ids.
        dropped: how many turns were left out.
        begun: how many ids at the end belong to a reply that is continued.
        first: if turns were left out, the id of the message from which on all are there.
        turns: what it says, without the reply that is continued.
    """

    tokens: list[int]
    dropped: int = 0
    begun: int = 0
    first: str = ""
    turns: tuple[Turn, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Draft:
    """A prompt whose last turn is still being written.

    Attributes:
        fixed: the ids at its beginning that stay the same whatever is added to the draft.
        length: the number of ids of the prompt as it is.
        dropped, first: as in Prompt.
    """

    fixed: list[int]
    length: int
    dropped: int = 0
    first: str = ""


def fit_prompt(
    form: PromptFormat,
    turns: Sequence[Turn],
    context: int,
    longest_reply: int,
    begun: Sequence[int] = (),
    variables: Mapping[str, object] = NO_VARIABLES,
) -> Prompt:
    """Return a prompt for `turns` within `context` tokens, with room for the reply, of which `begun` is there already.

    `variables` are the template's.

    Whole exchanges are left out, oldest first, except pinned messages; system messages and the last question stay.
    Several go at once, as each cut has everything after it read anew. The room for the reply is `longest_reply`, at
    most a quarter of the context. Raise PromptError if what has to stay does not fit.
    """
    if not turns or not turns[-1].text.strip():
        raise PromptError(tr("There’s nothing to answer yet. Write a message first."))
    if len(turns[-1].text) > LONG and (least := form.least_tokens(turns[-1].text)) > context:
        raise PromptTooLong(
            tr(
                "This message is much too long: it takes more than {tokens} tokens, but the context only holds "
                "{context}. Shorten the message, or choose a larger context in the settings."
            ).format(tokens=format_number(least), context=format_number(context)),
            least,
            least - context,
            is_least=True,
        )
    cuts = ContextTrimmer(form, turns, variables)
    reply = min(longest_reply, context // 4)
    # While a quarter of it is left, a reply that goes on has the prompt that it began with: none of it is read again.
    lengths = [context - max(reply, len(begun) + reply // 4), context - 1 - len(begun)]
    for room in lengths:  # a shorter reply is better than none
        if cuts.shortest <= room:
            cut = cuts.first_for(room)
            turns = tuple(cuts.turns(cut))
            return Prompt([*cuts.tokens(cut), *begun], cuts.dropped(cut), len(begun), cuts.first_after(cut), turns)
        if cuts.unpinned() <= room:
            # A pin is a promise: rather than break it silently, raise and say what helps.
            raise PinsTooLong(
                tr(
                    "The pinned messages don’t leave enough room for your message and the answer: {tokens} "
                    "tokens are needed, but only {room} are available. Unpin a message, or choose a larger "
                    "context in the settings."
                ).format(tokens=format_number(cuts.shortest), room=format_number(room)),
                cuts.shortest,
            )
    raise _too_long(cuts, context, len(begun))


def _too_long(cuts: ContextTrimmer, context: int, begun: int) -> PromptTooLong:
    """Return the error that names what is too long, where `begun` tokens of the answer are there already."""
    room, least, shown = context - 1, cuts.unpinned(), format_number(context)
    if (system := cuts.system()) > room:
        return SystemPromptTooLong(
            tr(
                "The system prompt is too long: it takes {tokens} tokens, but the context only holds {context}. "
                "Shorten the system prompt, or choose a larger context in the settings."
            ).format(tokens=format_number(system), context=shown),
            system,
            least + begun - room,
        )
    if least <= room:
        return AnswerTooLong(
            tr(
                "This answer is too long. With your message and the system prompt, it takes {tokens} tokens, but the "
                "context only holds {context}. Choose a larger context in the settings."
            ).format(tokens=format_number(least + begun), context=shown),
            least + begun,
            least + begun - room,
        )
    return PromptTooLong(
        tr(
            "This message is too long. With the system prompt, it takes {tokens} tokens, but the "
            "context only holds {context}. Shorten the message, or choose a larger context in the "
            "settings."
        ).format(tokens=format_number(cuts.shortest + begun), context=shown),
        cuts.shortest + begun,
        least + begun - room,
    )


def fit_draft(
    form: PromptFormat,
    turns: Sequence[Turn],
    context: int,
    longest_reply: int,
    variables: Mapping[str, object] = NO_VARIABLES,
) -> Draft:
    """Return what can be read ahead of a prompt while its last turn is written. Raise PromptError."""
    *earlier, last = turns
    one, other = (
        fit_prompt(form, [*earlier, replace(last, text=last.text + end)], context, longest_reply, variables=variables)
        for end in ("a", "B")
    )
    pairs = enumerate(zip(one.tokens, other.tokens, strict=False))
    same = next((index for index, pair in pairs if pair[0] != pair[1]), 0)
    return Draft(one.tokens[:same], len(one.tokens), one.dropped, one.first)

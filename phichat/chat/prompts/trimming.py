"""Where a conversation may be cut so that it fits, and what stays for ever: the system prompt, and what is pinned."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.formats import PromptFormat
from phichat.errors import PromptError, PromptTooLong
from phichat.i18n import format_number, tr

GONE = "…"
"""What stands for a question that was left out while its answer is pinned."""

PARTS = 8
"""Of the room, in which what stays is counted: else each pin would have everything cut elsewhere and read anew."""


class ContextTrimmer:
    """Where a conversation may be cut: nowhere, or before one of the person's turns. Pinned turns before a cut stay.

    Attributes:
        shortest: tokens of the shortest prompt there is.
    """

    def __init__(self, form: "PromptFormat", turns: Sequence[Turn]) -> None:
        self._form = form
        self._turns = list(turns)
        self._system = [turn for turn in turns if turn.role is Role.SYSTEM]
        self._rest = [turn for turn in turns if turn.role is not Role.SYSTEM]
        users = (index for index, turn in enumerate(self._rest) if turn.role is Role.USER)
        self._places = [0, *filter(None, users)]
        self.shortest = self._length(len(self._places) - 1)

    def unpinned(self) -> int:
        """Tokens of the shortest prompt if nothing were pinned."""
        return len(self._form.tokens([*self._system, *self._rest[self._places[-1] :]]))

    def tokens(self, cut: int) -> list[int]:
        """The prompt from a cut on."""
        place = self._places[cut]
        return self._form.tokens([*self._pinned(place), *self._rest[place:]] if place else self._turns)

    def dropped(self, cut: int) -> int:
        """How many turns that leaves out."""
        return sum(not turn.is_pinned for turn in self._rest[: self._places[cut]])

    def first_after(self, cut: int) -> str:
        """The message of the turn after the last one that it leaves out; empty if it leaves out none."""
        before = range(self._places[cut])
        last = next((index for index in reversed(before) if not self._rest[index].is_pinned), None)
        return "" if last is None else self._rest[last + 1].message

    def first_for(self, room: int) -> int:
        """The cut for `room` tokens, which stays the same while the conversation grows by half of that.

        What goes is a multiple of half the room that is left by what stays for ever, up to where a turn ends.
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
        """Tokens of the system messages and what is pinned, in full parts; the same whatever is asked."""
        last = Turn(Role.USER, "?")
        staying = len(self._form.tokens([*self._pinned(len(self._rest) - 1), last]))
        return (staying - len(self._form.tokens([last]))) // part * part

    def _pinned(self, place: int) -> list[Turn]:
        """What stays of the turns before `place`; a reply whose question goes has GONE in its place.

        Without, it would seem to answer another question, and templates want roles in turn.
        """
        kept = self._system[:]
        for before, turn in pairwise([None, *self._rest[:place]]):
            if turn and turn.is_pinned:
                is_lost = turn.role is Role.ASSISTANT and before is not None and not before.is_pinned
                kept += [Turn(Role.USER, GONE), turn] if is_lost else [turn]
        return kept

    def _length(self, cut: int) -> int:
        return len(self.tokens(cut))


@dataclass(frozen=True)
class Prompt:
    """A prompt that fits.

    Attributes:
        tokens: its ids.
        dropped: how many turns had to go.
        begun: how many of the ids begin the reply.
        first: where turns had to go, the `message` of the turn from which on all are there.
    """

    tokens: list[int]
    dropped: int = 0
    begun: int = 0
    first: str = ""


@dataclass(frozen=True)
class Draft:
    """A prompt whose last turn is being written.

    Attributes:
        fixed: the ids at its beginning that stay the same however that goes on.
        length: how many ids the prompt has as it is.
        dropped, first: as in Prompt.
    """

    fixed: list[int]
    length: int
    dropped: int = 0
    first: str = ""


def fit_prompt(
    form: PromptFormat, turns: Sequence[Turn], context: int, longest_reply: int, begun: Sequence[int] = ()
) -> Prompt:
    """The prompt for `turns` within `context` tokens, with room left for the reply, of which there is `begun` already.

    Whole exchanges go, oldest first, but for what is pinned in them; system messages and the last question stay. So
    many go at once that it is not needed again for a while, as all that follows has to be read anew. Room is what the
    reply may take, but no more than a quarter of the context. Raises PromptError if what has to stay does not fit.
    """
    if not turns or not turns[-1].text.strip():
        raise PromptError(tr("There is nothing to answer: write something first."))
    cuts = ContextTrimmer(form, turns)
    lengths = [context - min(longest_reply, context // 4) - len(begun), context - 1 - len(begun)]
    for room in lengths:  # a short reply is better than none
        if cuts.shortest <= room:
            cut = cuts.first_for(room)
            return Prompt([*cuts.tokens(cut), *begun], cuts.dropped(cut), len(begun), cuts.first_after(cut))
        if cuts.unpinned() <= room:
            # A pin is a promise: rather than answer as if it had been kept, say that it cannot be, and what helps.
            raise PromptTooLong(
                tr(
                    "The pinned messages leave no room for this question and its answer: together they take {tokens} "
                    "tokens, and there is room for {room}. Unpin a message, or choose a larger context in the settings."
                ).format(tokens=format_number(cuts.shortest), room=format_number(room)),
                cuts.shortest,
            )
    raise PromptTooLong(
        tr(
            "This message is too long: with its instructions it takes {tokens} tokens, "
            "and the model reads at most {context}. Shorten it, or choose a larger context in the settings."
        ).format(tokens=format_number(cuts.shortest + len(begun)), context=format_number(context)),
        cuts.shortest + len(begun),
        cuts.unpinned() - lengths[-1],
    )


def fit_draft(form: PromptFormat, turns: Sequence[Turn], context: int, longest_reply: int) -> Draft:
    """What can be read of a prompt while its last turn is being written. Raises PromptError."""
    *earlier, last = turns
    one, other = (
        fit_prompt(form, [*earlier, replace(last, text=last.text + end)], context, longest_reply) for end in ("a", "B")
    )
    pairs = enumerate(zip(one.tokens, other.tokens, strict=False))
    same = next((index for index, pair in pairs if pair[0] != pair[1]), 0)
    return Draft(one.tokens[:same], len(one.tokens), one.dropped, one.first)

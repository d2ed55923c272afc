"""Answers in a terminal: several are written side by side and printed one below the other, each with its figures."""

from collections import deque
from collections.abc import Iterator

from phichat.chat.sampling import Sampling
from phichat.engine.base import AnswerEvent, Done, Piece
from phichat.i18n import format_number, tr, tr_count


class AnswerOrder:
    """Puts the events of `count` answers in order: all of the first, then those of the second, and so on."""

    def __init__(self, count: int) -> None:
        self._waiting: list[deque[Piece | Done]] = [deque() for _ in range(count)]
        self._current, self._shown = 0, -1
        self.unfinished = list(range(count))
        """The numbers of the answers that have not ended."""
        self.has_begun = False
        """Whether there was any event."""

    def add(self, event: AnswerEvent) -> Iterator[tuple[int, Piece | Done]]:
        """Add an event, and yield what can be printed now, each with the number of its answer."""
        self.has_begun = True
        if isinstance(event.event, Piece | Done):
            self._waiting[event.answer].append(event.event)
        if isinstance(event.event, Done):
            self.unfinished.remove(event.answer)
        while self._current < len(self._waiting) and self._waiting[self._current]:
            number, found = self._current, self._waiting[self._current].popleft()
            self._current += isinstance(found, Done)
            yield number, found

    def begin(self, number: int) -> bool:
        """Return whether this answer is printed for the first time."""
        is_new, self._shown = number > self._shown, max(number, self._shown)
        return is_new

    def rest(self) -> Iterator[tuple[int, Piece]]:
        """Yield what came of answers that cannot be printed in their order any more, as after an error."""
        for number, waiting in enumerate(self._waiting):
            while waiting:
                found = waiting.popleft()
                if isinstance(found, Piece):
                    yield number, found


def length_notice(done: Done, sampling: Sampling, *, is_remote: bool) -> str:
    """Return why a reply was cut, and what allows a longer one."""
    if is_remote or done.completion_tokens - done.thinking_tokens >= sampling.max_tokens:
        return tr("The answer reached the maximum length. Use --max-tokens to allow longer answers.")
    return tr("The answer filled the context. Use --context to choose a larger one.")


def statistics(done: Done) -> str:
    """Return the figures of a reply as a sentence."""
    return tr("{tokens}, {speed} per second, first token after {seconds} s, seed {seed}.").format(
        tokens=tr_count("{count} token", "{count} tokens", done.completion_tokens),
        speed=format_number(done.tokens_per_second, 1),
        seconds=format_number(done.seconds_to_first_token, 1),
        seed=done.seed,
    )

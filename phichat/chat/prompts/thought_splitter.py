"""Splits the text of a reply, as it comes, into what the model thinks and what it answers."""

from collections.abc import Iterator, Sequence
from enum import Enum, auto

from phichat.chat.conversation import Piece, PieceKind
from phichat.chat.prompts.thinking import ThinkingMarks

QUOTES = "`'\"‘’“”«"
"""What stands before a mark that is only written about, where marks are plain text."""


class _State(Enum):
    START = auto()
    THINKING = auto()
    AFTER = auto()
    ANSWER = auto()


class ThoughtSplitter:
    """Makes pieces of the tokens of one reply.

    Only what a reply begins with is thinking: marks in the answer are text, as in llama.cpp, also one that closes what
    nothing has opened. A reply that begins with such a mark has thought nothing, and the mark is left out.

    Each token is in exactly one piece; text of the answer that comes with the last token of a mark is a piece without
    one.
    """

    def __init__(self, marks: ThinkingMarks, prompt_end: Sequence[int] = (), begun: Sequence[int] = ()) -> None:
        """`prompt_end` are the last tokens of the prompt, which may begin a thought; `begun` is the reply so far."""
        self._marks = marks
        self._held, self._waiting = "", list[tuple[str, int]]()
        self._last = self._gap = ""
        self._has_thought = False
        self._is_strict = not marks.opens_by_token and not marks.style.default
        """Whether a newline has to follow a mark: such text may be what somebody asked for."""
        before = marks.text_of(prompt_end).rstrip()
        answering = marks.answering if self._is_strict else (*marks.answering, *marks.closings)
        self._beginnings = ((marks.openings, _State.THINKING), (answering, _State.AFTER))
        self._state = _State.THINKING if before.endswith(marks.openings) else _State.START
        self._skip(begun)

    @property
    def is_thinking(self) -> bool:
        """Whether a thought has begun and not ended."""
        return self._state is _State.THINKING

    @property
    def is_over(self) -> bool:
        """Whether the answer has begun: what comes now is all text."""
        return self._state is _State.ANSWER

    def feed(self, text: str, token: int) -> list[Piece]:
        """Add the text of a token, where `ThinkingMarks.sign` is that of special ones; return the pieces it completes.

        None as long as the reply may begin with a mark.
        """
        if self._state is _State.ANSWER:
            return [Piece(text, token)]
        if self._state is _State.START:
            return self._begin(text, token)
        return list(self._go_on(text, token))

    def rest(self) -> list[Piece]:
        """Return what was held back, as no mark has come of it."""
        held, self._held = self._marks.without_signs(self._held), ""
        if self._state is _State.START:
            return self._release()
        return [Piece(self._gap + held, kind=PieceKind.THINKING)] if held.strip() else []

    def _skip(self, begun: Sequence[int]) -> None:
        """Go on after a reply so far, of which nothing but blanks is held back."""
        for token in begun:
            self.feed(self._marks.text_of([token]), token)
        if self._state is _State.START and self._held.strip():
            self._state = _State.ANSWER
        if self._held.strip() or self._state is _State.START:
            self._held = ""
        self._waiting.clear()

    def _begin(self, text: str, token: int) -> list[Piece]:
        self._held += text
        self._waiting.append((text, token))
        said = self._held.lstrip()
        for marks, state in self._beginnings:
            mark = next((mark for mark in marks if said.startswith(mark)), None)
            if mark is not None and (not self._is_strict or said[len(mark) :].startswith(("\n", "\r"))):
                earlier = [token for _, token in self._waiting[:-1]]
                self._held, self._state = "", state
                self._waiting.clear()
                thoughts = [Piece("", token, PieceKind.THINKING) for token in earlier]
                return [*thoughts, *self._go_on(said[len(mark) :], token)]
        if any(mark.startswith(said) for marks, _ in self._beginnings for mark in marks):
            return []
        return self._release()

    def _release(self) -> list[Piece]:
        """Return what was held back as text: the answer has begun."""
        waiting, self._waiting = self._waiting, []
        self._held, self._state = "", _State.ANSWER
        return [Piece(self._marks.without_signs(text), token) for text, token in waiting]

    def _go_on(self, text: str, token: int) -> Iterator[Piece]:
        """Yield a piece of the thought with `token` and, if the answer begins in it, one of the answer."""
        thought = ""
        text = self._held + text
        self._held = ""
        is_new = self._state is _State.AFTER and bool(text)
        while self._state is _State.THINKING:
            found = self._find_mark(text)
            if found is None:
                thought += self._safe_part(text)
                break
            at, mark = found
            thought += self._said(text[:at].rstrip())
            text, self._last = text[at + len(mark) :], ""
            if mark in self._marks.between:
                self._gap = "\n\n" if self._has_thought else ""
            else:
                self._state = _State.AFTER
        rest = self._marks.without_signs(text.lstrip()) if self._state is _State.AFTER else ""
        if not (is_new and rest):
            yield Piece(thought, token, PieceKind.THINKING)
        if rest:
            self._state = _State.ANSWER
            yield Piece(rest, token if is_new else -1)

    def _find_mark(self, text: str) -> tuple[int, str] | None:
        """Return where the first mark that ends a thought is, and the mark: the longest one that begins there."""
        found: list[tuple[int, int, str]] = []
        for mark in (*self._marks.closings, *self._marks.between):
            at = text.find(mark)
            while at >= 0 and self._is_quoted(text, at):
                at = text.find(mark, at + 1)
            if at >= 0:
                found.append((at, -len(mark), mark))
        return (min(found)[0], min(found)[2]) if found else None

    def _is_quoted(self, text: str, at: int) -> bool:
        before = text[at - 1] if at else self._last
        return not self._marks.closes_by_token and before != "" and before in QUOTES

    def _safe_part(self, text: str) -> str:
        """Return the text that is surely thought; hold back what a mark may begin with, and blanks before it."""
        kept = max((_overlap(text, mark) for mark in (*self._marks.closings, *self._marks.between)), default=0)
        sure = text[: len(text) - kept].rstrip()
        self._held = text[len(sure) :]
        return self._said(sure)

    def _said(self, text: str) -> str:
        """Return `text` as it is shown; blanks at the beginning of a thought are left out."""
        if not self._last:
            text = text.lstrip()
        if not text:
            return ""
        self._last = text[-1]
        self._has_thought = True
        gap, self._gap = self._gap, ""
        return gap + self._marks.without_signs(text)


def _overlap(text: str, mark: str) -> int:
    """Return the length of the longest end of `text` that `mark` begins with."""
    return next((count for count in range(min(len(text), len(mark) - 1), 0, -1) if mark.startswith(text[-count:])), 0)

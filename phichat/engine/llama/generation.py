"""The generation loop: sample, decode, and check guesses of prompt lookup, with paced threads."""

import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from phichat.cancellation import CancelToken
from phichat.chat.candidates import Choice
from phichat.chat.conversation import Piece
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.prompt_lookup import PromptLookup
from phichat.engine.llama.thread_pacing import ThreadPacer

AT_ONCE = 0.15  # seconds of a step too short to abort: checking for that takes two percent of its time


class TokenSampler(Protocol):
    """Samples tokens; implemented by SamplerChain, and for benchmarks and tests."""

    def choose(self, context: object, index: int = -1) -> int:
        """Return the next token, from the logits at `index` of the last step; -1 for its last."""

    def close(self) -> None:
        """Free it."""


@runtime_checkable
class ObservedSampler(Protocol):
    """A TokenSampler that notes what it weighed; implemented by ObservedChain.

    Attributes:
        choice: about the last token; None if the logits were not numbers.
    """

    choice: Choice | None

    def choose(self, context: object, index: int = -1) -> int:
        """See TokenSampler."""


class TokenWatch(Protocol):
    """Watches what a model weighs; implemented by UndecidedWatch."""

    def weigh(self, context: object, index: int, token: int) -> None:
        """Note the logits from which `token` was sampled."""

    def read(self, pieces: Sequence[Piece]) -> None:
        """Note what became of the tokens: the next pieces of the reply."""


class TokenPicker:
    """Picks the tokens of one reply: those that the model chooses, and those it is made to say.

    Attributes:
        replaces_last: whether the next token comes in place of the last one, which is not decoded then.
    """

    def __init__(self, chain: TokenSampler, watch: TokenWatch | None = None) -> None:
        self._chain, self._watch = chain, watch
        self._choices: deque[Choice | None] | None = deque() if isinstance(chain, ObservedSampler) else None
        self._forced: deque[int] = deque()
        self.replaces_last = False

    @property
    def notes_choices(self) -> bool:
        """Whether it is noted what was weighed at each token."""
        return self._choices is not None

    def force(self, tokens: Sequence[int], *, replaces_last: bool = False) -> None:
        """Pick `tokens` next, whatever the model would choose; if it `replaces_last`, not after the last one."""
        self._forced.extend(tokens)
        self.replaces_last = replaces_last and bool(tokens)
        if self._choices and self.replaces_last:
            self._choices.pop()

    def choose(self, context: object, index: int = -1) -> int:
        """Return the next token, from the logits at `index` of the last step; -1 for its last."""
        self.replaces_last = False
        if self._forced:
            self._note_choice(None)
            return self._forced.popleft()
        token = self._chain.choose(context, index)
        if self._watch:
            self._watch.weigh(context, index, token)
        if self._choices is not None:
            self._note_choice(getattr(self._chain, "choice", None))
        return token

    def _note_choice(self, choice: Choice | None) -> None:
        if self._choices is not None:
            self._choices.append(choice)

    def with_choices(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """Return `pieces`, the next ones of the reply, with the choices of their tokens if the sampler notes them."""
        if self._watch:
            self._watch.read(pieces)
        choices = self._choices
        if choices is None:
            return pieces
        return [replace(piece, choice=choices.popleft()) if piece.token >= 0 and choices else piece for piece in pieces]


class TokenGenerator:
    """Generates the tokens of one reply that has the model to itself.

    Attributes:
        looked_up: how many of them came from prompt lookup.
    """

    def __init__(
        self, llama: LlamaContext, picker: TokenPicker, pacer: ThreadPacer | None, look_up: PromptLookup | None
    ) -> None:
        self._llama, self._picker, self._pacer, self._look_up = llama, picker, pacer, look_up
        self.looked_up = 0
        self._guesses: list[int] = []
        self._right = 0

    def tokens(self, room: int, stop: CancelToken) -> Generator[int, None, None]:
        """Yield at most `room` tokens; the caller stops at the end of the reply. End early when stopped.

        The token yielded last is not in the KV cache yet.
        """
        try:
            for left in range(room - 1, -1, -1):
                token = self._picker.choose(self._llama.context, self._right if self._guesses else -1)
                yield token
                if self._picker.replaces_last:
                    continue
                if not left or not self._go_on(token, left, stop):
                    return
        finally:
            if self._guesses:
                self._llama.forget_guesses()

    def _go_on(self, token: int, left: int, stop: CancelToken) -> bool:
        """Make the logits for the next token ready; return False if stopped."""
        if self._look_up:
            self._look_up.add_token(token)
        if self._guesses[self._right : self._right + 1] == [token]:
            self._right += 1
            self.looked_up += 1
            self._llama.accept_guess(token)
            return True
        if self._guesses and self._look_up:
            self._look_up.record_guesses(len(self._guesses), self._right, self._seconds)
            self._llama.forget_guesses()
        return self._step(token, left, stop)

    def _step(self, token: int, left: int, stop: CancelToken) -> bool:
        """Decode `token` and new guesses; return False if stopped."""
        room = min(left - 1, self._llama.most_guesses)
        self._guesses = self._look_up.guess(room) if self._look_up else []
        self._right = 0
        begun = time.perf_counter()
        is_done = self._check_guesses(token, self._guesses, stop) if self._guesses else self._llama.decode([token])
        self._seconds = time.perf_counter() - begun
        if self._guesses:
            return is_done
        if self._picker.notes_choices:
            self._llama.save_checkpoint_of_reply()
        if self._look_up:
            self._look_up.prices.record_single(self._seconds)
        if self._pacer:
            self._pacer.record_step(self._seconds)
            self._llama.set_threads(self._pacer.threads)
        return is_done

    def _check_guesses(self, token: int, guesses: Sequence[int], stop: CancelToken) -> bool:
        assert self._look_up  # noqa: S101 - for the type checker
        if self._look_up.prices.estimate_seconds(1 + len(guesses)) < AT_ONCE:
            return self._llama.decode_guesses(token, guesses)
        self._llama.abort_on(stop)
        try:
            is_done = self._llama.decode_guesses(token, guesses)
        finally:
            self._llama.abort_on(None)
        return is_done

"""Requests of other programs, answered by the window's engine while the window does not need it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from phichat.chat.conversation import Ending, Role, Turn, text_of, thinking_of, tokens_of
from phichat.engine.base import CancelToken, Done, Event, ModelRef, Piece, PromptReady, Request
from phichat.errors import EngineError, ModelMissing, PhichatError
from phichat.i18n import tr
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.threads.engine_thread import EngineThread, SignalBatcher

if TYPE_CHECKING:
    from phichat.engine.base import Engine
    from phichat.engine.slots import Slots

Tell = Callable[[Event | PhichatError], None]
"""Is told what happens to a request; Done or an error is the last. It may be called in any thread."""

_numbers = count(1)


@dataclass(frozen=True)
class ServerState:
    """What becomes of the server for other apps.

    Attributes:
        url: its address; empty while it is off.
        key: what other apps must send.
        problem: why it is off although it was turned on, as a sentence.
        last: what was asked last, as a line without its text; empty for nothing yet.
    """

    url: str = ""
    key: str = ""
    problem: str = ""
    last: str = ""


@dataclass(eq=False)
class ClientRequest:
    """A request of another program, and what there is of its answer.

    Attributes:
        running: the CancelToken of what is asked of the slots; None while it waits.
        number: by which those that came first go first.
        prompt: what the model read.
        pieces: the answer so far.
    """

    request: Request
    stop: CancelToken
    tell: Tell
    running: CancelToken | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    prompt: PromptReady | None = None
    pieces: list[Piece] = field(default_factory=list)
    first: Done | None = None

    def next_request(self) -> Request:
        """Return what to ask of the engine: all, or to go on with what there is."""
        if not self.pieces:
            return self.request
        sampling, said = self.request.sampling, tokens_of(self.pieces)
        answered = sum(piece.token >= 0 and not piece.is_thinking for piece in self.pieces)
        left = replace(sampling, max_tokens=max(sampling.max_tokens - answered, 1))
        if self.request.raw is not None:
            return replace(self.request, raw=(*(self.prompt.tokens if self.prompt else ()), *said), sampling=left)
        return replace(self.request, begun=self._begun(said), sampling=left)

    def _begun(self, said: tuple[int, ...]) -> Turn:
        earlier = self.request.begun or Turn(Role.ASSISTANT, "")
        has_tokens = bool(earlier.tokens) or not earlier.text
        return Turn(
            Role.ASSISTANT,
            earlier.text + text_of(self.pieces),
            (*earlier.tokens, *said) if has_tokens else (),
            thinking=earlier.thinking + thinking_of(self.pieces),
        )

    def whole(self, done: Done) -> Done:
        """Return `done` for all parts of the answer."""
        first = self.first or done
        return replace(
            done,
            prompt_tokens=first.prompt_tokens,
            cached_tokens=first.cached_tokens,
            completion_tokens=len(tokens_of(self.pieces)),
            thinking_tokens=sum(piece.is_thinking and piece.token >= 0 for piece in self.pieces),
        )


class ClientRequests(QObject):
    """Has requests answered in the engine's slots, several at the same time, behind whatever the window asks.

    Implements `phichat.engine.slots.Slots`; `open_slots` opens the engine's. When the window asks
    something, the answers under way pause, and then go on from what there is. They end with an error when the window
    loads another model.
    """

    _submitted = Signal(object)
    _slots_changed = Signal(object, object)

    def __init__(
        self, thread: EngineThread, generation: GenerationController, open_slots: "Callable[[Engine], Slots]"
    ) -> None:
        super().__init__()
        self._thread, self._generation, self._open_slots = thread, generation, open_slots
        self._waiting: list[ClientRequest] = []
        self._running: list[ClientRequest] = []
        self._sharing: CancelToken | None = None
        self._slots: Slots | None = None
        self._model: ModelRef | None = generation.model
        self._tell = SignalBatcher(self._on_told, self).put
        self._submitted.connect(self._on_submitted, Qt.ConnectionType.QueuedConnection)
        self._slots_changed.connect(self._on_slots, Qt.ConnectionType.QueuedConnection)
        thread.raised.connect(self._on_error)
        generation.state_changed.connect(self._on_state, Qt.ConnectionType.QueuedConnection)
        generation.background.awaited_ended.connect(self._on_state, Qt.ConnectionType.QueuedConnection)

    def submit(self, request: Request, stop: CancelToken, tell: Tell, *, is_urgent: bool = False) -> None:  # noqa: ARG002
        """Have `request` answered when it is its turn. Any thread may call."""
        self._submitted.emit(ClientRequest(request, stop, tell))

    @Slot()
    def close(self) -> None:
        """End everything as cancelled."""
        self.cancel_all()

    def cancel_all(self) -> None:
        """End everything as cancelled, at once. Only the main thread may call."""
        for client in self._take_all():
            client.tell(client.whole(_cancelled(client)))
        if self._sharing:
            self._sharing.set()

    @Slot(object)
    def _on_submitted(self, client: ClientRequest) -> None:
        self._waiting.append(client)
        self._start_waiting()

    def _start_waiting(self) -> None:
        """Start what waits if the engine is free; open its slots for that."""
        generation = self._generation
        is_needed = generation.is_answering() or generation.background.is_awaited()
        if not self._waiting or is_needed or generation.state is GenerationState.LOADING:
            return
        if generation.model is None:
            self._fail_all(ModelMissing(tr("No model is loaded. Choose one in the Phichat window.")))
        elif self._sharing and self._sharing.is_set():
            return  # the slots are being closed, which ends what they are given; `_on_slots` is told when they are
        elif self._slots:
            waiting, self._waiting = self._waiting, []
            for client in waiting:
                self._start(client, self._slots)
        elif self._sharing is None:
            if not generation.background.is_prefilling():
                generation.background.stop()
            self._sharing = self._thread.share(self._open_slots, self._slots_changed.emit, lambda: bool(self._running))

    @Slot(object, object)
    def _on_slots(self, sharing: CancelToken, slots: "Slots | None") -> None:
        """Use the slots that were opened; once they are closed, what was paused goes on as soon as it can."""
        if sharing is not self._sharing:
            return
        self._slots = None if sharing.is_set() else slots
        if slots is None:
            self._sharing = None
        self._start_waiting()

    def _start(self, client: ClientRequest, slots: "Slots") -> None:
        if client.stop.is_set():
            client.tell(client.whole(_cancelled(client)))
            return
        client.running = running = CancelToken()
        self._running.append(client)
        slots.submit(client.next_request(), running, partial(self._tell, client, running))
        client.stop.set_callback(running.set)

    def _take_all(self) -> list[ClientRequest]:
        """Return all requests, in the order they came; nothing more is told of them."""
        clients, self._running, self._waiting = [*self._running, *self._waiting], [], []
        for client in clients:
            client.stop.set_callback(None)
            if client.running:
                client.running.set()
                client.running = None
        return clients

    def _fail_all(self, error: PhichatError) -> None:
        for client in self._take_all():
            client.tell(error)

    @Slot()
    def _on_state(self) -> None:
        """Go on when the window is done; give up what another model has begun."""
        if self._generation.model is not self._model:
            self._model = self._generation.model
            self._fail_all(EngineError(tr("Another model was loaded in Phichat. Send the request again.")))
        self._start_waiting()

    @Slot(object, object)
    def _on_error(self, stop: CancelToken, error: PhichatError) -> None:
        if stop is self._sharing:
            self._fail_all(error)

    def _on_told(self, client: ClientRequest, running: CancelToken, what: Event | PhichatError) -> None:
        """Pass on what one of the slots tells."""
        if client.running is not running:
            return
        if isinstance(what, PhichatError):
            self._release(client)
            client.tell(what)
        elif isinstance(what, Done):
            self._on_done(client, what)
        else:
            if isinstance(what, Piece):
                client.pieces.append(what)
            elif isinstance(what, PromptReady):
                client.prompt = client.prompt or what
            client.tell(what)

    def _on_done(self, client: ClientRequest, done: Done) -> None:
        self._release(client)
        client.first = client.first or done
        if done.reason is Ending.CANCELLED and not client.stop.is_set():  # the slots were closed for the window
            self._waiting.append(client)
            self._waiting.sort(key=lambda each: each.number)
            self._start_waiting()
        else:
            client.tell(client.whole(done))

    def _release(self, client: ClientRequest) -> None:
        client.stop.set_callback(None)
        client.running = None
        self._running.remove(client)
        if not self._running:
            self._thread.end_sharing_if_awaited()


def _cancelled(client: ClientRequest) -> Done:
    return Done(Ending.CANCELLED, client.request.sampling.seed or 0)

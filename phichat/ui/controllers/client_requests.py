"""Requests of other programs, answered by the window's engine while the window does not need it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, Qt, Signal, Slot

from phichat.chat.conversation import Ending, Role, Turn, text_of, thinking_of, tokens_of
from phichat.engine.base import CancelToken, Done, Event, Loaded, Loading, ModelRef, Piece, PromptReady, Request
from phichat.errors import EngineError, ModelMissing, PhichatError
from phichat.i18n import tr
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.threads.engine_thread import EngineThread

Tell = Callable[[Event | PhichatError], None]
"""Is told what happens to a request; Done or an error is the last. It may be called in any thread."""


@dataclass(eq=False)
class ClientRequest:
    """A request of another program, and what there is of its answer.

    Attributes:
        running: the CancelToken of the order to the engine; None while it waits.
        is_paused: whether it was stopped for the window's own question, after which it goes on.
        prompt: what the model read.
        pieces: the answer so far.
    """

    request: Request
    stop: CancelToken
    tell: Tell
    running: CancelToken | None = None
    is_paused: bool = False
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
    """Has requests answered one after the other, behind whatever the window asks.

    Implements `phichat.engine.slots.Slots`. When the window asks something, the answer under way pauses, and then goes
    on from what there is. It ends with an error when the window loads another model.
    """

    _submitted = Signal(object)

    def __init__(self, thread: EngineThread, generation: GenerationController) -> None:
        super().__init__()
        self._thread, self._generation = thread, generation
        self._waiting: deque[ClientRequest] = deque()
        self._current: ClientRequest | None = None
        self._model: ModelRef | None = generation.model
        self._submitted.connect(self._on_submitted, Qt.ConnectionType.QueuedConnection)
        thread.happened.connect(self._on_event)
        thread.raised.connect(self._on_error)
        generation.asked.connect(self._pause)
        generation.state_changed.connect(self._on_state, Qt.ConnectionType.QueuedConnection)

    def submit(self, request: Request, stop: CancelToken, tell: Tell, *, is_urgent: bool = False) -> None:  # noqa: ARG002
        """Have `request` answered when it is its turn. Any thread may call."""
        self._submitted.emit(ClientRequest(request, stop, tell))

    @Slot()
    def close(self) -> None:
        """End everything as cancelled."""
        self.cancel_all()

    def cancel_all(self) -> None:
        """End everything as cancelled, at once. Only the main thread may call."""
        for client in [*self._waiting, *([self._current] if self._current else [])]:
            client.stop.set_callback(None)
            if client.running:
                client.running.set()
            client.tell(client.whole(Done(Ending.CANCELLED, client.request.sampling.seed or 0)))
        self._waiting.clear()
        self._current = None

    @Slot(object)
    def _on_submitted(self, client: ClientRequest) -> None:
        self._waiting.append(client)
        self._start_next()

    def _start_next(self) -> None:
        """Start the first that waits if the engine is free."""
        generation = self._generation
        if self._current or generation.is_answering() or generation.state is GenerationState.LOADING:
            return
        while self._waiting:
            client = self._waiting.popleft()
            if client.stop.is_set():
                client.tell(client.whole(Done(Ending.CANCELLED, client.request.sampling.seed or 0)))
            elif generation.model is None:
                client.tell(ModelMissing(tr("No model is loaded. Choose one in the Phichat window.")))
            else:
                self._start(client)
                return

    def _start(self, client: ClientRequest) -> None:
        self._generation.background.stop()
        self._current, client.is_paused = client, False
        client.running = self._thread.generate(client.next_request())
        client.stop.set_callback(client.running.set)

    @Slot(object)
    def _pause(self, _: object = None) -> None:
        if self._current and self._current.running:
            self._current.is_paused = True
            self._current.running.set()

    @Slot()
    def _on_state(self) -> None:
        """Go on when the window is done; give up what another model has begun."""
        if self._generation.model is not self._model:
            self._model = self._generation.model
            self._fail_all(EngineError(tr("Another model was loaded in Phichat. Send the request again.")))
        self._start_next()

    def _fail_all(self, error: PhichatError) -> None:
        current, self._current = self._current, None
        for client in [*([current] if current else []), *self._waiting]:
            client.stop.set_callback(None)
            if client.running:
                client.running.set()
            client.tell(error)
        self._waiting.clear()

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        client = self._current
        if client is None or stop is not client.running or isinstance(event, Loading | Loaded):
            return
        if isinstance(event, Piece):
            client.pieces.append(event)
        elif isinstance(event, PromptReady):
            client.prompt = client.prompt or event
        if isinstance(event, Done):
            self._on_done(client, event)
        else:
            client.tell(event)

    def _on_done(self, client: ClientRequest, done: Done) -> None:
        self._release()
        client.first = client.first or done
        if client.is_paused and done.reason is Ending.CANCELLED and not client.stop.is_set():
            self._waiting.appendleft(client)
        else:
            client.tell(client.whole(done))
        self._start_next()

    @Slot(object, object)
    def _on_error(self, stop: CancelToken, error: PhichatError) -> None:
        client = self._current
        if client and stop is client.running:
            self._release()
            client.tell(error)
            self._start_next()

    def _release(self) -> None:
        client, self._current = self._current, None
        if client:
            client.stop.set_callback(None)
            client.running = None

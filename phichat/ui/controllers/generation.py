"""The generation controller: sends questions to the engine, and puts replies into their conversation (no widgets)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from enum import Enum, auto
from functools import partial
from typing import Any

from PySide6.QtCore import Signal, Slot

from phichat.chat.attachments import Attachments, with_attachments
from phichat.chat.candidates import Candidate
from phichat.chat.conversation import Ending, Message, Reply, Turn
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.chat.sources import Sources
from phichat.chat.weighed_reply import WeighedReply, WeighedToken
from phichat.engine.base import (
    AnswerEvent,
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    Loading,
    ModelRef,
    Notice,
    Piece,
    PromptFit,
    PromptReady,
    Reading,
    Request,
)
from phichat.ui.controllers import generation_sentences as sentences
from phichat.ui.controllers.autosave import ReplyStore
from phichat.ui.controllers.growing_replies import GrowingReplies
from phichat.ui.controllers.idle_requests import IdleRequests
from phichat.ui.threads.engine_thread import EngineThread


class GenerationState(Enum):
    """What the model is doing."""

    EMPTY = auto()
    LOADING = auto()
    IDLE = auto()
    READING = auto()
    WRITING = auto()


class GenerationController(IdleRequests):
    """Loads models, and generates one reply at a time, or several versions of it.

    Attributes:
        state: what it is doing.
        finds_undecided: whether replies are to tell where the model was least sure.
        checksum: returns the checksum of a model's file, if known.
        search: begins to search documents for the last question of a session, for `on_found`; None if it uses none.
        may_find_more: tells whether another search for a question of a session may find more than these sources.
        candidates: how many of the likeliest tokens they are to tell with each of theirs; 0 for none.
        may_send_to: whether messages may be sent to where that model is.

    Signals:
        state_changed: `state`, `model` or `loaded` changed.
        replied(Session, Message): a reply begins, grows or ends; asked(Session): one is about to begin.
        version_replied(Session, Message): one that is generated beside another one does, or ends before the others.
        failed(Session, str), noticed(Session, Notice): about a failure, or something else; None if about no session.
        shortened(Session, str): a sentence about messages that do not fit into the prompt.
        progressed(str, float): a sentence about loading or reading, empty when that is over; and the part that is done,
            negative if unknown.
        prompt_made(PromptReady): the prompt of a question, as tokens.
        fitted(Session, PromptFit): how a prompt fits into the context; also that of the draft.
        measured(Done), answered(Session, Done): the figures of a reply that ended, and where that is.
        model_loaded(Loaded): a model was loaded.
        cached_prompts_discarded: the engine has discarded what it had cached of conversations.
    """

    state_changed = Signal()
    replied = Signal(object, object)
    version_replied = Signal(object, object)
    asked = Signal(object)
    failed = Signal(object, str)
    noticed = Signal(object, object)
    shortened = Signal(object, str)
    progressed = Signal(str, float)
    prompt_made = Signal(object)
    fitted = Signal(object, object)
    measured = Signal(object)
    answered = Signal(object, object)
    model_loaded = Signal(object)
    cached_prompts_discarded = Signal()

    def __init__(
        self,
        thread: EngineThread,
        settings: Callable[[int], EngineSettings],
        reply_store: ReplyStore | None = None,
        checksum: Callable[[ModelRef], str | None] = lambda _: None,
    ) -> None:
        super().__init__(thread)
        self._settings, self.checksum = settings, checksum
        self.state = GenerationState.EMPTY
        self.finds_undecided = False
        self.candidates = 0
        self.may_send_to: Callable[[ModelRef], bool] = lambda _: True
        self._good: ModelRef | None = None
        self._context = 0
        self._loading: CancelToken | None = None
        self._reply: CancelToken | None = None
        self.search: Callable[[Session], CancelToken | None] = lambda _: None
        self.may_find_more: Callable[[Session, Sources], bool] = lambda _, __: False
        self._is_searching = False
        self._send: Callable[[tuple[Turn, ...]], CancelToken]
        self._session: Session | None = None
        self._reply_store = reply_store
        self._growing = GrowingReplies(reply_store, self)
        self._growing.replied.connect(self.replied)
        self._growing.version_replied.connect(self.version_replied)
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)
        self.background.fitted.connect(self.fitted)
        self.background.load_progressed.connect(self._on_loading)
        self.background.loaded.connect(self._on_background_loaded)
        self.background.noticed.connect(partial(self.noticed.emit, None))

    def is_idle(self) -> bool:
        return self.state is GenerationState.IDLE

    def is_answering(self) -> bool:
        """Whether a reply is being generated, or waits for the model."""
        return self._reply is not None

    def is_reply(self, stop: CancelToken) -> bool:
        """Whether `stop` is that of the reply under way."""
        return stop is self._reply

    def answers(self, session: Session) -> bool:
        """Whether the reply under way belongs to `session`."""
        return self._reply is not None and session is self._session

    @property
    def session(self) -> Session | None:
        """The conversation of the reply under way, or of the last one; None before the first."""
        return self._session

    def load_model(self, model: ModelRef, context: int) -> None:
        """Load `model` in place of the present one, and stop a reply under way."""
        self.stop()
        self.background.stop()
        if self._loading:
            self._loading.set()
        self.model, self.loaded, self._context = model, None, context
        self._loading = self._thread.load(model, partial(self._settings, context))
        self._become(GenerationState.LOADING)

    def set_fallback(self, model: ModelRef) -> None:
        """Load `model` when the first one cannot be loaded."""
        self._good = self._good or model

    def submit(self, session: Session, text: str, attachments: Attachments = ()) -> None:
        """Ask `text` in `session`; the question waits for a model that is being loaded."""
        whole = with_attachments(text, attachments)
        self._ask(session, lambda reply: session.begin_reply(text, reply, attachments=attachments), text=whole)

    def retry(
        self, session: Session, message: Message | None = None, sampling: Sampling | None = None, kept_model: str = ""
    ) -> None:
        """Generate another version of `message`, or the last reply; the conversation keeps `kept_model`, if given."""
        self._ask(session, self._retrying(session, message), sampling, kept_model=kept_model)

    def retry_several(self, session: Session, message: Message, samplings: Sequence[Sampling]) -> None:
        """Generate as many other versions of the reply `message` at the same time as there are `samplings`."""
        self._ask(session, self._retrying(session, message), samplings[0], several=tuple(samplings))

    def _retrying(self, session: Session, message: Message | None) -> Callable[[Reply], tuple[Turn, ...]]:
        return partial(session.retry, message=message, may_find_more=partial(self.may_find_more, session))

    def edit(
        self,
        session: Session,
        message: Message,
        text: str,
        attachments: Attachments | None = None,
        sources: Sources | None = None,
    ) -> None:
        """Ask `text` as another version of the user's `message`; with its files, or others, and these sources."""
        self._ask(session, lambda reply: session.edit(message, text, reply, attachments, sources))

    def continue_reply(self, session: Session) -> None:
        """Continue the last reply of `session`."""
        self._ask(session, session.continue_reply)

    def branch(
        self, session: Session, message: Message, weighed: WeighedReply, place: WeighedToken, candidate: Candidate
    ) -> None:
        """Generate another version of the reply `message` that is the same before `place` and has `candidate` there.

        `weighed` is by the model in use: candidates of another model mean nothing to it.
        """
        if self.model and weighed.model != self.model.name:
            self.failed.emit(session, sentences.describe_foreign_candidates(weighed.model, self.model.title))
            return
        self._ask(session, lambda reply: session.branch_reply(reply, message, weighed, place, candidate))

    def answer_now(self) -> None:
        """End the thinking of the reply under way, so that its answer follows."""
        if self._reply:
            self._reply.hurry()
            self._growing.forget_seeds()

    def is_thinking(self, session: Session) -> bool:
        """Whether the reply under way, or one beside it, belongs to `session`, and thinks as long as it likes."""
        growing = [each.answering for each in (session, *session.beside)]
        is_thinking = any(message and message.is_thinking for message in growing)
        return bool(is_thinking and self._reply and not self._reply.is_hurried())

    def stop(self) -> None:
        """Stop the reply under way; what is written of it stays."""
        if self._reply is None:
            return
        self.background.stop()
        self._reply.set()
        if self.state is GenerationState.LOADING or self._is_searching:  # it has not even begun
            self._end_reply(Ending.CANCELLED)

    @Slot()
    def close(self) -> None:
        """Stop the reply under way and finish it at once, as the window is closing."""
        self.background.stop()
        if self._reply:
            self._reply.set()
            self._end_reply(Ending.CANCELLED)

    def _ask(
        self,
        session: Session,
        begin: Callable[[Reply], tuple[Turn, ...]],
        sampling: Sampling | None = None,
        text: str = "",
        several: tuple[Sampling, ...] = (),
        kept_model: str = "",
    ) -> None:
        if self._reply or not self.model or not self.may_send_to(self.model):
            return
        self.background.stop_for(session, text)
        sampling = (sampling or session.sampling).with_seed()
        turns = begin(Reply(self.model.name, sampling.seed, sampling=asdict(sampling)))
        session.model = kept_model or self.model.name
        request = Request(turns, sampling, session.begun, session.forced, is_temporary=session.is_temporary)
        request = replace(request, candidates=self.candidates, finds_undecided=self.finds_undecided)
        if len(several) > 1:
            request = replace(request, count=len(several), samplings=several, finds_undecided=False)
        for other in map(request.sampling_of, range(1, request.count)):
            session.open_version(Reply(self.model.name, other.seed, sampling=asdict(other)))
        self._session = session
        self.asked.emit(session)
        stored = self._reply_store.store_question(session) if self._reply_store else None
        self._send = lambda turns: self._thread.generate(replace(request, turns=turns), stored)
        search = self.search(session) if session.begun is None else None
        self._is_searching = search is not None
        self._reply = search or self._send(turns)
        self._become(GenerationState.LOADING if self._loading else GenerationState.READING)
        self._growing.begin(session)

    @Slot(object, object)
    def on_found(self, search: CancelToken, sources: Sources) -> None:
        """Send the question that `search` was for, with what was found."""
        if search is self._reply and self._session:
            turns = self._session.set_sources(sources)
            if self._reply_store and (question := self._session.answered_question()):
                self._reply_store.store_reply(self._session, question)
            self._is_searching, self._reply = False, self._send(turns)
            self._growing.begin(self._session)

    @Slot(object, str)
    def on_search_failed(self, search: CancelToken, sentence: str) -> None:
        """End the reply that waits for `search`."""
        if search is self._reply:
            self._fail_reply(sentence)

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if stop is self._forgetting and isinstance(event, Done):
            self._forgetting = None
            self.cached_prompts_discarded.emit()
        elif stop is self._loading or stop is self._reply:
            self._handle(stop, event)

    def _handle(self, stop: CancelToken, event: Event) -> None:
        match event:
            case Piece():
                self._on_piece(0, event)
            case AnswerEvent():
                self._on_answer(event)
            case Reading(done, total):
                share = done / max(total, 1)
                self.progressed.emit(sentences.describe_reading(share), share)
            case Loading(fraction):
                self._on_loading(fraction)
            case Loaded():
                self._on_loaded(stop, event)
            case PromptReady():
                self._on_prompt(event)
            case PromptFit():
                self.fitted.emit(self._session, event)
            case Notice():
                self.noticed.emit(self._session if stop is self._reply else None, event)
            case Done():
                self._on_done(event)

    def _on_answer(self, answer: AnswerEvent) -> None:
        match answer.event:
            case Piece() as piece:
                self._on_piece(answer.answer, piece)
            case Done() as done:
                self._growing.finish_one(answer.answer, done.reason, asdict(done), self._made())

    def _on_piece(self, number: int, piece: Piece) -> None:
        self._growing.add(number, piece)
        if self.state is not GenerationState.WRITING:
            self._become(GenerationState.WRITING)

    @Slot(float)
    def _on_loading(self, fraction: float) -> None:
        if self.model and fraction >= 0:
            self.progressed.emit(
                sentences.describe_loading(self.model.title, fraction), fraction if fraction < 1 else -1.0
            )
        elif self.state is GenerationState.IDLE:
            self.progressed.emit("", 0.0)

    def _on_loaded(self, stop: CancelToken, loaded: Loaded) -> None:
        """Handle a model that was loaded as ordered or, within a reply, again after its process had died."""
        if stop is self._loading:
            self._loading, self._good = None, self.model
        elif self._loading:
            return
        self.model, self.loaded = loaded.model if loaded.model.is_remote else self.model, loaded
        self.model_loaded.emit(loaded)
        self._become(GenerationState.READING if self._reply else GenerationState.IDLE)

    @Slot(object)
    def _on_background_loaded(self, loaded: Loaded) -> None:
        if self._loading:  # another model is to follow
            return
        self.progressed.emit("", 0.0)
        self.loaded = loaded
        self.model_loaded.emit(loaded)
        self.state_changed.emit()

    def _on_prompt(self, prompt: PromptReady) -> None:
        self.prompt_made.emit(prompt)
        if prompt.dropped:
            self.shortened.emit(self._session, sentences.describe_dropped(prompt.dropped))

    @Slot(object, str)
    def _on_failure(self, stop: CancelToken, sentence: str) -> None:
        if stop is self._loading:
            failed, self._loading, self.model = self.model, None, None
            self._fail_reply(sentence)
            if self._good and self._good != failed:
                self.load_model(self._good, self._context)
            else:
                self._become(GenerationState.EMPTY)
            self.failed.emit(None, sentence)
        elif stop is self._reply:
            session = self._session
            self._fail_reply(sentence)
            self.failed.emit(session, sentence)

    def _on_done(self, done: Done) -> None:
        session = self._session
        self._end_reply(done.reason, asdict(done))
        self.measured.emit(done)
        self.answered.emit(session, done)

    def _fail_reply(self, sentence: str) -> None:
        if self._reply:
            self._reply.set()
            self._end_reply(Ending.ERROR, {"error": sentence})

    def _end_reply(self, ending: Ending, statistics: dict[str, Any] | None = None) -> None:
        self._growing.show_pieces()
        self._reply, self._is_searching = None, False
        self._growing.finish(ending, statistics or {}, self._made())
        free = GenerationState.IDLE if self.model else GenerationState.EMPTY
        self._become(GenerationState.LOADING if self._loading else free)

    def _made(self) -> dict[str, Any]:
        """Return what the reply was made with, besides its settings."""
        if not self.loaded:
            return {}
        return {"engine": self.loaded.made_with, "model_sha256": self.checksum(self.loaded.model)}

    def _become(self, state: GenerationState) -> None:
        self.state = state
        if state not in {GenerationState.LOADING, GenerationState.READING}:
            self.progressed.emit("", 0.0)
        self.state_changed.emit()

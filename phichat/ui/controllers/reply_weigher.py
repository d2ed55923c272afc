"""The controller that has answers weighed which were written without: read again, on demand."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.choice_table import ChoiceTable
from phichat.chat.conversation import Ending, Message, Reply, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.chat.weighed_reply import WeighedReply, weighed_reply
from phichat.engine.base import CancelToken, Done, Event, Piece, Reading, Request, Undecided
from phichat.i18n import tr
from phichat.ui.controllers.autosave import ReplyStore
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.threads.engine_thread import EngineThread

CANDIDATES = 10
MOST = 50  # answers read by another model than their own whose weighing is remembered


class ReplyWeigher(QObject):
    """Has one answer at a time weighed, while nothing else is asked of the model: a question cancels it.

    What the answer's own model says is stored with it; what another says is remembered for a while.

    Signals:
        progressed(str, float): how much of the answer with that id, and of what it answers, is read, from 0 to 1.
        weighed(Session, Message, WeighedReply): an answer was weighed.
        undecided(Session, Message, Undecided): where the model was least sure in its own answer, before that; if
            replies are to tell.
        failed(str, str): that of that id could not be; one sentence.
        cancelled(str): it was cancelled, or something was asked.
    """

    progressed = Signal(str, float)
    weighed = Signal(object, object, object)
    undecided = Signal(object, object, object)
    failed = Signal(str, str)
    cancelled = Signal(str)

    def __init__(
        self,
        thread: EngineThread,
        generation: GenerationController,
        reply_store: ReplyStore | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._generation, self._reply_store = generation, reply_store
        self._stop: CancelToken | None = None
        self._session, self._message, self._model = Session(), Message(Role.ASSISTANT, ""), ""
        self._table = ChoiceTable()
        self._of_others: dict[str, WeighedReply] = {}  # by message
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)

    def known(self, message: Message) -> WeighedReply | None:
        """Return what was weighed at the words of `message`, so far if it grows; None if that is not known yet."""
        session = self._generation.session
        if session and session.answering and session.answering.id == message.id:
            return session.weighed_so_far()
        found = self._of_others.get(message.id)
        return found if found and found.text == message.text else weighed_reply(message)

    def is_weighing(self, message: Message) -> bool:
        """Return whether `message` is being weighed."""
        return self._stop is not None and self._message.id == message.id

    def can_weigh(self) -> bool:
        """Return whether the model can do it, and has time."""
        return self._generation.is_idle_here()

    def is_own(self, message: Message) -> bool:
        """Return whether the model in use wrote `message`."""
        model = self._generation.model
        if model is None or message.reply is None or message.reply.model != model.name:
            return False
        checksums = {message.reply.model_sha256, self._generation.checksum(model)} - {None}
        return len(checksums) < 2

    def objection(self) -> str:
        """Return why the model in use can't weigh anything, as a sentence; empty if it can."""
        loaded = self._generation.loaded
        if loaded is None or not loaded.model.is_remote:
            return ""
        if loaded.capabilities and loaded.capabilities.candidates:
            return tr(
                "Phichat doesn’t know how sure the model was. {host} only reports this while the model is writing."
            ).format(host=loaded.model.host)
        return tr("{host} doesn’t report how sure the model is.").format(host=loaded.model.host)

    def difference(self, message: Message) -> str:
        """Return a sentence if another model than that in use wrote `message`; empty if it is the same."""
        model = self._generation.model
        if model is None or self.is_own(message):
            return ""
        author = message.reply.model if message.reply else ""
        if not author:
            known = tr("The model that wrote this answer is unknown. {model} can estimate how likely each word is.")
        elif author == model.name:
            known = tr(
                "This answer was written with a different {model} file. The current model can estimate how "
                "likely each word is."
            )
        else:
            known = tr("{author} wrote this answer, but {model} can estimate how likely each word is.")
        return known.format(author=author, model=model.title)

    def weigh(self, session: Session, message: Message) -> bool:
        """Have the model in use read `message` of `session` again; return False if it has no time for that."""
        model = self._generation.model
        if model is None or not self.can_weigh():
            return False
        self.cancel()
        self._session, self._message, self._model, self._table = session, message, model.name, ChoiceTable()
        reply = message.reply or Reply()
        sampling = replace(Sampling().with_values(reply.sampling), seed=reply.seed)
        tokens = reply.tokens if self.is_own(message) else ()
        turns = session.turns_before(message, model.name)
        begun = Turn(Role.ASSISTANT, message.text, tokens, thinking=message.thinking)
        request = Request(turns, sampling, begun, weighs_begun=True, candidates=CANDIDATES)
        if self._generation.finds_undecided:
            request = replace(request, finds_undecided=True, branched_at=session.conversation.branch_offsets(message))
        self._stop = self._generation.background.weigh(replace(request, is_temporary=session.is_temporary))
        self.progressed.emit(message.id, 0.0)
        return True

    @Slot()
    def cancel(self) -> None:
        """Stop what is being weighed."""
        if self._stop:
            self._generation.background.stop()
            self._end_cancelled()

    def _end_cancelled(self) -> None:
        self._stop = None
        self.cancelled.emit(self._message.id)

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if stop is not self._stop:
            return
        match event:
            case Piece():
                self._table.add_piece(event)
            case Undecided() if self.is_own(self._message):
                self.undecided.emit(self._session, self._message, event)
            case Reading(done, total):
                self.progressed.emit(self._message.id, done / max(total, 1))
            case Done(Ending.CANCELLED):
                self._end_cancelled()
            case Done():
                self._finish()

    @Slot(object, str)
    def _on_failure(self, stop: CancelToken, sentence: str) -> None:
        if stop is self._stop:
            self._stop = None
            self.failed.emit(self._message.id, sentence)

    def _finish(self) -> None:
        self._stop = None
        message = self._session.conversation.message(self._message.id)
        choices = self._table.pack()
        weighed = weighed_reply(message, choices, self._model) if message else None
        if message is None or weighed is None:
            self.failed.emit(
                self._message.id,
                tr(
                    "This answer can’t be converted exactly into the model’s tokens, so the probabilities "
                    "of its words are unknown."
                ),
            )
            return
        if self.is_own(message) and message.reply:
            reply = replace(message.reply, choices=choices)
            message = self._session.conversation.replace_message(message, reply=reply)
            if self._reply_store:
                self._reply_store.store_choices(self._session, message)
        else:
            self._remember(message, weighed)
        self.weighed.emit(self._session, message, weighed)

    def _remember(self, message: Message, weighed: WeighedReply) -> None:
        self._of_others.pop(message.id, None)
        self._of_others[message.id] = weighed
        for name in list(self._of_others)[:-MOST]:
            del self._of_others[name]

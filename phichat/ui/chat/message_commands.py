"""Commands on messages of the current conversation."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.attachments import Attachments
from phichat.chat.conversation import Ending, Message, Role
from phichat.chat.reply_diff import explain_difference
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.consent import SendingConsent
from phichat.ui.controllers.autosave import AutoSave
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.model_selection import ModelSelection
from phichat.ui.transcript.transcript import Transcript
from phichat.ui.widgets.clipboard import copy_to_clipboard

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


class MessageCommands(QObject):
    """Carries out the requests of the transcript's `MessageSignals`.

    Signals:
        path_changed(Session): another path of its conversation is shown.
        removed(Session, list[Message]), restored(Session, list[Message]): messages left the conversation, or came back.
        discarded(Session, list[Message]): a version that failed left it, which nobody asked for.
        pinned(Session, Message): a message was pinned or unpinned.
        change_made(str, Callable, Callable): what was done, and the functions to undo and redo it.
        toggled(str, Callable, Callable): what was done with a visible result, and the functions to undo and redo it.
        notified(str): a sentence about what happened.
        refused(str): why nothing happened.
    """

    path_changed = Signal(object)
    removed = Signal(object, object)
    discarded = Signal(object, object)
    restored = Signal(object, object)
    pinned = Signal(object, object)
    change_made = Signal(str, object, object)
    toggled = Signal(str, object, object)
    notified = Signal(str)
    refused = Signal(str)

    def __init__(
        self,
        transcript: Transcript,
        composer: Composer,
        generation: GenerationController,
        current: CurrentConversation,
        model_selection: ModelSelection,
        models: "Callable[[], Sequence[ModelRef]]",
        consent: SendingConsent,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._transcript, self._composer = transcript, composer
        self._generation, self._current = generation, current
        self._model_selection, self._models, self._consent = model_selection, models, consent
        self._repeats: dict[str, Message] = {}
        context, signals = transcript.context, transcript.context.signals
        context.models, context.siblings = models, self._siblings
        context.continue_objection = partial(_continue_objection, generation)
        signals.retry_requested.connect(self._retry)
        signals.continue_requested.connect(self._continue_reply)
        signals.regenerate_requested.connect(self._regenerate)
        signals.several_requested.connect(self._retry_several)
        signals.repeat_requested.connect(self._repeat)
        signals.edit_submitted.connect(self._edit)
        signals.version_chosen.connect(self._show_version)
        signals.quote_requested.connect(self._quote)
        signals.delete_requested.connect(self._delete)
        signals.pin_requested.connect(self._pin)
        transcript.selection.copied.connect(self.notified)
        generation.state_changed.connect(self._on_state)
        generation.replied.connect(self._on_replied)
        generation.asked.connect(self._on_asked)
        current.session_changed.connect(self.show_path)
        current.message_found.connect(self.show_message)

    @property
    def _session(self) -> Session:
        return self._current.session

    def store_in(self, autosave: AutoSave) -> None:
        """Have `autosave` store what changes."""
        self.path_changed.connect(autosave.path_changed)
        self.removed.connect(autosave.branch_removed)
        self.discarded.connect(autosave.versions_removed)
        self.restored.connect(autosave.branch_restored)
        self.pinned.connect(autosave.message_pinned)

    @Slot()
    def show_path(self) -> None:
        """Show the current path of the conversation, from its end."""
        self._on_state()
        self._transcript.show_path(self._session.conversation.path())

    @Slot(str, str)
    def show_message(self, name: str, words: str = "") -> None:
        """Show the message with the id `name`, on whatever branch it is, and mark `words`."""
        session = self._session
        message = session.conversation.message(name)
        if message and all(other.id != name for other in session.conversation.path()):
            session.conversation.show_branch(message)
            self.path_changed.emit(session)
        self.show_path()
        self._transcript.show_message(name, words)

    @Slot()
    def copy_conversation(self) -> None:
        """Copy the current path to the clipboard as Markdown."""
        if path := self._session.conversation.path():
            from phichat.ui.transcript.copying import messages_data  # noqa: PLC0415 - takes 10 ms: it imports Markdown

            copy_to_clipboard(messages_data(path, self._transcript.context.find_sources))
            self.notified.emit(tr("Conversation copied."))

    def _siblings(self, message: Message) -> list[Message]:
        return self._session.conversation.siblings(message)

    def _can_ask(self) -> bool:
        return self._generation.model is not None and not self._generation.is_answering()

    def _is_free(self) -> bool:
        """Return whether the model can answer; if it cannot, say so."""
        if self._generation.is_answering():
            self.refused.emit(tr("The model is busy. Try again when the answer is finished."))
        return self._can_ask()

    @Slot(object)
    def _retry(self, message: Message, sampling: Sampling | None = None, model: str = "") -> None:
        """Generate another version of `message`; the conversation's model then is that called `model`, if any."""
        if self._is_free() and self._consent.is_given(partial(self._retry, message, sampling, model)):
            focused = self._transcript.focused_view
            self._generation.retry(self._session, message, sampling, model)
            self._transcript.follow()
            if focused and not self._transcript.focused_view:  # as it gave way to the new answer
                self._composer.setFocus()

    @Slot(object, object, object)
    def _regenerate(self, message: Message, sampling: Sampling, model: "ModelRef | None") -> None:
        again = partial(self._regenerate, message, sampling, model)
        if not self._is_free() or not self._consent.is_given(again, model):
            return
        former = self._model_selection.use_once(model) if model else ""
        self._retry(message, sampling, former)

    @Slot(object, object)
    def _retry_several(self, message: Message, samplings: Sequence[Sampling]) -> None:
        if self._is_free() and self._consent.is_given(partial(self._retry_several, message, samplings)):
            self._generation.retry_several(self._session, message, samplings)

    @Slot(object)
    def _repeat(self, message: Message) -> None:
        """Generate the reply again with its settings and seed, by its own model if that is still there."""
        reply = message.reply
        if reply is None or not self._is_free():
            return
        sampling = self._session.sampling.with_values({**reply.sampling, "seed": reply.seed})
        model = next((model for model in self._models() if model.name == reply.model), None)
        self._regenerate(message, sampling, model)
        if made := self._session.answering:
            self._repeats[made.id] = message

    @Slot(object)
    def _continue_reply(self, message: Message) -> None:
        if not self._transcript.is_last(message) or not self._is_free():
            return
        if objection := _continue_objection(self._generation, message):
            self.refused.emit(objection)
        elif self._consent.is_given(partial(self._continue_reply, message)):
            self._transcript.context.state.remarks.pop(message.id, None)
            self._generation.continue_reply(self._session)
            self._transcript.follow()

    @Slot(object, str, object)
    def _edit(self, message: Message, text: str, attachments: Attachments) -> None:
        if self._is_free() and self._consent.is_given(partial(self._edit, message, text, attachments)):
            self._transcript.close_editor(message)
            self._generation.edit(self._session, message, text, attachments)
            self._transcript.follow()
            self._composer.setFocus()

    @Slot(object)
    def _show_version(self, message: Message) -> None:
        self._session.conversation.show_branch(message)
        self._show_near(message)

    @Slot(str)
    def _quote(self, text: str) -> None:
        self._composer.flush_draft()
        before = self._composer.text().rstrip()
        quoted = "\n".join(f"> {line}".rstrip() for line in text.strip("\n").split("\n"))
        self._composer.edit_text("\n\n".join(filter(None, [before, quoted])) + "\n\n")
        self._composer.setFocus()

    @Slot(object)
    def _delete(self, message: Message) -> None:
        if self._generation.answers(self._session):
            return
        session, name = self._session, self._session.conversation.id
        removals = [self._remove(session, message)]
        if not session.conversation.path():
            self._composer.setFocus()  # else the focus goes to what is offered in an empty conversation

        def undo() -> None:
            if removals:  # else what was to be removed again was gone
                removals.pop()()

        def redo() -> None:
            live = self._current.cached_session(name) or session
            if not self._generation.answers(live) and (again := live.conversation.message(message.id)):
                removals.append(self._remove(live, again))

        self.change_made.emit(tr("Messages deleted."), undo, redo)

    def _remove(self, session: Session, message: Message) -> Callable[[], None]:
        """Remove `message` and all that follow; return the function that brings them back."""
        conversation = session.conversation
        tip, title = conversation.tip, conversation.title
        beside = [other for other in conversation.siblings(message) if other.id != message.id]
        before, gone = conversation.path_before(message), conversation.remove_branch(message)
        self.removed.emit(session, gone)
        self._show_change(session, beside[-1] if beside else None)

        def bring_back() -> None:
            live = self._current.cached_session(conversation.id) or session  # it may have been read again
            lost = [other for other in before if not live.conversation.message(other.id)]  # a version that had failed
            back = [*lost, *gone]
            live.conversation.restore_messages(back)
            if not live.is_answering():
                live.conversation.tip, live.conversation.title = tip, title
            self.restored.emit(live, back)
            self._show_change(live, message)

        return bring_back

    def _show_change(self, session: Session, message: Message | None) -> None:
        if session is self._session:
            self._show_near(message)
        else:
            self.path_changed.emit(session)

    @Slot(object)
    def _pin(self, message: Message) -> None:
        session, is_pinned = self._session, not message.is_pinned
        done = tr("Message pinned.") if is_pinned else tr("Message unpinned.")
        self._set_pinned(session, message.id, is_pinned=is_pinned)
        announce(self._transcript, done)
        self.toggled.emit(
            done,
            lambda: self._set_pinned(session, message.id, is_pinned=not is_pinned),
            lambda: self._set_pinned(session, message.id, is_pinned=is_pinned),
        )

    def _set_pinned(self, session: Session, name: str, *, is_pinned: bool) -> None:
        if changed := session.set_pinned(name, is_pinned=is_pinned):
            self._transcript.update_message(changed)
            self.pinned.emit(session, changed)

    def _show_near(self, message: Message | None) -> None:
        path = self._session.conversation.path()
        if message and path:
            self._transcript.show_path_near(path, message)
        else:
            self._transcript.show_path(path)
        self.path_changed.emit(self._session)

    @Slot()
    def _on_state(self) -> None:
        state = self._transcript.context.state
        now = self._can_ask(), self._generation.answers(self._session)
        if now != (state.can_ask, state.is_answering):
            state.can_ask, state.is_answering = now
            self._transcript.refresh_actions()

    @Slot(object)
    def _on_asked(self, session: Session) -> None:
        """Remove the empty versions of the answers that the conversation goes on from."""
        for message in session.conversation.path()[:-1]:
            self._remove_failed_versions(session, message)

    def _remove_failed_versions(self, session: Session, message: Message) -> None:
        """Remove the versions of the answer `message` without a word, as they failed or were stopped, if it has words.

        One that was asked after stays, with what follows it.
        """
        if message.role is not Role.ASSISTANT or _is_nothing(message):
            return
        conversation = session.conversation
        for other in conversation.siblings(message):
            if _is_nothing(other) and not conversation.has_replies(other):
                self.discarded.emit(session, conversation.remove_branch(other))

    @Slot(object, object)
    def _on_replied(self, session: Session, message: Message) -> None:
        """Once a reply is complete, remove what failed before, and remark whether one that was repeated is the same."""
        if message.reply is None or message.reply.ending is Ending.ANSWERING:
            return
        if not session.beside and len(session.conversation.siblings(message)) > 1:
            self._remove_failed_versions(session, message)
            self._transcript.update_message(message)
        old = self._repeats.pop(message.id, None)
        if old is None or old.reply is None or message.reply.ending in {Ending.CANCELLED, Ending.ERROR}:
            return
        same = message.text == old.text
        remark = (
            tr("The new answer is identical to the previous version.")
            if same
            else explain_difference(old.reply, message.reply)
        )
        self._transcript.show_remark(message, remark)


def _is_nothing(message: Message) -> bool:
    """Return whether a reply failed or was stopped before its first word."""
    has_failed = message.reply is not None and message.reply.ending in {Ending.ERROR, Ending.CANCELLED}
    return has_failed and not (message.text or message.thinking)


def _continue_objection(generation: GenerationController, message: Message) -> str:
    """Return why the model in use can't continue the answer `message`, as a sentence; empty if it can."""
    model, loaded = generation.model, generation.loaded
    if model is None or not model.is_remote or loaded is None or loaded.capabilities is None:
        return ""
    if not loaded.capabilities.continues:
        return tr("{host} doesn’t support continuing answers. Regenerate the answer instead.").format(host=model.host)
    if not message.text:
        text = tr("{host} can’t continue the model’s thinking. Regenerate the answer instead.")
        return text.format(host=model.host)
    return ""

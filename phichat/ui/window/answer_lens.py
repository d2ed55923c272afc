"""Answers under the lens in the transcript: which ones, where to go on in them, and what a chosen word does."""

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from phichat.chat.candidates import Candidate
from phichat.chat.conversation import Message, Role
from phichat.chat.session import Session
from phichat.chat.weighed_reply import WeighedReply, WeighedToken
from phichat.i18n import tr
from phichat.ui.actions import Actions
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.reply_weigher import CANDIDATES, ReplyWeigher
from phichat.ui.feedback import FeedbackController
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.transcript import Transcript
from phichat.ui.widgets.parent import parent_window

if TYPE_CHECKING:
    from phichat.ui.lens.answer_lens import AnswerLens
    from phichat.ui.lens.lens_text import LensText
    from phichat.ui.lens.pointer import LensPointer
    from phichat.ui.transcript.message_view import MessageView

_SOURCE = "lens"  # of feedback


class AnswerLensController(QObject):
    """Makes the lenses of answers, and connects them to the model and the menus.

    Signals: `score_requested(str)`: show how surprising a text is; empty for one that is still to be written.
    """

    score_requested = Signal(str)

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        actions: Actions,
        transcript: Transcript,
        generation: GenerationController,
        current: CurrentConversation,
        feedback: FeedbackController,
    ) -> None:
        super().__init__(window)
        self._theme, self._transcript = theme, transcript
        self._generation, self._current, self._feedback = generation, current, feedback
        self._state = transcript.context.state
        self._lenses: list[AnswerLens] = []
        self._pointer: LensPointer | None = None
        self._weigher: ReplyWeigher | None = None
        self._branched = ""  # the id of the version that is to have the focus once it has a word
        self._wanted = ""  # the id of the answer that the user wants to have read
        self._tried: set[str] = set()  # the ids of answers that were read in idle time, or are not to be
        generation.asked.connect(self._on_asked)
        generation.answered.connect(self._on_answered)
        actions.score.triggered.connect(self._on_score)
        transcript.changed.connect(self._focus_branched)
        transcript.context.signals.score_requested.connect(self.score_requested)
        actions.lens.toggled.connect(self._on_toggled)
        actions.next_hesitation.triggered.connect(self._on_next)
        actions.previous_hesitation.triggered.connect(self._on_previous)
        transcript.context.signals.lens_toggled.connect(self._on_toggled_one)

    def set_weigher(self, weigher: ReplyWeigher) -> None:
        """Have `weigher` read answers again of which nothing is known; from now on, there are lenses."""
        self._weigher = weigher
        weigher.progressed.connect(self._on_reading)
        weigher.weighed.connect(self._on_weighed)
        weigher.failed.connect(self._on_reading_ended)
        weigher.cancelled.connect(self._on_reading_ended)
        weigher.cancelled.connect(self._on_reading_cancelled)
        self._transcript.context.make_lens = partial(self._make_lens, weigher)

    def _make_lens(self, weigher: ReplyWeigher) -> "AnswerLens":
        from phichat.ui.lens.answer_lens import AnswerLens  # noqa: PLC0415 - with the first answer under the lens
        from phichat.ui.lens.pointer import LensPointer  # noqa: PLC0415

        lens = AnswerLens(self._theme, weigher)
        lens.step_requested.connect(self._on_step)
        lens.reading_requested.connect(self._on_reading_requested)
        lens.reading_cancelled.connect(self._on_reading_refused)
        if self._pointer is None:
            self._pointer = LensPointer(self._theme, parent_window(self, QWidget), self._can_branch)
            self._pointer.chosen.connect(self._branch)
        self._pointer.add(lens.text)
        self._lenses = [each for each in self._lenses if isValid(each)]
        self._lenses.append(lens)
        return lens

    def _can_branch(self) -> bool:
        model = self._generation.model
        return model is not None and not model.is_remote and not self._generation.is_answering()

    @Slot(object)
    def _on_reading_requested(self, message: Message) -> None:
        self._wanted = message.id
        if self._weigher and not self._weigher.weigh(self._current.session, message):
            self._feedback.tell(tr("The model is busy. Try again when the answer is finished."))

    @Slot(str)
    def _on_reading_cancelled(self, name: str) -> None:
        """Read the answer another time: something was asked meanwhile."""
        self._tried.discard(name)

    @Slot()
    def _on_reading_refused(self) -> None:
        """Stop reading, and leave the other answers alone until the lens is switched on again."""
        if self._weigher:
            self._weigher.cancel()
        self._tried.update(message.id for message in self._transcript.path())

    @Slot()
    def weigh_next(self) -> None:
        """Have the first answer under the lens of which nothing is known read again, as nobody needs the model.

        From the first to the last, so that the model has read the conversation when it is asked next.
        """
        weigher, session = self._weigher, self._current.session
        background = self._generation.background
        if weigher is None or not weigher.can_weigh() or background.is_weighing() or background.is_prefilling():
            return
        for message in self._transcript.path():
            if message.id not in self._tried and self._lacks_choices(message) and weigher.is_own(message):
                self._tried.add(message.id)
                weigher.weigh(session, message)
                return

    def _lacks_choices(self, message: Message) -> bool:
        is_shown = message.role is Role.ASSISTANT and bool(message.text) and self._state.shows_lens(message)
        return is_shown and message.reply is not None and not message.reply.choices

    @Slot(str, float)
    def _on_reading(self, name: str, share: float) -> None:
        lenses = self._lenses_of(name)
        for lens in lenses:
            lens.show_reading(share)
        if name == self._wanted and share:  # at 0, nothing is laid out yet
            is_in_sight = any(lens.is_reading_in_sight() for lens in lenses)
            sentence = "" if is_in_sight else tr("Reading the answer…")
            self._feedback.progress(_SOURCE, sentence, share, is_silent=True)

    @Slot(str)
    @Slot(str, str)
    def _on_reading_ended(self, name: str, sentence: str = "") -> None:
        self._feedback.progress(_SOURCE, "")
        for lens in self._lenses_of(name):
            lens.end_reading(sentence)

    @Slot(object, object, object)
    def _on_weighed(self, _: Session, message: Message, __: WeighedReply) -> None:
        self._feedback.progress(_SOURCE, "")
        for lens in self._lenses_of(message.id):
            focus = QApplication.focusWidget()
            had_focus = focus is not None and lens.isAncestorOf(focus)
            lens.end_reading()
            lens.forget()
            self._transcript.update_message(message)
            if had_focus:
                lens.text.setFocus()
        self._transcript.update_message(message)
        self._transcript.changed.emit()

    def _lenses_of(self, name: str) -> "list[AnswerLens]":
        """Return the lenses that show the message with the id `name`."""
        return [each for each in self._lenses if isValid(each) and each.message and each.message.id == name]

    def _lens_of(self, message: Message) -> "AnswerLens | None":
        """Return the lens that shows `message`; None if it is shown as usual."""
        return next((each for each in self._lenses_of(message.id) if not each.isHidden()), None)

    @Slot(bool)
    def _on_toggled(self, is_on: bool) -> None:
        """Show all answers under the lens, or none."""
        self._transcript.context.signals.conversation_needed.emit()
        self._tried.clear()
        self._state.has_lens = is_on
        self._state.unlike.clear()
        for index in range(len(self._transcript.path())):
            if view := self._transcript.view(index):
                view.refresh_lens()
        self._on_changed()
        if view := self._transcript.target_view(Role.ASSISTANT):
            self._weigh_unknown(view.message)

    @Slot(object)
    def _on_toggled_one(self, message: Message) -> None:
        self._on_changed()
        self._weigh_unknown(message)

    def _on_changed(self) -> None:
        if self._pointer:
            self._pointer.hide()
        self._generation.candidates = CANDIDATES if self._state.has_lens or self._state.unlike else 0
        self._transcript.changed.emit()

    def _weigh_unknown(self, message: Message) -> None:
        """Have an answer that was just put under the lens read again by its own model, if it has time."""
        if self._weigher and self._lacks_choices(message) and self._weigher.is_own(message):
            self._wanted = message.id
            self._weigher.weigh(self._current.session, message)

    @Slot()
    def _on_score(self) -> None:
        self.score_requested.emit("")

    @Slot()
    def _on_next(self) -> None:
        self._go(1)

    @Slot()
    def _on_previous(self) -> None:
        self._go(-1)

    @Slot(int)
    def _on_step(self, step: int) -> None:
        lens = self.sender()
        if lens in self._lenses and not lens.go_to_hesitation(step):
            self._feedback.tell(tr("There are no more hesitations in this direction."))

    def _go(self, step: int) -> None:
        """Go to the next place where the model hesitated, in this answer or another one under the lens."""
        self._transcript.context.signals.conversation_needed.emit()
        view = self._transcript.target_view(Role.ASSISTANT)
        if view is None:
            return
        if not self._state.shows_lens(view.message):
            self._state.set_lens(view.message, is_on=True)
            view.refresh_lens()
            self._on_toggled_one(view.message)
        path = self._transcript.path()
        at = next((index for index, message in enumerate(path) if message.id == view.message.id), -1)
        order = path[at:] if step > 0 else path[at::-1]
        lenses = [lens for message in order if (lens := self._lens_of(message))]
        if any(lens.go_to_hesitation(step) for lens in lenses):
            return
        growing = self._current.session.answering
        if growing and growing.id == view.message.id:
            self._feedback.tell(tr("You can step through the hesitations in this answer once it’s finished."))
        elif lenses and lenses[0].known is None:
            self._feedback.tell(tr("Phichat doesn’t yet know how sure the model was of this answer."))
        else:
            self._feedback.tell(tr("There are no more hesitations in this direction."))

    @Slot(object, object, object)
    def _branch(self, field: "LensText", token: WeighedToken, candidate: Candidate) -> None:
        """Have another version of an answer written that goes on from `token` with `candidate`."""
        lens = next((each for each in self._lenses if isValid(each) and each.text is field), None)
        if lens is None or lens.message is None or lens.known is None or not self._can_branch():
            return
        session, view = self._current.session, self._transcript.view_containing(field)
        places = self._transcript.offset_of(field), self._transcript.offset_of(view or field)
        self._generation.branch(session, lens.message, lens.known, token, candidate)
        if made := session.answering:
            self._state.set_lens(made, is_on=True)
            self._branched = made.id
            self._go_on_from(made, *places)

    def _go_on_from(self, made: Message, text_top: int, top: int) -> None:
        """Show a branch where the other version was, with its text or all of it, and give its text the focus.

        One from the first word on has no text yet: none of its buttons takes the focus meanwhile.
        """
        view = self._transcript.view(len(self._transcript.path()) - 1)
        if view is None:
            return
        view.refresh_lens()
        view.show_now()
        if view.text_edits():
            self._branched = ""
            view.take_focus()
        if lens := self._lens_of(made):
            lens.text.start = len(made.text)
            self._transcript.hold(lens.text, text_top)
        else:
            self._transcript.hold(view, top)

    @Slot(object)
    def _on_asked(self, session: Session) -> None:
        """Show a new version of an answer like the version that it takes the place of."""
        made = session.answering
        if made is None or session is not self._current.session:
            return
        versions = {each.id for each in session.conversation.siblings(made)} - {made.id}
        shown = next((each.id for each in self._transcript.path() if each.id in versions), "")
        if shown in self._state.unlike:
            self._state.unlike.add(made.id)

    @Slot()
    def _focus_branched(self) -> None:
        """Give the focus to the text of a version that was branched, unless it went elsewhere meanwhile."""
        if (view := self._branched_view()) and view.text_edits():
            self._branched = ""
            view.take_focus()

    @Slot()
    def _on_answered(self) -> None:
        """Give the focus to the buttons of a version that was branched and ended without a word."""
        view, self._branched = self._branched_view(), ""
        if view:
            view.take_focus()

    def _branched_view(self) -> "MessageView | None":
        """Return the version that is still to have the focus; None if there is none or another widget has it."""
        path = self._transcript.path()
        is_wanted = bool(path) and path[-1].id == self._branched
        is_free = QApplication.focusWidget() in {self._transcript, None}
        return self._transcript.view(len(path) - 1) if is_wanted and is_free else None

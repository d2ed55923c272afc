"""An answer under the lens: a line that sums up how sure the model was, and the text with its words tinted."""

from collections.abc import Callable
from time import perf_counter

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from phichat.chat.candidates import HESITATION, SURE, certainty_text
from phichat.chat.conversation import Ending, Message
from phichat.chat.weighed_reply import WeighedReply
from phichat.i18n import format_percent, tr
from phichat.ui.controllers.reply_weigher import ReplyWeigher
from phichat.ui.lens.answer_text import AnswerText
from phichat.ui.lens.legend import LensLegend
from phichat.ui.lens.lens_text import LensText
from phichat.ui.lens.reading_bar import ReadingBar
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import IconButton
from phichat.ui.widgets.foreign_text import plain_label, tool_tip
from phichat.unicode import short_title

PAUSE_FACTOR = 3  # after an update of a growing answer, the next waits this many times as long as it took


class AnswerLens(QWidget):
    """Shows one answer under the lens, as `weigher` knows it, or offers to have it read again.

    Attributes:
        text: the text with its words.

    Signals:
        reading_requested(Message): have the model read the answer again.
        reading_cancelled: cancel that.
        step_requested(int): go to the next place where the model hesitated, or to the one before for -1.
    """

    reading_requested = Signal(object)
    reading_cancelled = Signal()
    step_requested = Signal(int)

    def __init__(self, theme: Theme, weigher: ReplyWeigher) -> None:
        super().__init__()
        self._theme, self._weigher = theme, weigher
        self._message: Message | None = None
        self._known: WeighedReply | None = None
        self._hesitations: list[int] = []  # the indexes of words
        self._paused_until = 0.0
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._update)
        self.text = AnswerText(theme)
        self._summary = muted(plain_label())
        self._summary.setObjectName("lensSummary")
        self._summary.setWordWrap(True)
        meaning = tr("“Sure” means a probability of {sure} or more; “hesitation” means under {limit}.")
        self._summary.setToolTip(tool_tip(meaning.format(sure=format_percent(SURE), limit=format_percent(HESITATION))))
        self._legend = LensLegend(theme)
        self._steps = [
            self._step_button("above", tr("Previous hesitation (Shift+F8)"), "lensPrevious", self._on_previous),
            self._step_button("below", tr("Next hesitation (F8)"), "lensNext", self._on_next),
        ]
        self._reading = ReadingBar(theme, "lens")
        self._reading.requested.connect(self._on_read)
        self._reading.cancelled.connect(self.reading_cancelled)
        self._lay_out()
        self.end_reading()

    @property
    def message(self) -> Message | None:
        """The answer that is shown."""
        return self._message

    @property
    def known(self) -> WeighedReply | None:
        """What is shown of it; None if nothing is known."""
        return self._known

    def widget(self) -> QWidget:
        """Return self typed as a QWidget."""
        return self

    def block(self) -> LensText:
        """Return the text, which is shown in place of the answer's own blocks."""
        return self.text

    def show_message(self, message: Message) -> bool:
        """Show `message`. Return whether its words are known, so that they are shown in place of its blocks."""
        shown, self._message = self._message, message
        wait = self._paused_until - perf_counter()
        if self._is_growing() and self._known and wait > 0:
            self._later.start(int(1000 * wait) + 1)
        elif shown is None or shown.reply is not message.reply or shown.text != message.text:
            self._update()
        return self._known is not None

    @Slot()
    def _update(self) -> None:
        """Show what is known now; while the answer grows, most of the time is left to others."""
        self._later.stop()
        began = perf_counter()
        self._known = self._weigher.known(self._message) if self._message else None
        self._show()
        self._paused_until = perf_counter() + PAUSE_FACTOR * (perf_counter() - began)

    def _is_growing(self) -> bool:
        reply = self._message.reply if self._message else None
        return bool(reply and reply.ending is Ending.ANSWERING)

    def forget(self) -> None:
        """Look again at what is known when the message is shown next."""
        self._message = None

    def show_reading(self, share: float) -> None:
        """Show that the model is reading the answer, and the part of it that it has read, from 0 to 1."""
        self._summary.hide()
        self._reading.show_reading(share)
        self._reading.show()

    def is_reading_in_sight(self) -> bool:
        """Return whether the progress can be seen: it is above the answer, which may be long."""
        return self._reading.is_reading_in_sight()

    def end_reading(self, sentence: str = "") -> None:
        """Show that the model does not read the answer any more; `sentence` says why if it is not known now."""
        self._reading.show_reading(None)
        self._summary.show()
        self._show(sentence)

    def tab_stops(self) -> list[QWidget]:
        """Return the widgets that take the focus before the text."""
        return [*(each for each in self._steps if not each.isHidden()), *self._reading.tab_stops()]

    def go_to_hesitation(self, step: int) -> bool:
        """Go to the next place where the model hesitated, or to the one before for -1; False if there is none."""
        at = self.text.current
        if at < 0 and self.text.start:  # the first step from a word that was chosen
            at = self.text.first_word()
        beyond = [place for place in self._hesitations if (place > at if step > 0 else (place < at or at < 0))]
        if not beyond:
            return False
        self.text.setFocus()
        self.text.go_to(beyond[0] if step > 0 else beyond[-1])
        return True

    def _show(self, sentence: str = "") -> None:
        known = self._known
        if known and self._is_growing():
            self._show_growing(known)
            return
        self._summary.setText(self._known_sentence() if known else sentence or self._unknown_sentence())
        if known:
            self.text.show_words(known.text, known.words)
        words = self.text.words if known else ()
        self._hesitations = [at for at, word in enumerate(words) if word.is_hesitation]
        for each in (self.text, self._legend, *self._steps):
            each.setVisible(known is not None)
        for button in self._steps:
            button.setEnabled(bool(self._hesitations))
        is_partial = known is None or any(each.token >= 0 and not each.choice for each in known.tokens)
        self._reading.setVisible(is_partial and not self._weigher.objection())

    def _show_growing(self, known: WeighedReply) -> None:
        self._summary.setText(tr("The model is writing…"))
        self._hesitations = []
        self._reading.hide()
        for step in self._steps:
            step.setEnabled(False)
        for each in (self.text, self._legend, *self._steps):
            each.show()
        self.text.show_words(known.text, known.words, is_growing=True)

    def _known_sentence(self) -> str:
        certainty = self._known.certainty if self._known else None
        sentence = certainty_text(certainty) if certainty else tr("Phichat doesn’t know how sure the model was.")
        author = self._message.reply.model if self._message and self._message.reply else ""
        if self._known and self._known.model != author:
            read = tr("These probabilities come from {model}, which didn’t write this answer.").format(
                model=short_title(self._known.model)
            )
            return f"{sentence} {read}"
        return sentence

    def _unknown_sentence(self) -> str:
        unknown = tr(
            "Phichat doesn’t yet know how sure the model was of this answer. This is recorded only while "
            "“Show how sure the model was” is on."
        )
        objection = self._weigher.objection()
        return objection or (self._message and self._weigher.difference(self._message)) or unknown

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self._summary, 1)
        first.addWidget(self._reading, 0, Qt.AlignmentFlag.AlignVCenter)
        second.addWidget(self._legend, 1)
        for step in self._steps:
            second.addWidget(step)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.text)

    def _step_button(self, icon: str, label: str, name: str, slot: Callable[[], None]) -> IconButton:
        button = IconButton(self._theme, icon, label, name)
        set_icon_size(button, 16, 28, 24)
        button.clicked.connect(slot)
        return button

    @Slot()
    def _on_previous(self) -> None:
        self.step_requested.emit(-1)

    @Slot()
    def _on_next(self) -> None:
        self.step_requested.emit(1)

    @Slot()
    def _on_read(self) -> None:
        if self._message:
            self.reading_requested.emit(self._message)

"""The bar below the composer: what there is to tell, the speed of the last reply, the use of the context."""

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from phichat.engine.base import Done
from phichat.i18n import format_count, format_number, tr
from phichat.ui.feedback import FeedbackController
from phichat.ui.theme.scaling import set_min_height
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.message_line import HEIGHT, MessageLine

MARGIN, SPACING = 16, 18  # pixels


class StatusBar(QWidget):
    """The message line, and two figures, each with an object name and an accessible name.

    A sentence too long for one line takes the room of the figures, and as many lines as it needs. What is framed is
    shown in `notices` instead.

    Attributes:
        notices: a widget to put above the composer, where nobody misses it.
    """

    def __init__(self, theme: Theme, feedback: FeedbackController) -> None:
        super().__init__()
        self.notices = QWidget()
        QVBoxLayout(self.notices).setContentsMargins(0, 2, 0, 2)
        self.notices.hide()
        self._message = MessageLine(theme, feedback, "statusMessage")
        self._message.framed.connect(self._move_message)
        feedback.shown.connect(self._fit_figures)
        self._speed = _label("statusSpeed", tr("Speed"))
        self._context = _label("statusContext", tr("Context"))
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(MARGIN, 0, MARGIN, 8)
        self._layout.setSpacing(0)  # the figures have margins of their own, which count while they are shown
        self._layout.addWidget(self._message, 1)
        self._layout.addStretch(0)
        self._layout.addWidget(self._speed)
        self._layout.addWidget(self._context)
        height = plain_label(" ")  # keeps the height of a line with its sign, whatever is shown
        set_min_height(height, HEIGHT)
        height.setFixedWidth(0)
        self._layout.addWidget(height)

    def clear_figures(self) -> None:
        """Remove speed and context."""
        for label in (self._speed, self._context):
            _set_text(label, "")
        self._fit_figures()

    def show_speed(self, done: Done, *, is_estimate: bool = False) -> None:
        """Show tokens per second, or an estimate of it, and the time to the first token."""
        speed = format_count(format_number(done.tokens_per_second, 1), is_estimate=is_estimate)
        seconds = format_number(done.seconds_to_first_token, 1)
        text = tr("{speed} tokens/s, first token after {seconds} s")
        _set_text(self._speed, text.format(speed=speed, seconds=seconds))
        self._fit_figures()

    def show_context(self, used: int, context: int, *, is_estimate: bool = False, is_least: bool = False) -> None:
        """Show how many of the context's tokens are used; of a context of unknown size, 0, how many there are."""
        tokens = format_count(format_number(used), is_estimate=is_estimate, is_least=is_least)
        share = format_number(100 * used // max(context, 1))
        whole = tr("Context: {used} of {context} ({share}%)") if context else tr("Context: {used} tokens")
        _set_text(self._context, whole.format(used=tokens, context=format_number(context), share=share))
        self._fit_figures()

    @Slot(bool)
    def _move_message(self, is_framed: bool) -> None:
        """Move the line above the composer, or back."""
        notices = self.notices.layout()
        if is_framed and notices:
            notices.addWidget(self._message)
        else:
            self._layout.insertWidget(0, self._message, 1)
        self.notices.setVisible(is_framed)

    @Slot()
    def _fit_figures(self) -> None:
        """Show the figures that fit beside the message, the context before the speed."""
        room = self.width() - 2 * MARGIN
        if self.isAncestorOf(self._message):
            room -= self._message.line_width()
        for label in (self._context, self._speed):
            room -= label.sizeHint().width()
            label.setVisible(bool(label.text()) and room >= 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            # Not now: a label that is shown within a layout's pass has it begin anew, then go on with the old sizes.
            QTimer.singleShot(0, self, self._fit_figures)


def _set_text(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setAccessibleDescription(text)  # the accessible name hides the text from screen readers


def _label(name: str, what: str) -> QLabel:
    label = muted(plain_label())
    label.setObjectName(name)
    label.setAccessibleName(what)
    label.setContentsMargins(SPACING, 0, 0, 0)
    return label

"""The bar below the composer: the last notice, the speed of the last reply, the use of the context."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from phichat.engine.base import Done
from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.theme import muted
from phichat.ui.widgets.foreign_text import plain_label

MARGIN = 16  # pixels


class StatusBar(QWidget):
    """Three labels, each with an object name and an accessible name.

    A notice too long for one line takes the room of the figures, and as many lines as it needs.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notice = ""
        self._message = _label("statusMessage", tr("Status"))
        self._message.setWordWrap(True)
        self._message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._speed = _label("statusSpeed", tr("Speed"))
        self._context = _label("statusContext", tr("Context"))
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(MARGIN, 0, MARGIN, 8)
        self._layout.setSpacing(18)
        self._layout.addWidget(self._message, 1)
        self._layout.addWidget(self._speed)
        self._layout.addWidget(self._context)

    def show_notice(self, notice: str) -> None:
        """Show a notice until the next one or `clear_notice`."""
        self._notice = notice
        self._show_message(notice)
        if notice:
            announce(self._message, notice)

    def show_progress(self, sentence: str) -> None:
        """Show `sentence`, unless a notice is shown."""
        if not self._notice:
            self._show_message(sentence)

    def clear_notice(self) -> None:
        """Remove the notice."""
        self._notice = ""
        self._show_message("")

    def clear_figures(self) -> None:
        """Remove speed and context."""
        for label in (self._speed, self._context):
            _set_text(label, "")

    def _show_message(self, sentence: str) -> None:
        _set_text(self._message, sentence)
        self._fit_figures()

    def show_speed(self, done: Done) -> None:
        """Show tokens per second and the time to the first token."""
        _set_text(
            self._speed,
            tr("{speed} tokens/s, first after {seconds} s").format(
                speed=format_number(done.tokens_per_second, 1), seconds=format_number(done.seconds_to_first_token, 1)
            ),
        )
        self._fit_figures()

    def show_context(self, used: int, context: int) -> None:
        """Show how many of the context's tokens are used."""
        share = 100 * used // max(context, 1)
        _set_text(
            self._context,
            tr("Context {used} of {context} ({share} %)").format(
                used=format_number(used), context=format_number(context), share=format_number(share)
            ),
        )
        self._fit_figures()

    def _fit_figures(self) -> None:
        """Show the figures that fit beside the message, the context before the speed."""
        room = self.width() - 2 * MARGIN - self._message.fontMetrics().horizontalAdvance(self._message.text())
        for label in (self._context, self._speed):
            room -= label.sizeHint().width() + self._layout.spacing()
            label.setVisible(bool(label.text()) and room >= 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_figures()


def _set_text(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setAccessibleDescription(text)  # the accessible name hides the text from screen readers


def _label(name: str, what: str) -> QLabel:
    label = muted(plain_label())
    label.setObjectName(name)
    label.setAccessibleName(what)
    return label

"""The line below: the last notice, how fast the last reply came, how full the context is."""

from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from phichat.engine.base import Done
from phichat.text import number, tr


class StatusLine(QStatusBar):
    """Three texts, each with a name that checks and screen readers find."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._message = _label("statusMessage", tr("Status"))
        self._message.setMinimumWidth(60)
        self._speed = _label("statusSpeed", tr("Speed"))
        self._context = _label("statusContext", tr("Context"))
        self.addWidget(self._message, 1)
        self.addPermanentWidget(self._speed)
        self.addPermanentWidget(self._context)

    def say(self, sentence: str) -> None:
        """Show a notice; the whole of it also as a tool tip."""
        self._message.setText(sentence)
        self._message.setToolTip(sentence)

    def show_speed(self, done: Done) -> None:
        """Show tokens per second and the time to the first token."""
        self._speed.setText(
            tr("{speed} tokens/s, first after {seconds} s").format(
                speed=number(done.tokens_per_second, 1), seconds=number(done.seconds_to_first_token, 1)
            )
        )

    def show_context(self, used: int, context: int) -> None:
        """Show how many of the context's tokens are used."""
        share = 100 * used // max(context, 1)
        self._context.setText(
            tr("Context {used} of {context} ({share} %)").format(
                used=number(used), context=number(context), share=number(share)
            )
        )


def _label(name: str, what: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setAccessibleName(what)
    label.setContentsMargins(8, 2, 8, 4)
    return label

"""The one line in which feedback is shown: a sign, a sentence, a progress bar, and a button to dismiss it."""

from PySide6.QtCore import QEvent, QSize, Signal, Slot
from PySide6.QtGui import QEnterEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QSizePolicy

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.feedback import NOTHING, STAYING, Feedback, FeedbackController, Kind
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import IconButton
from phichat.ui.widgets.foreign_text import plain_label

SIGN = 18  # pixels
BAR_WIDTH, BAR_HEIGHT = 96, 6  # pixels
STEPS = 1000
SIGNS = {Kind.ERROR: "alert", Kind.WARNING: "info", Kind.SUCCESS: "done"}


class MessageLine(QFrame):
    """Shows what `feedback` says; `name` is the object name of the label.

    Signals: `moved(bool)`: what is shown now stays until it is dismissed, and wants a place where nobody misses it; or
    it does not.
    """

    moved = Signal(bool)

    def __init__(self, theme: Theme, feedback: FeedbackController, name: str) -> None:
        super().__init__()
        self.setObjectName("messageLine")
        self._theme, self._controller = theme, feedback
        self._shown = NOTHING
        self._is_styled = False
        self._sign = plain_label()
        self.label = muted(plain_label())
        self.label.setObjectName(name)
        self.label.setAccessibleName(tr("Status"))
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setFixedSize(BAR_WIDTH, BAR_HEIGHT)
        self._close = IconButton(theme, "close", tr("Dismiss"), f"{name}Dismiss")
        set_icon_size(self._close, 16)
        self._close.clicked.connect(feedback.dismiss)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(10)
        self._row.addWidget(self._sign)
        self._row.addWidget(self.label, 1)
        self._row.addWidget(self._bar)
        self._row.addWidget(self._close)
        for part in (self._sign, self._bar, self._close):
            part.hide()
        feedback.shown.connect(self._show)
        feedback.announced.connect(self._announce)
        theme.changed.connect(self._show_sign)

    def line_width(self) -> int:
        """Return the width that the sentence needs for a single line, with what is beside it."""
        parts = [part for part in (self._sign, self._bar, self._close) if not part.isHidden()]
        beside = sum(part.sizeHint().width() + self._row.spacing() for part in parts)
        return self.label.fontMetrics().horizontalAdvance(self.label.text()) + beside

    @Slot(object)
    def _show(self, feedback: Feedback) -> None:
        was_staying, is_staying = self._shown.kind in STAYING, feedback.kind in STAYING
        self._shown = feedback
        self.label.setText(feedback.text)
        self.label.setAccessibleDescription(feedback.text)  # the accessible name hides the text from screen readers
        self.label.setForegroundRole(
            QPalette.ColorRole.WindowText if is_staying else QPalette.ColorRole.PlaceholderText
        )
        self._close.setVisible(is_staying)
        self._show_bar(feedback)
        self._show_sign()
        self._show_frame(is_staying=is_staying)
        if was_staying is not is_staying:
            self.moved.emit(is_staying)

    def _show_bar(self, feedback: Feedback) -> None:
        self._bar.setVisible(feedback.kind is Kind.PROGRESS)
        if feedback.kind is not Kind.PROGRESS:
            return
        is_known = feedback.fraction is not None
        self._bar.setRange(0, STEPS if is_known else 0)
        self._bar.setValue(round(STEPS * (feedback.fraction or 0)) if is_known else -1)
        self._bar.setAccessibleName(feedback.text)

    @Slot()
    def _show_sign(self) -> None:
        name = SIGNS.get(self._shown.kind, "") if self._shown.text else ""
        self._sign.setVisible(bool(name))
        if name:
            icon = self._theme.icon(name, is_alert=self._shown.kind is Kind.ERROR)
            self._sign.setPixmap(icon.pixmap(QSize(SIGN, SIGN)))

    def _show_frame(self, *, is_staying: bool) -> None:
        if is_staying and not self._is_styled:
            self._is_styled = True
            self._theme.apply_stylesheet(self, "message")
        self._row.setContentsMargins(*((12, 6, 6, 6) if is_staying else (0, 0, 0, 0)))
        if self.property("kind") != self._shown.kind.name:
            self.setProperty("kind", self._shown.kind.name)
            self.setStyleSheet(self.styleSheet())  # evaluates the property again

    @Slot(str)
    def _announce(self, text: str) -> None:
        announce(self.label, text)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._controller.hold(is_held=True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._controller.hold(is_held=False)
        super().leaveEvent(event)

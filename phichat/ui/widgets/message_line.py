"""The line in which feedback is shown: a sign, a sentence, a progress bar, and buttons for more and to dismiss it."""

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QSizePolicy, QWidget

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.feedback import NOTHING, STAYING, Feedback, FeedbackController, Kind
from phichat.ui.theme.scaling import scaled, set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import IconButton, push_button
from phichat.ui.widgets.foreign_text import PlainLabel, plain_label
from phichat.unicode import breakable

SIGN, SMALL_SIGN, SPACING = 18, 14, 5  # pixels
HEIGHT, BAR_WIDTH, BAR_HEIGHT = 20, 96, 6  # pixels; the first is that of a line without a frame
STEPS = 1000
SIGNS = {Kind.ERROR: "alert", Kind.WARNING: "info", Kind.SUCCESS: "done"}


class AlertLabel(PlainLabel):
    """A label in the colour of secondary text or, for a failure, in that of errors and with a sign before it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._is_alert = theme, False
        muted(self)
        self.setWordWrap(True)

    def set_alert(self, *, is_alert: bool) -> None:
        """Set whether the text tells a failure."""
        muted(self, alert=is_alert)
        if is_alert is not self._is_alert:
            self._is_alert = is_alert
            self._make_room()
            self.update()

    def sign_width(self) -> int:
        """Return how wide the sign and the room beside it are; 0 without one."""
        return scaled(SMALL_SIGN) + SPACING if self._is_alert else 0

    def _make_room(self) -> None:
        """Keep room for the sign: before the text or, if that is centred, on both sides of it."""
        room = self.sign_width()
        if self._is_centred():
            self.setContentsMargins(room, 0, room, 0)
        else:
            self.setIndent(room or -1)

    def _is_centred(self) -> bool:
        return bool(self.alignment() & Qt.AlignmentFlag.AlignHCenter)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._is_alert and self.text():
            painter = QPainter(self)
            self._theme.icon("alert", is_alert=True).paint(painter, self._sign_place())
            painter.end()

    def _sign_place(self) -> QRect:
        """Return where the sign is: before the first line."""
        from PySide6.QtWidgets import QStyle  # noqa: PLC0415 - its enumerations take 4 ms of the window's start

        size, inside, flags = scaled(SMALL_SIGN), self.contentsRect(), self.alignment() | Qt.TextFlag.TextWordWrap
        text = self.fontMetrics().boundingRect(inside, int(flags), breakable(self.text()))
        left = text.left() - size - SPACING if self._is_centred() else inside.left()
        place = QRect(left, text.top() + (self.fontMetrics().height() - size) // 2, size, size)
        return QStyle.visualRect(self.layoutDirection(), self.rect(), place)


class FailureRow(QWidget):
    """A sentence about a failure, which wraps, and a button to dismiss it.

    Attributes: `dismiss` is the button.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._label = AlertLabel(theme)
        self._label.set_alert(is_alert=True)
        self.dismiss = IconButton(theme, "close", tr("Dismiss"))
        set_icon_size(self.dismiss, SMALL_SIGN)
        self.dismiss.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 4, 2)
        row.addWidget(self._label, 1)
        row.addWidget(self.dismiss, 0, Qt.AlignmentFlag.AlignTop)

    def show_sentence(self, sentence: str) -> None:
        """Show `sentence`, and tell it to screen readers."""
        self._label.setText(sentence)
        self.show()
        announce(self, sentence)


class MessageLine(QFrame):
    """Shows what `feedback` says; `name` is the object name of the label.

    Signals: `framed(bool)`: what is shown now has a frame, and wants a place where nobody misses it; or it does not.
    """

    framed = Signal(bool)

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
        self._log = push_button(f"{name}Log", tr("Show logs"))
        self._log.clicked.connect(feedback.log_requested)
        self._close = IconButton(theme, "close", tr("Dismiss"), f"{name}Dismiss")
        set_icon_size(self._close, 14, HEIGHT, HEIGHT)
        self._close.clicked.connect(feedback.dismiss)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(10)
        self._row.addWidget(self._sign)
        self._row.addWidget(self._bar)
        self._row.addWidget(self.label, 1)
        self._row.addWidget(self._log)
        self._row.addWidget(self._close)
        for part in (self._sign, self._bar, self._log, self._close):
            part.hide()
        feedback.shown.connect(self._show)
        feedback.announced.connect(self._announce)
        theme.changed.connect(self._show_sign)

    def line_width(self) -> int:
        """Return the width that the sentence needs for a single line, with what is beside it."""
        parts = [part for part in (self._sign, self._bar, self._log, self._close) if not part.isHidden()]
        beside = sum(part.sizeHint().width() + self._row.spacing() for part in parts)
        return self.label.fontMetrics().horizontalAdvance(self.label.text()) + beside

    @Slot(object)
    def _show(self, feedback: Feedback) -> None:
        was_framed, self._shown = self._is_framed(), feedback
        self.label.setText(feedback.text)
        self.label.setAccessibleDescription(feedback.text)  # the accessible name hides the text from screen readers
        muted(self.label, alert=feedback.kind is Kind.ERROR)
        if self._is_framed():
            self.label.setForegroundRole(QPalette.ColorRole.WindowText)
        self._log.setVisible(feedback.is_in_log)
        self._close.setVisible(feedback.kind in STAYING)
        self._show_bar(feedback)
        self._show_sign()
        self._show_frame()
        if was_framed is not self._is_framed():
            self.framed.emit(self._is_framed())

    def _is_framed(self) -> bool:
        """Return whether what is shown has to be read here, as it is nowhere else."""
        return self._shown.kind in STAYING and not self._shown.has_place

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
            self._sign.setPixmap(icon.pixmap(QSize(scaled(SIGN), scaled(SIGN))))

    def _show_frame(self) -> None:
        is_framed, kind = self._is_framed(), self._shown.kind.name
        if is_framed and not self._is_styled:
            self._is_styled = True
            self._theme.apply_stylesheet(self, "message")
        self._row.setContentsMargins(*((12, 6, 6, 6) if is_framed else (0, 0, 0, 0)))
        if (self.property("framed"), self.property("kind")) != (is_framed, kind):
            self.setProperty("framed", is_framed)
            self.setProperty("kind", kind)
            self.setStyleSheet(self.styleSheet())  # evaluates the properties again

    @Slot(str)
    def _announce(self, text: str) -> None:
        announce(self.label, text)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._controller.hold(is_held=True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._controller.hold(is_held=False)
        super().leaveEvent(event)

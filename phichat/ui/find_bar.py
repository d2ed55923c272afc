"""A small bar over the conversation, in which words are typed that are looked for in it."""

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLineEdit, QToolButton, QWidget
from shiboken6 import isValid

from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.finding import Finding
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.transcript import Transcript
from phichat.ui.widgets.plain_text import plain_label, tool_tip

WIDTH, HEIGHT, MARGIN = 400, 42, 8  # pixels
MOST_SELECTED = 100  # characters: what is longer was selected to be copied


class FindBar(QFrame):
    """The field, how many places there are, and buttons that go from one to the next. Escape closes it."""

    def __init__(self, theme: Theme, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.setObjectName("findBar")
        self.setAccessibleName(tr("Find in this conversation"))
        self._theme, self._transcript = theme, transcript
        self._finding = Finding(transcript)
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setObjectName("findField")
        self.field.setPlaceholderText(tr("Find in this conversation"))
        self.field.setAccessibleName(tr("Find in this conversation"))
        self._count = muted(plain_label())
        self._count.setObjectName("findCount")
        self._previous = _button("findPrevious", tr("Previous place (Shift+Enter)"))
        self._next = _button("findNext", tr("Next place (Enter)"))
        self._close = _button("findClose", tr("Close (Escape)"))
        self._lay_out()
        self.field.textChanged.connect(self._finding.look_for)
        self.field.installEventFilter(self)
        self._previous.clicked.connect(self._finding.previous)
        self._next.clicked.connect(self._finding.next)
        self._close.clicked.connect(self.leave)
        self._finding.counted.connect(self._on_counted)
        transcript.resized.connect(self._settle)
        theme.dress(self, "floating")
        theme.changed.connect(self._show_icons)
        theme.changed.connect(self._finding.show_again)
        self._show_icons()

    def come(self) -> None:
        """Show the bar, with what is selected in the conversation if that is short."""
        focus = QApplication.focusWidget()
        if not (focus and self.isAncestorOf(focus)):
            self._before = focus
        target = self._transcript.target()
        excerpt = target.selected() if target and focus and target.isAncestorOf(focus) else None
        selected = excerpt.text.strip() if excerpt else ""
        is_new = not self.isVisible()
        if is_new:
            self._finding.begin()
        self._settle()
        self._transcript.cover(HEIGHT + 2 * MARGIN)
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if selected and "\n" not in selected and len(selected) <= MOST_SELECTED:
            self.field.setText(selected)
        elif is_new:
            self._finding.look_for(self.field.text())
        self.field.selectAll()

    @Slot()
    def next(self) -> None:
        """Go on to the next place."""
        self._finding.next() if self.isVisible() else self.come()

    @Slot()
    def previous(self) -> None:
        """Go back to the place before."""
        self._finding.previous() if self.isVisible() else self.come()

    @Slot()
    def leave(self) -> None:
        """Close it, and give the focus back."""
        self.hide()
        self._transcript.cover(0)
        self._finding.end()
        before = self._before if self._before and isValid(self._before) else None
        (before if before and before.isVisible() else self._transcript).setFocus()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 6, 4)
        layout.setSpacing(2)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._count)
        layout.addSpacing(6)
        for button in (self._previous, self._next, self._close):
            layout.addWidget(button)

    @Slot(int, int, bool)
    def _on_counted(self, at: int, total: int, is_all: bool) -> None:  # a signal's arguments have no names
        text = tr("{number} of {count}").format(number=format_number(at), count=format_number(total))
        if not is_all:
            text += "…"
        elif not total:
            text = tr("Not found") if self.field.text().strip() else ""
        is_news = is_all and text != self._count.text()
        muted(self._count, alert=is_all and not total)
        self._count.setText(text)
        self._previous.setEnabled(total > 0)
        self._next.setEnabled(total > 0)
        if is_news and text:
            announce(self._count, text)

    @Slot()
    def _settle(self) -> None:
        """Stand above what is seen, where lines end."""
        room = self._transcript.viewport().width() - 2 * MARGIN
        width = min(WIDTH, room)
        left = self._transcript.viewport().x() + MARGIN if self.isRightToLeft() else MARGIN + room - width
        self.setGeometry(left, MARGIN, width, HEIGHT)

    @Slot()
    def _show_icons(self) -> None:
        self._previous.setIcon(self._theme.icon("above"))
        self._next.setIcon(self._theme.icon("below"))
        self._close.setIcon(self._theme.icon("close"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and _is_enter(event):
            is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._finding.previous() if is_back else self._finding.next()
            return True
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and _is_escape(event):
            event.accept()  # else Escape would stop the answer under way
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_escape(event):
            self.leave()
        elif not _is_enter(event):
            super().keyPressEvent(event)


def _is_escape(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape


def _is_enter(event: QKeyEvent) -> bool:
    return event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}


def _button(name: str, label: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setAutoRaise(True)
    button.setAccessibleName(label.partition(" (")[0])
    button.setToolTip(tool_tip(label))
    set_icon_size(button, 16, 28, 28)
    return button

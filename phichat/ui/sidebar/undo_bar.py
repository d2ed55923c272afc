"""Banners about conversations: the undo bar, one that is in the trash, and the note on temporary conversations."""

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.theme import Theme
from phichat.ui.undo import UndoStack
from phichat.ui.widgets.controls import NoticeBar, banner_button
from phichat.ui.widgets.foreign_text import ElidedLabel

SHOWN_FOR = 30_000  # milliseconds; Undo stays in the Edit menu


class UndoBar(QFrame):
    """Shows the last change with a button to undo it, or what was undone with one to redo it.

    It hides by itself, and never takes the focus.
    """

    def __init__(self, theme: Theme, undo_stack: UndoStack) -> None:
        super().__init__()
        self.setObjectName("undoBar")
        self._line = ElidedLabel()
        self._undo = banner_button("undoButton", tr("Undo"))
        self._redo = banner_button("redoButton", tr("Redo"))
        self._undo.clicked.connect(undo_stack.undo)
        self._redo.clicked.connect(undo_stack.redo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 5, 6, 5)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._undo)
        layout.addWidget(self._redo)
        self._timer = QTimer(self, interval=SHOWN_FOR, singleShot=True)
        self._timer.timeout.connect(self._hide_unless_in_use)
        undo_stack.indexChanged.connect(self.hide)
        theme.apply_stylesheet(self, "strip")
        self.hide()

    def show_change(self, text: str) -> None:
        """Show and announce the sentence `text` about a change."""
        self._undo.setAccessibleName(tr("Undo: {change}").format(change=text))
        self._show(text, can_undo=True, can_redo=False)

    def show_undone(self, text: str, *, can_redo: bool) -> None:
        """Show and announce that the change of the sentence `text` was undone."""
        self._redo.setAccessibleName(tr("Redo: {change}").format(change=text))
        self._show(tr("Undone: {change}").format(change=text), can_undo=False, can_redo=can_redo)

    def _show(self, sentence: str, *, can_undo: bool, can_redo: bool) -> None:
        self._line.setText(sentence)
        self._undo.setVisible(can_undo)
        self._redo.setVisible(can_redo)
        self.show()
        self._timer.start()
        announce(self, sentence)

    @Slot()
    def _hide_unless_in_use(self) -> None:
        if self._undo.hasFocus() or self._redo.hasFocus() or self.underMouse():
            self._timer.start()
        else:
            self.hide()


class TrashedNotice(NoticeBar):
    """The banner of a conversation that is shown and in the trash, as another program moved it there."""

    def __init__(self, theme: Theme) -> None:
        restore = banner_button("trashedRestoreButton", tr("Restore"))
        super().__init__(theme, "trashedNotice", restore, banner_button("trashedDismissButton", tr("Dismiss")))
        self.hide()

    def show_title(self, title: str) -> None:
        """Say that the conversation with that title is in the trash."""
        sentence = tr("“{title}” was moved to the trash from the terminal. It will be restored if you send a message.")
        self.text.setText(sentence.format(title=title))
        self.show()
        announce(self, self.text.text())


class TemporaryNote(QLabel):
    """The note that the conversation is not stored."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("This temporary conversation won’t be saved."))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName("temporaryNote")
        self.setWordWrap(True)
        theme.apply_stylesheet(self, "strip")

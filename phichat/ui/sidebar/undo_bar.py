"""Slim bars about conversations: what was just done, to be taken back, and that nothing is stored."""

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.theme.scaling import set_max_width
from phichat.ui.theme.theme import Theme
from phichat.ui.undo import UndoStack
from phichat.ui.widgets.plain_text import plain_label

COLUMN = 760  # pixels, as what is above and below it
SHOWN_FOR = 12_000  # milliseconds; what the bar offers stays in the menu


class UndoBar(QFrame):
    """Says what was done, with a button to take it back; goes away by itself, and never takes the focus."""

    def __init__(self, theme: Theme, undo_stack: UndoStack) -> None:
        super().__init__()
        self.setObjectName("undoBar")
        self._line = plain_label()
        self._line.setMinimumWidth(1)  # a long title may be cut off rather than widen the window
        self._button = QPushButton(tr("Undo"))
        self._button.setObjectName("undoButton")
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.clicked.connect(undo_stack.undo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 5, 6, 5)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._button)
        self._timer = QTimer(self, interval=SHOWN_FOR, singleShot=True)
        self._timer.timeout.connect(self._leave)
        undo_stack.indexChanged.connect(self.hide)
        set_max_width(self, COLUMN)
        theme.apply_stylesheet(self, "strip")
        self.hide()

    def show_change(self, text: str) -> None:
        """Say what was done."""
        self._line.setText(text)
        self._line.setToolTip("")
        self._button.setAccessibleName(tr("Undo: {what}").format(what=text))
        self.show()
        self._timer.start()
        announce(self, text)

    @Slot()
    def _leave(self) -> None:
        if self._button.hasFocus() or self.underMouse():
            self._timer.start()
        else:
            self.hide()


class TemporaryNote(QLabel):
    """Says that the conversation is not stored."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(tr("Temporary conversation: nothing of it is stored."))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName("temporaryNote")
        self.setWordWrap(True)
        theme.apply_stylesheet(self, "strip")

"""A read-only field for a text of any length, which is laid out page by page."""

from PySide6.QtCore import QMimeData, QTimer, Signal, Slot
from PySide6.QtGui import QTextCursor

from phichat.ui.widgets.foreign_text import PlainTextEdit
from phichat.ui.widgets.long_text import pages
from phichat.unicode import utf16_slice

LONGEST_LINE = 4_000  # characters; Qt lays out a line in one go, again at each change of width
CONTINUES = 1  # user state of a block that goes on with the line before it


class LongTextField(PlainTextEdit):
    """Shows `text`, a page whenever nothing else is to be done. Long lines are divided; copies are not.

    Signals: `completed` when all of it is shown.
    """

    completed = Signal()

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setUndoRedoEnabled(False)
        self.setReadOnly(True)
        self._pages, self._left = pages(text), len(text)
        self._timer = QTimer(self, interval=0, singleShot=True)
        self._timer.timeout.connect(self.show_next)

    @Slot()
    def show_next(self) -> None:
        """Show the next page."""
        separator, text = next(self._pages)
        self._left -= len(separator) + len(text)
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        if separator:
            cursor.insertBlock()
        elif not self.document().isEmpty():
            _continue_line(cursor)
        _insert(cursor, text)
        cursor.endEditBlock()
        if self._left:
            self._timer.start()
        else:
            self.completed.emit()

    def createMimeDataFromSelection(self) -> QMimeData:
        cursor = self.textCursor()
        start, end = cursor.selectionStart(), cursor.selectionEnd()
        block, parts = self.document().findBlock(start), list[str]()
        while block.isValid() and block.position() <= end:
            separator = "\n" if parts and block.userState() != CONTINUES else ""
            place = max(0, start - block.position()), end - block.position()
            parts.append(separator + utf16_slice(block.text(), *place))
            block = block.next()
        data = QMimeData()
        data.setText("".join(parts))
        return data


def _insert(cursor: QTextCursor, text: str) -> None:
    if max(map(len, text.split("\n"))) <= LONGEST_LINE:
        cursor.insertText(text)
        return
    for number, line in enumerate(text.split("\n")):
        if number:
            cursor.insertBlock()
        for at in range(0, len(line), LONGEST_LINE):
            if at:
                _continue_line(cursor)
            cursor.insertText(line[at : at + LONGEST_LINE])


def _continue_line(cursor: QTextCursor) -> None:
    cursor.insertBlock()
    cursor.block().setUserState(CONTINUES)

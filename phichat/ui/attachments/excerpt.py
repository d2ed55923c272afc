"""The lines of an attached file around a match of a search, with the match highlighted."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from phichat.chat.attachments import Attachment
from phichat.i18n import format_number, tr
from phichat.ui.theme.scaling import fixed_font
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.foreign_text import ElidedLabel, PlainTextEdit
from phichat.ui.widgets.highlights import Highlights, SearchTerms
from phichat.unicode import shortened

CONTEXT = 200  # characters before and after the match, at most
LINES = 2  # before and after its line, at most
LONGEST_NAME = 60  # characters
PADDING = 18  # pixels above and below the lines


class FileExcerpt(QWidget):
    """Shows the part of a file around a match, under the file's name and the number of the line."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("fileExcerpt")
        self._theme = theme
        self._title = muted(ElidedLabel())
        self._field = PlainTextEdit()
        self._field.setObjectName("fileExcerptText")
        self._field.setReadOnly(True)
        self._field.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._field.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._field.setLineWrapMode(PlainTextEdit.LineWrapMode.WidgetWidth)
        self._field.setFont(fixed_font())
        self._highlights: Highlights | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(2)
        layout.addWidget(self._title)
        layout.addWidget(self._field)
        self.hide()

    def show_match(self, file: Attachment, terms: SearchTerms, match: int) -> None:
        """Show the match of that number, from 0, of `terms` in `file`."""
        start, end = terms.span_in(file.text, match)
        begin, stop = _bounds(file.text, start, end)
        name = shortened(file.title, LONGEST_NAME)
        line = format_number(file.text.count("\n", 0, start) + 1)
        self._title.setText(tr("{name}, line {number}").format(name=name, number=line))
        self._field.setAccessibleName(self._title.text())
        if self._highlights:
            self._highlights.clear()
        self._field.setPlainText(file.text[begin:stop])
        self._highlights = Highlights(self._field, terms, self._theme.colors)
        self._highlights.set_current(terms.count_in(file.text[begin:start]))
        self.show()
        self._fit_height()

    def set_width(self, width: int) -> None:
        """Become as wide as that, and as high as the lines are then."""
        self.resize(width, self.height())
        if layout := self.layout():
            layout.activate()
        self._fit_height()

    def _fit_height(self) -> None:
        lines = int(self._field.document().size().height())  # with those that are wrapped
        self._field.setFixedHeight(self._field.fontMetrics().lineSpacing() * lines + PADDING)

    def match_area(self) -> QRect:
        """Return the rectangle of the match in this widget."""
        if self._highlights is None or not self._highlights.ranges:
            return self.rect()
        area = self._highlights.rect_of(max(self._highlights.current, 0))
        return QRect(self._field.viewport().mapTo(self, area.topLeft()), area.size())


def _bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the excerpt around a match begins and ends: with whole lines unless they are long."""
    begin, stop = start, end - 1
    for _ in range(LINES + 1):
        begin = text.rfind("\n", 0, max(begin, 0))
        following = text.find("\n", stop + 1)
        stop = following if following >= 0 else len(text)
    return max(begin + 1, start - CONTEXT), min(stop, end + CONTEXT)

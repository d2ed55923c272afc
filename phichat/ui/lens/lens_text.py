"""A text under the lens: each word on a ground, and with a line below, that say how sure the model was of it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QTextBlock,
    QTextCursor,
)
from PySide6.QtWidgets import QScrollArea, QWidget

from phichat.chat.weighed_reply import WeighedWord
from phichat.ui.blocks.text_block import TextBlock
from phichat.ui.lens.legend import SURE, paint_grounds
from phichat.ui.lens.word_pieces import ParagraphMeasure, WordPiece, level_of
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.long_text import pages, wrap_by_words_of
from phichat.unicode import replace_surrogates

_MARGIN = 40  # pixels kept between a word that was gone to and the edge
_LINE_ENDS = str.maketrans(
    {"\r": " ", "\N{PARAGRAPH SEPARATOR}": "\n", "\0": "\ufffd", "\ufdd0": "\ufffd", "\ufdd1": "\ufffd"}
)
"""What Qt takes for the end of a paragraph, or drops; each is replaced by one character, so that all others stay."""

_Key = Qt.Key
_STEPS = {_Key.Key_Left: -1, _Key.Key_Right: 1}
_LINES = {_Key.Key_Up: -1, _Key.Key_Down: 1}
_ENDS = {_Key.Key_Home: 0, _Key.Key_End: -1}
_ENTER = {_Key.Key_Return, _Key.Key_Enter, _Key.Key_Space}


class LensText(TextBlock):
    """Shows a text whose words can be pointed at, or gone to with the arrow keys.

    Attributes:
        is_pointed_at: whether the current word is the one that the mouse is on.
        start: where in the text the keys set out while there is no current word.

    Signals:
        word_changed(int): the word that is pointed at or was gone to, by its index; -1 for none.
        word_entered(int): Enter was pressed, or the mouse, on a word.
        left: Escape was pressed, or the mouse moved away.
        menu_opened: a context menu opens, and the words are not what is looked at.
    """

    word_changed = Signal(int)
    word_entered = Signal(int)
    left = Signal()
    menu_opened = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._theme = theme
        self._all_words: Sequence[WeighedWord] = ()
        self._text = ""
        self._words: Sequence[WeighedWord] = ()
        self._starts: list[int] = []
        self._ends: list[int] = []  # in UTF-16 code units, as Qt counts
        self._current = -1
        self.is_pointed_at, self.start = False, 0
        self._pieces: dict[int, list[WordPiece]] = {}  # by paragraph
        self._later: Iterator[tuple[str, str]] = iter(())
        self._count = 0  # of the characters that were taken from there
        self._timer = QTimer(self, interval=0, singleShot=True)
        self._timer.timeout.connect(self._show_more)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        theme.changed.connect(self.viewport().update)

    @property
    def current(self) -> int:
        """The index of the current word; -1 for none."""
        return self._current

    @property
    def text(self) -> str:
        """The text that is shown."""
        return self._text

    @property
    def words(self) -> Sequence[WeighedWord]:
        """The words that are shown; empty while nothing is known of them."""
        return self._words

    def show_words(self, text: str, words: Sequence[WeighedWord], *, is_growing: bool = False) -> None:
        """Show `text` with its `words`, in order. A text that goes on from the one shown before is appended."""
        text = replace_surrogates(text).translate(_LINE_ENDS)
        is_same_start = text.startswith(self._text) and bool(self._text)
        self._all_words = words
        self._show_text(text, is_same_start=is_same_start, is_growing=is_growing)
        if self._current >= len(self._words) or not is_same_start:
            self.go_to(-1)
        self.viewport().update()

    def _show_text(self, text: str, *, is_same_start: bool, is_growing: bool) -> None:  # noqa: ARG002
        """Show `text`, and find out where each of `_all_words` is."""
        if text != self._text:
            self._set_text(text, is_same_start=is_same_start)
        else:
            self._pieces.clear()
        self._words = self._all_words
        units = [0, *accumulate(1 + (letter > "\uffff") for letter in text)] if text and max(text) > "\uffff" else None
        self._starts = [units[word.start] if units else word.start for word in self._words]
        self._ends = [units[word.end] if units else word.end for word in self._words]

    def go_to(self, word: int) -> None:
        """Make the word of that index the current one, and scroll to it; -1 for none."""
        self.is_pointed_at = False
        self._set_current(word)
        if word < 0:
            return
        self._complete()
        cursor = self.textCursor()
        cursor.setPosition(self._starts[word])
        self.setTextCursor(cursor)
        self._scroll_to(self.word_rect(word))

    def first_word(self) -> int:
        """Return the index of the word at `start`."""
        return min(bisect_left(self._words, self.start, key=lambda word: word.end - 1), len(self._words) - 1)

    def word_rect(self, word: int) -> QRect:
        """Return the rectangle of a word in this widget: of its first line, if it goes on in the next."""
        if not 0 <= word < len(self._words):
            return QRect()
        block = self.document().findBlock(self._starts[word])
        return next((piece.rect for piece in self._pieces_in(block) if piece.word == word), QRectF()).toAlignedRect()

    def uses_key(self, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Return whether the arrow keys, Enter and Escape mean something here: the transcript scrolls with the rest."""
        if modifiers & ~Qt.KeyboardModifier.KeypadModifier or not self._words:
            return False
        if key in _LINES:
            return self._word_beside(_LINES[_Key(key)]) >= 0
        return key in {*_STEPS, *_ENDS, *_ENTER} or (key == _Key.Key_Escape and self._current >= 0)

    def _set_text(self, text: str, *, is_same_start: bool) -> None:
        wrap_by_words_of(self, text)
        if is_same_start and not self._timer.isActive():
            self._append(text[len(self._text) :])
        else:
            self._pieces.clear()
            self._later, self._count, self._text = pages(text), 0, text
            self.setPlainText("")
            self._show_more()
        self._text = self._source = text
        self.refresh_highlights()

    @Slot()
    def _show_more(self) -> None:
        """Show the next page of a text that is too long to be laid out at once."""
        page = "".join(next(self._later, ("", "")))
        self._append(page or self._text[self._count :])
        if page:
            self._count += len(page)
            self._timer.start()
        else:
            self.refresh_highlights()

    def _complete(self) -> None:
        while self._timer.isActive():
            self._timer.stop()
            self._show_more()

    def _append(self, text: str) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._pieces.pop(cursor.blockNumber(), None)  # its words go on; those of the paragraphs before stay
        cursor.insertText(text)

    def _set_current(self, word: int) -> None:
        if word != self._current:
            before, self._current = self._current, word
            for changed in (before, word):
                self.viewport().update(self._area_of(changed))
            self.word_changed.emit(word)

    def _area_of(self, word: int) -> QRect:
        """Return all that is painted of a word."""
        area = QRect()
        for piece in self._all_pieces(word):
            area = area.united(piece.rect.toAlignedRect())
        return area.adjusted(-3, -3, 3, 3) if area.isValid() else QRect()

    def _all_pieces(self, word: int) -> Iterator[WordPiece]:
        if 0 <= word < len(self._words):
            block = self.document().findBlock(self._starts[word])
            yield from (piece for piece in self._pieces_in(block) if piece.word == word)

    def _pieces_in(self, block: QTextBlock) -> list[WordPiece]:
        """Return the pieces of words in a paragraph, computed when they are first needed."""
        if not block.isValid():
            return []
        known = self._pieces.get(block.blockNumber())
        if known is None:
            begin, end = block.position(), block.position() + block.length()
            words = range(bisect_left(self._starts, begin), bisect_left(self._starts, end))
            measure = ParagraphMeasure(block, self.document().documentLayout().blockBoundingRect(block).topLeft())
            known = [
                piece
                for word in words
                for piece in measure.pieces(
                    word, level_of(self._words[word]), self._starts[word] - begin, self._ends[word] - begin
                )
            ]
            self._pieces[block.blockNumber()] = known
        return known

    def _word_at(self, place: QPointF) -> int:
        """Return the index of the word at a point of the viewport; -1 for none."""
        position = self.document().documentLayout().hitTest(place, Qt.HitTestAccuracy.ExactHit)
        if position < 0:
            return -1
        near = bisect_right(self._starts, position)
        for word in range(max(near - 2, 0), min(near + 1, len(self._words))):
            if any(piece.rect.contains(place) for piece in self._all_pieces(word)):
                return word
        return -1

    def _word_beside(self, lines: int) -> int:
        """Return the word nearest to the current one, so many lines further; -1 for none."""
        if self._current < 0:
            return self.first_word() if lines > 0 and self._words else -1
        rect = QRectF(self.word_rect(self._current))
        position = (
            self.document()
            .documentLayout()
            .hitTest(QPointF(rect.center().x(), rect.center().y() + lines * rect.height()), Qt.HitTestAccuracy.FuzzyHit)
        )
        found = max(bisect_right(self._starts, position) - 1, 0)
        step, found_rect = (1 if lines > 0 else -1), QRectF(self.word_rect(found))
        while not (found_rect.center().y() - rect.center().y()) * lines > rect.height() / 2:
            found += step
            if not 0 <= found < len(self._words):
                return -1
            found_rect = QRectF(self.word_rect(found))
        return found

    def _scroll_to(self, rect: QRect) -> None:
        area: QWidget | None = self.parentWidget()
        while area and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if isinstance(area, QScrollArea) and (content := area.widget()):
            center = self.viewport().mapTo(content, rect.center())
            area.ensureVisible(center.x(), center.y(), 0, _MARGIN)

    def _key_target(self, key: Qt.Key) -> int:
        """Return the word that a key goes to."""
        last = len(self._words) - 1
        if key in _ENDS:
            return last if _ENDS[key] else 0
        if key in _LINES:
            return self._word_beside(_LINES[key])
        if self._current < 0:
            return self.first_word()
        paragraph = self.document().findBlock(self._starts[self._current])
        is_rtl = paragraph.textDirection() is Qt.LayoutDirection.RightToLeft
        step = -_STEPS[key] if is_rtl else _STEPS[key]
        return min(max(self._current + step, 0), last)

    def event(self, event: QEvent) -> bool:
        is_override = event.type() is QEvent.Type.ShortcutOverride and self._current >= 0
        if is_override and isinstance(event, QKeyEvent) and event.key() == _Key.Key_Escape:
            event.accept()  # else Escape would stop the answer
            return True
        if event.type() is QEvent.Type.ContextMenu:
            self._make_way_for_menu()
        return super().event(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ContextMenu:
            self._make_way_for_menu()
        return super().viewportEvent(event)

    def _make_way_for_menu(self) -> None:
        if self.is_pointed_at:
            self.go_to(-1)
        self.menu_opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.uses_key(event.key(), event.modifiers()):
            super().keyPressEvent(event)
            return
        key = _Key(event.key())
        if key == _Key.Key_Escape:
            self.go_to(-1)
            self.left.emit()
        elif key in _ENTER:
            if self._current < 0:
                self.go_to(self.first_word())
            self.word_entered.emit(self._current)
        else:
            self.go_to(self._key_target(key))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if not event.buttons():
            self.point_at(event.position())

    def point_at(self, place: QPointF) -> None:
        """Make the word at a point of the viewport the current one; between words, the last one stays."""
        word = self._word_at(place)
        if word >= 0:
            self.is_pointed_at = True
            self._set_current(word)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        word = self._word_at(event.position())
        if event.button() is Qt.MouseButton.LeftButton and word >= 0 and not self.textCursor().hasSelection():
            self.point_at(event.position())
            self.word_entered.emit(word)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update(self._area_of(self._current))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update(self._area_of(self._current))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._pieces.clear()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange and hasattr(self, "_pieces"):
            self._pieces.clear()

    def paintEvent(self, event: QPaintEvent) -> None:
        pieces = list(self._pieces_within(event.rect()))
        painter = QPainter(self.viewport())
        self._paint_grounds(painter, pieces)
        painter.end()
        super().paintEvent(event)
        painter.begin(self.viewport())
        self._paint_current(painter)
        painter.end()

    def _pieces_within(self, area: QRect) -> Iterator[WordPiece]:
        """Yield the pieces in the paragraphs that are in `area`: what is out of sight is not measured."""
        layout = self.document().documentLayout()
        block = self.cursorForPosition(area.topLeft()).block()
        while block.isValid() and layout.blockBoundingRect(block).top() <= area.bottom():
            yield from (piece for piece in self._pieces_in(block) if piece.rect.intersects(QRectF(area)))
            block = block.next()

    def _paint_grounds(self, painter: QPainter, pieces: Sequence[WordPiece]) -> None:
        for level in range(SURE):
            shown = [piece for piece in pieces if piece.level == level]
            grounds = [piece.rect.adjusted(-0.5, 1, 0.5, -1) for piece in shown]
            paint_grounds(painter, self._theme, level, grounds, [piece.line_below() for piece in shown])

    def _paint_current(self, painter: QPainter) -> None:
        if self._current < 0:
            return
        color = self._theme.colors.accent if self.hasFocus() else self._theme.colors.text
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(color), 2.0 if self.hasFocus() else 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for piece in self._all_pieces(self._current):
            painter.drawRoundedRect(piece.rect.adjusted(-1.5, 0.5, 1.5, -0.5), 3, 3)

"""The find bar, and the search in the conversation."""

from collections.abc import Generator, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QWidget
from shiboken6 import isValid

from phichat.chat.conversation import Message, Role
from phichat.i18n import format_number, tr
from phichat.markdown.document import block_text
from phichat.markdown.streaming import StreamingParser
from phichat.ui.a11y.announce import announce
from phichat.ui.attachments.chips import count_matches
from phichat.ui.theme.scaling import scaled, set_icon_size
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.transcript.transcript import Transcript
from phichat.ui.widgets.controls import IconButton
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.highlights import SearchTerms
from phichat.ui.widgets.long_text import LONGEST_SEARCH
from phichat.ui.widgets.text_input import LineEdit

if TYPE_CHECKING:
    from phichat.ui.blocks.base import BlockTextEdit

WIDTH, HEIGHT, MARGIN = 400, 42, 8  # pixels, the first two at the desktop's text size
MAX_SELECTED = 100  # characters of selected text that become the search text


class FindBar(QFrame):
    """A search field, the number of matches, and buttons to go from match to match. Escape closes it."""

    def __init__(self, theme: Theme, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.setObjectName("findBar")
        self.setAccessibleName(tr("Find in conversation"))
        self._transcript = transcript
        self._finder = ConversationFinder(transcript)
        self._before: QWidget | None = None
        self.field = LineEdit()
        self.field.setObjectName("findField")
        self.field.setMaxLength(LONGEST_SEARCH)
        self.field.setPlaceholderText(tr("Find in conversation"))
        self.field.setAccessibleName(tr("Find in conversation"))
        self._count = muted(plain_label())
        self._count.setObjectName("findCount")
        self._previous = IconButton(theme, "above", tr("Previous match (Shift+Enter)"), "findPrevious")
        self._next = IconButton(theme, "below", tr("Next match (Enter)"), "findNext")
        self._close = IconButton(theme, "close", tr("Close (Esc)"), "findClose")
        self._lay_out()
        self.field.textChanged.connect(self._finder.search)
        self.field.installEventFilter(self)
        self._previous.clicked.connect(self._finder.find_previous)
        self._next.clicked.connect(self._finder.find_next)
        self._close.clicked.connect(self.dismiss)
        self._finder.counted.connect(self._on_counted)
        transcript.resized.connect(self._place)
        theme.apply_stylesheet(self, "floating")
        theme.changed.connect(self._finder.refresh_highlights)

    def open(self) -> None:
        """Show the bar, and search for the selected text if there is one, short and in one line."""
        focus = QApplication.focusWidget()
        if not (focus and self.isAncestorOf(focus)):
            self._before = focus
        target = self._transcript.target_view()
        is_here = target and focus and target.isAncestorOf(focus)
        excerpt = target.selection() if target and is_here and _is_short(target.text_edits()) else None
        selected = excerpt.text.strip() if excerpt else ""
        is_new = not self.isVisible()
        if is_new:
            self._finder.start_here()
        self.show()
        self._place()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if selected and "\n" not in selected and len(selected) <= MAX_SELECTED:
            self.field.setText(selected)
        elif is_new:
            self._finder.search(self.field.text())
        self.field.selectAll()

    @Slot()
    def find_next(self) -> None:
        """Go to the next match; open the bar if it is closed."""
        if self.isVisible():
            self._finder.find_next()
        else:
            self.open()

    @Slot()
    def find_previous(self) -> None:
        """Go to the previous match; open the bar if it is closed."""
        if self.isVisible():
            self._finder.find_previous()
        else:
            self.open()

    @Slot()
    def dismiss(self) -> None:
        """Close the bar and give the focus back."""
        self.hide()
        self._transcript.reserve_top(0)
        self._finder.clear()
        if self._before and isValid(self._before) and self._before.isVisible():
            self._before.setFocus()
        else:
            self._transcript.setFocus()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 6, 4)
        layout.setSpacing(2)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._count)
        layout.addSpacing(6)
        for button in (self._previous, self._next, self._close):
            set_icon_size(button, 16, 28, 28)
            layout.addWidget(button)

    @Slot(int, int, bool)
    def _on_counted(self, number: int, total: int, is_all: bool) -> None:
        text = tr("{number} of {count}").format(number=format_number(number), count=format_number(total))
        if not is_all:
            text += "…"
        elif not total:
            text = tr("No matches") if self.field.text().strip() else ""
        is_news = is_all and text != self._count.text()
        muted(self._count, alert=is_all and not total)
        self._count.setText(text)
        self._previous.setEnabled(total > 0)
        self._next.setEnabled(total > 0)
        if is_news and text:
            announce(self._count, text)

    @Slot()
    def _place(self) -> None:
        """Move to the corner above the ends of lines, and keep messages from beginning below it."""
        room = self._transcript.viewport().width() - 2 * MARGIN
        width = min(scaled(WIDTH), room)
        left = self._transcript.viewport().x() + MARGIN if self.isRightToLeft() else MARGIN + room - width
        height = max(scaled(HEIGHT), self.minimumSizeHint().height())
        self.setGeometry(left, MARGIN, width, height)
        if self.isVisible():
            self._transcript.reserve_top(height + 2 * MARGIN)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and _is_enter(event):
            is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if is_back:
                self._finder.find_previous()
            else:
                self._finder.find_next()
            return True
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and _is_escape(event):
            event.accept()  # else Escape would stop the reply
            return True
        is_handled = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:  # the text size has changed
            self._place()
        return is_handled

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_escape(event):
            self.dismiss()
        elif not _is_enter(event):
            super().keyPressEvent(event)


def _is_short(fields: "Sequence[BlockTextEdit]") -> bool:
    """Return whether what is selected may be searched for: to write all of a large table takes its time."""
    cursors = [field.textCursor() for field in fields]
    return sum(cursor.selectionEnd() - cursor.selectionStart() for cursor in cursors) <= MAX_SELECTED


def _is_escape(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape


def _is_enter(event: QKeyEvent) -> bool:
    return event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}


SLICE = 0.008  # seconds of searching before the event loop runs again
RECOUNT_INTERVAL = 200  # milliseconds between counts while a reply grows


class ConversationFinder(QObject):
    """Finds text in all messages, and counts its matches, in slices of the event loop's idle time.

    Signals: `counted(int, int, bool)`: the number of the current match, from 1, or 0 for none; how many matches were
    found so far; whether the count is complete.
    """

    counted = Signal(int, int, bool)

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self._transcript = transcript
        self._terms = SearchTerms()
        self._counts: dict[str, tuple[str, int]] = {}  # by message id: the text that was searched, matches in it
        self._texts: dict[str, tuple[str, list[str]]] = {}  # by message id: the source, and the texts of its blocks
        self._current: tuple[str, int] | None = None  # a message's id, and the index of a match in it
        self._start_index = 0
        self._work: Iterator[None] | None = None
        self._searched: list[Message] = []  # the path that `_work` goes through
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)
        self._recount_timer = QTimer(self, interval=RECOUNT_INTERVAL, singleShot=True)
        self._recount_timer.timeout.connect(self._count_again)
        transcript.changed.connect(self._on_changed)

    def start_here(self) -> None:
        """Search from the first visible message on."""
        self._start_index, self._current = self._transcript.first_visible(), None

    def search(self, words: str) -> None:
        """Highlight `words` and go to the first match after the start; without words, remove the highlights."""
        self._terms = SearchTerms(words)
        self._counts.clear()
        self._current = None
        self._transcript.highlight(self._terms)
        if self._terms:
            self._start(self._seek(1))
        else:
            self._start(None)
            self.counted.emit(0, 0, True)

    def clear(self) -> None:
        """End the search."""
        self.search("")
        self._texts.clear()

    @Slot()
    def refresh_highlights(self) -> None:
        """Paint the highlights in the theme's colours."""
        if self._terms:
            self._transcript.highlight(self._terms)

    @Slot()
    def find_next(self) -> None:
        """Go to the next match."""
        self._start(self._seek(1) if self._terms else None)

    @Slot()
    def find_previous(self) -> None:
        """Go to the previous match."""
        self._start(self._seek(-1) if self._terms else None)

    def _start(self, work: Iterator[None] | None) -> None:
        self._work, self._searched = work, self._transcript.path()
        if work:
            self._go_on()

    @Slot()
    def _go_on(self) -> None:
        until = perf_counter() + SLICE
        for _ in self._work or ():
            if perf_counter() >= until:
                self._timer.start()
                break
        else:
            self._work = None
            self._timer.stop()
        if self._terms:
            self._emit_count()

    def _seek(self, direction: int) -> Iterator[None]:
        """Go to the next match in that direction, wrapping around at the end; then count the others."""
        path = self._transcript.path()
        if not path:
            return
        message_id, here = self._current or ("", -1 if direction > 0 else 0)
        start = next(
            (at for at, message in enumerate(path) if message.id == message_id), min(self._start_index, len(path))
        )
        for distance in range(len(path) + 1):
            yield
            index = (start + direction * distance) % len(path)
            places = range((yield from self._count(path[index], index)))[::direction]
            if distance == 0:
                places = range(here + 1, len(places)) if direction > 0 else range(min(here, len(places)))[::-1]
            if places:
                self._current = path[index].id, places[0]
                while self._transcript.reveal_step(index, places[0]):
                    yield  # a long answer has thousands of blocks before it
                self._transcript.scroll_to_match(index, places[0])
                break
        yield from self._count_all()

    def _count_all(self) -> Iterator[None]:
        for index, message in enumerate(self._transcript.path()[:]):
            yield
            yield from self._count(message, index)

    def _count(self, message: Message, index: int) -> Generator[None, None, int]:
        text, count = self._counts.get(message.id, ("", -1))
        view = self._transcript.view(index)
        is_marked = view is not None and view.message is message and view.search_terms is self._terms
        if view and is_marked and view.is_whole():
            count = view.match_count()  # which changes where thinking is opened or folded
        elif count < 0 or text is not message.text:
            count = yield from self._count_in_source(message)
        self._counts[message.id] = message.text, count
        return count

    def _count_in_source(self, message: Message) -> Generator[None, None, int]:
        count = sum(count_matches(file, self._terms) for file in message.attachments)
        if not self._terms.may_occur_in(message.text):
            return count
        if message.role is Role.USER:
            return count + len(self._terms.find_ranges(message.text))
        for text in (yield from self._block_texts(message)):
            count += len(self._terms.find_ranges(text))
            yield
        return count

    def _block_texts(self, message: Message) -> Generator[None, None, list[str]]:
        """Return the texts of the blocks of a reply. They are kept: to parse a megabyte takes a second."""
        source, texts = self._texts.get(message.id, ("", []))
        if source is not message.text:
            parser = StreamingParser()
            parser.set_source(message.text)
            while parser.step():
                yield
            texts = [block_text(block) for block in parser.blocks()]
            self._texts[message.id] = message.text, texts
        return texts

    def _emit_count(self) -> None:
        total = at = 0
        for message in self._transcript.path():
            if self._current and message.id == self._current[0]:
                at = total + self._current[1] + 1
            total += self._counts.get(message.id, ("", 0))[1]
        self.counted.emit(at, total, self._work is None)

    @Slot()
    def _on_changed(self) -> None:
        if self._work and not self._is_shown(self._searched):
            self._start(None)  # else it would scroll to where its messages were
        if self._terms and not self._recount_timer.isActive():
            self._recount_timer.start()

    def _is_shown(self, path: list[Message]) -> bool:
        """Return whether the messages of `path` are those that are shown, as they are now, or their beginning."""
        shown = self._transcript.path()
        return shown is path or [message.id for message in shown[: len(path)]] == [message.id for message in path]

    @Slot()
    def _count_again(self) -> None:
        if self._work:
            self._recount_timer.start()
        elif self._terms:
            self._start(self._count_all())

"""The conversation on the screen: messages in a column, of which those near the reader are there as widgets."""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from phichat.chat.conversation import Message, Role
from phichat.i18n import tr
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.theme.scaling import set_icon_size, set_max_width
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import run_when_idle
from phichat.ui.transcript.message_context import MessageContext, MessageSignals
from phichat.ui.transcript.scroll_anchor import ScrollAnchor
from phichat.ui.transcript.selection import MessageSelection, TextSelection
from phichat.ui.transcript.visible_messages import VisibleMessages, preload_steps

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView
    from phichat.ui.widgets.highlights import SearchTerms


MARGINS = 24, 24, 24, 16  # pixels
COLUMN = 760  # pixels: lines longer than that are tiring to read
AT_LEAST, AT_MOST = 4, 12  # messages that are made before a conversation is shown; the others follow
SLICE = 0.006  # seconds of making messages, between which the window does other things
ALWAYS = 30  # messages that are there whatever their height
MOST = 100  # messages beyond which those go that are far away
REACH, FAR = 1500, 4000  # pixels above and below what is seen: what is nearer is there, what is farther may go
UNDER = 56  # pixels at the top that something may lie over


class Transcript(QScrollArea):
    """Shows a conversation's path.

    Attributes:
        context: what the messages' widgets share, and what they ask for.
        selection: the messages that are selected as a whole.
        text_selection: the text that is selected in one of them.

    Signals: `changed` when other messages, or more of one, are shown; `resized`.
    """

    changed = Signal()
    resized = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transcript")
        self.setAccessibleName(tr("Conversation"))
        self._theme = theme
        self.context = MessageContext(MessageSignals(self), RenderContext(self))
        self._live = VisibleMessages(self._lay_out(), theme, self.context, self)
        self._place = ScrollAnchor(self, self._content, self._views)
        self.selection = MessageSelection(self._live, self._content, theme)
        self.text_selection = TextSelection(self, self._live, self.selection)
        self.context.mouse_filter = self.text_selection
        self.context.selection = self.selection.messages
        self._focused: MessageView | None = None
        self._is_pointing = False  # to what a search found
        self._filling = QTimer(self, interval=0)
        self._filling.timeout.connect(self._fill)
        self._down = DownButton(theme, self)
        self._down.clicked.connect(self.follow)
        theme.apply_stylesheet(self.verticalScrollBar(), "bar")
        self._place.moved.connect(self._on_moved)
        self._live.changed.connect(self.changed)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    def show_path(self, messages: Sequence[Message]) -> None:
        """Show `messages`, from their end; those that are shown already stay as they are."""
        if self._is_pointing:
            self.highlight(None)
        kept = self._live.set_path(messages)
        count = len(self._live.path)
        if self._live.end < kept or count - kept > AT_MOST:
            self._live.restart(count)
        self._make_around(count - 1)
        self._place.follow()

    def show_path_near(self, messages: Sequence[Message], message: Message) -> None:
        """Show `messages`, such that `message`, which is one of them, is where another one was."""
        at = next((number for number, other in enumerate(messages) if other.id == message.id), 0)
        old = self._live.view(at)
        offset = self._place.offset(old, by_end=True) if old else 0
        focused = old.focused_part() if old else ""
        self._live.set_path(messages)
        self._make_around(at)
        view = self._live.view(at)
        if view and old:
            self._place.hold(view, offset, by_end=True)
            view.focus_part(focused)

    def show_message(self, name: str, words: str = "") -> None:
        """Show the message with that id, if it is on the path, and mark each of `words` in what is shown."""
        from phichat.ui.widgets.highlights import SearchTerms  # noqa: PLC0415 - an empty window has nothing to mark

        number = self._live.index_of(name)
        if number >= 0:
            self.highlight(SearchTerms(*words.split()))
            self._is_pointing = True
            self.scroll_to_match(number, 0)

    def preload(self) -> None:
        """Have ready what the first messages need, a little at a time."""
        run_when_idle(preload_steps(self._theme, self.context), self)

    def path(self) -> list[Message]:
        """All messages that are shown, wherever the reader is."""
        return self._live.path

    def view(self, number: int) -> "MessageView | None":
        """The widget of the message of that number, if it is near the reader."""
        return self._live.view(number)

    def first_visible(self) -> int:
        """The number of the first message that can be seen."""
        return self._live.first + self._place.first_visible()

    def is_last(self, message: Message) -> bool:
        """Whether `message`, in whatever state, is the last one shown."""
        return bool(self._live.path) and self._live.path[-1].id == message.id

    def update_last_message(self, message: Message) -> None:
        """Show the last message as it is now."""
        self._live.path[-1] = message
        if view := self._live.view(len(self._live.path) - 1):
            view.show_message(message)
        self.changed.emit()

    def update_message(self, message: Message) -> None:
        """Show `message` as it is now, if it is shown, wherever the reader is."""
        self._live.update_message(message)

    def show_context_start(self, name: str | None) -> None:
        """Show that the model remembers from the message with that id on, or none of them for an empty one.

        None where it remembers all.
        """
        self._live.show_context_start(name)

    def show_remark(self, message: Message, remark: str) -> None:
        """Say `remark` below `message`, wherever the reader is."""
        self.context.state.remarks[message.id] = remark
        if view := self._live.view(self._live.index_of(message.id)):
            view.show_message(message)

    def show_progress(self, text: str) -> None:
        """Show how far the last reply has come that has no words yet."""
        if view := self._live.view(len(self._live.path) - 1):
            view.show_progress(text)

    @Slot()
    def follow(self) -> None:
        """Go to the end and stay there."""
        count = len(self._live.path)
        if self._live.end < count:
            self._make_around(count - 1)
        self._place.follow()

    def refresh_actions(self) -> None:
        """Show what can be done with messages now."""
        for view in self._live.views:
            view.refresh_actions()

    def target_view(self, role: Role | None = None) -> "MessageView | None":
        """The message with the focus, or else the last one of `role`."""
        if self._focused and role in {None, self._focused.message.role}:
            return self._focused
        return next((view for view in reversed(self._live.views) if role in {None, view.message.role}), None)

    @property
    def focused_view(self) -> "MessageView | None":
        """The message with the focus; None if none has it."""
        return self._focused

    @Slot(int)
    def switch_version(self, step: int) -> None:
        """Ask for another version of the message with the focus."""
        if self._focused:
            self._focused.switch_version(step)

    def view_containing(self, widget: QObject | None) -> "MessageView | None":
        """The message that `widget` is in."""
        return self._live.view_containing(widget) if isinstance(widget, QWidget) else None

    def last_visible(self) -> int:
        """The number of the last message that can be seen; -1 if there is none."""
        self._place.flush_layout()
        height = self.viewport().height()
        seen = (at for at, view in enumerate(self._live.views, self._live.first) if self._place.offset(view) < height)
        return max(seen, default=-1)

    def focused_index(self) -> int:
        """The number of the message with the focus; -1 if none has it."""
        return self._live.index_of(self._focused.message.id) if self._focused else -1

    def focus_message(self, number: int) -> None:
        """Have the message of that number there, seen, and with the focus."""
        if view := self._reach(number):
            view.take_focus()
            self._place.flush_layout()
            top = self._place.offset(view)
            if not 0 <= top < self.viewport().height() - 40:
                self._place.hold(view, UNDER)

    def scroll_to_start(self) -> None:
        """Go to the first message."""
        if self._live.path and (view := self._reach(0)):
            self._place.hold(view, 0)

    def highlight(self, needle: "SearchTerms | None") -> None:
        """Mark `needle` in what is shown; None for nothing."""
        self._is_pointing = False
        self._live.highlight(needle or None)
        height = self.viewport().height()
        for view in self._live.views:
            if self._place.offset(view) < height and self._place.offset(view, by_end=True) > 0:
                self._live.highlight_view(view)
        self._filling.start()

    def scroll_to_match(self, number: int, mark: int) -> None:
        """Have the mark of that number in the message of that number seen, and stronger than the others."""
        view = self._reach(number)
        if view is None:
            return
        self._live.highlight_view(view)
        view.show_now()
        for other in self._live.views:
            other.select_match(mark if other is view else -1)
        self._place.flush_layout()
        area = view.match_area(mark)
        height = self.viewport().height()
        if not UNDER <= self._place.offset(view) + area.top() <= height - area.height():
            self._place.hold(view, height // 3 - area.top())

    def reserve_top(self, pixels: int) -> None:
        """So much at the top is covered: what is shown begins below that."""
        left, top, right, bottom = MARGINS
        if layout := self._content.layout():
            layout.setContentsMargins(left, max(top, pixels), right, bottom)

    def _views(self) -> "list[MessageView]":
        return self._live.views

    def _lay_out(self) -> QVBoxLayout:
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._content = QWidget()
        self._content.setObjectName("transcriptContent")
        outer = QHBoxLayout(self._content)
        outer.setContentsMargins(*MARGINS)
        holder = QWidget()
        set_max_width(holder, COLUMN)
        outer.addWidget(holder)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addStretch(1)
        for layout in (outer, column):  # else all would be squeezed for a moment whenever there is one more
            layout.setSizeConstraint(QLayout.SizeConstraint.SetMinimumSize)
        self.setWidget(self._content)
        return column

    def _reach(self, number: int) -> "MessageView | None":
        if self._live.view(number) is None:
            self._live.restart(number)
            self._make_around(number)
            for view in self._live.views:
                view.show_now()
        return self._live.view(number)

    def _make_around(self, number: int) -> None:
        """Have the message of that number as a widget, and some others; the rest follows."""
        live, count, until = self._live, len(self._live.path), perf_counter() + 2 * SLICE
        if not live.views or not live.first <= number <= live.end + AT_MOST:
            live.restart(max(number, 0))

        def has_time(made: int) -> bool:
            return made < AT_LEAST // 2 or (made < AT_MOST // 2 and perf_counter() < until)

        while live.end < count and (live.end <= number or has_time(live.end - number - 1)):
            live.append_view()
        while live.first > 0 and (len(live.views) < AT_LEAST or has_time(number - live.first)):
            live.prepend_view()
        live.refresh_views()
        self._filling.start()

    @Slot()
    def _fill(self) -> None:
        """Make more of the messages near the reader, for a moment."""
        until = perf_counter() + SLICE
        while self._live.highlight_next():
            if perf_counter() > until:
                return
        if not self._grow():
            self._filling.stop()
            self._let_go()

    def _grow(self) -> bool:
        """Make one more message, if one is wanted."""
        live, bar = self._live, self.verticalScrollBar()
        is_short = len(live.views) < ALWAYS
        if not live.views or not self.isVisible() or len(live.views) > 2 * MOST:
            return False
        if live.first > 0 and (is_short or bar.value() < REACH):
            live.prepend_view()
        elif live.end < len(live.path) and (is_short or bar.maximum() - bar.value() < REACH):
            live.append_view()
        else:
            return False
        return True

    def _let_go(self) -> None:
        """Do without the messages that are far away, if there are many."""
        live, height = self._live, self.viewport().height()
        if len(live.views) <= MOST:
            return
        near = [
            number
            for number, view in enumerate(live.views, live.first)
            if self._place.offset(view, by_end=True) > -FAR and self._place.offset(view) < height + FAR
        ]
        if near:
            live.remove_views(near[-1] + 1, live.end)
            live.remove_views(live.first, near[0])

    @Slot()
    def _on_moved(self) -> None:
        is_at_end = self._place.is_at_end() and self._live.end == len(self._live.path)
        self._down.setVisible(not is_at_end)
        self._down.raise_()
        if not self._filling.isActive():
            self._filling.start()

    @Slot(QWidget, QWidget)
    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        if now is None:  # the window is not in front
            return
        focused = self._live.view_containing(now)
        if focused and self._focused and focused is not self._focused:
            self.text_selection.clear()  # what is copied is what one is at
        if self._focused and self._focused is not focused and self._focused in self._live.views:
            self._focused.set_focused(is_focused=False)
        self._focused = focused
        if focused:
            focused.set_focused(is_focused=True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Beside the messages' text, which hears of it by itself."""
        under = self._content.childAt(self._content.mapFromGlobal(event.globalPosition().toPoint()))
        view = self.view_containing(under)
        if view is None or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.text_selection.clear()
            self.selection.clear()
        else:
            self.selection.extend_to(self._live.index_of(view.message.id))
        super().mousePressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._filling.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._down.settle(self.size())
        self.resized.emit()


ABOVE_EDGE = 14  # pixels


class DownButton(QToolButton):
    """Floats at the lower edge of what is seen."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("downButton")
        self._theme = theme
        self.setAccessibleName(tr("Go to the end"))
        self.setToolTip(tr("Go to the end"))
        set_icon_size(self, 18, 34, 34)
        self.hide()
        theme.apply_stylesheet(self, "round")
        theme.changed.connect(self._show_icon)
        self._show_icon()

    def settle(self, size: QSize) -> None:
        """Stand where it belongs in what is that large."""
        self.move((size.width() - self.width()) // 2, size.height() - self.height() - ABOVE_EDGE)

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon("down"))

"""The conversation as a scrolling column of messages; only those near the viewport exist as widgets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from phichat.chat.conversation import Message, Role
from phichat.i18n import tr
from phichat.ui.blocks.render_context import RenderContext
from phichat.ui.theme.scaling import scaled, set_icon_size, set_max_width
from phichat.ui.theme.theme import SMALL_ROUND_BUTTON, Theme
from phichat.ui.transcript.message_context import MessageContext, MessageSignals
from phichat.ui.transcript.scroll_anchor import ScrollAnchor
from phichat.ui.transcript.selection import MessageSelection, TextSelection
from phichat.ui.transcript.viewport_filler import MAX_AT_ONCE, ViewportFiller
from phichat.ui.transcript.visible_messages import VisibleMessages
from phichat.ui.widgets.column import BAR_WIDTH, COLUMN_WIDTH, SIDE_MARGIN, keep_room_for_scroll_bar

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView
    from phichat.ui.widgets.highlights import SearchTerms


MARGINS = SIDE_MARGIN, 24, SIDE_MARGIN, 16  # pixels
EDITOR_MARGIN = 8  # pixels between an editor that was opened and the edge
TOP_CLEARANCE = 56  # pixels above a message that was gone to, unless an overlay at the top takes more


class Transcript(QScrollArea):
    """Shows the messages of a conversation's current path. A message's index is its position in that path, from 0.

    Attributes:
        context: what the message widgets share: their signals, their state, and look-ups.
        selection: the messages selected as a whole.
        text_selection: the text selected within one message.

    Signals:
        changed: other messages are shown, or the text of one has grown.
        resized: the widget has another size.
    """

    changed = Signal()
    resized = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transcript")
        self.setAccessibleName(tr("Conversation"))
        self._theme = theme
        self.context = MessageContext(MessageSignals(self), RenderContext(self))
        self._visible = VisibleMessages(self._lay_out(), theme, self.context, self)
        self._anchor = ScrollAnchor(self, self._content, self._visible.views, self._is_editing)
        self.context.signals.editing_changed.connect(self._on_editing)
        self.selection = MessageSelection(self._visible, self._content, theme, self.context)
        self.text_selection = TextSelection(self, self._visible, self.selection)
        self.context.mouse_filter = self.text_selection
        self.context.selection = self.selection.messages
        self._focused: MessageView | None = None
        self._shows_search_hit = False
        self._clearance = TOP_CLEARANCE
        self._filler = ViewportFiller(self, self._visible, self._anchor)
        self._down_button = DownButton(theme, self)
        self._down_button.clicked.connect(self.follow)
        self._anchor.moved.connect(self._on_moved)
        self._visible.changed.connect(self.changed)
        self.context.signals.thinking_toggled.connect(self.changed)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    def show_path(self, messages: Sequence[Message]) -> None:
        """Show `messages`, scrolled to the end. Widgets of messages that were shown before stay."""
        if self._shows_search_hit:
            self.highlight(None)
        kept = self._visible.set_path(messages)
        count = len(self._visible.path)
        if self._visible.end < kept or count - kept > MAX_AT_ONCE:
            self._visible.restart(count)
        self._filler.create_around(count - 1)
        self._anchor.follow()

    def show_path_near(self, messages: Sequence[Message], message: Message) -> None:
        """Show `messages`, with `message`, one of them, in the place of the version shown before.

        Its end is where that of the other was, if one sees it: there are the buttons. Else its text is.
        """
        index = next((index for index, other in enumerate(messages) if other.id == message.id), 0)
        old = self._visible.view(index)
        by_end = old is None or self._anchor.offset(old, by_end=True) <= self.viewport().height()
        offset = self._anchor.offset(old if by_end else old.text_start(), by_end=by_end) if old else 0
        focused = old.focused_part() if old else ""
        self._visible.set_path(messages)
        self._filler.create_around(index)
        view = self._visible.view(index)
        if view and old:
            self._anchor.hold(view if by_end else view.text_start(), offset, by_end=by_end)
            view.focus_part(focused)
        elif view and index == len(messages) - 1:
            self._anchor.follow()

    def show_message(self, message_id: str, words: str = "") -> None:
        """Scroll to the message with that id, if it is on the path, and highlight each of `words` in all messages."""
        from phichat.ui.widgets.highlights import SearchTerms  # noqa: PLC0415 - not for the start of the window

        index = self._visible.index_of(message_id)
        if index >= 0:
            self.highlight(SearchTerms(*words.split()))
            self._shows_search_hit = True
            self.scroll_to_match(index, 0)

    @Slot(str)
    def clear_search_hit(self, words: str = "") -> None:
        """Remove the highlights of the search in all conversations once no `words` are searched for."""
        if self._shows_search_hit and not words.strip():
            self.highlight(None)

    def path(self) -> list[Message]:
        """Return all messages on the path, with or without a widget."""
        return self._visible.path

    def view(self, index: int) -> "MessageView | None":
        """Return the widget of the message at `index`; None if it is far from the viewport."""
        return self._visible.view(index)

    def first_visible(self) -> int:
        """Return the index of the first message in the viewport."""
        return self._visible.first + self._anchor.first_visible()

    def is_last(self, message: Message) -> bool:
        """Return whether the last message on the path has the id of `message`."""
        return bool(self._visible.path) and self._visible.path[-1].id == message.id

    def update_last_message(self, message: Message) -> None:
        """Replace the last message by `message`, its next state."""
        self._visible.path[-1] = message
        if view := self._visible.view(len(self._visible.path) - 1):
            view.show_message(message)
        self.changed.emit()

    def update_message(self, message: Message) -> None:
        """Replace the message with the id of `message`, if it is on the path."""
        self._visible.update_message(message)

    def show_context_start(self, message_id: str | None) -> None:
        """Mark the message with that id as the first in the model's context.

        Empty for none of them, None for all of them: then there is no mark.
        """
        self._visible.show_context_start(message_id)

    def close_editor(self, message: Message) -> None:
        """Close the editor of `message`, whose text was sent."""
        if view := self._visible.view(self._visible.index_of(message.id)):
            view.close_editor()

    def show_remark(self, message: Message, remark: str) -> None:
        """Show `remark` below `message`."""
        self.context.state.remarks[message.id] = remark
        if view := self._visible.view(self._visible.index_of(message.id)):
            view.show_message(message)

    def show_progress(self, text: str) -> None:
        """Show the progress of a reply that has no text yet."""
        if view := self._visible.view(len(self._visible.path) - 1):
            view.show_progress(text)

    @Slot()
    def follow(self) -> None:
        """Scroll to the end, and stay there as messages grow."""
        count = len(self._visible.path)
        if self._visible.end < count:
            self._filler.create_around(count - 1)
        self._anchor.follow()

    def refresh_actions(self) -> None:
        """Enable and disable the buttons of all messages, as `context.state` says."""
        for view in self._visible.views:
            view.refresh_actions()

    def target_view(self, role: Role | None = None) -> "MessageView | None":
        """Return the message with the focus if it is of `role`, else the last one that is; None if there is none."""
        if self._focused and role in {None, self._focused.message.role}:
            return self._focused
        return next((view for view in reversed(self._visible.views) if role in {None, view.message.role}), None)

    def has_selection(self) -> bool:
        """Return whether messages, or words in the one with the focus, are selected."""
        return bool(self.selection.messages() or (self._focused and self._focused.selection()))

    @property
    def focused_view(self) -> "MessageView | None":
        """The message with the focus, or None."""
        return self._focused

    @Slot(int)
    def switch_version(self, step: int) -> None:
        """Ask for the version of the focused message that is `step` further."""
        if self._focused:
            self._focused.switch_version(step)

    def view_containing(self, widget: QObject | None) -> "MessageView | None":
        """Return the message that `widget` belongs to, or None."""
        return self._visible.view_containing(widget) if isinstance(widget, QWidget) else None

    def last_visible(self) -> int:
        """Return the index of the last message in the viewport; -1 if there is none."""
        self._anchor.flush_layout()
        height = self.viewport().height()
        seen = (
            index
            for index, view in enumerate(self._visible.views, self._visible.first)
            if self._anchor.offset(view) < height
        )
        return max(seen, default=-1)

    def focused_index(self) -> int:
        """Return the index of the message with the focus; -1 if there is none."""
        return self._visible.index_of(self._focused.message.id) if self._focused else -1

    def focus_message(self, index: int) -> None:
        """Scroll to the message at `index` and give it the focus."""
        if view := self._filler.create_view(index):
            view.take_focus()
            if not 0 <= self.offset_of(view) < self.viewport().height() - 40:
                self._anchor.hold(view, self._clearance)

    def offset_of(self, part: QWidget) -> int:
        """Return how many pixels below the top of the viewport `part` of a message begins."""
        self._anchor.flush_layout()
        return self._anchor.offset(part)

    def hold(self, part: QWidget, offset: int) -> None:
        """Scroll so that `part` of a message begins there, and keep it there while messages grow."""
        self._anchor.flush_layout()
        self._anchor.hold(part, offset)

    def scroll_to_start(self) -> None:
        """Scroll to the first message."""
        if self._visible.path and (view := self._filler.create_view(0)):
            self._anchor.hold(view, 0)

    def highlight(self, terms: "SearchTerms | None") -> None:
        """Highlight `terms` in all messages, those in the viewport first; None removes the highlights."""
        self._shows_search_hit = False
        self._visible.highlight(terms or None)
        height = self.viewport().height()
        for view in self._visible.views:
            if self._anchor.offset(view) < height and self._anchor.offset(view, by_end=True) > 0:
                self._visible.highlight_view(view)
        self._filler.schedule()

    def reveal_step(self, index: int, match: int) -> bool:
        """Prepare `scroll_to_match` for a moment; return False once it will be quick."""
        view = self._visible.view(index) or self._filler.create_view(index)
        if view is None:
            return False
        self._visible.highlight_view(view)
        return view.reveal_step(match)

    def scroll_to_match(self, index: int, match: int) -> None:
        """Scroll to a match in the message at `index`, and highlight it more strongly than the others."""
        view = self._filler.create_view(index)
        if view is None:
            return
        self._visible.highlight_view(view)
        view.reveal_match(match)
        view.show_now()
        for other in self._visible.views:
            other.select_match(match if other is view else -1)
        self._anchor.flush_layout()
        area = view.match_area(match)
        height = self.viewport().height()
        offset = self._anchor.offset(view)
        is_in_sight = self._clearance <= offset + area.top() <= height - area.height()
        self._anchor.hold(view, offset if is_in_sight else height // 3 - area.top())

    def reserve_top(self, pixels: int) -> None:
        """Reserve `pixels` at the top for an overlay, such as the find bar."""
        self._clearance = max(TOP_CLEARANCE, pixels)
        left, top, right, bottom = MARGINS
        if layout := self._content.layout():
            layout.setContentsMargins(left, max(top, pixels), right, bottom)

    def _lay_out(self) -> QVBoxLayout:
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        keep_room_for_scroll_bar(self)
        self.setViewportMargins(BAR_WIDTH, 0, 0, 0)  # so that the column is in the middle, where the composer is
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._content = QWidget()
        self._content.setObjectName("transcriptContent")
        outer = QHBoxLayout(self._content)
        outer.setContentsMargins(*MARGINS)
        self._holder = QWidget()
        set_max_width(self._holder, COLUMN_WIDTH)
        outer.addWidget(self._holder)
        column = QVBoxLayout(self._holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addStretch(1)
        for layout in (outer, column):  # else all are squeezed for a moment when a message is added
            layout.setSizeConstraint(QLayout.SizeConstraint.SetMinimumSize)
        self.setWidget(self._content)
        return column

    def _is_editing(self) -> bool:
        return any(view.is_editing() for view in self._visible.views)

    @Slot(object)
    def _on_editing(self, view: "MessageView") -> None:
        """Keep the open editor of `view` in sight, while replies grow below it; or go on once it is closed."""
        if view not in self._visible.views:  # it is being created, with an edit that was not sent
            return
        self._anchor.settle()
        if view.is_editing():
            self._anchor.flush_layout()
            self.ensureWidgetVisible(view, 0, EDITOR_MARGIN)
            self._anchor.settle()

    @Slot()
    def _on_moved(self) -> None:
        is_at_end = self._anchor.is_at_end() and self._visible.end == len(self._visible.path)
        self._down_button.setVisible(not is_at_end)
        self._down_button.raise_()
        self._filler.schedule()

    @Slot(QWidget, QWidget)
    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        if now is None:  # another window is active
            return
        focused = self._visible.view_containing(now)
        if focused and self._focused and focused is not self._focused:
            self.text_selection.clear()  # Copy would take the selection of the message left behind
        if self._focused and self._focused is not focused and self._focused in self._visible.views:
            self._focused.set_focused(is_focused=False)
        self._focused = focused
        if focused:
            focused.set_focused(is_focused=True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Change the selection for a click beside the text of messages; `TextSelection` handles clicks in it.

        Other buttons than the left one are no clicks: a menu is for what is selected. Text fields leave them to this.
        """
        if event.button() is not Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        under = self._content.childAt(self._content.mapFromGlobal(event.globalPosition().toPoint()))
        view = self.view_containing(under)
        if view is None or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.text_selection.clear()
            self.selection.clear()
        else:
            self.selection.extend_to(self._visible.index_of(view.message.id))
        super().mousePressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._filler.schedule()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._down_button.place(self.viewport().geometry())
        self.resized.emit()


BOTTOM_DISTANCE = 14  # pixels from the lower edge


class DownButton(QToolButton):
    """A button at the lower edge of the transcript, beside the messages, where it hides no words."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("downButton")
        self._theme = theme
        self.setAccessibleName(tr("Go to end"))
        self.setToolTip(tr("Go to end"))
        set_icon_size(self, 16, SMALL_ROUND_BUTTON, SMALL_ROUND_BUTTON)  # it fits between messages and scroll bar
        self.hide()
        theme.apply_stylesheet(self, "round")
        theme.changed.connect(self._show_icon)
        self._show_icon()

    def place(self, viewport: QRect) -> None:
        """Move beside the column in the middle of `viewport`, at its lower edge."""
        column = min(scaled(COLUMN_WIDTH), viewport.width() - 2 * SIDE_MARGIN)
        beside = (viewport.width() - column) // 2
        distance = min((beside - self.width()) // 2, BOTTOM_DISTANCE)
        right = viewport.center().x() + column // 2 + distance
        left = viewport.center().x() - column // 2 - distance - self.width()
        x = left if self.isRightToLeft() else right
        self.move(x, viewport.bottom() - self.height() - BOTTOM_DISTANCE)

    @Slot()
    def _show_icon(self) -> None:
        self.setIcon(self._theme.icon("down"))

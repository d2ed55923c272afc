"""The messages that exist as widgets: a range of the path, which grows and shrinks at both ends."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.i18n import tr
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.widgets.controls import Divider

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView
    from phichat.ui.widgets.highlights import SearchTerms


class VisibleMessages(QObject):
    """Creates and deletes message widgets in `column`. `before` takes the focus from those that are deleted.

    Attributes:
        path: all messages on the conversation's current path, without the system's.
        first: the index of the first message that has a widget.
        views: the widgets, in the order of the path; always the same list.

    Signals: `changed` when other messages are shown.
    """

    changed = Signal()

    def __init__(self, column: QVBoxLayout, theme: Theme, context: MessageContext, before: QWidget) -> None:
        super().__init__(before)
        self._column, self._theme, self._context, self._before = column, theme, context, before
        self.path: list[Message] = []
        self.first = 0
        self.views: list[MessageView] = []
        self._terms: SearchTerms | None = None
        self._unhighlighted: list[MessageView] = []
        self._divider: Divider | None = None
        self._context_start: str | None = None
        self._divider_index = -1

    @property
    def end(self) -> int:
        """The index after that of the last message that has a widget."""
        return self.first + len(self.views)

    def view(self, index: int) -> "MessageView | None":
        """Return the widget of the message at `index`, or None."""
        return self.views[index - self.first] if self.first <= index < self.end else None

    def view_containing(self, widget: QWidget | None) -> "MessageView | None":
        """Return the message that `widget` is or belongs to, or None."""
        return next((view for view in self.views if widget and (view is widget or view.isAncestorOf(widget))), None)

    def index_of(self, message_id: str) -> int:
        """Return the index of the message with that id; -1 if it is not on the path."""
        return next((index for index, message in enumerate(self.path) if message.id == message_id), -1)

    def set_path(self, messages: Sequence[Message]) -> int:
        """Set the path and delete widgets of messages that left it. Return how many messages at its start stayed."""
        old, self.path = self.path, [message for message in messages if message.role is not Role.SYSTEM]
        pairs = zip(old, self.path, strict=False)
        kept = next((at for at, (was, now) in enumerate(pairs) if was.id != now.id), min(len(old), len(self.path)))
        self.remove_views(max(kept, self.first), self.end)
        for index, view in enumerate(self.views, self.first):
            if view.message is not self.path[index]:
                view.show_message(self.path[index])
        self.show_context_start(self._context_start)
        return kept

    def update_message(self, message: Message) -> None:
        """Replace the message with the id of `message`, if it is on the path."""
        index = self.index_of(message.id)
        if index >= 0:
            self.path[index] = message
        if view := self.view(index):
            view.show_message(message)
            view.refresh_versions()

    def show_context_start(self, message_id: str | None) -> None:
        """Show a divider before the message with that id, after the last one if it is empty, none if it is None."""
        self._context_start = message_id
        if message_id is None:
            self._divider_index = -1
        else:
            self._divider_index = self.index_of(message_id) if message_id else len(self.path)
        self._place_divider()

    def refresh_views(self) -> None:
        """Have each widget show which version it is, and whether it is the last."""
        for index, view in enumerate(self.views, self.first):
            self._refresh(view, index)
        self.changed.emit()

    def restart(self, index: int) -> None:
        """Drop all widgets; restart the range at `index`."""
        self.remove_views(self.first, self.end)
        self.first = index

    def prepend_view(self) -> None:
        """Create the widget of the message before the first."""
        self.first -= 1
        view = self._create_view(self.first)
        self.views.insert(0, view)
        self._column.insertWidget(0, view)
        self._place_divider()

    def append_view(self) -> None:
        """Create the widget of the message after the last."""
        view = self._create_view(self.end)
        self.views.append(view)
        self._column.insertWidget(self._column.count() - 1, view)
        self._place_divider()

    def remove_views(self, first: int, end: int) -> None:
        """Delete the widgets from index `first` up to, not including, `end`; one of them at an end of the range."""
        focus = QApplication.focusWidget()
        for view in self.views[first - self.first : end - self.first]:
            if focus and view.isAncestorOf(focus):
                self._before.setFocus()  # else the next widget gets it, and is scrolled to
            self._column.removeWidget(view)
            view.set_index(-1)
            view.hide()
            view.deleteLater()
        is_top = first <= self.first
        del self.views[first - self.first : end - self.first]
        self._unhighlighted = [view for view in self._unhighlighted if view in self.views]
        if is_top:
            self.first = max(self.first, end)
        self._place_divider()

    def highlight(self, terms: "SearchTerms | None") -> None:
        """Highlight `terms` in new widgets at once, in present ones by `highlight_next`; None removes highlights."""
        self._terms = terms
        self._unhighlighted = self.views[:] if terms else []
        if not terms:
            for view in self.views:
                view.highlight(None)

    def highlight_view(self, view: "MessageView") -> None:
        """Highlight the search terms in `view` before the others."""
        if view in self._unhighlighted:
            self._unhighlighted.remove(view)
            view.highlight(self._terms)

    def highlight_next(self) -> bool:
        """Highlight the search terms in one more widget. Return False if none is left."""
        if not self._unhighlighted:
            return False
        self._unhighlighted.pop().highlight(self._terms)
        return True

    def _place_divider(self) -> None:
        """Move the divider to its message, or hide it if that has no widget."""
        view, count = self.view(self._divider_index), len(self.path)
        is_here = view is not None or (self._divider_index == count == self.end and bool(self.views))
        if is_here and self._divider is None:
            self._divider = Divider(
                "horizon",
                tr("Context starts here"),
                tr("The model no longer sees messages above this line, except pinned ones."),
            )
        if self._divider is None:
            return
        self._column.removeWidget(self._divider)
        self._divider.setVisible(is_here)
        if is_here:
            self._column.insertWidget(self._column.indexOf(view) if view else self._column.count() - 1, self._divider)

    def _create_view(self, index: int) -> "MessageView":
        view = create_message_view(self.path[index], self._theme, self._context)
        view.set_index(index)
        self._refresh(view, index)
        if self._terms:
            view.highlight(self._terms)
        return view

    def _refresh(self, view: "MessageView", index: int) -> None:
        view.set_last(is_last=index == len(self.path) - 1)
        view.refresh_versions()


_MODULES = (
    "markdown_it",
    "phichat.markdown.streaming",
    "phichat.ui.transcript.copying",
    "phichat.ui.blocks.text_block",
    "phichat.ui.transcript.message_view",
    "phichat.ui.transcript.user_message",
    "phichat.ui.transcript.assistant_message",
    "phichat.ui.blocks.table_block",
    "phichat.ui.blocks.syntax",
)
_samples = [
    (Role.ASSISTANT, "```python\n…\n```"),
    (Role.ASSISTANT, "| … |\n|---|\n| … |"),
    (Role.ASSISTANT, "# **…**\n\n- `…`"),
    (Role.USER, "…"),
]
"""What is still to be shown once in this process, from last to first."""


def preload_steps(theme: Theme, context: MessageContext) -> Iterator[None]:
    """Import the modules of messages, then create one of each kind, so that the first one shown takes no longer.

    That of a second window in this process does not.
    """
    for module in _MODULES:
        import_module(module)
        yield
    while _samples:
        role, text = _samples.pop()
        create_message_view(Message(role, text, reply=Reply(ending=Ending.STOP)), theme, context).deleteLater()
        yield


def create_message_view(message: Message, theme: Theme, context: MessageContext) -> "MessageView":
    """Return a widget that shows `message`."""
    if message.role is Role.USER:
        from phichat.ui.transcript.user_message import UserMessageView  # noqa: PLC0415 - an empty window has no messages

        return UserMessageView(message, theme, context)
    from phichat.ui.transcript.assistant_message import AssistantMessageView  # noqa: PLC0415

    return AssistantMessageView(message, theme, context)

"""The messages that are there as widgets: a stretch of the path, which grows and shrinks at both ends."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.i18n import tr
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.message_context import MessageContext

if TYPE_CHECKING:
    from phichat.ui.transcript.message_view import MessageView
    from phichat.ui.widgets.highlights import SearchTerms
    from phichat.ui.widgets.labels import Divider


class VisibleMessages(QObject):
    """Makes widgets of messages, in `column`. Tab comes to them from `before`.

    Attributes:
        path: all messages that are shown, wherever the reader is.
        first: the number of the first one that is there.
        views: those that are there.

    Signals: `changed` when messages came or went, or are other ones.
    """

    changed = Signal()

    def __init__(self, column: QVBoxLayout, theme: Theme, context: MessageContext, before: QWidget) -> None:
        super().__init__(before)
        self._column, self._theme, self._context, self._before = column, theme, context, before
        self.path: list[Message] = []
        self.first = 0
        self.views: list[MessageView] = []
        self._needle: SearchTerms | None = None
        self._unmarked: list[MessageView] = []
        self._rule: Divider | None = None
        self._horizon: str | None = None
        self._rule_at = -1

    @property
    def end(self) -> int:
        """The number after that of the last one that is there."""
        return self.first + len(self.views)

    def view(self, number: int) -> "MessageView | None":
        """The widget of that message, if it is there."""
        return self.views[number - self.first] if self.first <= number < self.end else None

    def view_containing(self, widget: QWidget | None) -> "MessageView | None":
        """The one that `widget` is, or is in."""
        return next((view for view in self.views if widget and (view is widget or view.isAncestorOf(widget))), None)

    def index_of(self, name: str) -> int:
        """The number of the message with that id; -1 if it is not on the path."""
        return next((number for number, message in enumerate(self.path) if message.id == name), -1)

    def set_path(self, messages: Sequence[Message]) -> int:
        """`messages` are the path now; what is not on it goes. How many stayed from the beginning."""
        old, self.path = self.path, [message for message in messages if message.role is not Role.SYSTEM]
        pairs = zip(old, self.path, strict=False)
        kept = next((at for at, (was, now) in enumerate(pairs) if was.id != now.id), min(len(old), len(self.path)))
        self.remove_views(max(kept, self.first), self.end)
        for number, view in enumerate(self.views, self.first):
            if view.message is not self.path[number]:
                view.show_message(self.path[number])
        self.show_context_start(self._horizon)
        return kept

    def update_message(self, message: Message) -> None:
        """`message` is another one than it was, if it is shown."""
        number = self.index_of(message.id)
        if number >= 0:
            self.path[number] = message
        if view := self.view(number):
            view.show_message(message)

    def show_context_start(self, name: str | None) -> None:
        """Have a line before the message with that id, or after the last one for an empty one; None for no line."""
        self._horizon = name
        self._rule_at = len(self.path) if name == "" else -1 if name is None else self.index_of(name)
        self._settle_rule()

    def refresh_views(self) -> None:
        """Have each show which version it is, and whether it is the last."""
        for number, view in enumerate(self.views, self.first):
            self._tell(view, number)
        self.changed.emit()

    def restart(self, at: int) -> None:
        """Have none, such that those before and after number `at` can come."""
        self.remove_views(self.first, self.end)
        self.first = at

    def prepend_view(self) -> None:
        """Make the one before the first."""
        self.first -= 1
        view = self._make(self.first)
        self.views.insert(0, view)
        self._column.insertWidget(0, view)
        view.update_tab_order(self._before)
        self._settle_rule()

    def append_view(self) -> None:
        """Make the one after the last."""
        before = self.views[-1].tab_stops()[-1:] if self.views else []
        view = self._make(self.end)
        self.views.append(view)
        self._column.insertWidget(self._column.count() - 1, view)
        view.update_tab_order(before[0] if before else self._before)
        self._settle_rule()

    def remove_views(self, first: int, end: int) -> None:
        """Let those from number `first` to before `end` go; from one of the ends on."""
        focus = QApplication.focusWidget()
        for view in self.views[first - self.first : end - self.first]:
            if focus and view.isAncestorOf(focus):
                self._before.setFocus()  # else it would go to whatever comes next, and that be scrolled to
            self._column.removeWidget(view)
            view.setObjectName("")
            view.hide()
            view.deleteLater()
        is_top = first <= self.first
        del self.views[first - self.first : end - self.first]
        self._unmarked = [view for view in self._unmarked if view in self.views]
        if is_top:
            self.first = max(self.first, end)
        self._settle_rule()

    def highlight(self, needle: "SearchTerms | None") -> None:
        """Mark `needle` in all that come, and with `mark_next` in those that are there; None for nothing."""
        self._needle = needle
        self._unmarked = self.views[:] if needle else []
        if not needle:
            for view in self.views:
                view.highlight(None)

    def highlight_view(self, view: "MessageView") -> None:
        """Mark what is looked for in `view` before the others."""
        if view in self._unmarked:
            self._unmarked.remove(view)
            view.highlight(self._needle)

    def highlight_next(self) -> bool:
        """Mark what is looked for in one more; whether there was one."""
        if not self._unmarked:
            return False
        self._unmarked.pop().highlight(self._needle)
        return True

    def _settle_rule(self) -> None:
        """Put the line where it belongs, if what it belongs to is there."""
        view, count = self.view(self._rule_at), len(self.path)
        is_here = view is not None or (self._rule_at == count == self.end and bool(self.views))
        if is_here and self._rule is None:
            self._rule = _horizon_rule()
        if self._rule is None:
            return
        self._column.removeWidget(self._rule)
        self._rule.setVisible(is_here)
        if is_here:
            self._column.insertWidget(self._column.indexOf(view) if view else self._column.count() - 1, self._rule)

    def _make(self, number: int) -> "MessageView":
        view = make_view(self.path[number], self._theme, self._context)
        view.setObjectName(f"message-{number}")
        self._tell(view, number)
        if self._needle:
            view.highlight(self._needle)
        return view

    def _tell(self, view: "MessageView", number: int) -> None:
        view.set_last(is_last=number == len(self.path) - 1)
        view.refresh_versions()


def _horizon_rule() -> "Divider":
    from phichat.ui.widgets.labels import Divider  # noqa: PLC0415 - few conversations are so long

    return Divider(
        "horizon",
        tr("The model remembers from here"),
        tr("What is above does not fit into the model's context any more, but for pinned messages."),
    )


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
_MESSAGES = (
    (Role.USER, "…"),
    (Role.ASSISTANT, "# **…**\n\n- `…`"),
    (Role.ASSISTANT, "| … |\n|---|\n| … |"),
    (Role.ASSISTANT, "```python\n…\n```"),
)


def preload_steps(theme: Theme, context: MessageContext) -> Iterator[None]:
    """In steps, import what messages are made of, and make some, so that the first take no longer than the others."""
    for module in _MODULES:
        import_module(module)
        yield
    for role, text in _MESSAGES:
        make_view(Message(role, text, reply=Reply(ending=Ending.STOP)), theme, context).deleteLater()
        yield


def make_view(message: Message, theme: Theme, context: MessageContext) -> "MessageView":
    """A widget that shows `message`."""
    if message.role is Role.USER:
        from phichat.ui.transcript.user_message import UserMessageView  # noqa: PLC0415 - an empty window has no messages

        return UserMessageView(message, theme, context)
    from phichat.ui.transcript.assistant_message import AssistantMessageView  # noqa: PLC0415

    return AssistantMessageView(message, theme, context)

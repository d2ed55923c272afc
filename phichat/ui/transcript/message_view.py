"""The base of message widgets: what questions and answers have in common."""

from itertools import accumulate, pairwise

from PySide6.QtCore import Property, QEvent, QMimeData, QPoint, QRect, QSize, Qt, Slot
from PySide6.QtGui import QContextMenuEvent, QEnterEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from phichat.chat.conversation import Message
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.blocks.base import BlockTextEdit, BlockWidget
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.transcript.copying import Selection, message_data, selection_in
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.transcript.message_menu import MessageMenu
from phichat.ui.transcript.message_toolbar import MessageToolbar, VersionSwitcher
from phichat.ui.widgets.highlights import SearchTerms
from phichat.ui.widgets.plain_text import plain_label


class MessageView(QWidget):
    """Shows one message; its property `source` is the message's Markdown so far.

    Attributes:
        tools: its few buttons.
        switch: shows which version it is; None where there is one only.
        needle: what is looked for in it; None for nothing.
    """

    _side = Qt.AlignmentFlag.AlignLeft

    def __init__(self, message: Message, theme: Theme, context: MessageContext, actions: MessageToolbar) -> None:
        super().__init__()
        self._message, self._theme, self._context = message, theme, context
        self._signals, self._state = context.signals, context.state
        self.toolbar = actions
        self.version_switcher: VersionSwitcher | None = None
        self._parts: list[BlockWidget] = []
        self._mark: PinBadge | None = None
        self.search_terms: SearchTerms | None = None
        self._is_hovered = self._is_focused = self._is_held = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        actions.pressed.connect(self._on_pressed)
        actions.more_requested.connect(self._open_menu)

    def _source(self) -> str:
        return self._message.text

    source = Property(str, _source)

    @property
    def message(self) -> Message:
        """What is shown."""
        return self._message

    def show_message(self, message: Message) -> None:
        """Show the message as it is now."""
        self._message = message
        self._show_pin()

    def show_progress(self, text: str) -> None:
        """Show how far a reply without words has come."""

    def set_last(self, *, is_last: bool) -> None:
        """Whether nothing follows."""

    def can_continue(self) -> bool:
        """Whether it is an answer that could go on where it ended."""
        return False

    @Slot()
    def edit(self) -> None:
        """Let the person write it anew, if they wrote it."""

    def refresh_actions(self) -> None:
        """Show what can be done now."""

    def refresh_versions(self) -> None:
        """Show which of how many versions this is."""
        versions = [message.id for message in self._context.siblings(self._message)]
        if len(versions) < 2:
            if self.version_switcher:
                self.version_switcher.hide()
            return
        if self.version_switcher is None:
            self.version_switcher = VersionSwitcher(self._theme)
            self.version_switcher.step_requested.connect(self.switch_version)
            self._place_switch(self.version_switcher)
            self.update_tab_order()
        self.version_switcher.show()
        self.version_switcher.show_version(versions.index(self._message.id), len(versions))

    @Slot(int)
    def switch_version(self, step: int) -> None:
        """Ask for the version so many steps further."""
        versions = self._context.siblings(self._message)
        at = [message.id for message in versions].index(self._message.id) + step
        if 0 <= at < len(versions):
            self._signals.version_chosen.emit(versions[at])

    def focused_part(self) -> str:
        """What in it has the focus: a button's name, another word for anything else, or nothing."""
        focus = QApplication.focusWidget()
        return (focus.objectName() or "text") if focus and self.isAncestorOf(focus) else ""

    def focus_part(self, name: str) -> None:
        """Take the focus as the version that was here had it, and have a screen reader say which version this is."""
        if self.version_switcher and name in {"previousVersion", "nextVersion"}:
            self.show_now()
            self.version_switcher.focus_button(1 if name == "nextVersion" else -1)
        elif name:
            self.take_focus()
        if self.version_switcher:
            announce(self, self.version_switcher.description())

    def set_focused(self, *, is_focused: bool) -> None:
        """Whether something in it has the focus."""
        self._is_focused = is_focused
        self._reveal()

    def show_now(self) -> None:
        """Be there at once, not only when there is time to lay it out."""
        self.show()
        for part in self._parts:
            part.widget().show()

    def take_focus(self) -> None:
        """Focus the message's text."""
        self.show_now()
        for part in self._parts[:1]:
            part.text_edit().setFocus(Qt.FocusReason.ShortcutFocusReason)

    def text_edits(self) -> list[BlockTextEdit]:
        """What text can be selected in, from top to bottom."""
        return [part.text_edit() for part in self._parts]

    def selection(self) -> Selection | None:
        """What the person has marked to copy; None for nothing."""
        return selection_in(self._parts, self._message.text)

    def tab_stops(self) -> list[QWidget]:
        """What takes the focus, in the order of reading."""
        found: list[QWidget] = []
        for part in self._parts:
            found += [*part.buttons(), part.text_edit()]
        return found + self._row_stops()

    def update_tab_order(self, before: QWidget | None = None) -> None:
        """Have Tab go from `before`, if given, through everything in it in the order of reading."""
        if not self.parentWidget():
            return
        stops = [before, *self.tab_stops()] if before else self.tab_stops()
        for first, second in pairwise(stops):
            QWidget.setTabOrder(first, second)

    def highlight(self, needle: SearchTerms | None) -> None:
        """Mark `needle` from now on; None for nothing."""
        self.search_terms = needle
        for part in self._parts:
            part.highlight(needle, self._theme.colors)

    def match_count(self) -> int:
        """How often what is looked for is in it."""
        return sum(self._counts())

    def select_match(self, number: int) -> None:
        """Mark the place of that number more strongly, and have it seen where code scrolls; -1 for none."""
        part, inside = self._found(number)
        for other in self._parts:
            if other.highlights:
                other.highlights.choose(inside if other is part else -1)
        if part:
            part.scroll_to_match(inside)

    def match_area(self, number: int) -> QRect:
        """Where the place of that number is, in this widget."""
        part, inside = self._found(number)
        if part is None or part.highlights is None:
            return self.rect()
        area = part.highlights.area(inside)
        viewport = part.text_edit().viewport()
        return QRect(viewport.mapTo(self, area.topLeft()), area.size())

    def _counts(self) -> list[int]:
        return [len(part.highlights.places) if part.highlights else 0 for part in self._parts]

    def _found(self, number: int) -> tuple[BlockWidget | None, int]:
        counts = self._counts()
        for part, count, end in zip(self._parts, counts, accumulate(counts), strict=True):
            if 0 <= number < end:
                return part, number - (end - count)
        return None, -1

    def _clip(self) -> QMimeData:
        """All of it, to be copied."""
        return message_data(self._message)

    def _attend(self, part: BlockWidget) -> None:
        """Have heard what the mouse and the keys do in a block of it."""
        field = part.text_edit()
        if self._context.key_filter:
            field.installEventFilter(self._context.key_filter)
        if self._context.mouse_filter:
            field.viewport().installEventFilter(self._context.mouse_filter)

    def _name(self) -> str:
        """What a screen reader calls it."""
        raise NotImplementedError

    def _show_pin(self) -> None:
        """Show whether it is pinned."""
        is_pinned = self._message.is_pinned
        if is_pinned and self._mark is None:
            self._mark = PinBadge(self._theme)
            self._column.insertWidget(0, self._mark, 0, self._side)
        if self._mark:
            self._mark.setVisible(is_pinned)
        if self.accessibleName() != self._name():
            self.setAccessibleName(self._name())
            for part in self._parts:
                part.set_accessible_name(self._name())

    def _place_switch(self, switch: VersionSwitcher) -> None:
        self._row.insertWidget(0, switch, 0, Qt.AlignmentFlag.AlignTop)

    def _row_stops(self) -> list[QWidget]:
        return [*(self.version_switcher.buttons() if self.version_switcher else []), *self.toolbar.buttons()]

    def _reveal(self) -> None:
        if self.toolbar.reveal(revealed=self._is_hovered or self._is_focused or self._is_held):
            self.update_tab_order()

    @Slot()
    def _on_pressed(self) -> None:
        """The button was pressed that asks again, or edits."""

    @Slot(QPoint)
    def _open_menu(self, position: QPoint, link: str = "") -> None:
        menu = self._make_menu(link)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(position)

    def _make_menu(self, link: str) -> MessageMenu:
        return MessageMenu(self._message, self._context, self.selection(), link, self, can_go_on=self.can_continue())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = event.pos()
        places = [(part, part.widget().mapFrom(self, at)) for part in self._parts]
        links = [part.link_at(place) for part, place in places if part.widget().rect().contains(place)]
        self._open_menu(event.globalPos(), "".join(links))

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._is_hovered = True
        self._reveal()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._is_hovered = False
        self._reveal()


SIZE = QSize(15, 15)


class PinBadge(QWidget):
    """A pin, and the word."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("pinMark")
        self._theme = theme
        self._pin = plain_label()
        words = muted(plain_label(tr("Pinned message")))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._pin)
        layout.addWidget(words)
        self.setToolTip(tr("The model remembers it, however long the conversation gets"))
        theme.changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _show_icon(self) -> None:
        self._pin.setPixmap(self._theme.icon("pin").pixmap(SIZE, self.devicePixelRatio()))

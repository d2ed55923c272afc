"""The base class of message widgets."""

from itertools import accumulate

from PySide6.QtCore import Property, QEvent, QMimeData, QPoint, QRect, QSize, Qt, Slot
from PySide6.QtGui import QContextMenuEvent, QEnterEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from phichat.chat.conversation import Message
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.blocks.base import BlockTextEdit, BlockWidget
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.transcript.copying import Selection, message_data, selection_in, table_markdown
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.transcript.message_menu import MessageMenu
from phichat.ui.transcript.message_toolbar import MessageToolbar, VersionSwitcher
from phichat.ui.widgets.foreign_text import plain_label
from phichat.ui.widgets.highlights import SearchTerms


class MessageView(QWidget):
    """Shows one message. Its property `source` is the message's Markdown.

    Attributes:
        toolbar: the buttons for the message.
        version_switcher: shows which version this is; None as long as there is only one.
        search_terms: what is highlighted in it; None for nothing.
    """

    _alignment = Qt.AlignmentFlag.AlignLeft

    def __init__(self, message: Message, theme: Theme, context: MessageContext, toolbar: MessageToolbar) -> None:
        super().__init__()
        self._message, self._theme, self._context = message, theme, context
        self._signals, self._state = context.signals, context.state
        self.toolbar = toolbar
        self.version_switcher: VersionSwitcher | None = None
        self._parts: list[BlockWidget] = []
        self._pin_badge: PinBadge | None = None
        self.search_terms: SearchTerms | None = None
        self._is_hovered = self._is_focused = self._keeps_toolbar = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        toolbar.pressed.connect(self._on_pressed)
        toolbar.more_requested.connect(self._open_menu)

    def _source(self) -> str:
        return self._message.text

    source = Property(str, _source)

    def set_index(self, index: int) -> None:
        """Name this after its position on the path; -1 for none."""
        self.setObjectName(f"message-{index}" if index >= 0 else "")

    @property
    def message(self) -> Message:
        """The message that is shown."""
        return self._message

    def show_message(self, message: Message) -> None:
        """Show `message`, the next state of the message."""
        self._message = message
        self._show_pin()

    def show_progress(self, text: str) -> None:
        """Show the progress of a reply without text. Does nothing for other messages."""

    def set_last(self, *, is_last: bool) -> None:
        """Set whether this is the last message."""

    def can_continue(self) -> bool:
        """Return whether this is a reply that can be continued where it ended."""
        return False

    @Slot()
    def edit(self) -> None:
        """Open the editor. Does nothing for replies."""

    def close_editor(self) -> None:
        """Close the editor and discard what was written there. Does nothing for replies."""

    def refresh_editor(self) -> None:
        """Show the files in the editor as the context's state says. Does nothing for replies."""

    def is_editing(self) -> bool:
        """Return whether the editor is open."""
        return False

    def refresh_actions(self) -> None:
        """Enable and disable the buttons, as the context's state says."""

    def refresh_lens(self) -> None:
        """Show the text under the lens, or as usual, as the context's state says."""

    def refresh_versions(self) -> None:
        """Show the number of this version, if there are several."""
        versions = [message.id for message in self._context.siblings(self._message)]
        if len(versions) < 2:
            if self.version_switcher:
                self.version_switcher.hide()
            return
        if self.version_switcher is None:
            self.version_switcher = VersionSwitcher(self._theme)
            self.version_switcher.step_requested.connect(self.switch_version)
            self._place_switcher(self.version_switcher)
        self.version_switcher.show()
        self.version_switcher.show_version(versions.index(self._message.id), len(versions))

    @Slot(int)
    def switch_version(self, step: int) -> None:
        """Emit `version_chosen` for the version `step` further, if there is one."""
        versions = self._context.siblings(self._message)
        at = [message.id for message in versions].index(self._message.id) + step
        if 0 <= at < len(versions):
            self._signals.version_chosen.emit(versions[at])

    def focused_part(self) -> str:
        """Return the object name of the part with the focus, "text" for one without, empty for no focus."""
        focus = QApplication.focusWidget()
        return (focus.objectName() or "text") if focus and self.isAncestorOf(focus) else ""

    def focus_part(self, name: str) -> None:
        """Focus the part that `focused_part` named in another version, and announce which version this is."""
        if self.version_switcher and name in {"previousVersion", "nextVersion"}:
            self.show_now()
            self.version_switcher.focus_button(1 if name == "nextVersion" else -1)
        elif name:
            self.take_focus()
        if self.version_switcher:
            announce(self, self.version_switcher.description())

    def set_focused(self, *, is_focused: bool) -> None:
        """Set whether any part has the focus; the toolbar then shows."""
        self._is_focused = is_focused
        self._update_toolbar()

    def show_now(self) -> None:
        """Show all blocks now, not when the event loop is idle."""
        self.show()
        for part in self._parts:
            part.widget().show()

    def take_focus(self) -> None:
        """Focus the first block of text; without any, as in an answer that failed, the first button."""
        self.show_now()
        if not self._parts:
            self.toolbar.reveal(revealed=True)
        fields: list[QWidget] = [*self.text_edits(), *self.tab_stops()]
        if first := next((each for each in fields if each.isEnabled() and not each.isHidden()), None):
            first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def text_edits(self) -> list[BlockTextEdit]:
        """Return the text fields, from top to bottom."""
        return [part.text_edit() for part in self._parts]

    def text_start(self) -> QWidget:
        """Return the first text field; the message itself if there is none."""
        return next(iter(self.text_edits()), self)

    def selection(self) -> Selection | None:
        """Return the selected text; None if nothing is selected."""
        return selection_in(self._parts, self._message.text)

    def tab_stops(self) -> list[QWidget]:
        """Return the widgets that take the focus, in reading order."""
        return self._tab_stops_of(self._parts) + self._footer_tab_stops()

    def highlight(self, terms: SearchTerms | None) -> None:
        """Highlight `terms` from now on; None removes the highlights."""
        self.search_terms = terms
        for part in self._parts:
            part.highlight(terms, self._theme.colors)

    def match_count(self) -> int:
        """Return the number of matches."""
        return sum(self._counts())

    def is_whole(self) -> bool:
        """Return whether all of the message is shown: nothing is behind "Show more"."""
        return True

    def reveal_step(self, match: int) -> bool:  # noqa: ARG002
        """Show some more of the message, for a moment; return False once a match can be shown."""
        return False

    def reveal_match(self, match: int) -> None:
        """Show as much more of the message as it takes to show a match."""

    def select_match(self, match: int) -> None:
        """Highlight a match more strongly, and scroll code to it; -1 for none."""
        part, inside = self._locate_match(match)
        for other in self._parts:
            if other.highlights:
                other.highlights.set_current(inside if other is part else -1)
        if part:
            part.scroll_to_match(inside)

    def match_area(self, match: int) -> QRect:
        """Return the rectangle of a match in this widget."""
        part, inside = self._locate_match(match)
        if part is None or part.highlights is None:
            return self.rect()
        area = part.highlights.rect_of(inside)
        viewport = part.text_edit().viewport()
        return QRect(viewport.mapTo(self, area.topLeft()), area.size())

    def _counts(self) -> list[int]:
        return [len(part.highlights.ranges) if part.highlights else 0 for part in self._parts]

    def _locate_match(self, match: int) -> tuple[BlockWidget | None, int]:
        counts = self._counts()
        for part, count, end in zip(self._parts, counts, accumulate(counts), strict=True):
            if 0 <= match < end:
                return part, match - (end - count)
        return None, -1

    def _clipboard_data(self) -> QMimeData:
        """Return the message for the clipboard."""
        return message_data(self._message, self._context.find_sources)

    def _install_filters(self, part: BlockWidget) -> None:
        """Install the context's event filters on a new block."""
        field = part.text_edit()
        if self._context.key_filter:
            field.installEventFilter(self._context.key_filter)
        if self._context.mouse_filter:
            field.viewport().installEventFilter(self._context.mouse_filter)

    def _name(self) -> str:
        """Return the name for screen readers."""
        raise NotImplementedError

    def _show_pin(self) -> None:
        """Show or hide the pin badge."""
        is_pinned = self._message.is_pinned
        if is_pinned and self._pin_badge is None:
            self._pin_badge = PinBadge(self._theme)
            self._column.insertWidget(0, self._pin_badge, 0, self._alignment)
        if self._pin_badge:
            self._pin_badge.setVisible(is_pinned)
        if self.accessibleName() != self._name():
            self.setAccessibleName(self._name())
            for part in self._parts:
                part.set_accessible_name(self._name())

    def _place_switcher(self, switcher: VersionSwitcher) -> None:
        self._row.insertWidget(0, switcher, 0, Qt.AlignmentFlag.AlignBottom)

    def _tab_stops_of(self, parts: list[BlockWidget]) -> list[QWidget]:
        return [stop for part in parts for stop in (*part.buttons(), part.text_edit())]

    def _footer_tab_stops(self) -> list[QWidget]:
        return [*(self.version_switcher.buttons() if self.version_switcher else []), *self.toolbar.buttons()]

    def _update_toolbar(self) -> None:
        self.toolbar.reveal(revealed=self._is_hovered or self._is_focused or self._keeps_toolbar)

    @Slot()
    def _on_pressed(self) -> None:
        """Handle the toolbar's main button: retry or edit."""

    @Slot(QPoint)
    def _open_menu(self, position: QPoint, link: str = "", table: str = "") -> None:
        menu = self._make_menu(link, table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(position)

    def _make_menu(self, link: str, table: str) -> MessageMenu:
        return MessageMenu(
            self._message, self._context, self.selection(), link, table, self, can_continue=self.can_continue()
        )

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        for index, part in enumerate(self._parts):
            place = part.widget().mapFrom(self, event.pos())
            if part.widget().rect().contains(place):
                self._open_menu(event.globalPos(), part.link_at(place), table_markdown(self._parts, index))
                return
        self._open_menu(event.globalPos())

    def minimumSizeHint(self) -> QSize:
        # Whatever is in it, it is no wider than its place: the transcript doesn't scroll sideways.
        return QSize(0, super().minimumSizeHint().height())

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._is_hovered = True
        self._update_toolbar()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._is_hovered = False
        self._update_toolbar()


PIN_SIZE = QSize(15, 15)


class PinBadge(QWidget):
    """An icon of a pin, and the words "Pinned message"."""

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
        self.setToolTip(tr("Pinned messages always stay in the context."))
        theme.changed.connect(self._show_icon)
        self._show_icon()

    @Slot()
    def _show_icon(self) -> None:
        self._pin.setPixmap(self._theme.icon("pin").pixmap(PIN_SIZE, self.devicePixelRatio()))

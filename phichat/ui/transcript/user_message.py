"""The widget of the user's message: a bubble with its text and files, or an editor in its place."""

from collections.abc import Sequence
from pathlib import Path
from weakref import WeakMethod

from PySide6.QtCore import QRect, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from phichat.chat.attachments import text_attachment
from phichat.chat.conversation import Message
from phichat.i18n import tr
from phichat.ui.attachments.chips import AttachmentChips
from phichat.ui.blocks.text_block import TextBlock
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.message_context import MessageContext
from phichat.ui.transcript.message_editor import MessageEditor
from phichat.ui.transcript.message_menu import MessageMenu
from phichat.ui.transcript.message_toolbar import MessageToolbar, VersionSwitcher
from phichat.ui.transcript.message_view import MessageView
from phichat.ui.widgets.highlights import SearchTerms
from phichat.ui.widgets.long_text import is_long, pages

BUBBLE_WIDTH = 0.86  # of the column, at most
BUBBLE_MARGIN, BORDER, NARROWEST = 14, 1, 40  # pixels
TOOLBAR_LIFT = 6  # pixels between the lower ends of bubble and toolbar: it is in the middle beside a single line
TOP_MARGIN = 20  # pixels: a message is nearer to its reply than to what was before


class UserMessageView(MessageView):
    """Shows a message of the user. Unsent edits are kept in the context's state when the widget goes."""

    _alignment = Qt.AlignmentFlag.AlignRight

    def __init__(self, message: Message, theme: Theme, context: MessageContext) -> None:
        toolbar = MessageToolbar(
            theme, WeakMethod(self._clipboard_data), copy_label=tr("Copy message"), icon="edit", label=tr("Edit")
        )
        super().__init__(message, theme, context, toolbar)
        self._editor: MessageEditor | None = None
        self._pages, self._shown = pages(message.text), 0
        self._text_pages: list[TextBlock] = []
        self._texts = QVBoxLayout()
        self._texts.setSpacing(0)
        self._more_button: QPushButton | None = None
        self._text = self._add_page()
        if not message.text:
            self._text.hide()
        self._files = self._make_files()
        self._bubble = self._make_bubble()
        self._column.setContentsMargins(0, TOP_MARGIN, 0, 0)
        self._row.addStretch(1)
        self._line = self._make_line()
        self._column.addLayout(self._line)
        self._column.addLayout(self._row)
        self._show_pin()
        theme.changed.connect(self._fit_bubble)
        if message.id in context.state.unsent_edits:
            self.edit()

    @Slot()
    def edit(self) -> None:
        """Open the editor in place of the bubble."""
        if self._editor is None:
            text = self._state.unsent_edits.setdefault(self._message.id, self._message.text)
            files = self._state.unsent_files.get(self._message.id, self._message.attachments)
            if is_long(text):
                files, text = (*files, text_attachment(text, files)), ""
                self._state.unsent_edits[self._message.id] = text
                self._state.unsent_files[self._message.id] = files
            self._editor = MessageEditor(self._theme, text, files)
            self._editor.files_changed.connect(self._on_files)
            self._editor.files_given.connect(self._on_given)
            self._editor.changed.connect(self._on_edit)
            self._editor.sent.connect(self._on_sent)
            self._editor.cancelled.connect(self._on_cancelled)
            self._column.insertWidget(self._column.indexOf(self._line), self._editor)
            self._editor.show()
            self._show_edit(is_editing=True)
            self.refresh_actions()
            self._signals.editing_changed.emit(self)
            if cancelled := self._state.cancelled_edits.pop(self._message.id, None):
                self._editor.restore_changes(*cancelled)
        self._editor.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def refresh_editor(self) -> None:
        if self._editor:
            self._editor.show_files(self._state.unsent_files.get(self._message.id, self._message.attachments))

    def is_editing(self) -> bool:
        return self._editor is not None

    def refresh_actions(self) -> None:
        if self._editor:
            self._editor.set_can_send(self._state.can_ask)
            self._editor.show_reading(self._state.edit_readings.get(self._message.id))

    def take_focus(self) -> None:
        if self._files and not self._message.text:
            self.show_now()
            self._files.buttons()[0].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            super().take_focus()

    def show_now(self) -> None:
        super().show_now()
        if not self._message.text:
            self._text.hide()

    def tab_stops(self) -> list[QWidget]:
        return [*(self._files.buttons() if self._files else []), *super().tab_stops()]

    def highlight(self, terms: SearchTerms | None) -> None:
        text, shown = self._message.text, self._shown
        if terms and self._has_more() and not terms.occur_in(text[:shown]) and terms.occur_in(text[shown:]):
            while not terms.occur_in(text[shown : self._shown]):
                self.show_more()
        super().highlight(terms)
        if self._files:
            self._files.highlight(terms)

    def is_whole(self) -> bool:
        return not self._has_more()

    def reveal_match(self, match: int) -> None:
        while self._has_more() and match >= self.match_count():
            self.show_more()

    def match_count(self) -> int:
        return self._matches_in_files() + super().match_count()

    def select_match(self, match: int) -> None:
        in_files = self._matches_in_files()
        if self._files:
            self._files.select_match(match if match < in_files else -1)
            self._fit_bubble()
            self._files.arrange()
        super().select_match(match - in_files if match >= in_files else -1)

    def match_area(self, match: int) -> QRect:
        in_files = self._matches_in_files()
        if self._files and match < in_files:
            area = self._files.match_area()
            return QRect(self._files.mapTo(self, area.topLeft()), area.size())
        return super().match_area(match - in_files)

    def _matches_in_files(self) -> int:
        return self._files.match_count() if self._files else 0

    def _add_page(self) -> TextBlock:
        """Show the next part of the text."""
        separator, text = next(self._pages)
        self._shown += len(separator) + len(text)
        page = TextBlock()
        page.separator = separator
        page.show_plain(text)
        self._parts.append(page)
        self._text_pages.append(page)
        self._install_filters(page)
        self._texts.addWidget(page)
        return page

    @Slot()
    def show_more(self) -> None:
        """Show another part of the text."""
        if self._has_more():
            page = self._add_page()
            page.set_accessible_name(self._name())
            page.highlight(self.search_terms, self._theme.colors)
        if self._more_button:
            self._more_button.setVisible(self._has_more())
        self._fit_bubble()

    def _has_more(self) -> bool:
        return self._shown < len(self._message.text)

    def _show_more_button(self, inside: QVBoxLayout) -> None:
        if self._has_more():
            self._more_button = QPushButton(tr("Show more"))
            self._more_button.setObjectName("moreButton")
            self._more_button.clicked.connect(self.show_more)
            self._theme.apply_stylesheet(self._more_button, "small")
            inside.addWidget(self._more_button, 0, Qt.AlignmentFlag.AlignLeft)

    def _make_files(self) -> AttachmentChips | None:
        if not self._message.attachments:
            return None

        chips = AttachmentChips(self._theme, self, is_removable=False)
        chips.show_files(self._message.attachments)
        return chips

    def _make_bubble(self) -> QFrame:
        bubble = QFrame()
        bubble.setProperty("part", "bubble")
        self._theme.apply_stylesheet(bubble, "bubble")
        inside = QVBoxLayout(bubble)
        inside.setContentsMargins(BUBBLE_MARGIN, 10, BUBBLE_MARGIN, 10)
        if self._files:
            inside.addWidget(self._files)
        inside.addLayout(self._texts)
        self._show_more_button(inside)
        return bubble

    def _make_line(self) -> QHBoxLayout:
        """Return the bubble with the toolbar beside its lower end."""
        beside = QVBoxLayout()
        beside.addStretch()
        beside.addWidget(self.toolbar)
        beside.addSpacing(TOOLBAR_LIFT)
        line = QHBoxLayout()
        line.setSpacing(self._row.spacing())
        line.addStretch(1)
        line.addLayout(beside)
        line.addWidget(self._bubble)
        return line

    def _show_edit(self, *, is_editing: bool) -> None:
        self._bubble.setVisible(not is_editing)
        self.toolbar.setVisible(not is_editing)

    def close_editor(self) -> None:
        self._state.unsent_edits.pop(self._message.id, None)
        self._state.unsent_files.pop(self._message.id, None)
        self._state.cancelled_edits.pop(self._message.id, None)
        if self._editor:
            self._column.removeWidget(self._editor)
            self._editor.hide()
            self._editor.deleteLater()
            self._editor = None
            self._show_edit(is_editing=False)
            self._signals.editing_changed.emit(self)

    @Slot(str)
    def _on_edit(self, text: str) -> None:
        self._state.unsent_edits[self._message.id] = text
        self._signals.edit_changed.emit()

    @Slot()
    def _on_files(self) -> None:
        if self._editor:
            self._state.unsent_files[self._message.id] = self._editor.chips.files()
            self._signals.edit_changed.emit()

    @Slot(list)
    def _on_given(self, files: Sequence[Path]) -> None:
        self._signals.edit_files_given.emit(self._message, files)

    @Slot(str)
    def _on_sent(self, text: str) -> None:
        files = self._state.unsent_files.get(self._message.id, self._message.attachments)
        self._signals.edit_submitted.emit(self._message, text, files)

    @Slot()
    def _on_cancelled(self) -> None:
        """Close the editor; what was changed in it is there again when it is opened the next time."""
        text = self._state.unsent_edits.get(self._message.id, self._message.text)
        files = self._state.unsent_files.get(self._message.id, self._message.attachments)
        self.close_editor()
        if (text, files) != (self._message.text, self._message.attachments):
            self._state.cancelled_edits[self._message.id] = text, files
        self._signals.edit_cancelled.emit(self._message)
        self.take_focus()

    @Slot()
    def _on_pressed(self) -> None:
        self.edit()

    def _name(self) -> str:
        return tr("Your message, pinned") if self._message.is_pinned else tr("You")

    def _place_switcher(self, switcher: VersionSwitcher) -> None:
        self._row.addWidget(switcher)

    def _footer_tab_stops(self) -> list[QWidget]:
        return [
            *(self._editor.tab_stops() if self._editor else []),
            *([self._more_button] if self._more_button and self._has_more() else []),
            *self.toolbar.buttons(),
            *(self.version_switcher.buttons() if self.version_switcher else []),
        ]

    def _make_menu(self, link: str, table: str) -> MessageMenu:
        menu = super()._make_menu(link, table)
        menu.edit_requested.connect(self.edit)
        return menu

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_bubble()

    @Slot()
    def _fit_bubble(self) -> None:
        """Make the bubble as wide as its longest line, up to `BUBBLE_WIDTH`."""
        beside = self.toolbar.minimumWidth() + self._line.spacing()
        most = min(int(self.width() * BUBBLE_WIDTH), self.width() - beside)
        files = self._files.natural_width() if self._files else 0
        widest = max(files, self._button_width(), *(page.widest_line() for page in self._text_pages))
        self._bubble.setFixedWidth(max(NARROWEST, min(most, widest + 2 * (BUBBLE_MARGIN + BORDER))))

    def _button_width(self) -> int:
        return self._more_button.sizeHint().width() if self._more_button and self._has_more() else 0

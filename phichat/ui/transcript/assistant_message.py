"""The widget of a reply: its blocks, and a footer that says how it was made."""

from weakref import WeakMethod

from PySide6.QtCore import QRect, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QWidget

from phichat.chat.conversation import Ending, Message, Reply
from phichat.i18n import format_number, tr
from phichat.ui.a11y.announce import announce
from phichat.ui.blocks.base import BlockWidget
from phichat.ui.blocks.block_list import BlockList
from phichat.ui.blocks.text_block import TextBlock
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.transcript.copying import Selection, cited_selection, selection_in
from phichat.ui.transcript.message_context import LensPart, MessageContext, SourcesPart
from phichat.ui.transcript.message_footer import footer
from phichat.ui.transcript.message_toolbar import HEIGHT, MessageToolbar
from phichat.ui.transcript.message_view import MessageView
from phichat.ui.transcript.thinking_view import ThinkingView
from phichat.ui.widgets.foreign_text import tool_tip
from phichat.ui.widgets.highlights import SearchTerms
from phichat.ui.widgets.message_line import AlertLabel

ROOMY, CROWDED = 330, 460  # pixels of width from which the note fits beside the buttons, and beside more of them
UNFINISHED = (Ending.CANCELLED, Ending.LENGTH, Ending.ERROR)


class AssistantMessageView(MessageView):
    """Shows a reply, finished or growing."""

    def __init__(self, message: Message, theme: Theme, context: MessageContext) -> None:
        toolbar = MessageToolbar(
            theme,
            WeakMethod(self._clipboard_data),
            copy_label=tr("Copy answer"),
            icon="retry",
            label=tr("Regenerate"),
            has_lens=context.make_lens is not None,
        )
        super().__init__(message, theme, context, toolbar)
        self._is_last = False
        self._continue: QPushButton | None = None
        self._thinking: ThinkingView | None = None
        self._lens: LensPart | None = None
        self._sources: SourcesPart | None = None
        self._index = -1
        self._shown_text = ""
        self._block_parts = self._parts
        self._blocks = BlockList(theme, context.render, self._block_parts, self)
        self._blocks.changed.connect(self._on_blocks_changed)
        toolbar.lens_toggled.connect(self._on_lens_toggled)
        self._note = AlertLabel(theme)
        self._note.setMinimumHeight(HEIGHT)
        self._note.setMinimumWidth(1)  # a long word must not widen the conversation
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._row.addWidget(self._note, 1)
        self._row.addStretch(0)
        # At the bottom, as the end of a message stays in its place when a version is shown whose note wraps.
        self._row.addWidget(toolbar, 0, Qt.AlignmentFlag.AlignBottom)
        self._is_roomy = True
        self._column.addLayout(self._blocks.column)
        self._column.addLayout(self._row)
        self.show_message(message)

    def show_message(self, message: Message) -> None:
        super().show_message(message)
        self._show_thinking()
        self._show_text()
        self._show_footer()

    def refresh_lens(self) -> None:
        self._show_text()

    def set_index(self, index: int) -> None:
        super().set_index(index)
        self._index = index
        if self._thinking:
            self._thinking.setObjectName(f"thinking-{index}" if index >= 0 else "")
        if self._sources:
            self._sources.set_index(index)

    def show_progress(self, text: str) -> None:
        if self._is_growing() and not (self._message.text or self._message.is_thinking):
            self._note.setText(text)

    def set_last(self, *, is_last: bool) -> None:
        self._is_last = is_last
        self._show_footer()

    def can_continue(self) -> bool:
        reply = self._message.reply
        if not self._is_last or reply is None:
            return False
        has_only_thought = bool(reply.thinking and not self._message.text) and reply.ending is Ending.STOP
        is_begun = bool(self._message.text or reply.thinking)
        return has_only_thought or (is_begun and reply.ending in UNFINISHED)

    def refresh_actions(self) -> None:
        self.toolbar.set_can_press(self._state.can_ask)
        if self._continue:
            objection = self._context.continue_objection(self._message) if self.can_continue() else ""
            self._continue.setEnabled(self._state.can_ask and not objection)
            tip = tr("Pick up where the answer left off") if self.can_continue() else tr("Send the message again")
            self._continue.setToolTip(tool_tip(objection or tip))
            self._continue.setAccessibleDescription(objection)

    def show_now(self) -> None:
        if self._parts is self._block_parts:
            self._blocks.complete()
        super().show_now()

    def highlight(self, terms: SearchTerms | None) -> None:
        super().highlight(terms)
        if self._thinking:
            self._thinking.highlight(terms)

    def match_count(self) -> int:
        return self._matches_in_thinking() + super().match_count()

    def select_match(self, match: int) -> None:
        before = self._matches_in_thinking()
        if self._thinking:
            self._thinking.select_match(match if match < before else -1)
        super().select_match(match - before if match >= before else -1)

    def match_area(self, match: int) -> QRect:
        before = self._matches_in_thinking()
        if self._thinking and match < before:
            area = self._thinking.match_area(match)
            return QRect(self._thinking.mapTo(self, area.topLeft()), area.size())
        return super().match_area(match - before)

    def _matches_in_thinking(self) -> int:
        return self._thinking.match_count() if self._thinking else 0

    def take_focus(self) -> None:
        if self._thinking and not self._parts:
            self._thinking.tab_stops()[0].setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif not self._parts:
            self._focus_footer()
        else:
            super().take_focus()

    def _focus_footer(self) -> None:
        """Focus the first button of an answer without a word; none while it is written."""
        if not self._is_growing():
            self.toolbar.reveal(revealed=True)
        usable = (stop for stop in self._footer_tab_stops() if stop.isEnabled() and not stop.isHidden())
        if stop := next(usable, None):
            stop.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def is_whole(self) -> bool:
        return self._parts is not self._block_parts or not (self._blocks.has_more() or self._blocks.is_pending())

    def reveal_step(self, match: int) -> bool:
        return self._parts is self._block_parts and match >= self.match_count() and self._blocks.advance()

    def reveal_match(self, match: int) -> None:
        while self.reveal_step(match):
            pass

    def tab_stops(self) -> list[QWidget]:
        thinking = self._thinking.tab_stops() if self._thinking else []
        lens = self._lens.tab_stops() if self._lens and not self._lens.widget().isHidden() else []
        return [*thinking, *lens, *super().tab_stops()]

    def _footer_tab_stops(self) -> list[QWidget]:
        stops = super()._footer_tab_stops()
        sources = self._sources.tab_stops() if self._sources else []
        return [*self._blocks.tab_stops(), *sources, *([self._continue] if self._continue else []), *stops]

    @Slot(int)
    def _on_blocks_changed(self, first: int) -> None:
        """Set up the blocks from index `first` on, which are new."""
        for part in self._block_parts[first:]:
            self._set_up(part)

    def _set_up(self, part: BlockWidget) -> None:
        self._install_filters(part)
        part.set_accessible_name(self._name())
        if isinstance(part, TextBlock):
            part.citation_opened.connect(self._on_citation_opened)
            part.citation_focused.connect(self._on_citation_focused)
        if self.search_terms and part.highlights is None:
            part.highlight(self.search_terms, self._theme.colors)

    def _show_text(self) -> None:
        """Show the text in blocks or, where its words are known, under the lens."""
        is_wanted = self._state.shows_lens(self._message)
        self.toolbar.set_lens_on(is_wanted)
        is_shown = is_wanted and bool(self._message.text)
        if is_shown and self._lens is None and self._context.make_lens:
            self._lens = self._context.make_lens()
            self._column.insertWidget(self._column.indexOf(self._blocks.column), self._lens.widget())
            self._set_up(self._lens.block())
        are_words_shown = bool(is_shown and self._lens and self._lens.show_message(self._message))
        if self._lens:
            self._lens.widget().setVisible(are_words_shown or (is_shown and not self._is_growing()))
        self._show_parts([self._lens.block()] if self._lens and are_words_shown else self._block_parts)

    def _show_parts(self, parts: list[BlockWidget]) -> None:
        are_blocks = parts is self._block_parts
        has_changed = are_blocks is not (self._parts is self._block_parts)
        had_focus = has_changed and any(part.text_edit().hasFocus() for part in self._parts)
        self._parts = parts
        self._blocks.set_visible(is_visible=are_blocks)
        self._shown_text = self._cited_text()
        if are_blocks:
            self._blocks.show(self._shown_text, is_growing=self._is_growing())
        if has_changed and self.search_terms:
            self.highlight(self.search_terms)
        if had_focus:
            self.take_focus()

    def selection(self) -> Selection | None:
        if self._sources is None or self._parts is not self._block_parts:
            return super().selection()
        found = selection_in(self._parts, self._shown_text)
        return cited_selection(found, self._sources.titles()) if found else None

    def _cited_text(self) -> str:
        """Show the sources of the answer, if there are any, and return its text with citations."""
        sources = self._context.find_sources(self._message) if self._context.make_sources else None
        if sources is None or self._context.make_sources is None:
            return self._message.text
        if self._sources is None:
            self._sources = self._context.make_sources()
            self._column.insertWidget(1 if self._pin_badge else 0, self._sources.notice())
            self._column.insertWidget(self._column.indexOf(self._blocks.column) + 1, self._sources.widget())
            self._sources.set_index(self._index)
        return self._sources.show_answer(self._message, sources, is_growing=self._is_growing())

    @Slot(int)
    def _on_citation_opened(self, number: int) -> None:
        if self._sources:
            self._sources.open_passage(number)

    @Slot(int)
    def _on_citation_focused(self, number: int) -> None:
        titles = self._sources.titles() if self._sources else []
        if 0 < number <= len(titles):
            title = titles[number - 1]
            announce(self, tr("Source {number}: {title}").format(number=format_number(number), title=title))

    @Slot(bool)
    def _on_lens_toggled(self, is_on: bool) -> None:
        self._state.set_lens(self._message, is_on=is_on)
        self.refresh_lens()
        self._signals.lens_toggled.emit(self._message)

    def _name(self) -> str:
        return tr("Answer, pinned") if self._message.is_pinned else tr("Answer")

    def _is_growing(self) -> bool:
        return bool(self._message.reply and self._message.reply.ending is Ending.ANSWERING)

    def _show_thinking(self) -> None:
        """Show what was thought, if anything."""
        if self._thinking is None and (self._message.thinking or self._message.is_thinking):
            self._thinking = ThinkingView(self._theme)
            self.set_index(self._index)
            self._thinking.show_message(self._message)
            self._thinking.set_open(is_open=self._message.id in self._state.open_thinking)
            self._thinking.toggled.connect(self._on_thinking_toggled)
            self._column.insertWidget(1 if self._pin_badge else 0, self._thinking)
        elif self._thinking:
            self._thinking.show_message(self._message)
            self._thinking.setVisible(bool(self._message.thinking or self._message.is_thinking))

    @Slot(bool)
    def _on_thinking_toggled(self, is_open: bool) -> None:
        known = self._state.open_thinking
        (known.add if is_open else known.discard)(self._message.id)
        self._signals.thinking_toggled.emit()

    def _show_footer(self) -> None:
        reply = self._message.reply or Reply(ending=Ending.STOP)
        self._keeps_toolbar = self._is_last and reply.ending is not Ending.ANSWERING
        self.toolbar.setVisible(reply.ending is not Ending.ANSWERING)
        self._update_toolbar()
        remark = self._state.remarks.get(self._message.id, "")
        note = "\n".join(filter(None, [footer(reply), remark]))
        if reply.ending is Ending.ANSWERING:
            note = "" if self._message.text or self._message.is_thinking else tr("Processing…")
        self._note.set_alert(is_alert=reply.ending is Ending.ERROR)
        self._note.setText(note)
        self._show_continue()
        self.refresh_actions()

    def _show_continue(self) -> None:
        can_go_on, can_retry = self.can_continue(), self._can_retry()
        if (can_go_on or can_retry) and self._continue is None:
            self._continue = QPushButton()
            self._continue.clicked.connect(self._on_continue)
            self._theme.apply_stylesheet(self._continue, "small")
            self._row.insertWidget(self._row.count() - 1, self._continue, 0, Qt.AlignmentFlag.AlignBottom)
        if self._continue:
            self._continue.setText(tr("Retry") if can_retry else tr("Continue"))
            self._continue.setObjectName("retryButton" if can_retry else "continueButton")
            self._continue.setVisible(can_go_on or can_retry)
        self._place_note()

    def _can_retry(self) -> bool:
        """Return whether this is the last answer, and failed before it began."""
        reply = self._message.reply
        return self._is_last and bool(reply and reply.ending is Ending.ERROR) and not self.can_continue()

    @Slot()
    def _on_continue(self) -> None:
        if self._can_retry():
            self._signals.retry_requested.emit(self._message)
        else:
            self._signals.continue_requested.emit(self._message)

    @Slot()
    def _on_pressed(self) -> None:
        self._signals.retry_requested.emit(self._message)

    def _place_note(self) -> None:
        """Put the note beside the buttons or, where that is too narrow, above them."""
        is_crowded = bool(self.version_switcher and not self.version_switcher.isHidden())
        is_crowded = is_crowded or self.can_continue() or self._can_retry()
        is_roomy = self.width() >= scaled(CROWDED if is_crowded else ROOMY) or (not is_crowded and self._fits_note())
        if is_roomy is self._is_roomy:
            return
        self._is_roomy = is_roomy
        if is_roomy:
            self._row.insertWidget(1 if self.version_switcher else 0, self._note, 1)
        else:
            self._column.insertWidget(self._column.count() - 1, self._note)

    def _fits_note(self) -> bool:
        """Return whether the note fits beside the buttons in one line."""
        room = self.width() - self.toolbar.width() - self._row.spacing()
        return self._note.fontMetrics().horizontalAdvance(self._note.text()) <= room

    def refresh_versions(self) -> None:
        super().refresh_versions()
        self._place_note()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_note()

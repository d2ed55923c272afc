"""The layout of the window: three columns, of which the outer two can be folded, and the parts of the middle one."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QApplication, QSplitter, QVBoxLayout, QWidget

from phichat.ui.a11y.focus import move_focus
from phichat.ui.chat.composer import Composer
from phichat.ui.chat.header import Header
from phichat.ui.chat.status_bar import StatusBar
from phichat.ui.settings.panel import SettingsPanel
from phichat.ui.theme.scaling import scaled, set_min_width, text_scale
from phichat.ui.widgets.column import Column
from phichat.ui.widgets.pages import CentralStack
from phichat.ui.widgets.text_keys import is_space, is_typing

SIDEBAR, CENTRE, PANEL = 200, 310, 290  # pixels, at least; French buttons and rows need as much
PANEL_FROM, SIDEBAR_FROM = 940, 640  # pixels of width from which there is room for the outer columns
WIDTHS = (220, 660, 300)


class Columns(QSplitter):
    """A splitter of sidebar, centre and panel; the outer two are shown while their actions are checked.

    Signals:
        left: what had the focus was hidden, or its column folded.
        typed(QKeyEvent): a key that means text, and that what has the focus, such as a button, did not take.
    """

    left = Signal()
    typed = Signal(object)

    def __init__(
        self, sidebar: QWidget, centre: QWidget, panel: SettingsPanel, *, fold_sidebar: QAction, fold_panel: QAction
    ) -> None:
        super().__init__()
        self._sidebar, self._centre, self._panel = sidebar, centre, panel
        self._fold_sidebar, self._fold_panel = fold_sidebar, fold_panel
        self._pixels = self._width = 1_000_000
        self._folded: list[QAction] = []
        self._is_wide_page = self._is_folded_for_page = False
        self._scale = text_scale()
        self._widths_before: list[int] = []
        for column, least in ((sidebar, SIDEBAR), (centre, CENTRE), (panel, PANEL)):
            set_min_width(column, least)
            column.hide()  # Qt would lay out what is in it, before it has its style
            self.addWidget(column)
            self.setStretchFactor(self.indexOf(column), int(column is centre))
            self.setCollapsible(self.indexOf(column), False)
        self.setHandleWidth(1)
        for action in (fold_sidebar, fold_panel):
            action.toggled.connect(self._show)

    def restore(self, widths: Sequence[int], *, sidebar_open: bool, panel_open: bool, room: int) -> None:
        """Restore the widths, at the desktop's text size, and which columns are open, in `room` pixels of width."""
        self._fold_sidebar.setChecked(sidebar_open)
        self._fold_panel.setChecked(panel_open)
        self.fold_for_width(room)
        self._centre.show()
        self._show()
        self.setSizes([scaled(width) for width in (widths if len(widths) == 3 else WIDTHS)])

    def widths(self) -> list[int]:
        """Return the width of each at the desktop's text size; empty while one is folded, as it is not known then."""
        widths = self.sizes()
        return [round(width / text_scale()) for width in widths] if all(widths) else []

    def is_open(self, action: QAction) -> bool:
        """Whether the user wants the column of `action` open, even if it is folded for lack of room."""
        for_page = self._is_folded_for_page and action is self._fold_panel
        return action.isChecked() or action in self._folded or for_page

    def fold_panel_for(self, pages: CentralStack) -> None:
        """Fold the panel while `pages` shows one in place of another: which model to get, or answers side by side."""
        pages.wide_page_shown.connect(self._on_page)
        self._fold_panel.triggered.connect(self._on_panel_wanted)

    def fold_for_width(self, width: int) -> None:
        """Fold the columns that a window of `width` pixels has no room for, and unfold those again when it has.

        With larger text, a column needs more room.
        """
        self._pixels, width = width, round(width / max(1.0, text_scale()))
        for action, least in ((self._fold_panel, PANEL_FROM), (self._fold_sidebar, SIDEBAR_FROM)):
            if width < least <= self._width and action.isChecked():
                action.setChecked(False)
                self._folded.append(action)
            elif self._width < least <= width and action in self._folded:
                self._folded.remove(action)
                self._unfold(action)
        self._width = width

    def _unfold(self, action: QAction) -> None:
        if self._is_wide_page and action is self._fold_panel:
            self._is_folded_for_page = True
        else:
            action.setChecked(True)

    @Slot(bool)
    def _on_page(self, is_wide: bool) -> None:
        self._is_wide_page = is_wide
        if is_wide and self._fold_panel.isChecked():
            self._is_folded_for_page = True
            self._fold_panel.setChecked(False)
        elif not is_wide and self._is_folded_for_page:
            self._is_folded_for_page = False
            if self._width >= PANEL_FROM:
                self._fold_panel.setChecked(True)
            else:
                self._folded.append(self._fold_panel)

    @Slot()
    def _follow_text_size(self) -> None:
        """Let the outer columns have their widths at another text size; the middle one gets the rest."""
        ratio, self._scale = text_scale() / self._scale, text_scale()
        if ratio != 1 and self._widths_before:
            first, _, last = (round(width * ratio) for width in self._widths_before)
            self.setSizes([first, self.width() - first - last, last])
        self._widths_before = []

    @Slot()
    def _on_panel_wanted(self) -> None:
        self._is_folded_for_page = False

    @Slot()
    def _show(self) -> None:
        for column, action in ((self._sidebar, self._fold_sidebar), (self._panel, self._fold_panel)):
            focus = QApplication.focusWidget()
            if focus and column.isAncestorOf(focus) and not action.isChecked():
                self.left.emit()  # else a button somewhere would get the focus
            if column is self._panel and action.isChecked():
                self._panel.show_content()
            column.setVisible(action.isChecked())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange and self.count():
            self._widths_before = self._widths_before or self.sizes()
            self.fold_for_width(self._pixels)
            QTimer.singleShot(0, self, self._follow_text_size)  # once the least widths have followed

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if is_typing(event) or self._is_space_between_words(event):
            self.typed.emit(event)
        else:
            super().keyPressEvent(event)

    def _is_space_between_words(self, event: QKeyEvent) -> bool:
        """Return whether a space was pressed in the middle column, and means nothing to what has the focus there."""
        focus = self.window().focusWidget()
        return is_space(event) and focus is not None and self._centre.isAncestorOf(focus)

    def focusNextPrevChild(self, is_next: bool) -> bool:
        if not self.isVisible():
            return False
        focus = self.window().focusWidget()
        if focus and self._centre.isAncestorOf(focus) and not focus.isVisible():
            self.left.emit()  # else a button somewhere would get the focus
            return True
        return move_focus(self, 1 if is_next else -1)


class ChatPage(QWidget):
    """The middle column: header, banners, conversation, message field and status bar.

    Attributes:
        above: the layout for banners between the header and the conversation.
        below: the layout for banners between the conversation and the message field.
    """

    def __init__(self, header: Header, pages: CentralStack, composer: Composer, status: StatusBar) -> None:
        super().__init__()
        top, bottom = Column(), Column(bottom=6)
        self.above, self.below = top.rows, QVBoxLayout()
        self.below.addWidget(status.notices)
        bottom.rows.addLayout(self.below)
        bottom.rows.addWidget(composer)
        bottom.rows.addWidget(status)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addWidget(top)
        column.addWidget(pages, 1)
        column.addWidget(bottom)

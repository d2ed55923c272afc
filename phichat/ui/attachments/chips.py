"""Chips for attached files: each opens the file's text, and may have a button to remove the file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QToolButton, QWidget

from phichat.chat.attachments import Attachment
from phichat.i18n import format_count, format_size, tr, tr_count
from phichat.ui.attachments.viewer import AttachmentViewer
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.foreign_text import tool_tip

if TYPE_CHECKING:
    from phichat.ui.attachments.excerpt import FileExcerpt
    from phichat.ui.widgets.highlights import SearchTerms

MAX_NAME_WIDTH = 240  # pixels; a longer name is elided in the middle
SPACING = 6  # pixels
EXCERPT_WIDTH = 480  # pixels
MAX_ROWS = 3  # of a ChipArea, which shows half of the next one, too


class Chip(QFrame):
    """One file: a button that opens it and, if it `is_removable`, one that removes it.

    Attributes:
        matches: how often the terms of a search occur in its name and text.

    Signals: `opened(Attachment)`, `removed(Attachment)`.
    """

    opened = Signal(object)
    removed = Signal(object)

    def __init__(self, theme: Theme, file: Attachment, *, is_removable: bool) -> None:
        super().__init__()
        self.file, self._theme, self.matches = file, theme, 0
        self._tokens: int | None = None
        self._is_estimate = self._is_least = False
        self._name_width = MAX_NAME_WIDTH
        self.setProperty("part", "chip")
        self._open_button = QToolButton()
        self._open_button.setObjectName("chipOpen")
        self._open_button.setAccessibleName(file.title)
        self._open_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_icon_size(self._open_button, 15)
        self._open_button.clicked.connect(self._on_opened)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._open_button)
        self._remove = self._remove_button() if is_removable else None
        if self._remove:
            layout.addWidget(self._remove)
        theme.apply_stylesheet(self, "chip")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._show_text()

    def show_tokens(self, tokens: int, *, is_estimate: bool, is_least: bool) -> None:
        """Show the number of tokens, an estimate of it, or a lower bound."""
        if (tokens, is_estimate, is_least) != (self._tokens, self._is_estimate, self._is_least):
            self._tokens, self._is_estimate, self._is_least = tokens, is_estimate, is_least
            self._show_text()

    def fit_width(self, width: int) -> None:
        """Shorten the name so that the chip is no wider than `width`."""
        other_width = self.sizeHint().width() - self.fontMetrics().horizontalAdvance(self._elided_name())
        room = max(min(MAX_NAME_WIDTH, width - other_width), 0)
        if room != self._name_width:
            self._name_width = room
            self._show_text()

    def show_found(self, *, is_found: bool) -> None:
        """Mark the chip if a search matches its file."""
        if is_found != bool(self.property("found")):
            self.setProperty("found", is_found)
            self.setStyleSheet(self.styleSheet())  # evaluates the property again

    def show_current(self, *, is_current: bool) -> None:
        """Mark the chip more strongly if the search is at a match in its file."""
        if is_current != bool(self.property("current")):
            self.setProperty("current", is_current)
            self.setStyleSheet(self.styleSheet())

    def natural_width(self) -> int:
        """Return the width in pixels with the whole name."""
        self.fit_width(2 * MAX_NAME_WIDTH)
        return self.sizeHint().width()

    def buttons(self) -> list[QWidget]:
        """Return the widgets that take the focus."""
        return [self._open_button, self._remove] if self._remove else [self._open_button]

    def _remove_button(self) -> QToolButton:
        button = QToolButton()
        button.setObjectName("chipRemove")
        button.setAccessibleName(tr("Remove {name}").format(name=self.file.title))
        button.setToolTip(tr("Remove (Del)"))
        set_icon_size(button, 13)
        button.clicked.connect(self._on_removed)
        return button

    def _show_text(self) -> None:
        size = format_size(len(self.file.text.encode("utf-8", "replace")))
        length = tr("{size} of text").format(size=size)  # the file of a document is larger
        counted = tr_count("{count} token", "{count} tokens", self._tokens or 0)
        counted = format_count(counted, is_estimate=self._is_estimate, is_least=self._is_least)
        value = length if self._tokens is None else counted
        self._open_button.setText(f" {self._elided_name().replace('&', '&&')} · {value}")
        # Translators: after a file's name; what stands before the comma is its size, such as 12 kB or 310 tokens.
        self._open_button.setAccessibleDescription(tr("{size}. Shows the file’s text.").format(size=value))
        self._open_button.setToolTip(
            tool_tip(f"{self.file.title}\n{length}" + (f", {counted}" if self._tokens is not None else ""))
        )

    def _elided_name(self) -> str:
        return self.fontMetrics().elidedText(self.file.title, Qt.TextElideMode.ElideMiddle, self._name_width)

    @Slot()
    def _on_opened(self) -> None:
        self.opened.emit(self.file)

    @Slot()
    def _on_removed(self) -> None:
        self.removed.emit(self.file)

    @Slot()
    def _show_icons(self) -> None:
        self._open_button.setIcon(self._theme.icon("file"))
        if self._remove:
            self._remove.setIcon(self._theme.icon("close"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._remove and event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.removed.emit(self.file)
        else:
            super().keyPressEvent(event)


class AttachmentChips(QWidget):
    """The chips of some files, in as many rows as they need; hidden if there are none.

    Signals:
        removed(Attachment): remove this file.
        changed: other files are shown.
        arranged: the height may have changed.
    """

    removed = Signal(object)
    changed = Signal()
    arranged = Signal()

    def __init__(self, theme: Theme, parent: QWidget, *, is_removable: bool) -> None:
        super().__init__(parent)
        self.setObjectName("attachments")
        self.setAccessibleName(tr("Attachments"))
        self._theme, self._are_removable = theme, is_removable
        self._chips: list[Chip] = []
        self._terms: SearchTerms | None = None
        self._excerpt: FileExcerpt | None = None
        self._current: tuple[Attachment, int] | None = None  # the match in its text where the search is
        self.hide()

    def files(self) -> tuple[Attachment, ...]:
        """Return the files shown."""
        return tuple(chip.file for chip in self._chips)

    def show_files(self, files: Sequence[Attachment]) -> None:
        """Show `files` and no others."""
        if self.files() == tuple(files):
            return
        kept = {id(chip.file): chip for chip in self._chips}
        focus = self.window().focusWidget() or self
        focused = next((index for index, chip in enumerate(self._chips) if chip.isAncestorOf(focus)), None)
        old, self._chips = self._chips, [kept.get(id(file)) or self._make(file) for file in files]
        for chip in old:
            if chip not in self._chips:
                chip.hide()
                chip.deleteLater()
        self.setVisible(bool(files))
        self.arrange()
        if focused is not None and self._chips:
            self._chips[min(focused, len(self._chips) - 1)].buttons()[-1].setFocus()
        self.changed.emit()

    def show_tokens(self, file: Attachment, tokens: int, *, is_estimate: bool = False, is_least: bool = False) -> None:
        """Show the number of tokens of `file`, an estimate of it, or a lower bound."""
        for chip in self._chips:
            if chip.file == file:
                chip.show_tokens(tokens, is_estimate=is_estimate, is_least=is_least)
        self.arrange()

    def highlight(self, terms: "SearchTerms | None") -> None:
        """Mark the chips of files in which `terms` occur; None for none."""
        self._terms = terms
        for chip in self._chips:
            chip.matches = count_matches(chip.file, terms) if terms else 0
            chip.show_found(is_found=chip.matches > 0)
        self.select_match(-1)

    def match_count(self) -> int:
        """Return the number of matches in the names and texts of all files."""
        return sum(chip.matches for chip in self._chips)

    def select_match(self, match: int) -> None:
        """Show what is around a match, and mark its file's chip more strongly than the others; -1 for none."""
        self._current = None
        if self._excerpt:
            self._excerpt.hide()
        for chip in self._chips:
            chip.show_current(is_current=0 <= match < chip.matches)
            if self._terms and 0 <= match < chip.matches:
                self._show_match(chip.file, match - self._terms.count_in(chip.file.name))
            match -= chip.matches
        self.arrange()

    def match_area(self) -> QRect:
        """Return the rectangle of the match that is shown."""
        if self._excerpt and not self._excerpt.isHidden():
            area = self._excerpt.match_area()
            return QRect(self._excerpt.mapTo(self, area.topLeft()), area.size())
        return next((chip.geometry() for chip in self._chips if chip.property("current")), self.rect())

    def _show_match(self, file: Attachment, match: int) -> None:
        """Show what is around a match in the text of `file`; nothing for one in its name, which is negative."""
        if match >= 0 and self._terms:
            self._current = file, match
            from phichat.ui.attachments.excerpt import FileExcerpt  # noqa: PLC0415 - only after a search

            self._excerpt = self._excerpt or FileExcerpt(self._theme, self)
            self._excerpt.show_match(file, self._terms, match)

    def buttons(self) -> list[QWidget]:
        """Return the widgets that take the focus, in reading order."""
        return [button for chip in self._chips for button in chip.buttons()]

    def natural_width(self) -> int:
        """Return the width in pixels of all chips in one row, and of what is shown below them."""
        excerpt = EXCERPT_WIDTH if self._excerpt and not self._excerpt.isHidden() else 0
        return max(excerpt, self._row_width())

    def _row_width(self) -> int:
        return sum(chip.natural_width() + SPACING for chip in self._chips) - SPACING if self._chips else 0

    def _make(self, file: Attachment) -> Chip:
        chip = Chip(self._theme, file, is_removable=self._are_removable)
        chip.setParent(self)
        chip.removed.connect(self.removed)
        chip.opened.connect(self._open)
        chip.show()
        return chip

    def arrange(self) -> None:
        """Place the chips side by side, wrapping into rows."""
        x = y = bottom = 0
        for chip in self._chips:
            chip.fit_width(self.width())
            hint = chip.sizeHint()
            width = min(hint.width(), self.width())
            if x and x + width > self.width():
                x, y = 0, bottom + SPACING
            left = self.width() - x - width if self.isRightToLeft() else x
            chip.setGeometry(left, y, width, hint.height())
            x, bottom = x + width + SPACING, max(bottom, y + hint.height())
        if self._excerpt and not self._excerpt.isHidden():
            self._excerpt.set_width(self.width())
            self._excerpt.setGeometry(0, bottom, self.width(), self._excerpt.sizeHint().height())
            bottom += self._excerpt.height()
        self.setFixedHeight(bottom)
        self.arranged.emit()

    @Slot(object)
    def _open(self, file: Attachment) -> None:
        match = self._current[1] if self._current and self._current[0] is file else 0
        AttachmentViewer(self._theme, self.window(), file, self._terms, match).open()

    def sizeHint(self) -> QSize:
        return QSize(self.natural_width(), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()


def count_matches(file: Attachment, terms: "SearchTerms") -> int:
    """Return how often `terms` occur in the name and the text of `file`."""
    return terms.count_in(file.name) + terms.count_in(file.text)


class ChipArea(QScrollArea):
    """A scroll area for chips, as high as they are up to `MAX_ROWS`."""

    def __init__(self, chips: AttachmentChips, parent: QWidget) -> None:
        super().__init__(parent)
        self._chips = chips
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(chips)
        for ground in (chips, self.viewport()):
            ground.setAutoFillBackground(False)
        chips.arranged.connect(self._fit)
        self.hide()

    @Slot()
    def _fit(self) -> None:
        buttons = self._chips.buttons()
        line = buttons[0].sizeHint().height() + SPACING if buttons else 0
        self.setFixedHeight(min(self._chips.height(), MAX_ROWS * line + line // 2))
        self.setVisible(bool(buttons))

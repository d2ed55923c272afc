"""Files as chips, side by side and in as many lines as it takes: each opens its text, and may have a button to go."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QToolButton, QWidget

from phichat.chat.attachments import Attachment
from phichat.i18n import format_size, tr, tr_count
from phichat.ui.theme.scaling import set_icon_size
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.plain_text import tool_tip

if TYPE_CHECKING:
    from phichat.ui.widgets.highlights import SearchTerms

MAX_NAME_WIDTH = 240  # pixels of a name, whose middle is left out if it is longer
SPACING = 6
MAX_ROWS = 3  # in a ChipArea, and half of the next one


class Chip(QFrame):
    """One file: a button that opens it, and one that takes it away if it `can_go`.

    Signals: `opened(Attachment)`, `removed(Attachment)`.
    """

    opened = Signal(object)
    removed = Signal(object)

    def __init__(self, theme: Theme, file: Attachment, *, can_go: bool) -> None:
        super().__init__()
        self.file, self._theme = file, theme
        self._tokens: int | None = None
        self._room = MAX_NAME_WIDTH
        self.setProperty("part", "chip")
        self._name = QToolButton()
        self._name.setObjectName("chipOpen")
        self._name.setAccessibleName(file.title)
        self._name.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_icon_size(self._name, 15)
        self._name.clicked.connect(self._on_opened)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self._name)
        self._go = self._go_button() if can_go else None
        if self._go:
            layout.addWidget(self._go)
        theme.apply_stylesheet(self, "chip")
        theme.changed.connect(self._show_icons)
        self._show_icons()
        self._show_words()

    def show_tokens(self, tokens: int) -> None:
        """Say how many tokens it takes."""
        if tokens != self._tokens:
            self._tokens = tokens
            self._show_words()

    def fit_width(self, width: int) -> None:
        """Be no wider than that: then less of the name is shown."""
        besides = self.sizeHint().width() - self.fontMetrics().horizontalAdvance(self._shown_name())
        room = max(min(MAX_NAME_WIDTH, width - besides), 0)
        if room != self._room:
            self._room = room
            self._show_words()

    def show_found(self, *, is_found: bool) -> None:
        """Show whether what is looked for is in it."""
        if is_found != bool(self.property("found")):
            self.setProperty("found", is_found)
            self.setStyleSheet(self.styleSheet())  # which looks at the property again

    def natural_width(self) -> int:
        """Pixels that it wants where there is room."""
        self.fit_width(2 * MAX_NAME_WIDTH)
        return self.sizeHint().width()

    def buttons(self) -> list[QWidget]:
        """What takes the focus."""
        return [self._name, self._go] if self._go else [self._name]

    def _go_button(self) -> QToolButton:
        button = QToolButton()
        button.setObjectName("chipRemove")
        button.setAccessibleName(tr("Remove {name}").format(name=self.file.title))
        button.setToolTip(tr("Take it away (Delete)"))
        set_icon_size(button, 13)
        button.clicked.connect(self._on_removed)
        return button

    def _show_words(self) -> None:
        length = format_size(len(self.file.text.encode("utf-8", "replace")))
        counted = tr_count("{count} token", "{count} tokens", self._tokens or 0)
        value = length if self._tokens is None else counted
        self._name.setText(f" {self._shown_name().replace('&', '&&')} · {value}")
        # Translators: after a file's name; what stands before the comma is its size, such as 12 kB or 310 tokens.
        self._name.setAccessibleDescription(tr("{value}, opens its text").format(value=value))
        self._name.setToolTip(
            tool_tip(f"{self.file.title}\n{length}" + (f", {counted}" if self._tokens is not None else ""))
        )

    def _shown_name(self) -> str:
        return self.fontMetrics().elidedText(self.file.title, Qt.TextElideMode.ElideMiddle, self._room)

    @Slot()
    def _on_opened(self) -> None:
        self.opened.emit(self.file)

    @Slot()
    def _on_removed(self) -> None:
        self.removed.emit(self.file)

    @Slot()
    def _show_icons(self) -> None:
        self._name.setIcon(self._theme.icon("file"))
        if self._go:
            self._go.setIcon(self._theme.icon("close"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._go and event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.removed.emit(self.file)
        else:
            super().keyPressEvent(event)


class AttachmentChips(QWidget):
    """The chips of some files; not to be seen where there are none.

    Signals: `removed(Attachment)` where the person wants one to go; `changed` when others are shown, `arranged` when
    they may be higher or lower than before.
    """

    removed = Signal(object)
    changed = Signal()
    arranged = Signal()

    def __init__(self, theme: Theme, parent: QWidget, *, can_go: bool) -> None:
        super().__init__(parent)
        self.setObjectName("attachments")
        self.setAccessibleName(tr("Attached files"))
        self._theme, self._can_go = theme, can_go
        self._chips: list[Chip] = []
        self._needle: SearchTerms | None = None
        self.hide()

    def files(self) -> tuple[Attachment, ...]:
        """What is shown."""
        return tuple(chip.file for chip in self._chips)

    def show_files(self, files: Sequence[Attachment]) -> None:
        """Show `files` and no others."""
        if self.files() == tuple(files):
            return
        kept = {id(chip.file): chip for chip in self._chips}
        focused = next((at for at, chip in enumerate(self._chips) if chip.isAncestorOf(self._focus())), None)
        old, self._chips = self._chips, [kept.get(id(file)) or self._make(file) for file in files]
        for chip in old:
            if chip not in self._chips:
                chip.hide()
                chip.deleteLater()
        self.setVisible(bool(files))
        self._arrange()
        if focused is not None and self._chips:
            self._chips[min(focused, len(self._chips) - 1)].buttons()[-1].setFocus()
        self.changed.emit()

    def show_tokens(self, file: Attachment, tokens: int) -> None:
        """Say how many tokens `file` takes."""
        for chip in self._chips:
            if chip.file == file:
                chip.show_tokens(tokens)
        self._arrange()

    def highlight(self, needle: "SearchTerms | None") -> None:
        """Mark those in which `needle` is; None for none."""
        self._needle = needle
        for chip in self._chips:
            words = chip.file.name, chip.file.text
            chip.show_found(is_found=needle is not None and any(map(needle.is_in, words)))

    def buttons(self) -> list[QWidget]:
        """What takes the focus, in the order of reading."""
        return [button for chip in self._chips for button in chip.buttons()]

    def natural_width(self) -> int:
        """Pixels that all want in one line."""
        return sum(chip.natural_width() + SPACING for chip in self._chips) - SPACING if self._chips else 0

    def _focus(self) -> QWidget:
        return self.window().focusWidget() or self

    def _make(self, file: Attachment) -> Chip:
        chip = Chip(self._theme, file, can_go=self._can_go)
        chip.setParent(self)
        chip.removed.connect(self.removed)
        chip.opened.connect(self._open)
        chip.show()
        return chip

    def _arrange(self) -> None:
        """Put them side by side, and in the next line where there is no room."""
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
        self.setFixedHeight(bottom)
        self.arranged.emit()

    @Slot(object)
    def _open(self, file: Attachment) -> None:
        from phichat.ui.attachments.viewer import show_attachment  # noqa: PLC0415 - few are opened

        show_attachment(self._theme, self.window(), file, self._needle)

    def sizeHint(self) -> QSize:
        return QSize(self.natural_width(), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()


class ChipArea(QScrollArea):
    """Chips in a few lines, beyond which they scroll."""

    def __init__(self, theme: Theme, chips: AttachmentChips, parent: QWidget) -> None:
        super().__init__(parent)
        self._chips = chips
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(chips)
        for ground in (chips, self.viewport()):
            ground.setAutoFillBackground(False)
        theme.apply_stylesheet(self.verticalScrollBar(), "bar")
        chips.arranged.connect(self._fit)
        self.hide()

    @Slot()
    def _fit(self) -> None:
        buttons = self._chips.buttons()
        line = buttons[0].sizeHint().height() + SPACING if buttons else 0
        self.setFixedHeight(min(self._chips.height(), MAX_ROWS * line + line // 2))
        self.setVisible(bool(buttons))

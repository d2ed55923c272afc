"""The first-run page: what Phi-3 is and needs, and one button to download it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from phichat.i18n import format_size, tr
from phichat.models.base import Listing, SpaceCheck
from phichat.ui.controllers.downloads import DownloadManager
from phichat.ui.models.download_widget import DownloadWidget
from phichat.ui.models.formatting import format_model_size
from phichat.ui.theme.scaling import scaled, set_max_width
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.column import BAR_WIDTH, keep_room_for_scroll_bar
from phichat.ui.widgets.foreign_text import PlainLabel, plain_label

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef

COLUMN_WIDTH = 580  # pixels: longer lines are tiring to read
TALL = 440  # pixels from which there is room for the icon
SPACING, LOW_SPACING = 12, 8  # pixels between the rows; French at 150% needs the latter


class FirstRunPage(QScrollArea):
    """Offers to download Phi-3.

    Signals:
        dismissed: the user clicked "Not now".
        file_requested: the user wants to choose a model file.
        file_chosen(str): the user chose one of the files that were found.
        model_chosen(ModelRef): the user wants to talk with the downloaded model.
        token_requested: the user wants to enter an access token.
    """

    dismissed = Signal()
    file_requested = Signal()
    file_chosen = Signal(str)
    model_chosen = Signal(object)
    token_requested = Signal()

    def __init__(self, theme: Theme, downloads: DownloadManager, listing: Listing, hub: str) -> None:
        super().__init__()
        self.setObjectName("firstRun")
        self.setAccessibleName(tr("Get Phi-3"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        keep_room_for_scroll_bar(self)
        self.setViewportMargins(BAR_WIDTH, 0, 0, 0)  # so that the middle is that of the column below
        self._theme, self._listing, self._hub = theme, listing, hub
        self._ready: ModelRef | None = None
        self._icon = _centred(plain_label())
        self._title = _title()
        self._what = _centred(plain_label())
        self._facts = {name: _fact() for name in ("size", "folder", "disk", "memory", "licence")}
        self._box = DownloadWidget(theme, downloads, is_centred=True)
        self._box.token_requested.connect(self.token_requested)
        self._talk = QPushButton(tr("Chat with Phi-3"))
        self._talk.setObjectName("talkButton")
        self._talk.clicked.connect(self._on_talk)
        self._download_or_talk = QStackedWidget()
        self._have = QPushButton(tr("Use an existing file…"))
        self._have.setObjectName("haveFileButton")
        self._later = QPushButton(tr("Not now"))
        self._later.setObjectName("notNowButton")
        self._later.clicked.connect(self.dismissed)
        self._note = _centred(muted(plain_label()))
        self._have.clicked.connect(self._on_have)
        self._menu = QMenu(self._have)
        self._spare = ""
        self.setWidget(self._content())
        theme.apply_stylesheet(self._talk, "primary")
        for button in (self._have, self._later):
            theme.apply_stylesheet(button, "link")
        theme.changed.connect(self._show_icon)
        self._show_icon()
        self.show_files(())
        self.show_listing(listing)
        self.show_spare("")

    def show_listing(self, listing: Listing) -> None:
        """Show the listing of Phi-3."""
        self._listing = listing
        self._title.setText(tr("Meet Phi-3"))
        self._what.setText(
            tr(
                "Phi-3 is a small language model from Microsoft with 3.8 billion parameters. It’s good at "
                "conversation, explanations, and code. It runs on your own computer, and what you write "
                "never leaves it."
            )
        )
        self._facts["size"].setText(
            tr("{size}, one-time download from {hub}").format(size=format_model_size(listing), hub=self._hub)
        )
        self._facts["licence"].setText(tr("MIT license, free to use · 4,096-token context"))
        self._box.show_listing(listing, label=tr("Download Phi-3 · {size}").format(size=format_model_size(listing)))

    def show_room(self, room: SpaceCheck, trouble: str) -> None:
        """Show the free disk space and the memory, and what is in the way of the download."""
        is_full = room.needed > room.free
        is_short = room.memory is not None and room.memory > room.memory_installed
        self._facts["folder"].show_path(room.folder)
        self._facts["folder"].setAccessibleDescription(str(room.folder))
        _set_fact(self._facts["disk"], tr("{size} free").format(size=format_size(room.free)), alert=is_full)
        if room.memory is not None:
            _set_fact(
                self._facts["memory"],
                tr("{needed} needed, {installed} installed").format(
                    needed=format_size(room.memory), installed=format_size(room.memory_installed)
                ),
                alert=is_short,
            )
        self._box.show_trouble(trouble, is_refused=is_full)

    def show_files(self, files: Sequence[Path]) -> None:
        """Offer `files`, found on this computer, which may be Phi-3; without any, the button asks for one at once."""
        self._have.setMenu(self._menu if files else None)  # type: ignore[arg-type]
        self._menu.clear()
        for file in files:
            action = self._menu.addAction(_menu_text(file).replace("&", "&&"))
            action.setData(str(file))
            action.triggered.connect(self._on_file)
        self._menu.addSeparator()
        self._menu.addAction(tr("Choose another file…")).triggered.connect(self.file_requested)

    def show_spare(self, title: str) -> None:
        """Show that the model `title` answers meanwhile; empty if there is none."""
        self._spare = title
        self._show_note()
        self._later.setVisible(bool(title))

    def _show_note(self) -> None:
        connects = tr("To get models, Phichat connects only to {hub}, and only when you ask it to.").format(
            hub=self._hub
        )
        if self._ready:
            meanwhile = ""
        elif self._spare:
            meanwhile = tr("For now, you can chat with {model} below. It’s tiny but fast.").format(model=self._spare)
        else:
            meanwhile = tr("You can send your first message now. Phi-3 will answer as soon as it’s ready.")
        self._note.setText("\n".join(filter(None, [meanwhile, connects])))

    def show_ready(self, model: "ModelRef") -> None:
        """Offer to talk with the downloaded `model`."""
        self._ready = model
        self._title.setText(tr("Phi-3 is ready"))
        self._what.setText(tr("The download is complete and verified."))
        self._download_or_talk.setCurrentIndex(1)
        self._show_note()
        self._have.hide()
        self._later.hide()

    def _content(self) -> QWidget:
        column = QWidget()
        set_max_width(column, COLUMN_WIDTH)
        inside = self._rows = QVBoxLayout(column)
        self._download_or_talk.addWidget(self._box)
        self._download_or_talk.addWidget(_centred_row(self._talk))
        links = _centred_row(self._have, self._later)
        for widget in (self._icon, self._title, self._what, self._download_or_talk, links, self._card(), self._note):
            inside.addWidget(widget)
        content = QWidget()
        across = QHBoxLayout()
        across.addWidget(column)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(24, 8, 24, 8)
        layout.addStretch(2)
        layout.addLayout(across)
        layout.addStretch(3)
        return content

    def _card(self) -> QFrame:
        names = {
            "size": tr("Download"),
            "folder": tr("Folder"),
            "disk": tr("Disk"),
            "memory": tr("Memory"),
            "licence": tr("License"),
        }
        card = QFrame()
        card.setProperty("part", "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(18, 14, 18, 14)
        grid.setHorizontalSpacing(18)
        grid.setColumnStretch(1, 1)
        for row, (name, label) in enumerate(names.items()):
            self._facts[name].setAccessibleName(label)
            grid.addWidget(muted(plain_label(label)), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self._facts[name], row, 1)
        self._theme.apply_stylesheet(card, "card")
        return card

    @Slot()
    def _on_talk(self) -> None:
        if self._ready:
            self.model_chosen.emit(self._ready)

    @Slot()
    def _on_have(self) -> None:
        if not self._have.menu():
            self.file_requested.emit()

    @Slot()
    def _on_file(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.file_chosen.emit(str(action.data()))

    @Slot()
    def _show_icon(self) -> None:
        self._icon.setPixmap(self._theme.icon("model").pixmap(QSize(40, 40)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        is_tall = event.size().height() >= scaled(TALL)
        self._icon.setVisible(is_tall)
        self._rows.setSpacing(SPACING if is_tall else LOW_SPACING)
        super().resizeEvent(event)


def _title() -> QLabel:
    label = _centred(plain_label())
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 2.2)
    font.setWeight(font.Weight.DemiBold)
    label.setFont(font)
    return label


def _centred(label: QLabel) -> QLabel:
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return label


def _fact() -> PlainLabel:
    label = plain_label("…")
    label.setWordWrap(True)
    return label


def _set_fact(label: QLabel, text: str, *, alert: bool) -> None:
    label.setText(text)
    label.setForegroundRole(QPalette.ColorRole.BrightText if alert else QPalette.ColorRole.WindowText)


def _centred_row(*widgets: QWidget) -> QWidget:
    """Return a row of `widgets`, centred."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.addStretch()
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return holder


def _menu_text(file: Path) -> str:
    return f"{file.name}  ({file.parent.name})"

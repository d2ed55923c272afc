"""The details pane of the models dialog: one model, its download, and what can be done with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from phichat.i18n import format_size, format_speed, tr
from phichat.models.base import Listing, Source
from phichat.ui.controllers.downloads import DownloadManager
from phichat.ui.models.download_widget import DownloadWidget
from phichat.ui.theme.scaling import scaled
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.controls import push_button
from phichat.ui.widgets.foreign_text import plain_label, set_tool_tip
from phichat.ui.widgets.message_line import AlertLabel

ORIGIN_LINES = 4  # for which there is room, so that nothing jumps from one model to the next
SHORT = 490  # pixels of the dialog's height: below, lists need the room of all lines but the last


class ModelDetails(QFrame):
    """Shows a listing: the download of a model that is not here, buttons for one that is.

    Signals: `talk_requested`, `verify_requested`, `folder_requested`, `removal_requested` for the model that is shown.
    """

    talk_requested = Signal()
    verify_requested = Signal()
    folder_requested = Signal()
    removal_requested = Signal()

    def __init__(self, theme: Theme, downloads: DownloadManager) -> None:
        super().__init__()
        self.setProperty("part", "card")
        self._title = plain_label()
        font = self._title.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        font.setWeight(font.Weight.DemiBold)
        self._title.setFont(font)
        self._origin = muted(plain_label())
        self._origin.setWordWrap(True)
        self._origin.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._origin.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._problem = AlertLabel(theme)
        self._problem.setObjectName("modelProblem")
        self._problem.set_alert(is_alert=True)
        self.download = DownloadWidget(theme, downloads)
        self.talk = push_button("talkWithButton", tr("Use this model"))
        self.verify = push_button("verifyButton", tr("Verify"))
        self.folder = push_button("folderButton", tr("Show in folder"))
        self.remove = push_button("removeButton", tr("Delete…"))
        self.talk.clicked.connect(self.talk_requested)
        self.verify.clicked.connect(self.verify_requested)
        self.folder.clicked.connect(self.folder_requested)
        self.remove.clicked.connect(self.removal_requested)
        self._lay_out()
        theme.apply_stylesheet(self, "card")
        theme.apply_stylesheet(self.talk, "primary")

    def show_listing(self, listing: Listing, in_use: str) -> None:
        """Show `listing`; `in_use` is the name of the model in use."""
        self._title.setText(listing.title)
        is_short = self.window().height() < scaled(SHORT)
        lines = 1 if is_short else ORIGIN_LINES
        self._origin.setMinimumHeight(lines * self._origin.fontMetrics().lineSpacing())
        self._origin.setText("\n".join(filter(None, _origin(listing)[-1:] if is_short else _origin(listing))))
        sha256 = listing.remote.sha256 if listing.remote else None
        set_tool_tip(self._origin, tr("SHA-256: {checksum}").format(checksum=sha256) if sha256 else "")
        self._problem.setText(listing.problem)
        self._problem.setVisible(bool(listing.problem))
        is_in_use = bool(listing.model) and listing.name == in_use
        self.talk.setEnabled(bool(listing.model) and not is_in_use)
        self.talk.setText(tr("In use") if is_in_use else tr("Use this model"))
        self.verify.setEnabled(bool(listing.model))
        file = listing.model or listing.unusable
        is_forgotten = file is not None and (file.source is Source.ADDED or not file.bytes)
        self.remove.setVisible(file is None or file.source is not Source.STARTER)
        self.remove.setText(tr("Remove from list…") if is_forgotten else tr("Delete…"))
        for button in (self.talk, self.verify, self.folder, self.remove):
            button.setAccessibleName(tr("{action}: {model}").format(action=button.text(), model=listing.title))
        self.download.show_listing(listing)
        self._pages.setCurrentIndex(1 if file else 0)

    def _lay_out(self) -> None:
        buttons = QWidget()
        column = QVBoxLayout(buttons)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch()
        column.addWidget(self._problem)
        row = QHBoxLayout()
        row.setSpacing(8)
        column.addLayout(row)
        for button in (self.talk, self.verify, self.folder, self.remove):
            row.addWidget(button)
        row.addStretch()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.download)
        self._pages.addWidget(buttons)
        self._pages.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(4)
        for widget in (self._title, self._origin, self._pages):
            layout.addWidget(widget)


def _origin(listing: Listing) -> list[str]:
    """Return lines on what the model is for, who published the model, where it is, and what it needs."""
    maker = ""
    if listing.remote:
        kind = tr("From the model’s developer: {repo}") if listing.is_official else tr("From the community: {repo}")
        maker = kind.format(repo=listing.remote.repo)
    file = listing.model or listing.unusable
    place = str(file.path) if file else listing.remote.file if listing.remote else ""
    return [listing.good_at, maker, place, _requirements(listing)]


def _requirements(listing: Listing) -> str:
    """Return licence, memory and estimated speed in one line."""
    memory = tr("needs {size} of memory").format(size=format_size(listing.memory)) if listing.memory else ""
    if not listing.fits:
        memory = tr("needs {size} of memory, more than this computer has").format(size=format_size(listing.memory or 0))
    speed = (
        tr("about {speed} tokens/s on this computer").format(speed=format_speed(listing.speed)) if listing.speed else ""
    )
    return " · ".join(filter(None, [listing.licence, memory, speed]))

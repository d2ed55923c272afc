"""The download widget: a progress bar, a line on the state, and buttons to start, pause and cancel."""

from functools import partial

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from phichat.i18n import format_number, format_size, tr
from phichat.models.base import Listing, Phase
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.downloads import Download, DownloadManager
from phichat.ui.models.formatting import describe_download, format_model_size, percent_done, progress_of
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import push_button
from phichat.ui.widgets.dialogs import LinkDialog, ask_question
from phichat.ui.widgets.message_line import AlertLabel

CANCEL_SILENTLY = 5_000_000  # bytes: below that, nothing worth a question is lost
HEIGHT = 100  # pixels, with and without a download, so that nothing around it jumps
ANNOUNCE_EACH = 10  # percent between two announcements by the screen reader


class DownloadWidget(QWidget):
    """Shows the download of one model, begun or not, and controls it through `downloads`.

    Signals: `token_requested` when the user wants to enter an access token.
    """

    token_requested = Signal()

    def __init__(self, theme: Theme, downloads: DownloadManager, *, is_centred: bool = False) -> None:
        super().__init__()
        self._theme, self._downloads = theme, downloads
        self._listing: Listing | None = None
        self._label = self._trouble = ""
        self._is_refused = False
        self._announced = 0
        self._bar = QProgressBar(textVisible=False)
        self._bar.setObjectName("downloadProgress")
        self._bar.setFixedHeight(8)
        self._line = AlertLabel(theme)
        self._line.setMinimumHeight(2 * self._line.fontMetrics().lineSpacing())  # so that nothing jumps
        self._line.setAlignment(Qt.AlignmentFlag.AlignHCenter if is_centred else Qt.AlignmentFlag.AlignLeft)
        self._start = push_button("downloadButton", tr("Download"))
        self._pause = push_button("pauseButton", tr("Pause"))
        self._cancel = push_button("cancelButton", tr("Cancel"))
        self._page = push_button("termsButton", tr("Read the terms…"))
        self._token = push_button("tokenButton", tr("Enter access token…"))
        for button in (self._page, self._token):
            button.hide()
        theme.apply_stylesheet(self._start, "primary")
        self._lay_out(is_centred=is_centred)
        self._start.clicked.connect(self._on_start)
        self._pause.clicked.connect(self._on_pause)
        self._cancel.clicked.connect(self._on_cancel)
        self._page.clicked.connect(self._on_page)
        self._token.clicked.connect(self.token_requested)
        downloads.changed.connect(self._on_changed)

    def show_listing(self, listing: Listing, *, label: str = "") -> None:
        """Show the download of `listing`; `label` is the text of the start button."""
        if not self._listing or self._listing.name != listing.name:
            self._announced = 0
        self._listing = listing
        self._label = label or tr("Download · {size}").format(size=format_model_size(listing))
        self._bar.setAccessibleName(tr("{model} download progress").format(model=listing.title))
        self._show()

    def show_trouble(self, trouble: str, *, is_refused: bool) -> None:
        """Show what is in the way of the download; disable the start button if `is_refused`."""
        self._trouble, self._is_refused = trouble, is_refused
        self._show()

    def focus_button(self) -> None:
        """Give the first button the focus that can be pressed."""
        for button in self._buttons():
            if button.isVisibleTo(self) and button.isEnabled():
                button.setFocus()
                return

    def _lay_out(self, *, is_centred: bool) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        if is_centred:
            row.addStretch()
        for button in self._buttons():
            row.addWidget(button)
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addStretch()
        layout.addWidget(self._bar)
        layout.addWidget(self._line)
        layout.addLayout(row)
        layout.addStretch()
        self.setMinimumHeight(HEIGHT)

    @Slot(str)
    def _on_changed(self, name: str) -> None:
        if self._listing and name == self._listing.name:
            self._show()

    def _show(self) -> None:
        if not self._listing:
            return
        download = self._downloads.state(self._listing.name)
        focused = next((button for button in self._buttons() if button.hasFocus()), None)
        self._show_bar(self._listing, download)
        self._show_line(download)
        self._show_buttons(self._listing, download)
        if focused and not focused.hasFocus():  # Qt has moved it to any other button, such as Cancel
            self.focus_button()

    def _show_bar(self, listing: Listing, download: Download) -> None:
        value = percent_done(progress_of(listing, download))
        self._bar.setValue(value)
        self._bar.setVisible(download.is_begun)
        if download.is_running and value // ANNOUNCE_EACH > self._announced // ANNOUNCE_EACH:
            self._announced = value
            announce(self._bar, tr("{model}: {percent}%").format(model=listing.title, percent=format_number(value)))

    def _show_line(self, download: Download) -> None:
        self._line.set_alert(is_alert=bool(download.error or (self._trouble and not download.is_begun)))
        self._line.setText(describe_download(download) if download.is_begun else self._trouble)
        self._line.setVisible(bool(self._line.text()))

    def _show_buttons(self, listing: Listing, download: Download) -> None:
        self._start.setText(tr("Retry") if download.error else self._label)
        self._start.setEnabled(not self._is_refused)
        self._start.setVisible(not listing.model and (not download.is_begun or bool(download.error)))
        self._pause.setText(tr("Resume") if download.is_paused else tr("Pause"))
        self._pause.setVisible(download.is_active or download.is_paused)
        self._cancel.setVisible(download.is_begun and not _is_in_other_process(download))
        self._page.setVisible(bool(download.error and download.page))
        self._token.setVisible(bool(download.error and download.wants_token))
        for button in self._buttons():
            button.setAccessibleName(tr("{action}: {model}").format(action=button.text(), model=listing.title))

    def _buttons(self) -> tuple[QPushButton, ...]:
        return self._start, self._pause, self._cancel, self._page, self._token

    @Slot()
    def _on_start(self) -> None:
        if self._listing:
            self._downloads.start(self._listing.name)

    @Slot()
    def _on_pause(self) -> None:
        if not self._listing:
            return
        if self._downloads.state(self._listing.name).is_paused:
            self._downloads.start(self._listing.name)
        else:
            self._downloads.pause(self._listing.name)

    @Slot()
    def _on_page(self) -> None:
        if self._listing:
            LinkDialog(QUrl(self._downloads.state(self._listing.name).page), self.window()).open()

    @Slot()
    def _on_cancel(self) -> None:
        """Cancel the download; ask first if much of it is here."""
        if not self._listing:
            return
        cancel = partial(self._downloads.cancel, self._listing.name)
        progress = progress_of(self._listing, self._downloads.state(self._listing.name))
        if progress.done < CANCEL_SILENTLY:
            cancel()
            return
        ask_question(
            self._theme,
            self,
            "cancelQuestion",
            tr("Cancel the download of {model}? The {size} already downloaded will be deleted.").format(
                model=self._listing.title, size=format_size(progress.done)
            ),
            tr("Cancel download"),
            tr("Keep downloading"),
            cancel,
        )


def _is_in_other_process(download: Download) -> bool:
    """Return whether another Phichat downloads the model: cancelling here would delete its file."""
    return bool(download.is_running and download.progress and download.progress.phase is Phase.ELSEWHERE)

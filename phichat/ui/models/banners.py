"""Banners above the conversation: a download under way, and a model that is ready."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QProgressBar

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.downloads import Download
from phichat.ui.models.formatting import percent_done, summarize_download
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import Banner, NoticeBar, banner_button
from phichat.ui.widgets.foreign_text import plain_label, set_tool_tip
from phichat.ui.widgets.message_line import AlertLabel

WIDE = 480  # pixels from which there is room for a progress bar beside the text


class DownloadStrip(Banner):
    """The banner of one download.

    Signals: `paused`, `resumed`, and `opened` for the details, when the user asks for that.
    """

    paused = Signal()
    resumed = Signal()
    opened = Signal()

    def __init__(self, theme: Theme) -> None:
        self._pause = banner_button("stripPauseButton", tr("Pause"))
        self._open = banner_button("stripOpenButton", tr("Details"))
        super().__init__("downloadStrip", self._pause, self._open)
        self._download = Download()
        self._name = plain_label()
        self._bar = QProgressBar(textVisible=False)
        self._bar.setObjectName("stripProgress")
        self._bar.setFixedHeight(6)
        self._bar.setMinimumWidth(40)
        self._bar.setMaximumWidth(200)
        self._line = AlertLabel(theme)
        self._line.setWordWrap(False)
        self._line.setMinimumWidth(1)  # a long text is cut off instead of widening the window
        self.said.addWidget(self._name)
        self.said.addWidget(self._bar, 1)
        self.said.addWidget(self._line)
        self.said.addStretch()
        self._pause.clicked.connect(self._on_pause)
        self._open.clicked.connect(self.opened)
        theme.apply_stylesheet(self, "strip")

    def show_download(self, title: str, download: Download) -> None:
        """Show the state of the download of the model `title`."""
        self._download = download
        self._name.setText(title)
        self._bar.setValue(percent_done(download.progress))
        self._bar.setAccessibleName(tr("{model} download progress").format(model=title))
        self._line.set_alert(is_alert=bool(download.error))
        self._show_text()
        set_tool_tip(self._line, download.error or (download.progress.note if download.progress else ""))
        self._pause.setText(_action(download))
        self._pause.setAccessibleName(tr("{action}: {model}").format(action=_action(download), model=title))

    def _show_text(self) -> None:
        words = summarize_download(self._download)
        words = words if self.width() >= WIDE else words.partition(" · ")[0]
        room = self.room() - self._name.sizeHint().width() - self.said.spacing() - self._line.sign_width()
        self._line.setText(self._line.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room))

    @Slot()
    def _on_pause(self) -> None:
        if self._download.is_active:
            self.paused.emit()
        else:
            self.resumed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._bar.setVisible(event.size().width() >= WIDE)
        self._show_text()
        super().resizeEvent(event)


class ReadyNotice(NoticeBar):
    """The banner of a model that was downloaded while another one is in use; accepted to switch to that model."""

    def __init__(self, theme: Theme) -> None:
        switch, dismiss = (
            banner_button("switchButton", tr("Use this model")),
            banner_button("dismissButton", tr("Not now")),
        )
        super().__init__(theme, "readyNotice", switch, dismiss)

    def show_ready(self, title: str) -> None:
        """Offer to switch to the model `title`."""
        self.accept.setEnabled(True)
        self.text.setText(tr("{model} is ready.").format(model=title))
        announce(self, self.text.text())

    def show_waiting(self, title: str) -> None:
        """Show that the switch to `title` waits for the reply under way."""
        self.accept.setEnabled(False)
        self.text.setText(tr("Switching to {model} after this answer.").format(model=title))


class MakersNotice(NoticeBar):
    """The banner that offers the settings a model's makers recommend; accepted to use them."""

    def __init__(self, theme: Theme) -> None:
        use = banner_button("makersSettingsButton", tr("Use recommended settings"))
        super().__init__(theme, "makersNotice", use, banner_button("makersDismissButton", tr("Not now")))

    def show_model(self, title: str) -> None:
        """Offer the settings of the model `title`."""
        self.text.setText(title)
        self.accept.setAccessibleName(tr("{action}: {model}").format(action=self.accept.text(), model=title))
        set_tool_tip(self.accept, tr("The sampling settings recommended by the model’s developer."))


def _action(download: Download) -> str:
    if download.is_active:
        return tr("Pause")
    return tr("Retry") if download.error else tr("Resume")

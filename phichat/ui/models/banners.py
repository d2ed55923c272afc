"""Banners above the conversation: how a download is going, and that a model is ready."""

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QProgressBar

from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.downloads import Download
from phichat.ui.models.formatting import percent_done, summarize_download
from phichat.ui.theme.theme import Theme, muted
from phichat.ui.widgets.banner import banner_button, banner_label, banner_layout
from phichat.ui.widgets.plain_text import plain_label, set_tool_tip

ROOMY = 480  # pixels from which there is room for a bar beside the words


class DownloadStrip(QFrame):
    """Shows one download briefly.

    Signals: `paused`, `resumed` and `opened` as the person wants it.
    """

    paused = Signal()
    resumed = Signal()
    opened = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("downloadStrip")
        self._download = Download()
        self._name = plain_label()
        self._bar = QProgressBar(textVisible=False)
        self._bar.setObjectName("stripProgress")
        self._bar.setFixedHeight(6)
        self._bar.setMinimumWidth(40)
        self._bar.setMaximumWidth(200)
        self._line = muted(plain_label())
        self._line.setMinimumWidth(1)  # it may be cut off rather than widen the window
        self._pause = banner_button("stripPauseButton", tr("Pause"))
        self._open = banner_button("stripOpenButton", tr("Details"))
        layout = banner_layout(self)
        layout.addWidget(self._name)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._line)
        layout.addStretch()
        layout.addWidget(self._pause)
        layout.addWidget(self._open)
        self._pause.clicked.connect(self._on_pause)
        self._open.clicked.connect(self.opened)
        theme.apply_stylesheet(self, "strip")

    def show_download(self, title: str, download: Download) -> None:
        """Show how the download of the model `title` stands."""
        self._download = download
        self._name.setText(title)
        self._bar.setValue(percent_done(download.progress))
        self._bar.setAccessibleName(tr("Download of {model}").format(model=title))
        muted(self._line, alert=bool(download.error))
        self._show_words()
        set_tool_tip(self._line, download.error)
        self._pause.setText(_action(download))
        self._pause.setAccessibleName(tr("{action}: {model}").format(action=_action(download), model=title))

    def _show_words(self) -> None:
        words = summarize_download(self._download)
        self._line.setText(words if self.width() >= ROOMY else words.partition(" · ")[0])

    @Slot()
    def _on_pause(self) -> None:
        if self._download.is_active:
            self.paused.emit()
        else:
            self.resumed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._bar.setVisible(event.size().width() >= ROOMY)
        self._show_words()
        super().resizeEvent(event)


class ReadyNotice(QFrame):
    """Says that a model has arrived while another one is in use.

    Signals: `accepted` where the person wants to talk with it, `dismissed` where not now.
    """

    accepted = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("readyNotice")
        self._line = banner_label()
        self._switch = banner_button("switchButton", tr("Switch"))
        self._dismiss = banner_button("dismissButton", tr("Not now"))
        layout = banner_layout(self)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._switch)
        layout.addWidget(self._dismiss)
        self._switch.clicked.connect(self.accepted)
        self._dismiss.clicked.connect(self.dismissed)
        theme.apply_stylesheet(self, "strip")

    def show_ready(self, title: str) -> None:
        """Offer the model `title`."""
        self._switch.setEnabled(True)
        self._line.setText(tr("{model} is ready.").format(model=title))
        announce(self, self._line.text())

    def show_waiting(self, title: str) -> None:
        """Say that `title` is taken when the answer under way has ended."""
        self._switch.setEnabled(False)
        self._line.setText(tr("{model} answers next, after this answer.").format(model=title))


def _action(download: Download) -> str:
    if download.is_active:
        return tr("Pause")
    return tr("Try again") if download.error else tr("Resume")

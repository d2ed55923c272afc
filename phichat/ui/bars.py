"""Slim bars above the conversation: how a download goes on, that a model is ready, or a newer version."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from phichat.text import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.downloads import Download
from phichat.ui.plain_text import plain_label, set_tool_tip
from phichat.ui.theme import Theme, muted
from phichat.ui.wording import briefly, percent

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
        self._pause = _button("stripPauseButton", tr("Pause"))
        self._open = _button("stripOpenButton", tr("Details"))
        layout = _row(self)
        layout.addWidget(self._name)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._line)
        layout.addStretch()
        layout.addWidget(self._pause)
        layout.addWidget(self._open)
        self._pause.clicked.connect(self._on_pause)
        self._open.clicked.connect(self.opened)
        theme.dress(self, "strip")

    def show_download(self, title: str, download: Download) -> None:
        """Show how the download of the model `title` stands."""
        self._download = download
        self._name.setText(title)
        self._bar.setValue(percent(download.progress))
        self._bar.setAccessibleName(tr("Download of {model}").format(model=title))
        muted(self._line, alert=bool(download.error))
        self._show_words()
        set_tool_tip(self._line, download.error)
        self._pause.setText(_action(download))
        self._pause.setAccessibleName(tr("{action}: {model}").format(action=_action(download), model=title))

    def _show_words(self) -> None:
        words = briefly(self._download)
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
        self._line = _line()
        self._switch = _button("switchButton", tr("Switch"))
        self._dismiss = _button("dismissButton", tr("Not now"))
        layout = _row(self)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._switch)
        layout.addWidget(self._dismiss)
        self._switch.clicked.connect(self.accepted)
        self._dismiss.clicked.connect(self.dismissed)
        theme.dress(self, "strip")

    def show_ready(self, title: str) -> None:
        """Offer the model `title`."""
        self._switch.setEnabled(True)
        self._line.setText(tr("{model} is ready.").format(model=title))
        announce(self, self._line.text())

    def show_waiting(self, title: str) -> None:
        """Say that `title` is taken when the answer under way has ended."""
        self._switch.setEnabled(False)
        self._line.setText(tr("{model} answers next, after this answer.").format(model=title))


class VersionNotice(QFrame):
    """Says that there is a newer version.

    Signals: `opened` where the person wants to know more, `dismissed` where not now.
    """

    opened = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("versionNotice")
        self._line = _line()
        open_notes = _button("versionNotesButton", tr("What is new"))
        dismiss = _button("versionDismissButton", tr("Not now"))
        layout = _row(self)
        layout.addWidget(self._line, 1)
        layout.addWidget(open_notes)
        layout.addWidget(dismiss)
        open_notes.clicked.connect(self.opened)
        dismiss.clicked.connect(self.dismissed)
        theme.dress(self, "strip")

    def show_version(self, version: str) -> None:
        """Tell of `version`."""
        self._line.setText(tr("Phichat {version} is out.").format(version=version))
        announce(self, self._line.text())


def _row(bar: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(bar)
    row.setContentsMargins(14, 5, 6, 5)
    row.setSpacing(12)
    return row


def _line() -> QLabel:
    label = plain_label()
    label.setWordWrap(True)
    return label


def _button(name: str, text: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the writing where it is
    return button


def _action(download: Download) -> str:
    if download.is_active:
        return tr("Pause")
    return tr("Try again") if download.error else tr("Resume")

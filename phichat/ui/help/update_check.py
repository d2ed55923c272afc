"""The update check, if the user wants one, and the banner of a new version."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QBoxLayout, QWidget

from phichat.cancellation import CancelToken
from phichat.i18n import tr
from phichat.ui.a11y.announce import announce
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.theme.theme import Theme
from phichat.ui.threads.background import BackgroundTasks
from phichat.ui.widgets.controls import NoticeBar, banner_button
from phichat.ui.widgets.parent import parent_window

if TYPE_CHECKING:
    from phichat.net.releases import Release, ReleaseFeed

FIRST_CHECK = 5000  # milliseconds after the start, which is over by then
CHECK_INTERVAL = 3_600_000  # milliseconds; ReleaseFeed asks the network once a week at most


class UpdateCheck(QObject):
    """Checks after the start and every hour, and shows a banner in `bars` for a new version."""

    def __init__(
        self, window: QWidget, bars: QBoxLayout, theme: Theme, preferences: PreferencesStore, versions: "ReleaseFeed"
    ) -> None:
        super().__init__(window)
        self._bars, self._theme, self._preferences, self._versions = bars, theme, preferences, versions
        self._tasks = BackgroundTasks("versions", 1, self)
        self._looking: CancelToken | None = None
        self._release: Release | None = None
        self._notice: NoticeBar | None = None
        self._clock = QTimer(self, interval=FIRST_CHECK)
        self._clock.timeout.connect(self.check)
        self._clock.start()
        preferences.changed.connect(self._on_preference)

    @Slot()
    def check(self) -> None:
        """Check for a new version, or hide the banner if the user does not want that."""
        self._clock.start(CHECK_INTERVAL)
        if not self._is_wanted():
            self._release = None
            self.dismiss()
        elif not self._looking:
            self._looking = self._tasks.run(self._versions.check, self._on_looked, on_end=self._on_ended)

    @Slot()
    def show_release_notes(self) -> None:
        """Open the release notes of the new version."""
        if self._release:
            from phichat.ui.help.version_dialog import VersionDialog  # noqa: PLC0415 - when it is opened

            dialog = VersionDialog(self._theme, self._release, self._versions.ours, parent_window(self, QWidget))
            dialog.skipped.connect(self._skip)
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    @Slot()
    def dismiss(self) -> None:
        """Hide the banner until the next start."""
        if self._notice:
            self._notice.hide()

    @Slot()
    def close(self) -> None:
        """Stop checking, and end the background thread."""
        self._clock.stop()
        self._tasks.close()

    @Slot(str)
    def _on_preference(self, name: str) -> None:
        if name == "looks_for_versions":
            self.check()

    def _is_wanted(self) -> bool:
        return self._preferences.current.looks_for_versions and self._versions.is_configured()

    def _on_looked(self, release: "Release | None") -> None:
        is_known = bool(release and self._release and release.version == self._release.version)
        if release and not is_known and self._is_wanted():
            self._release = release
            notice = self._notice or self._make_notice()
            notice.show()
            notice.text.setText(tr("Phichat {version} is available.").format(version=release.version))
            announce(notice, notice.text.text())

    def _on_ended(self) -> None:
        self._looking = None

    def _make_notice(self) -> NoticeBar:
        notes = banner_button("versionNotesButton", tr("What’s new"))
        dismiss = banner_button("versionDismissButton", tr("Not now"))
        self._notice = NoticeBar(self._theme, "versionNotice", notes, dismiss)
        self._notice.accepted.connect(self.show_release_notes)
        self._notice.dismissed.connect(self.dismiss)
        self._bars.addWidget(self._notice)
        return self._notice

    @Slot()
    def _skip(self) -> None:
        if self._release:
            version = self._release.version
            self._tasks.run(lambda _: self._versions.skip_version(version))  # if that fails, it is shown once more
        self.dismiss()

    def _on_skipped(self, _: str) -> None:
        """Ignore a failure, which is in the log: the banner comes once more then."""

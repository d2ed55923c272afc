"""Remembers what the person chose: preferences are written once nothing has changed for a moment."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.errors import PhichatError
from phichat.store.preferences import Preferences

SAVE_AFTER = 800  # milliseconds without a further change


class PreferencesStore(QObject):
    """Holds the preferences.

    Attributes:
        now: as they are.

    Signals: `saving` before they are written, for what is only known then; `failed(str)` where that did not work;
    `states_allowed(int)` and `rest_allowed` where the person allows models another amount of disk, or of time;
    `defaults_changed` where new conversations begin in another way; `versions_requested` where news of versions are, or
    no longer.
    """

    saving = Signal()
    failed = Signal(str)
    states_allowed = Signal(int)
    rest_allowed = Signal()
    defaults_changed = Signal()
    versions_requested = Signal()

    def __init__(self, preferences: Preferences, write: Callable[[Preferences], None]) -> None:
        super().__init__()
        self.current = preferences
        self._write = write
        self._timer = QTimer(self, interval=SAVE_AFTER, singleShot=True)
        self._timer.timeout.connect(self.save)

    def change(self, **values: Any) -> None:
        """Remember `values` from now on."""
        self.current = replace(self.current, **values)
        self.save_soon()

    def new_session(self) -> Session:
        """A conversation with the settings that new ones begin with."""
        session = Session(system=self.current.system)
        session.sampling = Sampling().with_values(self.current.sampling)
        return session

    @Slot(int)
    def allow_states(self, gigabytes: int) -> None:
        """So much of the disk is for what models remember."""
        self.change(states_gb=gigabytes)
        self.states_allowed.emit(gigabytes)

    @Slot(int)
    def allow_rest(self, minutes: int) -> None:
        """After so many minutes without use, models give their memory back; never after 0."""
        self.change(rest_minutes=minutes)
        self.rest_allowed.emit()

    @Slot(dict)
    def keep_presets(self, presets: dict[str, Any]) -> None:
        """These are the person's own presets."""
        self.change(presets=presets)

    @Slot()
    def save_soon(self) -> None:
        """Something has changed."""
        self._timer.start()

    @Slot()
    def save(self) -> None:
        """Write them now."""
        self.saving.emit()
        self._timer.stop()
        try:
            self._write(self.current)
        except PhichatError as error:
            self.failed.emit(str(error))

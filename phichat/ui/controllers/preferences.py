"""The preferences in memory: whoever uses one is told when it changes, and they are written a moment later."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import ModelRef
from phichat.engine.remote.base import Server
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.store.preferences import Preferences

SAVE_AFTER = 800  # milliseconds without a further change


class PreferencesStore(QObject):
    """Holds the preferences, and writes them with `write`, which returns what is saved, soon after they change.

    Attributes:
        current: the preferences as they are.

    Signals:
        changed(str): the preference of that name has another value.
        save_started: they are about to be written, for what is only known then.
        failed(str): they could not be written; one sentence. saved: they are written.
    """

    changed = Signal(str)
    save_started = Signal()
    failed = Signal(str)
    saved = Signal()

    def __init__(self, preferences: Preferences, write: Callable[[Preferences], Preferences]) -> None:
        super().__init__()
        self.current = preferences
        self._write = write
        self._timer = QTimer(self, interval=SAVE_AFTER, singleShot=True)
        self._timer.timeout.connect(self.save)

    def change(self, **values: Any) -> None:
        """Give the preferences of those names other values."""
        before, self.current = self.current, replace(self.current, **values)
        self.save_soon()
        for name in values:
            if getattr(before, name) != getattr(self.current, name):
                self.changed.emit(name)

    @Slot(str, object)
    def set_value(self, name: str, value: Any) -> None:
        """Give the preference called `name` another value."""
        self.change(**{name: value})

    def new_session(self) -> Session:
        """Return a conversation with the settings that new ones begin with."""
        session = Session(system=self.current.system)
        session.sampling = Sampling().with_values(self.current.sampling)
        return session

    def may_send_to(self, model: ModelRef) -> bool:
        """Return whether `model` is on this computer, or the user agreed to send messages to its host."""
        return not model.is_remote or model.host in self.current.agreed_hosts

    def agree_to(self, host: str) -> None:
        """Note that the user agreed to send messages to `host`."""
        self.change(agreed_hosts=[*self.current.agreed_hosts, host])

    @Slot(object)
    def forget_server(self, server: Server) -> None:
        """Ask again before anything is sent to the host of `server`, which was removed."""
        self.change(agreed_hosts=[host for host in self.current.agreed_hosts if host != server.host])

    @Slot()
    def save_soon(self) -> None:
        """Write them once nothing has changed for a moment."""
        self._timer.start()

    @Slot()
    def save(self) -> None:
        """Write them now."""
        self.save_started.emit()
        self._timer.stop()
        try:
            self._adopt(self._write(self.current))
        except PhichatError as error:
            self.failed.emit(f"{error} " + tr("If this isn’t fixed, your changes will be lost when you quit."))
        else:
            self.saved.emit()

    def _adopt(self, saved: Preferences) -> None:
        """Take over what another program has changed in the file."""
        before, self.current = self.current, saved
        for item in fields(Preferences):
            if getattr(before, item.name) != getattr(saved, item.name):
                self.changed.emit(item.name)

"""The settings of the conversation that is shown: in the panel, and as the default for new ones."""

from dataclasses import asdict
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.i18n import tr
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.settings.panel import SettingsPanel


class SessionSettings(QObject):
    """Shows the settings of the current conversation in the panel, and stores what is changed there.

    Signals:
        changed: the user changed a setting.
        notified(str): a sentence about what was done.
    """

    changed = Signal()
    notified = Signal(str)

    def __init__(
        self, panel: SettingsPanel, current: CurrentConversation, preferences: PreferencesStore, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._panel, self._current, self._preferences = panel, current, preferences
        panel.sampling_changed.connect(self._on_sampling)
        panel.system_changed.connect(self._on_system)
        panel.show_passages(preferences.current.passage_tokens)
        panel.passages_changed.connect(partial(preferences.set_value, "passage_tokens"))
        panel.default_requested.connect(self._make_default)
        current.session_changed.connect(self._show)
        preferences.changed.connect(self._on_preference)
        self._show(current.session)

    @Slot(object)
    def _show(self, session: Session) -> None:
        self._panel.show_sampling(session.sampling)
        self._panel.show_system(session.system)
        self._show_default()

    @Slot(object)
    def _on_sampling(self, sampling: Sampling) -> None:
        self._current.session.sampling = sampling
        self._on_changed()

    @Slot(str)
    def _on_system(self, text: str) -> None:
        self._current.session.system = text
        self._on_changed()

    def _on_changed(self) -> None:
        self._show_default()
        self.changed.emit()
        self._current.save_soon()

    @Slot(str)
    def _on_preference(self, name: str) -> None:
        if name in {"system", "sampling"}:
            self._show_default()
        elif name == "presets":  # the file may have had others
            self._panel.presets.show_own(self._preferences.current.presets)

    def _show_default(self) -> None:
        default, session = self._preferences.new_session(), self._current.session
        now = session.system, session.sampling
        self._panel.show_default(is_default=now == (default.system, default.sampling))

    @Slot()
    def _make_default(self) -> None:
        """Make the settings of this conversation the default for new ones."""
        session = self._current.session
        self._preferences.change(system=session.system, sampling=asdict(session.sampling))
        self.notified.emit(tr("New conversations will use these settings."))

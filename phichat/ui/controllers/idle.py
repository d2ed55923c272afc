"""What the model does while it is idle: prefill of the draft, calibration, unloading."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from phichat.i18n import tr
from phichat.ui.controllers.current_conversation import CurrentConversation
from phichat.ui.controllers.generation import GenerationController, GenerationState

CALIBRATE_AFTER = 8_000  # milliseconds in which a user who has just come would begin to write
MINUTE = 60_000


class IdleTimer(QObject):
    """Calibrates a model that is not used for some seconds, and unloads one that is not used for some minutes.

    Other apps use it, too: what they are told is not interrupted.

    `minutes` returns after how many minutes the model is unloaded, 0 for never; `has_power` whether the computer has
    power to spare.

    Signals: `notified(str)` with a sentence about what was done; `became_idle` after some seconds without use, and
        `spared` with it if there is power to spare.
    """

    notified = Signal(str)
    became_idle = Signal()
    spared = Signal()

    def __init__(
        self,
        generation: GenerationController,
        minutes: Callable[[], int],
        has_power: Callable[[], bool],
        parent: QObject | None = None,
        calibrate_after: int = CALIBRATE_AFTER,
        minute: int = MINUTE,
    ) -> None:
        super().__init__(parent)
        self._generation, self._minutes, self._has_power, self._minute = generation, minutes, has_power, minute
        self._short = QTimer(self, interval=calibrate_after, singleShot=True)
        self._short.timeout.connect(self._calibrate)
        self._long = QTimer(self, singleShot=True)
        self._long.timeout.connect(self._unload)
        generation.state_changed.connect(self.restart)
        # A prefill puts calibration off: the time begins again at its end.
        generation.background.prefill_finished.connect(self.restart)
        generation.background.weighing_finished.connect(self.restart)

    @Slot()
    def restart(self) -> None:
        """Begin to wait again: something was just asked, answered, written, opened or set."""
        self._short.start()
        if minutes := self._minutes():
            self._long.start(minutes * self._minute)
        else:
            self._long.stop()

    @Slot()
    def close(self) -> None:
        """Do nothing any more."""
        self._short.stop()
        self._long.stop()

    @Slot()
    def _calibrate(self) -> None:
        if self._generation.is_shared_now():
            self._short.start()
            return
        if self._generation.state is GenerationState.IDLE:
            self.became_idle.emit()
        if self._has_power():
            self.spared.emit()
            self._generation.calibrate()

    @Slot()
    def _unload(self) -> None:
        if self._generation.is_shared_now():
            self._long.start()
        elif self._generation.is_idle_here():
            self._generation.unload_model()
            self.notified.emit(tr("The model was unloaded to free memory. It will reload when you start typing."))


EVERY = 250  # milliseconds between two looks at the draft
LOOK_EVERY = 2000  # milliseconds between two looks at whether there is still power to spare


class DraftPrefill(QObject):
    """Has the model read what is being written, a few times a second.

    `may_read` says whether the computer has power to spare; where it has not, the model only counts the tokens.
    """

    def __init__(
        self,
        generation: GenerationController,
        current: CurrentConversation,
        may_read: Callable[[], bool] = lambda: True,
        parent: QObject | None = None,
        look_every: int = LOOK_EVERY,
    ) -> None:
        super().__init__(parent)
        self._generation, self._current, self._may_read = generation, current, may_read
        self._place: tuple[object, ...] = ()
        self._last = ""
        self._timer = QTimer(self, interval=EVERY, singleShot=True)
        self._timer.timeout.connect(self._prefill)
        self._watch = QTimer(self, interval=look_every)
        self._watch.timeout.connect(self._check_power)
        current.session_changed.connect(self.schedule)
        current.draft_changed.connect(self.schedule)
        generation.background.prefill_finished.connect(self.schedule)
        generation.background.weighing_finished.connect(self._on_loaded)
        generation.state_changed.connect(self._on_state)
        generation.model_loaded.connect(self._on_loaded)

    @Slot()
    def schedule(self) -> None:
        """Look at the draft in a moment."""
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _on_state(self) -> None:
        if self._generation.state is GenerationState.IDLE:
            self.schedule()

    @Slot()
    def _on_loaded(self) -> None:
        """Read the draft again: a model that was just loaded has read nothing, and one that weighed, something else."""
        self._place = ()
        self.schedule()

    @Slot()
    def _prefill(self) -> None:
        session, model = self._current.session, self._generation.model
        draft = session.draft
        pins = [message.id for message in session.conversation.path() if message.is_pinned]
        place = (
            session.conversation.id,
            session.conversation.tip,
            session.system,
            model.name if model else None,
            session.attached,
            *pins,
        )
        goes_on = place == self._place and draft.startswith(self._last)
        if self._generation.state is not GenerationState.IDLE or (
            goes_on and self._generation.background.is_prefilling()
        ):
            return  # `prefill_finished` comes back here
        if self._generation.background.is_weighing():
            return
        is_news = place != self._place or draft != self._last
        if is_news and (draft.strip() or session.attached or session.conversation.tip):
            self._place, self._last = place, draft
            self._generation.prefill_draft(session, draft, only_counts=not self._may_read())
            self._watch.start()

    @Slot()
    def _check_power(self) -> None:
        """Stop when there is no power to spare any more, as when a laptop is unplugged."""
        if not self._generation.background.is_prefilling():
            self._watch.stop()
        elif not self._may_read():
            self._generation.background.stop()

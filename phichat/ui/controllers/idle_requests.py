"""What an idle model is asked for: drafts to be read or counted, calibration, and to free its memory."""

from PySide6.QtCore import QObject, Slot

from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import CancelToken, Loaded, ModelRef, Request
from phichat.ui.controllers.background_requests import BackgroundRequests
from phichat.ui.threads.engine_thread import EngineThread


class IdleRequests(QObject):
    """The requests of a controller of the engine that are only sent while nobody waits for an answer.

    Attributes:
        background: requests that nobody waits for.
        model: the model in use or being loaded; None before the first.
        loaded: what the engine reported of it; None while it loads.
    """

    def __init__(self, thread: EngineThread) -> None:
        super().__init__()
        self._thread = thread
        self.background = BackgroundRequests(thread, self)
        self.model: ModelRef | None = None
        self.loaded: Loaded | None = None
        self._forgetting: CancelToken | None = None

    def is_idle(self) -> bool:
        """Whether a model is loaded, or was, and nothing is asked."""
        raise NotImplementedError

    def prefill_draft(self, session: Session, draft: str, *, only_counts: bool = False) -> None:
        """Have an idle model read `session` with its draft and attachments, or only count the tokens.

        A model that was unloaded is loaded again, unless that has just failed.
        """
        self.background.stop()
        if self.is_idle() and self.model and self.loaded and not self.background.has_failed:
            only_counts |= self.model.is_remote  # drafts are never sent: their length is estimated here
            self.background.prefill(session, draft, self.model.name, only_counts=only_counts)

    def count_tokens(self, text: str, key: object) -> bool:
        """Count the tokens of a question `text`, for `background.counted`; False if the model is busy."""
        has_time = self.is_idle() and self.loaded is not None
        if has_time:
            self.background.count(text, key)
        return has_time

    def is_idle_here(self) -> bool:
        """Whether a model on this computer is loaded, and nothing is asked of it."""
        return self.is_idle() and self.loaded is not None and not self.loaded.model.is_remote

    def is_shared_now(self) -> bool:
        """Whether other apps are being answered."""
        return self._thread.is_shared_now()

    def calibrate(self) -> None:
        """Find the fastest settings, as long as nothing is asked."""
        if self.is_idle_here():
            self.background.run_if_free(self._thread.calibrate)

    def unload_model(self) -> None:
        """Free the model's memory until something is asked or written."""
        if self.is_idle_here():
            self.background.run_if_free(self._thread.unload)

    @Slot()
    def discard_cached_prompts(self) -> None:
        """Have the engine discard its prompt cache, so that it is never stored; `cached_prompts_discarded` follows."""
        self.background.stop()
        if self.model:
            nothing = Request((Turn(Role.USER, ""),), Sampling(), is_draft=True, is_temporary=True)
            self._forgetting = self._thread.generate(nothing)

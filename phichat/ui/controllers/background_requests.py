"""Requests in the background: prefill of the draft, token counts, calibration, unloading."""

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.session import Session
from phichat.engine.base import CancelToken, Done, Event, Loaded, Loading, Notice, PromptFit, Reading, Request
from phichat.ui.threads.engine_thread import EngineThread


class BackgroundRequests(QObject):
    """Sends the engine requests that nobody waits for; a question cancels them.

    Signals:
        fitted(Session, PromptFit): how the draft fits into the context.
        prefill_progressed(int, int): how many of the draft's tokens are read, and how many there are.
        prefill_finished: the draft is read, as it was when that began.
        counted(object, PromptFit): the tokens of what `count` was given, by its key; None if that failed.
        load_progressed(float), loaded(Loaded): the model was loaded for a request, or with other settings;
            negative if that has failed.
        noticed(str): a sentence, when safer settings were needed.
    """

    fitted = Signal(object, object)
    prefill_progressed = Signal(int, int)
    prefill_finished = Signal()
    counted = Signal(object, object)
    load_progressed = Signal(float)
    loaded = Signal(object)
    noticed = Signal(str)

    def __init__(self, thread: EngineThread, parent: QObject) -> None:
        super().__init__(parent)
        self._thread = thread
        self._prefilling: CancelToken | None = None
        self._ending: CancelToken | None = None
        """The prefill that a question interrupted which goes on from its draft."""
        self._working: CancelToken | None = None
        self._counting: dict[CancelToken, object] = {}
        self._ordered: deque[CancelToken] = deque(maxlen=50)
        """The last requests: one that was cancelled may still have loaded the model, perhaps with other settings."""
        self._session, self._draft = Session(), ""
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)

    def is_prefilling(self) -> bool:
        """Whether the draft is being read."""
        return self._prefilling is not None

    def prefill(self, request: Request, session: Session, draft: str) -> None:
        """Have the model read `request`, which is for `draft` in `session`."""
        self._session, self._draft = session, draft
        self._prefilling = self._order(self._thread.generate(request))

    def count(self, request: Request, key: object) -> None:
        """Count the tokens of `request`, and emit `counted` with `key`; a question does not cancel that."""
        self._counting[self._order(self._thread.generate(request))] = key

    def run_if_free(self, order: Callable[[], CancelToken]) -> None:
        """Send the request that `order` makes, unless the draft is being read."""
        if not self._prefilling:
            self._working = self._order(order())

    def stop(self) -> None:
        """Cancel all but counting."""
        for stop in filter(None, (self._prefilling, self._ending, self._working)):
            stop.set()
        self._prefilling = self._ending = self._working = None

    def stop_for(self, session: Session, text: str) -> None:
        """Cancel for the question `text` in `session`; a prefill that it goes on from still ends its step."""
        reading, draft = self._prefilling, self._draft.strip()
        if reading and session is self._session and draft and text.startswith(draft):
            reading.set(gently=True)
            self._prefilling, self._ending = None, reading
        else:
            self.stop()

    def _order(self, stop: CancelToken) -> CancelToken:
        self._ordered.append(stop)
        return stop

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if stop in self._counting and isinstance(event, PromptFit | Done):
            self.counted.emit(self._counting.pop(stop), event if isinstance(event, PromptFit) else None)
        elif stop in self._ordered:
            is_current = stop is self._prefilling or stop is self._working or stop in self._counting
            if is_current or isinstance(event, Loaded | Notice):
                self._handle(event)
        if isinstance(event, Done) and stop is self._prefilling:
            self._prefilling = None
            self.prefill_finished.emit()

    def _handle(self, event: Event) -> None:
        match event:
            case PromptFit():
                self.fitted.emit(self._session, event)
            case Reading(done, total):
                self.prefill_progressed.emit(done, total)
            case Loading(fraction):
                self.load_progressed.emit(fraction)
            case Loaded():
                self.loaded.emit(event)
            case Notice(text):
                self.noticed.emit(text)

    @Slot(object, str)
    def _on_failure(self, stop: CancelToken, _: str) -> None:
        if stop in self._ordered:
            self.load_progressed.emit(-1.0)
        if stop in self._counting:
            self.counted.emit(self._counting.pop(stop), None)
        if stop is self._prefilling:  # the question itself will report it
            self._prefilling = None
        elif stop is self._working:
            self._working = None

"""What the model does unasked: reading what is being written, finding fast settings, giving its memory back."""

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.session import Session
from phichat.engine.base import CancelToken, Done, Event, Loaded, Loading, Notice, PromptFit, Reading, Request
from phichat.ui.threads.engine_thread import EngineThread


class BackgroundRequests(QObject):
    """Orders that nobody waits for. They end as soon as anything is asked.

    Signals: `fitted(Session, PromptFit)` for what is being written; `read(int, int)` for how many of its tokens are
    read, of how many; `read_on` where it has been read, as far as it was written then; `counted(object, PromptFit)` for
    what was to be counted, by its key, None if that failed; `loading(float)` and `loaded(Loaded)` where the model had
    to be loaded for that, or with other settings; `noticed(str)` with a sentence, where that needed safer ones.
    """

    fitted = Signal(object, object)
    prefill_progressed = Signal(int, int)
    counted = Signal(object, object)
    prefill_finished = Signal()
    loading = Signal(float)
    loaded = Signal(object)
    noticed = Signal(str)

    def __init__(self, thread: EngineThread, parent: QObject) -> None:
        super().__init__(parent)
        self._thread = thread
        self._reading: CancelToken | None = None
        self._ending: CancelToken | None = None
        """Of what was read when a question came that goes on from it."""
        self._working: CancelToken | None = None
        self._counting: dict[CancelToken, object] = {}
        self._ordered: deque[CancelToken] = deque(maxlen=50)
        """The last orders: one that was stopped may still have loaded the model, with other settings perhaps."""
        self._session, self._draft = Session(), ""
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)

    def is_prefilling(self) -> bool:
        """Whether what is being written is being read."""
        return self._reading is not None

    def prefill(self, request: Request, session: Session, draft: str) -> None:
        """Read `request`, which is for `draft` in `session`."""
        self._session, self._draft = session, draft
        self._reading = self._order(self._thread.generate(request))

    def count(self, request: Request, key: object) -> None:
        """Say how long `request` is. That is done in a moment, and so nothing ends it."""
        self._counting[self._order(self._thread.generate(request))] = key

    def run_if_free(self, order: Callable[[], CancelToken]) -> None:
        """Do what takes longer, unless something is being read."""
        if not self._reading:
            self._working = self._order(order())

    def stop(self) -> None:
        """End at once."""
        for stop in filter(None, (self._reading, self._ending, self._working)):
            stop.set()
        self._reading = self._ending = self._working = None

    def stop_for(self, session: Session, text: str) -> None:
        """End, as `text` is asked in `session`. Where that goes on from what is read, the step under way is of use."""
        reading, draft = self._reading, self._draft.strip()
        if reading and session is self._session and draft and text.startswith(draft):
            reading.set(gently=True)
            self._reading, self._ending = None, reading
        else:
            self.stop()

    def _order(self, stop: CancelToken) -> CancelToken:
        self._ordered.append(stop)
        return stop

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if stop in self._counting and isinstance(event, PromptFit | Done):
            self.counted.emit(self._counting.pop(stop), event if isinstance(event, PromptFit) else None)
        elif stop in self._ordered and (self._is_current(stop) or isinstance(event, Loaded | Notice)):
            self._handle(event)
        if isinstance(event, Done) and stop is self._reading:
            self._reading = None
            self.prefill_finished.emit()

    def _is_current(self, stop: CancelToken) -> bool:
        return stop is self._reading or stop is self._working or stop in self._counting

    def _handle(self, event: Event) -> None:
        match event:
            case PromptFit():
                self.fitted.emit(self._session, event)
            case Reading(done, total):
                self.prefill_progressed.emit(done, total)
            case Loading(fraction):
                self.loading.emit(fraction)
            case Loaded():
                self.loaded.emit(event)
            case Notice(text):
                self.noticed.emit(text)

    @Slot(object, str)
    def _on_failure(self, stop: CancelToken, _: str) -> None:
        if stop in self._counting:
            self.counted.emit(self._counting.pop(stop), None)
        if stop is self._reading:  # it will be told when it is asked
            self._reading = None
        elif stop is self._working:
            self._working = None

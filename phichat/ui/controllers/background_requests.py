"""Requests in the background: prefill of the draft, token counts, weighing, calibration, unloading."""

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from phichat.chat.attachments import with_attachments
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import CancelToken, Done, Event, Loaded, Loading, Notice, PromptFit, Reading, Request
from phichat.ui.threads.engine_thread import EngineThread


class BackgroundRequests(QObject):
    """Sends the engine requests that a question cancels, as nobody waits for them, or not for long.

    Attributes:
        has_failed: whether the last draft could not be read, as of a model that can't be loaded again, and nothing else
            was since. It may take long to find that out, so drafts wait then until a question was answered.

    Signals:
        fitted(Session, PromptFit): how the draft fits into the context.
        prefill_progressed(int, int): how many of the draft's tokens are read, and how many there are.
        prefill_finished: the draft is read, as it was when that began.
        weighing_finished: the reply is weighed, or that was stopped.
        awaited_ended: what the user waited for has ended, in whatever way.
        counted(object, PromptFit): the tokens of what `count` was given, by its key; None if that failed.
        load_progressed(float), loaded(Loaded): the model was loaded for a request, or with other settings;
            negative if that has failed.
        noticed(Notice): when safer settings were needed.
    """

    fitted = Signal(object, object)
    prefill_progressed = Signal(int, int)
    prefill_finished = Signal()
    weighing_finished = Signal()
    awaited_ended = Signal()
    counted = Signal(object, object)
    load_progressed = Signal(float)
    loaded = Signal(object)
    noticed = Signal(object)

    def __init__(self, thread: EngineThread, parent: QObject) -> None:
        super().__init__(parent)
        self._thread = thread
        self._prefilling: CancelToken | None = None
        self._ending: CancelToken | None = None
        """The prefill that a question interrupted which goes on from its draft."""
        self._working: CancelToken | None = None
        self._weighing: CancelToken | None = None
        self._awaited: CancelToken | None = None
        self._counting: dict[CancelToken, object] = {}
        self._ordered: deque[CancelToken] = deque(maxlen=50)
        """The last requests: one that was cancelled may still have loaded the model, perhaps with other settings."""
        self._session, self._draft = Session(), ""
        self.has_failed = False
        thread.happened.connect(self._on_event)
        thread.failed.connect(self._on_failure)

    def is_prefilling(self) -> bool:
        """Whether the draft is being read."""
        return self._prefilling is not None

    def is_weighing(self) -> bool:
        """Whether a reply is being weighed."""
        return self._weighing is not None

    def is_awaited(self) -> bool:
        """Whether the user waits for a request here: other apps come after it."""
        return self._weighing is not None or self._awaited is not None

    def prefill(self, session: Session, draft: str, model: str, *, only_counts: bool = False) -> None:
        """Have `model` read `session` with `draft` and its attachments, or only count their tokens."""
        self._session, self._draft = session, with_attachments(draft, session.attached)
        turns = (*session.turns(model), Turn(Role.USER, self._draft))
        request = Request(
            turns, session.sampling, is_draft=True, is_temporary=session.is_temporary, only_counts=only_counts
        )
        self._prefilling = self._order(self._thread.generate(request))

    def count(self, text: str, key: object) -> None:
        """Count the tokens of a question `text`, and emit `counted` with `key`; a question does not cancel that."""
        request = Request((Turn(Role.USER, text),), Sampling(), is_draft=True, only_counts=True)
        self._counting[self._order(self._thread.generate(request))] = key

    def weigh(self, request: Request) -> CancelToken:
        """Have a reply weighed in place of all else but counting; return the token of its events."""
        self.stop()
        self._weighing = self._order(self._thread.generate(request))
        return self._weighing

    def run_awaited(self, order: Callable[[], CancelToken]) -> None:
        """Send the request that `order` makes, for which the user waits, in place of all else but counting."""
        self.stop()
        self._awaited = self._order(order())

    def run_if_free(self, order: Callable[[], CancelToken]) -> None:
        """Send the request that `order` makes, unless the draft is being read, or a reply weighed."""
        if not self._prefilling and not self._weighing:
            self._working = self._order(order())

    def stop(self) -> None:
        """Cancel all but counting."""
        was_awaited = self.is_awaited()
        for stop in filter(None, (self._prefilling, self._ending, self._working, self._weighing, self._awaited)):
            stop.set()
        self._prefilling = self._ending = self._working = self._weighing = self._awaited = None
        if was_awaited:
            self.awaited_ended.emit()

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
        if isinstance(event, Loaded | Done):
            self.has_failed = False
        if stop in self._counting and isinstance(event, PromptFit | Done):
            self.counted.emit(self._counting.pop(stop), event if isinstance(event, PromptFit) else None)
        elif stop in self._ordered:
            current = {self._prefilling, self._working, self._weighing, self._awaited}
            is_current = stop in current or stop in self._counting
            if is_current or isinstance(event, Loaded | Notice):
                self._handle(event)
        if isinstance(event, Done) and stop is self._prefilling:
            self._prefilling = None
            self.prefill_finished.emit()
        if isinstance(event, Done):
            self._end_awaited(stop)

    def _handle(self, event: Event) -> None:
        match event:
            case PromptFit():
                self.fitted.emit(self._session, event)
            case Reading(done, total):
                if not self._weighing:
                    self.prefill_progressed.emit(done, total)
            case Loading(fraction):
                self.load_progressed.emit(fraction)
            case Loaded():
                self.loaded.emit(event)
            case Notice():
                self.noticed.emit(event)

    @Slot(object, str)
    def _on_failure(self, stop: CancelToken, _: str) -> None:
        if stop in self._ordered:
            self.load_progressed.emit(-1.0)
        if stop in self._counting:
            self.counted.emit(self._counting.pop(stop), None)
        if stop is self._prefilling:  # the question itself will report it
            self._prefilling, self.has_failed = None, True
        elif stop is self._working:
            self._working = None
        self._end_awaited(stop)

    def _end_awaited(self, stop: CancelToken) -> None:
        """Note that a request has ended, if it was one that the user waited for."""
        if stop is self._weighing:
            self._weighing = None
            self.weighing_finished.emit()
        elif stop is self._awaited:
            self._awaited = None
        else:
            return
        self.awaited_ended.emit()

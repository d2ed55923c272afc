"""The engine as the app uses it: llama.cpp in a child process.

A crash of native code ends the child alone. If it crashes before the first token, the request is tried again with safer
settings; if later, the reply ends with an error, and the next request starts a new child.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

from phichat import runtime
from phichat.chat.conversation import Ending
from phichat.engine.base import (
    AnswerEvent,
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    ModelRef,
    Notice,
    Piece,
    Request,
    Scored,
    Tried,
    VariantChosen,
)
from phichat.engine.process import protocol
from phichat.engine.process.calibrate import Busy, SpeedWatch, calibrate, has_room
from phichat.engine.process.child_process import ChildProcess, crash_location, explain_ending, is_crash
from phichat.engine.process.engine_slots import EngineSlots
from phichat.engine.process.order_watch import StallWatch, StopRequest, load_patience
from phichat.engine.settings import TuningStore, safer_settings
from phichat.errors import EngineDied, EngineError
from phichat.i18n import format_reason, tr

UNLOADING, CLOSING = 10.0, 3.0  # seconds for the prompt cache to be written

_log = logging.getLogger(__name__)


class EngineProcess:
    """Implements Engine with a child process.

    `tuning` stores which settings worked; `cache_folder` is the folder of the prompt cache, and `cache_budget` returns
    its size limit in bytes, at each load.
    """

    def __init__(
        self,
        tuning: TuningStore | None = None,
        command: Sequence[str] = (),
        cache_folder: Path | None = None,
        cache_budget: Callable[[], int] = lambda: 0,
    ) -> None:
        self._tuning = tuning or TuningStore(None)
        self._command = list(command) or runtime.process_command("phichat.engine.process.worker")
        self._cache_folder, self._cache_budget = cache_folder, cache_budget
        self._cache = self._cache_order()
        self._process: ChildProcess | None = None
        self._loaded: ChildProcess | None = None
        self._model: ModelRef | None = None
        self._asked = self._settings = EngineSettings()
        self._after_crash: EngineSettings | None = None  # for one load after a crash
        self._ended_on_purpose = False  # not by a crash, which users are told of
        self._numbers = count(1)
        self._slots: EngineSlots | None = None
        self._has_gpu = True
        self._lower = ""
        self._speed = SpeedWatch()

    @property
    def pid(self) -> int | None:
        """The process id of the child; None if there is none."""
        return self._process.pid if self._process else None

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """See Engine. If the child crashes, try safer settings and remember those that work."""
        self._model = loaded = self._after_crash = None
        self._asked = settings
        settings = self._tuning.recall(model.path, settings)
        if self._cache != self._cache_order() or settings.variant != self._settings.variant:
            self.close()  # a child is told once
            self._cache = self._cache_order()
        for event in self._load(model, settings, stop):
            if isinstance(event, Loaded):
                loaded = event
            else:
                report(event)
        if loaded is None:
            raise EngineError(tr("Loading was canceled."))
        self._model = model
        return loaded

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """See Engine."""
        order = {"do": "generate", "request": asdict(request)}
        yield from self._perform(order, request.sampling.seed or 0, stop, request.is_draft)

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """See Engine."""
        yield from self._perform({"do": "score", "text": text}, 0, stop, is_quiet=False)

    def calibrate(self, stop: CancelToken, report: Callable[[Tried], None] | None = None) -> Iterator[Event]:
        """See Engine. Load the model again if there are faster settings than those in use."""
        if self._model is None or (self._tuning.is_measured(self._model.path) and not report):
            return
        path, used = self._model.path, self._settings
        settings = self._tuning.recall_safe(path, self._asked)
        if report or not has_room(path, settings):  # while the model is loaded, too
            self.unload()
        try:
            calibrate(path, settings, self._tuning, self._start_child, stop, report)
        except Busy:
            return
        self._settings = faster = self._tuning.recall(path, self._asked)
        if not report and replace(faster, step_prices=used.step_prices) != used:  # these are updated in use anyway
            self.unload()
            yield from self._reload(self._model, faster, stop)

    def open_slots(self, count: int) -> EngineSlots:
        """See SlotEngine."""
        self._slots = EngineSlots(self, count, self._on_slots_closed)
        return self._slots

    def _on_slots_closed(self) -> None:
        self._slots = None

    def ready_child(self, stop: CancelToken) -> ChildProcess:
        """See SlotHost."""
        for _ in self._ensure_loaded(stop, is_quiet=True):
            pass
        if self._loaded is None or self._process is not self._loaded:
            raise EngineError(tr("Loading was canceled."))
        return self._loaded

    def lose_child(self, *, has_answered: bool) -> EngineDied:
        """See SlotHost. If it crashed before it answered anything, safer settings are used next."""
        process, self._process = self._process, None
        death = _Died(process.end() if process else "", process.last_words if process else "")
        _log_crash(death)
        if is_crash(death.ending) and not has_answered and (following := self._safer(death)):
            self._after_crash = following[0]
        return _died(death)

    def next_number(self) -> int:
        """See SlotHost."""
        return next(self._numbers)

    def unload(self) -> None:
        """See Engine. End the child once its prompt cache is written."""
        self._end_child(UNLOADING)
        self._ended_on_purpose = True

    def close(self) -> None:
        """See Engine. The child has ended when this returns."""
        if self._slots:
            self._slots.close()
        self._end_child(CLOSING)

    def _end_child(self, patience: float) -> None:
        """End the child; if it is idle, let it write its prompt cache first."""
        process, self._process = self._process, None
        if process is None:
            return
        if process is self._loaded and process.is_alive() and self._cache["cache_folder"]:
            process.send({"do": "unload", "number": self.next_number()}, wait=False)
            process.wait(patience)
        process.end()

    def _cache_order(self) -> protocol.Line:
        """Return what a child is told about the prompt cache."""
        folder = str(self._cache_folder) if self._cache_folder else None
        return {"cache_folder": folder, "cache_budget": self._cache_budget()}

    def _perform(self, order: protocol.Line, seed: int, stop: CancelToken, is_quiet: bool) -> Iterator[Event]:
        """Yield what the child answers to `order`; load the model first if need be, `is_quiet` if nobody waits."""
        yield from self._ensure_loaded(stop, is_quiet=is_quiet)
        assert self._model  # noqa: S101 - for the type checker
        yield from self._answer(order, seed, stop, self._model)

    def _ensure_loaded(self, stop: CancelToken, *, is_quiet: bool) -> Iterator[Event]:
        """Load the model unless it is loaded."""
        if self._model is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        if not (self._process and self._process is self._loaded and self._process.is_alive()):
            if not (self._ended_on_purpose or is_quiet):
                yield Notice(tr("The model’s process stopped and is restarting."), is_passing=True)
            yield from self._reload(self._model, self._next_settings(), stop)

    def _next_settings(self) -> EngineSettings:
        """Return what to load the model with again. A smaller context is only kept right after a crash."""
        safer, self._after_crash = self._after_crash, None
        return safer or replace(self._settings, context=self._asked.context)

    def _answer(self, order: protocol.Line, seed: int, stop: CancelToken, model: ModelRef) -> Iterator[Event]:
        """Have `order` done; each time the child dies before the first token, try again with safer settings."""
        tried, crashed = self._settings, False
        while not stop.is_set():
            spoken = False
            self._speed.begin_reply(self.pid)
            try:
                for event in self._send_order(order, stop):
                    if isinstance(event, Piece | AnswerEvent | Scored) and not spoken:
                        spoken = True
                        if crashed:
                            self._tuning.remember(model.path, tried, self._settings)
                    elif isinstance(event, Done) and self._speed.is_slow(event, self._tuning.write_speed(model.path)):
                        self._tuning.doubt(model.path)
                    yield event
            except _Died as death:
                if stop.is_set():
                    break
                following = self._safer(death)
                if spoken or following is None:
                    raise _died(death) from death
                yield self._retry_notice(death, *following)
                yield from self._reload(model, following[0], stop)
                crashed = crashed or is_crash(death.ending)
            else:
                return
        yield Done(Ending.CANCELLED, seed)

    def _reload(self, model: ModelRef, settings: EngineSettings, stop: CancelToken) -> Iterator[Event]:
        """Load in the course of a request, where cancellation is no error."""
        try:
            yield from self._load(model, settings, stop)
        except EngineError:
            if not stop.is_set():
                raise
            self._ended_on_purpose = True

    def _load(self, model: ModelRef, settings: EngineSettings, stop: CancelToken) -> Iterator[Event]:
        """Load; each time the child dies, try again with safer settings. Yield Loaded last, unless cancelled."""
        self._loaded = None
        attempt, crashed = settings, False
        while not stop.is_set():
            self._settings = attempt
            order = {"do": "load", "model": asdict(model), "settings": attempt.as_json(), **self._cache}
            self._lower = ""
            try:
                for event in self._send_order(order, stop, load_patience(model.path)):
                    if isinstance(event, VariantChosen):
                        self._lower = event.lower
                    else:
                        if isinstance(event, Loaded):
                            self._has_gpu = event.gpu
                            event = replace(event, reads=self._tuning.read_speed(model.path))  # noqa: PLW2901
                        yield event
            except _Died as error:
                if stop.is_set():
                    return
                death = error
                crashed = crashed or is_crash(death.ending)
                following = self._next_attempt(death, model)
                yield self._retry_notice(death, *following)
                attempt = following[0]
            else:
                self._loaded, self._ended_on_purpose = self._process, False
                if crashed:  # not remembered for lack of memory, which may pass
                    self._tuning.remember(model.path, settings, attempt)
                return

    def _next_attempt(self, death: "_Died", model: ModelRef) -> tuple[EngineSettings, str]:
        """Return what `_safer` does after a death while loading. Raise EngineDied if nothing is left to try."""
        if death.has_stalled:
            raise EngineDied(
                tr(
                    "{name} didn’t finish loading and may be damaged. Download it again, or choose another model."
                ).format(name=model.path.name)
            ) from death
        if following := self._safer(death):
            return following
        raise EngineDied(
            tr(
                "{problem} Safer settings didn’t help. {name} may be damaged or may not work on this "
                "computer. Choose another model."
            ).format(problem=explain_ending(death.ending), name=model.path.name)
        ) from death

    def _safer(self, death: "_Died") -> tuple[EngineSettings, str] | None:
        """Return the settings to try next and what they give up, as words; None if there are no safer ones."""
        return next(
            safer_settings(self._settings, may_have_gpu=self._has_gpu, lower=self._lower, ending=death.ending), None
        )

    def _retry_notice(self, death: "_Died", settings: EngineSettings, how: str) -> Notice:
        text = tr("{problem} Trying again {how}.").format(problem=explain_ending(death.ending), how=how)
        return Notice(text, is_passing=settings.context == self._settings.context)

    def _send_order(self, order: protocol.Line, stop: CancelToken, patience: float = 0.0) -> Iterator[Event]:
        """Send an order and yield the child's events up to the last one. Raise _Died if it dies.

        With `patience`, it is killed if it sends nothing for so many seconds.
        """
        process = self._process
        if process is None or order["do"] == "load":  # else, if it died just now, a new child would have no model
            process = self._ensure_child()
        number = self.next_number()
        stopping = StopRequest(process, number, stop, self._kill)
        stop.set_callback(stopping.ask)
        stalling = StallWatch(process, patience)
        process.send({**order, "number": number})
        if stop.is_set() or stop.is_hurried():  # perhaps before the child knew of the order
            process.send(stopping.line())
        answered = False
        try:
            while (line := process.receive()) is not None:
                stalling.feed()
                answered = line["event"] in {"error", "done", "loaded"} and "answer" not in line
                if line["event"] == "error":
                    raise protocol.error_of(line)
                yield from protocol.events_of(line)
                if answered:
                    return
        finally:
            stop.set_callback(None)
            stopping.end()
            stalling.end()
            if not answered:  # it died, or the caller has stopped iterating
                self._process = None
                ending = process.end()
                death = _Died(ending, process.last_words, has_stalled=stalling.has_fired)
                _log_crash(death)
        raise death

    def _ensure_child(self) -> ChildProcess:
        """Return the child; start one if there is none. Raise EngineError."""
        if self._process is None or not self._process.is_alive():
            self._end_child(CLOSING)
            try:
                self._process = self._start_child()
            except OSError as error:
                raise EngineError(
                    tr("The model’s process couldn’t start ({reason}). Restart Phichat.").format(
                        reason=format_reason(error)
                    )
                ) from error
        return self._process

    def _start_child(self) -> ChildProcess:
        return ChildProcess(self._command)

    def _kill(self, process: ChildProcess) -> None:
        self._ended_on_purpose = True
        process.kill()


class _Died(Exception):
    """The child died; `ending` is what ChildProcess.end returned; `has_stalled` if that was for lack of progress."""

    def __init__(self, ending: str, words: str, *, has_stalled: bool = False) -> None:
        super().__init__(words)
        self.ending, self.words, self.has_stalled = ending, words, has_stalled


def _died(death: _Died) -> EngineDied:
    problem = explain_ending(death.ending)
    return EngineDied(tr("{problem} Your conversation is safe. Try again.").format(problem=problem))


def _log_crash(death: _Died) -> None:
    if is_crash(death.ending):
        _log.error("the model's process crashed: %s\n%s", death.ending, crash_location(death.words))

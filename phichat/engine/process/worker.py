"""The child process: run an engine, take orders and answer over pipes, and exit when the parent exits."""

import faulthandler
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from phichat.engine.base import AnswerEvent, CancelToken, Engine, EngineSettings, Event, Piece, as_json
from phichat.engine.process import protocol
from phichat.engine.process.lifeline import hold_lifeline
from phichat.engine.process.protocol import BatchedWriter
from phichat.engine.process.slots_worker import BatchingEngine, SlotsWorker
from phichat.engine.process.template_process import TemplateProcess
from phichat.engine.prompt_cache import PromptCache
from phichat.errors import EngineError, PhichatError
from phichat.i18n import set_language
from phichat.runtime import is_frozen

if TYPE_CHECKING:
    from phichat.engine.llama.calibration import SpeedMeter
    from phichat.engine.llama.engine import LlamaEngine

IDLE = 3.0  # seconds without an order, after which what can wait is done

EngineType = TypeVar("EngineType", bound=Engine)


class EngineWorker:
    """Runs orders on one engine. Another thread reads them, so that an order can be stopped while it runs."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        self._orders, self._writer = orders, BatchedWriter(answers)
        self._send = self._writer.send
        self._waiting: queue.SimpleQueue[tuple[protocol.Line, CancelToken]] = queue.SimpleQueue()
        self._stops: dict[int, CancelToken] = {}
        """Of the orders that are waiting or under way, by their numbers."""
        self._meter: SpeedMeter | None = None

    def serve(
        self,
        make_engine: Callable[[protocol.Line], EngineType],
        on_idle: Callable[[EngineType], None] = lambda _: None,
    ) -> None:
        """Run orders until the parent exits, which ends this process at once, whatever it is doing.

        `make_engine` is given the first order; `on_idle` is called when no order came for `IDLE` seconds.
        """
        threading.Thread(target=self._read_orders, daemon=True, name="orders").start()
        engine: EngineType | None = None
        while True:
            order, stop = self._next_order(engine, on_idle)
            try:
                engine = engine or make_engine(order)
                self._run_order(engine, order, stop)
            except PhichatError as error:
                self._send(protocol.error_line(error))
            except Exception as error:  # noqa: BLE001 - the parent shows it
                traceback.print_exc()
                self._send(protocol.error_line(EngineError(f"{type(error).__name__}: {error}")))
            finally:
                self._stops.pop(order["number"], None)

    def _next_order(
        self, engine: EngineType | None, on_idle: Callable[[EngineType], None]
    ) -> tuple[protocol.Line, CancelToken]:
        if engine:
            try:
                return self._waiting.get(timeout=IDLE)
            except queue.Empty:
                on_idle(engine)
        return self._waiting.get()

    def _run_order(self, engine: Engine, order: protocol.Line, stop: CancelToken) -> None:
        if order["do"] == "load":
            settings = EngineSettings(**order["settings"])
            self._send_event(engine.load(protocol.model_of(order["model"]), settings, stop, self._send_event))
        elif order["do"] == "slots" and isinstance(engine, BatchingEngine):
            SlotsWorker(engine.open_slots(order["count"]), self._waiting, self._writer).serve()
        elif order["do"] == "unload":
            engine.unload()
            os._exit(0)
        elif order["do"] == "calibrate":
            self._meter = _make_meter(order)
            self._send({"event": "measured", "layers": self._meter.layers})
        elif order["do"] == "measure" and self._meter:
            self._send({"event": "measured", **_measured(self._meter, order)})
        else:
            for event in self._events(engine, order, stop):
                self._send_event(event)

    def _events(self, engine: Engine, order: protocol.Line, stop: CancelToken) -> Iterator[Event]:
        if order["do"] == "score":
            return engine.score(order["text"], stop)
        return engine.generate(protocol.request_of(order["request"]), stop)

    def _send_event(self, event: Event) -> None:
        if isinstance(event, Piece) or (isinstance(event, AnswerEvent) and isinstance(event.event, Piece)):
            self._writer.send_piece(event)
        else:
            self._send(as_json(event))

    def _read_orders(self) -> None:
        while (order := protocol.read_line(self._orders)) is not None:
            if order["do"] not in {"stop", "hurry"}:
                stop = self._stops[order["number"]] = CancelToken()
                self._waiting.put((order, stop))
            elif (named := self._stops.get(order["number"])) is None:  # it came late
                continue
            elif order["do"] == "hurry":
                named.hurry()
            else:
                named.set(gently=order.get("gently", False))
        os._exit(0)


def main() -> None:
    """Run llama.cpp on orders from standard input, and answer on standard output, which nothing else may use."""
    hold_lifeline()
    faulthandler.enable(2)  # the traceback of a crash, for the parent's log
    if sys.platform == "win32" and not is_frozen():  # a frozen program's loader has done it
        import ctypes  # noqa: PLC0415

        ctypes.windll.kernel32.SetDllDirectoryW("")  # no libraries from the current folder: it may hold downloads
    set_language()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what native code prints goes to the log
    orders = sys.stdin.buffer
    EngineWorker(orders, answers).serve(_make_llama, lambda engine: engine.save_prompt_cache())


def _make_llama(order: protocol.Line) -> "LlamaEngine":
    from phichat.engine.llama.engine import LlamaEngine  # noqa: PLC0415 - slow to import; the first order waits for it

    templates = TemplateProcess()
    folder, budget = order.get("cache_folder"), int(order.get("cache_budget") or 0)
    cache = PromptCache(Path(folder), budget) if folder and budget else None
    return LlamaEngine(cache, templates.compile, templates.prepare)


def _make_meter(order: protocol.Line) -> "SpeedMeter":
    from phichat.engine.llama.calibration import SpeedMeter  # noqa: PLC0415 - slow to import, as above

    return SpeedMeter(Path(order["path"]), EngineSettings(**order["settings"]))


def _measured(meter: "SpeedMeter", order: protocol.Line) -> protocol.Line:
    """Return what is measured of a typical "turn", of the "reading" of a long text, or the "prices" of steps."""
    settings = EngineSettings(**order["settings"])
    if order["what"] == "prices":
        return {"prices": meter.step_prices(settings)}
    return asdict(meter.measure_turn(settings) if order["what"] == "turn" else meter.measure_reading(settings))


if __name__ == "__main__":
    main()

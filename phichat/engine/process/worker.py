"""The model's process, from inside: runs an engine, answers over a pipe, and goes when its parent goes."""

import faulthandler
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO

from phichat.engine.base import CancelToken, Engine, EngineSettings, Event, Piece
from phichat.engine.llama.calibration import measure
from phichat.engine.process import protocol
from phichat.engine.process.protocol import BatchedWriter
from phichat.engine.prompt_cache import PromptCache
from phichat.errors import PhichatError
from phichat.i18n import set_language
from phichat.runtime import is_frozen

IDLE = 3.0  # seconds without an order, after which there is time for what can wait


class EngineWorker:
    """Serves one engine. A thread of its own reads orders, so that stopping needs no one's patience."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        self._orders, self._sender = orders, BatchedWriter(answers)
        self._say = self._sender.say
        self._waiting: queue.SimpleQueue[tuple[protocol.Line, CancelToken]] = queue.SimpleQueue()
        self._stop, self._number = CancelToken(), 0

    def serve(
        self, make_engine: Callable[[protocol.Line], Engine], rest: Callable[[Engine], None] | None = None
    ) -> None:
        """Work until the parent is gone, which ends the process at once, whatever it is doing.

        `make_engine` is given the first order; `rest` is called when there has been none for a while.
        """
        threading.Thread(target=self._listen, daemon=True, name="orders").start()
        engine: Engine | None = None
        while True:
            order, stop = self._next(engine, rest)
            try:
                engine = engine or make_engine(order)
                self._obey(engine, order, stop)
            except PhichatError as error:
                self._say({"event": "error", "kind": type(error).__name__, "text": str(error)})
            except Exception as error:  # noqa: BLE001 - the parent tells it
                traceback.print_exc()
                self._say({"event": "error", "kind": "EngineError", "text": f"{type(error).__name__}: {error}"})

    def _next(self, engine: Engine | None, rest: Callable[[Engine], None] | None) -> tuple[protocol.Line, CancelToken]:
        if engine and rest:
            try:
                return self._waiting.get(timeout=IDLE)
            except queue.Empty:
                rest(engine)
        return self._waiting.get()

    def _obey(self, engine: Engine, order: protocol.Line, stop: CancelToken) -> None:
        if order["do"] == "load":
            settings = EngineSettings(**order["settings"])
            self._tell(engine.load(protocol.model_of(order["model"]), settings, stop, self._tell))
        elif order["do"] == "unload":
            engine.unload()
            os._exit(0)
        elif order["do"] == "calibrate":
            for figures in measure(Path(order["path"]), EngineSettings(**order["settings"]), order["rival"]):
                self._say(figures.line())
            self._say({"event": "calibrated"})
        else:
            for event in engine.generate(protocol.request_of(order["request"]), stop):
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Piece):
            self._sender.gather(event)
        else:
            self._say(protocol.event_line(event))

    def _listen(self) -> None:
        while (order := protocol.read(self._orders)) is not None:
            if order["do"] != "stop":
                self._stop, self._number = CancelToken(), order["number"]
                self._waiting.put((order, self._stop))
            elif order["number"] == self._number:  # one that comes late must not end what comes next
                self._stop.set(gently=order.get("gently", False))
        os._exit(0)


def main() -> None:
    """Serve llama.cpp on this process's standard input and output, which nothing else may then touch."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to answer
    faulthandler.enable(2)  # where it was in the program when it died, for the parent's log
    if sys.platform == "win32" and not is_frozen():  # the frozen program's loader does it, in its own way
        import ctypes  # noqa: PLC0415

        ctypes.windll.kernel32.SetDllDirectoryW("")  # no libraries from the current folder: it may hold downloads
    set_language()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever native code prints goes to the log
    orders = sys.stdin.buffer
    EngineWorker(orders, answers).serve(_llama, _rest)


def _llama(order: protocol.Line) -> Engine:
    from phichat.engine.llama.engine import LlamaEngine  # noqa: PLC0415 - slow to import; the first order waits for it

    folder, budget = order.get("states"), int(order.get("budget") or 0)
    return LlamaEngine(PromptCache(Path(folder), budget) if folder and budget else None)


def _rest(engine: Engine) -> None:
    rest = getattr(engine, "rest", None)
    if rest:
        rest()

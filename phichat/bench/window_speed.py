"""One reply through the app's whole pipeline: engine thread, child process, pipe and signals."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Slot

from phichat.bench.runs import Clock, Figures, is_enough, print_figures
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, Loaded, ModelRef, Piece, PromptReady, Request
from phichat.engine.process.engine_process import EngineProcess
from phichat.i18n import tr
from phichat.ui.threads.engine_thread import EngineThread


class Stopwatch(QObject):
    """Loads a model, requests a reply, and records when its events arrive on the main thread.

    With `then` in the order, that is asked next, and the time to the first token of the reply is measured.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__()
        self.figures: Figures = {}
        self._order = {"seconds": order["seconds"], "count": order["sampling"]["max_tokens"]}
        self._request = Request((Turn(Role.USER, order["text"]),), Sampling(**order["sampling"]))
        self._then = order.get("then", "")
        self._pieces: list[Piece] = []
        self._ticks: list[float] = []
        self._thread = EngineThread(EngineProcess, self)
        self._thread.happened.connect(self._on_event)
        self._thread.failed.connect(self._on_failure)
        self._asked = time.perf_counter()
        self._thread.load(ModelRef.of_file(Path(order["model"])), lambda: EngineSettings(**order["settings"]))

    @Slot(object, object)
    def _on_event(self, stop: CancelToken, event: Event) -> None:
        if "reply" in self.figures:
            self._on_next_turn(event)
        elif isinstance(event, Piece) and event.token >= 0:
            self._ticks.append(time.perf_counter())
            self._pieces.append(event)
            if is_enough(self._ticks, self._order):
                stop.set()
        elif isinstance(event, Loaded):
            self.figures["seconds_to_load"] = time.perf_counter() - self._asked
            self._asked = time.perf_counter()
            self._thread.generate(self._request)
        elif isinstance(event, PromptReady):
            self.figures["tokens"] = event.tokens
        elif isinstance(event, Done):
            self._finish(event)

    def _finish(self, done: Done) -> None:
        if len(self._ticks) < 2:
            self.figures = {"error": tr("no text was produced")}
        else:
            self.figures["count"] = len(self._ticks)
            self.figures |= Clock(self._asked, self._ticks).figures(done.prompt_tokens)
            if self._then:
                self._go_on()
                return
        self._leave()

    def _go_on(self) -> None:
        tokens = tuple(piece.token for piece in self._pieces)
        reply = Turn(Role.ASSISTANT, "".join(piece.text for piece in self._pieces), tokens)
        self.figures["reply"] = tokens
        turns = (*self._request.turns, reply, Turn(Role.USER, self._then))
        self._asked = time.perf_counter()
        self._thread.generate(Request(turns, replace(self._request.sampling, max_tokens=1)))

    def _on_next_turn(self, event: Event) -> None:
        if isinstance(event, PromptReady):
            self.figures["next_tokens"] = event.tokens
        elif isinstance(event, Piece) and "next_turn" not in self.figures:
            self.figures["next_turn"] = time.perf_counter() - self._asked
        elif isinstance(event, Done):
            if "next_turn" not in self.figures:
                self.figures = {"error": tr("no text was produced")}
            self._leave()

    @Slot(object, str)
    def _on_failure(self, _: CancelToken, sentence: str) -> None:
        self.figures = {"error": sentence}
        self._leave()

    def _leave(self) -> None:
        self._thread.close()
        QCoreApplication.exit()


def measure(order: dict[str, Any]) -> Figures:
    """Load `model` and reply to `text`, for `seconds` at most."""
    application = QCoreApplication(sys.argv[:1])
    stopwatch = Stopwatch(order)
    application.exec()
    return stopwatch.figures


if __name__ == "__main__":
    print_figures(measure)

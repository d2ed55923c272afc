"""A model's process that dies when told to: its argument says at what, of which signal, and what spares it.

    {"load": {"signal": "SIGILL", "unless": {"repacking": false}}, "generate": {"signal": "SIGSEGV"}}

`exit` instead of `signal` ends it with that code; with `once`, it dies only if the file named there does not exist.
`variants`, beside these, are the ones it can run in, the best first.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from phichat.chat.conversation import Ending
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    ModelRef,
    Piece,
    Request,
    Scored,
    VariantChosen,
)
from phichat.engine.process.worker import EngineWorker


class FragileEngine:
    """Implements Engine. Its replies name its settings; it never looks at its CancelToken."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self._rules = rules
        self._variants: list[str] = rules.get("variants", [""])
        self._settings = EngineSettings()

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        variants = self._variants[self._variants.index(settings.variant or self._variants[0]) :]
        self._settings = replace(settings, variant=variants[0])
        report(VariantChosen(*variants[:2]))
        self._obey_rule("load")
        return Loaded(model, "phi3", settings.context, "none", self._settings)

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        self._obey_rule("generate")
        yield Piece("first", 1)
        self._obey_rule("second")
        yield Done(Ending.STOP, 0)

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        self._obey_rule("score")
        yield Scored(text, 1)
        yield Done(Ending.STOP, 0)

    def calibrate(self, stop: CancelToken, report: object = None) -> Iterator[Event]:
        yield from ()

    def unload(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _obey_rule(self, moment: str) -> None:
        rule = self._rules.get(moment)
        if rule is None or any(
            getattr(self._settings, name) == value for name, value in rule.get("unless", {}).items()
        ):
            return
        if once := rule.get("once"):
            if Path(once).exists():
                return
            Path(once).touch()
        if "sleep" in rule:
            time.sleep(rule["sleep"])
        elif "exit" in rule:
            os._exit(rule["exit"])
        else:
            os.kill(os.getpid(), getattr(signal, rule["signal"]))


if __name__ == "__main__":
    EngineWorker(sys.stdin.buffer, os.fdopen(os.dup(1), "wb")).serve(lambda _: FragileEngine(json.loads(sys.argv[1])))

"""The process that turns texts into tokens: it takes orders on standard input and answers on standard output.

The first order has the `path` of the model file. Each has `do` and its arguments; the answer has a `result`, or an
`error` with its `kind`.
"""

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from phichat.engine.process import protocol
from phichat.engine.process.lifeline import hold_lifeline
from phichat.errors import PhichatError
from phichat.i18n import set_language

if TYPE_CHECKING:
    from phichat.engine.llama.encoder import Tokenizer


def main() -> None:
    """Answer orders until standard input ends."""
    hold_lifeline()
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the app handles Ctrl+C
    set_language()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what native code prints goes to the log
    serve(sys.stdin.buffer, answers)


def serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Read orders and write answers."""
    tokenizer: Tokenizer | None = None
    while (order := protocol.read_line(orders)) is not None:
        try:
            tokenizer = tokenizer or _open(order)
            answer: protocol.Line = {"result": _perform(tokenizer, order)}
        except PhichatError as error:
            answer = {"error": str(error), "kind": type(error).__name__}
        except Exception as error:  # noqa: BLE001 - the parent tells of it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}", "kind": "EngineError"}
        protocol.write_lines(answers, answer)


def _open(order: protocol.Line) -> "Tokenizer":
    from phichat.engine.llama.encoder import Tokenizer  # noqa: PLC0415 - slow to import; the first order waits for it

    return Tokenizer(Path(order["path"]))


def _perform(tokenizer: "Tokenizer", order: protocol.Line) -> Any:
    if order["do"] == "token_bytes":
        return [data.decode("latin-1") for data in tokenizer.token_bytes()]
    flags = {name: bool(order[name]) for name in ("adds_special", "parses_special")}
    return tokenizer.tokenize(order["text"], **flags)

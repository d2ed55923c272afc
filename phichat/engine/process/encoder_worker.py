"""The process that turns texts into tokens or vectors: it takes orders on standard input, answers on standard output.

Each order has the `path` of the model file, `do`, and its arguments; the answer has a `result`, or an `error` with its
`kind`.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from phichat.engine.process import protocol
from phichat.engine.process.lifeline import hold_lifeline
from phichat.errors import PhichatError, PromptTooLong
from phichat.i18n import set_language

if TYPE_CHECKING:
    from phichat.engine.llama.embedder import Embedder
    from phichat.engine.llama.tokenizer import Tokenizer


def main() -> None:
    """Answer orders until standard input ends."""
    hold_lifeline()
    set_language()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what native code prints goes to the log
    EncoderWorker().serve(sys.stdin.buffer, answers)


class EncoderWorker:
    """Opens a model file when the first order comes: its vocabulary for tokens, all of it for vectors."""

    def __init__(self) -> None:
        self._tokenizer: Tokenizer | None = None
        self._embedder: Embedder | None = None

    def serve(self, orders: IO[bytes], answers: IO[bytes]) -> None:
        """Read orders and write answers."""
        while (order := protocol.read_line(orders)) is not None:
            protocol.write_lines(answers, self._answer(order))

    def _answer(self, order: protocol.Line) -> protocol.Line:
        try:
            return {"result": self._perform(order)}
        except PhichatError as error:
            tokens = error.tokens if isinstance(error, PromptTooLong) else 0
            return {"error": str(error), "kind": type(error).__name__, "tokens": tokens}
        except Exception as error:  # noqa: BLE001 - the parent tells of it
            traceback.print_exc()
            return {"error": f"{type(error).__name__}: {error}", "kind": "EngineError"}

    def _perform(self, order: protocol.Line) -> Any:
        if order["do"] == "embed":
            self._embedder = self._embedder or _open_embedder(order)
            return self._embedder.embed(order["text"])
        self._tokenizer = self._tokenizer or _open_tokenizer(order)
        if order["do"] == "token_bytes":
            return [data.decode("latin-1") for data in self._tokenizer.token_bytes()]
        flags = {name: bool(order[name]) for name in ("adds_special", "parses_special")}
        return self._tokenizer.tokenize(order["text"], **flags)


def _open_tokenizer(order: protocol.Line) -> "Tokenizer":
    from phichat.engine.llama.tokenizer import Tokenizer  # noqa: PLC0415 - slow to import; the first order waits for it

    return Tokenizer(Path(order["path"]))


def _open_embedder(order: protocol.Line) -> "Embedder":
    from phichat.engine.llama.embedder import Embedder  # noqa: PLC0415 - as above

    return Embedder(Path(order["path"]), int(order["threads"]))

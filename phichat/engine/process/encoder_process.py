"""Texts become tokens or vectors in a process of its own, while another one writes."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phichat import errors, runtime
from phichat.engine.process import protocol
from phichat.engine.process.child_process import ChildProcess, explain_ending
from phichat.engine.settings import threads
from phichat.errors import EngineDied, EngineError, PhichatError, PromptTooLong
from phichat.i18n import tr


class EncoderProcess:
    """Encodes texts with the model file at `path`: its vocabulary alone is loaded for tokens. Any thread may call.

    The child is started when it is needed, and again if it died.
    """

    def __init__(self, path: Path, command: Sequence[str] = ()) -> None:
        self._path = path
        self._command = list(command) or runtime.process_command("phichat.engine.process.encoder_process")
        self._lock = threading.Lock()
        self._process: ChildProcess | None = None

    def tokenize(self, text: str, *, adds_special: bool, parses_special: bool) -> list[int]:
        """Return the ids of `text`: with the token that begins a prompt, and special ones that it spells, if wanted.

        Raise EngineError or ModelError.
        """
        flags = {"adds_special": adds_special, "parses_special": parses_special}
        return list(self._ask({"do": "tokenize", "text": text, **flags}))

    def token_bytes(self) -> list[bytes]:
        """Return what each token of the vocabulary adds to a text. Raise EngineError or ModelError."""
        return [data.encode("latin-1") for data in self._ask({"do": "token_bytes"})]

    def embed(self, text: str) -> tuple[list[float], int]:
        """Return the vector of `text`, of length one, and how many tokens it has.

        Raise PromptTooLong, another EngineError or ModelError.
        """
        vector, tokens = self._ask({"do": "embed", "text": text, "threads": threads()})
        return list(vector), int(tokens)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _ask(self, order: protocol.Line) -> Any:
        with self._lock:
            process = self._start()
            process.send({"path": str(self._path), **order})
            answer = process.receive()
            if answer is None:
                raise EngineDied(explain_ending(self._end()))
        if "error" in answer:
            raise _error_of(answer)
        return answer["result"]

    def _start(self) -> ChildProcess:
        try:
            self._process = self._process or ChildProcess(self._command)
        except OSError as error:
            raise EngineError(
                tr("The model’s process couldn’t start ({reason}). Restart Phichat.").format(
                    reason=error.strerror or error
                )
            ) from error
        return self._process

    def _end(self) -> str:
        process, self._process = self._process, None
        return process.end() if process else ""


def _error_of(answer: protocol.Line) -> PhichatError:
    kind = errors.error_class(answer["kind"])
    return kind(answer["error"], answer["tokens"]) if issubclass(kind, PromptTooLong) else kind(answer["error"])


if __name__ == "__main__":
    from phichat.engine.process.encoder_worker import main

    main()

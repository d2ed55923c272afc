"""llama.cpp's own server, timed as a client of it sees it; run by `peers.py` in a process of its own.

echo '{"model": …}' | python -m phichat.bench.peer_server
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from phichat.bench.runs import Clock, Figures, print_figures
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings

SERVED = 600.0  # seconds until an answer counts as hung


@dataclass
class Reply:
    """What the server wrote: its tokens, when they arrived, and how many there were.

    There are more tokens than arrivals if some hold only a part of a character.
    """

    asked: float
    tokens: list[int] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    count: int = 0


class Client:
    """Asks a server at `address` for replies of exactly so many tokens."""

    def __init__(self, address: str, sampling: Sampling) -> None:
        parts = urlsplit(address)
        self._place = parts.hostname or "127.0.0.1", parts.port
        self._sampling = {
            "temperature": sampling.temperature,
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "min_p": sampling.min_p,
            "repeat_penalty": sampling.repeat_penalty,
            "repeat_last_n": sampling.repeat_last_n,
            "seed": sampling.seed,
        }

    def ask(self, prompt: Sequence[int], count: int) -> Reply:
        """Return the reply, token by token."""
        reply = Reply(time.perf_counter())
        for line in self._post(prompt, count, stream=True):
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line.removeprefix(b"data: "))
            if event.get("tokens"):
                reply.ticks.append(time.perf_counter())
                reply.tokens += event["tokens"]
            if event.get("stop"):
                reply.count = event["timings"]["predicted_n"]
        return reply

    def ask_again(self, prompt: Sequence[int], count: int) -> list[int]:
        """Return all tokens of a reply."""
        [line] = self._post(prompt, count, stream=False)
        return list(json.loads(line)["tokens"])

    def _post(self, prompt: Sequence[int], count: int, *, stream: bool) -> Iterator[bytes]:
        wanted = {"prompt": list(prompt), "n_predict": count, "stream": stream, "return_tokens": True}
        body = {**self._sampling, **wanted, "cache_prompt": True, "ignore_eos": True}
        with closing(HTTPConnection(*self._place, timeout=SERVED)) as connection:
            connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                sys.exit(f"the server answered {answer.status}")
            yield from answer


def measure(order: dict[str, Any]) -> Figures:
    """Load `model`; read `tokens`, write `count`, then read `next` after them and write one more."""
    server = _server(order["model"], EngineSettings(**order["settings"]))
    client = Client(server.listening_address, Sampling(**order["sampling"]))
    first = client.ask(order["tokens"], order["count"])
    figures = Clock(first.asked, first.ticks).figures(len(order["tokens"]))
    figures["generation"] *= (first.count - 1) / max(len(first.ticks) - 1, 1)
    written = first.tokens if len(first.tokens) == first.count else client.ask_again(order["tokens"], order["count"])
    following = client.ask([*order["tokens"], *written, *order["next"]], 1)
    return {**figures, "next_turn": following.ticks[0] - following.asked}


def _server(model: str, settings: EngineSettings) -> Any:
    import xllamacpp  # noqa: PLC0415 - only measured where it is installed

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx, parameters.n_parallel = settings.context, 1
    parameters.n_gpu_layers = settings.gpu_layers
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    if settings.cache_type == "q8_0":
        parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    print_figures(measure)

"""How fast several answers and several clients are, in one batch; the clients also on llama.cpp's own server.

    python -m tests.benchmarks.slots MODEL.gguf

Three answers together are compared to three alone, whose prompt is not read again; four clients to one, and to the
window's speed. Everything runs by turns, with the settings that `phichat tune` finds, and again where other programs
were busy. llama.cpp's server is measured where `xllamacpp` is installed.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from phichat import gguf
from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, PromptReady, Request
from phichat.engine.cpu_load import CpuLoad
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import suggested
from phichat.engine.slots import Slots
from phichat.errors import PhichatError

CLIENTS, ANSWERS = 4, 3
SUBJECTS = ("winter", "a ferry", "the sea", "a king")
SECONDS = 40.0  # of each comparison, after which no further round begins
DISTURBING = 0.06  # cores used by other programs, from which on a figure does not count
TRIES = 3  # of a figure, after which it counts as it is
SAMPLING = Sampling(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05, repeat_penalty=1.1, repeat_last_n=64, seed=1)


def question(number: int) -> tuple[Turn, ...]:
    """One of the clients' conversations."""
    return (Turn(Role.USER, f"Write a very long story about {SUBJECTS[number]}, with many people in it."),)


def writing_speed(engine: EngineProcess, request: Request) -> float:
    """Tokens per second of a request that has the engine to itself."""
    begun, *_, last = time.perf_counter(), *engine.generate(request, CancelToken())
    assert isinstance(last, Done)
    return last.completion_tokens / (time.perf_counter() - begun)


def speed_of_clients(slots: Slots, requests: Sequence[Request]) -> float:
    """Tokens per second of requests together, from the first to the end of the last."""
    done: list[Event | PhichatError] = []
    ended = [threading.Event() for _ in requests]

    def listen(event: threading.Event) -> Callable[[Event | PhichatError], None]:
        def tell(told: Event | PhichatError) -> None:
            if isinstance(told, Done | PhichatError):
                done.append(told)
                event.set()

        return tell

    begun = time.perf_counter()
    for request, event in zip(requests, ended, strict=True):
        slots.submit(request, CancelToken(), listen(event))
    for event in ended:
        event.wait()
    seconds = time.perf_counter() - begun
    return sum(each.completion_tokens for each in done if isinstance(each, Done)) / seconds


class Peer:
    """llama.cpp's own server with as many slots."""

    def __init__(self, path: Path, settings: EngineSettings, prompts: Sequence[Sequence[int]]) -> None:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx, parameters.n_parallel = settings.context, CLIENTS
        parameters.n_gpu_layers = settings.gpu_layers
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
        self._server = xllamacpp.Server(parameters)
        parts = urlsplit(self._server.listening_address)
        self._place, self._prompts = (parts.hostname or "127.0.0.1", parts.port), prompts

    def speed(self, clients: int, count: int) -> float:
        """Tokens per second of so many clients together."""
        written: list[int] = []
        threads = [threading.Thread(target=self._ask, args=(number, count, written)) for number in range(clients)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(written) / (time.perf_counter() - begun)

    def _ask(self, number: int, count: int, written: list[int]) -> None:
        names = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "repeat_last_n", "seed")
        body: dict[str, Any] = {name: getattr(SAMPLING, name) for name in names}
        body |= {"prompt": list(self._prompts[number]), "n_predict": count, "stream": True, "ignore_eos": True}
        with closing(HTTPConnection(*self._place, timeout=600)) as connection:
            connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
            last = [line for line in connection.getresponse() if line.startswith(b"data: {")][-1]
        written.append(json.loads(last.removeprefix(b"data: "))["timings"]["predicted_n"])


class QuietRuns:
    """Repeats runs beside which other programs were busy.

    Attributes:
        disturbed: how many of them count all the same.
    """

    def __init__(self, engine: EngineProcess) -> None:
        self._load, self.disturbed = CpuLoad(), 0
        self._load.include(engine.pid or 0)

    def __call__(self, run: Callable[[], float]) -> float:
        """Return what a run measures that nothing disturbed, or the last of several."""
        for _ in range(TRIES):
            used, begun = self._load.used_by_others(), time.monotonic()
            found = run()
            if self._load.used_by_others() - used < DISTURBING * (time.monotonic() - begun):
                return found
        self.disturbed += 1
        return found


def compare_answers(engine: EngineProcess, quietly: QuietRuns, count: int) -> dict[str, float]:
    """Tokens per second of three answers, together and one after the other."""
    request = Request(question(0), replace(SAMPLING, max_tokens=count))
    singles = [replace(request, sampling=replace(request.sampling, seed=1 + number)) for number in range(ANSWERS)]
    together, alone = list[float](), list[float]()
    until = time.monotonic() + SECONDS
    while not together or time.monotonic() < until:
        together.append(quietly(lambda: writing_speed(engine, replace(request, count=ANSWERS))))
        alone.append(quietly(lambda: ANSWERS / sum(1 / writing_speed(engine, each) for each in singles)))
    return {"together": median(together), "alone": median(alone)}


def compare_clients(engine: EngineProcess, quietly: QuietRuns, peer: Peer | None, count: int) -> dict[str, float]:
    """Tokens per second: of the window, of one client and of four, and of one and four on the other server."""
    requests = [Request(question(number), replace(SAMPLING, max_tokens=count)) for number in range(CLIENTS)]
    short = replace(requests[0], sampling=replace(SAMPLING, max_tokens=1))
    figures: dict[str, list[float]] = {"window": [], "one": [], "four": [], "peer_one": [], "peer_four": []}
    until = time.monotonic() + SECONDS
    while not figures["one"] or time.monotonic() < until:
        figures["window"].append(quietly(lambda: writing_speed(engine, requests[0])))
        with closing(engine.open_slots(CLIENTS)) as slots:
            speed_of_clients(slots, requests)  # as the others, it has read the prompts before
            speed_of_clients(slots, [short])  # and one goes on
            figures["one"].append(quietly(partial(speed_of_clients, slots, requests[:1])))
            figures["four"].append(quietly(partial(speed_of_clients, slots, requests)))
        writing_speed(engine, short)
        if peer:
            if not figures["peer_four"]:
                peer.speed(CLIENTS, 1)
            figures["peer_one"].append(quietly(partial(peer.speed, 1, count)))
            figures["peer_four"].append(quietly(partial(peer.speed, CLIENTS, count)))
    return {name: median(values) for name, values in figures.items() if values}


def tuned(path: Path) -> tuple[EngineProcess, EngineSettings]:
    """Return an engine that has loaded the model with the fastest settings for it."""
    engine, model, wanted = EngineProcess(), ModelRef.of_file(path), replace(suggested(4096), gpu_layers=0)
    engine.load(model, wanted, CancelToken(), lambda _: None)
    for _ in engine.calibrate(CancelToken(), lambda _: None):
        pass
    return engine, engine.load(model, wanted, CancelToken(), lambda _: None).settings


def main() -> None:
    """Print the figures as JSON."""
    path = Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    engine, settings = tuned(path)
    quietly = QuietRuns(engine)
    found: dict[str, Any] = {"model": gguf.read_head(path).name, "settings": settings.as_json()}
    found["answers"] = compare_answers(engine, quietly, count)
    peer = None
    if find_spec("xllamacpp"):
        asked = [Request(question(number), replace(SAMPLING, max_tokens=1)) for number in range(CLIENTS)]
        told = [event for request in asked for event in engine.generate(request, CancelToken())]
        peer = Peer(path, settings, [event.tokens for event in told if isinstance(event, PromptReady)])
    found["clients"] = compare_clients(engine, quietly, peer, count)
    found["disturbed"] = quietly.disturbed
    engine.close()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""A server in this process, with an engine that follows a script or a true one, and a client that sees everything."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from phichat.cancellation import CancelToken
from phichat.engine.base import Engine, EngineSettings, ModelRef
from phichat.engine.process.encoder_process import EncoderProcess
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.slots import QueuedSlots, open_slots
from phichat.server.access import Access
from phichat.server.app import make_app
from phichat.server.completion import ReplyTokens
from phichat.server.http_server import HttpServer
from phichat.server.request_log import ServedRequest
from phichat.server.served_model import ServedModel
from tests.support.fakes import ScriptedEngine

SECONDS = 60.0  # until something counts as hung


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The server-sent events; the last one, "[DONE]", as a text."""
        found = [line.removeprefix("data: ") for line in self.body.decode().split("\n\n") if line]
        return [each if each == "[DONE]" else json.loads(each) for each in found]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error


@dataclass
class Running:
    """A server that runs.

    `log` gets an entry after the answer was sent: in a server that is shared, it may come in the next test.
    """

    server: HttpServer
    served: ServedModel
    log: list[ServedRequest] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.port

    def ask(
        self, path: str, body: object = None, method: str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        connection = HTTPConnection(*self.place, timeout=SECONDS)
        try:
            kind = {"Content-Type": "application/json"} if data is not None else {}
            connection.request(method or ("GET" if data is None else "POST"), path, data, {**kind, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def chat(self, *said: str, **parameters: Any) -> Answer:
        """Ask with messages that are the user's and the assistant's by turns."""
        roles = ("user", "assistant")
        messages = [{"role": roles[number % 2], "content": text} for number, text in enumerate(said)]
        return self.ask("/v1/chat/completions", {"messages": messages, **parameters})

    def raw(self, data: bytes, is_whole: bool = False) -> bytes:
        """What comes back for these bytes until the server closes the connection. A whole request has it do so."""
        with socket.create_connection(self.place, timeout=SECONDS) as connection:
            try:
                connection.sendall(data)
                if not is_whole:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:  # it has closed it already
                return b""
            return read_all(connection)

    def connect(self, data: bytes) -> socket.socket:
        """A connection over which these bytes went."""
        connection = socket.create_connection(self.place, timeout=SECONDS)
        connection.sendall(data)
        return connection


def read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def post(path: str, body: object) -> bytes:
    """A request as it goes over the line."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


Serve = Callable[..., Running]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def serve(engine: ScriptedEngine, chatml_model: Path) -> Iterator[Serve]:
    """Serves the tiny ChatML model, or another engine's, and ends that after the test."""
    with ExitStack() as stack:

        def start(by: Engine = engine, access: Access = Access(), path: Path = chatml_model, **values: Any) -> Running:  # noqa: B008
            return stack.enter_context(serving(by, access, path, **values))

        yield start


@pytest.fixture(scope="session")
def _shared(chatml_model: Path) -> Iterator[Running]:
    """A server for many tests, as each takes a while to close."""
    with serving(ScriptedEngine(), Access(), chatml_model) as running:
        yield running


@pytest.fixture
def scripted(_shared: Running, engine: ScriptedEngine) -> Iterator[Running]:
    """With an engine that follows a script; without one, it echoes the question."""
    slots, served = open_slots(engine, 1), _shared.served
    before, served.slots, served.replies = served.slots, slots, ReplyTokens()
    yield _shared
    served.slots = before
    slots.close()


@pytest.fixture
def hosted(serve: Serve) -> Iterator[tuple[Running, EngineProcess]]:
    """With llama.cpp in a child process, and the tiny ChatML model, which says random bytes."""
    engine = EngineProcess()
    try:
        yield serve(engine), engine
    finally:
        engine.close()


class serving:  # noqa: N801 - used as a function
    """A server in a thread, for as long as the `with` statement takes."""

    def __init__(self, engine: Engine, access: Access, path: Path, slots: int = 1, context: int = 512) -> None:
        settings = EngineSettings(context=context, threads=1, gpu_layers=0)
        model = ModelRef.of_file(path)
        self._stop, self._encoder = CancelToken(), EncoderProcess(path)
        loaded = engine.load(model, settings, CancelToken(), lambda _: None)
        self._slots = open_slots(engine, slots) if slots else QueuedSlots(engine)
        server = HttpServer("127.0.0.1", 0)
        served = ServedModel(model.name, loaded.context, self._slots, self._encoder)
        served.splits_answers = isinstance(engine, ScriptedEngine)
        self._running = Running(server, served)
        app = make_app(served, access, self._running.log.append)
        self._thread = threading.Thread(target=server.run, args=(app, self._stop, served.cancel_all), name="server")

    def __enter__(self) -> Running:
        self._thread.start()
        return self._running

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._slots.close()
        self._encoder.close()

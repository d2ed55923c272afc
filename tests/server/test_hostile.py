"""Requests that mean no good, and clients that leave: the server goes on."""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from phichat.engine.process.encoder_process import EncoderProcess
from phichat.engine.process.engine_process import EngineProcess
from phichat.server import app, http_server
from tests.faults.bad_requests import answers_to, checked
from tests.server.conftest import Running, Serve, post, read_all
from tests.support.fakes import ScriptedEngine
from tests.support.hostile_requests import BODIES, HostileRequests

Eventually = Callable[[Callable[[], object]], None]


def still_answers(running: Running) -> bool:
    return running.chat("Hi", max_tokens=1).status == 200


def with_vectors(running: Running) -> Running:
    """Have the model make vectors, too."""
    assert isinstance(running.served.encoder, EncoderProcess)
    running.served.embedding_name, running.served.embedder = "vectors", running.served.encoder
    return running


@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_hostile_requests(serve: Serve, seed: int, eventually: Eventually) -> None:
    """`python -m tests.faults.bad_requests` sends a thousand of them to `phichat serve`."""
    scripted, statuses = with_vectors(serve()), list[int]()
    for request in HostileRequests(seed).some(200):
        statuses += checked(request, answers_to(scripted.place, request))
    assert statuses.count(200) > 20, "some are hardly wrong"
    assert still_answers(scripted)
    eventually(lambda: not scripted.served.running)


def test_a_request_that_is_right_is_answered(serve: Serve) -> None:
    """Those that hostile ones are made from: else all of them would be refused for the same reason."""
    scripted = with_vectors(serve())
    for path, bodies in BODIES.items():
        assert {scripted.ask(path, body).status for body in bodies} == {200}, path


def test_requests_one_after_the_other_without_waiting(serve: Serve) -> None:
    """Each is answered in its turn, also those that are wrong."""
    scripted, right = serve(), {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
    bodies: list[Any] = [right, {"messages": 3}, right, [], right]
    last = post("/v1/chat/completions", bodies[-1]).replace(b"Host", b"Connection: close\r\nHost", 1)
    said = scripted.raw(b"".join(post("/v1/chat/completions", body) for body in bodies[:-1]) + last, is_whole=True)
    assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400", b"200", b"400", b"200"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"n": ' + b"9" * 100_000 + b"}",
        b'{"temperature": 1e999}',
        b'{"temperature": NaN}',
        b"\xff\xfe\x00",
        b"\x1f\x8b\x08\x00" + bytes(100),
        b"[]",
        b'"text"',
        b"null",
    ],
)  # fmt: skip
def test_bodies_that_are_no_request(scripted: Running, body: bytes) -> None:
    answer = scripted.ask("/v1/chat/completions", body, headers={"Content-Encoding": "gzip"})
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"


def test_too_large_a_body(scripted: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "LARGEST_BODY", 10_000)
    assert scripted.ask("/v1/chat/completions", b" " * 20_000).status == 413
    chunks = b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(5))
    said = scripted.raw(b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert said.startswith(b"HTTP/1.1 413")
    assert still_answers(scripted)


def test_a_body_that_does_not_come(scripted: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BODY_SECONDS", 0.1)
    request = post("/v1/chat/completions", {"messages": []})
    with scripted.connect(request[:-5]) as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 408")


def test_a_header_that_does_not_come(scripted: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.1)
    for begun in (b"", b"GET /health HTTP/1.1\r\nHost: loc"):
        with suppress(ConnectionError), scripted.connect(begun) as connection:  # closed before anything was sent
            assert read_all(connection) == b""
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 20.0)
    with scripted.connect(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        assert read_until(connection, b"}").startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.1)
        connection.sendall(b"GET /hea")
        assert read_all(connection) == b"", "nor that of a second request"


def test_no_request_hides_in_another(scripted: Running) -> None:
    """Where its end is told in two ways, a proxy might see one request, and the server two."""
    host = f"127.0.0.1:{scripted.server.port}"
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    hidden = f"0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: {host}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", scripted.server.port), timeout=20) as connection:
        connection.sendall((head + hidden).encode())
        answered = read_all(connection)
    assert answered.count(b"HTTP/1.1") == 1
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert still_answers(scripted)


def test_a_header_that_drips(scripted: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEADER_SECONDS", 0.2)
    with scripted.connect(b"GET /health HTTP/1.1\r\n") as connection, suppress(OSError):  # reset, or a broken pipe
        for _ in range(500):
            connection.sendall(b"X: y\r\n")
            time.sleep(0.02)
        pytest.fail("the connection was not closed")


def test_too_many_connections(scripted: Running, monkeypatch: pytest.MonkeyPatch, eventually: Eventually) -> None:
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 3)
    open_ones = [scripted.connect(b"GET /health HTTP/1.1\r\n") for _ in range(3)]
    with scripted.connect(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") as one_too_many:
        said = read_all(one_too_many)
    assert said.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 1" in said
    assert b'"server_error"' in said
    for connection in open_ones:
        connection.close()

    def is_free() -> bool:
        try:
            return scripted.ask("/health").status == 200
        except OSError:
            return False

    eventually(is_free)


def test_too_many_requests(scripted: Running, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_RUNNING", 2)
    answer = scripted.chat("Hi", n=3)
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "5"


class TestClientsThatLeave:
    @pytest.mark.parametrize("streams", [True, False])
    def test_the_answer_stops_at_once(
        self, serve: Serve, engine: ScriptedEngine, streams: bool, eventually: Eventually
    ) -> None:
        running = serve()
        gate = threading.Event()  # which nobody opens
        engine.enqueue("one", gate, "two")
        body = {"messages": [{"role": "user", "content": "Hi"}], "stream": streams}
        with running.connect(post("/v1/chat/completions", body)) as connection:
            eventually(lambda: engine.requests)
            if streams:
                assert b"one" in read_until(connection, b"one")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as by a crash
        eventually(lambda: not running.served.running)
        assert still_answers(running), "the slot is free"
        eventually(lambda: len(running.log) == 2)
        assert running.log[0].status == (200 if streams else 499)

    def test_one_that_waits_never_begins(
        self, scripted: Running, engine: ScriptedEngine, eventually: Eventually
    ) -> None:
        gate = threading.Event()
        engine.enqueue(gate, "one")
        body = {"messages": [{"role": "user", "content": "first"}]}
        with scripted.connect(post("/v1/chat/completions", body)) as first:
            eventually(lambda: engine.requests)
            with scripted.connect(post("/v1/chat/completions", body)):
                eventually(lambda: len(scripted.served.running) == 2)
            eventually(lambda: len(scripted.served.running) == 1)
            gate.set()
            assert b"one" in read_until(first, b"one")
        assert still_answers(scripted)
        assert [request.turns[0].text for request in engine.requests] == ["first", "Hi"]


class TestTheEnginesDeath:
    @pytest.fixture
    def dying(self, serve: Serve, tmp_path: Path) -> Iterator[Running]:
        """With an engine whose process is killed after the first piece of its first answer."""
        rules = {"second": {"signal": "SIGKILL", "once": str(tmp_path / "died")}}
        script = Path(__file__).parents[1] / "engine" / "process" / "fragile_child.py"
        engine = EngineProcess(command=[sys.executable, str(script), json.dumps(rules)])
        yield serve(engine, slots=0)  # of which that process knows nothing
        engine.close()

    @pytest.mark.parametrize("streams", [True, False])
    def test_is_one_error_and_the_next_request_works(self, dying: Running, streams: bool) -> None:
        answer = dying.chat("Hi", stream=streams)
        if streams:
            assert answer.events[-1]["error"]["code"] == "engine_restarting"
        else:
            assert (answer.status, answer.error["code"]) == (503, "engine_restarting")
            assert answer.headers["retry-after"] == "1"
        assert dying.chat("Hi").json["choices"][0]["message"]["content"] == "first"

    def test_between_two_requests_is_none(self, hosted: tuple[Running, EngineProcess], eventually: Eventually) -> None:
        running, engine = hosted
        assert running.chat("Hi", max_tokens=3).status == 200
        process = engine._process
        assert process
        process.kill()
        eventually(lambda: not process.is_alive())
        assert running.chat("Hi", max_tokens=3).status == 200


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    """What comes up to `wanted`."""
    said = b""
    while wanted not in said and (part := connection.recv(65_536)):
        said += part
    return said


def test_when_it_stops_requests_end_with_an_error(serve: Serve, engine: ScriptedEngine, eventually: Eventually) -> None:
    running = serve()
    engine.enqueue("one", threading.Event())
    with running.connect(post("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]})) as connection:
        eventually(lambda: engine.requests)
        running.served.cancel_all()
        assert read_until(connection, b"}").startswith(b"HTTP/1.1 503")


def test_a_client_that_does_not_read_is_let_go(
    serve: Serve, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr("phichat.server.completion_response.WRITING", 0.1)
    engine.enqueue(*["x" * 100_000] * 100)
    running = serve()
    body = {"messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with running.connect(post("/v1/chat/completions", body)):
        eventually(lambda: running.log)
    assert still_answers(running)

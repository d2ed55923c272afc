"""Requests that mean no good, and clients that leave: the server goes on."""

import json
import random
import socket
import string
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from phichat.engine.process.engine_process import EngineProcess
from phichat.server import app, http_server
from tests.server.conftest import Running, Serve, post, read_all
from tests.support.fakes import ScriptedEngine

WITH_BODY = ("/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize", "/v1/embeddings")
LETTERS = string.printable + "é\ud83d\udc4d\ud800\x00"
Eventually = Callable[[Callable[[], object]], None]


def still_answers(running: Running) -> bool:
    return running.chat("Hi", max_tokens=1).status == 200


class Garbage:
    """Requests that are wrong in every way a seed leads to."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        """Any JSON value, and some that are none."""
        choices: list[Callable[[], Any]] = [
            lambda: None,
            lambda: self._random.choice([True, False]),
            lambda: self._random.choice([0, -1, 1.5, 2**53, 10**40, -(10**40), 1e308, float("inf"), float("nan")]),
            lambda: "".join(
                self._random.choices(string.printable + "é\ud83d\udc4d\ud800\x00", k=self._random.randrange(20))
            ),
        ]
        if depth < 4:
            choices += [
                lambda: [self.value(depth + 1) for _ in range(self._random.randrange(4))],
                lambda: {self.name(): self.value(depth + 1) for _ in range(self._random.randrange(4))},
            ]
        return self._random.choice(choices)()

    def name(self) -> str:
        names = ("messages", "prompt", "role", "content", "model", "stream", "n", "stop", "seed", "logprobs", "tokens")
        return self._random.choice((*names, "top_logprobs", "temperature", "max_tokens", "stream_options", "type", "x"))

    def body(self) -> bytes:
        values = {"messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi", "max_tokens": 2}
        for _ in range(self._random.randrange(1, 4)):
            values[self.name()] = self.value()
        data = json.dumps(values).encode("utf-8", "surrogatepass")
        if self._random.random() < 0.3:
            at = self._random.randrange(len(data))
            data = data[:at] + bytes(self._random.choices(range(256), k=3)) + data[at + 2 :]
        return data

    def request(self) -> tuple[bytes, bool]:
        """A request as it goes over the line, and whether all of it is there."""
        body, path = self.body(), self._random.choice((*WITH_BODY, "/v1/models", "/health"))
        host = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
        length = b"Content-Length: %d\r\n" % len(body)
        whole = host + length + b"\r\n" + body
        if self._random.random() < 0.4:
            return whole, True
        kinds: list[Callable[[], bytes]] = [
            lambda: host + length + b"\r\n" + body[: len(body) // 2],
            lambda: host + b"Content-Length: 5\r\n\r\n" + body,
            lambda: host + b"Content-Length: -5\r\n\r\n" + body,
            lambda: host + b"Content-Length: 99999999999999999999\r\n\r\n" + body,
            lambda: host + length + b"Content-Length: 3\r\n\r\n" + body,
            lambda: host + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
            lambda: host + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + body,
            lambda: host + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(body) * 2) + body,
            lambda: host + b"Transfer-Encoding: gzip\r\n\r\n" + body,
            lambda: host + b"\xff\xfe: x\r\n\r\n" + body,
            lambda: host + b"X: " + b"y" * 50_000 + b"\r\n\r\n",
            lambda: host.replace(b"POST", b"\x00\x01") + b"\r\n",
            lambda: host.replace(b"HTTP/1.1", b"HTTP/9.9") + b"\r\n",
            lambda: host.replace(b"Host: localhost\r\n", b"") + length + b"\r\n" + body,
            lambda: host + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            lambda: bytes(self._random.choices(range(256), k=200)),
            lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),  # a client that speaks TLS
        ]
        return self._random.choice(kinds)(), False


class WrongValues:
    """Requests of good JSON with wrong values: what is checked after the body was parsed."""

    CHAT: ClassVar[dict[str, Any]] = {
        "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2, "temperature": 0.7, "n": 1,
        "top_p": 0.9, "stop": ["x"], "seed": 3, "logprobs": True, "top_logprobs": 2, "stream": False, "top_k": 3,
        "stream_options": {"include_usage": True}, "presence_penalty": 0.1, "response_format": {"type": "text"},
        "min_p": 0.1, "repeat_penalty": 1.1, "chat_template_kwargs": {"enable_thinking": True}, "tools": [],
    }  # fmt: skip
    TEXT: ClassVar[dict[str, Any]] = {"prompt": "Once", "max_tokens": 2, "logprobs": 2, "stop": "x", "stream": False}

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def request(self) -> bytes:
        """A request as it goes over the line; some are sent in chunks, or by other types of content."""
        pick = self._random.choice
        path = pick((*["/v1/chat/completions"] * 4, *WITH_BODY))
        body = json.dumps(self._body(path)).encode("utf-8", "surrogatepass")
        kind = pick(["application/json"] * 5 + ["multipart/form-data; boundary=x", "text/plain; charset=koi8-r"])
        extra = pick(
            ["", "", "Accept: a/b\r\nAccept: \r\n", f"Cookie: {'a=b;' * 1000}\r\n", "Expect: 100-continue\r\n"]
        )
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n{extra}"
        if self._random.random() < 0.8:
            return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        at = self._random.randrange(len(body))
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:at], body[at:]) if part)
        return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"

    def _body(self, path: str) -> Any:
        if self._random.random() < 0.05:
            return self._wrong()
        values = dict(self.CHAT if "chat" in path else self.TEXT)
        if path == "/v1/chat/completions" and self._random.random() < 0.4:
            values["messages"] = [self._message() for _ in range(self._random.randrange(4))]
        for _ in range(self._random.randrange(1, 3)):
            names = [
                *values,
                "content",
                "tokens",
                "input",
                "max_completion_tokens",
                "logit_bias",
                "x" * 3000,
                "\0",
                "\ud800",
            ]
            values[self._random.choice(names)] = self._wrong()
        return values

    def _message(self) -> Any:
        pick, wrong = self._random.choice, self._wrong
        part = {
            "type": pick(["text", "image_url", wrong()]),
            "text": wrong(),
            "image_url": {"url": "file:///etc/passwd"},
        }
        role, content = pick(["user", "system", "assistant", "tool", wrong()]), pick([wrong(), [part], [wrong(), part]])
        return pick([{"role": role, "content": content}, {"role": role}, {"content": content}, wrong()])

    def _wrong(self) -> Any:
        deep: Any = 1
        for _ in range(self._random.randrange(1, 90)):
            deep = self._random.choice([[deep], {"a": deep}])
        return self._random.choice([
            None, True, -1, 0, 2**31, 2**64, 10**400, -(10**40), 1.5, 1e308, float("inf"), float("nan"), "", "1", "\0",
            "\ud800", "\u202e\u2066", "<|im_start|>assistant\n", "{% for i in range(10**9) %}x{% endfor %}",
            "x" * 20_000, [], [[]], {}, [None] * 100, [{}] * 50, ["x"] * 100, deep, {"__proto__": 1}, {"x": 2},
            {"type": "json_schema", "json_schema": {"schema": deep}}, {"include_usage": "yes"},
        ])  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_requests_with_wrong_values(serve: Serve, seed: int, eventually: Eventually) -> None:
    wrong, scripted, answered = WrongValues(seed), serve(), list[bytes]()
    for _ in range(100):
        [*continues, answer] = scripted.raw(wrong.request(), is_whole=True).split(b"HTTP/1.1 ")[1:]
        assert all(part.startswith(b"100") for part in continues)
        assert answer[:3] in {b"200", b"400", b"404", b"501"}, answer[:300]
        answered.append(answer)
    assert sum(b"valid JSON" not in answer for answer in answered) > 66
    assert still_answers(scripted)
    eventually(lambda: not scripted.served.running)


def test_requests_one_after_the_other_without_waiting(serve: Serve) -> None:
    """Each is answered in its turn, also those that are wrong."""
    scripted = serve()
    bodies: list[Any] = [WrongValues.CHAT, {"messages": 3}, WrongValues.CHAT, [], WrongValues.CHAT]
    last = post("/v1/chat/completions", bodies[-1]).replace(b"Host", b"Connection: close\r\nHost", 1)
    said = scripted.raw(b"".join(post("/v1/chat/completions", body) for body in bodies[:-1]) + last, is_whole=True)
    assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400", b"200", b"400", b"200"]


@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_malformed_requests(serve: Serve, seed: int, eventually: Eventually) -> None:
    garbage, scripted = Garbage(seed), serve()
    for _ in range(100):
        for part in scripted.raw(*garbage.request()).split(b"HTTP/1.1 ")[1:]:
            assert part[:3] in {b"200", b"400", b"403", b"404", b"405", b"413", b"501", b"422"}, part[:300]
    assert still_answers(scripted)
    eventually(lambda: not scripted.served.running)


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

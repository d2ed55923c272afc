"""A server with models, as llama.cpp's, vLLM and others are, that says and does what a test tells it to."""

import json
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from types import TracebackType
from typing import Any, Self

from tests.support.servers.listener import HOST, Listener, read_request

BREAK = object()
"""In an answer's body: the line breaks there."""

Part = bytes | threading.Event | object
"""What is sent, a gate to wait at until the test opens it, or BREAK."""


@dataclass(frozen=True)
class Asked:
    """A request: its page, its headers and its body, parsed."""

    page: str
    headers: Message
    body: Any


@dataclass
class Scripted:
    """An answer to a request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    has_length: bool = False


def chunk(text: str = "", *, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of an answer."""
    said = {"content": text, **delta} if text else delta
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def event(values: Any) -> bytes:
    """Values as a server-sent event."""
    return b"data: " + (values if isinstance(values, bytes) else json.dumps(values).encode()) + b"\n\n"


def logprobs(text: str, *others: tuple[str, float], logprob: float = -0.5) -> dict[str, Any]:
    """A chunk of one token, with candidates."""
    top = [{"token": token, "logprob": value} for token, value in others]
    told = {"content": [{"token": text, "logprob": logprob, "top_logprobs": top}]}
    return {"choices": [{"index": 0, "delta": {"content": text}, "logprobs": told, "finish_reason": None}]}


class ChatServer:
    """Answers chats from a script; without one, it says the question's last word.

    Attributes:
        models: what it lists; `owner` is whose they are.
        pages: what else it has, by page; a dict is JSON, anything else an answer.
        key: what it wants to be told; empty for nothing.
        asked: the requests that came, oldest first.
        client_left: set when a client closes the connection in the middle of an answer.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None, owner: str = "") -> None:
        self.models: list[dict[str, Any]] = [{"id": "tiny", "object": "model"}]
        self.owner, self.key = owner, ""
        self.server_name = ""
        self.pages: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.client_left = threading.Event()
        self._scripts: deque[Scripted] = deque()
        self._tls = tls
        self._listener = Listener(self._serve, port, tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End, with all connections."""
        self._listener.close()

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def host(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://{self.host}/v1"

    @property
    def chats(self) -> list[Any]:
        """The bodies of the requests for answers."""
        return [each.body for each in self.asked if each.page == "/v1/chat/completions"]

    def stream(self, *parts: Any, finish: str | None = "stop", usage: Any = None, ends: bool = True) -> None:
        """The next answer: chunks as texts or values, raw bytes, gates and breaks."""
        found: list[Part] = [self._part(part) for part in parts]
        if finish:
            found.append(event(chunk(finish=finish)))
        if usage:
            found.append(event({"choices": [], "usage": usage}))
        if ends:
            found.append(event(b"[DONE]"))
        self._scripts.append(Scripted(200, {"Content-Type": "text/event-stream"}, found))

    def answer(self, status: int, body: Any, **headers: str) -> None:
        """The next answer, whole: values as JSON, or text."""
        self._scripts.append(_whole(status, body, headers))

    def break_off(self) -> None:
        """The next answer: none, as the connection breaks."""
        self._scripts.append(Scripted(0))

    def _part(self, part: Any) -> Part:
        if isinstance(part, str):
            return event(chunk(part))
        return event(part) if isinstance(part, dict) else part

    def _serve(self, connection: socket.socket, closing: threading.Event) -> None:
        with connection.makefile("rb") as stream:
            while request := read_request(stream):
                length = int(request.headers.get("Content-Length") or 0)
                body = stream.read(length)
                self.asked.append(Asked(request.target, request.headers, json.loads(body) if body else None))
                if not self._send(connection, self._scripted(self.asked[-1]), closing):
                    return

    def _scripted(self, asked: Asked) -> Scripted:
        if self.key and asked.headers.get("Authorization") != f"Bearer {self.key}":
            return _whole(401, {"error": {"message": f"Incorrect API key provided: {asked.headers}"}}, {})
        if asked.page == "/v1/chat/completions":
            if self._scripts:
                return self._scripts.popleft()
            said = event(chunk(str(asked.body["messages"][-1]["content"]).split()[-1]))
            end = event(chunk(finish="stop")) + event(b"[DONE]")
            return Scripted(200, {"Content-Type": "text/event-stream"}, [said, end])
        if asked.page in self.pages:
            found = self.pages[asked.page]
            return found if isinstance(found, Scripted) else _whole(200, found, {})
        if asked.page == "/v1/models":
            listed = [{"owned_by": self.owner, **each} for each in self.models]
            return _whole(200, {"object": "list", "data": listed}, {})
        return _whole(404, {"detail": "Not Found"}, {})

    def _send(self, connection: socket.socket, script: Scripted, closing: threading.Event) -> bool:
        """Send an answer; return whether the connection goes on."""
        try:
            return self._send_parts(connection, script, closing)
        except ConnectionError:  # it was closed while more came
            self.client_left.set()
            return False

    def _send_parts(self, connection: socket.socket, script: Scripted, closing: threading.Event) -> bool:
        if not script.status:
            return False
        headers = {**script.headers, **({"Server": self.server_name} if self.server_name else {})}
        size = sum(len(part) for part in script.parts if isinstance(part, bytes))
        headers |= {"Content-Length": str(size)} if script.has_length else {"Transfer-Encoding": "chunked"}
        lines = [f"HTTP/1.1 {script.status} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        for part in script.parts:
            if part is BREAK:
                return False
            if isinstance(part, threading.Event):
                if not self._wait(connection, part, closing):
                    return False
            elif isinstance(part, bytes) and part:
                connection.sendall(part if script.has_length else f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if not script.has_length:
            connection.sendall(b"0\r\n\r\n")
        return True

    def _wait(self, connection: socket.socket, gate: threading.Event, closing: threading.Event) -> bool:
        """Wait for the gate; return whether the client is still there."""
        while not gate.wait(0.005):
            readable, _, _ = select.select([connection], [], [], 0)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                self.client_left.set()
                return False
            if closing.is_set():
                return False
        return True


def _whole(status: int, body: Any, headers: dict[str, str]) -> Scripted:
    is_text = isinstance(body, str)
    kind = "text/html; charset=utf-8" if is_text else "application/json"
    content = body.encode() if is_text else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Scripted(status, {"Content-Type": kind, **named}, [content], has_length=True)


def texts(items: Iterable[Any]) -> list[str]:
    """The texts of pieces among events."""
    return [each.text for each in items if hasattr(each, "kind")]

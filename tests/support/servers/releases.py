"""A page with all releases, as GitHub's API gives it, that says what a test tells it to."""

import json
import socket
import threading
from types import TracebackType
from typing import Any, Self

from tests.support.hub.answers import Answer, Pace, Sender, whole
from tests.support.servers.listener import HOST, Listener, Request, read_request

PAGE = "https://phichat.example/releases/9.1.0"


class ReleasesServer:
    """Answers every request alike.

    Attributes:
        status, body, headers: of the next answer.
        is_silent: whether none comes at all.
        pace: how it drips.
        requests: those that came, oldest first.
    """

    def __init__(self) -> None:
        self.status, self.body, self.headers, self.is_silent = 200, b"", dict[str, str](), False
        self.pace: Pace | None = None
        self.requests: list[Request] = []
        self._listener = Listener(self._serve)
        self.publish("v9.1.0")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.close()

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._listener.port}/latest"

    def publish(self, tag: Any, notes: Any = "- It is **faster**.", page: Any = PAGE, **more: Any) -> None:
        """That is the newest release."""
        self.body = json.dumps({"tag_name": tag, "html_url": page, "body": notes, **more}).encode()

    def _serve(self, connection: socket.socket, closing: threading.Event) -> None:
        sender = Sender(connection, closing)
        with connection.makefile("rb") as stream:
            while request := read_request(stream):
                self.requests.append(request)
                if self.is_silent:
                    closing.wait()
                    return
                answer = Answer(self.status, dict(self.headers), [whole(self.body)], pace=self.pace)
                sender.send(answer, with_body=True)

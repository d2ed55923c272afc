"""The HTTP server around the application: its port, and its limits for connections that mean no good."""

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from phichat.cancellation import CancelToken
from phichat.errors import PhichatError
from phichat.i18n import tr
from phichat.server.api_error import ApiError, bad_request

MOST_CONNECTIONS = 128
HEADER_SECONDS = 10.0  # that a client may take to send the header of a request
IDLE_SECONDS = 30  # between two requests of a connection
LARGEST_HEADER = 32_000  # bytes
CLOSING_SECONDS = 2  # for what is being answered when the server stops


class LimitedProtocol(H11Protocol):
    """A connection, which is closed if it is one too many, or takes too long to say what it wants."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(ApiError(503, tr("Too many connections are open. Try again later."), retry_after=1))
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_waited_for():
            self._set_deadline()
        else:
            self._end_deadline()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - which are English words of h11
        """Answer what is no HTTP, or close the connection if an answer has begun."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        self._refuse(bad_request(tr("This isn’t a valid HTTP request.")))

    def _is_waited_for(self) -> bool:
        """Return whether a header is incomplete, or the rest of a body comes that nobody reads."""
        is_answered = self.conn.our_state in {h11.DONE, h11.MUST_CLOSE}
        return self.conn.their_state is h11.IDLE or (is_answered and self.conn.their_state is h11.SEND_BODY)

    def _refuse(self, error: ApiError) -> None:
        self.transport.write(error.as_http())
        self.transport.close()

    def _set_deadline(self) -> None:
        self._deadline = self._deadline or self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _end_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = None


class HttpServer:
    """Serves an application at `host` and `port`; 0 picks one. Raise PhichatError if it cannot listen there.

    Attributes:
        host, port: where it listens.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]

    @property
    def is_local(self) -> bool:
        """Whether it can be reached from this computer alone."""
        return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    @property
    def url(self) -> str:
        """The address for clients."""
        host = self.host if not ipaddress.ip_address(self.host.partition("%")[0]).is_unspecified else own_address()
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def run(self, app: ASGIApp, stop: CancelToken, on_stop: Callable[[], None]) -> None:
        """Serve until `stop` is set; then `on_stop` is called, and what is being answered has a moment to end."""
        server = _Server(app, on_stop)
        stop.set_callback(server.ask_to_exit)
        try:
            server.run(sockets=[self._socket])
        finally:
            stop.set_callback(None)
            self.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


class _Server(uvicorn.Server):
    """Uvicorn's server, without its signal handlers."""

    def __init__(self, app: ASGIApp, on_stop: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=LimitedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=CLOSING_SECONDS,
            h11_max_incomplete_event_size=LARGEST_HEADER,
        )
        super().__init__(config)
        self._on_stop = on_stop
        self._wake: Callable[[], object] = lambda: None

    def ask_to_exit(self) -> None:
        """Have it stop, from any thread."""
        self.should_exit = True
        with suppress(RuntimeError):  # its loop has ended
            self._wake()

    async def main_loop(self) -> None:
        """See uvicorn, which looks ten times a second whether it should exit."""
        leaving, seconds = asyncio.Event(), 0
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, leaving.set)
        while not await self.on_tick(10 * seconds):
            seconds += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(leaving.wait(), 1.0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the app."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        self._on_stop()
        await super().shutdown(sockets)


def own_address() -> str:
    """Return this computer's address in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation, which a datagram socket only looks up
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _listen(host: str, port: int) -> socket.socket:
    try:
        [found, *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(found[4][:2], family=found[0], backlog=MOST_CONNECTIONS)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _cannot_listen(host: str, port: int, error: Any) -> PhichatError:
    if error.errno == errno.EADDRINUSE:
        return PhichatError(tr("Port {port} is in use by another app. Choose another port.").format(port=port))
    if error.errno in {errno.EACCES, errno.EPERM}:
        return PhichatError(tr("Port {port} needs special permissions. Choose a port above 1023.").format(port=port))
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        sentence = tr("{host} isn’t one of this computer’s addresses. Use 127.0.0.1 or 0.0.0.0.")
        return PhichatError(sentence.format(host=host))
    return PhichatError(
        tr("{host} isn’t one of this computer’s addresses ({reason}). Use 127.0.0.1 or 0.0.0.0.").format(
            host=host, reason=error.strerror or error
        )
    )

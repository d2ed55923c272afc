"""A port of this computer with a thread for each connection, all of which end when it closes."""

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import parse_headers
from io import BufferedReader

HOST = "127.0.0.1"
_SHARES_PORTS = sys.platform != "win32"

Serve = Callable[[socket.socket, threading.Event], None]
"""Talks with one client until it has gone, or the event says that the listener closes. Needs not close the socket."""


@dataclass(frozen=True)
class Request:
    """A request's first line and headers, as they came."""

    method: str
    target: str
    headers: Message


def read_request(stream: BufferedReader) -> Request | None:
    """The next request of a connection; None when there is none any more."""
    line = stream.readline(65_536).decode("latin-1").split()
    if len(line) != 3:
        return None
    return Request(line[0], line[1], parse_headers(stream))


@contextlib.contextmanager
def held_port(port: int) -> Iterator[None]:
    """Have the port of a listener stay that of this test, though that closes: connections are refused then."""
    with socket.socket() as held:
        if _SHARES_PORTS:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((HOST, port))
        yield


def shut(connection: socket.socket) -> None:
    """Ends a connection in both directions, whoever is reading or writing."""
    # SSLSocket's own drops its state first, under the feet of the thread that uses it.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Listener:
    """Accepts until closed.

    Attributes:
        port: where it listens.
        closing: set once it begins to close; whoever sleeps waits for this instead.
    """

    def __init__(self, serve: Serve, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.closing = threading.Event()
        self._serve, self._tls = serve, tls
        self._socket = socket.create_server((HOST, port), backlog=128, reuse_port=_SHARES_PORTS)
        self.port: int = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self._live: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name=f"listener {self.port}")
        self._accepting.start()

    def close(self) -> None:
        self.closing.set()
        # Closing a socket does not wake its accept() everywhere; a visitor does.
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.port), timeout=5).close()
        self._accepting.join()
        self._socket.close()
        self._end_conversations()

    def keep(self, connection: socket.socket) -> None:
        """A connection that a conversation has made itself, to be shut with the others."""
        with self._lock:
            self._live.add(connection)
        if self.closing.is_set():
            shut(connection)

    def drop(self, connection: socket.socket) -> None:
        with self._lock:
            self._live.discard(connection)

    def _end_conversations(self) -> None:
        with self._lock:
            for connection in self._live:
                shut(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # the client left before it was let in
                continue
            if self.closing.is_set():
                connection.close()
                return
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        except OSError:  # the client has left
            connection.close()
            return
        self.keep(connection)
        thread = threading.Thread(target=self._converse, args=(connection,), name=f"connection to {self.port}")
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()

    def _converse(self, connection: socket.socket) -> None:
        with connection:
            with contextlib.suppress(OSError):
                if isinstance(connection, ssl.SSLSocket):
                    connection.do_handshake()
                self._serve(connection, self.closing)
            self.drop(connection)

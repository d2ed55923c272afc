"""Access tokens of servers: in the system's keyring, or where there is none that is safe, in memory for this run."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from phichat.json_file import JsonFile

SERVICE = "Phichat"
PATIENCE = 60.0  # seconds for the system to answer, which may ask for the keyring's password first

_UNSAFE = ("keyring.backends.fail", "keyring.backends.null", "keyring.backends.chainer", "keyrings.alt")
"""Modules of what is no keyring, or writes passwords into a file that can be read."""

T = TypeVar("T")


class _Keyring(Protocol):
    """What is used of keyring's backends."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class Credentials:
    """One token for each server. Thread-safe; every method but `has_token` and `is_kept` may block for a while.

    `index` is a file with the servers whose token is in the keyring, never the token: without an entry there, the
    keyring is not asked, and the system asks for no password.
    """

    def __init__(self, index: JsonFile) -> None:
        self._index = index
        self._tokens: dict[str, str] = {}
        self._asked: set[str] = set()  # a keyring that gave nothing is not waited for again
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def get_token(self, server: str) -> str | None:
        """Return the token for `server`; None if there is none, or the keyring does not give it."""
        with self._lock:
            if server not in self._tokens and server not in self._asked and self.is_kept(server):
                self._asked.add(server)
                if found := self._read(server):
                    self._tokens[server] = found
            return self._tokens.get(server)

    def is_refused(self, server: str) -> bool:
        """Return whether the keyring keeps the token for `server`, but did not give it, as when it isn't unlocked."""
        return server in self._refused

    def set_token(self, server: str, token: str) -> None:
        """Set the token for `server`, and keep it in the keyring if there is one."""
        with self._lock:
            self._tokens[server] = token
            is_kept = _ask(lambda keyring: _stored(keyring, server, token)) or False
            self._note(server, is_kept=is_kept)

    def delete_token(self, server: str) -> None:
        """Forget the token for `server`, and delete it from the keyring."""
        with self._lock:
            self._tokens.pop(server, None)
            if self.is_kept(server):
                _ask(lambda keyring: keyring.delete_password(SERVICE, server))
            self._note(server, is_kept=False)

    def has_token(self, server: str) -> bool:
        """Return whether there is a token for `server`."""
        return server in self._tokens or self.is_kept(server)

    def is_kept(self, server: str) -> bool:
        """Return whether the token for `server` is in the keyring, for the next runs, too."""
        return server in _names(self._index.read_value())

    def _read(self, server: str) -> str | None:
        answers = list[str | None]()

        def read(keyring: _Keyring) -> None:
            self._refused.add(server)  # unless it answers
            answers.append(keyring.get_password(SERVICE, server))

        _ask(read)
        if not answers:
            return None
        self._refused.discard(server)
        return answers[0]

    def _note(self, server: str, *, is_kept: bool) -> None:
        def change(known: Any) -> list[str]:
            others = [name for name in _names(known) if name != server]
            return [*others, server] if is_kept else others

        with suppress(OSError):  # then it holds for this run
            if is_kept != self.is_kept(server):
                self._index.update(change)


def _names(known: Any) -> list[str]:
    return [name for name in known if isinstance(name, str)] if isinstance(known, list) else []


def _stored(keyring: _Keyring, server: str, token: str) -> bool:
    """Store a token; return whether it can be read again, as some keyrings take what they do not keep."""
    keyring.set_password(SERVICE, server, token)
    return keyring.get_password(SERVICE, server) == token


def _ask(work: Callable[[_Keyring], T]) -> T | None:
    """Return what `work` returns for the system's keyring; None if there is none, it refuses, or takes too long."""
    results: list[T] = []

    def run() -> None:
        try:
            if keyring := _safe_keyring():
                results.append(work(keyring))
        except Exception as error:  # noqa: BLE001 - of any of many libraries; it might quote the token
            logging.getLogger(__name__).info("the keyring refuses: %s", type(error).__name__)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return results[0] if results else None


def _safe_keyring() -> _Keyring | None:
    """Return the system's keyring; None if there is none that keeps a secret."""
    try:
        import keyring  # noqa: PLC0415 - slow, and needed by few
    except ImportError:
        return None
    backend = keyring.get_keyring()
    candidates = getattr(backend, "backends", None) or [backend]
    return next((each for each in candidates if not type(each).__module__.startswith(_UNSAFE)), None)

"""Keyrings in memory, in the place of the `keyring` package."""

import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest


class Keyring:
    """Keeps passwords, in `passwords`. With a `gate`, it does not answer before that is set."""

    __module__ = "keyring.backends.SecretService"

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}
        self.asked = 0
        self.gate: threading.Event | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._answer()
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._answer()
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._answer()
        del self.passwords[service, username]

    def _answer(self) -> None:
        self.asked += 1
        if self.gate:
            self.gate.wait(10)


class LockedKeyring(Keyring):
    """Asks for its password while it `is_locked`, which is dismissed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_locked = True

    def _answer(self) -> None:
        super()._answer()
        if self.is_locked:
            raise RuntimeError("dismissed")


class NoKeyring(Keyring):
    """What keyring has where the system has none."""

    __module__ = "keyring.backends.fail"


class FileKeyring(Keyring):
    """Writes passwords into a file."""

    __module__ = "keyrings.alt.file"


class BrokenKeyring(Keyring):
    """Raises, with the password in the message."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"the keyring is locked: {password}")


def install(monkeypatch: pytest.MonkeyPatch, backend: Any) -> Keyring:
    """Make `backend` the system's keyring; with None, the package is not there. Return it."""
    module = SimpleNamespace(get_keyring=lambda: backend) if backend else None
    monkeypatch.setitem(sys.modules, "keyring", module)
    return backend if isinstance(backend, Keyring) else Keyring()

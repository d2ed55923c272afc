"""The servers that the user added, in a file; their keys are in the system's keyring."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from phichat.engine.remote.base import Server, ServerKind, api_url, valid_models, valid_name
from phichat.errors import ServerError, StoreError
from phichat.i18n import format_reason, saving_advice, tr
from phichat.json_file import JsonFile
from phichat.net.credentials import Credentials
from phichat.paths import Home

KEY_VARIABLE = "PHICHAT_KEY_"
"""How the environment variable with a server's key begins; its name follows, in upper case."""

_KEY = re.compile(r"[!-~]{1,2000}", re.ASCII)


class ServerList:
    """The servers, by name and by address. Thread-safe; what has to do with keys may block for a while.

    A key belongs to the address it was entered for: another address never gets it.
    """

    def __init__(self, file: JsonFile, credentials: Credentials) -> None:
        self._file, self._credentials = file, credentials

    def servers(self) -> list[Server]:
        """Return all servers, in the order they were added."""
        return _parsed(self._file.read_value())

    def find(self, name: str) -> Server:
        """Return the server called `name`. Raise ServerError."""
        found = next((each for each in self.servers() if each.name.lower() == name.lower()), None)
        if found is None:
            names = ", ".join(each.name for each in self.servers())
            hint = tr("Choose from {names}.").format(names=names) if names else ""
            text = tr("There is no server named {name}.").format(name=name)
            raise ServerError(f"{text} {hint or tr('Add one with `phichat servers add NAME URL`.')}")
        return found

    def find_by_url(self, url: str) -> Server | None:
        """Return the server at `url`; None if there is none."""
        return next((each for each in self.servers() if each.url == url), None)

    def add(self, server: Server) -> Server:
        """Add a server and return it as it is stored. Raise ServerError or StoreError."""
        server = replace(server, name=valid_name(server.name), url=api_url(server.url))

        def change(known: list[Server]) -> list[Server]:
            _check_free(server.name, known)
            if same := next((each for each in known if each.url == server.url), None):
                raise ServerError(tr("{url} was already added as {name}.").format(url=server.url, name=same.name))
            return [*known, server]

        self._update(change)
        return server

    def rename(self, name: str, new_name: str) -> Server:
        """Rename a server and return it. Raise ServerError or StoreError."""
        old, new_name = self.find(name), valid_name(new_name)
        renamed = replace(old, name=new_name)

        def change(known: list[Server]) -> list[Server]:
            _check_free(new_name, [each for each in known if each.url != old.url])
            return [renamed if each.url == old.url else each for each in known]

        self._update(change)
        return renamed

    def remember(self, url: str, kind: ServerKind, models: Sequence[str]) -> None:
        """Note what the server at `url` told: which program it runs, and its models. Errors of the disk are ignored."""
        known, models = self.find_by_url(url), valid_models(list(models))
        if known and (known.kind, known.models) != (kind, models):
            new = replace(known, kind=kind, models=models)
            with suppress(StoreError):  # then it is asked again
                self._update(lambda servers: [new if each.url == url else each for each in servers])

    def remove(self, name: str) -> Server:
        """Remove a server and its key; return what it was. Raise ServerError or StoreError."""
        server = self.find(name)
        self._credentials.delete_token(server.url)
        self._update(lambda known: [each for each in known if each.url != server.url])
        return server

    def key(self, server: Server) -> str | None:
        """Return the key for `server`; None if there is none. That in the environment counts first."""
        return os.environ.get(key_variable(server.name), "").strip() or self._credentials.get_token(server.url)

    def has_key(self, server: Server) -> bool:
        """Return whether there is a key for `server`, without asking the keyring."""
        return bool(os.environ.get(key_variable(server.name), "").strip()) or self._credentials.has_token(server.url)

    def set_key(self, server: Server, key: str) -> bool:
        """Set the key for `server`, or delete it if it is empty. Return whether it is kept for the next runs, too.

        Raise ServerError for what cannot be a key.
        """
        key = key.strip()
        if not key:
            self._credentials.delete_token(server.url)
            return True
        self._credentials.set_token(server.url, valid_key(key))
        return self._credentials.is_kept(server.url)

    def _update(self, change: Callable[[list[Server]], list[Server]]) -> None:
        def change_json(known: Any) -> list[dict[str, Any]]:
            if known is None and self._file.path.exists():  # it is damaged, and not to be lost
                self._file.path.replace(self._file.path.with_suffix(".damaged"))
            return [each.as_json() for each in change(_parsed(known))]

        try:
            self._file.update(change_json)
        except OSError as error:
            raise StoreError(
                tr("The list of servers couldn’t be saved to {path}: {reason}. {advice}").format(
                    path=self._file.path, reason=format_reason(error), advice=saving_advice(error, is_chosen=False)
                )
            ) from error


def make_server_list(home: Home) -> ServerList:
    """Return the servers in `home`. Keys that no keyring keeps are known to this object alone."""
    return ServerList(JsonFile(home.servers), Credentials(JsonFile(home.credentials)))


def valid_key(key: str) -> str:
    """Return a key without blanks around it. Raise ServerError for what cannot be sent as one."""
    key = key.strip()
    if not _KEY.fullmatch(key):
        raise ServerError(
            tr(
                "That isn’t a valid key. A key is made up of letters, numbers, and symbols, without spaces. "
                "Check it, then enter it again."
            )
        )
    return key


def key_variable(name: str) -> str:
    """Return the environment variable that has the key of the server called `name`."""
    return KEY_VARIABLE + re.sub("[^A-Z0-9]", "_", name.upper())


def _parsed(values: Any) -> list[Server]:
    """Return the servers in a file's content, ignoring malformed entries."""
    found = map(Server.from_json, values) if isinstance(values, list) else ()
    return list({server.url: server for server in found if server}.values())


def _check_free(name: str, known: list[Server]) -> None:
    if any(each.name.lower() == name.lower() for each in known):
        raise ServerError(tr("There is already a server named {name}. Choose another name.").format(name=name))

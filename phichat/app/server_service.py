"""Servers with models as the window needs them: asks them, and keeps what they told."""

import threading
from collections.abc import Callable
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from phichat import paths
from phichat.cancellation import CancelToken
from phichat.engine.model_ref import ModelRef
from phichat.engine.remote.base import Server, ServerKind, api_url, valid_name
from phichat.errors import ServerUnreachable
from phichat.i18n import tr
from phichat.json_file import JsonFile
from phichat.ui.controllers.servers import Addition

if TYPE_CHECKING:
    from phichat.engine.remote.check import Checked
    from phichat.engine.remote.servers import ServerList


class ServerService:
    """Implements ServerKeeper over the list of servers in `home`, which the engine shares. Any thread may call it."""

    def __init__(self, home: paths.Home) -> None:
        self._home = home
        self._making = threading.Lock()

    def server_list(self) -> "ServerList":
        """Return the list of servers, with the keys that no keyring keeps."""
        with self._making:
            return self._list

    @cached_property
    def _list(self) -> "ServerList":
        from phichat.engine.remote.servers import make_server_list  # noqa: PLC0415 - the start does not wait for it

        return make_server_list(self._home)

    def damage(self) -> str:
        """Return a sentence if the list of servers is damaged; else nothing."""
        file = JsonFile(self._home.servers)
        if not file.path.exists() or file.read_value() is not None:
            return ""
        return tr("{file} is damaged, so your servers couldn’t be loaded. Add them again.").format(file=file.path)

    def servers(self) -> list[Server]:
        """See ServerKeeper."""
        return self.server_list().servers() if self._home.servers.exists() else []

    def has_key(self, server: Server) -> bool:
        """See ServerKeeper."""
        return self.server_list().has_key(server)

    def models(self) -> list[ModelRef]:
        """Return the models of all servers, as they told last."""
        return [server.model(name) for server in self.servers() for name in server.models]

    def find_model(self, named: str) -> ModelRef | None:
        """Return the model with that location, or the name `SERVER/MODEL`; None if there is no such server."""
        url, _, model = named.partition("#")
        server, _, title = named.partition("/")
        for each in self.servers():
            if each.url == url:
                return each.model(model)
            if each.name.lower() == server.lower() and not Path(named).exists():
                return each.model(title)
        return None

    def add(
        self,
        address: str,
        name: str,
        key: str,
        stop: CancelToken,
        report: Callable[[str], None],
        *,
        even_if_away: bool,
    ) -> Addition:
        """See ServerKeeper."""
        from phichat.engine.remote.probe import Found, candidates, probe  # noqa: PLC0415 - brings the HTTP client
        from phichat.engine.remote.servers import valid_key  # noqa: PLC0415

        key = valid_key(key) if key.strip() else ""
        name = valid_name(name) if name.strip() else ""
        try:
            found = probe(address, key or None, stop, report)
        except ServerUnreachable as error:
            if stop.is_set() or len(candidates(address)) > 1:
                raise
            if not even_if_away:
                return Addition(None, str(error))
            found = Found(api_url(address), ServerKind.UNKNOWN, ())
        server = Server(name or self._free_name(found.url), found.url, found.kind, found.models)
        server = self.server_list().add(server)
        return Addition(server, is_key_kept=not key or self.server_list().set_key(server, key))

    def rename(self, server: Server, name: str) -> Server:
        """See ServerKeeper."""
        return self.server_list().rename(server.name, name)

    def remove(self, server: Server) -> Server:
        """See ServerKeeper."""
        return self.server_list().remove(server.name)

    def set_key(self, server: Server, key: str) -> bool:
        """See ServerKeeper."""
        return self.server_list().set_key(server, key)

    def check(self, server: Server, stop: CancelToken) -> "Checked":
        """See ServerKeeper."""
        from phichat.engine.remote.check import check_server  # noqa: PLC0415 - brings the HTTP client

        return check_server(self.server_list(), server, stop)

    def refresh(self, server: Server, stop: CancelToken) -> None:
        """See ServerKeeper."""
        from phichat.engine.remote.probe import list_models  # noqa: PLC0415 - brings the HTTP client
        from phichat.net.http_api import ApiClient  # noqa: PLC0415

        key = self.server_list().key(server)
        models = list_models(ApiClient(server.url, key), key, stop)
        self.server_list().remember(server.url, models.kind or server.kind, models.names)

    def _free_name(self, url: str) -> str:
        """Return a name for the server at `url` that no other has: its host's."""
        host = (urlsplit(url).hostname or "server").removesuffix(".local")
        taken = {each.name.lower() for each in self.servers()}
        names = (f"{host}-{number}" if number > 1 else host for number in count(1))
        return valid_name(next(name for name in names if name.lower() not in taken))

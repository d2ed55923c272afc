"""Tests a server: what it has, and how long it takes to answer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Piece, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import Done, EngineSettings, Request
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.probe import find_kind, list_models, loaded_model
from phichat.engine.remote.servers import ServerList
from phichat.net.http_api import ApiClient

HELLO = Turn(Role.USER, "Hi")
"""All that is sent."""


@dataclass(frozen=True)
class Checked:
    """A server that answers.

    Attributes:
        kind: which program it runs.
        models: its models' names.
        seconds: until it told them.
        model: the model that was asked; empty if none was.
        first_token_seconds: until the first token of its answer; 0 if none was asked.
    """

    kind: ServerKind
    models: tuple[str, ...]
    seconds: float
    model: str = ""
    first_token_seconds: float = 0.0


def check_server(servers: ServerList, server: Server, stop: CancelToken, model: str = "") -> Checked:
    """List the models of `server` and say "Hi" to `model`. Raise EngineError.

    Without `model`, that which the server has loaded is asked, else the first.
    """
    begun, key = time.monotonic(), servers.key(server)
    client = ApiClient(server.url, key)
    models = list_models(client, key, stop)
    seconds = time.monotonic() - begun
    kind = find_kind(client, models, stop)
    servers.remember(server.url, kind, models.names)
    if not model and models.names:
        model = loaded_model(client, kind, models, stop) or _first_to_chat_with(models.names)
    if not model:
        return Checked(kind, models.names, seconds)
    engine = RemoteEngine(servers)
    loaded = engine.load(server.model(model), EngineSettings(), stop, lambda _: None)
    first = _first_token_seconds(engine, stop)
    return Checked(kind, models.names, seconds, loaded.model.server_model, first)


def _first_to_chat_with(names: Sequence[str]) -> str:
    """Return the first name that isn't an embedding model's, by which people tell those, too."""
    return next((name for name in names if "embed" not in name.lower()), names[0])


def _first_token_seconds(engine: RemoteEngine, stop: CancelToken) -> float:
    asked = time.monotonic()
    for event in engine.generate(Request((HELLO,), Sampling(max_tokens=1)), stop):
        if isinstance(event, Piece | Done):
            return time.monotonic() - asked
    return 0.0

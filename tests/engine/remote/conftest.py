"""A server with models, and an engine that knows it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Piece, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, Loaded, Request
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.servers import ServerList, make_server_list
from phichat.paths import Home
from tests.support.keyrings import Keyring
from tests.support.servers.chat import ChatServer

Ask = Callable[..., list[Event]]


@pytest.fixture(autouse=True)
def _alone(no_proxies: None, keyring: Keyring) -> None:
    """Have neither the environment nor the system's keyring change anything."""


@pytest.fixture
def servers(home: Path) -> ServerList:
    return make_server_list(Home(home))


@pytest.fixture
def engine(servers: ServerList) -> Iterator[RemoteEngine]:
    engine = RemoteEngine(servers)
    yield engine
    engine.close()


@pytest.fixture
def load(engine: RemoteEngine, server: ChatServer, servers: ServerList) -> Callable[..., Loaded]:
    """Adds the server as one of a kind, with a key if it wants one, and loads its model."""

    def load_model(kind: ServerKind = ServerKind.UNKNOWN, model: str = "tiny", key: str = "") -> Loaded:
        known = servers.find_by_url(server.url) or servers.add(Server("gaming", server.url, kind))
        servers.remember(known.url, kind, ())
        if key:
            servers.set_key(known, key)
        return engine.load(known.model(model), EngineSettings(), CancelToken(), lambda _: None)

    return load_model


@pytest.fixture
def ask(engine: RemoteEngine) -> Ask:
    """Asks the loaded model; what the engine yields."""

    def ask_model(text: str = "Name a color.", **values: Any) -> list[Event]:
        return list(engine.generate(request(text, **values), CancelToken()))

    return ask_model


def request(text: str = "Name a color.", *, sampling: Sampling | None = None, **values: Any) -> Request:
    return Request((Turn(Role.USER, text),), sampling or Sampling(seed=7), **values)


def text_of_events(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece) and not event.is_thinking)


def thought_of_events(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece) and event.is_thinking)


def done_of(events: list[Event]) -> Done:
    return next(event for event in events if isinstance(event, Done))

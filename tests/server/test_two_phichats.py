"""Two Phichats: one serves its model, and the other one uses it as a model on a server."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Ending, Piece, Role, Turn, text_of, thinking_of
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, Loaded, Request
from phichat.engine.process.encoder_process import EncoderProcess
from phichat.engine.remote.base import Server
from phichat.engine.remote.check import check_server
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.servers import make_server_list
from phichat.errors import EngineDied, EngineError, PromptTooLong
from phichat.paths import Home
from phichat.server.access import Access
from tests.server.conftest import Running, Serve
from tests.support.fakes import ScriptedEngine, thought
from tests.support.keyrings import Keyring

KEY = "phichat-key"


@pytest.fixture
def there(serve: Serve) -> Running:
    """The Phichat that serves."""
    return serve(access=Access(KEY))


@pytest.fixture
def here(there: Running, home: Path, no_proxies: None, keyring: Keyring) -> Iterator[RemoteEngine]:
    """The engine of the one that asks, which knows the other."""
    servers = make_server_list(Home(home))
    servers.set_key(servers.add(Server("other", there.server.url)), KEY)
    engine = RemoteEngine(servers)
    yield engine
    engine.close()


@pytest.fixture
def loaded(here: RemoteEngine, there: Running, home: Path) -> Loaded:
    [server] = make_server_list(Home(home)).servers()
    return here.load(server.model("tiny-chatml"), EngineSettings(), CancelToken(), lambda _: None)


def asked(here: RemoteEngine, text: str = "Hi", **values: Any) -> list[Event]:
    sampling = values.pop("sampling", Sampling(seed=7))
    return list(here.generate(Request((Turn(Role.USER, text),), sampling, **values), CancelToken()))


def pieces(events: list[Event]) -> list[Piece]:
    return [event for event in events if isinstance(event, Piece)]


def test_its_embedding_model_is_none_to_chat_with(here: RemoteEngine, there: Running, home: Path) -> None:
    assert isinstance(there.served.encoder, EncoderProcess)
    there.served.embedding_name, there.served.embedder = "vectors", there.served.encoder
    servers = make_server_list(Home(home))
    [server] = servers.servers()
    assert check_server(servers, server, CancelToken()).models == ("tiny-chatml",)
    assert here.load(server.model(""), EngineSettings(), CancelToken(), lambda _: None).model.title == "tiny-chatml"
    with pytest.raises(EngineError, match="vectors is an embedding model"):
        here.load(server.model("vectors"), EngineSettings(), CancelToken(), lambda _: None)


def test_its_model_and_context(loaded: Loaded) -> None:
    assert loaded.model.name == "other/tiny-chatml"
    assert loaded.context == 512


def test_an_answer_with_what_was_thought(here: RemoteEngine, loaded: Loaded, engine: ScriptedEngine) -> None:
    engine.enqueue(thought("Hm"), "Hel", "lo")
    events = asked(here, sampling=Sampling(temperature=0.5, top_k=7, seed=7, max_tokens=50))
    assert (text_of(pieces(events)), thinking_of(pieces(events))) == ("Hello", "Hm")
    assert isinstance(events[-1], Done)
    assert events[-1].reason is Ending.STOP
    sampling = engine.requests[-1].sampling
    assert (sampling.temperature, sampling.top_k, sampling.seed, sampling.max_tokens) == (0.5, 7, 7, 50)


def test_a_long_prompt(here: RemoteEngine, loaded: Loaded, engine: ScriptedEngine) -> None:
    engine.enqueue(PromptTooLong("Too long.", 900))
    with pytest.raises(EngineError):
        asked(here)


def test_its_engine_dies(here: RemoteEngine, loaded: Loaded, engine: ScriptedEngine) -> None:
    engine.enqueue("Hel", EngineDied("It died."))
    engine.enqueue("Hello")
    with pytest.raises(EngineError):
        asked(here)
    assert text_of(pieces(asked(here))) == "Hello"


def test_stop_stops_the_other_one(
    here: RemoteEngine,
    loaded: Loaded,
    there: Running,
    engine: ScriptedEngine,
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    engine.enqueue("One", threading.Event(), "two")
    stop = CancelToken()
    for event in here.generate(Request((Turn(Role.USER, "Hi"),), Sampling(seed=1)), stop):
        if isinstance(event, Piece):
            stop.set()
    assert isinstance(event, Done)
    assert event.reason is Ending.CANCELLED
    eventually(lambda: not there.served.running)

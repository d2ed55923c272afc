"""Against true servers: llama.cpp's own where xllamacpp is installed, vLLM if VLLM_SERVER names its program.

PHICHAT_TEST_SERVER is the address of any other, such as Ollama or LM Studio, with one small model.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from phichat.chat.conversation import Ending, Piece, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, Loaded, PromptFit
from phichat.engine.remote import engine as module
from phichat.engine.remote.base import Server, ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.probe import probe
from phichat.engine.remote.servers import ServerList
from phichat.errors import PromptTooLong, ServerUnreachable
from tests.engine.remote.conftest import done_of, request, text_of_events
from tests.support.servers.llama_process import VARIABLE, LlamaProcess

GREEDY = Sampling(temperature=0, repeat_penalty=1, max_tokens=24, seed=7)
QUESTION = "Name three colors of the sea."


@pytest.fixture
def llama(starter: Path) -> Iterator[LlamaProcess]:
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")
    server = LlamaProcess(starter)
    yield server
    server.kill()


@pytest.fixture
def other() -> str:
    if not (address := os.environ.get(VARIABLE)):
        pytest.skip(f"{VARIABLE} names no server")
    return address


@pytest.fixture(params=["llama", "vllm", "other"])
def loaded(request: pytest.FixtureRequest, engine: RemoteEngine, servers: ServerList) -> Loaded:
    """The first model of a true server, loaded."""
    server = request.getfixturevalue(request.param)
    return load(engine, servers, server if isinstance(server, str) else server.address)


def load(engine: RemoteEngine, servers: ServerList, address: str) -> Loaded:
    found = probe(address, None, CancelToken())
    server = servers.add(Server("true", found.url, found.kind))
    return engine.load(server.model(found.models[0]), EngineSettings(), CancelToken(), lambda _: None)


def ask(engine: RemoteEngine, text: str = QUESTION, sampling: Sampling = GREEDY, **values: object) -> list[Event]:
    return list(engine.generate(request(text, sampling=sampling, **values), CancelToken()))


def test_an_answer_its_candidates_its_rest_and_its_end(engine: RemoteEngine, loaded: Loaded) -> None:
    """One test, as starting a server takes a while."""
    assert loaded.context > 0
    assert loaded.capabilities is not None
    events = ask(engine, candidates=3)
    done = done_of(events)
    assert len(text_of_events(events)) > 10
    assert (done.reason, done.completion_tokens) == (Ending.LENGTH, 24)
    fits = [each for each in events if isinstance(each, PromptFit)]
    assert done.prompt_tokens == fits[-1].tokens > 5
    if loaded.capabilities.counts_tokens:
        assert fits[0].tokens == fits[-1].tokens, "it was counted before"
    if loaded.capabilities.candidates:
        weighed = [each.choice for each in events if isinstance(each, Piece) and each.choice]
        assert len(weighed) == 24
        assert all(len(each.candidates) == 3 and each.rank == 1 and each.entropy > 0 for each in weighed)
    whole = text_of_events(ask(engine))  # with a prompt that is cached, as what follows: that may round differently
    if loaded.capabilities.continues:
        begun = text_of_events(ask(engine, sampling=Sampling(**{**vars(GREEDY), "max_tokens": 8})))
        rest = text_of_events(ask(engine, begun=Turn(Role.ASSISTANT, begun)))
        assert rest
        assert (begun + rest).startswith(whole)
    thinks = Sampling(**{**vars(GREEDY), "thinking": 100})
    assert text_of_events(ask(engine, sampling=thinks)), "also where the server was not started for a limit"
    with pytest.raises(PromptTooLong):
        ask(engine, "word " * 5 * loaded.context)
    stop, pieces = CancelToken(), 0
    for event in engine.generate(request(QUESTION, sampling=Sampling(max_tokens=400, seed=3)), stop):
        pieces += isinstance(event, Piece)
        if pieces == 3:
            stop.set()
        if isinstance(event, Done):
            assert event.reason is Ending.CANCELLED
    assert pieces < 40
    assert text_of_events(ask(engine)) == whole, "it has stopped, and answers again"


def test_a_server_that_is_killed_and_comes_back(
    engine: RemoteEngine, servers: ServerList, llama: LlamaProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    assert load(engine, servers, llama.address).library == ServerKind.LLAMA_CPP.label
    came: list[Event] = []

    def answer() -> Iterator[Event]:
        for event in engine.generate(request(QUESTION, sampling=Sampling(max_tokens=400, seed=3)), CancelToken()):
            yield event
            if isinstance(event, Piece):
                llama.kill()

    with pytest.raises(ServerUnreachable, match="was lost"):
        came.extend(answer())
    assert text_of_events(came)
    with pytest.raises(ServerUnreachable, match="couldn’t connect"):
        ask(engine)
    llama.restart()
    assert text_of_events(ask(engine))

"""Our stand-in for Ollama is what Ollama's own client understands, so the engine reads the same from it."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from phichat.engine.base import CancelToken
from phichat.engine.remote.base import ServerKind
from phichat.engine.remote.probe import context_of, list_models, loaded_model, probe
from phichat.net.http_api import ApiClient
from tests.support.servers.chat import ChatServer
from tests.support.servers.programs import OLLAMA_MODELS, as_ollama


@pytest.fixture
def client(server: ChatServer) -> Iterator[Any]:
    ollama = pytest.importorskip("ollama", reason="ollama is not installed")  # here, as every worker collects this file
    with closing(ollama.Client(host=f"http://{as_ollama(server).host}", verify=False)) as client:
        yield client


def test_its_client_and_the_engine_read_the_same(server: ChatServer, client: Any) -> None:
    stop = CancelToken()
    found = probe(server.host, None, stop)
    assert (found.kind, found.models) == (ServerKind.OLLAMA, OLLAMA_MODELS)
    assert tuple(each.model for each in client.list().models) == found.models
    ours = ApiClient(server.url, None)
    models = list_models(ours, None, stop)
    [running] = client.ps().models
    assert running.model == loaded_model(ours, found.kind, models, stop)
    assert running.context_length == context_of(ours, found.kind, models, running.model, stop) == 16_384
    server.pages["/api/ps"] = {"models": []}
    assert client.ps().models == []
    assert "num_ctx                        9000" in client.show(running.model).parameters
    assert context_of(ours, found.kind, models, running.model, stop) == 9000
    del server.pages["/api/show"]["parameters"]
    assert client.show(running.model).modelinfo["qwen3.context_length"] == 40_960
    assert context_of(ours, found.kind, models, running.model, stop) == 4096, "what Ollama gives by default"

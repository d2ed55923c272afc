"""One engine for models here and elsewhere: each has what it needs, and no more."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from phichat.chat.conversation import Piece, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, EngineSettings, ModelRef, Request
from phichat.engine.remote.base import Server
from phichat.engine.remote.servers import make_server_list
from phichat.engine.slots import SlotEngine
from phichat.engines import EngineByKind, make_engine
from phichat.errors import EngineError
from phichat.paths import Home
from tests.support.servers.chat import ChatServer

SETTINGS = EngineSettings(context=256, threads=1, gpu_layers=0)


@pytest.fixture
def engine(home: Path) -> Iterator[EngineByKind]:
    with closing(make_engine(Home(home))) as engine:
        yield engine


def load(engine: EngineByKind, model: ModelRef) -> None:
    engine.load(model, SETTINGS, CancelToken(), lambda _: None)


def ask(engine: EngineByKind) -> list[str]:
    request = Request((Turn(Role.USER, "Say red"),), Sampling(max_tokens=4, temperature=0, seed=1))
    return [each.text for each in engine.generate(request, CancelToken()) if isinstance(each, Piece)]


def test_models_here_and_there_take_turns(
    engine: EngineByKind, server: ChatServer, chatml_model: Path, home: Path
) -> None:
    remote = make_server_list(Home(home)).add(Server("there", server.url)).model("tiny")
    load(engine, ModelRef.of_file(chatml_model))
    here = ask(engine)
    pids = [engine.pid]
    assert not server.asked
    load(engine, remote)
    pids.append(engine.pid)
    assert [bool(pid) for pid in pids] == [True, False], "what is no longer used takes no memory"
    assert ask(engine) == ["red"]
    load(engine, ModelRef.of_file(chatml_model))
    assert ask(engine) == here
    assert len(server.chats) == 1


def test_after_a_load_that_fails_nothing_is_asked(engine: EngineByKind, server: ChatServer, home: Path) -> None:
    there = make_server_list(Home(home)).add(Server("there", server.url))
    load(engine, there.model("tiny"))
    with pytest.raises(EngineError):
        load(engine, there.model("other"))
    with pytest.raises(EngineError, match="No model is loaded"):
        ask(engine)
    assert not server.chats


def test_without_a_model_there_is_nothing_to_do(engine: EngineByKind) -> None:
    engine.unload()
    for work in (lambda: ask(engine), lambda: engine.score("a", CancelToken()), lambda: engine.open_slots(2)):
        with pytest.raises(EngineError, match="No model is loaded"):
            work()
    assert isinstance(engine, SlotEngine)


def test_a_local_model_brings_no_http_client(chatml_model: Path, tmp_path: Path) -> None:
    found = _imported(
        f"""
        load(ModelRef.of_file(Path({str(chatml_model)!r})))
        """,
        tmp_path,
    )
    assert "phichat.engine.process.engine_process" in found
    assert not {name for name in found if name.startswith(("httpx2", "phichat.engine.remote", "phichat.net"))}


def _imported(code: str, folder: Path) -> set[Any]:
    script = f"""
import sys
from pathlib import Path
from phichat.engine.base import CancelToken, EngineSettings, ModelRef
from phichat.engines import make_engine
from phichat.paths import Home
engine = make_engine(Home(Path({str(folder)!r})))
def load(model):
    engine.load(model, EngineSettings(context=256, gpu_layers=0), CancelToken(), lambda _: None)
{code.strip()}
engine.close()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {*done.stdout.split()}

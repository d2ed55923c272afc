"""Fixtures: requests, and engines that are closed at the end."""

from collections.abc import Callable, Iterator

import pytest

from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import Event, Request
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.process.engine_process import EngineProcess


@pytest.fixture
def llama() -> Iterator[LlamaEngine]:
    """llama.cpp in this very process."""
    engine = LlamaEngine()
    yield engine
    engine.close()


@pytest.fixture
def hosted() -> Iterator[EngineProcess]:
    """llama.cpp in a child process."""
    engine = EngineProcess()
    yield engine
    engine.close()


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Makes a request of one question, with sampling settings by name."""

    def make(question: str, temperature: float = 0.0, **sampling: float) -> Request:
        values = {"temperature": temperature, "seed": 1, "max_tokens": 20, **sampling}
        return Request((Turn(Role.USER, question),), Sampling().with_values(values))

    return make


@pytest.fixture
def heard() -> list[Event]:
    """What an engine reports while it loads: pass `heard.append`."""
    return []

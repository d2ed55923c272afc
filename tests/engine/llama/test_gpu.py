"""How many layers are offloaded: as many as fit."""

from pathlib import Path

import pytest

from phichat.engine.llama import hardware as gpu
from phichat.engine.llama.bindings import lib
from phichat.gguf import Head

HEAD = Head(
    Path("m.gguf"),
    3_300_000_000,
    {
        "general.architecture": "phi3",
        "phi3.block_count": 32,
        "phi3.embedding_length": 3072,
        "phi3.attention.head_count": 32,
    },
)


@pytest.mark.parametrize(
    ("free", "layers"), [(24_000_000_000, -1), (3_000_000_000, 14), (gpu.RESERVE, 0), (0, 0), (None, -1)]
)
def test_as_many_layers_as_fit_go_there(free: int | None, layers: int) -> None:
    assert gpu.gpu_layers(HEAD, 4096, lambda: free) == layers


def test_a_file_that_does_not_tell_its_layers_is_left_to_llama_cpp() -> None:
    assert gpu.gpu_layers(Head(Path("m.gguf"), 10, {}), 4096, lambda: 100) == -1


def test_without_such_a_build_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lib, "llama_supports_gpu_offload", lambda: False)
    assert gpu.gpu_layers(HEAD, 4096) == 0


def test_what_cannot_be_asked_is_left_to_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lib, "llama_supports_gpu_offload", lambda: True)
    monkeypatch.setattr(lib, "_lib", object())
    assert gpu.gpu_layers(HEAD, 4096) == -1


def test_the_devices_there_are_can_be_asked() -> None:
    """This build's own functions, whatever devices it has."""
    free = gpu._free()
    assert free is None or free >= 0

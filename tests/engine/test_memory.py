"""Whether a model fits into memory, checked before it is loaded."""

from dataclasses import replace
from pathlib import Path

import pytest

from phichat.engine import hardware
from phichat.engine.processors import Processor
from phichat.errors import ModelTooLarge
from phichat.gguf import Head

GB = 10**9
PHI = Head(
    Path("phi.gguf"), 2_393_231_072,
    {"general.architecture": "phi3", "general.name": "Phi-3", "phi3.block_count": 32, "phi3.embedding_length": 3072,
     "phi3.attention.head_count": 32},
)  # fmt: skip


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """With 16 GB, 8 of them free."""
    monkeypatch.setattr(hardware, "installed_memory", lambda: 16 * GB)
    monkeypatch.setattr(hardware, "available_memory", lambda: 8 * GB)
    return monkeypatch


def test_phi_3_needs_its_file_its_context_and_a_little_more() -> None:
    assert hardware.memory_needed(PHI, 4096) == 2_393_231_072 + 4096 * 384 * 1024 + hardware.OVERHEAD
    assert hardware.memory_needed(PHI, 4096, repacking=True) - hardware.memory_needed(PHI, 4096) == PHI.bytes


def test_a_model_that_fits_needs_no_word(computer: pytest.MonkeyPatch) -> None:
    assert hardware.check_memory(PHI, 4096) == ""


def test_a_model_that_fits_only_tightly_comes_with_a_warning(computer: pytest.MonkeyPatch) -> None:
    computer.setattr(hardware, "available_memory", lambda: 2 * GB)
    assert "Memory is low: Phi-3 needs 4.3\N{NO-BREAK SPACE}GB, but only 2.0" in hardware.check_memory(PHI, 4096)


def test_a_model_that_cannot_fit_is_refused_with_figures(computer: pytest.MonkeyPatch) -> None:
    computer.setattr(hardware, "installed_memory", lambda: 4 * GB)
    with pytest.raises(
        ModelTooLarge, match=r"Phi-3 is too large.* needs 4\.3.*1\.6.* context of 4,096.* only has 4\.0.GB"
    ):
        hardware.check_memory(PHI, 4096)


def test_a_smaller_context_makes_room(computer: pytest.MonkeyPatch) -> None:
    computer.setattr(hardware, "installed_memory", lambda: 4 * GB)
    assert hardware.check_memory(PHI, 1024) == ""


@pytest.mark.parametrize("content", [None, "max", "", "-1", "9223372036854771712"])
def test_without_a_limit_all_of_the_memory_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    monkeypatch.setattr(hardware, "_CGROUP", ())
    plain = hardware.installed_memory()
    limit = tmp_path / "memory.max"
    if content is not None:
        limit.write_text(content)
    monkeypatch.setattr(hardware, "_CGROUP", (str(limit),))
    assert hardware.installed_memory() == plain > 0


def test_a_container_has_no_more_than_it_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("1000000\n")
    monkeypatch.setattr(hardware, "_CGROUP", (str(limit),))
    assert hardware.installed_memory() == 1_000_000
    assert hardware.available_memory() <= 1_000_000


def test_a_conversation_is_held_exactly_where_there_is_room(computer: pytest.MonkeyPatch) -> None:
    assert hardware.choose_cache_type(PHI, 4096) == "f16"


@pytest.mark.parametrize("gigabytes", [3.7, 4.0])
def test_where_there_is_room_for_half_only_it_is_held_in_half(computer: pytest.MonkeyPatch, gigabytes: float) -> None:
    computer.setattr(hardware, "available_memory", lambda: int(gigabytes * GB))
    assert hardware.choose_cache_type(PHI, 4096) == "q8_0"
    assert "slightly less accurate" in hardware.check_memory(PHI, 4096, "q8_0")


def test_where_half_does_not_help_nothing_is_given_up(computer: pytest.MonkeyPatch) -> None:
    computer.setattr(hardware, "available_memory", lambda: 2 * GB)
    assert hardware.choose_cache_type(PHI, 4096) == "f16"


def test_shorter_keys_give_way_where_there_is_room_for_half_only(computer: pytest.MonkeyPatch) -> None:
    assert hardware.choose_cache_type(PHI, 4096, "q8_0/f16") == "q8_0/f16"
    computer.setattr(hardware, "available_memory", lambda: int(3.7 * GB))
    assert hardware.choose_cache_type(PHI, 4096, "q8_0/f16") == "q8_0"
    whole, keys, half = (hardware.kv_bytes(PHI, 4096, kind) for kind in ("f16", "q8_0/f16", "q8_0"))
    assert whole > keys > half


@pytest.mark.parametrize(
    ("features", "length", "guess"),
    [
        ({"AVX-512"}, 96, "q8_0/f16"),
        ({"AVX-512"}, 128, "f16"),
        ({"AVX2"}, 96, "f16"),
        ({"AVX-512"}, 80, "f16"),
    ],
    ids=["a rest of 32", "no rest", "smaller steps", "no whole blocks"],
)
def test_keys_are_shortened_at_first_where_the_processor_leaves_a_rest(
    monkeypatch: pytest.MonkeyPatch, features: set[str], length: int, guess: str
) -> None:
    monkeypatch.setattr(hardware, "this_processor", lambda: Processor("x86_64", "AMD", frozenset(features)))
    head = replace(PHI, metadata={**PHI.metadata, "phi3.attention.key_length": length})
    assert hardware.guess_cache_type(head) == guess


def test_keys_that_share_a_vector_with_values_stay_as_they_are() -> None:
    assert hardware.may_shorten_keys(PHI)
    assert not hardware.may_shorten_keys(replace(PHI, metadata={**PHI.metadata, "phi3.attention.kv_lora_rank": 512}))


def test_attention_without_a_table_of_scores_where_that_would_be_large() -> None:
    assert not hardware.needs_flash(PHI, 4096, 128, "f16")
    assert hardware.needs_flash(PHI, 131_072, 128, "f16")
    assert hardware.needs_flash(PHI, 4096, 128, "q8_0"), "shorter keys and values take it"


def test_what_the_system_says_of_its_memory_is_found_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    total, available = hardware._system_memory()
    monkeypatch.setattr(hardware, "_MEMORY", "/nowhere")
    assert hardware._system_memory()[0] == total
    assert hardware._system_memory()[1] == pytest.approx(available, rel=0.5)

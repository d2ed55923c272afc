"""Default settings, safer ones, and the store of tuned settings."""

import json
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from phichat.engine import settings
from phichat.engine.base import EngineSettings
from phichat.engine.processors import described, first_guess, this_processor
from phichat.engine.settings import FEW_LAYERS, SMALL_CONTEXT, TuningStore, safer_settings, suggested, threads

RISKY = EngineSettings(context=4096, repacking=True, gpu_layers=-1)
MODEL = Path("model.gguf")


AMD_512 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2 avx512f avx512_vnni\n"
INTEL_AMX = "vendor_id\t: GenuineIntel\nflags\t\t: avx2 avx512f amx_tile amx_int8\n"
ARM_DOT, ARM_OLD = "Features\t: fp asimd asimddp i8mm\n", "Features\t: fp asimd\n"


@pytest.mark.parametrize(
    ("machine", "info", "features", "repacking"),
    [
        ("x86_64", AMD_512, {"AVX2", "AVX-512"}, True),
        ("x86_64", AMD_512.replace("avx512f", ""), {"AVX2"}, False),
        ("amd64", INTEL_AMX, {"AVX2", "AVX-512", "AMX"}, False),
        ("aarch64", ARM_DOT, {"NEON", "dot products"}, True),
        ("arm64", ARM_OLD, {"NEON"}, False),
        ("x86_64", "", set(), False),
    ],
)
def test_the_first_guess_is_the_best_for_each_kind_of_processor(
    machine: str, info: str, features: set[str], repacking: bool
) -> None:
    kind = described(machine, info)
    assert kind.features == features
    assert first_guess(kind).repacking is repacking


def test_the_guess_is_what_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "this_processor", lambda: described("x86_64", AMD_512))
    assert suggested(2048) == EngineSettings(
        context=2048, threads=threads(), flash_attention=False, repacking=True, cache_type=""
    )


@pytest.mark.parametrize("system", ["win32", "darwin", "linux"])
@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_every_system_has_a_guess(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr("phichat.engine.processors.sys.platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    this_processor.cache_clear()
    try:
        assert this_processor().machine == machine
    finally:
        this_processor.cache_clear()


@pytest.mark.parametrize("cores", [None, 0, 1, 64])
def test_there_is_at_least_one_thread_and_never_more_than_processors(
    monkeypatch: pytest.MonkeyPatch, cores: int | None
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: cores)
    assert 1 <= threads() <= (os.cpu_count() or 1)


def test_each_step_gives_up_one_thing_more() -> None:
    steps = [settings for settings, _ in safer_settings(RISKY)]
    without_repacking = replace(RISKY, repacking=False)
    few_layers = replace(without_repacking, gpu_layers=FEW_LAYERS)
    without_gpu = replace(few_layers, gpu_layers=0)
    assert steps == [without_repacking, few_layers, without_gpu, replace(without_gpu, context=SMALL_CONTEXT)]
    assert len({how for _, how in safer_settings(RISKY)}) == 4


def test_the_safest_settings_have_nothing_to_give_up() -> None:
    assert not list(safer_settings(EngineSettings(context=SMALL_CONTEXT, repacking=False, gpu_layers=0)))


@pytest.mark.parametrize(
    ("ending", "steps"),
    [
        ("SIGILL", [("haswell", True), ("haswell", False)]),  # the processor's word: rewritten weights may stay
        ("SIGSEGV", [("", False), ("haswell", False)]),
        ("SIGABRT", [("", False)]),  # llama.cpp's own doing, and that of damaged models
        ("SIGKILL", [("", False)]),
    ],
)
def test_a_lesser_processor_is_pretended_where_that_may_be_the_reason(
    ending: str, steps: list[tuple[str, bool]]
) -> None:
    settings = EngineSettings(context=SMALL_CONTEXT, repacking=True, gpu_layers=0)
    found = [(each.variant, each.repacking) for each, _ in safer_settings(settings, lower="haswell", ending=ending)]
    assert found == steps


def test_what_was_given_up_stays_given_up_and_nothing_else_changes(home: Path) -> None:
    memory = TuningStore(home / "engine.json")
    memory.remember(MODEL, RISKY, replace(RISKY, repacking=False))
    assert memory.recall(MODEL, replace(RISKY, context=8192, threads=3)) == replace(
        RISKY, context=8192, threads=3, repacking=False
    )


def test_a_later_failure_adds_to_what_is_known(home: Path) -> None:
    memory = TuningStore(home / "engine.json")
    memory.remember(MODEL, RISKY, replace(RISKY, repacking=False))
    memory.remember(MODEL, replace(RISKY, repacking=False), replace(RISKY, repacking=False, gpu_layers=0))
    assert memory.recall(MODEL, RISKY) == replace(RISKY, repacking=False, gpu_layers=0)


def test_a_smaller_context_is_not_kept(home: Path) -> None:
    """Memory that lacked once is there again."""
    memory = TuningStore(home / "engine.json")
    memory.remember(MODEL, RISKY, replace(RISKY, context=2048, repacking=False))
    assert memory.recall(MODEL, RISKY) == replace(RISKY, repacking=False)
    written = json.loads((home / "engine.json").read_text())
    for entry in written.values():
        entry["context"] = 2048  # as earlier versions kept it
    (home / "engine.json").write_text(json.dumps(written))
    assert memory.recall(MODEL, RISKY) == replace(RISKY, repacking=False)


def test_another_model_or_library_is_tried_afresh(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = TuningStore(home / "engine.json")
    memory.remember(MODEL, RISKY, replace(RISKY, repacking=False))
    assert memory.recall(Path("other.gguf"), RISKY) == RISKY
    monkeypatch.setattr(settings, "library_build", lambda: "a newer one")
    assert memory.recall(MODEL, RISKY) == RISKY


@pytest.mark.parametrize("has_source", [True, False])
def test_the_library_is_named_by_its_version(has_source: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_source:  # as in a frozen program
        monkeypatch.setattr(settings, "find_spec", lambda _: None)
    settings.library_build.cache_clear()
    assert settings.library_build() == f"llama-cpp-python {metadata.version('llama-cpp-python')}"
    assert bool(settings._written_version()) is has_source


def test_a_file_that_was_replaced_is_tried_afresh(home: Path, tmp_path: Path) -> None:
    memory, model = TuningStore(home / "engine.json"), tmp_path / "model.gguf"
    model.write_bytes(b"old")
    memory.remember(model, RISKY, replace(RISKY, repacking=False))
    model.write_bytes(b"newer")
    assert memory.recall(model, RISKY) == RISKY


@pytest.mark.parametrize("junk", ["", "{", "[" * 100_000, "[]", "null", '"x"', "\x00", '{"KEY": 5}',
                                  '{"KEY": {"context": "x"}}',
                                  '{"KEY": {"gpu_layers": null, "repacking": 3, "variant": [], "x": 1}}'])  # fmt: skip
def test_a_spoilt_file_is_like_none_and_written_anew(home: Path, junk: str) -> None:
    memory = TuningStore(home / "engine.json")
    home.mkdir()
    (home / "engine.json").write_text(junk.replace("KEY", memory._key(MODEL)))
    assert memory.recall(MODEL, RISKY) == RISKY
    memory.remember(MODEL, RISKY, replace(RISKY, repacking=False))
    assert memory.recall(MODEL, RISKY).repacking is False


def test_two_that_remember_at_once_lose_nothing_of_each_other(home: Path) -> None:
    models = [Path(f"{number}.gguf") for number in range(40)]

    def remember(model: Path) -> None:
        TuningStore(home / "engine.json").remember(model, RISKY, replace(RISKY, repacking=False))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remember, models))
    memory = TuningStore(home / "engine.json")
    assert [model for model in models if memory.recall(model, RISKY).repacking] == []


def test_where_nothing_can_be_written_it_is_remembered_until_the_end(home: Path) -> None:
    home.write_text("a file where the folder should be")
    memory = TuningStore(home / "engine.json")
    memory.remember(MODEL, RISKY, replace(RISKY, repacking=False))
    assert memory.recall(MODEL, RISKY) == replace(RISKY, repacking=False)
    assert TuningStore(home / "engine.json").recall(MODEL, RISKY) == RISKY


def test_without_a_file_it_is_remembered_until_the_end() -> None:
    memory = TuningStore(None)
    memory.remember(MODEL, RISKY, replace(RISKY, repacking=False))
    assert memory.recall(MODEL, RISKY) == replace(RISKY, repacking=False)
    assert TuningStore(None).recall(MODEL, RISKY) == RISKY

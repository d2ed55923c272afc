"""The choice of a CPU variant, from a folder of stand-ins."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from phichat.engine.base import VariantChosen
from phichat.engine.llama import hardware as variants
from phichat.errors import EngineError

INTEL = {"sapphirerapids": 4032, "zen4": 1984, "icelake": 1472, "alderlake": 128, "haswell": 64, "sse42": 5, "x64": 1}
OLD = {name: worth if worth < 64 else 0 for name, worth in INTEL.items()}
SUFFIX = Path(variants._FILES).suffix
ARM = {"armv9.2_2": 127, "armv8.6_1": 31, "armv8.2_2": 7, "armv8.2_1": 3, "armv8.0_1": 1}


class Library:
    """Implements the three functions of ggml that choose: `loaded` are the files it was told to use."""

    def __init__(self, built_in: int = 0) -> None:
        self.loaded: list[str] = []
        self._built_in = built_in

    def ggml_backend_reg_count(self) -> int:
        return self._built_in + len(self.loaded)

    def ggml_backend_load(self, path: bytes) -> None:
        if Path(os.fsdecode(path)).is_file():
            self.loaded.append(os.fsdecode(path))


Install = Callable[..., Library]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A build with such variants in `tmp_path`, in place of the real one."""

    def make(worths: Mapping[str, int], built_in: int = 0) -> Library:
        for name in worths:
            (tmp_path / f"libggml-cpu-{name}{SUFFIX}").touch()
        library = Library(built_in)
        fake = SimpleNamespace(_lib=SimpleNamespace(_name=str(tmp_path / f"libllama{SUFFIX}")))
        monkeypatch.setattr(variants, "lib", fake)
        monkeypatch.setattr(variants, "_ggml", lambda: library)
        monkeypatch.setattr(variants, "_worth", lambda file: worths[file.stem.partition("-cpu-")[2]])
        monkeypatch.setattr(variants, "_loaded", None)
        return library

    return make


@pytest.mark.parametrize(
    ("worths", "wanted", "expected"),
    [
        (INTEL, "", VariantChosen("sapphirerapids", "zen4")),
        (INTEL, "zen4", VariantChosen("zen4", "haswell")),
        (INTEL, "icelake", VariantChosen("icelake", "haswell")),
        (INTEL, "haswell", VariantChosen("haswell", "sse42")),
        (INTEL, "x64", VariantChosen("x64", "")),
        (INTEL, "of another build", VariantChosen("sapphirerapids", "zen4")),
        (OLD, "", VariantChosen("sse42", "x64")),
        (OLD, "haswell", VariantChosen("sse42", "x64")),
        (ARM, "", VariantChosen("armv9.2_2", "armv8.2_2")),
        (ARM, "armv8.2_2", VariantChosen("armv8.2_2", "armv8.0_1")),
        ({"": 1}, "", VariantChosen("", "")),
    ],
)
def test_the_best_that_runs_here_is_chosen_unless_another_is_wanted(
    worths: dict[str, int], wanted: str, expected: VariantChosen
) -> None:
    assert variants.best_variant(worths, wanted) == expected


def test_from_the_best_one_goes_down_to_the_least_in_a_few_steps() -> None:
    steps = [variants.best_variant(INTEL)]
    while steps[-1].lower:
        steps.append(variants.best_variant(INTEL, steps[-1].lower))
    assert [step.variant for step in steps] == ["sapphirerapids", "zen4", "haswell", "sse42", "x64"]


def test_it_is_loaded_by_its_whole_path_whatever_lies_in_the_current_folder(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = install(INTEL)
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    (elsewhere / f"libggml-cpu-sapphirerapids{SUFFIX}").touch()
    monkeypatch.chdir(elsewhere)
    variants.load_variant(variants.choose_variant())
    assert library.loaded == [str(tmp_path / f"libggml-cpu-sapphirerapids{SUFFIX}")]


def test_a_process_keeps_the_one_it_began_with(install: Install) -> None:
    library = install(INTEL)
    variants.load_variant(variants.choose_variant("haswell"))
    variants.load_variant(variants.choose_variant(""))
    assert variants.choose_variant("zen4") == VariantChosen("haswell", "sse42")
    assert len(library.loaded) == 1


def test_a_build_for_one_kind_of_processor_is_left_alone(install: Install) -> None:
    library = install(INTEL, built_in=1)
    assert variants.choose_variant("haswell") == VariantChosen()
    variants.load_variant(variants.choose_variant("haswell"))
    assert library.loaded == []


def test_a_build_that_cannot_be_asked_is_left_alone(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(INTEL)
    monkeypatch.setattr(variants, "_ggml", object)
    assert variants.choose_variant() == VariantChosen()
    variants.load_variant(variants.choose_variant())


@pytest.mark.parametrize("worths", [{}, {"haswell": 0, "zen4": 0}])
def test_where_none_runs_one_sentence_says_so(install: Install, tmp_path: Path, worths: dict[str, int]) -> None:
    install(worths)
    with pytest.raises(EngineError, match="this computer’s processor"):
        variants.choose_variant()


def test_one_that_cannot_be_loaded_is_not_replaced_by_what_lies_about(install: Install, tmp_path: Path) -> None:
    library = install(INTEL)
    chosen = variants.choose_variant()
    (tmp_path / f"libggml-cpu-{chosen.variant}{SUFFIX}").write_bytes(b"")
    library.ggml_backend_load = lambda path: None  # type: ignore[method-assign]
    with pytest.raises(EngineError):
        variants.load_variant(chosen)

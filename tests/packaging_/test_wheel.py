"""The wheel of llama.cpp for releases: how it is compiled, and that only one that will do is kept."""

import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from building import llama
from building.project import Trouble
from targets import wheel

HERE = {"linux": "linux", "win32": "win", "darwin": "macosx_14_0"}[sys.platform]
NAME = f"llama_cpp_python-{llama.version()}-py3-none-{HERE}_{llama.machine()}.whl"
MAC = f"llama_cpp_python-{llama.version()}-py3-none-macosx_14_0_arm64.whl"
VARIANTS = ("x64", "sse42", "sandybridge", "haswell", "alderlake", "skylakex", "icelake", "zen4", "sapphirerapids")
ARM = ("armv8.0_1", "armv8.2_1", "armv8.2_2", "armv8.6_1", "armv9.2_2")
NEEDED = (*(f"libggml-cpu-{name}.so" for name in (*VARIANTS, *ARM)), "libllama.so", "libggml.so.0", "libggml-base.so.0")
NEEDLESS = ("libllama.so.0", "libggml.so", "libggml.so.0.25.3", "libllama-common.so.0", "cmake/ggml/ggml-config.cmake")

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(llama, "compiler", lambda system: "a compiler 1.0")
    monkeypatch.setattr(wheel, "FOLDER", tmp_path / "kept")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a wheel of such libraries, which say that they need `runtime`."""

    def write(libraries: Iterable[str], name: str = NAME, runtime: str = "libgomp.so.1") -> Path:
        names = [f"llama_cpp/lib/{library}" for library in libraries]
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for library in names:
                archive.writestr(library, runtime)
            archive.writestr("x.dist-info/RECORD", "".join(f"{library},sha256=x,{len(runtime)}\n" for library in names))
        return tmp_path / name

    return write


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name.removeprefix("llama_cpp/lib/") for name in archive.namelist()}


@pytest.mark.parametrize(
    ("system", "machine", "has", "has_not"),
    [
        ("linux", "x86_64", ["-DGGML_CPU_ALL_VARIANTS=ON", "-DGGML_BACKEND_DL=ON"], ["-DGGML_METAL=ON"]),
        ("linux", "arm64", ["-DGGML_CPU_ALL_VARIANTS=ON", "-DCMAKE_INSTALL_RPATH=$ORIGIN"], []),
        (
            "win32",
            "x86_64",
            ["-DGGML_CPU_ALL_VARIANTS=ON", "-DCMAKE_C_COMPILER=clang"],
            ["-DGGML_CPU_ARM_ARCH=armv8-a"],
        ),
        ("win32", "arm64", ["-DGGML_CPU_ARM_ARCH=armv8-a"], ["-DGGML_CPU_ALL_VARIANTS=ON", "-DGGML_BACKEND_DL=ON"]),
        ("darwin", "arm64", ["-DGGML_METAL=ON", "-DCMAKE_INSTALL_RPATH=@loader_path"], ["-DGGML_BACKEND_DL=ON"]),
    ],
)
def test_each_system_gets_what_fits_all_its_computers(
    system: str, machine: str, has: list[str], has_not: list[str]
) -> None:
    arguments = llama.recipe(system, machine).arguments
    assert {*has, "-DGGML_NATIVE=OFF", "-DGGML_OPENMP=ON"} <= set(arguments)
    assert not set(has_not) & set(arguments)


def test_the_time_of_the_release_is_kept_from_the_compilation_as_it_would_turn_instructions_off(tmp_path: Path) -> None:
    variables = llama.recipe("linux", "x86_64").environment({"SOURCE_DATE_EPOCH": "1", "CFLAGS": "-g"}, tmp_path)
    assert "SOURCE_DATE_EPOCH" not in variables
    assert variables["CFLAGS"] == f"-g -ffile-prefix-map={tmp_path.as_posix()}=."


def test_another_compiler_compiles_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = llama.recipe("linux", "x86_64").fingerprint()
    assert llama.recipe("linux", "x86_64").fingerprint() == before
    monkeypatch.setattr(llama, "compiler", lambda system: "a compiler 1.1")
    assert llama.recipe("linux", "x86_64").fingerprint() != before


def test_one_that_was_compiled_elsewhere_spares_the_compilation(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled() -> Path:
        raise AssertionError

    monkeypatch.setattr(wheel, "_compiled", compiled)
    kept = wheel.keep(make(NEEDED))
    assert wheel.wheel_path() == kept
    assert wheel.keep(kept) == kept


def test_what_was_compiled_is_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "_compiled", lambda: make(NEEDED))
    first = wheel.wheel_path()
    monkeypatch.setattr(wheel, "_compiled", None)
    assert wheel.wheel_path() == first


def test_checks_take_the_last_one_whatever_compiler_made_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = wheel.keep(make(NEEDED))
    monkeypatch.setattr(llama, "compiler", lambda system: "another one")
    assert wheel.last_wheel() == kept


def test_what_nothing_asks_for_is_left_out_and_no_time_is_in_it(make: Make) -> None:
    kept = wheel.keep(make([*NEEDED, *NEEDLESS]))
    assert names(kept) == {*NEEDED, "x.dist-info/RECORD"}
    with zipfile.ZipFile(kept) as archive:
        listed = {line.partition(",")[0] for line in archive.read("x.dist-info/RECORD").decode().splitlines()}
    assert listed == {f"llama_cpp/lib/{name}" for name in NEEDED}
    before = kept.read_bytes()
    assert wheel.keep(make([*reversed(NEEDLESS), *reversed(NEEDED)])).read_bytes() == before


@pytest.mark.parametrize(
    "name",
    [
        "llama_cpp_python-0.1.0-py3-none-linux_x86_64.whl",
        NAME.replace(llama.machine(), "riscv64"),
        MAC,
        "phichat-0.1.0-py3-none-any.whl",
    ],
)
def test_one_of_another_version_or_system_is_refused(make: Make, name: str) -> None:
    with pytest.raises(Trouble, match="is not llama-cpp-python"):
        llama.check(make(NEEDED, name), "linux", "x86_64")


def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="there is no file"):
        wheel.keep(tmp_path / NAME)


def test_one_for_this_computer_alone_is_refused(make: Make) -> None:
    linux = f"llama_cpp_python-{llama.version()}-py3-none-linux_x86_64.whl"
    with pytest.raises(Trouble, match=r"lacks llama\.cpp for alderlake, haswell"):
        llama.check(make(["libggml-cpu.so", "libllama.so"], linux), "linux", "x86_64")
    llama.check(make(["libggml-cpu.0.dylib", "libllama.dylib"], MAC, runtime="libomp.dylib"), "darwin", "arm64")


@pytest.mark.parametrize("libraries", [NEEDED, ["libllama.so"]])
def test_one_without_openmp_is_refused(make: Make, libraries: list[str]) -> None:
    with pytest.raises(Trouble, match="without OpenMP"):
        llama.check(make(libraries, MAC, runtime=""), "darwin", "arm64")

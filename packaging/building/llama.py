"""How llama.cpp is compiled for a release, and what must be in the wheel that comes of it."""

import hashlib
import json
import os
import platform
import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from building.project import ROOT, Trouble, output

LIBRARIES = "llama_cpp/lib"

_VARIANTS = {
    "x86_64": {"x64", "sse42", "sandybridge", "haswell", "alderlake", "skylakex", "icelake", "zen4", "sapphirerapids"},
    "arm64": {"armv8.0_1", "armv8.2_1", "armv8.2_2", "armv8.6_1", "armv9.2_2"},
}
"""Some of those that must be there: CMake leaves out in silence what a compiler does not know."""

_TAGS = {"linux": "(many)?linux", "win32": "win", "darwin": "macosx"}
_MACHINES = {"x86_64": ("x86_64", "amd64"), "arm64": ("arm64", "aarch64")}
"""How wheels' names spell it."""

_OPENMP = (b"libgomp", b"libomp", b"libiomp", b"vcomp")

_NEEDLESS = re.compile(
    rf"{LIBRARIES}/(cmake|pkgconfig)/|llama_cpp/include/|llama-common|\.lib$"
    r"|\.so\.\d+\.\d|\.\d+\.\d+\.\d+\.dylib$"  # the whole version is in no other library's list of needs
    r"|libllama\.so\.\d|libllama\.\d+\.dylib$|libggml(-base)?\.so$|libggml(-base|-cpu|-blas|-metal)?\.dylib$"
)
"""Copies under names that nobody asks for, as wheels know no links, and what only compilers read."""


@dataclass(frozen=True)
class Recipe:
    """All that decides what the libraries are like."""

    version: str
    compiler: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """A name for the folder of what is made by it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def environment(self, given: Mapping[str, str], source: Path) -> dict[str, str]:
        """For the compilation of `source`.

        With SOURCE_DATE_EPOCH llama.cpp's makefiles turn instructions off. Compilers write the paths of sources into
        what they make, and those of this computer are nobody's business.
        """
        flags = f"-ffile-prefix-map={source.as_posix()}=."
        variables = {name: value for name, value in given.items() if name != "SOURCE_DATE_EPOCH"} | dict(self.variables)
        for name in ("CFLAGS", "CXXFLAGS"):
            variables[name] = f"{variables.get(name, '')} {flags}".strip()
        return variables | {"CMAKE_ARGS": " ".join(self.arguments)}


def recipe(system: str, machine: str) -> Recipe:
    """For a system, as `sys.platform` calls it, and a machine, "x86_64" or "arm64"."""
    origin = "@loader_path" if system == "darwin" else "$ORIGIN"
    settings = {
        "GGML_NATIVE": "OFF",
        "GGML_OPENMP": "ON",
        "LLAVA_BUILD": "OFF",
        "CMAKE_INSTALL_BINDIR": LIBRARIES,
        "CMAKE_INSTALL_LIBDIR": LIBRARIES,
        "CMAKE_INSTALL_INCLUDEDIR": "llama_cpp/include",
        "CMAKE_INSTALL_RPATH": origin,
    }
    if has_variants(system, machine):
        settings |= {"GGML_BACKEND_DL": "ON", "GGML_CPU_ALL_VARIANTS": "ON"}
    variables: dict[str, str] = {}
    if system == "win32":  # Microsoft's compiler knows fewer instructions, and none of arm64's
        settings |= {"CMAKE_C_COMPILER": "clang", "CMAKE_CXX_COMPILER": "clang++", "GGML_OPENMP_FETCH": "ON"}
        variables["CMAKE_GENERATOR"] = "Ninja"
        if machine == "arm64":
            settings["GGML_CPU_ARM_ARCH"] = "armv8-a"
    if system == "darwin":
        settings |= {"GGML_METAL": "ON", "GGML_METAL_EMBED_LIBRARY": "ON"}
        variables["MACOSX_DEPLOYMENT_TARGET"] = "14.0"
        if machine == "x86_64":  # no older one runs macOS 14, and llama-cpp-python would turn AVX off
            variables |= {"CFLAGS": "-march=haswell", "CXXFLAGS": "-march=haswell"}
    arguments = tuple(f"-D{name}={value}" for name, value in settings.items())
    return Recipe(version(), compiler(system), arguments, variables)


def has_variants(system: str, machine: str) -> bool:
    """Whether there is a library for each generation of processors; llama.cpp knows none of arm64's on Windows."""
    return system == "linux" or (system, machine) == ("win32", "x86_64")


def version() -> str:
    """Of llama-cpp-python: the first that pyproject.toml allows, as that is what everything was measured with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = re.search(r"llama-cpp-python>=([\d.]+)", " ".join(project["dependencies"]))
    if not found:
        raise Trouble("pyproject.toml does not say from which version on llama-cpp-python is needed.")
    return found[1]


def compiler(system: str) -> str:
    """What the compiler says of itself in one line; nothing where there is none, and wheels come from elsewhere."""
    name = "clang++" if system == "win32" else os.environ.get("CXX", "c++")
    return output(*name.split(), "--version").partition("\n")[0] if shutil.which(name.split()[0]) else ""


def machine() -> str:
    """This computer's kind, under one name on all systems."""
    name = platform.machine().lower()
    return next((usual for usual, spellings in _MACHINES.items() if name in spellings), name)


def check(wheel: Path, system: str, machine: str) -> None:
    """A Trouble if the wheel is of another version or system, or lacks a variant it must have, or OpenMP."""
    tag = rf"{_TAGS[system]}\w*_({'|'.join(_MACHINES[machine])})"
    if not re.fullmatch(rf"llama_cpp_python-{re.escape(version())}-py3-none-{tag}\.whl", wheel.name):
        raise Trouble(
            f"{wheel.name} is not llama-cpp-python {version()}, where pyproject.toml begins, for this system."
        )
    with zipfile.ZipFile(wheel) as archive:
        computing = [name for name in archive.namelist() if "ggml-cpu" in name and name.startswith(LIBRARIES)]
        without = [name for name in computing if not any(word in archive.read(name) for word in _OPENMP)]
    variants = {PurePosixPath(name).stem.partition("ggml-cpu-")[2] for name in computing}
    wanted = _VARIANTS.get(machine, set()) if has_variants(system, machine) else set()
    if missing := wanted - variants:
        raise Trouble(f"{wheel.name} lacks llama.cpp for {', '.join(sorted(missing))}: was it compiled by this target?")
    if not computing or without:
        raise Trouble(f"{wheel.name} is without OpenMP ({_listed(without)}): the compiler did not find it.")


def settle(wheel: Path, target: Path) -> None:
    """Write `wheel` to `target`, without copies that nothing asks for, and the same bytes for the same contents."""
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as fresh:
        for name in sorted(archive.namelist(), key=lambda name: (".dist-info/" in name, name)):
            if _NEEDLESS.search(name) or name.endswith("/"):
                continue
            data = archive.read(name)
            if name.endswith(".dist-info/RECORD"):
                lines = sorted(data.decode().splitlines())
                data = "".join(f"{line}\n" for line in lines if not _NEEDLESS.search(line.partition(",")[0])).encode()
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            fresh.writestr(entry, data, zipfile.ZIP_DEFLATED)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(PurePosixPath(name).name for name in names) or "and without a library that computes"

"""What the bundle is made of, by the lists that PyInstaller leaves of the files it took and where it found them."""

import ast
import hashlib
import json
import platform
import re
import sqlite3
import ssl
import sys
import sysconfig
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import cast

from building import debian_packages
from building.project import PACKAGING, ROOT, Trouble, output

TEXTS = PACKAGING / "licences"
IS_LICENCE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS|COPYRIGHT)", re.IGNORECASE)
OF_QT = ("qt.txt", "LGPL-3.0.txt", "GPL-3.0.txt")
OUR_READING = {
    "jinja2": "BSD-3-Clause",
    "pyinstaller": "GPL-2.0-or-later WITH Bootloader-exception",
    "pypdfium2": "Apache-2.0 OR BSD-3-Clause",
}
"""Packages whose texts say more exactly than their metadata."""
NAMES = {
    "MIT License": "MIT",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
}  # of licences, as they are called and as SPDX calls them
ASK_LLAMA = """
import ctypes, sys
for file, name in zip(sys.argv[1:], ("llama_version", "ggml_commit")):
    ask = getattr(ctypes.CDLL(file), name)
    ask.restype = ctypes.c_char_p
    print(ask().decode(), end=" ")
"""  # in a process of its own, as Windows keeps files that are loaded
STARTER_LICENCE = "Apache-2.0"
FILES = ("BINARY", "EXTENSION", "DATA")  # of the kinds in PyInstaller's lists; modules are all in one file
PLACES = ("", "_internal/", "Contents/Frameworks/", "Contents/Resources/")

Entry = tuple[str, str, str]
"""As PyInstaller lists files: where it goes, where it comes from (or leads to), what it is."""


@dataclass(frozen=True, order=True)
class Part:
    """One thing that others made. `address` is its package URL, `texts` are where its licence is written."""

    name: str
    version: str
    licence: str
    address: str
    kind: str = "library"
    texts: tuple[Path, ...] = ()
    sha256: str = ""


def parts(folder: Path, environment: Path, work: Path) -> list[Part]:
    """What is in the bundle `folder`, made of the packages in `environment`, with PyInstaller's lists in `work`."""
    sources = set(_sources(folder, work))
    packages = {dist.name: dist for dist in _distributions(environment) if not sources.isdisjoint(_files(dist))}
    found = [_package(dist) for name, dist in packages.items() if name.lower() != "phichat"]
    found += [_python(), *_inside_python(), *_inside_packages(packages, environment), *_models(folder)]
    owned = {file for dist in packages.values() for file in _files(dist)}
    strangers = {file for file in sources - owned if not _is_known(file, environment.parent)}
    return sorted({*found, *_from_system(strangers)})


def entries(text: str) -> Iterator[Entry]:
    """All files in a list of PyInstaller's, which is written as Python writes tuples and lists."""
    waiting = [ast.literal_eval(text)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple) and len(value) == 3 and all(isinstance(word, str) for word in value):
            yield cast(Entry, value)
        elif isinstance(value, tuple | list):
            waiting.extend(value)


def licence(stated: Message) -> str:
    """What a package's metadata says, in whichever of the three ways there are."""
    word = stated.get("License-Expression") or stated.get("License") or ""
    if word and word != "UNKNOWN" and len(word) < 80 and "\n" not in word:
        return NAMES.get(word, str(word))
    classes = [line.rpartition(" :: ")[2] for line in stated.get_all("Classifier", []) if line.startswith("License ::")]
    return ", ".join(NAMES.get(name, name) for name in classes)


def _sources(folder: Path, work: Path) -> Iterator[Path]:
    """The files that were taken, without those that were left out later."""
    lists = [file for kind in ("COLLECT", "PYZ", "PKG") for file in sorted(work.rglob(f"{kind}-*.toc"))]
    if not lists:
        raise Trouble(f"{work} has no lists of PyInstaller's: build the bundle here first.")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    for list_ in lists:
        for place, source, kind in entries(list_.read_text("utf-8")):
            name = place.replace("\\", "/")
            is_there = kind not in FILES or any(before + name in there for before in PLACES)
            if is_there and kind != "SYMLINK" and Path(source).is_absolute():
                yield Path(source).resolve()


def _distributions(environment: Path) -> list[Distribution]:
    homes = [*environment.glob("lib/python*/site-packages"), *environment.glob("Lib/site-packages")]
    return list(distributions(path=[str(home) for home in homes]))


def _files(dist: Distribution) -> set[Path]:
    """All but its papers, which the bundle has of packages, too, that are not in it."""
    code = (file for file in dist.files or [] if ".dist-info" not in file.parts[0])
    return {Path(str(dist.locate_file(file))).resolve() for file in code}


def _package(dist: Distribution) -> Part:
    name = _plain_name(dist.name)
    stated = OUR_READING.get(name.lower()) or licence(cast(Message, dist.metadata))
    address = f"pkg:pypi/{name.lower()}@{dist.version}"
    return Part(name, dist.version, stated, address, texts=_texts(dist, name.lower()))


def _plain_name(name: str) -> str:
    return re.sub("[-_.]+", "-", name)


def _texts(dist: Distribution, name: str) -> tuple[Path, ...]:
    """Its own, or else ours: some packages bring none."""
    papers = [file for file in dist.files or [] if ".dist-info" in str(file)]
    own = [file for file in papers if IS_LICENCE.search(file.name) or "licenses" in file.parts]
    if paths := sorted(path for file in own if (path := Path(str(dist.locate_file(file)))).is_file()):
        return tuple(paths)
    if name.startswith(("pyside6", "shiboken6")):
        return tuple(TEXTS / file for file in OF_QT)
    ours = TEXTS / f"{name}.txt"
    return (ours,) if ours.is_file() else ()


def _python() -> Part:
    version = platform.python_version()
    homes = [Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix)]
    places = [*(home / "LICENSE.txt" for home in homes), Path(f"/usr/share/doc/python{version[:4]}/copyright")]
    text = next((file for file in places if file.is_file()), None)
    return Part("Python", version, "PSF-2.0", f"pkg:generic/python@{version}", "platform", (text,) if text else ())


def _inside_python() -> Iterator[Part]:
    """What Python's makers put into it for Windows and macOS; on Linux it comes from the system."""
    if platform.system() == "Linux":
        return
    openssl = ".".join(map(str, ssl.OPENSSL_VERSION_INFO[:3]))
    for name, version, stated in (
        ("OpenSSL", openssl, "Apache-2.0"),
        ("SQLite", sqlite3.sqlite_version, "blessing"),
        ("zlib", zlib.ZLIB_RUNTIME_VERSION, "Zlib"),
    ):
        yield Part(name, version, stated, f"pkg:generic/{name.lower()}@{version}", texts=_python().texts)


def _inside_packages(packages: dict[str, Distribution], environment: Path) -> Iterator[Part]:
    """What is no Python, but comes in packages of it."""
    for name, dist in packages.items():
        if _plain_name(name).lower() == "pyside6-essentials":
            texts = tuple(TEXTS / file for file in OF_QT)
            yield Part("Qt", dist.version, "LGPL-3.0-only", f"pkg:generic/qt@{dist.version}", texts=texts)
        if _plain_name(name).lower() == "llama-cpp-python":
            version, commit = _llama(environment)
            address = f"pkg:github/ggml-org/llama.cpp@{commit or version}"
            yield Part("llama.cpp", version, "MIT", address, texts=(TEXTS / "llama.cpp.txt",))
        if name.lower() == "pypdfium2":
            version = _pdfium(environment)
            text = tuple(file for file in _texts(dist, "pypdfium2") if file.name == "pdfium.txt")
            yield Part("PDFium", version, "BSD-3-Clause", f"pkg:generic/pdfium@{version}", texts=text)


def _llama(environment: Path) -> tuple[str, str]:
    """The version of llama.cpp, and the commit it was made from, as its libraries say."""
    homes = sorted(environment.rglob("llama_cpp/lib"))
    found = [sorted(homes[0].glob(f"*{name}.[sd]*")) for name in ("llama", "ggml-base")] if homes else []
    if not found or not all(found):
        return "", ""
    version, _, commit = output(sys.executable, "-c", ASK_LLAMA, *(files[0] for files in found)).partition(" ")
    return version, commit.removesuffix("-dirty")


def _pdfium(environment: Path) -> str:
    """The build of PDFium, as the package that carries it says."""
    files = sorted(environment.rglob("pypdfium2_raw/version.json"))
    return str(json.loads(files[0].read_text("utf-8"))["build"]) if files else ""


def _models(folder: Path) -> Iterator[Part]:
    texts = (TEXTS / "Apache-2.0.txt",)
    for file in sorted(file for file in folder.rglob("*.gguf") if file.parent.name != "resources"):  # that one is ours
        digest = _sha256(file)
        address = f"pkg:generic/{file.name}?checksum=sha256:{digest}"
        yield Part(file.name, "", STARTER_LICENCE, address, "machine-learning-model", texts, digest)


def _is_known(file: Path, work: Path) -> bool:
    """Whether it is Python's own, or made for this bundle in the folder `work`."""
    known = (Path(sys.base_prefix), work, ROOT)
    return any(file.is_relative_to(home.resolve()) for home in known) and not file.is_relative_to("/usr/lib")


def _from_system(files: set[Path]) -> Iterator[Part]:
    """The packages of Debian that have these files, and each file that none has."""
    packages = debian_packages.owners(files)
    for file in files - packages.keys():
        digest = _sha256(file)
        yield Part(file.name, "", "", f"pkg:generic/{file.name}?checksum=sha256:{digest}", "file", sha256=digest)
    for package in set(packages.values()):
        yield Part(package.name, package.version, package.licence(), package.address(), texts=package.texts())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

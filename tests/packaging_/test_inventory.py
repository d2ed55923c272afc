"""What the bundle is found to be made of, and the text of its licences."""

from pathlib import Path

import pytest
from building.inventory import Part, parts
from building.licences import third_party
from building.project import Trouble

MIT = "Permission is hereby granted"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment with three packages, of which one is for building alone."""
    home = tmp_path / "build" / "environment" / "lib" / "python3.13" / "site-packages"
    home.mkdir(parents=True)
    _package(home, "polite", "1.0", "License: MIT", "polite.py")
    _package(home, "Builder_Only", "9", "License-Expression: BSD-2-Clause", "builder.py")
    _package(home, "llama_cpp_python", "0.3.36", "License-Expression: MIT", "llama_cpp/lib/libllama.txt")
    _package(home, "pypdfium2", "5.15.2", "License: several", "pypdfium2_raw/version.json")
    (home / "pypdfium2_raw" / "version.json").write_text('{"build": 8149}', "utf-8")
    return tmp_path / "build" / "environment"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """What was made of it."""
    folder = tmp_path / "Phichat"
    taken = ("llama_cpp/lib/libllama.txt", "pypdfium2_raw/version.json")
    for name in (*taken, "libodd.so.1", "starter/small.gguf", "phichat/resources/our.gguf"):
        (folder / "_internal" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "_internal" / name).touch()
    return folder


def test_what_was_taken_is_named_with_its_version_and_licence(tmp_path: Path, environment: Path, bundle: Path) -> None:
    home = environment / "lib" / "python3.13" / "site-packages"
    (tmp_path / "libodd.so.1").touch()
    (tmp_path / "libdropped.so.1").touch()
    work = tmp_path / "work"
    work.mkdir()
    (work / "PYZ-00.toc").write_text(repr(("PYZ.pyz", [("polite", str(home / "polite.py"), "PYMODULE")])))
    taken = [
        ("llama_cpp/lib/libllama.txt", str(home / "llama_cpp/lib/libllama.txt"), "DATA"),
        ("llama_cpp/lib/link.txt", "libllama.txt", "SYMLINK"),
        ("pypdfium2_raw/version.json", str(home / "pypdfium2_raw/version.json"), "DATA"),
        ("libodd.so.1", str(tmp_path / "libodd.so.1"), "BINARY"),
        ("libdropped.so.1", str(tmp_path / "libdropped.so.1"), "BINARY"),
    ]
    (work / "COLLECT-00.toc").write_text(repr((taken,)))

    found = {part.name: part for part in parts(bundle, environment, work)}

    assert {"Builder-Only", "libdropped.so.1", "our.gguf"}.isdisjoint(found)
    assert (found["polite"].licence, found["polite"].address) == ("MIT", "pkg:pypi/polite@1.0")
    assert found["small.gguf"].kind == "machine-learning-model"
    assert found["libodd.so.1"].kind == "file"
    assert {"llama-cpp-python", "llama.cpp", "Python"} <= found.keys()
    assert (found["PDFium"].version, found["pypdfium2"].licence) == ("8149", "Apache-2.0 OR BSD-3-Clause")


def test_without_the_lists_of_what_was_taken_nothing_is_made_up(tmp_path: Path, environment: Path) -> None:
    with pytest.raises(Trouble, match="build the bundle"):
        parts(tmp_path, environment, tmp_path)


def test_each_text_of_a_licence_is_there_once_with_all_it_is_for(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    one.write_text(MIT)
    same.write_text(f"{MIT}\r\n")
    other.write_text("Apache")
    text = third_party(
        [
            Part("Zeta", "2", "MIT", "pkg:a", texts=(same,)),
            Part("alpha", "1", "MIT", "pkg:b", texts=(one, other)),
            Part("Nameless", "", "", "pkg:c"),
        ]
    )
    assert text.count(MIT) == 1
    assert "alpha 1, Zeta 2" in text
    assert text.index("alpha 1: MIT") < text.index("Nameless: see its text") < text.index("Zeta 2: MIT")


def _package(home: Path, name: str, version: str, licence: str, *files: str) -> None:
    papers = home / f"{name}-{version}.dist-info"
    papers.mkdir()
    (papers / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{licence}\n")
    (papers / "LICENSE").write_text(MIT)
    for file in files:
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).touch()
    (papers / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, f"{papers.name}/LICENSE")))

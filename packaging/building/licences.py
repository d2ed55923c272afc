"""The licences of all that is in the bundle, in one text that goes with it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from building.inventory import TEXTS, Part
from building.project import Trouble

NAME = "THIRD-PARTY.txt"
RULE = "=" * 80
HEAD = """What Phichat is made of
=======================

Phichat itself has the MIT licence. It comes with the work of others, each under the licence beside it; the texts of
these licences follow, with the names of the parts that they are for.
"""


def write(folder: Path, found: Sequence[Part]) -> Path:
    """Put the text into the bundle `folder`; on macOS among the application's resources."""
    place = folder / "Contents" / "Resources" if folder.suffix == ".app" else folder
    silent = [part.name for part in found if not part.texts and part.kind != "file" and ":deb/" not in part.address]
    if silent:
        raise Trouble(f"no text of a licence for {', '.join(silent)}: put one into {TEXTS}, as NAME.txt.")
    file = place / NAME
    file.write_text(third_party(found), "utf-8", newline="\n")
    return file


def third_party(found: Iterable[Part]) -> str:
    """All parts with their licences, then each text once."""
    ordered = sorted(found, key=lambda part: (part.name.lower(), part.version))
    lines = [f"{part.name} {part.version}".rstrip() + f": {part.licence or 'see its text'}" for part in ordered]
    texts: dict[str, list[str]] = {}
    for part in ordered:
        for file in part.texts:
            texts.setdefault(_plain(file), []).append(f"{part.name} {part.version}".rstrip())
    blocks = [f"{RULE}\n{', '.join(dict.fromkeys(names))}\n{RULE}\n\n{text}\n" for text, names in texts.items()]
    return "\n".join([HEAD, *lines, "", *blocks])


def _plain(file: Path) -> str:
    return file.read_text("utf-8", "replace").replace("\r\n", "\n").lstrip("\ufeff").strip("\n")

"""The engine makes tokens on a processor of 2008, emulated, and finds down to what runs where one claims too much.

A Haswell without XSAVE says that it has AVX, which no program can use there: llama.cpp does not notice, and dies.
"""

import zipfile
from pathlib import Path

from building import llama
from building.project import Trouble, need
from building.replying import TOKENS, reply, tiny_model
from targets.wheel import last_wheel

NEHALEM, BOASTER = "Nehalem", "Haswell,-xsave"
LEAST = "sse42"


def check(folder: Path) -> str:
    """One reply in-process, and two from the hosted engine: one that has to find out, one that knows."""
    if llama.machine() != "x86_64":
        raise Trouble("these processors are x86-64's: check it there.")
    emulator = need("qemu-x86_64", "apt-get install qemu-user")
    model, library, home = tiny_model(folder / "tiny.gguf"), folder / "llama", folder / "home"
    zipfile.ZipFile(last_wheel()).extractall(library)
    old = reply(model, library, home, before=(emulator, "-cpu", NEHALEM))
    finding, knowing = (reply(model, library, home, child=(emulator, "-cpu", BOASTER)) for _ in range(2))
    here = reply(model, library, home)
    for name, found in (("old", old), ("finding", finding), ("knowing", knowing), ("here", here)):
        if found["tokens"] != TOKENS:
            raise Trouble(f"{name}: {found['tokens']} tokens came, not {TOKENS}")
    if {old["variant"], finding["variant"], knowing["variant"]} != {LEAST}:
        raise Trouble(f"not all chose {LEAST}: {old}, {finding}, {knowing}")
    if not finding["notices"] or knowing["notices"]:
        raise Trouble(f"what was found was not told once and remembered: {finding['notices']}, {knowing['notices']}")
    return (
        f"{TOKENS} tokens on {NEHALEM} in {old['variant']}; where AVX is claimed and cannot be used it died once, "
        f"came to {finding['variant']}, and remembered; this computer runs {here['variant']}"
    )

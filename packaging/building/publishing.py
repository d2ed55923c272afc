"""Where this build is published: the release workflow says it, and no other build knows it."""

import os
import re
from pathlib import Path

from building.project import Trouble

_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[\w.~-]+)+", re.ASCII)


def releases() -> str:
    """The address that tells the newest release, PHICHAT_RELEASES; empty where there is none."""
    address = os.environ.get("PHICHAT_RELEASES", "")
    if address and not _ADDRESS.fullmatch(address):
        raise Trouble(f"PHICHAT_RELEASES is {address!r}, which is no plain https address.")
    return address


def write_releases(package: Path) -> None:
    """Have the copy of phichat in the folder `package` know that address, if there is one."""
    if address := releases():
        file = package / "__init__.py"
        before, empty = file.read_text("utf-8"), 'RELEASES = ""'
        if empty not in before:
            raise Trouble(f"{file} has no line {empty}.")
        file.write_text(before.replace(empty, f'RELEASES = "{address}"'), "utf-8", newline="\n")

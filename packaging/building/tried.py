"""The bundle that checks are made with: the one built in a small Debian, if that was done, else the usual one."""

from pathlib import Path

from building.bundles import bundle_folder
from building.project import WORK


def tried_bundle() -> Path:
    """Where it is."""
    clean = WORK / "smoke" / "bundle" / "Phichat"
    return clean if clean.is_dir() else bundle_folder()

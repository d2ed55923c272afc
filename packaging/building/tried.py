"""The bundle that checks are made with: the newest of the one built in a small Debian and the usual one."""

from pathlib import Path

from building.bundles import bundle_folder
from building.project import WORK

CLEAN = WORK / "smoke" / "bundle" / "Phichat"


def tried_bundle() -> Path:
    """Where it is. All files in it bear the time of the release, so that only the folder's own change says its age."""
    found = [folder for folder in (CLEAN, WORK / "bundle" / "Phichat") if folder.is_dir()]
    return max(found, key=lambda folder: folder.stat().st_ctime) if found else bundle_folder()

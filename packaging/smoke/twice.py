"""The bundle is the same, byte for byte, when it is built once more in another folder."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from building.bundles import bundle_folder
from building.project import ROOT, WORK, Trouble, epoch, output, run
from targets.wheel import wheel_path


def check(folder: Path) -> str:
    """Build it there and here, and compare."""
    for name in output("git", "-C", str(ROOT), "ls-files").splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    wheel = wheel_path()
    env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch())}
    for place in (ROOT, folder):
        if (WORK / "starter").is_dir() and place == folder:
            shutil.copytree(WORK / "starter", folder / "build" / "starter")
        command = (sys.executable, "packaging/build.py", "bundle", "--starter", "beside", "--llama-wheel", wheel)
        run(*command, cwd=place, env=env)
    ours, theirs = (_described(place) for place in (bundle_folder(), folder / "build" / "bundle" / "Phichat"))
    if differing := sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)):
        raise Trouble(f"{len(differing)} files differ, among them {', '.join(differing[:5])}.")
    return f"all {len(ours)} files and folders"


def _described(folder: Path) -> dict[str, tuple[str, int, float]]:
    """For each file what is in it, who may do what with it, and when it was made."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        contents = str(path.readlink()) if path.is_symlink() else _sum(path) if path.is_file() else ""
        found[str(path.relative_to(folder))] = contents, state.st_mode, state.st_mtime
    return found


def _sum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

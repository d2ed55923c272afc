"""The AppDir, moved and started through a link from elsewhere: the terminal's commands, the self-test, the window."""

import argparse
import shutil
from pathlib import Path

from building.project import Trouble, output, run, version
from building.tried import tried_bundle
from targets import appdir

AFTER = ("bundle",)


def check(folder: Path) -> str:
    """Run it."""
    (made,) = appdir.build(argparse.Namespace(bundle=tried_bundle()))
    moved = shutil.copytree(made, folder / "a place" / made.name, symlinks=True)
    start = folder / "phichat"
    start.symlink_to(moved / "AppRun")
    plain = ("env", "-i", "-C", "/", "PATH=/usr/bin:/bin", f"HOME={folder}", "QT_QPA_PLATFORM=offscreen", str(start))
    if output(*plain, "--version") != f"phichat {version()}":
        raise Trouble("it does not say its version.")
    output(*plain, "--self-test")
    run(*plain, "--screenshot", folder / "window.png")
    if not (folder / "window.png").stat().st_size:
        raise Trouble("there is no picture of the window.")
    return f"version, self-test and window; the picture is {folder / 'window.png'}"

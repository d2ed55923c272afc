"""The bundle as an AppDir, which runs from any place; the release workflow makes an AppImage of it."""

import argparse
import shutil
from pathlib import Path

from building.bundles import bundle_folder
from building.linux_tree import ICONS, LINUX, dated, lay_out
from building.project import ROOT, WORK, emptied


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is packed."""
    parser.add_argument("--bundle", type=Path, help="the folder to pack; build/bundle/Phichat if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Make the folder, with what the format wants at its top: how to start it, its entry in menus, its icon."""
    folder = emptied(WORK / "appdir" / "Phichat.AppDir")
    lay_out(folder / "usr", options.bundle or bundle_folder())
    shutil.copy(LINUX / "phichat.desktop", folder)
    shutil.copy(ROOT / "resources" / "icons" / "phichat.svg", folder)
    shutil.copy(ICONS / "hicolor" / "256x256" / "apps" / "phichat.png", folder / ".DirIcon")
    shutil.copy(LINUX / "AppRun", folder)
    (folder / "AppRun").chmod(0o755)
    dated(folder)
    return [folder]

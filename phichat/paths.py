"""Where data lives: one folder for everything the app writes."""

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from phichat import files


@dataclass(frozen=True)
class Home:
    """The folder that holds all of the app's files; nothing is created until it is needed."""

    root: Path
    elsewhere: Path | None = None
    """A folder for models that the person chose in place of ours."""

    @property
    def preferences(self) -> Path:
        """The settings, one readable file."""
        return self.root / "preferences.json"

    @property
    def history(self) -> Path:
        """The conversations."""
        return self.root / "history.sqlite3"

    @property
    def models(self) -> Path:
        """Model files the app fetches."""
        return self.elsewhere or self.root / "models"

    @property
    def model_folders(self) -> list[Path]:
        """Where model files of ours are: those fetched before another folder was chosen stay where they are."""
        return list(dict.fromkeys((self.models, self.root / "models")))

    @property
    def added_models(self) -> Path:
        """Which files elsewhere the person added."""
        return self.root / "models" / "added.json"

    @property
    def origins(self) -> Path:
        """Where on the Hub our files came from."""
        return self.root / "models" / "origins.json"

    @property
    def checksums(self) -> Path:
        """The SHA-256 of files that were read in full."""
        return self.root / "models" / "checksums.json"

    @property
    def engine(self) -> Path:
        """What was learned about running models on this computer."""
        return self.root / "engine.json"

    @property
    def versions(self) -> Path:
        """When the releases page was last asked, and what it said."""
        return self.root / "versions.json"

    @property
    def window_lock(self) -> Path:
        """Held by the window that is open."""
        return self.root / "window.lock"

    @property
    def states(self) -> Path:
        """What models remember of conversations."""
        return self.root / "states"

    @property
    def logs(self) -> Path:
        """What the app did, never what people wrote."""
        return self.root / "logs"


_STEMS = {"engine", "history", "preferences", "versions", "window"}
"""What the names of our files begin with, before the first dot; a hidden one is on its way."""


def repair_permissions(home: Home) -> str:
    """Take from other users what they may do in `home`; return a sentence if they could have read conversations.

    Version 0.1.0 could leave the folder open to everybody. Only what the app itself writes is touched: a folder for
    models elsewhere is the person's to share, and `PHICHAT_HOME` may name one that holds other things, too.
    """
    root = home.root.resolve()
    try:
        found = root.stat()
    except OSError:
        return ""
    if not found.st_mode & stat.S_ISVTX and root not in {Path.home().resolve(), Path(root.anchor)}:
        files.narrow(root)
    narrowed = _narrow_within(root)
    if not found.st_mode & files.OTHERS or not any(path.name.startswith("history.") for path in narrowed):
        return ""
    from phichat.text import tr  # noqa: PLC0415 - the language is chosen with the help of this module

    said = tr("Other users of this computer could read your conversations in {folder}. Now only you can.")
    return said.format(folder=home.root)


def _narrow_within(root: Path) -> list[Path]:
    """Do so for what lies in `root`, top down; return the files that were open."""
    folders = [root / name for name in ("models", "states", "logs", ".locks", "models/.locks")]
    ours = [path for path in _entries(root) if path.name.lstrip(".").partition(".")[0] in _STEMS]
    for folder in folders:
        if folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink():
            files.narrow(folder)
            ours += _entries(folder)
    # A model's file with a second name may be shared by that.
    return [path for path in ours if path.is_file() and path.lstat().st_nlink == 1 and files.narrow(path)]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def home() -> Home:
    """`PHICHAT_HOME` or the system's place for an application's data."""
    chosen = os.environ.get("PHICHAT_HOME")
    if chosen:
        return _furnished(Path(chosen).expanduser().absolute())
    import platformdirs  # noqa: PLC0415 - not needed above

    return _furnished(platformdirs.user_data_path("Phichat", appauthor=False))


def preferred_language() -> str:
    """The code of the language that the person chose; empty for the system's."""
    return _preferred(home(), "language")


def _furnished(root: Path) -> Home:
    """The home at `root`, with the folder for models that its preferences name."""
    chosen = _preferred(Home(root), "models_folder")
    return Home(root, Path(chosen)) if "\0" not in chosen and Path(chosen).is_absolute() else Home(root)


def _preferred(home: Home, name: str) -> str:
    """A word in the preferences, which are read in full by whoever may change them."""
    try:
        known = json.loads(home.preferences.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    found = known.get(name) if isinstance(known, dict) else None
    return found if isinstance(found, str) else ""

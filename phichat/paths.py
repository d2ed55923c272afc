"""Where data lives: one folder for everything the app writes."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


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


def make_private(folder: Path) -> None:
    """Create `folder`, and what is missing above it, for this person alone. Raises OSError."""
    if not folder.parent.exists():
        make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


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

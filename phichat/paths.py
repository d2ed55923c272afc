"""Where data lives: one folder for everything the app writes."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder that holds all of the app's files; nothing is created until it is needed."""

    root: Path

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
        """Model files the app fetched or was given."""
        return self.root / "models"

    @property
    def added_models(self) -> Path:
        """Which files elsewhere the person added."""
        return self.models / "added.json"

    @property
    def origins(self) -> Path:
        """Where on the Hub our files came from."""
        return self.models / "origins.json"

    @property
    def checksums(self) -> Path:
        """The SHA-256 of files that were read in full."""
        return self.models / "checksums.json"

    @property
    def engine(self) -> Path:
        """What was learned about running models on this computer."""
        return self.root / "engine.json"

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
        return Home(Path(chosen).expanduser().absolute())
    import platformdirs  # noqa: PLC0415 - not needed above

    return Home(platformdirs.user_data_path("Phichat", appauthor=False))

"""Where data lives: one folder for everything the app writes."""

import json
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
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


_HISTORY = re.compile(r"history\.(sqlite3|damaged-.*\.sqlite3)(-wal|-shm|-journal|\.recovered|\.v\d+\.bak)?")
_NAMES = re.compile(rf"{_HISTORY.pattern}|(preferences|engine|versions)\.json|preferences\.damaged|window\.lock")
_INSIDE = {
    "models": re.compile(r".*\.(gguf|part|part\.json)|(added|origins|checksums)\.json", re.IGNORECASE),
    "models/.locks": re.compile(r".*\.lock"),
    "states": re.compile(r".*\.(state|new)"),
    "logs": re.compile(r"phichat(\.old)?\.log|crash\.txt"),
    ".locks": re.compile(r".*\.lock"),
}
"""What the app calls its files, by the folder they are in: nothing else there is touched."""


def repair_permissions(home: Home) -> str:
    """Take from other users what they may do in `home`; return a sentence if there is something to know.

    Version 0.1.0 could leave the folder open to everybody. A folder for models elsewhere is the person's to share, and
    `PHICHAT_HOME` may name one that holds other things, too. The history itself is `store`'s to repair: whoever once
    opened it could go on reading it.
    """
    root = home.root.resolve()
    try:
        found = root.stat()
    except OSError:
        return ""
    if os.name == "nt":
        return ""
    if found.st_uid != os.getuid():
        return "" if os.getuid() == 0 else _said(_belongs_to_others, home)
    is_ours_alone = not found.st_mode & stat.S_ISVTX and root not in {files.user_folder(), Path(root.anchor)}
    if is_ours_alone:
        files.restrict_to_owner(root)
    _set_aside_what_others_put_there(root)
    was_open = bool(found.st_mode & files.OTHERS)
    exposed = _narrow_within(root, with_folders=is_ours_alone)
    return _said(_could_be_read, home) if exposed and was_open else ""


def _set_aside_what_others_put_there(root: Path) -> None:
    """Where others could write, a file or a link of theirs may stand in the place of one of ours."""
    names = [path for path in _entries(root) if _NAMES.fullmatch(path.name)]
    for path in [*names, *(root / folder for folder in _INSIDE)]:
        with suppress(OSError):
            if path.lstat().st_uid != os.getuid():
                path.rename(path.with_name(f"{path.name}.not-yours"))


def _narrow_within(root: Path, *, with_folders: bool) -> bool:
    """Do so for what lies in `root`; return whether anything of a conversation could be read."""
    ours = [path for path in _entries(root) if _NAMES.fullmatch(path.name)]
    exposed = any(files.is_open_to_others(path) for path in ours if _HISTORY.fullmatch(path.name))
    for path in ours:
        if not path.name.startswith("history.sqlite3"):
            files.restrict_to_owner(path)
    for folder, name in _INSIDE.items():
        place = root / folder
        if folder.startswith("models"):
            if place.resolve() != place:  # a link to what may be shared
                continue
        else:
            place = place.resolve()
        if with_folders:
            files.restrict_to_owner(place)
        ours = [path for path in _entries(place) if name.fullmatch(path.name)]
        # A model's file with a second name may be shared by that.
        narrowed = [files.restrict_to_owner(path) for path in ours if folder != "models" or _has_one_name(path)]
        exposed |= folder == "states" and any(narrowed)
    return exposed


def _has_one_name(path: Path) -> bool:
    try:
        return path.stat().st_nlink == 1
    except OSError:
        return False


def _said(sentence: Callable[[], str], home: Home) -> str:
    return sentence().format(folder=home.root)


def _could_be_read() -> str:
    from phichat.i18n import tr  # noqa: PLC0415 - the language is chosen with the help of this module

    return tr("Other users of this computer could read your conversations in {folder}. Now only you can.")


def _belongs_to_others() -> str:
    from phichat.i18n import tr  # noqa: PLC0415 - as in `_could_be_read`

    return tr("{folder} belongs to another user, who can read what you write. Let PHICHAT_HOME name a folder of yours.")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def home() -> Home:
    """`PHICHAT_HOME` or the system's place for an application's data."""
    chosen = os.environ.get("PHICHAT_HOME")
    if chosen:
        return _with_model_folder(Path(chosen).expanduser().absolute())
    import platformdirs  # noqa: PLC0415 - not needed above

    return _with_model_folder(platformdirs.user_data_path("Phichat", appauthor=False))


def preferred_language() -> str:
    """The code of the language that the person chose; empty for the system's."""
    return _preferred(home(), "language")


def _with_model_folder(root: Path) -> Home:
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

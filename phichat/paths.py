"""The folder for everything the app writes, the files in it, and the repair of their permissions."""

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from phichat import files
from phichat.errors import StoreError
from phichat.i18n import tr

MODEL_VARIABLE = "PHICHAT_MODEL"
"""The environment variable with the model to use where none is named."""


@dataclass(frozen=True)
class Home:
    """The folder that holds all of the app's files. Nothing is created until it is needed."""

    root: Path
    elsewhere: Path | None = None
    """The folder for models that the user chose instead of ours."""

    @property
    def preferences(self) -> Path:
        """The preferences, as JSON."""
        return self.root / "preferences.json"

    @property
    def history(self) -> Path:
        """The database of conversations."""
        return self.root / "history.sqlite3"

    @property
    def documents(self) -> Path:
        """The database of document collections."""
        return self.root / "documents.sqlite3"

    @property
    def models(self) -> Path:
        """The folder that models are downloaded to."""
        return self.elsewhere or self.root / "models"

    @property
    def model_folders(self) -> list[Path]:
        """The folders with downloaded models: those from before another folder was chosen stay where they are."""
        return list(dict.fromkeys((self.models, self.root / "models")))

    @property
    def added_models(self) -> Path:
        """The list of model files elsewhere that the user added."""
        return self.root / "models" / "added.json"

    @property
    def used_models(self) -> Path:
        """The list of model files that were chosen in the window, the last one at its end."""
        return self.root / "models" / "used.json"

    @property
    def origins(self) -> Path:
        """Where on the Hub each downloaded file came from."""
        return self.root / "models" / "origins.json"

    @property
    def checksums(self) -> Path:
        """The SHA-256 of each model file that was read in full."""
        return self.root / "models" / "checksums.json"

    @property
    def engine(self) -> Path:
        """The tuned engine settings of this computer."""
        return self.root / "engine.json"

    @property
    def versions(self) -> Path:
        """The result and the time of the last update check."""
        return self.root / "versions.json"

    @property
    def credentials(self) -> Path:
        """The servers whose access token is in the system's keyring; never a token."""
        return self.root / "credentials.json"

    @property
    def server_key(self) -> Path:
        """Where there is no keyring, the key by which other apps on this computer use the model; no other key."""
        return self.root / "server-key.json"

    @property
    def servers(self) -> Path:
        """The servers that the user added; never a key."""
        return self.root / "servers.json"

    @property
    def window_lock(self) -> Path:
        """The lock file of the open window."""
        return self.root / "window.lock"

    @property
    def states(self) -> Path:
        """The prompt cache: saved engine states of conversations."""
        return self.root / "states"

    @property
    def logs(self) -> Path:
        """The folder of logs, which never hold what people wrote."""
        return self.root / "logs"


_HISTORY = ("history.sqlite3", "history.damaged-", "documents.sqlite3")
"""How the names of the databases begin, of what SQLite has beside them, and of damaged ones."""

_NAMES = {
    "preferences.json",
    "preferences.damaged",
    "credentials.json",
    "engine.json",
    "server-key.json",
    "servers.damaged",
    "servers.json",
    "versions.json",
    "window.lock",
}
_INSIDE = {
    "models": (".gguf", ".part", ".part.json", "added.json", "used.json", "origins.json", "checksums.json"),
    "models/.locks": (".lock",),
    "states": (".state", ".new"),
    "logs": ("phichat.log", "phichat.old.log", "crash.txt"),
    ".locks": (".lock",),
}
"""How the names of our files end, by folder; nothing else in these folders is touched."""


def repair_permissions(home: Home) -> str:
    """Remove other users' permissions on our files in `home`; return a notice for the user, or nothing.

    Version 0.1.0 could leave the folder open to everybody. A chosen folder for models is the user's to share, and
    `PHICHAT_HOME` may name one that holds other things, too, such as a folder of the system: that is not closed. The
    history itself is repaired by `store`: a process that has it open could go on reading it.
    """
    try:
        root = home.root.resolve()
        found = root.stat()
    except (OSError, RuntimeError):  # a link that leads to itself
        return ""
    if os.name == "nt" or not stat.S_ISDIR(found.st_mode):
        return ""
    if found.st_uid != os.getuid():
        if os.getuid() == 0:
            return ""
        text = tr(
            "{folder} belongs to another user, who can read what you write. Set PHICHAT_HOME to a folder of your own."
        )
        return text.format(folder=home.root)
    is_users = not found.st_mode & stat.S_ISVTX and root not in {files.user_folder(), Path(root.anchor)}
    is_ours_alone = is_users and _holds_mostly_ours(root)
    if is_ours_alone:
        files.restrict_to_owner(root)
    _set_aside_foreign_files(root)
    was_open = bool(found.st_mode & files.OTHERS)
    exposed = _restrict_within(root, with_folders=is_ours_alone)
    text = ""
    if was_open and is_users and not is_ours_alone:
        text = tr(
            "{folder} contains files from other apps, so Phichat didn’t change its permissions. Set "
            "PHICHAT_HOME to a new folder that only you can open."
        )
    elif was_open and exposed:
        text = tr(
            "Other users of this computer were able to read your conversations in {folder}. Phichat fixed "
            "this, so now only you can read them."
        )
    return text.format(folder=home.root)


def _set_aside_foreign_files(root: Path) -> None:
    """Rename files and links of other users that have the name of one of ours, as they could write here."""
    names = [path for path in _entries(root) if _is_ours(path)]
    for path in [*names, *(root / folder for folder in _INSIDE)]:
        with suppress(OSError):
            if path.lstat().st_uid != os.getuid():
                path.rename(path.with_name(f"{path.name}.not-yours"))


def _restrict_within(root: Path, *, with_folders: bool) -> bool:
    """Restrict our files in `root` to the owner; return whether others could read anything of a conversation."""
    ours = [path for path in _entries(root) if _is_ours(path)]
    exposed = any(files.is_open_to_others(path) for path in ours if path.name.startswith(_HISTORY))
    for path in ours:
        if not path.name.startswith(("history.sqlite3", "documents.sqlite3")):
            files.restrict_to_owner(path)
    for folder, endings in _INSIDE.items():
        place = root / folder
        if folder.startswith("models"):
            if place.resolve() != place:  # a link to a folder that may be shared
                continue
        else:
            place = place.resolve()
        if with_folders:
            files.restrict_to_owner(place)
        ours = [path for path in _entries(place) if path.name.lower().endswith(endings)]
        # A model file with a second hard link may be shared by that.
        narrowed = [files.restrict_to_owner(path) for path in ours if folder != "models" or _has_one_name(path)]
        exposed |= folder == "states" and any(narrowed)
    return exposed


def _is_ours(path: Path) -> bool:
    return path.name in _NAMES or path.name.startswith(_HISTORY)


def _holds_mostly_ours(root: Path) -> bool:
    """Return whether `root` is empty or a folder of ours, not one of the system or of another app."""
    entries = _entries(root)
    ours = sum(_is_ours(path) or path.name in _INSIDE for path in entries)
    return 2 * ours >= len(entries)


def _has_one_name(path: Path) -> bool:
    try:
        return path.stat().st_nlink == 1
    except OSError:
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def home() -> Home:
    """Return the home in `PHICHAT_HOME`, else in the system's folder for application data."""
    chosen = os.environ.get("PHICHAT_HOME")
    if chosen:
        return _with_model_folder(_expanded(Path(chosen)))
    import platformdirs  # noqa: PLC0415 - brings tempfile, 5 ms

    return _with_model_folder(platformdirs.user_data_path("Phichat", appauthor=False))


def _expanded(path: Path) -> Path:
    """Return the absolute path. Raise StoreError if it begins with `~` and a name that no user has."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        text = tr(
            "PHICHAT_HOME is set to {folder}, but the user in that path doesn’t exist on this computer. Set "
            "PHICHAT_HOME to a different folder."
        )
        raise StoreError(text.format(folder=path)) from error


def preferred_models(home: Home) -> tuple[str, ...]:
    """Return the names or paths of models to use where none is named, the most wanted first.

    That is `PHICHAT_MODEL`, then the default model in the preferences, then the model that the window used last.
    """
    names = (os.environ.get(MODEL_VARIABLE, ""), _preferred(home, "default_model"), _preferred(home, "model"))
    return tuple(filter(None, names))


def preferred_language() -> str:
    """Return the code of the language in the preferences; empty for the system's."""
    try:
        return _preferred(home(), "language")
    except StoreError:  # said once a language is known
        return ""


def _with_model_folder(root: Path) -> Home:
    """Return the home at `root`, with the folder for models that its preferences name."""
    chosen = _preferred(Home(root), "models_folder")
    return Home(root, Path(chosen)) if "\0" not in chosen and Path(chosen).is_absolute() else Home(root)


def _preferred(home: Home, name: str) -> str:
    """Return a text in the preferences, which are validated by `PreferencesFile`; empty if there is none."""
    try:
        known = json.loads(home.preferences.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    found = known.get(name) if isinstance(known, dict) else None
    return found if isinstance(found, str) else ""

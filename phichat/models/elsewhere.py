"""Models that lie about on this disk: fetched by other programs or by a browser, and not in the library yet."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from phichat import gguf
from phichat.errors import PhichatError
from phichat.models.catalogue import PHI_3
from phichat.models.hub_cache import cache_folder


def lying_about(models: Path, known: list[Path]) -> list[Path]:
    """GGUF models in the Hub's cache, in `models` and among downloads, without `known`; Phi-3 first."""
    seen = {_identity(path) for path in known}
    found = []
    for path in _candidates(models):
        key = _identity(path)
        if key and key not in seen and _is_model(path):
            seen.add(key)
            found.append(path)
    return sorted(found, key=lambda path: (path.name != PHI_3.file, path.name.lower()))


def _candidates(models: Path) -> Iterator[Path]:
    yield from _gguf(models, "*")
    yield from _gguf(cache_folder(), "models--*/snapshots/*/**/*")
    if downloads := _downloads():
        yield from _gguf(downloads, "*")
        yield from _gguf(downloads, "*/*")


def _gguf(folder: Path, pattern: str) -> Iterator[Path]:
    """Files below `folder`, as far as it can be read."""
    found = folder.glob(pattern)
    with suppress(OSError, ValueError, RuntimeError):
        yield from (path for path in found if path.suffix.lower() == ".gguf")


def _downloads() -> Path | None:
    import platformdirs  # noqa: PLC0415 - asked for on demand

    with suppress(OSError, RuntimeError, ValueError):
        return platformdirs.user_downloads_path()
    return None


def _identity(path: Path) -> tuple[int, int | str] | None:
    """What tells files apart, by whatever way they are reached."""
    try:
        found = path.stat()
        return found.st_dev, found.st_ino or str(path.resolve())  # some file systems number nothing
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

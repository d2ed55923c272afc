"""The files in a folder that can be read as documents."""

import os
from collections.abc import Iterator
from pathlib import Path

from phichat.cancellation import CancelToken
from phichat.errors import DocumentTooLarge
from phichat.i18n import format_number, tr
from phichat.unicode import replace_surrogates, without_controls

MOST_FILES = 20_000

_NOT_DOCUMENTS = {
    ".7z", ".a", ".aac", ".apk", ".avi", ".bin", ".bmp", ".bz2", ".class", ".db", ".deb", ".dll", ".dmg", ".dylib",
    ".exe", ".flac", ".gguf", ".gif", ".gz", ".heic", ".ico", ".img", ".iso", ".jar", ".jpeg", ".jpg", ".lock",
    ".lz4", ".m4a", ".m4v", ".mkv", ".mo", ".mov", ".mp3", ".mp4", ".mpeg", ".msi", ".o", ".obj", ".ogg", ".onnx",
    ".opus", ".otf", ".pkl", ".png", ".psd", ".pt", ".pyc", ".pyd", ".rar", ".rpm", ".safetensors", ".so",
    ".sqlite", ".sqlite3", ".tar", ".tgz", ".tif", ".tiff", ".ttf", ".wasm", ".wav", ".webm", ".webp", ".whl",
    ".wma", ".wmv", ".woff", ".woff2", ".xcf", ".xz", ".zip", ".zst",
}  # fmt: skip
_NOT_FOLDERS = {"__pycache__", "node_modules"}


def files_in(folder: Path, stop: CancelToken | None = None) -> Iterator[Path]:
    """Yield the files in `folder` and the folders in it that may be documents, each once, by their names.

    Hidden ones are left out, and links to folders are not followed, which could lead in circles or out of the folder.
    What cannot be opened is passed over. Raise DocumentTooLarge if there are too many.
    """
    seen: set[Path] = set()
    links: list[Path] = []
    for path, real in _documents_in(folder, stop):
        if path.is_symlink():
            links.append(path)
        else:
            yield _counted(path, real, seen, folder)
    for link in links:
        if (real := link.resolve()) not in seen:  # else it was found by its own name, or by another link
            yield _counted(link, real, seen, folder)


def _documents_in(folder: Path, stop: CancelToken | None) -> Iterator[tuple[Path, Path]]:
    """Yield the files, with the path that each has if its folder is reached without links."""
    for place, folders, names in os.walk(folder):
        if stop and stop.is_set():
            return
        real = Path(place).resolve()
        folders[:] = sorted(name for name in folders if _is_searched(name) and _is_own(Path(place, name), real))
        for name in sorted(names):
            path = Path(place, name)
            if may_be_document(path) and os.path.isfile(path):  # noqa: PTH113 - Path's raises where nobody may look
                yield path, real / name


def _is_searched(folder: str) -> bool:
    return not folder.startswith(".") and folder not in _NOT_FOLDERS


def _is_own(folder: Path, place: Path) -> bool:
    """Return whether a folder is in the real folder `place` itself.

    Until Python 3.12, os.walk follows the junctions of Windows, which are links by another name.
    """
    return folder.resolve() == place / folder.name


def _counted(path: Path, real: Path, seen: set[Path], folder: Path) -> Path:
    seen.add(real)
    if len(seen) > MOST_FILES:
        raise _too_many(folder)
    return path


def may_be_document(path: Path) -> bool:
    """Return whether a file may be read, by its name: no hidden one, picture, sound, program or archive."""
    return not path.name.startswith((".", "~$")) and path.suffix.lower() not in _NOT_DOCUMENTS


def _too_many(folder: Path) -> DocumentTooLarge:
    return DocumentTooLarge(
        tr(
            "{name} has more than {limit} files, the most Phichat can read at once. Add its subfolders one "
            "at a time instead."
        ).format(name=without_controls(replace_surrogates(folder.name)), limit=format_number(MOST_FILES))
    )

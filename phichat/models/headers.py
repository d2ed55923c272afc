"""The headers of the models on this disk: each is read once, as long as its file stays the same."""

from pathlib import Path

from phichat import gguf
from phichat.errors import ModelUnsupported, NotAModel, PhichatError
from phichat.models.base import ModelFile


class HeaderCache:
    """Reads headers; thread-safe, as two threads at most do the same work twice."""

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
            self._heads[key] = _read(model.path)
        return self._heads[key]


def _read(path: Path) -> gguf.Head | str | None:
    try:
        return gguf.read_head(path)
    except (ModelUnsupported, NotAModel) as error:
        return str(error)
    except PhichatError:
        return None

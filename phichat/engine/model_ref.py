"""A model as an engine is handed it: where it is, and what an engine elsewhere can do with it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Self
from urllib.parse import urlsplit

from phichat.unicode import short_title


class ModelKind(StrEnum):
    """What the location of a model is."""

    FILE = "file"
    REMOTE = "remote"


@dataclass(frozen=True)
class ModelRef:
    """A model, and where it is.

    Attributes:
        name: what the command line and replies call it; `SERVER/TITLE` for one on a server.
        title: what people read.
        kind: whether `location` is a file's path or a server's address.
        location: the path, or the address with `#` and the server's own name of the model. Preferences store it.
    """

    name: str
    title: str
    kind: ModelKind
    location: str

    def __post_init__(self) -> None:
        """Bound the title, which may be anybody's."""
        object.__setattr__(self, "title", short_title(self.title))

    @classmethod
    def of_file(cls, path: Path, name: str = "", title: str = "") -> Self:
        """Return the model in the file at `path`, named after it unless there is a `name`."""
        return cls(name or path.stem, title or name or path.stem, ModelKind.FILE, str(path))

    @classmethod
    def on_server(cls, server: str, url: str, model: str) -> Self:
        """Return the model that the server at `url`, which the user named `server`, calls `model`."""
        is_path = model.lower().endswith(".gguf")  # llama.cpp's server calls a model by the path of its file
        title = PurePosixPath(model.replace("\\", "/")).stem if is_path else model
        return cls(f"{server}/{title}", title, ModelKind.REMOTE, f"{url}#{model}")

    @property
    def path(self) -> Path:
        """The path of a model that is a file. Raise ValueError for any other."""
        if self.kind is not ModelKind.FILE:
            raise ValueError(f"{self.name} is not a file")
        return Path(self.location)

    @property
    def is_remote(self) -> bool:
        """Whether messages to it leave this app for a server."""
        return self.kind == ModelKind.REMOTE  # from another process it comes as text

    @property
    def server_url(self) -> str:
        """The address of its server; empty for a file."""
        return self.location.partition("#")[0] if self.is_remote else ""

    @property
    def server_model(self) -> str:
        """What its server calls it; empty for a file."""
        return self.location.partition("#")[2] if self.is_remote else ""

    @property
    def host(self) -> str:
        """The host that messages to it go to, with its port if one is given; empty for a file."""
        return urlsplit(self.server_url).netloc.rpartition("@")[2]


@dataclass(frozen=True)
class Capabilities:
    """What an engine on another computer can do with a model.

    Attributes:
        sampling: the names of the fields of `Sampling` that it takes. Others are not sent.
        continues: whether it can continue an answer.
        candidates: how many of the likeliest tokens it tells, at most; 0 for none. It tells none of the probabilities
            after sampling.
        ends_thinking: whether it answers at once when it is hurried while it thinks.
        counts_tokens: whether it counts the tokens of a prompt before answering it; else they are estimated.
    """

    sampling: tuple[str, ...] = ()
    continues: bool = False
    candidates: int = 0
    ends_thinking: bool = False
    counts_tokens: bool = False

"""A server that runs models: its name, where it is, and which program it is."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from phichat.engine.model_ref import ModelRef
from phichat.errors import ServerError
from phichat.i18n import tr
from phichat.unicode import replace_surrogates

LONGEST_NAME = 40  # characters
MOST_MODELS = 1000  # of a server that are remembered

_PAGES = re.compile(r"/(chat/completions|completions|models)/*$")
_NO_NAME = re.compile(r"[\s/\\\x00-\x1f\x7f-\x9f]")


class ServerKind(StrEnum):
    """Which program a server runs, as each takes other settings."""

    LLAMA_CPP = "llama.cpp"
    VLLM = "vllm"
    OLLAMA = "ollama"
    LM_STUDIO = "lm-studio"
    OPENAI = "openai"
    PHICHAT = "phichat"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """What people call it."""
        return _LABELS.get(self.value) or tr("OpenAI-compatible")


_LABELS = {
    "llama.cpp": "llama.cpp", "vllm": "vLLM", "ollama": "Ollama", "lm-studio": "LM Studio", "openai": "OpenAI",
    "phichat": "Phichat",
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A server that the user added.

    Attributes:
        name: what the user calls it.
        url: the address that `/models` and `/chat/completions` follow, such as `http://gaming-pc:8080/v1`.
        kind: which program it runs.
        models: what it calls its models, as it told last.
    """

    name: str
    url: str
    kind: ServerKind = ServerKind.UNKNOWN
    models: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The host, with its port if one is given."""
        return urlsplit(self.url).netloc

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.url.startswith("https://") or is_this_computer(urlsplit(self.url).hostname or "")

    def model(self, model: str) -> ModelRef:
        """Return the model that this server calls `model`."""
        return ModelRef.on_server(self.name, self.url, model)

    def as_json(self) -> dict[str, Any]:
        """Return what is stored and printed as JSON."""
        return {"name": self.name, "url": self.url, "kind": str(self.kind), "models": list(self.models)}

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """Parse what `as_json` returned; None if it is malformed."""
        if not isinstance(values, dict):
            return None
        name, url, kind = (values.get(key) for key in ("name", "url", "kind"))
        try:
            known = ServerKind(kind) if kind in list(ServerKind) else ServerKind.UNKNOWN
            models = valid_models(values.get("models"))
            return cls(valid_name(str(name)), api_url(str(url)), known, models) if name and url else None
        except ServerError:
            return None


def valid_name(name: str) -> str:
    """Return a name for a server as it is stored. Raise ServerError, as a model is named `SERVER/MODEL`."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or _NO_NAME.search(name) or name.startswith(("-", "~", ".")):
        raise ServerError(
            tr(
                "{name} can’t be used as a server name. Use one word of up to {most} characters, without slashes."
            ).format(name=name[:LONGEST_NAME] or "“”", most=LONGEST_NAME)
        )
    return name


def valid_models(values: Any) -> tuple[str, ...]:
    """Return the names of models in a list that may be anybody's: at most `MOST_MODELS`."""
    found = (replace_surrogates(each) for each in values if isinstance(each, str)) if isinstance(values, list) else ()
    return tuple(dict.fromkeys(filter(None, found)))[:MOST_MODELS]


def api_url(address: str) -> str:
    """Return the address of the interface that `address` means, such as `gaming-pc:8080`. Raise ServerError.

    Without a scheme it is http, without a path `/v1`.
    """
    parts = split_address(address)
    path = _PAGES.sub("", parts.path.rstrip("/")) or "/v1"
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, "", ""))


def split_address(address: str) -> SplitResult:
    """Return the parts of an address, with http where it has no scheme. Raise ServerError."""
    address = address.strip()
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or re.search(r"[\s\x00-\x1f\x7f]", address):
        raise ServerError(
            tr(
                "{address} isn’t a valid server address. Enter an address such as gaming-pc:8080 or "
                "https://example.com."
            ).format(address=address.rpartition("@")[2][:100] or "“”")
        )
    if "@" in parts.netloc:
        raise ServerError(tr("The address of a server can’t contain a password. Enter the key separately."))
    return parts


def is_this_computer(host: str) -> bool:
    """Return whether `host` is this computer by its name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

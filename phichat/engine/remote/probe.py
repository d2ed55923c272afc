"""Finds out what is at an address: whether it is a server with models, which program runs it, and what it has."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlunsplit

from phichat.cancellation import CancelToken
from phichat.engine.remote.base import ServerKind, api_url, split_address
from phichat.engine.remote.problems import Refusal, not_a_server
from phichat.errors import EngineError, ServerError, ServerRefused, ServerUnreachable
from phichat.i18n import tr
from phichat.net.http_api import ApiClient
from phichat.unicode import replace_surrogates

PORTS = (8080, 11434, 1234, 8000)
"""Of llama.cpp and Phichat, Ollama, LM Studio, and vLLM."""

_OWNERS = {
    "llamacpp": ServerKind.LLAMA_CPP,
    "vllm": ServerKind.VLLM,
    "library": ServerKind.OLLAMA,
    "organization_owner": ServerKind.LM_STUDIO,
    "organization-owner": ServerKind.LM_STUDIO,
    "phichat": ServerKind.PHICHAT,
}
_HEADERS = {"llama.cpp": ServerKind.LLAMA_CPP, "phichat": ServerKind.PHICHAT}
_PAGES: tuple[tuple[str, str, ServerKind], ...] = (
    ("/props", "default_generation_settings", ServerKind.LLAMA_CPP),
    ("/api/version", "version", ServerKind.OLLAMA),
    ("/api/v0/models", "data", ServerKind.LM_STUDIO),
    ("/version", "version", ServerKind.VLLM),
)
"""Pages that only servers of a kind have, with what is in them."""

_OLLAMA_CONTEXT = 4096
"""Tokens; what Ollama gives a model that it has not loaded yet, unless it is told otherwise."""


@dataclass(frozen=True)
class Found:
    """A server that answers.

    Attributes:
        url: the address of its interface.
        kind: which program it runs.
        models: its models' names.
    """

    url: str
    kind: ServerKind
    models: tuple[str, ...]


class ModelList:
    """The models of a server, as `/models` tells them.

    Attributes:
        names: of the models to chat with, as the server calls them; others only if it doesn't tell them apart.
        entries: what it tells about each model, by name.
        kind: which program the server runs, if the list tells.
    """

    def __init__(self, values: Any, headers: Mapping[str, str]) -> None:
        data = values.get("data") if isinstance(values, dict) else None
        known = [each for each in data or [] if isinstance(each, dict)] if isinstance(data, list | None) else []
        self.entries = {replace_surrogates(str(each["id"])): each for each in known if each.get("id")}
        self.names = tuple(name for name in self.entries if not self.is_for_embeddings(name))
        owners = {str(each.get("owned_by", "")).lower() for each in known}
        by_owner = next((kind for owner, kind in _OWNERS.items() if owner in owners), None)
        self.kind = by_owner or _HEADERS.get(headers.get("server", "").partition("/")[0].strip().lower())

    def is_for_embeddings(self, name: str) -> bool:
        """Return whether the server tells that a model makes embeddings, as Phichat and some others do."""
        return str(self.entries.get(name, {}).get("type", "")).lower() in {"embedding", "embeddings"}


def list_models(client: ApiClient, key: str | None, stop: CancelToken) -> ModelList:
    """Return the models of a server. Raise ServerError."""
    with client.send("/models", stop) as response:
        if response.status != 200:
            raise Refusal(response, key).error("")
        values = response.json()
        is_list = isinstance(values, dict) and isinstance(values.get("data"), list | None) and "data" in values
        if not is_list:
            raise not_a_server(response.host)
        return ModelList(values, response.headers)


def find_kind(client: ApiClient, models: ModelList, stop: CancelToken) -> ServerKind:
    """Return which program a server runs. Ask for pages that only some have, if the list does not tell."""
    if models.kind:
        return models.kind
    if client.host == "api.openai.com":
        return ServerKind.OPENAI
    for page, name, kind in _PAGES:
        values = read_page(client, page, stop)
        if isinstance(values, dict) and name in values:
            return kind
    return ServerKind.UNKNOWN


def probe(address: str, key: str | None, stop: CancelToken, report: Callable[[str], None] = lambda _: None) -> Found:
    """Return the server at `address`; without a port, the usual ones are tried on that host alone.

    The key goes only to where models can be asked for, or a key is wanted. `report` is called with the host and port
    that is asked. Raise ServerError.
    """
    trouble: EngineError | None = None
    for url in candidates(address):
        client = ApiClient(url, None)
        report(client.host)
        try:
            models = _ask(url, key, stop)
            return Found(url, find_kind(ApiClient(url, key), models, stop), models.names)
        except ServerRefused:
            raise
        except EngineError as error:
            if stop.is_set():
                raise
            trouble = _worse(trouble, error)
    if trouble and len(candidates(address)) > 1 and isinstance(trouble, ServerUnreachable):
        raise ServerUnreachable(
            tr(
                "No server is responding at {host}. Check the name, make sure the server is running, or add "
                "a port number."
            ).format(host=split_address(address).hostname)
        ) from trouble
    assert trouble is not None  # noqa: S101 - there is always an address to ask
    raise trouble


def candidates(address: str) -> list[str]:
    """Return the addresses that `address` may mean: itself, or the usual ports if it has neither port nor scheme."""
    parts = split_address(address)
    if "://" in address or parts.port or parts.path.strip("/"):
        return [api_url(address)]
    host = parts.netloc.lower()
    usual = [api_url(urlunsplit(("http", f"{host}:{port}", "", "", ""))) for port in PORTS]
    return [api_url(f"https://{host}"), *usual] if _is_public(parts.hostname or "") else usual


def read_page(client: ApiClient, page: str, stop: CancelToken, body: Mapping[str, Any] | None = None) -> Any:
    """Return what a page beside the interface has as JSON; None if it is not there, or the server not, either."""
    try:
        with client.send(page, stop, body, at_root=True) as response:
            return response.json() if response.status == 200 else None
    except ServerError:
        return None


def context_of(client: ApiClient, kind: ServerKind, models: ModelList, model: str, stop: CancelToken) -> int:
    """Return the size of the context of `model` in tokens; 0 if the server does not tell."""
    entry = models.entries.get(model, {})
    found: Iterator[Any] = iter(())
    if kind is ServerKind.LLAMA_CPP:
        props = read_page(client, "/props", stop)
        found = iter([_inside(props, "default_generation_settings", "n_ctx")])
    elif kind is ServerKind.OLLAMA:
        found = _ollama_contexts(client, model, stop)
    elif kind is ServerKind.LM_STUDIO:
        known = read_page(client, f"/api/v0/models/{model}", stop)
        found = (_inside(known, name) for name in ("loaded_context_length", "max_context_length"))
    names = ("max_model_len", "context_length", "context_window", "max_context_length", "context")
    sizes = [*found, *(entry.get(name) for name in names), _inside(entry, "meta", "n_ctx_train")]
    return next((size for size in sizes if isinstance(size, int) and 0 < size < 2**31), 0)


def loaded_model(client: ApiClient, kind: ServerKind, models: ModelList, stop: CancelToken) -> str:
    """Return a model that the server has in memory, so that it answers at once; empty if it does not tell."""
    loaded: Iterator[Any] = (
        name for name, each in models.entries.items() if _inside(each, "status", "value") == "loaded"
    )
    if kind is ServerKind.OLLAMA:
        running = _inside(read_page(client, "/api/ps", stop), "models")
        loaded = (_inside(each, "model") for each in running) if isinstance(running, list) else iter(())
    elif kind is ServerKind.LM_STUDIO:
        known = _inside(read_page(client, "/api/v0/models", stop), "data")
        entries = known if isinstance(known, list) else []
        loaded = (_inside(each, "id") for each in entries if _inside(each, "state") == "loaded")
    return next((name for name in loaded if name in models.names), "")


def _ollama_contexts(client: ApiClient, model: str, stop: CancelToken) -> Iterator[Any]:
    """Yield what may be the context of a model: as it is loaded, as it was set up, or what it gets by default."""
    running = _inside(read_page(client, "/api/ps", stop), "models")
    for each in running if isinstance(running, list) else []:
        if model in {_inside(each, "name"), _inside(each, "model")}:
            yield _inside(each, "context_length")
    shown = read_page(client, "/api/show", stop, {"model": model})
    for line in str(_inside(shown, "parameters") or "").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "num_ctx" and value.strip().isdecimal():
            yield int(value)
    information = _inside(shown, "model_info")
    for name, value in information.items() if isinstance(information, dict) else ():
        if name.endswith(".context_length") and isinstance(value, int):
            yield min(value, _OLLAMA_CONTEXT)


def _inside(values: Any, *names: str) -> Any:
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _ask(url: str, key: str | None, stop: CancelToken) -> ModelList:
    """List models without the key first, so that nothing that is no such server is told it."""
    try:
        return list_models(ApiClient(url, None), None, stop)
    except ServerRefused:
        if not key:
            raise
        return list_models(ApiClient(url, key), key, stop)


def _worse(one: EngineError | None, other: EngineError) -> EngineError:
    """Return the error that says more: what answers is nearer to the aim than what does not."""
    return other if one is None or isinstance(one, ServerUnreachable) else one


def _is_public(host: str) -> bool:
    """Return whether `host` is a name as servers on the internet have it."""
    try:
        ip_address(host)
    except ValueError:
        return "." in host and not host.endswith((".local", ".lan", ".home", ".internal", ".localhost"))
    return False

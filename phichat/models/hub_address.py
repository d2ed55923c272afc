"""Parse names of files on the Hub: `owner/repo`, `owner/repo:file.gguf`, or a URL copied from a browser."""

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

MAIN = "main"
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_VIEWS = ("blob", "resolve", "raw", "tree")


@dataclass(frozen=True)
class HubAddress:
    """A repository on the Hub and the path of a file in it, empty for none; `revision` is a branch or commit."""

    repo: str
    file: str = ""
    revision: str = MAIN


def parse_hub_address(text: str) -> HubAddress | None:
    """Return the address that `text` names; None if it is not one on the Hub."""
    text = text.strip()
    found = _from_url(text) if "://" in text else _from_name(text)
    return found if found and _REPO.fullmatch(found.repo) and is_harmless(found) else None


def _from_name(text: str) -> HubAddress | None:
    if text.startswith(tuple(f"{host}/" for host in HOSTS)):
        return _from_url(f"https://{text}")
    repo, _, file = text.partition(":")
    return HubAddress(repo.rstrip("/"), file)


def _from_url(text: str) -> HubAddress | None:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or host not in _hosts():
        return None
    owner, name, *rest = map(unquote, [*parts.path.strip("/").split("/"), "", "", ""])  # a branch may contain %2F
    view, revision, *steps = rest
    if view not in _VIEWS:
        return HubAddress(f"{owner}/{name}")
    return HubAddress(f"{owner}/{name}", "" if view == "tree" else "/".join(steps).strip("/"), revision or MAIN)


def _hosts() -> set[str | None]:
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        return {*HOSTS, urlsplit(endpoint).hostname}
    except ValueError:
        return {*HOSTS}


def is_harmless(address: HubAddress) -> bool:
    """Return whether the path stays within the repository and is printable."""
    steps = address.file.split("/") if address.file else ["file"]
    is_within = ".." not in address.repo and all(steps) and not {".", ".."} & set(steps)
    return is_within and (address.file + address.revision).isprintable()

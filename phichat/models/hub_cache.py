"""Where huggingface_hub keeps what other programs fetched, found without importing it."""

import os
import re
from pathlib import Path


def cached(repo: str, file: str) -> Path | None:
    """`file` of `repo` in the Hub's cache, from the newest snapshot that has it; None if none does."""
    snapshots = cache_folder() / f"models--{repo.replace('/', '--')}" / "snapshots"
    try:
        found = [(path.stat().st_mtime, path) for path in snapshots.glob(f"*/{file}") if path.is_file()]
    except OSError:
        return None
    return max(found)[1] if found else None


def blob_sha256(path: Path) -> str | None:
    """The checksum of the file in the cache at `path`: the name of what it leads to; None where that is none."""
    try:
        name = path.resolve().name
    except (OSError, RuntimeError):
        return None
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def cache_folder() -> Path:
    """By the same variables, in the same order, as huggingface_hub itself."""
    variables = os.environ
    caches = variables.get("XDG_CACHE_HOME") or "~/.cache"
    hub = variables.get("HF_HUB_CACHE") or variables.get("HUGGINGFACE_HUB_CACHE")
    home = variables.get("HF_HOME") or f"{caches}/huggingface"
    return Path(os.path.expandvars(os.path.expanduser(hub or f"{home}/hub")))  # noqa: PTH111 - never raises

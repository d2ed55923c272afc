"""Read what the Hub answers, without trusting it: numbers and waiting times in headers, and lists of files."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from phichat import gguf
from phichat.models.base import MAX_FILE_BYTES, FoundRepository, HubFile
from phichat.models.hub_address import HubAddress, is_harmless, parse_hub_address

MAX_RETRY_AFTER = 3600.0  # seconds; a longer time is cut to this
MAX_FILES = 2000  # of one repository; large ones have a hundred
MAX_LICENCE = 80  # characters

MOST_FOUND = 20  # repositories of a search
FOUND_FACTS = ("cardData", "downloads", "gated", "gguf", "pipeline_tag", "tags")
"""What is asked of each, by the names that `HfApi.list_models(expand=…)` takes."""

_TASKS = {
    "feature-extraction": "bert",
    "sentence-similarity": "bert",
    "text-ranking": "bert",
    "fill-mask": "bert",
    "text-to-image": "flux",
    "image-to-image": "flux",
    "text-to-video": "flux",
    "image-to-video": "flux",
    "automatic-speech-recognition": "whisper",
    "text-to-speech": "kokoro",
    "text-to-audio": "kokoro",
    "translation": "t5",
    "summarization": "t5",
}
"""Tasks, as the Hub names them, that are not chatting, each with an architecture that is for it."""

_PARTS = {"clip", "controlvector"}
"""Architectures of files that lie beside chat models, of which the Hub may have read one."""

_NO_COUNT = 1 << 53

_SHA256 = re.compile("[0-9a-f]{64}")
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_REVISION = re.compile(r"[\w.-]{1,100}", re.ASCII)
_RESET = re.compile(r"\b(?:t|reset)\s*=\s*(\d{1,9})\b", re.IGNORECASE | re.ASCII)
_REMAINING = re.compile(r"\b(?:r|remaining)\s*=\s*(\d{1,9})\b", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE | re.ASCII)
_EPOCH = 1_000_000_000  # a larger number of seconds is a date


def parse_number(text: str) -> int | None:
    """Return the number in a header; None if it is something else, or too large to be one of bytes."""
    text = text.strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def parse_range(text: str) -> tuple[int, int, int | None] | None:
    """Return first byte, last byte and size of a Content-Range header, the size None if it is open; None for junk."""
    found = _RANGE.fullmatch(text.strip())
    return (int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])) if found else None


def parse_sha256(text: str) -> str | None:
    """Return the SHA-256 in an ETag; None if it is something else."""
    tag = text.strip().removeprefix("W/").strip('"').lower()
    return tag if _SHA256.fullmatch(tag) else None


def parse_revision(text: str) -> str:
    """Return a commit or branch, `main` for junk."""
    return text if _REVISION.fullmatch(text) else "main"


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Return how long the server asks to wait before the next request; 0 if it does not say."""
    asked = _retry_after(headers) or _rate_limit_reset(headers)
    return min(max(asked, 0.0), MAX_RETRY_AFTER)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds of Retry-After, by the server's own clock if it is a date; 0 without one."""
    wanted = headers.get("retry-after", "").strip()
    if wanted.isdecimal():
        return float(wanted[:12])
    try:
        until = parsedate_to_datetime(wanted)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return (until - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _rate_limit_reset(headers: Mapping[str, str]) -> float:
    """Return the seconds until a limit that is used up is lifted, by any of the headers in use for that; 0 if unknown.

    `RateLimit: "api";r=0;t=40` is the newest draft's, `RateLimit: limit=500, remaining=0, reset=40` an older one's, and
    many servers have `RateLimit-Reset` or `X-RateLimit-Reset`, in seconds or as a date in seconds since 1970.
    """
    said = headers.get("ratelimit", "")
    limits = said.split(",") if '"' in said or ";" in said else [said]
    used_up = [limit for limit in limits if (left := _REMAINING.search(limit)) and int(left[1]) == 0]
    resets = [float(found[1]) for limit in used_up or limits if (found := _RESET.search(limit))]
    names = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
    numbers = (parse_number(headers.get(name, "").partition(".")[0]) or 0 for name in names)
    now = datetime.now(UTC).timestamp()
    resets += [number - now if number > _EPOCH else float(number) for number in numbers]
    return max(resets, default=0.0)


def parse_files(repo: str, described: Any) -> Iterator[HubFile]:
    """Parse the response of the models API; size and SHA-256 are given per file, or in its `lfs` object.

    What cannot be asked for is left out: names that leave the repository or are no text. Raise AttributeError,
    KeyError or TypeError for something else than such a response.
    """
    licence = _licence(described)
    revision = parse_revision(str(described.get("sha") or ""))
    files = (file for file in described["siblings"] if str(file["rfilename"]).lower().endswith(".gguf"))
    for file in islice(files, MAX_FILES):
        name, large = str(file["rfilename"]), file.get("lfs") or {}
        if is_harmless(HubAddress(repo, name)):
            size = _size(large.get("size", file.get("size")))
            sha256 = parse_sha256(str(large.get("sha256") or large.get("oid") or ""))
            yield HubFile(repo, name, revision, size, sha256, licence)


def parse_found(page: list[Any]) -> Iterator[FoundRepository]:
    """Parse the response to a search; what is malformed is left out."""
    for described in page[:MOST_FOUND]:
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            found = _parse_repository(described)
            if found:
                yield found


def _parse_repository(described: Any) -> FoundRepository | None:
    """Parse one repository; None for a name that cannot be one."""
    repo = str(described.get("id") or described.get("modelId") or "")
    address = parse_hub_address(repo)
    if address is None or address != HubAddress(repo):
        return None
    facts = described.get("gguf")
    facts = facts if isinstance(facts, dict) else {}
    downloads, parameters = (_count(value) for value in (described.get("downloads"), facts.get("total")))
    return FoundRepository(
        repo,
        downloads,
        _licence(described),
        parameters or 0,
        bool(described.get("gated")),
        _problem(described, str(facts.get("architecture") or "")),
    )


def _problem(described: Any, architecture: str) -> str:
    """Return what a repository is if it is clearly nothing to chat with; mostly empty."""
    name = str(described.get("id"))
    if message := gguf.describe_by_metadata(name, {"general.architecture": architecture} if architecture else {}):
        return "" if architecture in _PARTS else message
    other = _TASKS.get(str(described.get("pipeline_tag") or ""))
    return gguf.describe_by_metadata(name, {"general.architecture": other}) if other else ""


def _licence(described: Any) -> str:
    """Return the license: the name that its makers gave it, if it is none of the usual ones."""
    card = described.get("cardData")
    card = card if isinstance(card, dict) else {}
    found = card.get("license") or _tag_value(described, "license")
    if found == "other":
        found = card.get("license_name") or found
    return _printable(str(found[0] if isinstance(found, list) and found else found)[:MAX_LICENCE])


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NO_COUNT else None


def _size(value: Any) -> int | None:
    """Return a number of bytes; None for anything that is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MAX_FILE_BYTES
    return int(value) if is_number else None


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _tag_value(described: Any, kind: str) -> str:
    listed = described.get("tags")
    tags = (str(tag) for tag in (listed if isinstance(listed, list) else ()))
    return next((tag.partition(":")[2] for tag in tags if tag.startswith(kind + ":")), "")

"""Check for a newer version: asks the releases page at most once a week, and only if the user turned it on.

PHICHAT_RELEASES replaces the page's address; without an address, nothing is checked.
"""

import json
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import phichat
from phichat.cancellation import CancelToken
from phichat.errors import HubAway, HubError
from phichat.json_file import JsonFile
from phichat.unicode import replace_surrogates

DAY, WEEK = 86_400.0, 7 * 86_400.0  # seconds
MAX_ANSWER_BYTES, MAX_NOTES_CHARACTERS = 1_000_000, 20_000
MAX_ANSWER_SECONDS = 60.0  # that a response may take to arrive

_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){0,3})", re.ASCII)
_log = logging.getLogger(__name__)


def releases_url() -> str:
    """Return the address to ask for the latest release; empty if there is none."""
    return os.environ.get("PHICHAT_RELEASES") or phichat.RELEASES


@dataclass(frozen=True)
class Release:
    """A published version: the address of its page, and its release notes as Markdown."""

    version: str
    page: str
    notes: str = ""

    @classmethod
    def from_json(cls, values: Any) -> Self | None:
        """Parse a release of GitHub's API; None if it is malformed, a draft or a pre-release."""
        if not isinstance(values, dict) or values.get("draft") or values.get("prerelease"):
            return None
        tag, page, notes = (values.get(name) for name in ("tag_name", "html_url", "body"))
        version = _VERSION.fullmatch(tag) if isinstance(tag, str) else None
        if not (version and isinstance(page, str) and _is_web_url(page)):
            return None
        return cls(version[1], page, replace_surrogates(notes)[:MAX_NOTES_CHARACTERS] if isinstance(notes, str) else "")

    def as_json(self) -> dict[str, str]:
        """Return it as the API would, to be parsed by `from_json` again."""
        return {"tag_name": self.version, "html_url": self.page, "body": self.notes}

    def is_newer_than(self, version: str) -> bool:
        """Return whether it comes after `version`."""
        return _version_key(self.version) > _version_key(version)


class ReleaseFeed:
    """Checks for releases, and keeps in `file` when it did, what it found, and which version the user skipped.

    Not thread-safe. `clock` returns seconds since 1970.
    """

    def __init__(self, file: Path, ours: str = phichat.__version__, clock: Callable[[], float] = time.time) -> None:
        self.ours = ours
        self._file, self._clock = JsonFile(file), clock

    def is_configured(self) -> bool:
        """Return whether there is an address to ask."""
        return bool(releases_url())

    def check(self, stop: CancelToken) -> Release | None:
        """Return the latest release if it is newer than this version and not skipped. Failures are only logged."""
        kept = self._read()
        if self._is_due(kept):
            kept = self._refresh(kept, stop)
        release = Release.from_json(kept.get("release"))
        is_news = release and release.is_newer_than(self.ours) and release.version != kept.get("skipped")
        return release if is_news else None

    def skip_version(self, version: str) -> None:
        """Do not offer `version` again; later ones are."""
        self._write({**self._read(), "skipped": version})

    def _is_due(self, kept: dict[str, Any]) -> bool:
        asked, now = kept.get("asked"), self._clock()
        is_fresh = isinstance(asked, int | float) and now - WEEK < asked <= now
        return not is_fresh and self.is_configured()

    def _refresh(self, kept: dict[str, Any], stop: CancelToken) -> dict[str, Any]:
        """Ask the page and return the updated record. Do not ask if it cannot be saved: every start would."""
        from phichat.net.http import is_offline  # noqa: PLC0415 - loads httpx, 50 ms, for one call a week

        now = self._clock()
        if is_offline() or not self._write(kept := {**kept, "asked": now}):
            return kept
        try:
            if release := _fetch_latest(releases_url(), stop):
                kept["release"] = release.as_json()
            else:
                _log.info("The releases page names no version.")
        except HubAway:
            _log.info("The releases page cannot be reached.")
            kept["asked"] = now - WEEK + DAY
        except HubError as error:
            _log.info("The releases page cannot be read: %s", type(error).__name__)
        self._write(kept)
        return kept

    def _read(self) -> dict[str, Any]:
        kept = self._file.read_value()
        return kept if isinstance(kept, dict) else {}

    def _write(self, kept: dict[str, Any]) -> bool:
        try:
            self._file.write_value(kept)
        except OSError as error:
            _log.warning("%s cannot be written: error %s", self._file.path.name, error.errno)
            return False
        return True


def _fetch_latest(where: str, stop: CancelToken) -> Release | None:
    """Return the release at address `where`; None if the response is malformed. Raise HubError."""
    from phichat.net.http import HttpClient  # noqa: PLC0415 - loads httpx

    with HttpClient(where, None).stream("GET", where, stop, {"Accept": "application/json"}) as answer:
        body, until = bytearray(), time.monotonic() + MAX_ANSWER_SECONDS
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES or time.monotonic() > until:
                return None
    try:
        return Release.from_json(json.loads(body)) if answer.status == 200 else None
    except (ValueError, RecursionError):
        return None


def _is_web_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"https", "http"} and bool(parts.hostname) and address.isprintable()
    except ValueError:
        return False


def _version_key(version: str) -> tuple[int, ...]:
    """Return a key to compare versions by: 1.2 equals 1.2.0, and what follows the numbers is ignored."""
    found = _VERSION.match(version)
    numbers = [int(number) for number in found[1].split(".")] if found else []
    return (*numbers, 0, 0, 0, 0)[:4]

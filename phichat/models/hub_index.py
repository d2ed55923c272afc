"""What lists of models need of the Hub's client, which is imported at the first request."""

import math
import time
from collections.abc import Callable, Generator
from typing import Protocol, TypeVar

from phichat.cancellation import CancelToken
from phichat.errors import HubUnreachable
from phichat.models.base import FoundRepository, HubFile, Waiting
from phichat.models.hub_access import HubAccess

MOST_TRIES = 3
LONGEST_WAIT = 600.0  # seconds; the Hub counts requests over 300
TICK = 1.0  # seconds between two reports of how long it still waits

T = TypeVar("T")


class HubIndex(Protocol):
    """The part of `models.hub.Hub` that lists of models need; tests script it."""

    def file_info(self, repo: str, file: str, stop: CancelToken) -> HubFile:
        """Return size, SHA-256 and revision of a file. Raise HubError."""

    def list_files(self, repo: str, stop: CancelToken) -> list[HubFile]:
        """Return all GGUF files of a repository. Raise HubError."""

    def search(self, words: str, stop: CancelToken) -> list[FoundRepository]:
        """Return the repositories with GGUF files that `words` find, the most downloaded first. Raise HubError."""


class LazyHub:
    """Imports the Hub's client at the first request: lists of what is on disk do not need it."""

    def __init__(self, access: HubAccess) -> None:
        self._access = access

    def file_info(self, repo: str, file: str, stop: CancelToken) -> HubFile:
        """See HubIndex."""
        from phichat.models.hub import Hub  # noqa: PLC0415

        return Hub(self._access).file_info(repo, file, stop)

    def list_files(self, repo: str, stop: CancelToken) -> list[HubFile]:
        """See HubIndex."""
        from phichat.models.hub import Hub  # noqa: PLC0415

        return Hub(self._access).list_files(repo, stop)

    def search(self, words: str, stop: CancelToken) -> list[FoundRepository]:
        """See HubIndex."""
        from phichat.models.hub import Hub  # noqa: PLC0415

        return Hub(self._access).search(words, stop)


def ask_patiently(ask: Callable[[], T], stop: CancelToken) -> Generator[T | Waiting]:
    """Yield what `ask` returns; before that, how long it waits where the Hub says when to come again.

    Once `stop` is set it ends. Raise HubError.
    """
    for tries in range(1, MOST_TRIES + 1):
        try:
            yield ask()
        except HubUnreachable as trouble:
            if tries == MOST_TRIES or not 0 < trouble.retry_after <= LONGEST_WAIT:
                raise
            yield from _wait(trouble, stop)
        else:
            return
        if stop.is_set():
            return


def _wait(trouble: HubUnreachable, stop: CancelToken) -> Generator[Waiting]:
    until = time.monotonic() + trouble.retry_after
    while (left := until - time.monotonic()) > 0 and not stop.is_set():
        yield Waiting(str(trouble), math.ceil(left))
        stop.wait(min(TICK, left))

"""A small JSON file that several programs read and change: written whole or not at all."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from phichat.files import atomic_write, make_private, read_untrusted, reclaim_lock

LARGEST = 1_000_000  # bytes: what others may have written
_PATIENCE = 2.0  # seconds for others to finish a change, which takes milliseconds


class JsonFile:
    """One that cannot be read counts as empty. With `shares`, it lies in a folder that others may write to."""

    def __init__(self, file: Path, *, shares: bool = False) -> None:
        self.path, self._shares = file, shares

    def read_value(self) -> Any:
        """What was written last; None if there is nothing that makes sense."""
        try:
            content = read_untrusted(self.path, LARGEST) if self._shares else self.path.read_bytes()
            return json.loads(content.decode("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None

    def write_value(self, value: Any) -> None:
        """Keep `value`. Raises OSError; then the file is as it was."""
        make_private(self.path.parent)
        with atomic_write(self.path, shares=self._shares, encoding="ascii") as file:
            json.dump(value, file, indent=1)

    def update(self, change: Callable[[Any], Any]) -> None:
        """Keep what `change` makes of what was written last, whoever else is changing it. Raises OSError."""
        with self.lock():
            self.write_value(change(self.read_value()))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """No other thread or program meanwhile; a disk that knows no locks, or a program that hangs, is let be."""
        from filelock import FileLock  # noqa: PLC0415 - who only reads needs none

        place = self.path.parent / ".locks" / f"{self.path.name}.lock"
        lock = FileLock(place, mode=0o600)
        with suppress(OSError, NotImplementedError):
            make_private(place.parent)
            if not self._shares:
                reclaim_lock(place)
            lock.acquire(timeout=_PATIENCE, poll_interval=0.01)
        try:
            yield
        finally:
            lock.release()

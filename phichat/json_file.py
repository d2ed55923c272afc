"""A small JSON file that several processes read and change: locked, and written atomically."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from phichat.files import atomic_write, make_private, read_untrusted, reclaim_lock

LARGEST = 1_000_000  # bytes that are read of a file that another user may have written
_PATIENCE = 2.0  # seconds to wait for the lock; a change takes milliseconds


class JsonFile:
    """A JSON file. With `shares`, it is in a folder that other users may write to, and is read with care."""

    def __init__(self, file: Path, *, shares: bool = False) -> None:
        self.path, self._shares = file, shares

    def read_value(self) -> Any:
        """Return the content; None if there is no file or no JSON in it."""
        with suppress(OSError):
            return self._read()
        return None

    def write_value(self, value: Any) -> None:
        """Replace the content by `value`. Raise OSError; then the file is as it was."""
        make_private(self.path.parent)
        with atomic_write(self.path, shares=self._shares, encoding="ascii") as file:
            json.dump(value, file, indent=1)

    def update(self, change: Callable[[Any], Any]) -> None:
        """Replace the content by what `change` returns for it, under the lock.

        Raise OSError, also if there is content that cannot be read, as it would be lost.
        """
        with self.lock():
            self.write_value(change(self.read_value() if self._shares else self._read()))

    def _read(self) -> Any:
        try:
            content = read_untrusted(self.path, LARGEST) if self._shares else self.path.read_bytes()
            return json.loads(content.decode("utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
            return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock; go on without it if the disk has no locks, or another process holds it too long."""
        from filelock import FileLock  # noqa: PLC0415 - reading takes no lock

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

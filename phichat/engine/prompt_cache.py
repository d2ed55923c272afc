"""The prompt cache on disk: token ids and their KV cache, one file a conversation, within a size limit.

A file is a line of JSON, the token ids (uint32, little endian), the sequence state from llama.cpp, and checkpoints if
it cannot be trimmed. It is used only if model, settings, library and machine are the same, its checksum is right, and a
prompt begins with its tokens, or with as many as a checkpoint has. Checkpoints have checksums of their own: most
conversations go on without them, and they are as long as the state, so they are read only when they are needed.
"""

import hashlib
import json
import os
import shutil
import stat
import struct
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from mmap import ACCESS_COPY, mmap
from pathlib import Path
from typing import IO, Any

from phichat.engine.states import FEWEST, Bytes, Checkpoint, State, count_common, usable_length
from phichat.files import atomic_write, make_private
from phichat.gguf import part_paths

FORMAT = 4
RESERVE = 1_000_000_000  # bytes of the disk that are left free
CHUNK = 1 << 20  # bytes read at a time to check a file
PART = 8 << 20  # bytes that one thread checks
MOST_TOKENS, LONGEST_HEAD, MOST_CHECKPOINTS = 1 << 24, 1 << 16, 64

READ_ERRORS = (OSError, ValueError, ArithmeticError, LookupError, TypeError, RecursionError, MemoryError, struct.error)
"""What reading a damaged file may raise."""

_ENDING = ".state"


@dataclass(frozen=True)
class CachedPrompt:
    """One file: its tokens, offset and length of its state in bytes, and the checksum of both.

    `checkpoints` is None if the state can be trimmed anywhere.
    """

    path: Path
    tokens: Sequence[int]
    start: int
    bytes: int
    checksum: str
    checkpoints: tuple[Checkpoint, ...] | None = None

    def usable_length(self, tokens: Sequence[int]) -> int:
        """Return how many of its tokens are of use to the prompt `tokens`, whose last has to be decoded anyway."""
        common = min(count_common(self.tokens, tokens), len(tokens) - 1)
        lengths = None if self.checkpoints is None else [each.length for each in self.checkpoints]
        return usable_length(common, len(self.tokens), lengths)

    def state(self, data: memoryview) -> State:
        """Return the state, with `data` from the file, whose checkpoints are not read yet."""
        return State(self.tokens, data, self.checkpoints or (), self.checkpoints is None)


@dataclass(frozen=True)
class SavedBytes:
    """Bytes of a checkpoint, at `start` in the file at `path`, which need not be there any more."""

    path: Path
    start: int
    size: int
    checksum: str

    def __len__(self) -> int:
        return self.size

    def read(self) -> bytearray:
        """See StoredBytes."""
        data = bytearray(self.size)
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(self.start)
            if file.readinto(data) == self.size and hashlib.sha256(data).hexdigest() == self.checksum:
                return data
        return bytearray()


class PromptCache:
    """The files of one folder. A file that causes an error is deleted; that costs time, never a reply."""

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder, self._budget = folder, budget

    def find_longest(self, key: str, tokens: Sequence[int]) -> tuple[CachedPrompt, int] | None:
        """Return the file that saves most of the prompt `tokens`, and how many; None if those are too few."""
        found = [(saved.usable_length(tokens), saved) for saved in self._all(key)]
        most, saved = max(found, key=lambda pair: pair[0], default=(0, None))
        return (saved, most) if saved and most >= FEWEST else None

    def load_state(self, saved: CachedPrompt) -> State | None:
        """Return the state in `saved`; None if it is damaged, which deletes the file.

        The state is memory-mapped from the page cache, where checking it has put it: copying hundreds of megabytes
        took up to a second in a virtual machine.
        """
        try:
            with saved.path.open("rb") as file:
                # Another program may have replaced it meanwhile.
                if _is_whole(saved) and os.path.samestat(os.fstat(file.fileno()), saved.path.stat()):
                    os.utime(saved.path)
                    mapped = memoryview(mmap(file.fileno(), 0, access=ACCESS_COPY))
                    return saved.state(mapped[saved.start : saved.start + saved.bytes])
        except (OSError, ValueError):
            pass
        self._forget(saved.path)
        return None

    def save_state(self, key: str, state: State) -> bool:
        """Write a state, delete files with a prefix of its tokens, and return whether it was written."""
        if not self._make_room(state.bytes):
            return False
        path = self._folder / f"{_file_name(key, state.tokens)}{_ENDING}"
        try:
            make_private(self._folder)
            with atomic_write(path, "wb") as file:
                _write_file(file, key, state)
                older = [saved for saved in self._all(key) if _begins_with(state.tokens, saved.tokens)]
        except OSError:
            return False
        for saved in older:
            if saved.path != path:
                self._forget(saved.path)
        return True

    def shrink(self, wanted: int = 0) -> None:
        """Delete the least recently used files until `wanted` more bytes fit into the budget."""
        files = sorted((found.st_mtime, found.st_size, path) for path, found in self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total + wanted <= self._budget:
                break
            self._forget(path)
            total -= size

    def usage(self) -> tuple[int, int]:
        """Return the number of files and their bytes."""
        sizes = [found.st_size for _, found in self._files()]
        return len(sizes), sum(sizes)

    def _make_room(self, wanted: int) -> bool:
        """Make room for `wanted` bytes; return whether there is room."""
        if wanted > self._budget:
            return False
        self.shrink(wanted)
        place = next((folder for folder in (self._folder, *self._folder.parents) if folder.is_dir()), Path.cwd())
        try:
            return shutil.disk_usage(place).free - wanted > RESERVE
        except OSError:
            return False

    def _all(self, key: str) -> Iterator[CachedPrompt]:
        for path, found in self._files():
            try:
                saved = _read_head(path, found.st_size, key)
            except READ_ERRORS:
                self._forget(path)
                continue
            if saved:
                yield saved

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        try:
            paths = list(self._folder.iterdir())
        except OSError:
            return
        for path in paths:
            with suppress(OSError):
                found = path.stat()
                if not stat.S_ISREG(found.st_mode):
                    continue
                if path.suffix == _ENDING:
                    yield path, found
                elif path.suffix == ".new" and time.time() - found.st_mtime > 3600:  # of a program that was killed
                    self._forget(path)

    def _forget(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()


def clear(folder: Path) -> None:
    """Delete all files, as they hold conversations."""
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                path.unlink()


def make_key(**facts: Any) -> str:
    """Return a hash of all that must be the same for a file to be used."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def fingerprint(path: Path) -> str:
    """Return a hash of a model's lengths, times, beginning and end, which identifies it without reading it whole."""
    with path.open("rb") as file:
        size, changed = os.fstat(file.fileno()).st_size, os.fstat(file.fileno()).st_mtime_ns
        found = hashlib.sha256(f"{size} {changed} ".encode())
        found.update(file.read(1 << 20))
        file.seek(max(size - (1 << 16), 0))
        found.update(file.read(1 << 16))
    for other in part_paths(path)[1:]:
        found.update(f"{other.stat().st_size} {other.stat().st_mtime_ns} ".encode())
    return found.hexdigest()


def _file_name(key: str, tokens: Sequence[int]) -> str:
    return hashlib.sha256(key.encode() + array("I", tokens).tobytes()).hexdigest()[:32]


def _begins_with(tokens: Sequence[int], beginning: Sequence[int]) -> bool:
    return count_common(beginning, tokens) == len(beginning)


def _checksum(tokens: Sequence[int], digests: Iterable[bytes]) -> str:
    """Return the checksum of tokens and of a state, of which each `PART` bytes have a digest."""
    found = hashlib.sha256(array("I", tokens).tobytes())
    for digest in digests:
        found.update(digest)
    return found.hexdigest()


def _digests(data: Bytes) -> Iterator[bytes]:
    view = memoryview(data)
    return (hashlib.sha256(view[at : at + PART]).digest() for at in range(0, len(view), PART))


def _is_whole(saved: CachedPrompt) -> bool:
    """Return whether the checksum is right. Raise OSError. Several threads check parts of it."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = pool.map(partial(_read_digest, saved), range(0, saved.bytes, PART))
        return _checksum(saved.tokens, digests) == saved.checksum


def _read_digest(saved: CachedPrompt, at: int) -> bytes:
    """Return the digest of one part. Read, not mapped: an error of the disk then raises instead of SIGBUS."""
    found, piece, left = hashlib.sha256(), memoryview(bytearray(CHUNK)), min(PART, saved.bytes - at)
    with saved.path.open("rb") as file:
        file.seek(saved.start + at)
        while length := file.readinto(piece[:left]):
            found.update(piece[:length])
            left -= length
    return found.digest()


def _write_file(file: IO[bytes], key: str, state: State) -> None:
    parts = [(each.length, data) for each in state.checkpoints if (data := each.read())]
    checkpoints = [[length, len(data), hashlib.sha256(data).hexdigest()] for length, data in parts]
    head = {
        "format": FORMAT,
        "key": key,
        "tokens": len(state.tokens),
        "bytes": len(state.data),
        "checkpoints": None if state.is_trimmable else checkpoints,
        "checksum": _checksum(state.tokens, _digests(state.data)),
    }
    file.write(json.dumps(head).encode() + b"\n")
    file.write(struct.pack(f"<{len(state.tokens)}I", *state.tokens))
    for part in (state.data, *(data for _, data in parts)):
        file.write(part)


def _read_head(path: Path, size: int, key: str) -> CachedPrompt | None:
    """Return what a file's head says; None if its key is another. Raise one of READ_ERRORS if it is damaged."""
    with path.open("rb") as file:
        head = json.loads(file.readline(LONGEST_HEAD))
        if head["format"] != FORMAT or head["key"] != key:
            return None
        count, length = int(head["tokens"]), int(head["bytes"])
        start = file.tell() + 4 * count
        parts = None if head["checkpoints"] is None else _read_checkpoints(path, start + length, head["checkpoints"])
        if not 0 <= count <= MOST_TOKENS or length < 0 or not _are_sound(parts or (), count):
            raise ValueError("length")
        if start + length + sum(len(each.data) for each in parts or ()) != size:
            raise ValueError("length")
        tokens = struct.unpack(f"<{count}I", file.read(4 * count))
        return CachedPrompt(path, tokens, start, length, str(head["checksum"]), parts)


def _read_checkpoints(path: Path, start: int, parts: Iterable[tuple[int, int, str]]) -> tuple[Checkpoint, ...]:
    found = list[Checkpoint]()
    for length, size, checksum in parts:
        found.append(Checkpoint(int(length), SavedBytes(path, start, int(size), str(checksum))))
        start += int(size)
    return tuple(found)


def _are_sound(checkpoints: Sequence[Checkpoint], count: int) -> bool:
    """Return whether checkpoints of a file with `count` tokens grow in length, and have one in bytes."""
    lengths = [0, *(each.length for each in checkpoints), count + 1]
    is_growing = all(before < after for before, after in pairwise(lengths))
    return is_growing and len(checkpoints) <= MOST_CHECKPOINTS and all(len(each.data) > 0 for each in checkpoints)

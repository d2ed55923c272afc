"""The beginning of a file, on disk under a name of its own until it is whole and verified.

Beside `X.gguf` to be, `X.gguf.part` holds its first bytes, as many as have arrived, and `X.gguf.part.json` says which
file of the Hub they belong to. A lock in `.locks/` keeps two programs from writing the same one.
"""

import errno
import os
import re
import shutil
import threading
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from hashlib import sha256
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO

from filelock import FileLock, Timeout

from phichat.errors import StoreError
from phichat.files import is_private, make_private, open_private, reclaim
from phichat.i18n import format_size, tr
from phichat.models.base import HubFile, PartialDownload
from phichat.models.metadata import MetadataFile, Origins

_PART, _NOTE = ".part", ".part.json"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # by one file system or another
_MAX_STEM_BYTES = 150  # bytes of a name, so that all that goes behind it fits into 255

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}
"""What a disk says that knows no locks: then there is one safeguard less."""


def list_partial_downloads(folder: Path) -> list[PartialDownload]:
    """The downloads into `folder` that have begun and not ended, by name."""
    try:
        notes = sorted(folder.glob(f"*{_NOTE}"))
    except OSError:
        return []
    return [found for note in notes if (found := _read_note(note.with_name(note.name.removesuffix(_NOTE))))]


def find_partial_download(folder: Path, remote: HubFile) -> PartialDownload | None:
    """The download of `remote`'s file into `folder`, if one has begun."""
    return next((one for one in list_partial_downloads(folder) if is_same_file(one.remote, remote)), None)


def destination(folder: Path, remote: HubFile, origins: Origins, taken: Collection[Path] = ()) -> Path:
    """Where `remote` is to be: where it has begun, or the first of its names that is free, or its own already.

    A name is not free where a file lies that came from elsewhere, or a download from elsewhere has begun. One that
    nobody knows may be it; those that are not are `taken`.
    """
    if noted := find_partial_download(folder, remote):
        return noted.path
    names = [safe_file_name(remote.file), safe_file_name(f"{remote.repo}/{remote.file}".replace("/", "--"))]
    more = (f"{Path(names[1]).stem}-{number}.gguf" for number in count(2))
    return next(
        path for path in (folder / name for name in chain(names, more)) if _is_free(path, remote, origins, taken)
    )


def _is_free(path: Path, remote: HubFile, origins: Origins, taken: Collection[Path]) -> bool:
    if path in taken or path.is_dir():
        return False
    owners = [origins.get(path) if path.exists() else None, noted.remote if (noted := _read_note(path)) else None]
    return all(owner is None or is_same_file(owner, remote) for owner in owners)


def is_same_file(one: HubFile, other: HubFile) -> bool:
    """Whether both are the same file of the same repository, whatever else is known of them."""
    return (one.repo, one.file) == (other.repo, other.file)


def set_paused(partial: PartialDownload, paused: bool) -> None:
    """Remember whether the person wants it to wait, unless it is whole by now. Raises StoreError."""
    with _note_file(partial.path).alone():
        if _note_path(partial.path).exists():
            _write_note(partial.path, partial.remote, paused=paused)


def discard_download(partial: PartialDownload) -> None:
    """Delete what there is of it. Raises StoreError, also while another program is fetching it."""
    part = PartFile(partial.path)
    try:
        if not part.acquire():
            raise StoreError(
                tr("Another Phichat on this computer is fetching {name}: cancel it there.").format(
                    name=partial.path.name
                )
            )
        part.delete()
    finally:
        part.close()


def safe_file_name(file: str) -> str:
    """What a file of the Hub may be called here, on any system."""
    name = PurePosixPath(file).name
    stem = _FORBIDDEN.sub("_", name[:-5] if name.lower().endswith(".gguf") else name).strip(" .") or "model"
    if len(stem.encode()) > _MAX_STEM_BYTES:
        mark = sha256(stem.encode()).hexdigest()[:8]
        stem = f"{stem.encode()[:_MAX_STEM_BYTES].decode(errors='ignore')}-{mark}"
    return f"{stem}.gguf"


class PartFile:
    """The file while it is being fetched. One thread appends; any other may close it, after which nothing is written.

    Attributes:
        path: where the file will be once it is whole.
        bytes: how many are on disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._total = 0
        self._is_closed = False
        self._file: IO[bytes] | None = None
        self._guard = threading.Lock()
        lock = path.parent / ".locks" / f"{path.name}.lock"
        self._lock = FileLock(lock, mode=0o600, thread_local=False)

    @property
    def part_path(self) -> Path:
        """Where its bytes are now."""
        return _part_path(self.path)

    def acquire(self) -> bool:
        """Whether it is ours alone now: no other program, and nobody else here, is fetching it. Raises StoreError."""
        with self._map_os_errors():
            make_private(self.path.parent / ".locks")
            if is_private(self.path.parent):
                reclaim(Path(self._lock.lock_file))
            try:
                with warnings.catch_warnings(action="ignore"):  # a disk that knows no locks is no news to the person
                    self._lock.acquire(timeout=0)
            except Timeout:
                return False
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
        return True

    def open(self) -> None:
        """Be ready to append to what there is. Raises StoreError."""
        with self._guard, self._map_os_errors():
            if not self._is_closed and self._file is None:
                self._file = open_private(self.part_path, "ab", shares=True, trusts=False, buffering=0)
                self.bytes = os.fstat(self._file.fileno()).st_size

    def bytes_on_disk(self) -> int:
        """How many there are while another program writes them."""
        try:
            return self.part_path.stat().st_size
        except OSError:
            return 0

    def write_note(self, remote: HubFile) -> None:
        """Write down which file this is the beginning of; it is meant to go on. Raises StoreError."""
        with self._guard:
            self._total = remote.bytes or 0
            if self._is_closed:
                return
            try:
                _write_note(self.path, remote, paused=False)
            except StoreError as error:
                if isinstance(error.__cause__, OSError):
                    raise StoreError(self._error_message(error.__cause__)) from error.__cause__
                raise

    def append(self, data: bytes) -> None:
        """Write `data` through to the system, so that it outlives this program. Raises StoreError."""
        with self._guard, self._map_os_errors():
            rest = memoryview(data)
            while rest and self._file:
                count = self._file.write(rest)
                self.bytes += count
                rest = rest[count:]

    def truncate(self) -> None:
        """Forget every byte. Raises StoreError."""
        with self._guard, self._map_os_errors():
            if self._file:
                self._file.truncate(0)
                self.bytes = 0

    def check_not_moved(self) -> None:
        """Raises StoreError where the file is no longer where it was: its folder was moved or removed."""
        with self._guard:
            if self._file is None:
                return
            try:
                if os.path.samestat(os.fstat(self._file.fileno()), self.part_path.stat()):
                    return
            except OSError:
                pass
        raise StoreError(
            tr("{folder} was moved or removed during the download. Put it back, then go on.").format(
                folder=self.path.parent
            )
        )

    def finish(self) -> bool:
        """Give the file its name: it is whole and verified. False where it was closed before. Raises StoreError."""
        with self._guard, self._map_os_errors():
            if self._file is None:
                return False
            os.fsync(self._file.fileno())
            self._file.close()  # where files in use cannot be renamed
            self._file = None
            self.part_path.replace(self.path)
            _sync_folder(self.path.parent)
        with suppress(OSError), _note_file(self.path).alone():
            _note_path(self.path).unlink()
        self.close()
        return True

    def delete(self) -> None:
        """There is nothing to fetch: leave no trace of it. Raises StoreError."""
        self._stop_writing()
        try:
            with self._map_os_errors():
                self.part_path.unlink(missing_ok=True)
                _note_path(self.path).unlink(missing_ok=True)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of it; what is on disk stays. A second call does nothing."""
        self._stop_writing()
        self._lock.release()

    def _stop_writing(self) -> None:
        with self._guard:
            self._is_closed = True
            if self._file:
                self._file.close()
                self._file = None

    @contextmanager
    def _map_os_errors(self) -> Iterator[None]:
        """What goes wrong on the disk, as our error."""
        try:
            yield
        except OSError as error:
            raise StoreError(self._error_message(error)) from error

    def _error_message(self, error: OSError) -> str:
        folder, reason = self.path.parent, error.strerror or error
        needed = self._total - self.bytes
        if error.errno in {errno.ENOSPC, errno.EDQUOT} and needed > free_bytes(folder):
            return disk_full_message(folder, needed)
        if error.errno in {errno.ENOTDIR, errno.EEXIST}:
            return tr("{folder} is no folder: remove what is in its place, or let PHICHAT_HOME name another.").format(
                folder=folder
            )
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            return tr(
                "{folder} cannot be written to: {reason}. Allow it, or let PHICHAT_HOME name another place."
            ).format(folder=folder, reason=reason)
        return tr("The model could not be saved in {folder}: {reason}. Look after the disk, then go on.").format(
            folder=folder, reason=reason
        )


def disk_full_message(folder: Path, needed: int) -> str:
    """The sentence for a disk without the `needed` bytes."""
    return tr(
        "The disk is too full: {needed} more are needed in {folder}, and {free} are free. Make room, then go on; "
        "what has arrived is kept."
    ).format(needed=format_size(max(needed, 0)), folder=folder, free=format_size(free_bytes(folder)))


def free_bytes(folder: Path) -> int:
    """What is free where `folder` is, or will be."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _part_path(path: Path) -> Path:
    return path.with_name(path.name + _PART)


def _note_path(path: Path) -> Path:
    return path.with_name(path.name + _NOTE)


def _note_file(path: Path) -> MetadataFile:
    """What is written down of it, beside it: in a folder that may be shared."""
    return MetadataFile(_note_path(path), shares=True)


def _read_note(path: Path) -> PartialDownload | None:
    values = _note_file(path).read()
    remote = HubFile.from_json(values)
    if remote is None:
        return None
    try:
        size = _part_path(path).stat().st_size
    except OSError:
        size = 0
    return PartialDownload(remote, path, size, values.get("paused") is True)


def _write_note(path: Path, remote: HubFile, *, paused: bool) -> None:
    _note_file(path).write({**asdict(remote), "paused": paused})


def _sync_folder(folder: Path) -> None:
    """So that the new name outlives a power cut; where folders cannot be opened, the system sees to it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

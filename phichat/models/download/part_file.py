"""Part files: an unfinished download on disk, until it is complete and verified.

For `X.gguf`, `X.gguf.part` holds the bytes that have arrived, and the note `X.gguf.part.json` says which file on the
Hub they belong to. A lock in `.locks/` keeps two programs from writing the same file.

Each file of a model in several, `X-00001-of-00003.gguf` and so on, has such files, too, and `X.gguf.part.json` says
that they belong together.
"""

import errno
import os
import re
import shutil
import stat
import threading
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO

from filelock import FileLock, Timeout

from phichat import gguf
from phichat.errors import StoreError
from phichat.files import is_private, make_private, open_private, reclaim_lock, without_device
from phichat.i18n import format_reason, format_sizes, tr
from phichat.models.base import HubFile, PartialDownload, file_size
from phichat.models.metadata import MetadataFile, Origins

_PART, _NOTE = ".part", ".part.json"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # on some file system
SPLIT_ENDING = len("-00001-of-00003.gguf")
_MAX_STEM_BYTES = 150  # so that the name with all suffixes fits into 255 bytes

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}
"""Errors of file systems without locks: downloads go on without one."""


def list_partial_downloads(folder: Path) -> list[PartialDownload]:
    """Return the unfinished downloads in `folder`, sorted by name; those of one model in several files as one."""
    try:
        notes = sorted(folder.glob(f"*{_NOTE}"))
    except OSError:
        return []
    paths = (note.with_name(note.name.removesuffix(_NOTE)) for note in notes)
    found = (read_partial_download(path) for path in paths if not gguf.part_number(path.name))
    return [one for one in found if one and not (_is_split(one) and _are_files(files_of(one)))]


def find_partial_download(folder: Path, remote: HubFile) -> PartialDownload | None:
    """Return the unfinished download of `remote` in `folder`; None if there is none."""
    return next((one for one in list_partial_downloads(folder) if is_same_file(one.remote, remote)), None)


def files_of(partial: PartialDownload) -> tuple[Path, ...]:
    """Return the final paths of all files of a download."""
    if not _is_split(partial):
        return (partial.path,)
    ending = PurePosixPath(partial.remote.file).name[-SPLIT_ENDING:]
    return gguf.part_paths(partial.path.with_name(partial.path.stem + ending))


def destination(folder: Path, remote: HubFile, origins: Origins, taken: Collection[Path] = ()) -> Path:
    """Return the path for `remote`: that of its unfinished download, else the first candidate that is free.

    A name is not free if a file or an unfinished download from another origin has it. A file of unknown origin may be
    the same one; the caller adds it to `taken` if it is not. For a model in several files, see `PartialDownload`.
    """
    if noted := find_partial_download(folder, remote):
        return noted.path
    file = gguf.whole_name(remote.file)
    names = [safe_file_name(file), safe_file_name(f"{remote.repo}/{file}".replace("/", "--"))]
    more = (f"{Path(names[1]).stem}-{number}.gguf" for number in count(2))
    return next(
        path for path in (folder / name for name in chain(names, more)) if _is_free(path, remote, origins, taken)
    )


def _is_free(path: Path, remote: HubFile, origins: Origins, taken: Collection[Path]) -> bool:
    if path in taken or path.is_dir():
        return False
    noted = read_partial_download(path)
    pairs = zip(files_of(PartialDownload(remote, path, 0, False)), gguf.part_names(remote.file), strict=True)
    owners = [(origins.get(file), name) for file, name in pairs if file.exists()]
    is_ours = all(owner is None or is_same_file(owner, replace(remote, file=name)) for owner, name in owners)
    return is_ours and (noted is None or is_same_file(noted.remote, remote))


def _is_split(partial: PartialDownload) -> bool:
    return bool(gguf.part_number(partial.remote.file)) and not gguf.part_number(partial.path.name)


def _are_files(paths: Sequence[Path]) -> bool:
    return all(path.is_file() for path in paths)


def is_same_file(one: HubFile, other: HubFile) -> bool:
    """Return whether both are the same file of the same repository, of any revision."""
    return one.name == other.name


def set_paused(partial: PartialDownload, paused: bool) -> None:
    """Record whether the user paused the download, unless it has finished. Raise StoreError."""
    with _note_file(partial.path).lock():
        if _note_path(partial.path).exists():
            _write_note(partial.path, partial.remote, paused=paused)


def discard_download(partial: PartialDownload) -> tuple[Path, ...]:
    """Delete an unfinished download, and return the final paths of its files.

    Raise StoreError, also if another program is downloading it.
    """
    paths = files_of(partial)
    parts = [PartFile(path) for path in paths]
    try:
        if not all(part.acquire() for part in parts):
            raise StoreError(
                tr("Another copy of Phichat is downloading {name}. Cancel the download there.").format(
                    name=partial.path.name
                )
            )
        for part in parts:
            part.delete(with_file=_is_split(partial))
        write_split_note(partial.path, None)
    finally:
        for part in parts:
            part.close()
    return paths


def write_split_note(path: Path, remote: HubFile | None) -> None:
    """Note that a model in several files, `remote`, is being downloaded as `path`; None for no longer.

    Raise StoreError.
    """
    if remote:
        _write_note(path, remote, paused=False)
        return
    with suppress(OSError), _note_file(path).lock():
        _note_path(path).unlink(missing_ok=True)


def safe_file_name(file: str) -> str:
    """Return a file name for a file on the Hub that is valid on every system."""
    name = PurePosixPath(file).name
    stem = _FORBIDDEN.sub("_", name[:-5] if name.lower().endswith(".gguf") else name).strip(" .") or "model"
    if len(stem.encode()) > _MAX_STEM_BYTES:
        mark = sha256(stem.encode()).hexdigest()[:8]
        stem = f"{stem.encode()[:_MAX_STEM_BYTES].decode(errors='ignore')}-{mark}"
    return without_device(f"{stem}.gguf")


class PartFile:
    """The file of a download. One thread appends; any other may close it, after which nothing is written.

    Attributes:
        path: the final path of the file.
        bytes: how many have been written.
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
        """The path of the part file."""
        return _part_path(self.path)

    def acquire(self) -> bool:
        """Lock the download; return False if another program or thread holds the lock. Raise StoreError."""
        with self._map_os_errors():
            make_private(self.path.parent / ".locks")
            if is_private(self.path.parent):
                reclaim_lock(Path(self._lock.lock_file))
            try:
                with warnings.catch_warnings(action="ignore"):  # a file system without locks is handled below
                    self._lock.acquire(timeout=0)
            except Timeout:
                return False
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
        return True

    def open(self) -> None:
        """Open the part file for appending; what somebody else put in its place is removed. Raise StoreError."""
        with self._guard, self._map_os_errors():
            if not self._is_closed and self._file is None:
                with suppress(FileNotFoundError):
                    if self._is_planted(self.part_path.lstat()):
                        self.part_path.unlink()
                opened = open_private(self.part_path, "ab", shares=True, trusts=False, buffering=0)
                found = os.fstat(opened.fileno())
                if self._is_planted(found):  # a moment ago
                    opened.close()
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
                self._file, self.bytes = opened, found.st_size

    def _is_planted(self, found: os.stat_result) -> bool:
        """Return whether writing to a part file could change another file, or somebody else could change this one."""
        is_foreign = os.name != "nt" and found.st_uid != os.getuid() and not is_private(self.path.parent)
        return not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or is_foreign

    def bytes_on_disk(self) -> int:
        """Return the part file's size while another program writes it."""
        try:
            return self.part_path.stat().st_size
        except OSError:
            return 0

    def write_note(self, remote: HubFile) -> None:
        """Write the note that says which file on the Hub this is, not paused. Raise StoreError."""
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
        """Write `data` unbuffered, so that it survives a crash of this program. Raise StoreError."""
        with self._guard, self._map_os_errors():
            rest = memoryview(data)
            while rest and self._file:
                count = self._file.write(rest)
                self.bytes += count
                rest = rest[count:]

    def truncate(self) -> None:
        """Truncate the part file to nothing. Raise StoreError."""
        with self._guard, self._map_os_errors():
            if self._file:
                self._file.truncate(0)
                self.bytes = 0

    def check_not_moved(self) -> None:
        """Raise StoreError if the part file is no longer in its place: its folder was moved or removed."""
        with self._guard:
            if self._file is None:
                return
            try:
                if os.path.samestat(os.fstat(self._file.fileno()), self.part_path.stat()):
                    return
            except OSError:
                pass
        raise StoreError(
            tr("{folder} was moved or deleted. Put it back, then resume the download.").format(folder=self.path.parent)
        )

    def finish(self) -> bool:
        """Give the verified file its final name; return False if it was closed before. Raise StoreError."""
        with self._guard, self._map_os_errors():
            if self._file is None:
                return False
            os.fsync(self._file.fileno())
            self._file.close()  # Windows does not rename open files
            self._file = None
            self.part_path.replace(self.path)
            _sync_folder(self.path.parent)
        with suppress(OSError), _note_file(self.path).lock():
            _note_path(self.path).unlink()
        self.close()
        return True

    def delete(self, *, with_file: bool = False) -> None:
        """Delete the part file and its note, and with `with_file` the finished file, too. Raise StoreError."""
        self._stop_writing()
        try:
            with self._map_os_errors():
                if with_file:
                    self.path.unlink(missing_ok=True)
                self.part_path.unlink(missing_ok=True)
                _note_path(self.path).unlink(missing_ok=True)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file and release the lock; what is on disk stays. A second call does nothing."""
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
        """Raise an OSError of the disk as StoreError, with a message for the user."""
        try:
            yield
        except OSError as error:
            raise StoreError(self._error_message(error)) from error

    def _error_message(self, error: OSError) -> str:
        folder, reason = self.path.parent, format_reason(error)
        needed = self._total - self.bytes
        if error.errno in {errno.ENOSPC, errno.EDQUOT} and needed > free_bytes(folder):
            return disk_full_message(folder, needed, self.bytes)
        if error.errno in {errno.ENOTDIR, errno.EEXIST}:
            return tr(
                "{folder} is a file, not a folder. Move or delete it, or set PHICHAT_HOME to another folder."
            ).format(folder=folder)
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            return tr(
                "Phichat can’t write to {folder}: {reason}. Check its permissions, or set PHICHAT_HOME "
                "to another folder."
            ).format(folder=folder, reason=reason)
        return tr(
            "The model couldn’t be saved in {folder}: {reason}. Check the disk, then resume the download."
        ).format(folder=folder, reason=reason)


def disk_full_message(folder: Path, needed: int, kept: int) -> str:
    """Return the message for a disk that lacks the `needed` bytes of a download that has the `kept` ones."""
    missing, free = format_sizes(max(needed, 0), free_bytes(folder))
    message = tr(
        "Not enough disk space: the rest of the download needs {needed} in {folder}, but only {free} is "
        "available. Free up space, then resume the download."
    ).format(needed=missing, folder=folder, free=free)
    return f"{message} {nothing_lost()}" if kept else message


def nothing_lost() -> str:
    """Return the sentence for a download that failed midway."""
    return tr("You won’t lose what’s already downloaded.")


def free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of `folder`, which need not exist."""
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
    """Return the note beside the part file, in a folder that other users may share."""
    return MetadataFile(_note_path(path), shares=True)


def read_partial_download(path: Path) -> PartialDownload | None:
    """Return the unfinished download that becomes `path`; None if there is none."""
    values = _note_file(path).read_value()
    remote = HubFile.from_json(values)
    if remote is None:
        return None
    found = PartialDownload(remote, path, 0, values.get("paused") is True)
    size = sum(file_size(_part_path(file)) or (file_size(file) if _is_split(found) else 0) for file in files_of(found))
    return replace(found, bytes=size)


def _write_note(path: Path, remote: HubFile, *, paused: bool) -> None:
    _note_file(path).write_value({**asdict(remote), "paused": paused})


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that a rename survives a power cut; systems where folders cannot be opened need no sync."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

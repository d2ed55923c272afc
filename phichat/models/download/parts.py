"""Download a model, in however many files it is."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.errors import PhichatError
from phichat.models.base import DownloadedModel, HubFile, PartialDownload, Phase, Progress, file_size
from phichat.models.download import job
from phichat.models.download.part_file import destination, files_of, read_partial_download, write_split_note
from phichat.models.download.retry import RetryPolicy
from phichat.models.hub import Hub
from phichat.models.hub_access import HubAccess
from phichat.models.hub_files import join_parts
from phichat.models.library import Library
from phichat.models.metadata import MetadataFile, Origins
from phichat.paths import Home


def download(
    remote: HubFile, home: Home, stop: CancelToken, access: HubAccess | None = None, *, patience: int | None = None
) -> Iterator[Progress | DownloadedModel]:
    """Download the model of which `remote` is the first file or the only one; see `job.download`."""
    hub = Hub(access)
    if gguf.part_number(remote.file):
        yield from _SplitDownload(remote, home, stop, patience, hub).run()
    else:
        yield from job.download(remote, home, stop, patience=patience, hub=hub)


class _SplitDownload:
    """Downloads the files of one model, one after the other.

    The last file comes first: without the first one, none of them is taken for a model.
    """

    def __init__(self, remote: HubFile, home: Home, stop: CancelToken, patience: int | None, hub: Hub) -> None:
        self._remote, self._home, self._stop = remote, home, stop
        self._patience, self._hub = patience, hub
        self._path = destination(home.models, remote, Origins(MetadataFile(home.origins)))
        self._files = files_of(PartialDownload(remote, self._path, 0, False))
        self._total = 0

    def run(self) -> Iterator[Progress | DownloadedModel]:
        """Yield the progress of the whole model, and at the end the model. Raise HubError or StoreError."""
        yield from self._ask_for_size()
        if self._stop.is_set():
            return
        write_split_note(self._path, replace(self._remote, bytes=self._total or None, sha256=None))
        for file, name in reversed(list(zip(self._files, gguf.part_names(self._remote.file), strict=True))):
            part = HubFile(self._remote.repo, name, licence=self._remote.licence)
            events = job.download(part, self._home, self._stop, patience=self._patience, hub=self._hub, path=file)
            with closing(events):
                for event in events:
                    if isinstance(event, Progress):
                        yield self._of_all(event, file)
            if self._stop.is_set():
                return
        write_split_note(self._path, None)
        yield DownloadedModel(Library(self._home).find_model(str(self._files[0])), "")

    def _of_all(self, progress: Progress, file: Path) -> Progress:
        """Return the progress of all files, of which `file` is being downloaded."""
        done = progress.done + sum(file_size(other) for other in self._files if other != file)
        total = max(self._total, done)
        left = (total - done) / progress.speed if progress.speed else None
        is_checking = progress.phase is Phase.CHECKING and file != self._files[0]
        phase = Phase.FETCHING if is_checking else progress.phase
        return replace(progress, phase=phase, done=done, total=total, left=left)

    def _ask_for_size(self) -> Iterator[Progress]:
        """Find out the size of all files together: from the note of what is resumed, else from the Hub."""
        noted = read_partial_download(self._path)
        if noted and noted.remote.bytes:
            self._total = noted.remote.bytes
            return
        retry = RetryPolicy(self._stop, self._patience)
        found: list[HubFile] = []
        errors: list[PhichatError] = []

        def ask() -> None:
            try:
                found.extend(retry.call(lambda: self._hub.list_files(self._remote.repo, self._stop)) or [])
            except PhichatError as error:
                errors.append(error)

        thread = threading.Thread(target=ask, name="download-size", daemon=True)
        thread.start()
        while thread.is_alive() and not self._stop.is_set():
            yield Progress(Phase.WAITING if retry.note else Phase.ASKING, 0, 0, note=retry.note)
            thread.join(job.REPORT_EVERY)
        if errors and not self._stop.is_set():
            raise errors[0]
        listed = (one.bytes for one in join_parts(found) if one.name == self._remote.name)
        self._total = next(listed, None) or 0

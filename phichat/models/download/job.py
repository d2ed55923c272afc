"""Download one file from the Hub: resume, retry and verify it, and report the progress."""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.errors import HubError, HubRefused, HubUnreachable, PhichatError, StoreError
from phichat.i18n import tr
from phichat.models.base import DownloadedModel, HubFile, ModelFile, Phase, Progress, Source
from phichat.models.download.checksum import file_sha256
from phichat.models.download.part_file import PartFile, destination, is_same_file, nothing_lost, read_partial_download
from phichat.models.download.rate import TransferRate
from phichat.models.download.retry import RetryPolicy
from phichat.models.download.transfer import Transfer
from phichat.models.download.wake_lock import WakeLock
from phichat.models.hub import FileChanged, Hub
from phichat.models.hub_access import hub_host
from phichat.models.library import Library
from phichat.models.metadata import Checksums, MetadataFile, Origins
from phichat.paths import Home

REPORT_EVERY = 0.1  # seconds
JOIN_SECONDS = 1.0  # to wait for a stopped thread; one stuck in a name lookup is left alone
STALLED_SECONDS = 5.0  # without a byte until the user is told
MAX_STARTS = 4  # of one download: the file has changed on the Hub, or arrived damaged (once)


def download(
    remote: HubFile,
    home: Home,
    stop: CancelToken,
    *,
    patience: int | None = None,
    hub: Hub | None = None,
    path: Path | None = None,
) -> Generator[Progress | DownloadedModel]:
    """Download one file into `home.models`; yield the progress ten times a second, and at the end the model.

    Once `stop` is set it ends without one, and keeps what has arrived. `patience` is how many attempts in a row may
    fail; None for any number. `path` is where it goes; None to choose a free name. Raise HubError or StoreError.
    """
    work = _DownloadJob(remote, home, stop, patience, hub or Hub(), path)
    thread = threading.Thread(target=work.run, name="download", daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not stop.is_set():
            yield work.progress()
            work.ended.wait(REPORT_EVERY)
    finally:
        if not work.ended.is_set():
            stop.set()
        work.part.close()
        thread.join(JOIN_SECONDS)
    if not stop.is_set():
        yield work.outcome()


class _DownloadJob:
    """One download: `run` in a thread, `progress` and `outcome` from another.

    Attributes:
        part: the part file; nothing is written once any thread has closed it.
        ended: set when `run` has ended.
    """

    def __init__(
        self, remote: HubFile, home: Home, stop: CancelToken, patience: int | None, hub: Hub, path: Path | None
    ) -> None:
        self._remote, self._home, self._stop, self._hub = remote, home, stop, hub
        self._origins, self._checksums = Origins(MetadataFile(home.origins)), Checksums(MetadataFile(home.checksums))
        self._retry = RetryPolicy(stop, patience)
        self._transfer: Transfer | None = None
        self._rate = TransferRate()
        self._phase, self._note = Phase.ASKING, ""
        self._was_damaged = self._has_asked = self._is_taken = False
        self._taken: list[Path] = []
        self._result: DownloadedModel | None = None
        self._error: PhichatError | None = None
        self._is_name_fixed = path is not None
        self.part = PartFile(path or destination(home.models, remote, self._origins))
        self.ended = threading.Event()

    def run(self) -> None:
        """Run the download to its end and keep the result or the error."""
        try:
            with WakeLock():
                self._result = self._download()
        except HubUnreachable as error:
            kept = bool(self.part.bytes_on_disk())
            self._error = HubUnreachable(f"{error} " + nothing_lost()) if kept else error
        except PhichatError as error:
            self._error = error
        except Exception as error:  # a download must not end without a message
            logging.getLogger(__name__).exception("a download failed")
            self._error = HubError(tr("The download failed ({error}). Try again.").format(error=error))
        finally:
            self.part.close()
            self.ended.set()

    def outcome(self) -> DownloadedModel:
        """Return the downloaded model. Raise HubError or StoreError."""
        if self._result is None:
            raise self._error or HubError(tr("The download was interrupted. Try again."))
        return self._result

    def progress(self) -> Progress:
        """Return the present progress."""
        phase, note = self._state()
        done, total = self.part.bytes, self._remote.bytes or 0
        if phase is Phase.ELSEWHERE:
            note = tr("Another copy of Phichat is downloading this model.")
            return Progress(phase, self.part.bytes_on_disk(), total, note=note)
        self._rate.add(time.monotonic(), done)
        if phase is not Phase.FETCHING:
            return Progress(phase, done, total, note=note)
        return Progress(phase, done, total, self._rate.speed, self._rate.seconds_left(total - done), note)

    def _state(self) -> tuple[Phase, str]:
        if self._retry.note:
            return Phase.WAITING, self._retry.note
        if not self._transfer or self._phase is not Phase.ASKING:
            return self._phase, self._note
        if self.part.bytes == self._remote.bytes:
            return Phase.CHECKING, self._note
        if self._transfer.last_received and time.monotonic() - self._transfer.last_received > STALLED_SECONDS:
            return Phase.WAITING, tr("{host} isn’t sending data right now.").format(host=hub_host())
        return (Phase.FETCHING if self._transfer.last_received else Phase.ASKING), self._transfer.note or self._note

    def _download(self) -> DownloadedModel | None:
        for _ in range(MAX_STARTS):
            if not self._acquire():
                return None
            self._resolve()
            if self._stop.is_set():
                return None
            if self._is_on_disk():
                self.part.delete()
                return self._register()
            if not self.part.path.exists() or self._is_ours():
                if self._transfer_all():
                    return self._finish()
            else:
                self._choose_other_name()
        raise HubRefused(
            tr("{file} keeps changing on the Hub during the download. Try again later.").format(file=self._remote.file)
        )

    def _acquire(self) -> bool:
        """Wait until no other program downloads the same file; return False once stopped."""
        while not self._is_taken:
            if self.part.acquire():
                self._is_taken, self._phase, self._note = True, Phase.ASKING, self._note
                noted = read_partial_download(self.part.path)
                if noted and is_same_file(noted.remote, self._remote):
                    self._remote = noted.remote
                break
            self._phase = Phase.ELSEWHERE
            if self._stop.wait(REPORT_EVERY):
                return False
        return not self._stop.is_set()

    def _is_ours(self) -> bool:
        """Return whether the file with that name was downloaded from the same place."""
        known = self._origins.get(self.part.path)
        return known is not None and is_same_file(known, self._remote)

    def _resolve(self) -> None:
        """Get size and checksum: from the note of a download that is resumed, else from the Hub."""
        known = self._origins.get(self.part.path) if self._is_ours() and self.part.path.is_file() else None
        if known and known.sha256 and not self._has_asked:
            self._remote = known
        if self._remote.bytes and self._remote.sha256 and (known or self.part.bytes_on_disk()):
            return
        asked = self._retry.call(lambda: self._hub.file_info(self._remote.repo, self._remote.file, self._stop))
        if asked:
            self._has_asked = True
            self._remote = replace(asked, licence=self._remote.licence)

    def _is_on_disk(self) -> bool:
        """Return whether the file with that name, downloaded or put there by the user, already is the wanted one."""
        path = self.part.path
        if not path.is_file() or path.stat().st_size != self._remote.bytes:
            return False
        if self._checksums.get(path) == self._remote.sha256:
            return True
        self._phase = Phase.CHECKING
        found = file_sha256(path, self._stop)
        self._phase = Phase.ASKING
        return found == self._remote.sha256

    def _choose_other_name(self) -> None:
        """Choose another name, as a different file of the user has this one. Raise StoreError if it must not change."""
        if self._is_name_fixed:
            raise StoreError(
                tr(
                    "{path} already exists, so the download can’t be saved there. Move that file to another folder."
                ).format(path=self.part.path)
            )
        self._taken.append(self.part.path)
        self.part.close()
        self.part = PartFile(destination(self._home.models, self._remote, self._origins, self._taken))
        self._is_taken = False

    def _transfer_all(self) -> bool:
        """Transfer the missing bytes; return whether the checksum is right. If it is not, delete them all."""
        self.part.write_note(self._remote)
        self.part.open()
        self._transfer = Transfer(self._hub, self._remote, self.part, self._retry, self._stop)
        try:
            if self._transfer.run() == self._remote.sha256:
                return True
            self._note_damage()
        except FileChanged:
            self._note = tr("The file changed on the Hub. Restarting the download.")
        if not self._stop.is_set():
            self._remote = replace(self._remote, bytes=None, sha256=None)  # so that the Hub is asked again
            self.part.truncate()
        return False

    def _note_damage(self) -> None:
        if self._was_damaged and not self._stop.is_set():
            self.part.truncate()
            raise HubRefused(
                tr(
                    "{file} was damaged both times it was downloaded, so it wasn’t saved. Try another "
                    "network or another mirror (HF_ENDPOINT)."
                ).format(file=self._remote.file)
            )
        self._was_damaged = True
        self._note = tr("The downloaded file was damaged. Downloading it again.")

    def _finish(self) -> DownloadedModel | None:
        with suppress(StoreError):  # before the rename, so that a kill between the two loses nothing
            self._origins.record(self.part.path, self._remote)
        return self._register() if self.part.finish() else None

    def _register(self) -> DownloadedModel:
        """Record the file's origin and checksum, and return it as the library names it."""
        sha256 = self._remote.sha256 or ""
        with suppress(StoreError):  # a full disk; the file itself is complete
            self._origins.record(self.part.path, self._remote)
        self._checksums.record(self.part.path, sha256)
        path = self.part.path
        if gguf.part_number(path.name):  # the other files of the model may be missing
            return DownloadedModel(ModelFile(path.stem, path.stem, path, Source.OURS), sha256)
        return DownloadedModel(Library(self._home).find_model(str(path)), sha256)

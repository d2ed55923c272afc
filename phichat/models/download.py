"""Fetches one file from the Hub: from where it stopped, as often as it takes, until it is whole and verified."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from phichat.errors import HubError, HubRefused, PhichatError, StoreError
from phichat.models.awake import Awake
from phichat.models.base import Fetched, Phase, Progress, Remote
from phichat.models.follower import sha256_of
from phichat.models.hub import FileChanged, Hub, host
from phichat.models.library import Library
from phichat.models.notebook import Checksums, Notebook, Origins
from phichat.models.pace import Pace
from phichat.models.partial import Part, begun, destination, is_same
from phichat.models.transfer import Transfer
from phichat.models.tries import Tries
from phichat.paths import Home
from phichat.stop import Stop
from phichat.text import tr

REPORT_EVERY = 0.1  # seconds between two looks at how far it is
GRACE = 1.0  # seconds a stopped thread gets to end by itself; looking up a name can take longer, and is let be
SILENCE = 5.0  # seconds without a byte until it is said
MOST_BEGINNINGS = 4  # of one download, each time because the file has changed on the Hub, once because it was damaged


def fetch(
    remote: Remote, home: Home, stop: Stop, *, patience: int | None = None, hub: Hub | None = None
) -> Iterator[Progress | Fetched]:
    """Fetch `remote` into `home.models`: how far it is, ten times a second, and at the end what has come.

    Ends without it once `stop` is set, and keeps what is there. `patience` is how many tries in a row may bring
    nothing; None is endless. Raises HubError or StoreError.
    """
    work = _Work(remote, home, stop, patience, hub or Hub())
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
        thread.join(GRACE)
    if not stop.is_set():
        yield work.outcome()


class _Work:
    """One download, run in a thread of its own, looked at from another.

    Attributes:
        part: the file's beginning; once it is closed, from whatever thread, nothing more is written.
        ended: set when `run` is over.
    """

    def __init__(self, remote: Remote, home: Home, stop: Stop, patience: int | None, hub: Hub) -> None:
        self._remote, self._home, self._stop, self._hub = remote, home, stop, hub
        self._origins = Origins(Notebook(home.origins))
        self._tries = Tries(stop, patience)
        self._transfer: Transfer | None = None
        self._pace = Pace()
        self._phase, self._note = Phase.ASKING, ""
        self._was_damaged = False
        self._fetched: Fetched | None = None
        self._error: PhichatError | None = None
        self.part = Part(destination(home.models, remote, self._origins))
        self.ended = threading.Event()

    def run(self) -> None:
        """To the end, whatever it is."""
        try:
            with Awake():
                self._fetched = self._fetch()
        except PhichatError as error:
            self._error = error
        except Exception as error:  # a download never ends without a word
            logging.getLogger(__name__).exception("a download failed")
            self._error = HubError(tr("The download failed ({error}): try again.").format(error=error))
        finally:
            self.part.close()
            self.ended.set()

    def outcome(self) -> Fetched:
        """What came of it. Raises HubError or StoreError."""
        if self._fetched is None:
            raise self._error or HubError(tr("The download ended early: try again."))
        return self._fetched

    def progress(self) -> Progress:
        """How far it is."""
        phase, note = self._state()
        done, total = self.part.bytes, self._remote.bytes or 0
        if phase is Phase.ELSEWHERE:
            return Progress(phase, self.part.bytes_elsewhere(), total, note=note)
        self._pace.add(time.monotonic(), done)
        if phase is not Phase.FETCHING:
            return Progress(phase, done, total, note=note)
        return Progress(phase, done, total, self._pace.speed, self._pace.left(total - done), note)

    def _state(self) -> tuple[Phase, str]:
        if self._tries.note:
            return Phase.WAITING, self._tries.note
        if not self._transfer or self._phase is not Phase.ASKING:
            return self._phase, self._note
        if self.part.bytes == self._remote.bytes:
            return Phase.CHECKING, self._note
        if self._transfer.heard and time.monotonic() - self._transfer.heard > SILENCE:
            return Phase.WAITING, tr("{host} sends nothing at the moment.").format(host=host())
        return (Phase.FETCHING if self._transfer.heard else Phase.ASKING), self._note

    def _fetch(self) -> Fetched | None:
        if not self._take():
            return None
        if known := self._known():
            return self._named(known)
        self.part.open()
        for _ in range(MOST_BEGINNINGS):
            self._look()
            if self._stop.is_set():
                return None
            if self._is_here_unnoted():
                self.part.drop()
                return self._remembered()
            if self._has_arrived():
                return self._finish()
        raise HubRefused(
            tr("{file} changes on the Hub faster than it can be fetched. Try again later.").format(
                file=self._remote.file
            )
        )

    def _take(self) -> bool:
        """Wait until no other program is fetching the same file; false once stopped."""
        if noted := begun(self._home.models, self._remote):
            self._remote = noted.remote
        while not self.part.take():
            self._phase, self._note = Phase.ELSEWHERE, tr("Another Phichat on this computer is fetching it.")
            if self._stop.wait(REPORT_EVERY):
                return False
        self._phase, self._note = Phase.ASKING, ""
        return True

    def _known(self) -> Remote | None:
        """Where the file that lies under the name came from, if that is where this one is to come from."""
        known, path = self._origins.of(self.part.path), self.part.path
        if known and is_same(known, self._remote) and path.is_file() and path.stat().st_size == known.bytes:
            return known
        return None

    def _look(self) -> None:
        """Size and checksum: from the note where the download has begun, else from the Hub."""
        if self.part.bytes and self._remote.bytes and self._remote.sha256:
            return
        asked = self._tries.until(lambda: self._hub.look(self._remote.repo, self._remote.file, self._stop))
        if asked:
            self._remote = replace(asked, licence=self._remote.licence)
            self.part.note(self._remote)

    def _is_here_unnoted(self) -> bool:
        """Whether what the person put under the file's name is the file."""
        path = self.part.path
        if self.part.bytes or not path.is_file() or path.stat().st_size != self._remote.bytes:
            return False
        self._phase = Phase.CHECKING
        is_it = sha256_of(path, self._stop) == self._remote.sha256
        self._phase = Phase.ASKING
        return is_it

    def _has_arrived(self) -> bool:
        """Fetch what is missing; whether all is as the Hub says. If not, all is forgotten."""
        self._transfer = Transfer(self._hub, self._remote, self.part, self._tries, self._stop)
        try:
            if self._transfer.run() == self._remote.sha256:
                return True
            self._count_damage()
        except FileChanged:
            self._note = tr("It has changed on the Hub: it is fetched from the start.")
        if not self._stop.is_set():
            self._remote = replace(self._remote, bytes=None, sha256=None)  # to be asked for again
            self.part.restart()
        return False

    def _count_damage(self) -> None:
        if self._was_damaged and not self._stop.is_set():
            self.part.restart()
            raise HubRefused(
                tr("{file} arrived damaged twice, and is not kept. Try another network, or another mirror.").format(
                    file=self._remote.file
                )
            )
        self._was_damaged = True
        self._note = tr("It arrived damaged: it is fetched once more, from the start.")

    def _finish(self) -> Fetched | None:
        return self._remembered() if self.part.finish() else None

    def _remembered(self) -> Fetched:
        with suppress(StoreError):  # a disk without room for a line more: the file itself is here
            self._origins.remember(self.part.path, self._remote)
        return self._named(self._remote)

    def _named(self, remote: Remote) -> Fetched:
        """The file as the library names it, its checksum kept beside it."""
        sha256 = remote.sha256 or ""
        Checksums(Notebook(self._home.checksums)).remember(self.part.path, sha256)
        return Fetched(Library(self._home).find(str(self.part.path)), sha256)

"""Transfer the missing bytes of a file, over as many connections as it takes."""

import time

from phichat import gguf
from phichat.cancellation import CancelToken
from phichat.errors import HubRefused, HubUnreachable, StoreError
from phichat.i18n import format_reason, tr
from phichat.models.base import HubFile
from phichat.models.download.checksum import RunningChecksum
from phichat.models.download.part_file import PartFile, disk_full_message, free_bytes
from phichat.models.download.retry import RetryPolicy
from phichat.models.hub import Hub
from phichat.models.hub_access import hub_host
from phichat.net.http import not_the_hub_message

MIN_BYTES_PER_SECOND, SLOW_SECONDS = 1000, 60.0  # a slower connection, over this time, is replaced
MAX_RESTARTS = 5  # from byte 0 without progress, by a server without ranges
CHECK_SECONDS = 1.0  # seconds


class Transfer:
    """Appends the missing bytes of `remote` to `part`, and computes the checksum meanwhile.

    Attributes:
        last_received: when the last byte arrived, by the monotonic clock; 0 before the first.
        note: a sentence for the user while something takes longer than it should; mostly empty.
    """

    def __init__(self, hub: Hub, remote: HubFile, part: PartFile, tries: RetryPolicy, stop: CancelToken) -> None:
        self._hub, self._remote, self._part = hub, remote, part
        self._retry, self._stop = tries, stop
        self._total = remote.bytes or 0
        self._futile = 0
        self.note = ""
        self._begins_anew = False
        self._looked = self._since = self.last_received = 0.0
        self._bytes_then = 0
        if part.bytes > self._total:
            part.truncate()
        self._checksum = RunningChecksum(part.part_path)
        self._checksum.advance(part.bytes)

    def run(self) -> str:
        """Transfer all bytes and return the SHA-256; "" once stopped. Raise FileChanged, HubError or StoreError."""
        try:
            folder, missing = self._part.path.parent, self._total - self._part.bytes
            if missing > free_bytes(folder):
                raise StoreError(disk_full_message(folder, missing, self._part.bytes))
            while self._part.bytes < self._total and not self._stop.is_set():
                self._attempt()
            return "" if self._stop.is_set() else self._digest()
        finally:
            self._checksum.close()

    def _attempt(self) -> None:
        before = self._part.bytes
        try:
            self._receive()
        except HubUnreachable as trouble:
            if self._part.bytes > before:
                self._retry.reset()
                return
            self._count_futile()
            self._retry.back_off(trouble)

    def _receive(self) -> None:
        """Send one request for the missing bytes. Raise HubUnreachable unless all arrive."""
        self._begins_anew = False
        with self._hub.stream(self._remote, self._part.bytes, self._stop) as body:
            surplus = body.surplus
            is_beginning = surplus == self._part.bytes
            self._begins_anew = surplus > 0
            self._looked = self._since = time.monotonic()
            self._bytes_then = self._part.bytes
            for piece in body.chunks:
                if is_beginning and piece:
                    _check_beginning(piece)
                    is_beginning = False
                self._append(piece[surplus:])
                surplus = max(surplus - len(piece), 0)
                if self._part.bytes >= self._total or self._stop.is_set():
                    return
        raise HubUnreachable(
            tr("{host} closed the connection before the download finished. Check your network.").format(host=hub_host())
        )

    def _append(self, data: bytes) -> None:
        self.last_received = time.monotonic()
        self.note = "" if data else tr("{host} restarted the download from the beginning.").format(host=hub_host())
        if data:
            self._retry.reset()
            self._part.append(data[: self._total - self._part.bytes])
            self._checksum.advance(self._part.bytes)
        if self.last_received - self._looked > CHECK_SECONDS:
            self._looked = self.last_received
            self._part.check_not_moved()
            self._check_speed()

    def _check_speed(self) -> None:
        """Raise HubUnreachable if the connection is so slow that a new one is worth a try."""
        seconds = self.last_received - self._since
        if seconds > SLOW_SECONDS and not self._begins_anew:
            if self._part.bytes - self._bytes_then < MIN_BYTES_PER_SECOND * seconds:
                raise HubUnreachable(
                    tr("The connection to {host} is too slow. Check your network.").format(host=hub_host())
                )
            self._since, self._bytes_then = self.last_received, self._part.bytes

    def _count_futile(self) -> None:
        self._futile += self._begins_anew
        if self._futile >= MAX_RESTARTS:
            raise HubRefused(
                tr(
                    "The connection to {host} keeps dropping, and the server can’t resume downloads. Try "
                    "another network or another mirror (HF_ENDPOINT). What you’ve already downloaded won’t "
                    "be lost."
                ).format(host=hub_host())
            )

    def _digest(self) -> str:
        try:
            return self._checksum.digest()
        except OSError as error:
            raise StoreError(
                tr("{path} can’t be read: {reason}. Check the disk, then resume the download.").format(
                    path=self._part.part_path, reason=format_reason(error)
                )
            ) from error


def _check_beginning(data: bytes) -> None:
    """Raise HubUnreachable if a file that begins with `data` is a text, such as the page of a network to sign in.

    Some servers call such a page what was asked for, with status 200.
    """
    if gguf.is_text(data):
        raise HubUnreachable(not_the_hub_message(hub_host()))

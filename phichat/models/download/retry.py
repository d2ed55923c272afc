"""Retry requests with exponential backoff."""

import time
from collections.abc import Callable
from typing import TypeVar

from phichat.cancellation import CancelToken
from phichat.errors import HubUnreachable
from phichat.i18n import format_number, tr

FIRST_WAIT = 1.0  # seconds, doubled with every failure
MAX_WAIT = 30.0  # seconds, unless the server asks for more
MAX_REQUESTED_WAIT = 120.0  # seconds that a server may ask for if patience is limited

T = TypeVar("T")


class RetryPolicy:
    """Waits longer after every failure in a row. `patience` is how many are allowed; None for any number.

    `note` may be read by any thread.
    """

    def __init__(self, stop: CancelToken, patience: int | None) -> None:
        self._stop, self._patience = stop, patience
        self._futile = 0
        self._trouble = ""
        self._until = 0.0

    @property
    def note(self) -> str:
        """Why it waits, and for how many more seconds; empty while it does not."""
        trouble, left = self._trouble, self._until - time.monotonic()
        if not trouble or left <= 0:
            return trouble
        return tr("{trouble} Trying again in {seconds} s.").format(
            trouble=trouble, seconds=format_number(int(left) + 1)
        )

    def call(self, ask: Callable[[], T]) -> T | None:
        """Call `ask` until it succeeds; return its result, None once stopped. Raise HubUnreachable if patience ends."""
        while not self._stop.is_set():
            try:
                answer = ask()
            except HubUnreachable as trouble:
                self.back_off(trouble)
            else:
                self.reset()
                return answer
        return None

    def back_off(self, trouble: HubUnreachable) -> None:
        """Count a failure and wait before the next attempt. Raise HubUnreachable when patience ends."""
        if self._stop.is_set():
            return
        self._futile += 1
        wait = max(min(FIRST_WAIT * 2.0 ** min(self._futile - 1, 10), MAX_WAIT), trouble.retry_after)
        is_patient = self._patience is None or (self._futile < self._patience and wait <= MAX_REQUESTED_WAIT)
        if not is_patient:
            raise HubUnreachable(tr("{trouble} Try again later; what has arrived is kept.").format(trouble=trouble))
        self._trouble, self._until = str(trouble), time.monotonic() + wait
        self._stop.wait(wait)

    def reset(self) -> None:
        """Reset the count of failures: bytes have arrived."""
        self._futile, self._trouble = 0, ""

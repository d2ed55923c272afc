"""Retry requests with exponential backoff."""

import time
from collections.abc import Callable
from typing import TypeVar

from phichat.cancellation import CancelToken
from phichat.errors import HubAway, HubUnreachable
from phichat.i18n import format_number, tr

FIRST_WAIT = 1.0  # seconds, doubled with every failure
MAX_WAIT = 30.0  # seconds, unless the server asks for more
MAX_REQUESTED_WAIT = 600.0  # seconds that a server may ask for if patience is limited; the Hub counts over 300
AWAY_PATIENCE = 6  # attempts at most before the first answer where no connection can be made

T = TypeVar("T")


class RetryPolicy:
    """Waits longer after every failure in a row. `patience` is how many are allowed; None for any number.

    `note` may be read by any thread.
    """

    def __init__(self, stop: CancelToken, patience: int | None) -> None:
        self._stop, self._patience = stop, patience
        self._futile = 0
        self._has_contact = False
        self._trouble = ""
        self._until = 0.0

    @property
    def note(self) -> str:
        """Why it waits, and for how many more seconds; empty while it does not."""
        trouble, left = self._trouble, self._until - time.monotonic()
        if not trouble or left <= 0:
            return trouble
        return tr("{problem} Trying again in {seconds} s.").format(
            problem=trouble, seconds=format_number(int(left) + 1)
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
        if not self._is_patient(trouble, wait):
            raise HubUnreachable(tr("{problem} Try again later.").format(problem=trouble))
        self._trouble, self._until = str(trouble), time.monotonic() + wait
        self._stop.wait(wait)

    def reset(self) -> None:
        """Reset the count of failures: an answer or bytes have arrived."""
        self._futile, self._trouble, self._has_contact = 0, "", True

    def _is_patient(self, trouble: HubUnreachable, wait: float) -> bool:
        if self._patience is None:
            return True
        is_away = isinstance(trouble, HubAway) and not self._has_contact
        patience = min(self._patience, AWAY_PATIENCE) if is_away else self._patience
        return self._futile < patience and wait <= MAX_REQUESTED_WAIT

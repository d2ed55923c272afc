"""How often, and after what waits, a server is asked again."""

import time
from collections.abc import Callable
from typing import TypeVar

from phichat.cancellation import CancelToken
from phichat.errors import HubUnreachable
from phichat.i18n import format_number, tr

FIRST_WAIT = 1.0  # seconds, doubled with every further try
MAX_WAIT = 30.0  # seconds, unless the server asks for more; the line may be back at any moment
MAX_REQUESTED_WAIT = 120.0  # seconds that whoever has finite patience waits for a server that asks for it

T = TypeVar("T")


class RetryPolicy:
    """Waits grow with every try that brought nothing. `patience` is how many there may be in a row; None is endless.

    Any thread may ask for `note`.
    """

    def __init__(self, stop: CancelToken, patience: int | None) -> None:
        self._stop, self._patience = stop, patience
        self._futile = 0
        self._trouble = ""
        self._until = 0.0

    @property
    def note(self) -> str:
        """Why it waits, and for how long still; empty while it does not."""
        trouble, left = self._trouble, self._until - time.monotonic()
        if not trouble or left <= 0:
            return trouble
        return tr("{trouble} Trying again in {seconds} s.").format(
            trouble=trouble, seconds=format_number(int(left) + 1)
        )

    def call(self, ask: Callable[[], T]) -> T | None:
        """What `ask` returns, asked until the server answers; None once stopped. Raises what patience ends with."""
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
        """A try brought nothing: wait for the next. Raises `trouble` once patience ends."""
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
        """Something has come."""
        self._futile, self._trouble = 0, ""

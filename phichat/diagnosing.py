"""What `phichat doctor` prints, of the window that is open."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from phichat.cancellation import CancelToken
from phichat.engine.base import Engine, Loaded
from phichat.paths import Home

if TYPE_CHECKING:
    from phichat.models.library import Library

Running = tuple[bool, Loaded | None, int | None]
"""Whether the window has a model, what its engine said once it was loaded, and in which process that is."""


class Diagnosing:
    """Any thread may ask; no model is loaded beside one that is there."""

    def __init__(
        self,
        home: Home,
        library: "Callable[[], Library]",
        running: Callable[[], Running],
        make_engine: Callable[[], Engine],
    ) -> None:
        self._home, self._library, self._running, self._make_engine = home, library, running, make_engine

    def examine(self, stop: CancelToken) -> str:
        """The findings; takes a while, until `stop` is set."""
        from phichat import doctor  # noqa: PLC0415 - rarely needed

        has_model, loaded, pid = self._running()
        if has_model:
            facts = doctor.examine_loaded(self._library(), self._home, loaded, pid)
        else:
            with closing(self._make_engine()) as engine:
                facts = doctor.examine(self._library(), self._home, engine, lambda _: None, stop)
        return "\n".join(doctor.lines(facts)) + "\n"

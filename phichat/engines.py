"""Makes the engine that runs a model: the one place that knows which engines there are."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from phichat.engine.base import CancelToken, Engine, EngineSettings, Event, Loaded, ModelRef, Request, Tried
from phichat.errors import EngineError
from phichat.i18n import tr
from phichat.paths import Home

if TYPE_CHECKING:
    from phichat.engine.process.engine_process import EngineProcess
    from phichat.engine.remote.engine import RemoteEngine
    from phichat.engine.remote.servers import ServerList
    from phichat.engine.slots import Slots


class EngineByKind:
    """Implements Engine with the engine for where the model is, which is made when it is needed first.

    `make_local` and `make_remote` make the two; only the one that has the model is kept.
    """

    def __init__(self, make_local: "Callable[[], EngineProcess]", make_remote: "Callable[[], RemoteEngine]") -> None:
        self._make_local, self._make_remote = make_local, make_remote
        self._local: EngineProcess | None = None
        self._remote: RemoteEngine | None = None
        self._chosen: Engine | None = None

    @property
    def local(self) -> "EngineProcess":
        """The engine for model files, for what only that can do."""
        self._local = self._local or self._make_local()
        return self._local

    @property
    def pid(self) -> int | None:
        """The process id of the process that runs a model here; None if there is none."""
        return self._local.pid if self._local else None

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """See Engine. A model that is here is unloaded before one elsewhere is used."""
        self._chosen = None
        if model.is_remote:
            if self._local:
                self._local.close()
            self._remote = self._remote or self._make_remote()
            self._chosen = self._remote
        else:
            if self._remote:
                self._remote.close()
            self._chosen = self.local
        return self._chosen.load(model, settings, stop, report)

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """See Engine."""
        return self._engine().generate(request, stop)

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """See Engine."""
        return self._engine().score(text, stop)

    def calibrate(self, stop: CancelToken, report: Callable[[Tried], None] | None = None) -> Iterator[Event]:
        """See Engine."""
        return self._engine().calibrate(stop, report)

    def open_slots(self, count: int) -> "Slots":
        """See SlotEngine. A model on a server answers one request after the other."""
        from phichat.engine.slots import open_slots  # noqa: PLC0415 - only a server needs them

        return open_slots(self._engine(), count)

    def unload(self) -> None:
        """See Engine."""
        if self._chosen:
            self._chosen.unload()

    def close(self) -> None:
        """See Engine."""
        for engine in (self._local, self._remote):
            if engine:
                engine.close()

    def _engine(self) -> Engine:
        if self._chosen is None:
            raise EngineError(tr("No model is loaded. Choose one first."))
        return self._chosen


def make_engine(
    home: Home, cache_budget: Callable[[], int] | None = None, servers: "ServerList | None" = None
) -> EngineByKind:
    """Return an engine for model files, in a process of its own, and for models on servers.

    It remembers in `home` which settings worked. `cache_budget` returns how many bytes of the prompt cache may be on
    the disk; without it, none is. `servers` are those of `home` unless given, which keys that no keyring keeps take.
    """

    def make_local() -> "EngineProcess":
        from phichat.engine.process.engine_process import EngineProcess  # noqa: PLC0415 - the window does not wait
        from phichat.engine.settings import TuningStore  # noqa: PLC0415

        tuning = TuningStore(home.engine)
        if cache_budget is None:
            return EngineProcess(tuning)
        return EngineProcess(tuning, cache_folder=home.states, cache_budget=cache_budget)

    def make_remote() -> "RemoteEngine":
        from phichat.engine.remote.engine import RemoteEngine  # noqa: PLC0415 - brings the HTTP client, 50 ms
        from phichat.engine.remote.servers import make_server_list  # noqa: PLC0415

        return RemoteEngine(servers or make_server_list(home))

    return EngineByKind(make_local, make_remote)

"""The server by which other apps use the window's model: it runs in a thread of its own while it is on."""

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from phichat.cancellation import CancelToken
from phichat.engine.base import Loaded, ModelKind
from phichat.errors import PhichatError, StoreError
from phichat.files import is_open_to_others
from phichat.i18n import tr
from phichat.json_file import JsonFile
from phichat.ui.controllers.client_requests import ClientRequests, ServerState
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.preferences import PreferencesStore

if TYPE_CHECKING:
    from phichat.engine.process.encoder_process import EncoderProcess
    from phichat.net.credentials import Credentials
    from phichat.server.served_model import ServedModel

HOST = "127.0.0.1"
CLOSING = 5.0  # seconds: the keyring may wait for its password
KEPT_FOR = "phichat serve"  # in the keyring


class ModelServer(QObject):
    """Starts and stops the server as the preferences say, and follows which model is loaded.

    `find_key` returns the key that other apps need; it may block for a while.

    Attributes:
        state: what has become of it.

    Signals:
        changed(ServerState): the state changed.
    """

    changed = Signal(object)
    _told = Signal(object, object)  # by the thread of which run: some values of the state

    def __init__(
        self,
        clients: ClientRequests,
        generation: GenerationController,
        preferences: PreferencesStore,
        find_key: Callable[[], str],
    ) -> None:
        super().__init__()
        self._clients, self._preferences, self._find_key = clients, preferences, cache(find_key)
        self.state = ServerState()
        self._loaded: Loaded | None = None
        self._run: _ServerRun | None = None
        self._is_closed = False
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)
        generation.model_loaded.connect(self._on_loaded)
        preferences.changed.connect(self._on_preference)

    @Slot()
    def start(self) -> None:
        """Start if the preferences say so."""
        if self._preferences.current.serves and not self._run and not self._is_closed:
            self._become(ServerState())
            port = self._preferences.current.server_port
            self._run = _ServerRun(self._clients, self._find_key, port, self._told.emit)
            self._run.serve_model(self._loaded)
            self._run.start()

    @Slot()
    def close(self) -> None:
        """Stop, wait until everything has ended, and don't start again."""
        self._is_closed = True
        self._end_run()

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run:
            run.close()

    @Slot(str)
    def _on_preference(self, name: str) -> None:
        if name in {"serves", "server_port", "server_slots"}:
            self._end_run()
            self._become(ServerState())
            self.start()

    @Slot(object)
    def _on_loaded(self, loaded: Loaded) -> None:
        self._loaded = loaded
        if self._run:
            self._run.serve_model(loaded)

    @Slot(object, object)
    def _on_told(self, run: "_ServerRun", values: dict[str, Any]) -> None:
        if run is self._run:
            self._become(replace(self.state, **values))

    def _become(self, state: ServerState) -> None:
        self.state = state
        self.changed.emit(state)


class _ServerRun:
    """One run of the server, in a thread. `tell` is called there with the run and values of ServerState."""

    def __init__(self, clients: ClientRequests, find_key: Callable[[], str], port: int, tell: Any) -> None:
        self._clients, self._find_key, self._port, self._tell = clients, find_key, port, tell
        self._stop = CancelToken()
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None
        self._served: ServedModel | None = None
        self._encoders: list[EncoderProcess] = []
        self._thread = threading.Thread(target=self._serve, name="model server", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self._stop.set()
        self._clients.cancel_all()
        self._thread.join(CLOSING)
        for encoder in self._encoders:
            encoder.close()

    def serve_model(self, loaded: Loaded | None) -> None:
        """Serve another model, or none."""
        with self._lock:
            self._loaded = loaded
            if self._served:
                self._show_model(self._served)

    def _serve(self) -> None:
        try:
            self._serve_app()
        except ModuleNotFoundError:
            self._tell(
                self,
                {
                    "problem": tr(
                        "To let other apps use the model, Phichat needs two more packages, starlette and uvicorn. "
                        "Install them, then restart Phichat."
                    )
                },
            )
        except PhichatError as error:
            self._tell(self, {"problem": str(error)})

    def _serve_app(self) -> None:
        from phichat.server.access import Access  # noqa: PLC0415 - half a second, and an extra
        from phichat.server.app import make_app  # noqa: PLC0415
        from phichat.server.http_server import HttpServer  # noqa: PLC0415
        from phichat.server.served_model import ServedModel  # noqa: PLC0415

        with closing(HttpServer(HOST, self._port)) as server:
            key = self._find_key()
            with self._lock:
                self._served = served = ServedModel("", 0, self._clients, _NoEncoder(), splits_answers=True)
                self._show_model(served)
            app = make_app(served, Access(key), lambda request: self._tell(self, {"last": str(request)}))
            self._tell(self, {"url": server.url, "key": key})
            server.run(app, self._stop, served.cancel_all)

    def _show_model(self, served: "ServedModel") -> None:
        from phichat.engine.process.encoder_process import EncoderProcess  # noqa: PLC0415 - as above

        loaded = self._loaded
        if loaded is None or loaded.model.kind is not ModelKind.FILE:
            served.name = ""
            return
        encoder = EncoderProcess(Path(loaded.model.location))
        self._encoders.append(encoder)
        served.name, served.context, served.encoder = loaded.model.name, loaded.context, encoder


def find_key(credentials: "Credentials", file: JsonFile) -> str:
    """Return the key that other apps need, a new one the first time.

    It is kept in the keyring or, where there is none, in `file`, which only the user can read. It opens nothing but the
    model on this computer, for apps that run here; keys of other servers are never in a file. Raise StoreError if the
    keyring does not give it: another key would be of no use to apps that know this one.
    """
    from phichat.server.access import new_key  # noqa: PLC0415 - an extra

    if kept := credentials.get_token(KEPT_FOR):
        return kept
    if credentials.is_refused(KEPT_FOR):
        raise StoreError(
            tr(
                "Other apps can’t use the model, because the keyring that stores their key wasn’t unlocked. "
                "To unlock it, turn this off and on again."
            )
        )
    key = _key_in(file) or new_key()
    credentials.set_token(KEPT_FOR, key)
    with suppress(OSError):  # then it holds for this run
        if credentials.is_kept(KEPT_FOR):
            file.path.unlink(missing_ok=True)
        else:
            file.write_value({"key": key})
    return key


def _key_in(file: JsonFile) -> str:
    """Return the key in `file`; empty if there is none, or others may have read it."""
    found = None if is_open_to_others(file.path) else file.read_value()
    key = found.get("key") if isinstance(found, dict) else None
    return key if isinstance(key, str) else ""


class _NoEncoder:
    """Where no model is loaded."""

    def tokenize(self, text: str, *, adds_special: bool, parses_special: bool) -> list[int]:
        raise NotImplementedError

    def token_bytes(self) -> list[bytes]:
        raise NotImplementedError

"""The servers with models, as the model menu and the preferences show them (no widgets)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal, Slot

from phichat.engine.remote.base import Server
from phichat.ui.threads.background import BackgroundTasks

if TYPE_CHECKING:
    from phichat.cancellation import CancelToken
    from phichat.engine.remote.check import Checked

Failed = Callable[[str], object]


@dataclass(frozen=True)
class Addition:
    """What became of adding a server.

    Attributes:
        server: the server; None if nothing answers at its address, and `problem` says why.
        is_key_kept: whether its key, if any, is kept for the next runs, too.
    """

    server: Server | None
    problem: str = ""
    is_key_kept: bool = True


class ServerKeeper(Protocol):
    """Knows the servers, and asks them. Everything but `servers` and `has_key` may block, and raise PhichatError."""

    def servers(self) -> list[Server]:
        """Return all servers, with the models that they told of last."""

    def has_key(self, server: Server) -> bool:
        """Return whether there is a key for `server`."""

    def add(
        self,
        address: str,
        name: str,
        key: str,
        stop: "CancelToken",
        report: Callable[[str], None],
        *,
        even_if_away: bool,
    ) -> Addition:
        """Find the server at `address`, and add it; with `even_if_away`, although nothing answers there.

        Without a name, it is called like its host. `report` is called with the host and port that is asked.
        """

    def rename(self, server: Server, name: str) -> Server:
        """Rename a server."""

    def remove(self, server: Server) -> Server:
        """Remove a server and its key."""

    def set_key(self, server: Server, key: str) -> bool:
        """Set the key, or delete it if it is empty. Return whether it is kept for the next runs, too."""

    def check(self, server: Server, stop: "CancelToken") -> "Checked":
        """List the models, and say "Hi" to one: of several, that which is loaded, or the first."""

    def refresh(self, server: Server, stop: "CancelToken") -> None:
        """Ask for the models, and keep their names."""


class Servers(QObject):
    """Asks the servers of `keeper` in the background, and only when the user wants that.

    Methods with callbacks take `done`, `failed`, which is called with a sentence, and their owner.

    Signals:
        changed: the servers, their models, or what is wrong with them changed.
        tried(str): this host and port is asked for a server that is to be added.
        altered(Server): a server has another key, or was removed; removed(Server): it was removed.
        page_requested: the user wants to see the servers in the preferences.
    """

    changed = Signal()
    tried = Signal(str)
    altered = Signal(object)
    removed = Signal(object)
    page_requested = Signal()

    def __init__(self, keeper: ServerKeeper, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._tasks = BackgroundTasks("servers", parent=self)
        self._refreshing: set[str] = set()  # addresses
        self._problems: dict[str, str] = {}  # by address

    def servers(self) -> list[Server]:
        """Return all servers, with the models that they told of last."""
        return self._keeper.servers()

    def has_key(self, server: Server) -> bool:
        """Return whether there is a key for `server`."""
        return self._keeper.has_key(server)

    def problem(self, server: Server) -> str:
        """Return what was wrong when `server` was asked last, as a sentence; mostly empty."""
        return self._problems.get(server.url, "")

    def is_refreshing(self, server: Server) -> bool:
        """Return whether `server` is being asked for its models."""
        return server.url in self._refreshing

    @Slot()
    def refresh(self) -> None:
        """Ask all servers for their models; `changed` follows for each."""
        for server in self.servers():
            if server.url not in self._refreshing:
                self._refreshing.add(server.url)
                self._tasks.run(
                    partial(self._keeper.refresh, server),
                    partial(self._note, server.url, ""),
                    partial(self._note, server.url),
                    partial(self._on_refreshed, server.url),
                )

    def add(
        self,
        address: str,
        name: str,
        key: str,
        done: Callable[[Addition], object],
        failed: Failed,
        owner: QObject,
        *,
        even_if_away: bool = False,
    ) -> "CancelToken":
        """Find the server at `address`, and add it; see ServerKeeper."""
        add = partial(self._keeper.add, address, name, key, report=self.tried.emit, even_if_away=even_if_away)
        return self._run(lambda stop: add(stop=stop), done, failed, owner)

    def rename(
        self, server: Server, name: str, done: Callable[[Server], object], failed: Failed, owner: QObject
    ) -> None:
        """Rename `server`."""
        self._run(lambda _: self._keeper.rename(server, name), done, failed, owner)

    def remove(self, server: Server, done: Callable[[Server], object], failed: Failed, owner: QObject) -> None:
        """Remove `server` and its key."""

        def removed(gone: Server) -> None:
            self._problems.pop(gone.url, None)
            self.removed.emit(gone)
            self.altered.emit(gone)
            done(gone)

        self._run(lambda _: self._keeper.remove(server), removed, failed, owner)

    def set_key(self, server: Server, key: str, done: Callable[[bool], object], failed: Failed, owner: QObject) -> None:
        """Set the key of `server`, or delete it if it is empty."""

        def changed(is_kept: bool) -> None:
            self.altered.emit(server)
            done(is_kept)

        self._run(lambda _: self._keeper.set_key(server, key), changed, failed, owner)

    def check(
        self, server: Server, done: "Callable[[Checked], object]", failed: Failed, owner: QObject
    ) -> "CancelToken":
        """Test `server`."""
        return self._run(partial(self._keeper.check, server), done, failed, owner)

    @Slot()
    def close(self) -> None:
        """End all threads."""
        self._tasks.close()

    def _run(
        self,
        work: "Callable[[CancelToken], object]",
        done: Callable[..., object],
        failed: Failed,
        owner: QObject,
    ) -> "CancelToken":
        return self._tasks.run(work, done, failed, self.changed.emit, owner=owner)

    def _note(self, url: str, problem: str, _: object = None) -> None:
        self._problems[url] = problem

    def _on_refreshed(self, url: str) -> None:
        self._refreshing.discard(url)
        self.changed.emit()

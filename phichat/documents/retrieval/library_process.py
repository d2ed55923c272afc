"""Document collections as the window sees them: in a process of their own, and another one while it indexes."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from phichat import runtime
from phichat.cancellation import CancelToken
from phichat.documents.library import (
    NO_PASSWORDS,
    USUAL_BUDGET,
    Collection,
    FileStatus,
    Findings,
    FoundPassage,
    Passwords,
    Progress,
)
from phichat.documents.retrieval import wire
from phichat.documents.retrieval.wire import Line
from phichat.errors import PhichatError, StoreError, error_class
from phichat.i18n import current_language, format_reason, tr
from phichat.sandbox import Sandbox
from phichat.unicode import replace_surrogates

PATIENCE = 60.0  # seconds for what is not indexing; it usually takes a tenth of one


class LibraryProcess:
    """Implements DocumentLibrary. Its processes end when they are idle, and when the app does.

    Indexing can be ended at any moment, and so its process is killed when `stop` is set.

    Attributes:
        model: the file of the embedding model that makes vectors, too; None for the sentence encoder alone. May be
            changed at any time. One that can't be loaded isn't used again until another is set or `retry_model` called.
        on_notice: gets a sentence for the user, in any thread: that the database was damaged and begun anew, or why the
            model can't be used.
    """

    def __init__(self, file: Path, model: Path | None = None, command: Sequence[str] = ()) -> None:
        self._file, self.model = file, model
        self._unusable: Path | None = None  # a model that can't be loaded
        self.on_notice: Callable[[str], object] = lambda _: None
        self._command = list(command) or runtime.process_command("phichat.documents.retrieval.library_worker")
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._searching: Sandbox | None = None
        self._indexing: list[Sandbox] = []
        self._is_closed = False

    def collections(self) -> Sequence[Collection]:
        """See DocumentLibrary."""
        return [wire.collection_from(line) for line in self._ask({"do": "collections"})]

    def collection(self, name: str) -> Collection | None:
        """See DocumentLibrary."""
        line = self._ask({"do": "collection", "name": name})
        return wire.collection_from(line) if line else None

    def files(self, name: str) -> Sequence[FileStatus]:
        """See DocumentLibrary."""
        return [wire.status_from(line) for line in self._ask({"do": "files", "name": name})]

    def add(self, name: str, paths: Sequence[Path], *, conversation: str = "") -> None:
        """See DocumentLibrary."""
        absolute = [str(path.absolute()) for path in paths]
        self._ask({"do": "add", "name": name, "paths": absolute, "conversation": conversation})

    def remove(self, name: str, paths: Sequence[Path] = ()) -> int:
        """See DocumentLibrary."""
        return int(self._ask({"do": "remove", "name": name, "paths": [str(path.absolute()) for path in paths]}))

    def remove_own(self, conversations: Sequence[str], *, others: bool = False) -> int:
        """See DocumentLibrary."""
        return int(self._ask({"do": "remove_own", "conversations": list(conversations), "others": others}))

    def index(
        self, name: str, stop: CancelToken, passwords: Passwords = NO_PASSWORDS, *, retries: bool = False
    ) -> Iterator[Progress]:
        """See DocumentLibrary."""
        if retries:
            self.retry_model()
        sandbox = self._start()
        with self._lock:
            self._indexing.append(sandbox)
        stop.set_callback(sandbox.popen.kill)
        try:
            known, model = {str(path): password for path, password in passwords.items()}, self._usable_model()
            order = {"do": "index", "name": name, "passwords": known, "retries": retries}
            _send(sandbox, self._order(order, model))
            for line in _lines(sandbox):
                self._tell_notice(line, model)
                if stop.is_set() or "end" in line:
                    return
                if "error" in line:
                    raise _error_from(line)
                yield wire.progress_from(line["progress"])
            if not stop.is_set():
                raise _gave_up()
        finally:
            stop.set_callback(None)
            with self._lock:
                self._indexing.remove(sandbox)
            sandbox.popen.kill()
            sandbox.wait()

    def search(self, names: Sequence[str], question: str, *, budget: int = USUAL_BUDGET) -> Findings:
        """See DocumentLibrary."""
        order = {"do": "search", "names": list(names), "question": question, "budget": budget}
        return wire.findings_from(self._ask(order))

    def whole_text(self, names: Sequence[str], *, budget: int) -> Sequence[FoundPassage]:
        """See DocumentLibrary."""
        return [
            wire.passage_from(line) for line in self._ask({"do": "whole_text", "names": list(names), "budget": budget})
        ]

    def passages(self, names: Sequence[str], *, budget: int) -> Sequence[FoundPassage]:
        """See DocumentLibrary."""
        order = {"do": "passages", "names": list(names), "budget": budget}
        return [wire.passage_from(line) for line in self._ask(order)]

    def retry_model(self) -> None:
        """Have the model used again although it could not be loaded."""
        if self._unusable:
            with self._asking:
                self._unusable = None
                self._forget()  # this process doesn't try again

    def close(self) -> None:
        """End the processes, whatever they are doing. Any thread may call this."""
        with self._lock:
            self._is_closed = True
            for sandbox in self._indexing:
                sandbox.popen.kill()
            if self._searching:
                self._searching.popen.kill()
        with self._asking:
            self._forget()

    def _ask(self, order: Line) -> Any:
        """Return the result of `order`, after another try if the process had ended, as it does when idle."""
        with self._asking:
            model = self._usable_model()
            for _ in range(2):
                line = self._exchange(order, model)
                if line is None or "unusable" in line:  # its index isn't used without the model
                    self._forget()
                if line is not None:
                    break
        if line is None:
            raise _gave_up()
        self._tell_notice(line, model)
        if "error" in line:
            raise _error_from(line)
        return line["end"]

    def _tell_notice(self, line: Line, model: Path | None) -> None:
        if notice := line.get("notice"):
            self.on_notice(str(notice))
        if model and (reason := line.get("unusable")) and self._give_up(model):
            told = tr(
                "{reason} Until you choose {model} again, update a collection or restart Phichat, documents are "
                "searched without this model."
            )
            self.on_notice(told.format(reason=reason, model=replace_surrogates(model.stem)))

    def _give_up(self, model: Path) -> bool:
        """Use `model` no longer; return whether it was used until now."""
        with self._lock:
            was_used = self._usable_model() == model
            self._unusable = model if was_used else self._unusable
        return was_used

    def _usable_model(self) -> Path | None:
        return self.model if self.model != self._unusable else None

    def _exchange(self, order: Line, model: Path | None) -> Line | None:
        with self._lock:
            sandbox = self._searching
        if sandbox is None:
            sandbox = self._start()
            with self._lock:
                self._searching = sandbox
        deadline = threading.Timer(PATIENCE, sandbox.popen.kill)
        deadline.start()
        try:
            _send(sandbox, self._order(order, model))
            return next(_lines(sandbox), None)
        finally:
            deadline.cancel()
            deadline.join()

    def _order(self, order: Line, model: Path | None) -> Line:
        chosen = str(model) if model else ""
        return {**order, "file": str(self._file), "model": chosen, "language": current_language()}

    def _start(self) -> Sandbox:
        with self._lock:
            if self._is_closed:
                raise StoreError(tr("Phichat is closing."))
            try:
                return Sandbox(self._command)
            except OSError as error:
                problem = tr("Phichat couldn’t start reading your documents: {reason}. Restart your computer.")
                raise StoreError(problem.format(reason=format_reason(error))) from error

    def _forget(self) -> None:
        with self._lock:
            sandbox, self._searching = self._searching, None
        if sandbox:
            sandbox.popen.kill()
            sandbox.wait()


def _send(sandbox: Sandbox, order: Line) -> None:
    pipe = cast("IO[bytes]", sandbox.popen.stdin)
    with suppress(OSError, ValueError):  # what it lacks then is an answer
        pipe.write(json.dumps(order).encode() + b"\n")
        pipe.flush()


def _lines(sandbox: Sandbox) -> Iterator[Line]:
    """Yield whole lines until the process ends."""
    pipe = cast("IO[bytes]", sandbox.popen.stdout)
    with suppress(OSError, ValueError):
        while (line := pipe.readline()).endswith(b"\n"):
            yield json.loads(line)


def _error_from(line: Line) -> PhichatError:
    return error_class(line["error"])(line["sentence"])


def _gave_up() -> StoreError:
    return StoreError(tr("Document search stopped unexpectedly. Try again."))

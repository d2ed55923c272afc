"""The library's process: it searches and indexes, so that the window needs neither the memory nor the libraries."""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from phichat import sandbox
from phichat.cancellation import CancelToken
from phichat.documents.retrieval import wire
from phichat.documents.retrieval.local_library import LocalLibrary, open_library
from phichat.documents.retrieval.wire import Line
from phichat.errors import PhichatError
from phichat.i18n import set_language

MEMORY = 4096 * 2**20  # bytes; 100,000 passages take 450 MB
IDLE = 120.0  # seconds without an order, after which the process ends


class Worker:
    """Carries out orders, a line of JSON each, and answers on `answers` with lines of JSON.

    What there is to say about opening a library goes with the next line. So does why its embedding model can't be
    loaded, without which it does what it can.
    """

    def __init__(self, answers: IO[bytes], open_library: Callable[[Path, Path | None], LocalLibrary]) -> None:
        self._answers, self._open = answers, open_library
        self._libraries: dict[tuple[str, str], LocalLibrary] = {}
        self._untold = ""

    def carry_out(self, order: Line) -> None:
        """Do what `order` asks for, and answer with its result or an error."""
        set_language(order["language"])
        try:
            library = self._library(order["file"], order["model"])
            result = self._result(library, order)
            failure = library.model.failure if library.model else None
            self._send({"end": result, "unusable": str(failure)} if failure else {"end": result})
        except PhichatError as error:
            self._send({"error": type(error).__name__, "sentence": str(error)})

    def _library(self, file: str, model: str) -> LocalLibrary:
        key = file, model
        if key not in self._libraries:
            self._libraries[key] = self._open(Path(file), Path(model) if model else None)
            self._untold = self._libraries[key].notice or self._untold
        return self._libraries[key]

    def _result(self, library: LocalLibrary, order: Line) -> object:
        match order["do"]:
            case "index":
                _step_back()
                self._index(library, order)
                return None
            case "add":
                library.add(order["name"], _paths(order), conversation=order["conversation"])
                return None
            case "remove":
                return library.remove(order["name"], _paths(order))
            case "remove_own":
                return library.remove_own(order["conversations"], others=order["others"])
        return _ANSWERS[order["do"]](library, order)

    def _index(self, library: LocalLibrary, order: Line) -> None:
        passwords = {Path(path): password for path, password in order["passwords"].items()}
        try:
            for progress in library.index(order["name"], CancelToken(), passwords, retries=order["retries"]):
                self._send({"progress": wire.progress_line(progress)})
        except PhichatError as error:
            if not library.model or error is not library.model.failure:
                raise

    def _send(self, line: Line) -> None:
        if self._untold:
            line, self._untold = {**line, "notice": self._untold}, ""
        try:
            self._answers.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            self._answers.flush()
        except OSError:
            os._exit(0)


def _step_back() -> None:
    """Let everything else on this computer go first, for as long as this process lasts."""
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415 - only there

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        with suppress(OSError):
            os.nice(10)


def _paths(order: Line) -> list[Path]:
    return [Path(path) for path in order["paths"]]


def _collection(library: LocalLibrary, order: Line) -> Line | None:
    found = library.collection(order["name"])
    return wire.collection_line(found) if found else None


def _whole_text(library: LocalLibrary, order: Line) -> list[Line]:
    return [wire.passage_line(each) for each in library.whole_text(order["names"], budget=order["budget"])]


def _findings(library: LocalLibrary, order: Line) -> Line:
    return wire.findings_line(library.search(order["names"], order["question"], budget=order["budget"]))


_ANSWERS: dict[str, Callable[[LocalLibrary, Line], object]] = {
    "collections": lambda library, _: [wire.collection_line(each) for each in library.collections()],
    "collection": _collection,
    "files": lambda library, order: [wire.status_line(each) for each in library.files(order["name"])],
    "search": _findings,
    "whole_text": _whole_text,
    "passages": lambda library, order: [
        wire.passage_line(each) for each in library.passages(order["names"], budget=order["budget"])
    ],
}


def main() -> None:
    """Carry out orders from standard input, until the app exits or sends none for a while."""
    sandbox.begin(MEMORY)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write there
    orders: queue.SimpleQueue[Line] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin.buffer, orders), daemon=True, name="orders").start()
    worker = Worker(answers, open_library)
    while True:
        try:
            order = orders.get(timeout=IDLE)
        except queue.Empty:
            os._exit(0)
        worker.carry_out(order)


def _read_orders(pipe: IO[bytes], orders: "queue.SimpleQueue[Line]") -> None:
    while (line := pipe.readline()).endswith(b"\n"):
        orders.put(json.loads(line))
    os._exit(0)  # the app is gone


if __name__ == "__main__":
    main()

"""The reading process, which opens documents within a budget of time and memory.

A file may be made to take for ever, or to crash the code that reads it. What exceeds its time or memory ends this
process; the app then starts another. It writes no file, opens no connection and starts no program.
"""

import faulthandler
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import IO

from phichat import sandbox
from phichat.documents.process.wire import Line, part_line
from phichat.documents.readers import kinds
from phichat.documents.readers.source import Source, damaged
from phichat.errors import DocumentDamaged, DocumentError
from phichat.i18n import reading_failure, set_language

MEMORY = 1024 * 2**20  # bytes; a page with many images takes 200 MB to draw
IDLE = 30.0  # seconds without an order, after which the process ends


class Worker:
    """Carries out orders, a line of JSON each, and answers on `answers` with lines and pixels."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._seconds = 0.0

    def carry_out(self, order: Line) -> None:
        """Do what `order` asks for; each step of it may take `seconds`, after which the process ends."""
        set_language(order["language"])
        self._seconds = order["seconds"]
        source = Source(Path(order["path"]), order["password"], order.get("first_page", 1), self._report)
        try:
            self._begin_step()
            match order["do"]:
                case "read":
                    self._read(source)
                case "render" | "find":
                    with _disk_to_blame(source.path):
                        self._look_at_page(source, order)
        except MemoryError:
            os._exit(1)
        except DocumentError as error:
            self._send({"error": type(error).__name__, "sentence": str(error)})
        except OSError as error:
            self._send({"error": "DocumentUnreachable", "sentence": reading_failure(error, source.name)})
        except Exception:  # noqa: BLE001 - a reader met what its author did not think of
            self._send({"error": "DocumentDamaged", "sentence": str(damaged(source.name))})

    def _read(self, source: Source) -> None:
        for part in kinds.read(source):
            self._send(part_line(part))
            self._begin_step()
        self._send({"end": None})

    def _look_at_page(self, source: Source, order: Line) -> None:
        """Send the picture of a page, or where a text is on it."""
        from phichat.documents.readers import pdf  # noqa: PLC0415 - as in `kinds`

        kinds.check(source)
        if order["do"] == "find":
            self._send({"end": [astuple(box) for box in pdf.find_on_page(source, order["page"], order["text"])]})
            return
        picture = pdf.render_page(source, order["page"], order["width"])
        self._send({"end": [picture.width, picture.height], "size": len(picture.pixels)}, picture.pixels)

    def _report(self, page: int) -> None:
        self._send({"at": page})
        self._begin_step()

    def _begin_step(self) -> None:
        # Its thread ends the process even while C code holds the interpreter, as PDFium does.
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=2)

    def _send(self, line: Line, pixels: bytes = b"") -> None:
        faulthandler.cancel_dump_traceback_later()  # the app may take its time
        try:
            self._answers.write(json.dumps(line, separators=(",", ":")).encode() + b"\n" + pixels)
            self._answers.flush()
        except OSError:
            os._exit(0)


@contextmanager
def _disk_to_blame(path: Path) -> Iterator[None]:
    """Raise OSError in place of DocumentDamaged if the disk can't read the file: PDFium doesn't tell them apart."""
    try:
        yield
    except DocumentDamaged:
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
        raise


def main() -> None:
    """Carry out orders from standard input, until the app exits or sends none for a while."""
    sandbox.begin(MEMORY)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write there
    orders: queue.SimpleQueue[Line] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin.buffer, orders), daemon=True, name="orders").start()
    sandbox.forbid_effects()
    worker = Worker(answers)
    for order in _orders(orders):
        worker.carry_out(order)


def _orders(orders: "queue.SimpleQueue[Line]") -> Iterator[Line]:
    while True:
        try:
            yield orders.get(timeout=IDLE)
        except queue.Empty:
            os._exit(0)


def _read_orders(pipe: IO[bytes], orders: "queue.SimpleQueue[Line]") -> None:
    while (line := pipe.readline()).endswith(b"\n"):
        orders.put(json.loads(line))
    os._exit(0)  # the app is gone


if __name__ == "__main__":
    main()

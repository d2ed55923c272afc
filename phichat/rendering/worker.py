"""The render process, which draws formulas and colours code within a budget of time and memory.

What it is given may come from a model or the network, and may be made to take for ever. An order that exceeds its time
or memory ends the process; the app then starts another for the next order.
"""

import faulthandler
import json
import os
import queue
import sys
import threading
from dataclasses import asdict
from typing import IO, Any

from phichat import sandbox
from phichat.rendering import formulas
from phichat.rendering.colors import highlight_lines

MEMORY = 300 * 2**20  # bytes; drawing a long formula takes 40 MB
IDLE = 30.0  # seconds without an order, after which the process ends

Order = dict[str, Any]


def main() -> None:
    """Carry out orders from standard input, a line of JSON each, until the app exits or sends none for a while."""
    sandbox.begin(MEMORY)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write there
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin.buffer, orders), daemon=True, name="orders").start()
    while True:
        try:
            order = orders.get(timeout=IDLE)
        except queue.Empty:
            os._exit(0)
        _prepare(order)
        # Its thread ends the process even while C code holds the interpreter, as regular expressions do.
        faulthandler.dump_traceback_later(order["seconds"], exit=True, file=2)
        value = _carry_out(order)
        faulthandler.cancel_dump_traceback_later()
        _send(answers, value)


def _prepare(order: Order) -> None:
    """Import what `order` needs, which takes no time of its budget."""
    if order["do"] == "code":
        import pygments.lexers  # noqa: F401, PLC0415
    else:
        formulas.prepare()


def _carry_out(order: Order) -> object:
    """Return what `order` asks for; None if it cannot be made."""
    try:
        if order["do"] == "code":
            return highlight_lines(order["code"], order["language"])
        drawing = formulas.draw_formula(order["latex"], is_display=order["is_display"])
        return asdict(drawing) if drawing else None
    except MemoryError:
        os._exit(1)
    except Exception:  # noqa: BLE001 - the app shows the source then
        return None


def _send(answers: IO[bytes], value: object) -> None:
    try:
        answers.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
        answers.flush()
    except OSError:
        os._exit(0)


def _read_orders(pipe: IO[bytes], orders: "queue.SimpleQueue[Order]") -> None:
    while (line := pipe.readline()).endswith(b"\n"):
        orders.put(json.loads(line))
    os._exit(0)  # the app is gone


if __name__ == "__main__":
    main()

"""Something that happens in another thread as soon as something else has happened, however long that takes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def once(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Call `act` in a thread of its own once `condition` holds, unless what is done inside ends before."""
    over = threading.Event()

    def watch() -> None:
        while not condition():
            if over.wait(0.005):
                return
        act()

    thread = threading.Thread(target=watch, name="watcher")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

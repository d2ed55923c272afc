"""The hub server by hand: serves a folder and logs every request as a line of JSON."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.support.hub import faults
from tests.support.hub.answers import MEGABYTE
from tests.support.hub.faults import Asked, Fault
from tests.support.hub.server import HubServer, Note, json_line

FAULTS: dict[str, Fault] = {
    "gated": faults.gated(),
    "429": faults.too_many(5),
    "429-date": faults.too_many(5, as_date=True),
    "ignore-ranges": faults.ignore_ranges(),
    "reset": faults.cut(MEGABYTE, reset=True),
    "drip": faults.drip(100, every=0.1),
    "stall": faults.stall(MEGABYTE),
    "silence": faults.silence(),
    "hang-up": faults.hang_up(),
    "too-much": faults.surplus(MEGABYTE),
    "too-much-undeclared": faults.surplus(MEGABYTE, declared=False),
    "too-little": faults.deficit(1000),
    "misfit-range": faults.misfit_range(1),
    "other-part": faults.other_part(-1),
    "circle": faults.circle(),
    "login-page": faults.login_page(),
    "wrong-bytes": faults.wrong_bytes(),
    "without-linked": faults.without_linked(),
    "without-sha": faults.without_sha(),
    "gzip": faults.gzipped(),
    "chunked": faults.chunked(),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until it is interrupted or told to end."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        hub = stack.enter_context(HubServer(options.port, options.cdn_port, options.tls))
        hub.note = _log(options.log, stack)
        _set(hub, options)
        shelf = Shelf(hub, options.folder)
        shelf.look()
        print(f"HF_ENDPOINT={hub.endpoint}", *([f"SSL_CERT_FILE={hub.authority}"] if options.tls else []), flush=True)
        while True:
            time.sleep(0.2)
            shelf.look()


class Shelf:
    """A folder that the server follows: a file that is replaced is a new commit."""

    def __init__(self, hub: HubServer, folder: Path) -> None:
        self._hub, self._folder = hub, folder
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> None:
        for path in sorted(self._folder.glob("*/*/**/*")):
            with suppress(FileNotFoundError):
                self._take(path)

    def _take(self, path: Path) -> None:
        found = path.stat()
        seen = (found.st_size, found.st_mtime_ns)
        if path.is_file() and self._seen.get(path) != seen:
            owner, repo, *file = path.relative_to(self._folder).parts
            self._hub.add(f"{owner}/{repo}", "/".join(file), path, is_lfs=path.suffix not in {".md", ".json"})
            self._seen[path] = seen


def _set(hub: HubServer, options: argparse.Namespace) -> None:
    hub.speed, hub.cut_every, hub.direct = options.speed, options.cut_every, options.direct
    for name in options.fault:
        hub.misbehave(FAULTS.get(name) or faults.status(int(name)), options.times, options.at)


def _log(path: Path | None, stack: ExitStack) -> Note:
    file = stack.enter_context(path.open("a", encoding="utf-8")) if path else sys.stderr

    def note(asked: Asked) -> None:
        file.write(json_line(asked) + "\n")
        file.flush()

    return note


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.hub.server", description=__doc__)
    parser.add_argument("folder", type=Path, help="serves every FOLDER/owner/repo/file")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cdn-port", type=int, default=0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--direct", action="store_true", help="no redirect to the CDN")
    parser.add_argument("--speed", type=float, metavar="BYTES_PER_SECOND")
    parser.add_argument("--cut-every", type=int, metavar="BYTES")
    names = ", ".join(FAULTS)
    parser.add_argument("--fault", action="append", default=[], type=_known, help=f"a status such as 503, or {names}")
    parser.add_argument("--times", type=int, help="how often the faults happen; for ever without it")
    parser.add_argument("--at", choices=("api", "resolve", "cdn"), help="where they happen; everywhere without it")
    parser.add_argument("--log", type=Path, help="instead of stderr")
    return parser


def _known(name: str) -> str:
    if name not in FAULTS and not name.isdecimal():
        raise ValueError(name)
    return name

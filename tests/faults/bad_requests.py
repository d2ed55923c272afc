"""Requests that mean no good, sent to `phichat serve` with a tiny model: `python -m tests.faults.bad_requests [COUNT]`.

Prints how COUNT requests (1,000 unless told) were answered, by what was wrong with them, and which parameters were
complained about; then what happens to clients that never send the end of a header. SEED is a variable.
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.support import tiny_models
from tests.support.hostile_requests import KNOWN, PAUSE, HostileRequest, HostileRequests

SECONDS = 60.0  # until something counts as hung
STUCK = 40  # clients that never send all of a header

Address = tuple[str, int]


def answers_to(address: Address, request: HostileRequest) -> list[bytes]:
    """Send a request, and return the answers from their statuses on, without those that say to go on."""
    with socket.create_connection(address, timeout=SECONDS) as connection:
        with suppress(ConnectionError):  # it may be answered, and closed, before all of it was sent
            for number, part in enumerate(request.parts):
                time.sleep(PAUSE if number else 0)
                connection.sendall(part)
            if not request.is_whole:
                connection.shutdown(socket.SHUT_WR)
        found = _all_of(connection).split(b"HTTP/1.1 ")[1:]
    return [each for each in found if not each.startswith(b"100")]


def checked(request: HostileRequest, answers: list[bytes]) -> list[int]:
    """Return the statuses of the answers to a request. Raise AssertionError if one should not have been given."""
    assert answers or not request.is_whole, f"no answer to {request}"
    for answer in answers:
        assert int(answer[:3]) in KNOWN, (request, answer[:500])
        is_json = answer.partition(b"\r\n\r\n")[2].lstrip().startswith(b"{") and b"application/json" in answer
        assert answer.startswith(b"200") or is_json or _is_without_body(request, answer), (request, answer[:500])
    return [int(answer[:3]) for answer in answers]


def _is_without_body(request: HostileRequest, answer: bytes) -> bool:
    return request.parts[0].startswith(b"HEAD") or b"content-length: 0\r\n" in answer.lower()


def _all_of(connection: socket.socket) -> bytes:
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[Address, psutil.Process]]:
    model = tiny_models.chatml(folder / "tiny.gguf")
    command = [sys.executable, "-m", "phichat", "serve", "--json", "--port", "0", "--slots", "2"]
    command += ["--model", str(model), "--context", "512"]
    alone = {**os.environ, "PHICHAT_HOME": str(folder / "home")}
    with subprocess.Popen(command, env=alone, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield ("127.0.0.1", int(url.split(":")[2].partition("/")[0])), psutil.Process(process.pid)
        finally:
            process.terminate()


def _is_good(address: Address) -> bool:
    """Return whether a request that is right is answered."""
    body = b'{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return [each[:3] for each in answers_to(address, HostileRequest("none", (head % len(body) + body,)))] == [b"200"]


def _try_all(address: Address, count: int) -> None:
    by_kind: defaultdict[str, Counter[str]] = defaultdict(Counter)
    complaints: Counter[str] = Counter()
    slowest = 0.0
    for request in HostileRequests(int(os.environ.get("SEED", "0"))).some(count):
        begun = time.monotonic()
        answers = answers_to(address, request)
        slowest = max(slowest, time.monotonic() - begun)
        statuses = checked(request, answers)
        by_kind[request.kind].update(map(str, statuses) if statuses else ["closed"])
        complaints.update(_complaint(answer) for answer in answers if answer.startswith(b"400"))
    for kind, found in by_kind.items():
        print(f"{kind:18} {found.total():5}  {dict(sorted(found.items()))}")
    total = sum(by_kind.values(), Counter[str]())
    print(f"{'all':18} {total.total():5}  {dict(sorted(total.items()))}; the slowest took {slowest:.1f} s")
    print(f"400 because of: {', '.join(f'{name} {number}' for name, number in complaints.most_common())}")


def _complaint(answer: bytes) -> str:
    """Return the parameter an error is about, without numbers; or the sentence if it is about none."""
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    return re.sub(r"\[\d+\]", "[]", error["param"]) if error["param"] else f"“{error['message']}”"


def _hold_up(address: Address) -> None:
    """Have clients begin a header and never end it; others are answered meanwhile."""
    begun = time.monotonic()
    stuck = [socket.create_connection(address, timeout=SECONDS) for _ in range(STUCK)]
    for number, connection in enumerate(stuck):
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: lo"[: number + 1])
    assert _is_good(address)
    for connection in stuck:
        _all_of(connection)
        connection.close()
    print(f"{STUCK} clients without the end of a header were let go after {time.monotonic() - begun:.1f} s")
    for _ in range(STUCK):  # and some that leave in the middle of a body, as by a crash
        with socket.create_connection(address, timeout=SECONDS) as connection:
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def main() -> None:
    """Try all."""
    count = int(sys.argv[1]) if sys.argv[1:] else 1000
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder)) as (address, process):
        assert _is_good(address)
        before = process.memory_info().rss
        _try_all(address, count)
        _hold_up(address)
        print(f"good requests are answered: {_is_good(address)}")
        grown = (process.memory_info().rss - before) / 1e6
        print(f"the server has {grown:+.0f} MB and {process.num_fds()} open files and connections")


if __name__ == "__main__":
    main()

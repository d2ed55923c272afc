"""Documents that are broken or hostile, read by the reading process: `python -m tests.faults.bad_documents [COUNT]`.

Prints what came of COUNT changed files (200 unless told) of each kind, and of each hostile one, and how long it took.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from phichat.documents.base import Note, Section
from phichat.documents.process.document_process import DocumentProcess
from phichat.errors import DocumentError
from tests.support.hostile_documents import GOOD, SECRET, hostile, mutations, mutations_inside

STEP = 10.0  # seconds for a page or what else is read at once


def tried(process: DocumentProcess, path: Path) -> tuple[str, str]:
    """Read a document: what came of it in one word, and its text or the sentence that says why there is none."""
    try:
        parts = list(process.read(path, password="sesame"))
    except DocumentError as error:
        sentence = str(error)
        assert sentence.count("\n") == 0 and sentence.endswith(".") and path.name in sentence, sentence  # noqa: PT018
        return type(error).__name__, sentence
    notes = [part.sentence for part in parts if isinstance(part, Note)]
    assert all(sentence.endswith(".") for sentence in notes)
    text = "\n".join(part.text for part in parts if isinstance(part, Section))
    return "read with notes" if notes else "read", text


def changed(name: str, count: int) -> Iterator[bytes]:
    """Yield the good document of that name, changed so many times; of packed ones half inside."""
    data = GOOD[name]
    if data.startswith(b"PK"):
        yield from mutations(data, count // 2)
        yield from mutations_inside(data, count - count // 2)
    else:
        yield from mutations(data, count)


def main() -> None:
    """Try all, and print a line for each kind."""
    count = int(sys.argv[1]) if sys.argv[1:] else 200
    process = DocumentProcess(step=STEP)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        secret = path / "secret"
        secret.write_text(SECRET)
        for name in GOOD:
            started, before = time.monotonic(), process.started
            results: Counter[str] = Counter()
            for data in changed(name, count):
                (path / name).write_bytes(data)
                results[tried(process, path / name)[0]] += 1
            _print(name, started, dict(results), process.started - before)
        for name, make in hostile("http://127.0.0.1:9/", secret.as_uri()).items():
            (path / name).write_bytes(make())
            started, before = time.monotonic(), process.started
            result, text = tried(process, path / name)
            _print(name, started, {result: text[:60]}, process.started - before)
    process.close()


def _print(name: str, started: float, results: object, deaths: int) -> None:
    print(f"{name:20} {time.monotonic() - started:6.1f} s  {deaths} more processes  {results}")


if __name__ == "__main__":
    main()

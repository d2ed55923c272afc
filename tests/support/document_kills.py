"""Kills a process that indexes a folder, again and again, and says what is missing or there twice in the end."""

import random
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from phichat.cancellation import CancelToken
from phichat.documents.library import FileState
from phichat.documents.retrieval.local_library import LocalLibrary
from phichat.documents.store.database import DocumentDatabase, is_healthy
from tests.support.documents import TextReader, WordEmbedder

ROOT = Path(__file__).parents[2]
NAME = "papers"


def write_papers(folder: Path, number: int) -> None:
    """Files with pages of their own, some of them alike."""
    folder.mkdir()
    for at in range(number):
        pages = [f"Paper {at} page {page} tells of dogs. " + "More words. " * 90 for page in range(1 + at % 7)]
        (folder / f"{at:03}.txt").write_text("\f".join(pages))
    (folder / "copy.txt").write_bytes((folder / "003.txt").read_bytes())


def kill_while_indexing(file: Path, folder: Path, seed: int, longest: float) -> bool:
    """Kill it at a random moment; return whether it had finished before."""
    log = file.with_name("log")
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.support.document_kills", "index", str(file), str(folder), str(log)]
    with subprocess.Popen(command, cwd=ROOT) as child:
        while child.poll() is None and not log.exists():
            time.sleep(0.005)
        time.sleep(random.Random(seed).uniform(0, longest))
        child.kill()
    return log.read_text().endswith("end\n") if log.exists() else False


def troubles(file: Path, folder: Path) -> list[str]:
    """Finish the work: what is damaged, missing or there twice then."""
    if not is_healthy(file):
        return ["damaged"]
    reader = TextReader()
    with closing(LocalLibrary(file, reader, [WordEmbedder()])) as library:
        list(library.index(NAME, CancelToken()))
        states = {status.path: status for status in library.files(NAME)}
    expected = {path: path.read_text().count("\f") + 1 for path in folder.iterdir()}
    found = [f"{path.name} is {states[path].state}" for path in expected if states[path].state != FileState.INDEXED]
    found += [f"{path.name} lacks passages" for path, pages in expected.items() if states[path].passages != pages]
    distinct = sum({path.read_bytes(): pages for path, pages in expected.items()}.values())
    with closing(DocumentDatabase(file)) as database:
        for table in ("passages", "passage_words", "vectors"):
            count = database.read(partial(_count, table))
            if count != distinct:
                found.append(f"{count} {table} instead of {distinct}")
    return found


def _count(table: str, connection: Connection) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def index(file: Path, folder: Path, log: Path) -> None:
    """What is killed."""
    with closing(LocalLibrary(file, TextReader(), [WordEmbedder()])) as library, log.open("a") as facts:
        library.add(NAME, [folder])
        for progress in library.index(NAME, CancelToken()):
            facts.write(f"{progress.done}\n")
            facts.flush()
        facts.write("end\n")


def main() -> None:
    if sys.argv[1] == "index":
        index(*map(Path, sys.argv[2:]))
        return
    kills, place = int(sys.argv[1]), Path(sys.argv[2])
    file, folder = place / "documents.sqlite3", place / "papers"
    write_papers(folder, 12 * kills)
    ends = [kill_while_indexing(file, folder, seed, longest=0.15) for seed in range(kills)]
    print(f"{kills} kills, {sum(ends)} of them after all was done; troubles: {troubles(file, folder)}")


if __name__ == "__main__":
    main()

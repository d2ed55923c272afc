"""The reading process: what is hostile ends it, and the app goes on with the next page or the next file."""

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from phichat import i18n
from phichat.cancellation import CancelToken
from phichat.documents.base import LARGEST_FILE, Note, Outline, Section
from phichat.documents.process.document_process import DocumentProcess
from phichat.errors import DocumentDamaged, DocumentError, DocumentLocked, DocumentTooLarge, DocumentUnreachable
from tests.support.pdf_files import lines_down, page_of, pdf_file

PAGES = [page_of(lines_down([f"This is page {at}"])) for at in range(1, 6)]


@pytest.fixture
def process() -> Iterator[DocumentProcess]:
    process = DocumentProcess()
    yield process
    process.close()


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    path = tmp_path / "manual.pdf"
    path.write_bytes(pdf_file(PAGES, title="Manual"))
    return path


def test_documents_are_read_one_after_the_other_by_one_process(process: DocumentProcess, manual: Path) -> None:
    notes = manual.with_name("notes.txt")
    notes.write_bytes("Grüße".encode("cp1252"))
    parts = list(process.read(manual))
    assert parts[0] == Outline("Manual", 5)
    assert [part.place.page for part in parts if isinstance(part, Section)] == [1, 2, 3, 4, 5]
    assert [part.text for part in process.read(notes) if isinstance(part, Section)] == ["Grüße"]
    assert process.render_page(manual, 1, 100).width == 100
    assert len(process.find_on_page(manual, 3, "This is page 3")) == 1
    assert process.started == 1


def test_errors_are_sentences_in_the_user_s_language(process: DocumentProcess, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(pdf_file(PAGES, password="sesame"))
    i18n.set_language("fr")
    with pytest.raises(DocumentLocked, match="mot de passe"):
        list(process.read(locked))
    i18n.set_language("en")
    with pytest.raises(DocumentError, match=r"gone\.pdf no longer exists"):
        list(process.read(tmp_path / "gone.pdf"))
    assert len(list(process.read(locked, password="sesame"))) == 6


def test_what_is_too_large_is_not_read(process: DocumentProcess, tmp_path: Path) -> None:
    large = tmp_path / "large.pdf"
    with large.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(DocumentTooLarge, match="the limit is"):
        list(process.read(large))


DYING = """
import json, os, sys
def send(**line): print(json.dumps(line), flush=True)
def page(at): send(part="Section", text=str(at), place=dict(page=at, heading=[], line=None), header="")
order = json.loads(sys.stdin.readline())
send(part="Outline", title="", pages=5)
for at in range(order["first_page"], 6):
    send(at=at)
    if at in DEADLY: os._exit(11)
    page(at)
send(end=None)
"""
"""A reading process that ends at some pages."""


@pytest.mark.parametrize(
    ("deadly", "pages", "sentence"),
    [
        ({3}, [1, 2, 4, 5], "Page 3 couldn’t be read and was skipped."),
        ({1, 2, 5}, [3, 4], "Pages 1–2, 5 couldn’t be read and were skipped."),
        ({1, 2, 3, 4, 5}, [], "Pages 1–5 couldn’t be read and were skipped."),
    ],
)
def test_after_a_page_that_ends_the_process_reading_goes_on(deadly: set[int], pages: list[int], sentence: str) -> None:
    process = DocumentProcess([sys.executable, "-c", DYING.replace("DEADLY", str(deadly))])
    parts = list(process.read(Path("a.pdf")))
    process.close()
    assert [part.place.page for part in parts if isinstance(part, Section)] == pages
    assert [part.sentence for part in parts if isinstance(part, Note)] == [sentence]
    assert process.started == 1 + len(deadly - {5})


def test_a_disk_that_fails_in_the_middle_is_not_taken_for_damage() -> None:
    error = 'print(json.dumps(dict(error="DocumentUnreachable", sentence="The disk failed.")), flush=True); break'
    process = DocumentProcess(
        [sys.executable, "-c", DYING.replace("if at in DEADLY: os._exit(11)", "if at == 3: " + error)]
    )
    with closing(process), pytest.raises(DocumentError, match="The disk failed"):
        list(process.read(Path("a.pdf")))


FAILING_DISK = """
import errno
from pathlib import Path
from phichat.documents.process.worker import main
def fail(*_): raise OSError(errno.EIO, "Input/output error")
Path.open = fail
main()
"""


def test_a_page_that_the_disk_cannot_read_is_not_taken_for_damage(tmp_path: Path) -> None:
    """PDFium only tells that it could not open the file."""
    path = tmp_path / "manual.pdf"
    path.write_bytes(b"%PDF-1.7 nothing more")
    with closing(DocumentProcess([sys.executable, "-c", FAILING_DISK])) as process:
        with pytest.raises(DocumentUnreachable, match=r"manual\.pdf couldn’t be read: .* Check that the disk"):
            process.render_page(path, 1, 100)
        with pytest.raises(DocumentUnreachable, match="couldn’t be read"):
            process.find_on_page(path, 1, "This")
    with closing(DocumentProcess()) as process, pytest.raises(DocumentDamaged, match="is damaged"):
        process.render_page(path, 1, 100)


def test_a_file_that_takes_for_ever_is_given_up(tmp_path: Path) -> None:
    script = "import sys, time; sys.stdin.readline(); time.sleep(60)"
    process = DocumentProcess([sys.executable, "-c", script], step=-9.5)
    with pytest.raises(DocumentDamaged, match="too much time or memory"):
        list(process.read(tmp_path / "endless.pdf"))
    process.close()


def test_reading_stops_when_it_is_asked_to(process: DocumentProcess, manual: Path) -> None:
    stop = CancelToken()
    reading = process.read(manual, stop=stop)
    assert isinstance(next(reading), Outline)
    stop.set()
    assert not any(isinstance(part, Note) for part in reading)
    assert not psutil.Process().children()


def test_many_threads_read_at_once(process: DocumentProcess, manual: Path) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(list(process.read(manual))))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [6, 6, 6]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_process_gets_no_secrets_and_can_write_nothing(
    process: DocumentProcess, manual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    reading = process.read(manual)
    next(reading)
    (child,) = psutil.Process().children()
    assert "HF_TOKEN" not in child.environ()
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_DATA)[0] <= 2**30
    assert not child.net_connections()
    reading.close()  # type: ignore[attr-defined]
    assert [file.name for file in manual.parent.iterdir()] == ["manual.pdf"]

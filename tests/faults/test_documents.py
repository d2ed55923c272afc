"""What indexing survives. Fifty kills: `python -m tests.support.document_kills 50 FOLDER`."""

from pathlib import Path

from tests.support.document_kills import kill_while_indexing, troubles, write_papers


def test_indexing_goes_on_after_kills(tmp_path: Path) -> None:
    file, folder = tmp_path / "documents.sqlite3", tmp_path / "papers"
    write_papers(folder, 40)
    for seed in range(3):
        kill_while_indexing(file, folder, seed, longest=0.1)
    assert troubles(file, folder) == []

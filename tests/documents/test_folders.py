"""Folders of documents: what is in them is found, without hidden files, pictures and circles."""

import os
from functools import partial
from pathlib import Path

import pytest

from phichat.cancellation import CancelToken
from phichat.documents import folders
from phichat.documents.folders import files_in
from phichat.errors import DocumentTooLarge


def test_documents_are_found_in_folders_inside(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.pdf", "a/photo.JPG", "a/~$c.docx", ".git/config", "node_modules/x.js", "README"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("text", "utf-8")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    found = [file.relative_to(tmp_path).as_posix() for file in files_in(tmp_path)]
    assert found == ["README", "b.md", "a/c.pdf"]


def test_folders_that_lead_in_a_circle_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 follows the junctions of Windows, as it does with links if it is asked to."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c.md").touch()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    monkeypatch.setattr("os.walk", partial(os.walk, followlinks=True))
    assert list(files_in(tmp_path)) == [tmp_path / "a" / "c.md"]
    assert list(files_in(tmp_path / "loop")) == [tmp_path / "loop" / "a" / "c.md"], "which was chosen itself"


def test_a_file_with_links_to_it_is_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "c.md").touch()
    (tmp_path / "elsewhere.md").touch()
    for link, target in (("a.md", "papers/b/c.md"), ("d.md", "elsewhere.md"), ("e.md", "elsewhere.md")):
        (folder / link).symlink_to(tmp_path / target)
    assert list(files_in(folder)) == [folder / "b" / "c.md", folder / "d.md"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_pipes_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert list(files_in(tmp_path)) == []


def test_looking_stops_when_asked_to_and_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(4):
        (tmp_path / f"{at}.txt").touch()
    monkeypatch.setattr(folders, "MOST_FILES", 3)
    with pytest.raises(DocumentTooLarge, match="more than 3 files"):
        list(files_in(tmp_path))
    stop = CancelToken()
    stop.set()
    assert list(files_in(tmp_path, stop)) == []

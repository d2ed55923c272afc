"""Folders of documents: what is in them is found, without hidden files, pictures and circles."""

import os
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

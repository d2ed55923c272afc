"""What the hub server keeps: repositories, their commits and files, and how the models API tells of them."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.hub.answers import whole

LISTED = ("modelId", "likes", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt")
"""What a search tells of each model where nothing else is asked for."""


@dataclass(frozen=True)
class Stored:
    """One version of a file. `is_lfs` is false for small text, which the Hub keeps in git and sends itself."""

    name: str
    content: bytes | Path
    size: int
    sha256: str
    is_lfs: bool = True

    @property
    def git_id(self) -> str:
        """What git calls it: a SHA-1, as long as no file's SHA-256."""
        return hashlib.sha1(f"{self.name} {self.sha256}".encode()).hexdigest()

    @property
    def etag(self) -> str:
        return f'"{self.sha256 if self.is_lfs else self.git_id}"'

    def sibling(self, with_blobs: bool) -> dict[str, Any]:
        """Itself in a model's description."""
        if not with_blobs:
            return {"rfilename": self.name}
        lfs = {"sha256": self.sha256, "size": self.size, "pointerSize": 135}
        row = {"rfilename": self.name, "size": self.size, "blobId": self.git_id}
        return row | ({"lfs": lfs} if self.is_lfs else {})

    def leaf(self) -> dict[str, Any]:
        """Itself in a tree."""
        lfs = {"oid": self.sha256, "size": self.size, "pointerSize": 135}
        row = {"type": "file", "oid": self.git_id, "size": self.size, "path": self.name}
        return row | ({"lfs": lfs} if self.is_lfs else {})


def stored(name: str, content: bytes | Path, is_lfs: bool = True) -> Stored:
    """A file with its checksum."""
    return Stored(name, content, whole(content).size, sha256(content), is_lfs)


def sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Repo:
    """A repository. `commits` has all files of each commit, oldest first.

    Attributes:
        gated: False, or "auto" or "manual" as the Hub says it.
        readers: the tokens that may read its files if it is gated.
        downloads: in the last month, as the search tells it.
        task: its pipeline tag.
        gguf: what the Hub has read in one of its files, such as `{"total": 3821079552, "architecture": "phi3"}`.
        licence_name: what its makers call a license that is `other`.
    """

    name: str
    licence: str = ""
    gated: str | bool = False
    readers: frozenset[str] = frozenset()
    downloads: int = 0
    task: str = "text-generation"
    gguf: dict[str, Any] = field(default_factory=dict)
    licence_name: str = ""
    commits: dict[str, dict[str, Stored]] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def commit_of(self, revision: str) -> str | None:
        """The full hash of a commit; None if there is no such one."""
        return self.head if revision == "main" else next((c for c in self.commits if c == revision), None)

    def put(self, file: Stored) -> None:
        """A new commit, with the file new or changed."""
        files = (self.commits[self.head] if self.commits else {}) | {file.name: file}
        told = f"{len(self.commits)} {self.name} {file.name} {file.sha256}"
        self.commits[hashlib.sha1(told.encode()).hexdigest()] = files

    def remove(self, file: str) -> None:
        files = {name: kept for name, kept in self.commits[self.head].items() if name != file}
        self.commits[hashlib.sha1(f"{self.head} without {file}".encode()).hexdigest()] = files

    def description(self, commit: str, with_blobs: bool) -> dict[str, Any]:
        """The models API's answer."""
        return {
            "_id": self.git_like_id,
            "id": self.name,
            "modelId": self.name,
            "author": self.name.partition("/")[0],
            "sha": commit,
            "lastModified": "2024-07-02T19:53:12.000Z",
            "private": False,
            "gated": self.gated,
            "disabled": False,
            "downloads": self.downloads,
            "likes": self.downloads // 100,
            "tags": ["gguf", self.task, *([f"license:{self.licence}"] if self.licence else [])],
            "pipeline_tag": self.task,
            "library_name": "gguf",
            "createdAt": "2024-04-22T20:00:51.000Z",
            "cardData": self._card,
            "gguf": self.gguf,
            "siblings": [file.sibling(with_blobs) for file in self.commits[commit].values()],
        }

    @property
    def _card(self) -> dict[str, Any]:
        name = {"license_name": self.licence_name} if self.licence_name else {}
        return {"license": self.licence, **name} if self.licence else {}

    def entry(self, wanted: Collection[str]) -> dict[str, Any]:
        """The search's answer: the fields that are `wanted`, or those that it has where none are."""
        whole = self.description(self.head, with_blobs=False)
        names = {"_id", "id", *(wanted or LISTED)}
        return {name: value for name, value in whole.items() if name in names}

    @property
    def git_like_id(self) -> str:
        return hashlib.sha1(self.name.encode()).hexdigest()[:24]

    def tree(self, commit: str, folder: str, recursive: bool) -> list[dict[str, Any]]:
        """What is in a folder: files, and the folders next below, of which `recursive` opens all."""
        prefix = f"{folder}/" if folder else ""
        inside = [file for file in self.commits[commit].values() if file.name.startswith(prefix)]
        names = [file.name.removeprefix(prefix).split("/") for file in inside]
        deepest = 99 if recursive else 1
        below = sorted({prefix + "/".join(n[:d]) for n in names for d in range(1, min(len(n) - 1, deepest) + 1)})
        folders = [{"type": "directory", "oid": self.git_like_id, "size": 0, "path": path} for path in below]
        return folders + [f.leaf() for f, n in zip(inside, names, strict=True) if recursive or len(n) == 1]

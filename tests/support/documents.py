"""Documents of tests: a reader of text files, and an embedder that knows a few words."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phichat.cancellation import CancelToken
from phichat.documents.base import Box, Note, Outline, PagePicture, Part, Place, Section
from phichat.documents.passages import Passage
from phichat.errors import DocumentDamaged


class TextReader:
    """Implements DocumentReader for text whose pages end with a form feed; what begins with "damaged" is damaged.

    Attributes:
        read_paths: the files that were read, in order.
        notes: what comes with every text.
    """

    def __init__(self) -> None:
        self.read_paths: list[Path] = []
        self.notes: Sequence[Note] = ()

    def read(self, path: Path, *, password: str = "", stop: CancelToken | None = None) -> Iterator[Part]:
        self.read_paths.append(path)
        text = path.read_text("utf-8")
        if text.startswith("damaged"):
            raise DocumentDamaged(f"{path.name} is damaged.")
        pages = text.split("\f")
        yield Outline(pages=len(pages) if pages[1:] else 0)
        yield from self.notes
        for number, page in enumerate(pages, 1):
            if stop and stop.is_set():
                return
            yield Section(page, Place(page=number) if pages[1:] else Place(line=1))

    def render_page(self, path: Path, page: int, width: int, *, password: str = "") -> PagePicture:
        raise NotImplementedError

    def find_on_page(self, path: Path, page: int, text: str, *, password: str = "") -> Sequence[Box]:
        return ()


class WordEmbedder:
    """Implements Embedder: a dimension for each group of words that mean the same.

    Attributes:
        count: how many passages it embedded.
    """

    least_cosine = 0.5
    former_ids: Sequence[str] = ()
    _GROUPS: tuple[str, ...] = (
        "dog puppy hound", "car automobile vehicle", "moon lunar", "bread loaf", "king queen", "red crimson",
        "sea ocean", "house home",
    )  # fmt: skip

    def __init__(self, name: str = "words") -> None:
        self.id = name
        self.count = 0

    def embed_passages(self, passages: Sequence[Passage]) -> list[NDArray[np.float32]]:
        self.count += len(passages)
        return [self.embed_question(passage.searched_text)[np.newaxis] for passage in passages]

    def embed_question(self, text: str) -> NDArray[np.float32]:
        words = text.lower().split()
        vector = np.array([sum(word.strip(".?,") in group.split() for word in words) for group in self._GROUPS])
        return (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)

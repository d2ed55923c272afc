"""Reads the head of a GGUF file: what model it is and how large, without llama.cpp and without trusting it.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from phichat.errors import ModelDamaged, ModelMissing, ModelUnsupported, NotAModel
from phichat.text import size as say_size
from phichat.text import tr

MAGIC = b"GGUF"
VERSIONS = (2, 3)
KEPT_ARRAY = 1024  # longer arrays are vocabularies, which are walked over
MAX_DIMENSIONS = 4

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

# Type: elements and bytes in a block, from ggml-common.h. Types not listed are newer; their size stays unknown.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """What a file says of itself: `metadata` without long arrays, and `bytes` of the file."""

    path: Path
    bytes: int
    metadata: dict[str, Any]

    @property
    def architecture(self) -> str:
        """Such as `phi3` or `llama`."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """The model's own name, or its file's."""
        return str(self.metadata.get("general.name") or self.path.stem)

    @property
    def context(self) -> int:
        """Tokens the model was made for; 0 if it does not say."""
        return int(self._number("context_length"))

    def kv_bytes(self, context: int) -> int:
        """Memory for keys and values of `context` tokens, two bytes each."""
        heads, layers = self._number("attention.head_count") or 1, self._number("block_count")
        width = self._number("embedding_length") / heads
        keys = self._number("attention.key_length") or width
        values = self._number("attention.value_length") or width
        kv_heads = self.metadata.get(f"{self.architecture}.attention.head_count_kv", heads)
        total = sum(map(float, kv_heads)) if isinstance(kv_heads, list) else float(kv_heads) * layers
        return int(total * (keys + values) * 2 * context)

    def _number(self, key: str) -> float:
        value = self.metadata.get(f"{self.architecture}.{key}", 0)
        return float(value) if isinstance(value, int | float) else 0.0


def read_head(path: Path) -> Head:
    """The head of the file at `path`, checked: every tensor it lists must lie within it.

    Raises ModelMissing, NotAModel, ModelDamaged or ModelUnsupported.
    """
    try:
        with path.open("rb") as file:
            count = path.stat().st_size
            if file.read(4) != MAGIC:
                raise NotAModel(
                    tr("{name} is not a model: Phichat reads GGUF files, usually ending in .gguf.").format(
                        name=path.name
                    )
                )
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(path, data, count).head()
    except FileNotFoundError as error:
        raise ModelMissing(tr("{path} is not there (any more). Choose another model.").format(path=path)) from error
    except (IsADirectoryError, PermissionError) as error:
        raise ModelMissing(
            tr("{path} cannot be read: {reason}. Choose another model, or change who may read it.").format(
                path=path, reason=error.strerror
            )
        ) from error
    except (struct.error, OverflowError, UnicodeDecodeError, MemoryError, ValueError, OSError) as error:
        raise ModelDamaged(damaged(path)) from error


def damaged(path: Path) -> str:
    """The sentence for a file whose contents make no sense."""
    return tr("{name} is damaged. Fetch it again, or choose another model.").format(name=path.name)


class _Reader:
    """Walks through the bytes once; whatever does not fit raises struct.error or ValueError."""

    def __init__(self, path: Path, data: mmap.mmap, count: int) -> None:
        self._path, self._data, self._count = path, data, count
        self._at = len(MAGIC)

    def head(self) -> Head:
        version = self._scalar("I")
        if version not in VERSIONS:
            raise ModelUnsupported(
                tr("{name} is of a GGUF version this program does not read. Get a newer file.").format(
                    name=self._path.name
                )
            )
        tensors, pairs = self._scalar("Q"), self._scalar("Q")
        metadata = {self._string(): self._value(self._scalar("I")) for _ in self._bounded(pairs, 13)}
        ends = [self._tensor_end() for _ in self._bounded(tensors, 24)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not alignment:
            raise ValueError("alignment")
        self._check_length(-(-self._at // alignment) * alignment + max(ends, default=0))
        return Head(self._path, self._count, metadata)

    def _check_length(self, needed: int) -> None:
        if needed > self._count:
            raise ModelDamaged(
                tr(
                    "{name} is incomplete: {there} of {needed} are there. Fetch it again, or choose another model."
                ).format(name=self._path.name, there=say_size(self._count), needed=say_size(needed))
            )

    def _tensor_end(self) -> int:
        self._string()
        dimensions = self._scalar("I")
        if dimensions > MAX_DIMENSIONS:
            raise ValueError("dimensions")
        elements = prod(self._scalar("Q") for _ in range(dimensions))
        block, bytes_each = _BLOCKS.get(self._scalar("I"), (1, 0))
        return int(self._scalar("Q") + elements // block * bytes_each)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._scalar(_SCALARS[kind]) if kind in _SCALARS else self._refuse(kind)
        inner, count = self._scalar("I"), self._scalar("Q")
        if count <= KEPT_ARRAY:
            return [self._value(inner) for _ in self._bounded(count, 1)]
        return self._skip(inner, count)

    def _skip(self, kind: int, count: int) -> None:
        if kind in _SCALARS:
            self._at += struct.calcsize(_SCALARS[kind]) * count
        elif kind == _STRING:
            for _ in self._bounded(count, 8):
                self._at += 8 + struct.unpack_from("<Q", self._data, self._at)[0]
        else:
            self._refuse(kind)
        if self._at > self._count:
            raise ValueError("array")

    def _string(self) -> str:
        length = self._scalar("Q")
        if length > self._count - self._at:
            raise ValueError("string")
        self._at += length
        return self._data[self._at - length : self._at].decode("utf-8", "replace")

    def _scalar(self, form: str) -> Any:
        value = struct.unpack_from("<" + form, self._data, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def _bounded(self, count: int, bytes_each: int) -> range:
        if count * bytes_each > self._count:
            raise ValueError("count")
        return range(count)

    def _refuse(self, kind: int) -> Any:
        raise ValueError(f"type {kind}")

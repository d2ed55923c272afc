"""The header of a GGUF file: which model it is and how large, read without llama.cpp and without trusting it.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from phichat.errors import ModelDamaged, ModelMissing, ModelUnsupported, NotAModel
from phichat.gguf.kinds import (
    PROBED,
    describe_by_metadata,
    describe_empty,
    describe_foreign,
    describe_no_embedding_model,
    describe_other_kind,
    describe_piece,
    describe_version,
    is_piece,
)
from phichat.gguf.split import missing_parts, part_names, part_number, part_paths
from phichat.i18n import format_number, format_reason, format_size, tr

MAGIC = b"GGUF"
VERSIONS = (2, 3)
KEPT_ARRAY = 1024  # elements; longer arrays are vocabularies, which are skipped
MAX_DIMENSIONS = 4
MAX_ENTRIES = 100_000  # metadata and tensors each; real files have hundreds
MAX_STRING = 64_000_000  # bytes; the longest are chat templates, of less than one million
MAX_STRINGS = 4_000_000  # in a vocabulary or its merges; real files have 500,000

_LENGTH, _PART = struct.Struct("<Q"), 1 << 16  # of a string; bytes read at once

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_NUMBER, _COUNT, _TENSORS = "split.no", "split.count", "split.tensors.count"  # of a model in several files

# Type: elements and bytes per block, from ggml-common.h. Types not listed are newer; their size is unknown.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """A model's header.

    Attributes:
        path: its file, or the first of them.
        bytes: the size of all its files.
        metadata: the key-value pairs, without long arrays.
        tensors: the names of its tensors.
    """

    path: Path
    bytes: int
    metadata: dict[str, Any]
    tensors: frozenset[str] = frozenset()

    @property
    def architecture(self) -> str:
        """The architecture, such as `phi3` or `llama`."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """The model's own name, or its file's."""
        return str(self.metadata.get("general.name") or self.path.stem)

    @property
    def context(self) -> int:
        """The context length the model was trained for, in tokens; 0 if unknown."""
        return int(self._number("context_length"))

    @property
    def layers(self) -> int:
        """The number of layers; 0 if unknown."""
        return int(self._number("block_count"))

    @property
    def heads(self) -> int:
        """The largest number of attention heads in a layer; 0 if unknown."""
        return int(self._number("attention.head_count"))

    @property
    def key_length(self) -> int:
        """The number of values of a head's key; 0 if unknown."""
        heads = self._number("attention.head_count") or 1
        return int(self._number("attention.key_length") or self._number("embedding_length") / heads)

    @property
    def has_latent_attention(self) -> bool:
        """Whether keys and values are parts of one vector, as with DeepSeek's models."""
        return self._number("attention.kv_lora_rank") > 0

    def kv_bytes(self, context: int) -> int:
        """Return the size in bytes of a KV cache in f16 for `context` tokens, at most: windows may make it smaller.

        The states of recurrent layers are no part of it.
        """
        if self.metadata.get(f"{self.architecture}.attention.head_count") == 0:  # as with Mamba
            return 0
        heads = self._number("attention.head_count") or 1
        layers = self._number("block_count") / (self._number("full_attention_interval") or 1)
        width = self._number("embedding_length") / heads
        keys = self._number("attention.key_length") or width
        values = self._number("attention.value_length") or width
        kv_heads = self.metadata.get(f"{self.architecture}.attention.head_count_kv", heads)
        total = sum(map(_finite, kv_heads)) if isinstance(kv_heads, list) else _finite(kv_heads) * layers
        return int(_finite(total * (keys + values) * 2 * context))

    def _number(self, key: str) -> float:
        """Return a value of this architecture; the largest one where there is one per layer."""
        value = self.metadata.get(f"{self.architecture}.{key}", 0)
        return max(map(_finite, value), default=0.0) if isinstance(value, list) else _finite(value)


def read_head(path: Path) -> Head:
    """Return the header of the model at `path`, whose files are all there and hold every tensor they list.

    Any part of a model in several files stands for all of it. Raise ModelMissing, NotAModel, ModelDamaged, or
    ModelUnsupported for what is no model to chat with.
    """
    head = _read_model(path)
    if message := describe_other_kind(path.name, head.metadata, head.tensors):
        raise ModelUnsupported(message)
    return head


def check_embedding_model(path: Path, *, takes_chat: bool = False) -> None:
    """Raise an error as `read_head` does if the file at `path` is no embedding model.

    A chat model, with which texts can be embedded, if not well, passes if it `takes_chat`.
    """
    head = _read_model(path)
    if message := describe_no_embedding_model(path.name, head.metadata, head.tensors, takes_chat=takes_chat):
        raise ModelUnsupported(message)


def _read_model(path: Path) -> Head:
    """Return the header of a model of any kind."""
    try:
        head = _read_file(path)
    except (NotAModel, ModelDamaged) as error:
        if is_piece(path.name):
            raise ModelUnsupported(describe_piece(path.name)) from error
        raise
    count = head.metadata.get(_COUNT)
    if isinstance(count, int) and count > 1:
        head = _read_parts(path, head, count)
    if not head.tensors:
        raise NotAModel(describe_empty(path.name, head.metadata))
    return head


def describe_by_beginning(path: Path) -> str:
    """Return what the file at `path` is if the beginning of its header says that it is no model to chat with; else "".

    Reads a few pages at most, as lists of models cannot wait for whole headers.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(PROBED)
            if not begin.startswith(MAGIC):
                return describe_foreign(path.name, begin)
            file.seek(len(MAGIC))
            return _Reader(path, file, os.fstat(file.fileno()).st_size).problem()
    except (ModelDamaged, ModelUnsupported) as error:
        return str(error)
    except (OSError, struct.error, OverflowError, MemoryError, ValueError):
        return ""  # loading it says what is wrong


def _read_file(path: Path) -> Head:
    """Return the header of one file."""
    try:
        if path.is_dir():
            raise NotAModel(tr("{path} is a folder. Choose a model file in it.").format(path=path))
        if not path.is_file() and path.exists():  # opening a pipe would block
            raise NotAModel(tr("{path} isn’t a file. Choose a model file.").format(path=path))
        with path.open("rb") as file:
            count = os.fstat(file.fileno()).st_size
            begin = file.read(PROBED)
            if not begin.startswith(MAGIC):
                raise NotAModel(describe_foreign(path.name, begin))
            file.seek(len(MAGIC))
            return _Reader(path, file, count).head()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelMissing(tr("{path} doesn’t exist. Choose another model.").format(path=path)) from error
    except OSError as error:
        raise ModelMissing(
            tr("{path} can’t be read: {reason}. Check its permissions, or choose another model.").format(
                path=path, reason=format_reason(error)
            )
        ) from error
    except (struct.error, OverflowError, MemoryError, ValueError) as error:
        raise ModelDamaged(damaged(path)) from error


def _read_parts(path: Path, head: Head, count: int) -> Head:
    """Return the header of the model in `count` files that the one at `path`, with the header `head`, is a part of."""
    if len(part_names(path.name)) != count or head.metadata.get(_NUMBER) != part_number(path.name) - 1:
        raise ModelUnsupported(
            tr(
                "{name} is one of {count} files that make up a model, but it was renamed. Restore the "
                "original file names, with numbered endings such as -00001-of-{last:05}.gguf."
            ).format(name=path.name, count=format_number(count), last=count)
        )
    if missing := missing_parts(path):
        raise ModelMissing(missing_parts_message(path, missing))
    heads = [_read_file(part) for part in part_paths(path)]
    tensors = frozenset[str]().union(*(each.tensors for each in heads))
    are_one = all(each.metadata.get(_COUNT) == count for each in heads)
    if not are_one or heads[0].metadata.get(_TENSORS, len(tensors)) != len(tensors):
        raise ModelDamaged(
            tr("{name} and the other parts of the model don’t match. Download all of them again.").format(
                name=path.name
            )
        )
    return Head(heads[0].path, sum(each.bytes for each in heads), heads[0].metadata, tensors)


def missing_parts_message(path: Path, missing: Sequence[Path]) -> str:
    """Return the message for a model in several files of which the files `missing` are not there."""
    return tr(
        "{name} is one of {count} files that make up a model, but {missing} is missing. Put all the files "
        "in the same folder."
    ).format(name=path.name, count=format_number(len(part_names(path.name))), missing=missing[0].name)


def _finite(value: object) -> float:
    """Return `value` if it is a positive finite number, else 0."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else 0.0


def damaged(path: Path) -> str:
    """Return the message for a file whose content is invalid."""
    return tr("{name} is damaged. Download it again, or choose another model.").format(name=path.name)


class _Reader:
    """Reads the header once, from front to back; whatever is invalid raises struct.error or ValueError.

    The file is not mapped: one that shrinks, or whose disk is removed, would kill the process.
    """

    def __init__(self, path: Path, file: BinaryIO, count: int) -> None:
        self._path, self._file, self._count = path, file, count

    def head(self) -> Head:
        self._check_version()
        tensors, pairs = self._scalar("Q"), self._scalar("Q")
        metadata = {self._string(): self._value(self._scalar("I")) for _ in _bounded(pairs, MAX_ENTRIES)}
        ends = dict(self._tensor() for _ in _bounded(tensors, MAX_ENTRIES))
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not alignment:
            raise ValueError("alignment")
        if ends:
            self._check_length(-(-self._file.tell() // alignment) * alignment + max(ends.values()))
        return Head(self._path, self._count, metadata, frozenset(ends))

    def problem(self) -> str:
        """Return what the file is if what precedes a tokenizer, or the whole header without one, tells it; else ""."""
        self._check_version()
        name, tensors, pairs = self._path.name, self._scalar("Q"), self._scalar("Q")
        metadata: dict[str, Any] = {}
        for _ in _bounded(pairs, MAX_ENTRIES):
            key = self._string()
            if key.startswith("tokenizer."):  # what follows is long
                is_empty = not tensors and _COUNT not in metadata
                return describe_empty(name, {key: None}) if is_empty else describe_by_metadata(name, metadata)
            metadata[key] = self._value(self._scalar("I"))
        if not tensors and _COUNT not in metadata:
            return describe_empty(name, metadata)
        names = frozenset(self._tensor()[0] for _ in _bounded(tensors, MAX_ENTRIES))
        return describe_other_kind(name, metadata, names) if _COUNT not in metadata else ""

    def _check_version(self) -> None:
        version = self._scalar("I")
        if version >> 8 and version & 0xFFFF:  # no version, in either byte order
            raise ModelDamaged(damaged(self._path))
        if version not in VERSIONS:
            raise ModelUnsupported(describe_version(self._path.name, version, VERSIONS[-1]))

    def _check_length(self, needed: int) -> None:
        if needed > self._count:
            raise ModelDamaged(
                tr(
                    "{name} is incomplete: {missing} of {needed} is missing. Download it again, or choose "
                    "another model."
                ).format(name=self._path.name, missing=format_size(needed - self._count), needed=format_size(needed))
            )

    def _tensor(self) -> tuple[str, int]:
        """Return a tensor's name, and where it ends."""
        name = self._string()
        dimensions = self._scalar("I")
        if dimensions > MAX_DIMENSIONS:
            raise ValueError("dimensions")
        elements = prod(self._scalar("Q") for _ in range(dimensions))
        block, bytes_each = _BLOCKS.get(self._scalar("I"), (1, 0))
        return name, int(self._scalar("Q") + elements // block * bytes_each)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        if kind != _ARRAY:
            raise ValueError(f"type {kind}")
        inner, count = self._scalar("I"), self._scalar("Q")
        if inner == _ARRAY:
            raise ValueError("an array in an array")
        if count <= KEPT_ARRAY:
            return [self._value(inner) for _ in range(count)]
        return self._skip(inner, count)

    def _skip(self, kind: int, count: int) -> None:
        if kind in _SCALARS:
            self._forward(struct.calcsize(_SCALARS[kind]) * count)
        elif kind == _STRING:
            self._skip_strings(count)
        else:
            raise ValueError(f"type {kind}")

    def _skip_strings(self, count: int) -> None:
        """Skip a vocabulary or its merges: in parts, as a call for each of 100,000 strings took 25 ms."""
        length_at, size, part, at, last = _LENGTH.unpack_from, _LENGTH.size, b"", 0, -1
        for _ in _bounded(count, MAX_STRINGS):
            if at > last:
                self._forward(at - len(part))
                part, at = self._file.read(_PART), 0
                last = len(part) - size
            at += size + length_at(part, at)[0]
        self._forward(at - len(part))

    def _forward(self, length: int) -> None:
        if length > self._count:
            raise ValueError("length")
        self._file.seek(length, os.SEEK_CUR)

    def _string(self) -> str:
        length = self._scalar("Q")
        if length > min(self._count - self._file.tell(), MAX_STRING):
            raise ValueError("string")
        return self._file.read(length).decode("utf-8", "replace")

    def _scalar(self, form: str) -> Any:
        return struct.unpack("<" + form, self._file.read(struct.calcsize(form)))[0]


def _bounded(count: int, limit: int) -> range:
    if count > limit:
        raise ValueError("count")
    return range(count)

"""A model of less than a megabyte that knows one sentence: if it says another one, llama.cpp computes wrongly here.

Its parts, its marks and the kinds of its numbers are those of Phi-3's file, with random weights. But what makes a word
likely is the same as what the word before it is made of, so that each is followed by the next one.
"""

import random
import struct
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

SENTENCE: Final = ("Everything", "\u2581works", ".")
SAYS: Final = "Everything works."

WIDTH, WIDE, LAYERS, HEADS, CONTEXT = 256, 512, 2, 4, 512

_MARKS = ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|user|>", "<|end|>")
_WORDS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *SENTENCE, *_MARKS)
_KINDS = (2, 3, 3, *[6] * 256, *[1] * len(SENTENCE), *[3] * len(_MARKS))  # unknown, control, byte, normal
_SPOKEN = ("<|assistant|>", *SENTENCE, "<|end|>")

_F32, _Q4_K, _Q6_K = 0, 12, 14  # in ggml.h, as are the layouts of blocks below
_LARGE, _SMALL = 0.1, 0.004  # scales: of what words are made of, of what the layers make of them
_BLOCK = 256  # numbers
_ALIGNED = 32  # bytes

_Tensor = tuple[tuple[int, ...], int, bytes]
"""Its size, the shorter way first, the kind of its numbers, and these."""


def write(path: Path) -> Path:
    """Make the file."""
    tensors = _tensors()
    head, places, at = bytearray(), bytearray(), 0
    for name, (shape, kind, data) in tensors.items():
        places += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, at)
        at += len(_padded(data))
    facts = _facts()
    head += b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts))
    for key, value in facts.items():
        head += _text(key) + _value(value)
    path.write_bytes(_padded(bytes(head + places)) + b"".join(_padded(data) for _, _, data in tensors.values()))
    return path


def _facts() -> dict[str, object]:
    return {
        "general.architecture": "phi3",
        "general.name": "Phi-3 in the small",
        "phi3.context_length": CONTEXT,
        "phi3.embedding_length": WIDTH,
        "phi3.feed_forward_length": WIDE,
        "phi3.block_count": LAYERS,
        "phi3.attention.head_count": HEADS,
        "phi3.attention.head_count_kv": HEADS,
        "phi3.attention.layer_norm_rms_epsilon": 1e-5,
        "phi3.rope.dimension_count": WIDTH // HEADS,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": _WORDS,
        "tokenizer.ggml.scores": array("f", [0.0] * len(_WORDS)),
        "tokenizer.ggml.token_type": array("i", _KINDS),
        "tokenizer.ggml.bos_token_id": _WORDS.index("<s>"),
        "tokenizer.ggml.eos_token_id": _WORDS.index("<|endoftext|>"),
        "tokenizer.ggml.add_bos_token": True,
    }


def _tensors() -> dict[str, _Tensor]:
    chance = random.Random(1)  # noqa: S311 - nothing secret
    made_of = [_q4_k(chance, WIDTH, _LARGE) for _ in _WORDS]
    likely = [bytes(len(made_of[0])) for _ in _WORDS]
    for word, following in pairwise(_SPOKEN):
        likely[_WORDS.index(following)] = made_of[_WORDS.index(word)]
    ones = (WIDTH,), _F32, array("f", [1.0] * WIDTH).tobytes()
    found: dict[str, _Tensor] = {
        "token_embd.weight": ((WIDTH, len(_WORDS)), _Q4_K, b"".join(made_of)),
        "output.weight": ((WIDTH, len(_WORDS)), _Q4_K, b"".join(likely)),
        "output_norm.weight": ones,
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        found[f"{block}attn_norm.weight"] = found[f"{block}ffn_norm.weight"] = ones
        for name, columns, rows in (("attn_qkv", WIDTH, 3 * WIDTH), ("attn_output", WIDTH, WIDTH)):
            found[f"{block}{name}.weight"] = (columns, rows), _Q4_K, _q4_k(chance, columns * rows, _SMALL)
        found[f"{block}ffn_up.weight"] = (WIDTH, 2 * WIDE), _Q4_K, _q4_k(chance, WIDTH * 2 * WIDE, _SMALL)
        found[f"{block}ffn_down.weight"] = (WIDE, WIDTH), _Q6_K, _q6_k(chance, WIDE * WIDTH, _SMALL / 4)
    return found


def _q4_k(chance: random.Random, count: int, scale: float) -> bytes:
    """Numbers of four bits, from -7.5 to 7.5 times the scale: both scales of a block, its parts' as ones, the bits."""
    head = struct.pack("<2e", scale, 7.5 * scale) + bytes([1] * 8 + [0x11] * 4)
    return b"".join(head + chance.randbytes(_BLOCK // 2) for _ in range(count // _BLOCK))


def _q6_k(chance: random.Random, count: int, scale: float) -> bytes:
    """Numbers of six bits, from -32 to 31 times the scale: the bits, the parts' scales as ones, the block's."""
    tail = bytes([1] * 16) + struct.pack("<e", scale)
    return b"".join(chance.randbytes(_BLOCK * 6 // 8) + tail for _ in range(count // _BLOCK))


def _value(value: object) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case array():
            return struct.pack("<IIQ", 9, {"f": 6, "i": 5}[value.typecode], len(value)) + value.tobytes()
        case Sequence():
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    raise TypeError(type(value))


def _text(words: str) -> bytes:
    data = words.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNED)

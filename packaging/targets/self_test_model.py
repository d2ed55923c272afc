"""The model of `phichat --self-test`, resources/self-test.gguf; wanted only after this has changed.

It is committed: the program then needs nothing to write GGUF files with. It knows one sentence; if it says another one,
llama.cpp computes wrongly. Vocabulary, control tokens and quantisation are those of Phi-3's file, the weights are
random. But the output row of each word of the sentence is the embedding of the word before it.
"""

import argparse
import random
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from building.project import ROOT

FILE = ROOT / "resources" / "self-test.gguf"
SENTENCE = ("Everything", "\u2581works", ".")

WIDTH, WIDE, LAYERS, HEADS, CONTEXT = 256, 256, 2, 4, 512

_MARKS = ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|user|>", "<|end|>")
_WORDS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *SENTENCE, *_MARKS)
_KINDS = (2, 3, 3, *[6] * 256, *[1] * len(SENTENCE), *[3] * len(_MARKS))  # unknown, control, byte, normal

_LARGE, _SMALL = 0.1, 0.004  # scales of the embeddings, and of the layers
_BLOCK = 256  # numbers in a block of ggml's k-quants


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where it goes."""
    parser.add_argument("--file", type=Path, default=FILE, help="where it goes; resources/self-test.gguf if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Write the file."""
    return [write(options.file)]


def write(path: Path, sentence: Sequence[str] = SENTENCE) -> Path:
    """Write a model to `path` that says `sentence`."""
    import gguf  # noqa: PLC0415 - other targets need neither it nor NumPy

    writer = gguf.GGUFWriter(path, "phi3")
    _describe(writer)
    chance = random.Random(1)  # noqa: S311 - nothing secret
    embeddings = [_q4_k(chance, WIDTH, _LARGE) for _ in _WORDS]
    outputs = [bytes(len(embeddings[0])) for _ in _WORDS]
    for word, following in pairwise(("<|assistant|>", *sentence, "<|end|>")):
        outputs[_WORDS.index(following)] = embeddings[_WORDS.index(word)]
    _add_k_quants(writer, "token_embd", len(_WORDS), b"".join(embeddings))
    _add_k_quants(writer, "output", len(_WORDS), b"".join(outputs))
    _add_ones(writer, "output_norm")
    for layer in range(LAYERS):
        _add_layer(writer, f"blk.{layer}.", chance)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _describe(writer: Any) -> None:
    writer.add_name("Phi-3 in the small")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDE)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(_WORDS)
    writer.add_token_scores([0.0] * len(_WORDS))
    writer.add_token_types(_KINDS)
    writer.add_bos_token_id(_WORDS.index("<s>"))
    writer.add_eos_token_id(_WORDS.index("<|endoftext|>"))
    writer.add_add_bos_token(True)


def _add_layer(writer: Any, block: str, chance: random.Random) -> None:
    _add_ones(writer, f"{block}attn_norm")
    _add_ones(writer, f"{block}ffn_norm")
    for name, rows in (("attn_qkv", 3 * WIDTH), ("attn_output", WIDTH), ("ffn_up", 2 * WIDE)):
        _add_k_quants(writer, block + name, rows, _q4_k(chance, WIDTH * rows, _SMALL))
    _add_k_quants(writer, f"{block}ffn_down", WIDTH, _q6_k(chance, WIDE * WIDTH, _SMALL / 4))


def _add_ones(writer: Any, name: str) -> None:
    import numpy as np  # noqa: PLC0415 - as above

    writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))


def _add_k_quants(writer: Any, name: str, rows: int, data: bytes) -> None:
    import gguf  # noqa: PLC0415 - as above
    import numpy as np  # noqa: PLC0415 - as above

    kind = gguf.GGMLQuantizationType.Q6_K if name.endswith("ffn_down") else gguf.GGMLQuantizationType.Q4_K
    writer.add_tensor(f"{name}.weight", np.frombuffer(data, np.uint8).reshape(rows, -1), raw_dtype=kind)


def _q4_k(chance: random.Random, count: int, scale: float) -> bytes:
    """Numbers of four bits, from -7.5 to 7.5 times the scale: both scales of a block, its parts' as ones, the bits."""
    head = struct.pack("<2e", scale, 7.5 * scale) + bytes([1] * 8 + [0x11] * 4)
    return b"".join(head + chance.randbytes(_BLOCK // 2) for _ in range(count // _BLOCK))


def _q6_k(chance: random.Random, count: int, scale: float) -> bytes:
    """Numbers of six bits, from -32 to 31 times the scale: the bits, the parts' scales as ones, the block's."""
    tail = bytes([1] * 16) + struct.pack("<e", scale)
    return b"".join(chance.randbytes(_BLOCK * 6 // 8) + tail for _ in range(count // _BLOCK))

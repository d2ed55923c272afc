"""Builds a GGUF file as large and as slow as Phi-3-mini, with random weights: to measure where the real one is not.

    python -m tests.benchmarks.phi3_shaped OUT.gguf

Shapes and quantisations are those of the official q4 file (81 tensors Q4_K, 32 Q5_K, 17 Q6_K, 65 F32). What the model
says is noise, but finite noise.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import quant_shape_to_byte_shape

VOCABULARY = Path(__file__).parents[1] / "data" / "ggml-vocab-phi-3.gguf"

LAYERS, WIDTH, INNER, WORDS = 32, 3072, 8192, 32064
SPREAD = 0.02  # the weights' standard deviation, near 1 / sqrt(WIDTH), so that layers keep the scale of what they get

# All sixteen 6-bit scales and minima of a K block at 32, packed as ggml-common.h has it.
_SCALES = [0xA0] * 8 + [0] * 4


@dataclass(frozen=True)
class Layout:
    """One quantisation's block: its bytes, where its levels lie, and the fixed bytes around them."""

    bytes: int
    levels: slice
    fixed: tuple[tuple[slice, list[int]], ...]


def _half(value: float) -> list[int]:
    return list(np.array([value], np.float16).tobytes())


def _k_block(count: int, levels: int) -> Layout:
    """Q4_K or Q5_K: the scale, the minimum that centres the levels on zero, packed scales, then levels."""
    step = SPREAD / ((levels**2 - 1) / 12) ** 0.5 / 32
    head = _half(step) + _half(step * (levels - 1) / 2) + _SCALES
    return Layout(count, slice(16, count), ((slice(0, 16), head),))


def _q6_block() -> Layout:
    return Layout(210, slice(0, 192), ((slice(192, 208), [16] * 16), (slice(208, 210), _half(SPREAD / 18.5 / 16))))


LAYOUTS = {Kind.Q4_K: _k_block(144, 16), Kind.Q5_K: _k_block(176, 32), Kind.Q6_K: _q6_block()}


def tensors() -> Iterator[tuple[str, tuple[int, ...], Kind]]:
    """Every tensor's name, shape (rows first) and quantisation."""
    yield "token_embd.weight", (WORDS, WIDTH), Kind.Q4_K
    yield "output_norm.weight", (WIDTH,), Kind.F32
    yield "output.weight", (WORDS, WIDTH), Kind.Q6_K
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", (WIDTH,), Kind.F32
        yield f"{block}.attn_qkv.weight", (3 * WIDTH, WIDTH), Kind.Q5_K
        yield f"{block}.attn_output.weight", (WIDTH, WIDTH), Kind.Q4_K
        yield f"{block}.ffn_norm.weight", (WIDTH,), Kind.F32
        yield f"{block}.ffn_up.weight", (2 * INNER, WIDTH), Kind.Q4_K
        yield f"{block}.ffn_down.weight", (WIDTH, INNER), Kind.Q6_K if _is_finer(layer) else Kind.Q4_K


def _is_finer(layer: int) -> bool:
    """llama.cpp's use_more_bits: the first and last eighth of the layers, and every third between."""
    eighth = LAYERS // 8
    return layer < eighth or layer >= 7 * eighth or (layer - eighth) % 3 == 2


def weights(shape: tuple[int, ...], kind: Kind, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Random weights as the file holds them; norms are ones."""
    if kind is Kind.F32:
        return np.ones(shape, np.float32)
    layout = LAYOUTS[kind]
    row_bytes = quant_shape_to_byte_shape(shape, kind)
    blocks = np.empty((int(np.prod(row_bytes)) // layout.bytes, layout.bytes), np.uint8)
    blocks[:, layout.levels] = random.integers(0, 256, blocks[:, layout.levels].shape, np.uint8)
    for place, values in layout.fixed:
        blocks[:, place] = values
    return blocks.reshape(row_bytes)


def build(out: Path) -> None:
    """Write the file, one tensor at a time."""
    writer = GGUFWriter(out, "phi3")
    _copy_metadata(writer)
    for name, shape, kind in tensors():
        small = np.empty(0, np.float32 if kind is Kind.F32 else np.uint8).dtype
        stored = shape if kind is Kind.F32 else quant_shape_to_byte_shape(shape, kind)
        writer.add_tensor_info(name, stored, small, int(np.prod(stored)) * small.itemsize, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(3)
    for _, shape, kind in tensors():
        writer.write_tensor_data(weights(shape, kind, random))
    writer.close()


def _copy_metadata(writer: GGUFWriter) -> None:
    """Everything the vocabulary file says, which is all the real file says but its quantisation."""
    for name, field in GGUFReader(VOCABULARY).fields.items():
        if name.startswith("GGUF.") or name in {"general.architecture", "general.file_type"}:
            continue
        inner = field.types[-1] if field.types[0] is GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], inner)
    writer.add_file_type(15)  # Q4_K_M


if __name__ == "__main__":
    build(Path(sys.argv[1]))

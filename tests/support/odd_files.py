"""Files that people take for chat models, one of each kind, written with the gguf package as their makers do."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import gguf
import numpy as np

TEXT = "token_embd.weight"
LAYER = "blk.0.attn_q.weight"


class Odd(NamedTuple):
    """A file, and words of the sentence that says what it is."""

    name: str
    words: str
    write: Callable[[Path], None]


def _gguf(
    architecture: str,
    *tensors: str,
    kind: str = "",
    endian: gguf.GGUFEndian = gguf.GGUFEndian.LITTLE,
    **values: str | int,
) -> Callable[[Path], None]:
    """Return a function that writes a file; keys in `values` have `__` for a dot."""

    def write(path: Path) -> None:
        writer = gguf.GGUFWriter(path, architecture, endianess=endian)
        if kind:
            writer.add_type(kind)
        for key, value in values.items():
            add = writer.add_string if isinstance(value, str) else writer.add_uint32
            add(key.replace("__", "."), value)
        for tensor in tensors:
            writer.add_tensor(tensor, np.zeros((8, 8), np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    return write


def _of_version(version: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _gguf("llama", TEXT)(path)
        content = path.read_bytes()
        path.write_bytes(content[:4] + struct.pack("<I", version) + content[8:])

    return write


def _old_matrix(path: Path) -> None:
    """Write an importance matrix as llama.cpp did before it used GGUF files."""
    name = b"blk.0.ffn_down.weight"
    path.write_bytes(struct.pack("<ii", 200, len(name)) + name + struct.pack("<ii", 10, 4) + bytes(200))


def _whisper(path: Path) -> None:
    """Write the beginning of a model of whisper.cpp."""
    path.write_bytes(struct.pack("<Iiiiii", 0x67676D6C, 51864, 1500, 512, 8, 6) + bytes(300))


ODD_FILES = (
    Odd("nomic-embed.gguf", "an embedding model", _gguf("nomic-bert", TEXT, kind="model")),
    Odd("qwen3-embedding.gguf", "an embedding model", _gguf("qwen3", TEXT, LAYER, qwen3__pooling_type=3)),
    Odd("embeddinggemma.gguf", "an embedding model", _gguf("gemma-embedding", TEXT)),
    Odd("lora.gguf", "an adapter (LoRA)", _gguf("llama", f"{LAYER}.lora_a", kind="adapter", adapter__type="lora")),
    Odd("mmproj.gguf", "processes images or audio", _gguf("clip", "v.blk.0.attn_q.weight", kind="mmproj")),
    Odd("ggml-vocab.gguf", "only a vocabulary", _gguf("llama", tokenizer__ggml__model="llama")),
    Odd("nothing.gguf", "contains no model", _gguf("llama")),
    Odd("flux.gguf", "generates images", _gguf("flux", "double_blocks.0.img_attn.proj.weight")),
    Odd("sd.gguf", "generates images", _gguf("", "model.diffusion_model.input_blocks.0.0.weight")),
    Odd("vae.gguf", "generates images", _gguf("", "decoder.conv_in.weight", "encoder.conv_in.weight")),
    Odd("whisper.gguf", "transcribes speech", _gguf("whisper", "encoder.conv1.weight")),
    Odd("ggml-base.en.bin", "transcribes speech", _whisper),
    Odd("qwen3-tts.gguf", "generates audio", _gguf("qwen3tts", TEXT, LAYER)),
    Odd("pocket-tts.gguf", "generates audio", _gguf("pockettts", TEXT, LAYER)),
    Odd("imatrix.gguf", "an importance matrix", _gguf("", f"{LAYER}.in_sum2", kind="imatrix", imatrix__chunk_count=3)),
    Odd("imatrix.dat", "an importance matrix", _old_matrix),
    Odd("control.gguf", "a control vector", _gguf("controlvector", "direction.1")),
    Odd("t5.gguf", "translates or summarizes", _gguf("t5", TEXT)),
    Odd("llada.gguf", "its whole answer at once", _gguf("llada", TEXT)),
    Odd("gemma-4-assistant.gguf", "a draft model", _gguf("gemma4-assistant", TEXT, LAYER)),
    Odd("eagle3.gguf", "a draft model", _gguf("eagle3", TEXT, "fc.weight")),
    Odd("big-endian.gguf", "big-endian", _gguf("llama", TEXT, endian=gguf.GGUFEndian.BIG)),
    Odd("newer.gguf", "GGUF version 4, which is too new", _of_version(4)),
    Odd("random.gguf", "is damaged", _of_version(0xE778A24E)),
    Odd("older.gguf", "GGUF version 1, which is no longer", _of_version(1)),
)
"""One of each kind."""


def write_all(folder: Path) -> dict[Path, str]:
    """Write all of them into `folder`; return what is said of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for odd in ODD_FILES:
        odd.write(folder / odd.name)
    return {folder / odd.name: odd.words for odd in ODD_FILES}

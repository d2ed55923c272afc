"""Reading the head of a model file: what it is, and what is wrong with it."""

import errno
import os
import struct
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from phichat.errors import ModelDamaged, ModelError, ModelMissing, ModelUnsupported, NotAModel
from phichat.gguf import Head, check_embedding_model, part_names, part_number, read_head, whole_name
from tests.support import tiny_models

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes a file that calls itself a model."""

    def make(content: bytes) -> Path:
        path = tmp_path / "some.gguf"
        path.write_bytes(content)
        return path

    return make


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf(*pairs: bytes, version: int = 3, tensors: int = 0, count: int | None = None) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(pairs) if count is None else count) + b"".join(pairs)


def pair(key: str, kind: int, value: bytes) -> bytes:
    return string(key) + struct.pack("<I", kind) + value


def test_the_head_says_what_model_it_is(phi3_model: Path) -> None:
    head = read_head(phi3_model)
    assert (head.architecture, head.name, head.context) == ("phi3", "Phi3", 512)
    assert head.bytes == phi3_model.stat().st_size
    assert head.metadata["tokenizer.ggml.bos_token_id"] == 1
    assert head.metadata["tokenizer.ggml.tokens"] is None


def test_the_starter_is_read(starter: Path) -> None:
    head = read_head(starter)
    assert (head.architecture, head.context) == ("llama", 8192)
    assert head.kv_bytes(1) == 30 * 3 * 2 * 64 * 2


def test_keys_and_values_of_phi_3_mini_take_384_kib_a_token() -> None:
    metadata = {
        "general.architecture": "phi3", "phi3.block_count": 32, "phi3.embedding_length": 3072,
        "phi3.attention.head_count": 32, "phi3.attention.head_count_kv": 32,
    }  # fmt: skip
    assert Head(Path("phi"), 0, metadata).kv_bytes(1) == 384 * 1024


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"x.attention.head_count_kv": [4, 0]}, 4 * 16 * 2 * 2),
        ({"x.attention.head_count": [8, 4]}, 2 * 4 * 32 * 2),
        ({"x.attention.key_length": 32, "x.attention.value_length": 32}, 2 * 4 * 64 * 2),
        ({"x.full_attention_interval": 2}, 4 * 16 * 2 * 2),
        ({"x.attention.head_count": 0}, 0),
    ],
)
def test_layers_may_differ(changes: dict[str, Any], expected: int) -> None:
    metadata = {
        "general.architecture": "x", "x.block_count": 2, "x.embedding_length": 128,
        "x.attention.head_count": 8, "x.attention.head_count_kv": 4,
    }  # fmt: skip
    assert Head(Path("x"), 0, {**metadata, **changes}).kv_bytes(1) == expected


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), -1, "many", None, True, [], ["a", None], 10**30])
@pytest.mark.parametrize(
    "key", ["context_length", "block_count", "embedding_length", "attention.head_count", "attention.head_count_kv"]
)
def test_junk_in_the_figures_is_survived(key: str, junk: object) -> None:
    metadata = {"general.architecture": "x", "x.block_count": 2, "x.embedding_length": 64, f"x.{key}": junk}
    head = Head(Path("x"), 0, metadata)
    assert head.context >= 0
    assert head.kv_bytes(4096) >= 0


@pytest.mark.parametrize("content", [b"", b"GG", b"Just some text.", PNG, b"<html>Not found</html>", bytes(1000)])
def test_a_file_that_is_something_else_is_no_model(file: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(NotAModel, match=r"some\.gguf isn’t a model"):
        read_head(file(content))


def test_a_vocabulary_alone_is_no_model() -> None:
    with pytest.raises(NotAModel, match="only a vocabulary"):
        read_head(tiny_models.PHI_VOCABULARY)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.gguf", tmp_path / "no folder" / "nothing.gguf", Path(__file__) / "x.gguf"):
        with pytest.raises(ModelMissing, match="doesn’t exist"):
            read_head(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="is a folder"):
        read_head(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(NotAModel, match="isn’t a file"):
        read_head(tmp_path / "pipe.gguf")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "permission denied"),
        (OSError(errno.EIO, "Input/output error"), "the disk isn’t working properly"),
        (OSError(errno.EPROTO, "Protocol error"), "Protocol error"),
    ],
)
def test_a_file_that_may_not_be_read_says_why(
    file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    path = file(b"GGUF")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelMissing, match=f"can’t be read: {reason}"):
        read_head(path)


@pytest.mark.parametrize(("version", "advice"), [(0, "a newer"), (1, "a newer"), (4, "Update Phichat"), (9, "Update")])
def test_another_version_of_the_format_is_named(file: Callable[[bytes], Path], version: int, advice: str) -> None:
    with pytest.raises(ModelUnsupported, match=f"GGUF version {version}.*{advice}"):
        read_head(file(gguf(version=version)))


@pytest.mark.parametrize("version", [2, 3])
def test_the_other_byte_order_is_named(file: Callable[[bytes], Path], version: int) -> None:
    with pytest.raises(ModelUnsupported, match="big-endian"):
        read_head(file(gguf(version=version << 24)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (bytes(5000), "only zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 239\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "web page"),
        (struct.pack("<Q", 30) + b'{"__metadata__":{"format":"pt"}}', "Safetensors"),
        (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", "PyTorch"),
        (b"PK\x03\x04" + bytes(26) + b"model.gguf", "archive"),
        (b"\x1f\x8b\x08" + bytes(20), "archive"),
        (b"tjgg" + struct.pack("<I", 3) + bytes(100), "old GGML format"),
        (b"lmgg" + bytes(100), "old GGML format"),
    ],
)
def test_what_else_a_file_is_is_said(file: Callable[[bytes], Path], content: bytes, words: str) -> None:
    with pytest.raises(NotAModel, match=words):
        read_head(file(content))


def tensor(name: str) -> bytes:
    return string(name) + struct.pack("<IQIQ", 1, 1, 0, 0)


def text(key: str, value: str) -> bytes:
    return pair(key, 8, string(value))


@pytest.mark.parametrize(
    ("pairs", "tensors", "words"),
    [
        ([text("general.architecture", "llama"), text("general.type", "adapter")], ["a"], "adapter"),
        ([text("general.architecture", "qwen2"), text("adapter.type", "lora")], ["a"], "adapter"),
        ([text("general.architecture", "llama")], ["blk.0.attn_q.weight.lora_a"], "adapter"),
        ([text("general.architecture", "controlvector")], ["direction.1"], "control vector"),
        ([text("general.type", "imatrix")], ["blk.0.attn_q.weight.in_sum2"], "importance matrix"),
        ([pair("imatrix.chunk_count", 4, bytes(4))], ["x"], "importance matrix"),
        ([text("general.architecture", "clip")], ["v.blk.0.ln1.weight"], "processes images"),
        ([text("general.type", "mmproj"), text("general.architecture", "siglip")], ["x"], "processes images"),
        ([text("general.architecture", "bert")], ["token_embd.weight"], "embedding model"),
        ([text("general.architecture", "qwen3"), pair("qwen3.pooling_type", 4, b"\4\0\0\0")], ["x"], "embedding model"),
        ([text("general.architecture", "new"), pair("new.attention.causal", 7, b"\0")], ["x"], "embedding model"),
        ([text("general.architecture", "llada")], ["token_embd.weight"], "whole answer at once"),
        ([text("general.architecture", "flux")], ["double_blocks.0.img_attn.proj.weight"], "images or video"),
        ([text("general.architecture", "wavtokenizer-dec")], ["token_embd.weight"], "audio"),
        ([text("general.architecture", "whisper")], ["encoder.conv1.weight"], "speech"),
        ([text("general.architecture", "t5")], ["token_embd.weight"], "translates"),
        ([], ["token_embd.weight"], "doesn’t say what kind"),
        ([text("general.architecture", "halfling")], ["fc.weight"], r"\(halfling\) is incomplete"),
    ],
)
def test_what_is_no_model_to_chat_with_says_what_it_is(
    file: Callable[[bytes], Path], pairs: list[bytes], tensors: list[str], words: str
) -> None:
    content = gguf(*pairs, tensors=len(tensors)) + b"".join(map(tensor, tensors)) + bytes(100)
    with pytest.raises(ModelUnsupported, match=words) as error:
        read_head(file(content))
    assert str(error.value).startswith("some.gguf ")
    assert "damaged" not in str(error.value)


@pytest.mark.parametrize(
    ("architecture", "is_one"), [("bert", True), ("qwen3", True), ("flux", False), ("clip", False)]
)
def test_texts_can_be_embedded_with_models_of_texts_alone(
    file: Callable[[bytes], Path], architecture: str, is_one: bool
) -> None:
    path = file(gguf(text("general.architecture", architecture), tensors=1) + tensor("token_embd.weight") + bytes(64))
    with nullcontext() if is_one else pytest.raises(ModelUnsupported, match="isn’t an embedding model"):
        check_embedding_model(path)


@pytest.mark.parametrize(("pooling", "is_one"), [((), False), ((pair("qwen3.pooling_type", 4, b"\3\0\0\0"),), True)])
def test_a_chat_model_is_none_to_find_passages_with(
    file: Callable[[bytes], Path], pooling: tuple[bytes, ...], is_one: bool
) -> None:
    """Some embedding models were made of chat models, and still have their template, but say how they pool vectors."""
    pairs = (text("general.architecture", "qwen3"), text("tokenizer.chat_template", "{{ messages }}"), *pooling)
    path = file(gguf(*pairs, tensors=1) + tensor("token_embd.weight") + bytes(64))
    with nullcontext() if is_one else pytest.raises(ModelUnsupported, match=r"some\.gguf is a chat model\. Choose"):
        check_embedding_model(path)
    check_embedding_model(path, takes_chat=True)


def test_a_file_cut_anywhere_is_damaged(file: Callable[[bytes], Path], chatml_model: Path) -> None:
    content = chatml_model.read_bytes()
    for length in (*range(4, 200), *range(200, len(content), 1999), len(content) - 1):
        with pytest.raises(ModelDamaged, match=r"some\.gguf is (damaged|incomplete)"):
            read_head(file(content[:length]))


def test_how_much_is_missing_is_said(file: Callable[[bytes], Path], chatml_model: Path) -> None:
    with pytest.raises(ModelDamaged, match="incomplete: 5\N{NO-BREAK SPACE}bytes of 239\N{NO-BREAK SPACE}kB"):
        read_head(file(chatml_model.read_bytes()[:-5]))


@pytest.mark.parametrize(
    "content",
    [
        gguf(count=2**63),
        gguf(tensors=2**63),
        gguf(pair("a", 8, struct.pack("<Q", 2**63))),
        gguf(pair("a", 99, b"")),
        gguf(pair("a", 9, struct.pack("<IQ", 4, 2**62))),
        gguf(pair("a", 9, struct.pack("<IQ", 8, 2**62))),
        gguf(pair("a", 9, struct.pack("<IQ", 8, 1025) + 1024 * string("x") + struct.pack("<Q", 2**63))),
        gguf(pair("a", 9, struct.pack("<IQ", 99, 5000))),
        gguf(pair("a", 9, struct.pack("<IQ", 9, 1) * 5000)),
        gguf(pair("general.alignment", 4, struct.pack("<I", 0)), tensors=1) + bytes(100),
        gguf(tensors=1) + string("t") + struct.pack("<I", 5) + bytes(100),
        gguf(tensors=1) + string("t") + struct.pack("<IQQIQ", 2, 2**63, 2**63, 0, 2**63),
    ],
    ids=[
        "pairs", "tensors", "string", "type", "array", "strings", "string in array", "array type", "arrays in arrays",
        "alignment", "dimensions", "shape",
    ],
)  # fmt: skip
def test_figures_that_cannot_be_are_damage(file: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(ModelDamaged):
        read_head(file(content))


def test_a_large_file_of_zeros_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sparse.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 50_000_000))
    os.truncate(path, 4_000_000_000)
    with pytest.raises(ModelError):
        read_head(path)


def test_words_that_are_no_utf_8_are_survived(file: Callable[[bytes], Path]) -> None:
    name = struct.pack("<Q", 2) + b"\xff\xfe"
    known = pair("general.name", 8, name), text("general.architecture", "llama")
    head = read_head(file(gguf(*known, tensors=1) + tensor("token_embd.weight") + bytes(64)))
    assert head.name == "\ufffd\ufffd"


@pytest.mark.parametrize("length", [0, 5, (1 << 16) - 8, 1 << 16, 200_001])
def test_what_follows_a_vocabulary_is_read_however_long_its_words_are(
    file: Callable[[bytes], Path], length: int
) -> None:
    words = (
        struct.pack("<IQ", 8, 3003)
        + 1001 * (string("a") + string("b" * 61))
        + 1000 * string("c")
        + string("d" * length)
    )
    known = pair("tokenizer.ggml.tokens", 9, words), text("general.name", "Ada"), text("general.architecture", "llama")
    head = read_head(file(gguf(*known, tensors=1) + tensor("token_embd.weight") + bytes(64)))
    assert (head.name, head.architecture) == ("Ada", "llama")


@pytest.fixture
def split(tmp_path: Path) -> list[Path]:
    """A model in three files."""
    first = tiny_models.chatml(tmp_path / "split" / "tiny.gguf", parts=3)
    return sorted(first.parent.iterdir())


def test_any_file_of_a_split_model_stands_for_all_of_it(split: list[Path]) -> None:
    assert [path.name for path in split] == [f"tiny-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    for path in split:
        head = read_head(path)
        assert head.path == split[0]
        assert head.bytes == sum(each.stat().st_size for each in split)
        assert (head.architecture, head.layers) == ("llama", 2)


@pytest.mark.parametrize(("opened", "missing"), [(0, 2), (1, 0), (2, 1)])
def test_a_missing_file_of_a_split_model_is_named(split: list[Path], opened: int, missing: int) -> None:
    split[missing].unlink()
    with pytest.raises(ModelMissing, match=f"{split[opened].name} is one of 3 .*, but {split[missing].name} is"):
        read_head(split[opened])


def test_a_damaged_file_of_a_split_model_is_named(split: list[Path]) -> None:
    split[2].write_bytes(split[2].read_bytes()[:-5])
    with pytest.raises(ModelDamaged, match=f"{split[2].name} is incomplete: 5"):
        read_head(split[0])


def test_files_of_two_models_are_not_taken_for_one(split: list[Path], tmp_path: Path) -> None:
    other = tiny_models.chatml(tmp_path / "other" / "tiny.gguf", parts=3, layers=1)
    other.with_name(split[1].name).replace(split[1])
    with pytest.raises(ModelDamaged, match="the other parts of the model don’t match"):
        read_head(split[0])


def test_a_renamed_file_of_a_split_model_says_so(split: list[Path]) -> None:
    with pytest.raises(ModelUnsupported, match=r"one of 3 files.*-00001-of-00003\.gguf"):
        read_head(split[0].rename(split[0].with_name("model.gguf")))


@pytest.mark.parametrize("count", [pair("split.count", 8, string("many")), pair("split.count", 10, b"\xff" * 8)])
def test_junk_in_the_count_of_files_is_survived(file: Callable[[bytes], Path], count: bytes) -> None:
    with pytest.raises(ModelError):
        read_head(file(gguf(count, tensors=1) + tensor("t") + bytes(64)))


@pytest.mark.parametrize(
    ("name", "number"),
    [("a-00002-of-00003.gguf", 2), ("a-00004-of-00003.gguf", 0), ("a-00000-of-00003.gguf", 0), ("a.gguf", 0),
     ("a-00001-of-00001.gguf", 0), ("a-00001-of-99999.gguf", 0), ("a-2-of-3.gguf", 0), ("a-00002-of-00003.bin", 0)],
)  # fmt: skip
def test_names_tell_which_file_of_a_model_one_is(name: str, number: int) -> None:
    assert part_number(name) == number
    assert len(part_names(name)) == (3 if number else 1)
    assert whole_name(name) == ("a.gguf" if number else name)


@pytest.mark.parametrize(
    "name", ["m.gguf-split-a", "m.gguf-split-b", "m.gguf.part1of2", "m.gguf.part2of2", "m.gguf.001"]
)
def test_a_piece_of_a_file_that_was_cut_up_says_so(tmp_path: Path, chatml_model: Path, name: str) -> None:
    content = chatml_model.read_bytes()
    is_first = name.endswith(("a", "1of2", "1"))
    (tmp_path / name).write_bytes(content[:100_000] if is_first else content[100_000:])
    with pytest.raises(ModelUnsupported, match="one part of a split file"):
        read_head(tmp_path / name)
    (tmp_path / name).write_bytes(content)
    assert read_head(tmp_path / name).architecture == "llama"


def test_a_text_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.gguf"
    path.write_bytes(gguf(pair("general.name", 8, struct.pack("<Q", 3_000_000_000)), tensors=1))
    os.truncate(path, 4_000_000_000)
    with pytest.raises(ModelDamaged):
        read_head(path)

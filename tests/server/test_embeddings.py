"""`/v1/embeddings`, with models that are made for that, and with one that writes."""

import base64
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from phichat.engine.process.encoder_process import EncoderProcess
from phichat.errors import ModelDamaged, NotAModel, PromptTooLong
from tests.server.conftest import Running, Serve

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581cat", "\u2581dog", "\u2581sat", "s", "\u2581a"]


def tiny_bert(path: Path, context: int = 16) -> Path:
    """A model like those for search: BERT's architecture, with seeded weights and a few words."""
    writer, random = gguf.GGUFWriter(str(path), "bert"), np.random.default_rng(1)
    writer.add_name("Tiny BERT")
    writer.add_context_length(context)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(WORDS)
    writer.add_token_types([3, 3, 3, 3, *[1] * (len(WORDS) - 4)])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(WORDS.index("[PAD]"))
    writer.add_unk_token_id(WORDS.index("[UNK]"))
    writer.add_bos_token_id(WORDS.index("[CLS]"))
    writer.add_sep_token_id(WORDS.index("[SEP]"))
    writer.add_eos_token_id(WORDS.index("[SEP]"))

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.2).astype(np.float32))

    tensor("token_embd.weight", len(WORDS), 32)
    tensor("token_types.weight", 2, 32)
    tensor("position_embd.weight", context, 32)
    shapes: dict[str, tuple[int, ...]] = {"token_embd_norm": (32,), "blk.0.attn_output_norm": (32,)}
    shapes |= {f"blk.0.attn_{part}": (32, 32) for part in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_up": (64, 32), "blk.0.ffn_down": (32, 64), "blk.0.layer_output_norm": (32,)}
    for name, shape in shapes.items():
        tensor(f"{name}.weight", *shape)
        tensor(f"{name}.bias", shape[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def bert(tmp_path: Path) -> Iterator[EncoderProcess]:
    encoder = EncoderProcess(tiny_bert(tmp_path / "tiny-bert.gguf"))
    yield encoder
    encoder.close()


@pytest.fixture
def running(serve: Serve, bert: EncoderProcess) -> Running:
    running = serve()
    running.served.embedding_name, running.served.embedder = "tiny-bert", bert
    return running


def ask(running: Running, given: Any, **parameters: Any) -> Any:
    answer = running.ask("/v1/embeddings", {"input": given, "model": "tiny-bert", **parameters})
    assert answer.status == 200, answer.body
    return answer.json


def test_vectors_of_texts(running: Running) -> None:
    answer = ask(running, ["a cat sat", "a dog sat", "a cat sat"])
    first, second, third = (each["embedding"] for each in answer["data"])
    assert [each["index"] for each in answer["data"]] == [0, 1, 2]
    assert len(first) == 32
    assert math.hypot(*first) == pytest.approx(1)
    assert first == third != second
    assert answer["usage"] == {"prompt_tokens": 15, "total_tokens": 15}
    assert answer["model"] == "tiny-bert"
    assert ask(running, "a cat sat")["data"][0]["embedding"] == first


def test_as_base64(running: Running) -> None:
    [plain], [packed] = ask(running, "cat")["data"], ask(running, "cat", encoding_format="base64")["data"]
    assert struct.unpack("<32f", base64.b64decode(packed["embedding"])) == pytest.approx(plain["embedding"])


def test_models_that_there_are(running: Running) -> None:
    assert [model["id"] for model in running.ask("/v1/models").json["data"]] == ["tiny-chatml", "tiny-bert"]
    assert running.ask("/v1/models/tiny-bert").status == 200
    wrong = running.ask("/v1/embeddings", {"input": "Hi", "model": "tiny-chatml"})
    assert wrong.error["code"] == "model_not_found"
    assert running.chat("Hi", model="tiny-bert").error["code"] == "model_not_found"


@pytest.mark.parametrize(
    "given",
    [{"input": None}, {"input": ""}, {"input": []}, {"input": [1]}, {"input": "x", "encoding_format": "hex"},
     {"input": "x", "dimensions": 5}, {"input": "cat " * 40}],
)  # fmt: skip
def test_what_is_wrong(running: Running, given: dict[str, Any]) -> None:
    assert running.ask("/v1/embeddings", given).status == 400


def test_a_model_that_writes(chatml_model: Path, tmp_path: Path) -> None:
    """Its vectors are means; others than chat models are recommended, but none is refused."""
    encoder = EncoderProcess(chatml_model)
    try:
        vector, tokens = encoder.embed("the")
        assert (len(vector), tokens) == (64, 1)
        assert math.hypot(*vector) == pytest.approx(1)
        with pytest.raises(PromptTooLong) as error:
            encoder.embed("x" * 600)
        assert error.value.tokens == 600
    finally:
        encoder.close()


def test_no_model(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("This is no model.")
    encoder = EncoderProcess(tmp_path / "text.gguf")
    with pytest.raises(NotAModel):
        encoder.embed("Hi")
    with pytest.raises(ModelDamaged):
        encoder.token_bytes()
    encoder.close()

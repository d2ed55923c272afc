"""`/v1/embeddings`, with models that are made for that, and with one that writes."""

import base64
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phichat.engine.process.encoder_process import EncoderProcess
from phichat.errors import ModelDamaged, NotAModel, PromptTooLong
from tests.server.conftest import Running, Serve
from tests.support import tiny_models


@pytest.fixture
def bert(tmp_path: Path) -> Iterator[EncoderProcess]:
    encoder = EncoderProcess(tiny_models.bert(tmp_path / "tiny-bert.gguf", context=16))
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
    assert running.ask("/v1/models/tiny-bert").json["type"] == "embeddings"
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

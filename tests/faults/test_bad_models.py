"""Model files that are broken, foreign or hostile: one sentence, or they work; never a traceback, never a hang."""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from phichat.chat.conversation import Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, ModelRef, Notice, Piece, Request
from phichat.engine.process.engine_process import EngineProcess
from phichat.errors import ModelDamaged, ModelError, ModelMissing, ModelUnsupported, PhichatError
from tests.support import tiny_models

SEEDS = 25
LONGEST = 60.0  # seconds before something counts as a hang; most take a tenth of one

QUESTION = Request((Turn(Role.SYSTEM, "Be brief."), Turn(Role.USER, "Hi")), Sampling(max_tokens=5, seed=1))


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    engine = EngineProcess()
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def _not_from_the_test_before(engine: EngineProcess) -> Iterator[None]:
    yield
    engine.close()


@pytest.fixture
def content(chatml_model: Path) -> bytes:
    """A good model."""
    return chatml_model.read_bytes()


def tried(engine: EngineProcess, path: Path, settings: EngineSettings) -> list[Event] | PhichatError:
    """Load and ask: what came of it. Anything but events or an error with one sentence fails the test."""
    started = time.monotonic()
    try:
        events: list[Event] = []
        engine.load(ModelRef.of_file(path), settings, CancelToken(), events.append)
        events += engine.generate(QUESTION, CancelToken())
        assert isinstance(events[-1], Done)
        return events
    except PhichatError as error:
        assert is_one_message(str(error)), str(error)  # noqa: PT017 - any of several errors will do
        return error
    finally:
        assert time.monotonic() - started < LONGEST


def is_one_message(text: str) -> bool:
    words_of_programmers = ("Traceback", "Error:", "0x", "\n", "NoneType", "codec", "GGML_ASSERT")
    return text.endswith(".") and not any(words in text for words in words_of_programmers)


def test_random_bytes_in_any_region_are_survived(
    engine: EngineProcess, content: bytes, settings: EngineSettings, tmp_path: Path
) -> None:
    regions = ("header", "metadata", "vocabulary", "tensor list", "weights")
    for region, seed in product(regions, range(SEEDS // len(regions))):
        path = tmp_path / f"damaged-{region}-{seed}.gguf"
        path.write_bytes(damaged(content, region, random.Random(f"{region} {seed}")))
        tried(engine, path, settings)


def damaged(content: bytes, region: str, source: random.Random) -> bytes:
    """`content` with up to eight bytes, or a run of them, replaced somewhere in `region`."""
    tokens, tensors = content.index(b"tokenizer.ggml.tokens"), content.index(b"token_embd.weight")
    regions = {
        "header": (0, 24), "metadata": (24, tokens), "vocabulary": (tokens, tensors),
        "tensor list": (tensors, tensors + 1400), "weights": (tensors + 1400, len(content)),
    }  # fmt: skip
    first, end = regions[region]
    changed = bytearray(content)
    if source.random() < 0.3:
        start = source.randrange(first, end)
        length = min(end - start, source.choice([16, 64, 4096]))
        changed[start : start + length] = source.randbytes(length)
    else:
        for _ in range(source.randrange(1, 9)):
            changed[source.randrange(first, end)] = source.choice([0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)])
    return bytes(changed)


def test_a_cut_file_is_damaged(engine: EngineProcess, content: bytes, settings: EngineSettings, tmp_path: Path) -> None:
    for part in (0.001, 0.02, 0.1, 0.3, 0.99):
        path = tmp_path / f"cut-{part}.gguf"
        path.write_bytes(content[: int(len(content) * part)])
        assert isinstance(tried(engine, path, settings), ModelDamaged), part


def test_an_unknown_architecture_is_named(engine: EngineProcess, settings: EngineSettings, tmp_path: Path) -> None:
    error = tried(engine, tiny_models.chatml(tmp_path / "new.gguf", architecture="phi9"), settings)
    assert isinstance(error, ModelUnsupported)
    assert "phi9" in str(error)


def test_an_unknown_way_to_split_words_is_unsupported(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path
) -> None:
    words = replace(tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>"), pre="phi-9")
    assert isinstance(tried(engine, tiny_models.chatml(tmp_path / "new.gguf", words=words), settings), ModelUnsupported)


def test_a_model_for_embeddings_is_not_to_talk_with(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path
) -> None:
    error = tried(engine, bert(tmp_path / "embeddings.gguf"), settings)
    assert isinstance(error, ModelUnsupported)
    assert "isn’t a chat model" in str(error)


def test_a_projector_for_pictures_is_no_model_to_talk_with(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path
) -> None:
    error = tried(engine, tiny_models.chatml(tmp_path / "mmproj.gguf", architecture="clip"), settings)
    assert isinstance(error, ModelUnsupported)


def test_a_model_without_words_is_refused(engine: EngineProcess, settings: EngineSettings, tmp_path: Path) -> None:
    words = replace(tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>"), kind="no_vocab")
    assert isinstance(tried(engine, tiny_models.chatml(tmp_path / "mute.gguf", words=words), settings), ModelError)


def test_weights_that_are_no_numbers_are_damage(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = tiny_models.Model._tensors
    for value in (np.nan, np.inf):

        def spoilt(model: tiny_models.Model, value: float = value) -> dict[str, np.ndarray[Any, Any]]:
            return {**tensors(model), "output_norm.weight": np.full(64, value, np.float32)}

        monkeypatch.setattr(tiny_models.Model, "_tensors", spoilt)
        error = tried(engine, tiny_models.chatml(tmp_path / f"{value}.gguf"), settings)
        assert isinstance(error, ModelDamaged)
        assert "invalid values" in str(error)


def test_a_missing_tensor_is_damage(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fewer(model: tiny_models.Model) -> dict[str, np.ndarray[Any, Any]]:
        return {name: tensor for name, tensor in tensors(model).items() if name != "blk.1.attn_q.weight"}

    tensors = tiny_models.Model._tensors
    monkeypatch.setattr(tiny_models.Model, "_tensors", fewer)
    assert isinstance(tried(engine, tiny_models.chatml(tmp_path / "hole.gguf"), settings), ModelDamaged)


def test_a_file_deleted_while_in_use_goes_on_until_it_is_needed_again(
    engine: EngineProcess, content: bytes, settings: EngineSettings, tmp_path: Path
) -> None:
    path = tmp_path / "short-lived.gguf"
    path.write_bytes(content)
    engine.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
    try:
        path.unlink()
    except PermissionError:
        pytest.skip("this system does not delete files in use")
    assert any(isinstance(event, Piece) for event in engine.generate(QUESTION, CancelToken()))
    engine.close()
    with pytest.raises(ModelMissing, match="doesn’t exist"):
        list(engine.generate(QUESTION, CancelToken()))


HOSTILE = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{{ raise_exception('no') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% broken",
    "\x00\ud7ff{{",
)


def test_a_hostile_template_is_set_aside_with_a_notice(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path
) -> None:
    for number, template in enumerate(HOSTILE):
        path = tiny_models.chatml(tmp_path / f"hostile-{number}.gguf", template=template)
        events = tried(engine, path, settings)
        assert isinstance(events, list), template
        notices = [event.text for event in events if isinstance(event, Notice)]
        assert len(notices) == 1, template
        assert "template doesn’t work" in notices[0]
        assert is_one_message(notices[0])


NAMES = ("a b.gguf", "модель 🧊.gguf", "quote'\".gguf", "-m.gguf", "new\nline.gguf", "mod\udce8le.gguf")


def test_any_name_of_a_file_will_do(
    engine: EngineProcess, content: bytes, settings: EngineSettings, tmp_path: Path
) -> None:
    """The last one is in another encoding; a system need not have all of them."""
    for name in NAMES:
        with suppress(OSError, UnicodeError):
            (tmp_path / name).write_bytes(content)
    there = list(tmp_path.iterdir())
    assert there
    assert all(isinstance(tried(engine, path, settings), list) for path in there), there


def test_after_a_bad_file_a_good_one_loads(
    engine: EngineProcess, content: bytes, settings: EngineSettings, tmp_path: Path, chatml_model: Path
) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(content[:5000])
    assert isinstance(tried(engine, path, settings), ModelDamaged)
    assert isinstance(tried(engine, chatml_model, settings), list)


def bert(path: Path) -> Path:
    """A tiny model that makes embeddings."""
    words = tiny_models.byte_words(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), "[SEP]")
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_name("Embeddings")
    writer.add_context_length(512)
    writer.add_embedding_length(64)
    writer.add_block_count(1)
    writer.add_feed_forward_length(128)
    writer.add_head_count(4)
    writer.add_layer_norm_eps(1e-5)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(2)
    tiny_models._add_words(writer, replace(words, kind="bert", pre="default", merges=()))
    writer.add_unk_token_id(words.id("[UNK]"))
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(words.tokens), 64),
        "position_embd.weight": (512, 64),
    }
    shapes |= {"token_types.weight": (2, 64), "token_embd_norm.weight": (64,), "token_embd_norm.bias": (64,)}
    for name, shape in {
        "attn_q": (64, 64), "attn_k": (64, 64), "attn_v": (64, 64), "attn_output": (64, 64),
        "attn_output_norm": (64,), "ffn_up": (128, 64), "ffn_down": (64, 128), "layer_output_norm": (64,),
    }.items():  # fmt: skip
        shapes |= {f"blk.0.{name}.weight": shape, f"blk.0.{name}.bias": shape[:1]}
    for name, shape in shapes.items():
        writer.add_tensor(name, np.ones(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_split_model_is_run_from_any_of_its_files(
    engine: EngineProcess, settings: EngineSettings, tmp_path: Path
) -> None:
    first = tiny_models.chatml(tmp_path / "split.gguf", parts=3)
    for path in sorted(tmp_path.glob("split-*")):
        assert not isinstance(tried(engine, path, settings), PhichatError)
    first.unlink()
    error = tried(engine, path, settings)
    assert isinstance(error, ModelMissing)
    assert f"{first.name} is missing" in str(error)

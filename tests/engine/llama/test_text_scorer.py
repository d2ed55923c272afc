"""How surprising a text is to a model: against NumPy's log-softmax of the logits, in windows, and beside a reply."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from phichat import gguf
from phichat.chat.conversation import Ending
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Reading, Request, Scored
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.engine import LlamaEngine
from phichat.engine.llama.logits import surprise
from phichat.engine.llama.text_scorer import windows
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.prompt_cache import PromptCache
from phichat.errors import EngineError, ModelDamaged
from tests.support import memory_models

Ask = Callable[..., Request]
TEXT = "Le café 中国 👩\u200d🚀 and the rest, \N{COMBINING ACUTE ACCENT}… <|im_end|>"
NEAR = 0.01  # steps of one token and of many are rounded otherwise: their logits differ by 0.002
LONG = "the and then " * 60  # several windows of 128 tokens


@pytest.fixture
def loaded(llama: LlamaEngine, chatml_model: Path, settings: EngineSettings) -> LlamaEngine:
    llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    return llama


def scored(engine: LlamaEngine | EngineProcess, text: str) -> list[Scored]:
    events = list(engine.score(text, CancelToken()))
    found = [event for event in events if isinstance(event, Scored)]
    done = events[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.prompt_tokens) == (Ending.STOP, len(found))
    assert "".join(event.text for event in found) == text
    return found


class Reference:
    """The logits of a model, one token at a time."""

    def __init__(self, model: Path, settings: EngineSettings) -> None:
        self._llama = LlamaContext(gguf.read_head(model), settings, lambda _: True)

    def after(self, tokens: list[int]) -> Iterator[npt.NDArray[np.float64]]:
        """The logarithms of all probabilities after each of `tokens`."""
        self._llama.forget_all()
        for token in tokens:
            self._llama.decode([token])
            address: Any = lib.llama_get_logits_ith(self._llama.context, -1)
            logits = np.ctypeslib.as_array(address, (self._llama.token_count,)).astype(np.float64)
            yield logits - np.logaddexp.reduce(logits)

    def close(self) -> None:
        self._llama.close()


@pytest.mark.parametrize("batch", [128, 16])
def test_figures_are_those_of_the_softmax(
    llama: LlamaEngine, chatml_model: Path, settings: EngineSettings, batch: int
) -> None:
    llama.load(ModelRef.of_file(chatml_model), replace(settings, batch=batch), CancelToken(), lambda _: None)
    first, *others = scored(llama, TEXT * 3)  # more than one step
    assert (first.logprob, first.rank, first.entropy) == (None, None, None)
    reference = Reference(chatml_model, settings)
    logs = list(reference.after([event.token for event in (first, *others)]))
    reference.close()
    for event, log in zip(others, logs, strict=False):
        assert event.logprob == pytest.approx(log[event.token], abs=NEAR)
        assert event.rank == pytest.approx((log > log[event.token]).sum() + 1, abs=5)
        assert event.entropy == pytest.approx(-(np.exp(log) * log).sum() / np.log(2), abs=NEAR)


def test_a_vocabulary_that_begins_texts_scores_the_first_token_too(
    llama: LlamaEngine, phi3_model: Path, settings: EngineSettings
) -> None:
    llama.load(ModelRef.of_file(phi3_model), settings, CancelToken(), lambda _: None)
    found = scored(llama, "Hello, 世界")
    reference = Reference(phi3_model, settings)
    logs = list(reference.after([1, *(event.token for event in found)]))
    reference.close()
    for event, log in zip(found, logs, strict=False):
        assert event.logprob == pytest.approx(log[event.token], abs=NEAR)
    assert scored(llama, "  two spaces")


def test_a_text_longer_than_the_context_is_read_in_windows(
    llama: LlamaEngine, chatml_model: Path, settings: EngineSettings
) -> None:
    settings = replace(settings, context=128, batch=32)
    llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    found = scored(llama, LONG)
    tokens = [event.token for event in found]
    assert len(tokens) > 3 * 128
    reference = Reference(chatml_model, settings)
    for first, new, end in windows(len(tokens), 128):
        logs = list(reference.after(tokens[first:end]))
        for at in range(max(new, 1), end):
            assert found[at].logprob == pytest.approx(logs[at - first - 1][tokens[at]], abs=NEAR)
    reference.close()


@pytest.mark.parametrize("kind", memory_models.KINDS)
def test_models_whose_memory_cannot_be_trimmed_give_the_same_figures_in_any_steps(
    llama: LlamaEngine, tmp_path: Path, settings: EngineSettings, kind: str
) -> None:
    model = memory_models.build(tmp_path / "model.gguf", kind)
    found = []
    for batch in (128, 16):
        small = replace(settings, context=128, batch=batch)
        llama.load(ModelRef.of_file(model), small, CancelToken(), lambda _: None)
        found.append([event.logprob for event in scored(llama, LONG[:300])])
    assert found[0][1:] == pytest.approx(found[1][1:], abs=5 * NEAR)  # rounding adds up in states


@pytest.mark.parametrize(("count", "size"), [(0, 8), (1, 8), (8, 8), (9, 8), (100, 8), (101, 9)])
def test_windows_overlap_by_half_and_each_token_is_new_once(count: int, size: int) -> None:
    found = list(windows(count, size))
    assert [at for _, new, end in found for at in range(new, end)] == list(range(count))
    assert all(end - first <= size for first, _, end in found)
    assert all(new - first == size // 2 for first, new, _ in found[1:])


def test_logits_that_are_no_numbers_are_an_error() -> None:
    logits = np.random.default_rng(3).normal(0, 3, 100).astype(np.float32)
    log = logits.astype(np.float64) - np.logaddexp.reduce(logits.astype(np.float64))
    assert surprise(logits, 7)[0] == pytest.approx(log[7], abs=1e-5)
    logits[50] = np.nan
    with pytest.raises(FloatingPointError):
        surprise(logits, 7)


def test_a_model_of_invalid_values_is_named(loaded: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    not_numbers = np.full(400, np.nan, np.float32)
    monkeypatch.setattr("phichat.engine.llama.text_scorer.logits_at", lambda *_: not_numbers)
    with pytest.raises(ModelDamaged, match="invalid values"):
        list(loaded.score(TEXT, CancelToken()))
    assert loaded._open
    assert not loaded._open.llama.kept


def test_without_a_model_it_says_so(llama: LlamaEngine) -> None:
    with pytest.raises(EngineError, match="No model is loaded"):
        list(llama.score(TEXT, CancelToken()))


def test_the_conversation_is_parked_and_nothing_of_the_text_is_kept(
    chatml_model: Path, settings: EngineSettings, tmp_path: Path, ask: Ask
) -> None:
    engine = LlamaEngine(PromptCache(tmp_path, 100_000_000))
    engine.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    request = ask("Why is the sky blue? " * 8)
    first = list(engine.generate(request, CancelToken()))
    scored(engine, LONG[:300])
    engine.save_prompt_cache(for_long=True)
    assert engine._open
    engine._open.cache.wait()
    files = list(tmp_path.iterdir())
    assert len(files) == 1, "of the conversation alone"
    again = list(engine.generate(request, CancelToken()))
    engine.close()
    done = again[-1]
    assert isinstance(done, Done)
    assert done.cached_tokens == done.prompt_tokens - 1
    assert [event for event in again if hasattr(event, "token")] == [
        event for event in first if hasattr(event, "token")
    ]


def test_it_can_be_stopped(loaded: LlamaEngine) -> None:
    stop, found = CancelToken(), []
    for event in loaded.score(LONG[:400], stop):
        found.append(event)
        if isinstance(event, Reading):
            stop.set()
    assert isinstance(found[-1], Done)
    assert found[-1].reason is Ending.CANCELLED
    assert len(found) < 100


def test_the_process_scores_as_the_engine_does(
    hosted: EngineProcess, loaded: LlamaEngine, chatml_model: Path, settings: EngineSettings
) -> None:
    hosted.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    assert scored(hosted, TEXT) == scored(loaded, TEXT)
    assert scored(hosted, "") == []

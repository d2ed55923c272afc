"""The distribution that the window computes again as a slider moves is that of llama.cpp's samplers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phichat import gguf
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.candidates import ObservedChain, distribution_of
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.vocabulary import LlamaVocabulary

OPEN = Sampling(temperature=1, top_k=0, top_p=1, min_p=0, repeat_penalty=1)
SAMPLINGS = [
    Sampling(),
    OPEN,
    Sampling(temperature=0),
    OPEN.with_values({"temperature": 2, "top_p": 0.6}),
    OPEN.with_values({"temperature": 0.3, "min_p": 0.02}),
    OPEN.with_values({"top_k": 7, "typical_p": 0.7}),
    OPEN.with_values({"top_n_sigma": 1.5}),
    OPEN.with_values({"xtc_probability": 1, "xtc_threshold": 0.02}),
    OPEN.with_values({"dynatemp_range": 0.8, "top_k": 50}),
    OPEN.with_values({"mirostat": 2.0}),
    Sampling(repeat_penalty=1.3, frequency_penalty=0.4, presence_penalty=0.2, repeat_last_n=4),
]
SAID = (7, 3, 7, 9, 250, 3)


@pytest.fixture(scope="module")
def llama(starter: Path) -> Iterator[LlamaContext]:
    """The starter, for the size of its vocabulary."""
    context = LlamaContext(gguf.read_head(starter), EngineSettings(context=256), lambda _: True)
    context.decode(LlamaVocabulary(context.model).tokenize("The best thing about winter is"))
    yield context
    context.close()


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("spread", [None, 1.0, 4.0])
def test_the_same_shares_as_the_samplers_give(llama: LlamaContext, sampling: Sampling, spread: float | None) -> None:
    vocabulary = LlamaVocabulary(llama.model)
    address: Any = lib.llama_get_logits_ith(llama.context, -1)
    true = np.ctypeslib.as_array(address, (vocabulary.count,))
    kept = true.copy()
    if spread:
        true[:] = np.random.default_rng(1).normal(0, spread, vocabulary.count)
    distribution = distribution_of(true, vocabulary, SAID)
    chain = ObservedChain(sampling, 1, vocabulary, begun=SAID)
    chain.choose(llama.context)
    chain.close()
    true[:] = kept
    assert chain.choice
    found, expected = distribution.candidates(sampling, 10), chain.choice.candidates
    assert [each.token for each in found] == [each.token for each in expected]
    assert [each.text for each in found] == [each.text for each in expected]
    assert [each.cut_by for each in found] == [each.cut_by for each in expected]
    assert [each.before for each in found] == pytest.approx([each.before for each in expected], abs=1e-4)
    assert [each.after for each in found] == pytest.approx([each.after for each in expected], abs=2e-3)


def test_a_chance_to_skip_is_shown_as_what_to_expect(llama: LlamaContext) -> None:
    address: Any = lib.llama_get_logits_ith(llama.context, -1)
    vocabulary = LlamaVocabulary(llama.model)
    distribution = distribution_of(np.ctypeslib.as_array(address, (vocabulary.count,)), vocabulary, ())
    never, always, half = (
        distribution.candidates(OPEN.with_values({"xtc_probability": chance, "xtc_threshold": 0.02}), 5)
        for chance in (0, 1, 0.5)
    )
    for each, one, two in zip(half, never, always, strict=True):
        assert each.after == pytest.approx((one.after + two.after) / 2)
        assert each.cut_by is None

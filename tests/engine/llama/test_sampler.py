"""Our repeat penalty samples what llama.cpp's would, and leaves the logits as they were."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from phichat import gguf
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.sampler import SamplerChain, plain_chain
from phichat.engine.llama.vocabulary import LlamaVocabulary

WILD = Sampling(temperature=1.4, top_k=0, top_p=1, min_p=0)
SETTINGS = [
    Sampling(),
    Sampling(temperature=0, repeat_penalty=1.3),
    Sampling(temperature=0, repeat_penalty=1.0),
    WILD.with_values({"repeat_penalty": 1.17}),
    WILD.with_values({"repeat_penalty": 2.0, "repeat_last_n": 1}),
    WILD.with_values({"repeat_penalty": 1.5, "repeat_last_n": 0}),
    Sampling(top_p=0.8, top_k=0, repeat_penalty=1.05, repeat_last_n=512),
    WILD.with_values({"repeat_penalty": 1.2, "presence_penalty": 0.35, "frequency_penalty": 0.45}),
    WILD.with_values({"presence_penalty": 1.5, "repeat_last_n": 3}),
    WILD.with_values({"dry_multiplier": 2.0, "dry_allowed_length": 1}),
    Sampling(top_n_sigma=1.3, typical_p=0.8, xtc_probability=0.5, xtc_threshold=0.05, dynatemp_range=0.5),
    Sampling(mirostat=3.0),
]
COUNT = 150


@pytest.fixture
def llama(chatml_model: Path, settings: EngineSettings) -> Iterator[LlamaContext]:
    """A tiny model that has read something."""
    context = LlamaContext(gguf.read_head(chatml_model), settings, lambda _: True)
    context.decode([5, 6, 7, 8])
    yield context
    context.close()


def by_llama_cpp(llama: LlamaContext, sampling: Sampling, begun: Sequence[int]) -> list[int]:
    """A reply with llama.cpp's samplers alone."""
    chain, said = plain_chain(sampling, 3, lib.llama_model_get_vocab(llama.model)), list[int]()
    for token in begun:
        lib.llama_sampler_accept(chain, token)
    for _ in range(COUNT):
        said.append(lib.llama_sampler_sample(chain, llama.context, -1))
        llama.decode(said[-1:])
    lib.llama_sampler_free(chain)
    llama.forget_from(4)
    return said


def by_the_app(llama: LlamaContext, sampling: Sampling, begun: Sequence[int]) -> list[int]:
    """The same with what the app uses."""
    chain, said = SamplerChain(sampling, 3, LlamaVocabulary(llama.model), begun), list[int]()
    for _ in range(COUNT):
        said.append(chain.choose(llama.context))
        llama.decode(said[-1:])
    chain.close()
    llama.forget_from(4)
    return said


@pytest.mark.parametrize("begun", [(), (9, 10, 9, 11)], ids=["a new reply", "one that goes on"])
@pytest.mark.parametrize("sampling", SETTINGS, ids=str)
def test_the_same_tokens_as_llama_cpp_chooses(llama: LlamaContext, sampling: Sampling, begun: Sequence[int]) -> None:
    llama.forget_from(3)
    llama.decode([8])
    expected = by_llama_cpp(llama, sampling, begun)
    llama.forget_from(3)
    llama.decode([8])
    assert by_the_app(llama, sampling, begun) == expected


def test_what_the_model_computed_is_untouched(llama: LlamaContext) -> None:
    chain = SamplerChain(Sampling(repeat_penalty=1.9), 1, LlamaVocabulary(llama.model), begun=range(20, 60))
    logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(llama.context, -1), (llama.token_count,))
    before = logits.copy()
    chain.choose(llama.context)
    chain.close()
    assert (logits == before).all()

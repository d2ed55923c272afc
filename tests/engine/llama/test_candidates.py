"""What the sampler tells of its choices: against NumPy's softmax, each sampler's definition, and llama.cpp itself."""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from phichat import gguf
from phichat.chat.candidates import Choice, certainty_of, certainty_text, text_of_bytes
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.candidates import ObservedChain
from phichat.engine.llama.context import LlamaContext
from phichat.engine.llama.logits import likeliest, probabilities
from phichat.engine.llama.sampler import SamplerChain, plain_chain
from phichat.engine.llama.vocabulary import LlamaVocabulary

OPEN = Sampling(temperature=1, top_k=0, top_p=1, min_p=0, repeat_penalty=1)
SAMPLINGS = [
    Sampling(),
    OPEN,
    Sampling(temperature=0),
    OPEN.with_values({"top_p": 0.5, "temperature": 1.7}),
    OPEN.with_values({"typical_p": 0.4, "min_p": 0.01}),
    OPEN.with_values({"top_n_sigma": 1.0, "top_k": 100}),
    OPEN.with_values({"xtc_probability": 0.5, "xtc_threshold": 0.01}),
    OPEN.with_values({"dynatemp_range": 0.9}),
    OPEN.with_values({"mirostat": 4.0}),
    Sampling(forbidden=("e", "a", "—")),
    Sampling(repeat_penalty=1.4, presence_penalty=0.5, dry_multiplier=1.0, dry_allowed_length=1),
]
Logits = npt.NDArray[np.float32]


class Bench:
    """A tiny model whose logits are made up."""

    def __init__(self, llama: LlamaContext) -> None:
        self.vocabulary, self._llama = LlamaVocabulary(llama.model), llama

    @property
    def context(self) -> Any:
        """llama.cpp's handle."""
        return self._llama.context

    @property
    def logits(self) -> Logits:
        """Those of the last step, to be read and written."""
        address: Any = lib.llama_get_logits_ith(self._llama.context, -1)
        return np.ctypeslib.as_array(address, (self.vocabulary.count,))

    def choose(self, chain: SamplerChain, logits: Logits) -> int:
        self.logits[:] = logits
        return chain.choose(self._llama.context)

    def choice(self, sampling: Sampling, logits: Logits, *, count: int = 10) -> tuple[int, Choice]:
        chain = ObservedChain(sampling, 1, self.vocabulary, count=count)
        token = self.choose(chain, logits)
        chain.close()
        assert chain.choice
        return token, chain.choice

    def logits_of(self, shares: dict[int, float]) -> Logits:
        """Logits with these probabilities; next to nothing for all other tokens."""
        logits = np.full(self.vocabulary.count, -40, np.float32)
        for token, share in shares.items():
            logits[token] = np.log(share)
        return logits


@pytest.fixture(scope="module")
def bench(chatml_model: Path) -> Iterator[Bench]:
    llama = LlamaContext(gguf.read_head(chatml_model), EngineSettings(context=512), lambda _: True)
    llama.decode([5, 6, 7, 8])
    yield Bench(llama)
    llama.close()


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_an_observed_reply_is_the_same(bench: Bench, sampling: Sampling) -> None:
    """Ten thousand random logits in all: the same tokens, and llama.cpp's own probabilities."""
    plain, observed = SamplerChain(sampling, 7, bench.vocabulary), ObservedChain(sampling, 7, bench.vocabulary)
    rng = np.random.default_rng(5)
    for spread in rng.uniform(0.2, 5, 1000):
        logits = rng.normal(0, spread, bench.vocabulary.count).astype(np.float32)
        assert bench.choose(observed, logits) == bench.choose(plain, logits)
        assert (bench.logits == logits).all()
    plain.close()
    observed.close()


@pytest.mark.parametrize("sampling", SAMPLINGS[:9], ids=str)
def test_shares_after_sampling_are_those_of_llama_cpp(bench: Bench, sampling: Sampling) -> None:
    rng, count = np.random.default_rng(11), bench.vocabulary.count
    for seed in range(50):
        logits = rng.normal(0, 3, count).astype(np.float32)
        chain, observed = (
            plain_chain(sampling, seed, bench.vocabulary.handle),
            ObservedChain(sampling, seed, bench.vocabulary),
        )
        data = (lib.llama_token_data * count)(*(lib.llama_token_data(each, logits[each], 0) for each in range(count)))
        array = lib.llama_token_data_array(data, count, -1, False)
        lib.llama_sampler_apply(chain, ctypes.byref(array))
        token = bench.choose(observed, logits)
        ends = [array.data[at] for at in range(array.size)]
        left = {int(each.id): float(each.p) for each in ends if each.logit > -np.inf}
        if not sampling.temperature:
            left = {token: 1.0}
        assert observed.choice
        assert observed.choice.after == pytest.approx(left[token], abs=1e-6)
        for each in observed.choice.candidates:
            assert each.after == pytest.approx(left.get(each.token, 0.0), abs=1e-6)
            assert (each.cut_by is None) == (each.token in left)
        lib.llama_sampler_free(chain)
        observed.close()


def test_shares_before_are_the_softmax(bench: Bench) -> None:
    logits = np.random.default_rng(2).normal(0, 2, bench.vocabulary.count).astype(np.float32)
    exact = np.exp(logits.astype(np.float64) - logits.max())
    exact /= exact.sum()
    token, choice = bench.choice(OPEN, logits)
    order = np.argsort(-exact)[:10]
    assert [each.token for each in choice.candidates] == order.tolist()
    assert [each.before for each in choice.candidates] == pytest.approx(exact[order].tolist(), rel=1e-5)
    assert choice.probability == pytest.approx(exact[token], rel=1e-5)
    assert choice.rank == int((exact > exact[token]).sum()) + 1
    assert choice.entropy == pytest.approx(-(exact * np.log2(exact)).sum(), rel=1e-5)


SHARES = {10: 0.5, 11: 0.25, 12: 0.15, 13: 0.06, 14: 0.04}


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({"top_k": 2}, {10, 11}),
        ({"top_p": 0.8}, {10, 11, 12}),
        ({"min_p": 0.2}, {10, 11, 12}),
        ({"xtc_probability": 1, "xtc_threshold": 0.1}, {12, 13, 14}),
        ({"mirostat": 0.5}, {10}),
        ({"top_n_sigma": 0.0}, {10, 11, 12, 13, 14}),
    ],
)
def test_each_stage_removes_what_it_is_defined_to(bench: Bench, values: dict[str, float], left: set[int]) -> None:
    _, choice = bench.choice(OPEN.with_values(values), bench.logits_of(SHARES), count=5)
    total = sum(SHARES[token] for token in left)
    for each in choice.candidates:
        assert each.before == pytest.approx(SHARES[each.token], abs=1e-4)
        assert each.after == pytest.approx(SHARES[each.token] / total if each.token in left else 0, abs=1e-4)
        assert each.cut_by == (None if each.token in left else next(iter(values)))


def test_the_first_stage_that_removes_a_token_is_named(bench: Bench) -> None:
    sampling = OPEN.with_values({"top_k": 4, "top_p": 0.8, "min_p": 0.4})
    _, choice = bench.choice(sampling, bench.logits_of(SHARES), count=5)
    assert [each.cut_by for each in choice.candidates] == [None, None, "min_p", "top_p", "top_k"]


def test_temperature_shows_in_the_shares(bench: Bench) -> None:
    _, flat = bench.choice(OPEN.with_values({"temperature": 2}), bench.logits_of(SHARES), count=2)
    powers = {token: share**0.5 for token, share in SHARES.items()}
    assert flat.candidates[0].after == pytest.approx(powers[10] / sum(powers.values()), abs=1e-3)
    _, sharp = bench.choice(Sampling(temperature=0), bench.logits_of(SHARES), count=2)
    assert [each.after for each in sharp.candidates] == [1, 0]
    assert sharp.candidates[1].cut_by == "temperature"


def test_a_penalty_changes_only_what_comes_after(bench: Bench) -> None:
    chain = ObservedChain(
        Sampling(temperature=0, repeat_penalty=1, presence_penalty=2), 1, bench.vocabulary, begun=[10]
    )
    assert bench.choose(chain, bench.logits_of(SHARES)) == 11
    chain.close()
    assert chain.choice
    assert chain.choice.candidates[0].before == pytest.approx(0.5, abs=1e-4)
    assert chain.choice.rank == 2
    assert chain.choice.probability == pytest.approx(0.25, abs=1e-4)


def test_a_forbidden_word_is_never_finished(bench: Bench) -> None:
    begun = bench.vocabulary.tokenize("A ca")
    last = bench.vocabulary.tokenize("A cat")[-1]
    chain = ObservedChain(OPEN.with_values({"forbidden": ["Cat"]}), 1, bench.vocabulary, begun=begun)
    assert bench.choose(chain, bench.logits_of({last: 0.9, 10: 0.1})) == 10
    chain.close()
    assert chain.choice
    assert [(each.token, each.cut_by) for each in chain.choice.candidates[:2]] == [(last, "forbidden"), (10, None)]


def test_what_would_spell_a_forbidden_word_is_crossed_out_when_written_as_when_read_again(bench: Bench) -> None:
    cat, car, dog = (bench.vocabulary.tokenize(f"A {word}")[-1] for word in ("cat", "car", "dog"))
    begun = bench.vocabulary.tokenize("A ca")
    logits = bench.logits_of({dog: 0.5, cat: 0.3, car: 0.15, 10: 0.05})
    sampling = Sampling(temperature=1, top_k=3, top_p=1, min_p=0, repeat_penalty=1.2, forbidden=("cat",))
    for seed in range(20):
        written, read = (ObservedChain(sampling, seed, bench.vocabulary, begun) for _ in range(2))
        token = bench.choose(written, logits)
        told = read.weigh(bench.context, -1, token)
        assert told
        assert written.choice
        assert told.candidates == written.choice.candidates
        assert (bench.logits == logits).all()
        cuts = {each.token: each.cut_by for each in told.candidates}
        assert (cuts[cat], cuts[10]) == ("forbidden", None), "the top three are of those that may come"
        for chain in (written, read):
            chain.close()


def test_logits_that_are_no_numbers_tell_nothing(bench: Bench) -> None:
    chain = ObservedChain(OPEN, 1, bench.vocabulary)
    bench.choose(chain, np.full(bench.vocabulary.count, np.nan, np.float32))
    chain.close()
    assert chain.choice is None


@pytest.mark.parametrize("count", [1, 5, 50, 300])
def test_the_likeliest_are_found_in_any_shape(count: int) -> None:
    rng = np.random.default_rng(count)
    for spread in (0.0, 1e-3, 1, 30):
        logits = rng.normal(0, spread, 300).astype(np.float32)
        assert np.sort(logits[likeliest(logits, count)])[::-1].tolist() == np.sort(logits)[::-1][:count].tolist()


def test_entropy_of_a_certain_and_of_an_open_choice() -> None:
    assert probabilities(np.zeros(1024, np.float32))[1] == pytest.approx(10)
    certain = np.full(1024, -np.inf, np.float32)
    certain[3] = 5
    assert probabilities(certain)[1] == pytest.approx(0, abs=1e-6)


def test_parts_of_characters_are_shown_by_their_bytes() -> None:
    assert text_of_bytes("né".encode()) == "né"
    assert text_of_bytes("é".encode()[:1]) == "\\xC3"
    assert text_of_bytes(b" a\xf0\x9f") == " a\\xF0\\x9F"


def test_how_sure_a_model_was_is_summed_up() -> None:
    certainty = certainty_of([0.9, 0.2, None, 0.6])
    assert certainty
    assert certainty_text(certainty) == "The model was sure 67% of the time, with 1 hesitation."
    assert certainty_of([None]) is None

"""Vocabularies to write prompts in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from phichat.engine.llama.vocabulary import LlamaVocabulary
from tests.support import tiny_models
from tests.support.tiny_models import vocabulary_of


@pytest.fixture(scope="session")
def phi3() -> LlamaVocabulary:
    """Phi-3's true vocabulary."""
    return vocabulary_of(tiny_models.PHI_VOCABULARY)


@pytest.fixture(scope="session")
def sloppy_phi3(models: Path) -> LlamaVocabulary:
    """Phi-3's, from a file that marks the tokens of its format as user-defined, which llama.cpp matches in any text."""
    words = tiny_models.phi_words().retyped(
        tiny_models.USER_DEFINED, "<s>", "</s>", "<|end|>", "<|user|>", "<|system|>"
    )
    return vocabulary_of(tiny_models.phi3(models / "sloppy-phi-3.gguf", words=words))


@pytest.fixture(scope="session")
def phi4(phi4_model: Path) -> LlamaVocabulary:
    return vocabulary_of(phi4_model)


@pytest.fixture(scope="session")
def chatml(chatml_model: Path) -> LlamaVocabulary:
    return vocabulary_of(chatml_model)


@pytest.fixture(scope="session")
def vocabularies(
    models: Path, phi3: LlamaVocabulary, sloppy_phi3: LlamaVocabulary, phi4: LlamaVocabulary, chatml: LlamaVocabulary
) -> dict[str, LlamaVocabulary]:
    """Vocabularies of several makers, each of which declares other tokens as user-defined."""

    def make(name: str, words: tiny_models.Words, template: str) -> LlamaVocabulary:
        return vocabulary_of(tiny_models.chatml(models / f"words-{name}.gguf", words=words, template=template))

    return {
        "Phi-3": phi3,
        "sloppy Phi-3": sloppy_phi3,
        "Phi-4": phi4,
        "ChatML": chatml,
        "DeepSeek": make("deepseek", tiny_models.deepseek_words(), tiny_models.DEEPSEEK),
        "Gemma": make("gemma", tiny_models.gemma_words(), tiny_models.GEMMA),
        "Qwen": make("qwen", tiny_models.qwen_words(), tiny_models.CHATML),
    }


@pytest.fixture(scope="session")
def with_specials(models: Path) -> Callable[..., LlamaVocabulary]:
    """Makes a byte-level vocabulary with the special tokens one names; the first is BOS, the last ends a reply."""

    def make(*specials: str, add_bos: bool = True) -> LlamaVocabulary:
        words = tiny_models.byte_words(specials, specials[-1])
        words = replace(words, bos=words.id(specials[0]), add_bos=add_bos)
        name = "".join(character for character in "".join(specials) if character.isalnum())
        path = models / f"{name}-{add_bos}.gguf"
        return vocabulary_of(path if path.exists() else tiny_models.chatml(path, words=words, template=None))

    return make

"""Vocabularies as llama.cpp reads them from a file, without the model's weights."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib

from phichat.engine.llama import context
from phichat.engine.llama.vocabulary import LlamaVocabulary


@cache
def vocabulary_of(path: Path) -> LlamaVocabulary:
    """The vocabulary of the file at `path`. Its model stays in memory until the tests end."""
    context.start_library()
    parameters = lib.llama_model_default_params()
    parameters.vocab_only = True
    model = lib.llama_model_load_from_file(str(path).encode(), parameters)
    assert model, f"llama.cpp cannot read {path.name}"
    return LlamaVocabulary(model)


def changed(vocabulary: LlamaVocabulary, **attributes: Any) -> LlamaVocabulary:
    """A copy of `vocabulary` that says something else of itself, such as another template."""
    other = copy.copy(vocabulary)
    for name, value in attributes.items():
        setattr(other, name, value)
    return other

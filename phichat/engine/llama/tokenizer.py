"""A model's vocabulary alone, without its weights: texts into tokens, and back."""

import os
from pathlib import Path

from phichat import gguf
from phichat.chat.prompts.tokens import marked_tokens, plain_tokens
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import start_library
from phichat.engine.llama.vocabulary import LlamaVocabulary
from phichat.errors import ModelDamaged


class Tokenizer:
    """The vocabulary of the model file at `path`. Raise ModelDamaged if it has none."""

    def __init__(self, path: Path) -> None:
        start_library()
        parameters = lib.llama_model_default_params()
        parameters.vocab_only = True
        self._model = lib.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self._model:
            raise ModelDamaged(gguf.damaged(path))
        self._vocabulary = LlamaVocabulary(self._model)

    def tokenize(self, text: str, *, adds_special: bool, parses_special: bool) -> list[int]:
        """Return the ids of `text`: with the token that begins a prompt, and special ones that it spells, if wanted."""
        if parses_special:
            return marked_tokens(self._vocabulary, text, begins=adds_special)
        begin = [self._vocabulary.bos] if adds_special and self._vocabulary.add_bos else []
        return [*(token for token in begin if token is not None), *plain_tokens(self._vocabulary, text)]

    def token_bytes(self) -> list[bytes]:
        """Return what each token adds to a text; of those that add nothing, the name."""
        vocabulary = self._vocabulary
        return [vocabulary.piece(token) or vocabulary.text_of(token).encode() for token in range(vocabulary.count)]

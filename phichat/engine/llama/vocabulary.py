"""The vocabulary of a model loaded in llama.cpp, and the detokenizer for replies."""

import codecs
import ctypes
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from phichat.chat.prompts.tokens import is_markup
from phichat.engine.llama.bindings import lib

_CONTROL, _USER_DEFINED = lib.LLAMA_TOKEN_ATTR_CONTROL, lib.LLAMA_TOKEN_ATTR_USER_DEFINED
_UNKNOWN, _NORMAL, _BYTE = lib.LLAMA_TOKEN_ATTR_UNKNOWN, lib.LLAMA_TOKEN_ATTR_NORMAL, lib.LLAMA_TOKEN_ATTR_BYTE
_SPACES = str.maketrans({"\u2581": " ", "\u0120": " ", "\u010a": " "})  # how vocabularies write spaces and newlines

_NAMES = {
    "pad_token": "padding",
    "unk_token": "unknown",
    "sep_token": "seperator",  # as GGUF spells it
    "cls_token": "cls",
    "mask_token": "mask",
}
"""What transformers passes to chat templates, and what GGUF files call it."""

REMEMBERED, LONGEST_REMEMBERED = 4096, 20_000  # texts, characters


class LlamaVocabulary:
    """Implements `chat.prompts.tokens.Vocabulary`. Valid as long as the model is loaded.

    Attributes:
        handle: llama.cpp's own.
    """

    def __init__(self, model: Any) -> None:
        self.handle: Any = lib.llama_model_get_vocab(model)
        self.architecture = metadata(model, "general.architecture") or ""
        self.sentencepiece = lib.llama_vocab_type(self.handle) == lib.LLAMA_VOCAB_TYPE_SPM
        self.template = metadata(model, "tokenizer.chat_template")
        self.add_bos = bool(lib.llama_vocab_get_add_bos(self.handle))
        self.count = int(lib.llama_vocab_n_tokens(self.handle))
        ends = frozenset(token for token in range(self.count) if lib.llama_vocab_is_eog(self.handle, token))
        named = {each(self.handle) for each in (lib.llama_vocab_bos, lib.llama_vocab_eos, lib.llama_vocab_eot)}
        self._attributes = [lib.llama_vocab_get_attr(self.handle, token) for token in range(self.count)]
        texts = self._html_ends(named)
        self.end_tokens = ends - texts
        self.special: Mapping[str, int] = self._special(named, texts)
        self._markup = frozenset(self.special.values())
        self._silent = self._with(_CONTROL | _UNKNOWN) - texts
        self.bos = self._marked(lib.llama_vocab_bos(self.handle))
        self.eos = self._marked(lib.llama_vocab_eos(self.handle))
        found = {name: metadata(model, f"tokenizer.ggml.{key}_token_id") or "" for name, key in _NAMES.items()}
        self.names: Mapping[str, str] = {
            name: self._raw(int(token)) for name, token in found.items() if self._is_id(token)
        }
        self._known, self._spelt = lru_cache(REMEMBERED)(self._tokenize), lru_cache(REMEMBERED)(self._spell)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids of `text`, in which control tokens are plain text. Cached, as earlier turns come again."""
        return list(self._known(text) if len(text) <= LONGEST_REMEMBERED else self._tokenize(text))

    def _tokenize(self, text: str) -> tuple[int, ...]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        found = (lib.llama_token * room)()
        count = lib.llama_tokenize(self.handle, data, len(data), found, room, False, False)
        if count < 0:
            found = (lib.llama_token * -count)()
            count = lib.llama_tokenize(self.handle, data, len(data), found, -count, False, False)
        return tuple(found[:count])

    @cached_property
    def longest(self) -> int:
        """How many bytes of text a token stands for at most; 0.1 s for the first call."""
        texts = (lib.llama_vocab_get_text(self.handle, token) for token in range(self.count))
        return max(1, *(len(text or b"") for text in texts))

    def piece(self, token: int) -> bytes:
        """Return the bytes that `token` adds to a reply; none for control tokens."""
        return b"" if token in self._silent else self._spelt(token)

    def _spell(self, token: int) -> bytes:
        return self._bytes(token, special=True)

    def text_of(self, token: int) -> str:
        """Return the text of `token`, special ones included."""
        return self._spelt(token).decode("utf-8", "replace")

    def text_of_all(self, tokens: list[int]) -> str:
        """Return the text of `tokens`, special ones included."""
        return b"".join(map(self._spelt, tokens)).decode("utf-8", "replace")

    def _bytes(self, token: int, *, special: bool) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = lib.llama_token_to_piece(self.handle, token, buffer, room, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    def byte_tokens(self, text: str) -> list[int]:
        """Return the ids of the bytes of `text`, one each; without those that the vocabulary has no token for."""
        found = (self._single_bytes.get(byte) for byte in text.encode("utf-8", "replace"))
        return [token for token in found if token is not None]

    @cached_property
    def _single_bytes(self) -> dict[int, int]:
        """The token of each byte; of two, the one that stands for a byte rather than for an ASCII character."""
        found: dict[int, int] = {}
        for attribute in (_NORMAL, _BYTE):
            pieces = ((token, self._bytes(token, special=False)) for token in self._with(attribute))
            found |= {data[0]: token for token, data in pieces if len(data) == 1}
        return found

    def _marked(self, token: int) -> int | None:
        """Return `token` unless it is plain text, which is llama.cpp's guess if the file names no token."""
        return int(token) if token in self._markup else None

    def _special(self, named: Collection[int], texts: frozenset[int]) -> dict[str, int]:
        found = {}
        for token in sorted(self._with(_CONTROL | _USER_DEFINED) - texts):
            text = self._raw(token)
            if not text.translate(_SPACES).strip():  # runs of spaces are such tokens in some files
                continue
            if self._attributes[token] & _CONTROL or is_markup(text, self.template, is_named=token in named):
                found[text] = token
        return found

    def _html_ends(self, named: Collection[int]) -> frozenset[int]:
        """Return `</s>` where it is HTML, as llama.cpp takes it for the end of a reply in any vocabulary (Qwen)."""
        ends = frozenset(token for token in self._with(_CONTROL) - set(named) if self._raw(token) == "</s>")
        is_markup = "</s>" in (self.template or "") or any(self._raw(token) == "<s>" for token in self._with(_CONTROL))
        return frozenset() if is_markup else ends

    def _with(self, attributes: int) -> frozenset[int]:
        return frozenset(token for token, each in enumerate(self._attributes) if each & attributes)

    def _is_id(self, text: str) -> bool:
        return text.isascii() and text.isdigit() and int(text) < self.count

    def _raw(self, token: int) -> str:
        return (lib.llama_vocab_get_text(self.handle, token) or b"").decode("utf-8", "replace")


def metadata(model: Any, key: str) -> str | None:
    """Return a metadata value of a loaded model as text; None if there is none."""
    room = 256
    while True:
        buffer = ctypes.create_string_buffer(room)
        count = lib.llama_model_meta_val_str(model, key.encode(), buffer, room)
        if count < 0:
            return None
        if count < room:
            return buffer.value.decode("utf-8", "replace")
        room = count + 1


class Detokenizer:
    """Decodes a reply token by token, without the space that models put before the first word."""

    def __init__(self, stop_texts: Iterable[str] = (), begun: Iterable[bytes] = (), *, continues: bool = False) -> None:
        """`begun` is the reply so far, whose text is left out, but for an incomplete character at its end.

        If it `continues` a text, a first space is part of it.
        """
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop_texts = tuple(stop_texts)
        self._held = ""
        self._begun = continues
        self.ended_by = ""
        """The stop text that has come, which ends the reply."""
        for data in begun:
            self.feed(data)
        self._held = ""

    def feed(self, data: bytes) -> str:
        """Add `data` and return the text that is complete and cannot be part of a stop text."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        if not self._begun and text:
            text, self._begun = text.removeprefix(" "), True
        for stop in self._stop_texts:
            before, found, _ = text.partition(stop)
            if found:
                self.ended_by = stop
                return before
            kept = _overlap(text, stop)
            if kept > len(self._held):
                self._held = text[-kept:]
        return text[: len(text) - len(self._held)]

    @property
    def is_inside_character(self) -> bool:
        """Whether the bytes so far end in the middle of a character."""
        return bool(self._decoder.getstate()[0])

    def rest(self) -> str:
        """Return text that was held back as a possible stop text, without an incomplete character."""
        held, self._held = self._held, ""
        return "" if self.ended_by else held


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of `text` that `stop` begins with."""
    return next((count for count in range(min(len(text), len(stop)), 0, -1) if stop.startswith(text[-count:])), 0)

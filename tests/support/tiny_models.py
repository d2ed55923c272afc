"""Builds tiny GGUF files that llama.cpp really loads and runs, with seeded weights and any vocabulary."""

import copy
import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from phichat.engine.llama import context
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.vocabulary import LlamaVocabulary

PHI_VOCABULARY = Path(__file__).parents[1] / "data" / "ggml-vocab-phi-3.gguf"

MAKERS = ("Phi-3", "sloppy Phi-3", "Phi-4", "ChatML", "DeepSeek", "Gemma", "Qwen")
"""Names of the vocabularies that the fixture `vocabularies` has."""

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6

CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CHATML_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
DEEPSEEK = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<｜User｜>{{ m.content }}"
    "{% else %}<｜Assistant｜>{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<｜Assistant｜>{% endif %}"
)
DEEPSEEK_LETTERS = "õ÷ÁýÀÿøúþüùöû"
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
    "{{ '<start_of_turn>' + role + '\n' + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}:{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant:{% if enable_thinking is defined and not enable_thinking %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
LONG = 1000  # values of a list
PHI_SPECIALS = ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")


@dataclass(frozen=True)
class Words:
    """A vocabulary as GGUF files spell it. `extra` holds keys such as `tokenizer.ggml.add_bos_token`."""

    kind: str
    pre: str
    tokens: Sequence[str]
    types: Sequence[int]
    scores: Sequence[float] = ()
    merges: Sequence[str] = ()
    bos: int | None = None
    eos: int = 0
    pad: int | None = None
    add_bos: bool = False

    def id(self, token: str) -> int:
        return self.tokens.index(token)

    def retyped(self, kind: int, *tokens: str) -> "Words":
        """A copy in which `tokens` are of another kind, such as USER_DEFINED."""
        changed = {self.id(token) for token in tokens}
        return replace(self, types=[kind if index in changed else old for index, old in enumerate(self.types)])


class _Writer(gguf.GGUFWriter):  # type: ignore[misc]
    """Writes long lists at once: value by value, those of a true vocabulary take 0.1 s."""

    def _pack_val(self, val: Any, vtype: Any, add_vtype: bool, sub_type: Any = None) -> bytes:
        if vtype != gguf.GGUFValueType.ARRAY or len(val) < LONG:
            return bytes(super()._pack_val(val, vtype, add_vtype, sub_type))
        kind = gguf.GGUFValueType.get_type(val[0])
        if kind == gguf.GGUFValueType.STRING:
            texts = [text.encode() for text in val]
            content = b"".join(struct.pack("<Q", len(text)) + text for text in texts)
        else:
            content = struct.pack(f"<{len(val)}{'f' if isinstance(val[0], float) else 'i'}", *val)
        return (struct.pack("<I", vtype) if add_vtype else b"") + struct.pack("<IQ", kind, len(val)) + content


@dataclass(frozen=True)
class Model:
    """What to build. After each token of `speech` the next one is all but certain, whatever came before.

    With `parts`, it is split into that many files, of which `build` returns the first.
    """

    words: Words
    architecture: str = "llama"
    name: str = "Tiny"
    template: str | None = None
    context: int = 512
    speech: Sequence[int] = ()
    layers: int = 2
    heads: int = 4
    parts: int = 1
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def build(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = self._tensors()
        most = -(-len(tensors) // self.parts) if self.parts > 1 else 0
        writer = _Writer(str(path), self.architecture, split_max_tensors=most)
        self._describe(writer)
        _add_words(writer, self.words)
        for name, tensor in tensors.items():
            writer.add_tensor(name, tensor)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.with_name(f"{path.stem}-00001-of-{self.parts:05}.gguf") if self.parts > 1 else path

    def _describe(self, writer: gguf.GGUFWriter) -> None:
        writer.add_name(self.name)
        writer.add_context_length(self.context)
        writer.add_embedding_length(64)
        writer.add_block_count(self.layers)
        writer.add_feed_forward_length(128)
        writer.add_head_count(self.heads)
        writer.add_head_count_kv(self.heads)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(64 // self.heads)
        if self.template is not None:
            writer.add_chat_template(self.template)
        for key, value in self.metadata.items():
            writer.add_key_value(key, value, gguf.GGUFValueType.get_type(value))

    def _tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        random = np.random.default_rng(1)
        strength = 0.01 if self.speech else 0.15

        def weights(rows: int, columns: int = 64, scale: float = strength) -> np.ndarray[Any, Any]:
            return (random.standard_normal((rows, columns), np.float32) * scale).astype(np.float16)

        count = len(self.words.tokens)
        embeddings, output = weights(count, scale=1), weights(count, scale=0.15)
        for token, following in zip(self.speech, self.speech[1:], strict=False):
            output[following] += embeddings[token]
        ones = np.ones(64, np.float32)
        found = {"token_embd.weight": embeddings, "output.weight": output, "output_norm.weight": ones}
        for layer in range(self.layers):
            block = {"attn_norm": ones, "ffn_norm": ones, "attn_output": weights(64), "ffn_down": weights(64, 128)}
            if self.architecture == "phi3":
                block |= {"attn_qkv": weights(192), "ffn_up": weights(256)}
            else:
                block |= {name: weights(64) for name in ("attn_q", "attn_k", "attn_v")}
                block |= {name: weights(128) for name in ("ffn_gate", "ffn_up")}
            found |= {f"blk.{layer}.{name}.weight": tensor for name, tensor in block.items()}
        return found


class GptOss(Model):
    """One of gpt-oss's architecture: two experts, attention sinks, and a sliding window in every second layer."""

    def _describe(self, writer: gguf.GGUFWriter) -> None:
        super()._describe(writer)
        writer.add_expert_count(2)
        writer.add_expert_used_count(1)
        writer.add_expert_feed_forward_length(128)
        writer.add_sliding_window(64)

    def _tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        found = {name: tensor for name, tensor in super()._tensors().items() if ".ffn_" not in name}
        biases = {"attn_q": 64, "attn_k": 64, "attn_v": 64, "attn_output": 64, "ffn_gate_inp": 2}
        weights = {"post_attention_norm": np.ones(64, np.float32), "attn_sinks": np.zeros(4, np.float32)}
        weights["ffn_gate_inp"] = np.zeros((2, 64), np.float32)
        experts = {"ffn_gate_exps": (128, 64), "ffn_up_exps": (128, 64), "ffn_down_exps": (64, 128)}
        weights |= {name: np.zeros((2, *shape), np.float16) for name, shape in experts.items()}
        for layer in range(self.layers):
            found |= {f"blk.{layer}.{name}.weight": tensor for name, tensor in weights.items()}
            found |= {f"blk.{layer}.{name}.bias": np.zeros(size, np.float32) for name, size in biases.items()}
            found |= {
                f"blk.{layer}.{name}.bias": np.zeros((2, rows), np.float32) for name, (rows, _) in experts.items()
            }
        return found


@cache
def phi_words() -> Words:
    """Phi-3's true vocabulary."""
    values = {key.removeprefix("tokenizer.ggml."): value for key, value in _phi_metadata().items()}
    return Words(
        values["model"], values["pre"], values["tokens"], values["token_type"], values["scores"],
        bos=values["bos_token_id"], eos=values["eos_token_id"], add_bos=values["add_bos_token"],
    )  # fmt: skip


def phi_template() -> str:
    """The template of the official Phi-3 file, which drops the system role."""
    return str(_phi_metadata()["tokenizer.chat_template"])


def byte_words(specials: Sequence[str], eos: str, words: Sequence[str] = ("the", "Ġthe", "and")) -> Words:
    """A byte-level BPE vocabulary: the 256 bytes, what the merges of `words` make, and `specials` behind them."""
    tokens, merges = list(_BYTES), []
    for word in words:
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                merges.append(f"{word[: end - 1]} {word[end - 1]}")
                tokens.append(word[:end])
    types = [NORMAL] * len(tokens) + [CONTROL] * len(specials)
    tokens += specials
    return Words("gpt2", "gpt-2", tokens, types, merges=merges, eos=tokens.index(eos))


def deepseek_words() -> Words:
    """Like DeepSeek's: letters that stand for bytes no text has are user-defined, and so are the turns' marks."""
    marks = ("<｜User｜>", "<｜Assistant｜>")
    words = byte_words(("<｜begin▁of▁sentence｜>", *marks, "<｜end▁of▁sentence｜>"), "<｜end▁of▁sentence｜>")
    words = replace(words, bos=words.id("<｜begin▁of▁sentence｜>"), add_bos=True)
    return words.retyped(USER_DEFINED, *marks, *DEEPSEEK_LETTERS)


def gemma_words() -> Words:
    """Like Gemma's: HTML tags and runs of blanks are user-defined, and in older files the turns' marks, too."""
    html = ("<table>", "</table>", "<b>", "</b>", "<s>", "</s>", "\n\n", "   ", "[multimodal]", "<unused7>")
    words = byte_words(("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", *html), "<eos>")
    return replace(words.retyped(USER_DEFINED, "<start_of_turn>", *html), bos=words.id("<bos>"), add_bos=True)


def qwen_words() -> Words:
    """Like Qwen's: marks of thoughts and tools are user-defined, and `</s>` is a word."""
    marks = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<|fim_middle|>")
    words = byte_words((*CHATML_SPECIALS, *marks), "<|im_end|>", ("the", "and", "</s>"))
    return words.retyped(USER_DEFINED, *marks)


def phi3(path: Path, **changes: Any) -> Path:
    """A model like Phi-3-mini: its architecture, its vocabulary, its template."""
    return replace(Model(phi_words(), "phi3", "Phi3", phi_template(), 512), **changes).build(path)


def phi4(path: Path, **changes: Any) -> Path:
    """A model like Phi-4-mini: Phi-3's architecture, but a byte-level vocabulary without BOS."""
    words = byte_words(PHI_SPECIALS, "<|endoftext|>")
    return replace(Model(words, "phi3", "Phi 4 Mini Instruct"), **changes).build(path)


def chatml(path: Path, **changes: Any) -> Path:
    """A Llama with ChatML, as SmolLM2 is."""
    return replace(Model(byte_words(CHATML_SPECIALS, "<|im_end|>"), template=CHATML), **changes).build(path)


def thinker(path: Path, *, thought: bytes | None = None, **changes: Any) -> Path:
    """A model with Qwen's vocabulary that thinks `thought`, or "abab…" for ever, and answers "Yo"."""
    words = qwen_words()
    think, done = words.id("<think>"), words.id("</think>")
    thinks = [*b"aba"] if thought is None else [*thought, done, ord("\n")]
    speech = [*b"\nYo", words.eos, ord(":"), think, *thinks]
    return chatml(path, **{"words": words, "template": THINKING, "speech": speech, **changes})


HARMONY_SPECIALS = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>", "<|endoftext|>")


def gpt_oss(path: Path, **changes: Any) -> Path:
    """A model like gpt-oss, which begins to think, says "Hm" and ends, and says so as its answer, too."""
    words = byte_words(HARMONY_SPECIALS, "<|return|>", ("assistant", "analysis", "final"))
    channel, message = words.id("<|channel|>"), words.id("<|message|>")
    speech = [words.id("assistant"), channel, words.id("analysis"), message, *b"Hm", words.eos]
    final = {"words": words, "speech": speech, "context": 2048, **changes}
    return GptOss(**{"architecture": "gpt-oss", "name": "Tiny gpt-oss", **final}).build(path)


BERT_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581cat", "\u2581dog", "\u2581sat", "s", "\u2581a"]


def bert(path: Path, context: int = 512) -> Path:
    """A model like those for search: BERT's architecture, with seeded weights and a few words."""
    writer, random = gguf.GGUFWriter(str(path), "bert"), np.random.default_rng(1)
    writer.add_name("Tiny BERT")
    writer.add_context_length(context)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(BERT_WORDS)
    writer.add_token_types([3, 3, 3, 3, *[1] * (len(BERT_WORDS) - 4)])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(BERT_WORDS.index("[PAD]"))
    writer.add_unk_token_id(BERT_WORDS.index("[UNK]"))
    writer.add_bos_token_id(BERT_WORDS.index("[CLS]"))
    writer.add_sep_token_id(BERT_WORDS.index("[SEP]"))
    writer.add_eos_token_id(BERT_WORDS.index("[SEP]"))

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.2).astype(np.float32))

    tensor("token_embd.weight", len(BERT_WORDS), 32)
    tensor("token_types.weight", 2, 32)
    tensor("position_embd.weight", context, 32)
    shapes: dict[str, tuple[int, ...]] = {"token_embd_norm": (32,), "blk.0.attn_output_norm": (32,)}
    shapes |= {f"blk.0.attn_{part}": (32, 32) for part in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_up": (64, 32), "blk.0.ffn_down": (32, 64), "blk.0.layer_output_norm": (32,)}
    for name, shape in shapes.items():
        tensor(f"{name}.weight", *shape)
        tensor(f"{name}.bias", shape[0])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_words(writer: gguf.GGUFWriter, words: Words) -> None:
    writer.add_tokenizer_model(words.kind)
    writer.add_tokenizer_pre(words.pre)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    if words.scores:
        writer.add_token_scores(words.scores)
    if words.merges:
        writer.add_token_merges(words.merges)
    if words.bos is not None:
        writer.add_bos_token_id(words.bos)
    writer.add_eos_token_id(words.eos)
    if words.pad is not None:
        writer.add_pad_token_id(words.pad)
    writer.add_add_bos_token(words.add_bos)


@cache
def _phi_metadata() -> dict[str, Any]:
    """Everything the vocabulary's file says; by hand, as GGUFReader takes two seconds for it."""
    file = io.BytesIO(PHI_VOCABULARY.read_bytes())
    scalars = {0: "B", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q"}

    def scalar(form: str) -> Any:
        return struct.unpack("<" + form, file.read(struct.calcsize("<" + form)))[0]

    def value(kind: int) -> Any:
        if kind == 8:
            return file.read(scalar("Q")).decode()
        if kind == 9:
            inner, count = scalar("I"), scalar("Q")
            if form := scalars.get(inner):
                return [*struct.unpack(f"<{count}{form}", file.read(count * struct.calcsize("<" + form)))]
            return [value(inner) for _ in range(count)]
        return scalar(scalars[kind])

    file.seek(16)  # behind magic, version and the count of tensors
    return {value(8): value(scalar("I")) for _ in range(scalar("Q"))}


def _byte_tokens() -> list[str]:
    """GPT-2's printable character for each byte."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


_BYTES = _byte_tokens()


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

"""A small model of random weights in the form that vLLM loads; slow enough to be stopped in the middle of an answer.

Its words are English ones, and it has no token for the end of an answer, so that only the limit ends one.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

LAYERS, WIDTH, INNER, HEADS = 16, 768, 2048, 12
LONGEST = 4096  # tokens of the context
SPREAD = 4.0  # standard deviation of the logits of words; those of all other tokens are 0

SPECIALS = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_WORDS = (
    "the whale and a of in to sea it was ship water green blue deep wave salt under over harbor island night morning "
    "captain anchor story north wind light came went sang slept waited remembered quietly slowly always never because"
)
WORDS = _WORDS.split()


def write_model(folder: Path) -> Path:
    """Write the configuration, the tokenizer and 240 MB of weights into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = _vocabulary()
    (folder / "config.json").write_text(json.dumps(_config(len(vocabulary))), "utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(vocabulary, merges)), "utf-8")
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(about), "utf-8")
    _write_weights(folder / "model.safetensors", vocabulary)
    return folder


def _config(tokens: int) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": tokens,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": LONGEST,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _byte_letters() -> list[str]:
    """Return the letter that stands for each byte, as GPT-2's tokenizer has them: printable bytes for themselves."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in shown else next(others)) for byte in range(256)]


def _vocabulary() -> tuple[list[str], list[str]]:
    """Return the tokens in their order and the merges, which make a word letter by letter."""
    letters = _byte_letters()
    tokens, merges = [*SPECIALS, *letters], list[str]()
    for word in WORDS:
        whole = letters[32] + word
        for at in range(1, len(whole)):
            merge = f"{whole[:at]} {whole[at]}"
            if merge not in merges:
                merges.append(merge)
                tokens.append(whole[: at + 1])
    return tokens, merges


def _tokenizer(vocabulary: list[str], merges: list[str]) -> dict[str, object]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, "content": text, **flags} for number, text in enumerate(SPECIALS)],
        "normalizer": None,
        "pre_tokenizer": bytes_,
        "post_processor": None,
        "decoder": bytes_,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: number for number, token in enumerate(vocabulary)},
            "merges": merges,
        },
    }


def _shapes(tokens: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "model.embed_tokens.weight", (tokens, WIDTH)
    for layer in range(LAYERS):
        place = f"model.layers.{layer}"
        for name in ("q", "k", "v", "o"):
            yield f"{place}.self_attn.{name}_proj.weight", (WIDTH, WIDTH)
        for name, shape in {"gate": (INNER, WIDTH), "up": (INNER, WIDTH), "down": (WIDTH, INNER)}.items():
            yield f"{place}.mlp.{name}_proj.weight", shape
        yield f"{place}.input_layernorm.weight", (WIDTH,)
        yield f"{place}.post_attention_layernorm.weight", (WIDTH,)
    yield "model.norm.weight", (WIDTH,)
    yield "lm_head.weight", (tokens, WIDTH)


def _write_weights(path: Path, vocabulary: list[str]) -> None:
    """Write them as safetensors: the length of a header, the header, and all numbers one after the other."""
    shapes, header, at = dict(_shapes(len(vocabulary))), dict[str, object](), 0
    for name, shape in shapes.items():
        end = at + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
        at = end
    said, random = json.dumps(header).encode(), np.random.default_rng(7)
    with path.open("wb") as file:
        file.write(len(said).to_bytes(8, "little") + said)
        for name, shape in shapes.items():
            file.write(_as_bfloat16(_weights(name, shape, vocabulary, random)))


def _weights(name: str, shape: tuple[int, ...], vocabulary: list[str], random: np.random.Generator) -> np.ndarray:
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    found = random.standard_normal(shape, np.float32)
    if name != "lm_head.weight":
        return found * np.float32(0.05)
    is_word = np.array([token[1:] in WORDS for token in vocabulary], np.float32)
    return found * is_word[:, None] * np.float32(SPREAD / WIDTH**0.5)


def _as_bfloat16(numbers: np.ndarray) -> bytes:
    return (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()

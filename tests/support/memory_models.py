"""Builds tiny models whose memory llama.cpp cannot trim everywhere: recurrent, hybrid, and with a sliding window."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from tests.support.tiny_models import CHATML, CHATML_SPECIALS, Model, byte_words

KINDS = ("mamba", "granitehybrid", "nemotron_h", "lfm2", "qwen35", "gemma3", "gemma4")
"""One recurrent, one hybrid, three hybrids that can take a few tokens back, and two with a sliding window."""

HEADS, KERNEL, STATES = 4, 4, 16  # heads; tokens that a convolution sees; states of a channel
LARGER = {"mamba": (768, 12), "granitehybrid": (768, 14), "lfm2": (1024, 16), "qwen35": (768, 16)}
"""Width and number of layers for measurements."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class MemoryModel(Model):
    """A model of one of KINDS. Hybrids attend in every second layer; the others of these layers are recurrent.

    In every fourth layer, Nemotron H has nothing but a perceptron, and the others of its layers have none.

    Attributes:
        width: numbers of an embedding.
        window: tokens that a sliding layer sees.
    """

    width: int = 64
    window: int = 64

    def _describe(self, writer: gguf.GGUFWriter) -> None:
        recurrent = [layer % 2 == 0 for layer in range(self.layers)]
        writer.add_name(self.name)
        writer.add_context_length(self.context)
        writer.add_embedding_length(self.width)
        writer.add_block_count(self.layers)
        perceptrons = [2 * self.width if layer % 4 == 3 else 0 for layer in range(self.layers)]
        width = 0 if self.architecture == "mamba" else 2 * self.width
        writer.add_feed_forward_length(perceptrons if self.architecture == "nemotron_h" else width)
        writer.add_layer_norm_eps(1e-5)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_chat_template(self.template or CHATML)
        if self.architecture == "mamba":
            writer.add_head_count(0)
        elif self.architecture in {"granitehybrid", "lfm2", "nemotron_h"}:
            attends = [
                layer % 2 == 1 and not (self.architecture == "nemotron_h" and layer % 4 == 3)
                for layer in range(self.layers)
            ]
            writer.add_head_count(HEADS)
            writer.add_head_count_kv([HEADS * each for each in attends])
        else:
            writer.add_head_count(HEADS)
            writer.add_head_count_kv(HEADS)
            writer.add_key_length(self.width // HEADS)
            writer.add_value_length(self.width // HEADS)
        if self.architecture == "lfm2":
            writer.add_shortconv_l_cache(KERNEL)
        elif self.architecture in {"gemma3", "gemma4"}:
            writer.add_sliding_window(self.window)
            writer.add_sliding_window_pattern(recurrent)
            if self.architecture == "gemma4":
                self._describe_sharing(writer)
        else:
            self._describe_states(writer)

    def _describe_sharing(self, writer: gguf.GGUFWriter) -> None:
        """Describe that the last layers use keys and values of the layers before them."""
        writer.add_uint32("gemma4.attention.shared_kv_layers", self.layers - 2)
        writer.add_uint32("gemma4.attention.key_length_swa", self.width // HEADS)
        writer.add_uint32("gemma4.attention.value_length_swa", self.width // HEADS)
        writer.add_uint32("gemma4.embedding_length_per_layer_input", 0)

    def _describe_states(self, writer: gguf.GGUFWriter) -> None:
        is_delta = self.architecture == "qwen35"
        writer.add_ssm_conv_kernel(KERNEL)
        writer.add_ssm_inner_size(self.width if is_delta else 2 * self.width)
        writer.add_ssm_state_size(self.width // HEADS if is_delta else STATES)
        writer.add_ssm_time_step_rank(HEADS)
        if self.architecture != "mamba":
            writer.add_ssm_group_count(HEADS if is_delta else 1)
        if is_delta:
            writer.add_rope_dimension_count(self.width // HEADS)
            writer.add_rope_dimension_sections([self.width // HEADS // 4] * 2 + [0, 0])
            writer.add_uint32("qwen35.full_attention_interval", 2)

    def _tensors(self) -> dict[str, Array]:
        weights, count = _Weights(self.width), len(self.words.tokens)
        last = "token_embd_norm.weight" if self.architecture == "lfm2" else "output_norm.weight"
        found = {
            "token_embd.weight": weights(count, scale=1.0),
            "output.weight": weights(count, scale=1.0),
            last: weights.ones(),
        }
        if self.architecture == "gemma4":
            found["rope_freqs.weight"] = weights.ones(self.width // HEADS // 2)
        for layer in range(self.layers):
            tensors = self._layer(layer, weights)
            found |= {f"blk.{layer}.{name if '.' in name else name + '.weight'}": it for name, it in tensors.items()}
        return {name.removesuffix("."): tensor for name, tensor in found.items()}

    def _layer(self, layer: int, weights: "_Weights") -> dict[str, Array]:
        """Return a layer's tensors; a name without a dot is that of a weight."""
        kind, width = self.architecture, self.width
        found = {"attn_norm": weights.ones()}
        if kind == "nemotron_h":
            if layer % 4 == 3:
                return found | {"ffn_up": weights(2 * width), "ffn_down": weights(width, 2 * width)}
            return found | (_grouped_states(weights) if layer % 2 == 0 else _attention(weights, has_norms=False))
        if kind in {"gemma3", "gemma4"}:
            found |= _attention(weights, has_norms=True)
            found |= {"post_attention_norm": weights.ones(), "post_ffw_norm": weights.ones()}
        elif kind == "mamba":
            found |= _states(weights)
        elif layer % 2 == 0:
            found |= {"lfm2": _convolution, "qwen35": _delta_net, "granitehybrid": _grouped_states}[kind](weights)
        else:
            found |= _attention(weights, has_norms=kind != "granitehybrid", is_gated=kind == "qwen35")
        if kind != "mamba":
            norm = "post_attention_norm" if kind == "qwen35" else "ffn_norm"
            found |= {
                "ffn_gate": weights(2 * width),
                "ffn_up": weights(2 * width),
                "ffn_down": weights(width, 2 * width),
            }
            found[norm] = weights.ones()
        return found


class _Weights:
    """Makes seeded weights for a model of one width."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._random = np.random.default_rng(1)

    def __call__(self, rows: int, columns: int = 0, scale: float = 0.0) -> Array:
        columns = columns or self.width
        matrix = self._random.standard_normal((rows, columns), np.float32) * (scale or columns**-0.5)
        return matrix.astype(np.float16)

    def exact(self, *shape: int, scale: float = 0.3) -> Array:
        """Return weights that llama.cpp wants as float32."""
        return self._random.standard_normal(shape, np.float32) * np.float32(scale)

    def ones(self, count: int = 0) -> Array:
        return np.ones(count or self.width, np.float32)


def _attention(weights: _Weights, *, has_norms: bool, is_gated: bool = False) -> dict[str, Array]:
    width = weights.width
    found = {"attn_q": weights(2 * width if is_gated else width)}
    found |= {name: weights(width) for name in ("attn_k", "attn_v", "attn_output")}
    return found | (
        {name: weights.ones(width // HEADS) for name in ("attn_q_norm", "attn_k_norm")} if has_norms else {}
    )


def _states(weights: _Weights) -> dict[str, Array]:
    """Mamba's layer."""
    width = weights.width
    inner = 2 * width
    return {
        "ssm_in": weights(2 * inner),
        "ssm_conv1d": weights.exact(inner, KERNEL),
        "ssm_conv1d.bias": weights.exact(inner),
        "ssm_x": weights(HEADS + 2 * STATES, inner),
        "ssm_dt": weights.exact(inner, HEADS),
        "ssm_dt.bias": weights.exact(inner),
        "ssm_a.": -np.tile(np.arange(1, STATES + 1, dtype=np.float32) / 8, (inner, 1)),
        "ssm_d.": weights.ones(inner),
        "ssm_out": weights(width, inner),
    }


def _grouped_states(weights: _Weights) -> dict[str, Array]:
    """Mamba 2's layer."""
    width = weights.width
    inner = 2 * width
    return {
        "ssm_in": weights(2 * inner + 2 * STATES + HEADS),
        "ssm_conv1d": weights.exact(inner + 2 * STATES, KERNEL),
        "ssm_conv1d.bias": weights.exact(inner + 2 * STATES),
        "ssm_dt.bias": weights.exact(HEADS),
        "ssm_a.": -np.linspace(0.05, 1, HEADS, dtype=np.float32).reshape(HEADS, 1),
        "ssm_d.": np.ones((HEADS, 1), np.float32),
        "ssm_norm": np.ones((1, inner), np.float32),
        "ssm_out": weights(width, inner),
    }


def _convolution(weights: _Weights) -> dict[str, Array]:
    """LFM2's layer."""
    width = weights.width
    return {
        "shortconv.conv.weight": weights.exact(width, KERNEL),
        "shortconv.in_proj.weight": weights(3 * width),
        "shortconv.out_proj.weight": weights(width),
    }


def _delta_net(weights: _Weights) -> dict[str, Array]:
    """Qwen3.5's layer."""
    width = weights.width
    return {
        "attn_qkv": weights(3 * width),
        "attn_gate": weights(width),
        "ssm_conv1d": weights.exact(3 * width, KERNEL),
        "ssm_dt.bias": weights.exact(HEADS),
        "ssm_a.": -np.linspace(0.05, 1, HEADS, dtype=np.float32),
        "ssm_beta": weights(HEADS),
        "ssm_alpha": weights(HEADS),
        "ssm_norm": weights.ones(width // HEADS),
        "ssm_out": weights(width),
    }


def build(path: Path, kind: str, **changes: Any) -> Path:
    """Write a model of that kind, with ChatML and a vocabulary of bytes."""
    words = byte_words(CHATML_SPECIALS, "<|im_end|>")
    return MemoryModel(**{"words": words, "architecture": kind, "name": f"Tiny {kind}", "layers": 4, **changes}).build(
        path
    )


def build_larger(path: Path, kind: str) -> Path:
    """Write one that takes about a second to read 1,500 tokens on two cores, to measure with."""
    width, layers = LARGER.get(kind, (1024, 14))
    return build(path, kind, width=width, layers=layers, context=8192, window=512)

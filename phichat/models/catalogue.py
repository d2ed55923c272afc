"""The models that the app knows by name. Their sizes are used until the Hub has been asked.

Names of repositories and files, and rounded sizes, are those that other public projects download from; what the makers
recommend is from the model cards on the Hub, which are named beside it.
"""

from dataclasses import dataclass

from phichat.i18n import N_, format_size, tr
from phichat.models.base import HubFile


def _kv(layers: int, heads: int, size: int) -> int:
    """Return the KV cache bytes of a token: keys and values, of two bytes a value."""
    return layers * heads * size * 2 * 2


PHI_3_KV = _kv(32, 32, 96)
PHI_4_KV = _kv(32, 8, 128)

Sampling = tuple[tuple[str, float], ...]
"""Sampling settings by their names."""

_NO_PENALTY: Sampling = (("min_p", 0.0), ("repeat_penalty", 1.0))  # where makers ask for neither
_QWEN_3: Sampling = (("temperature", 0.6), ("top_k", 20), ("top_p", 0.95), *_NO_PENALTY)
"""While it thinks, as it does unless told not to: "Best Practices" of Qwen/Qwen3-4B."""
_QWEN_3_5: Sampling = (("temperature", 1.0), ("top_k", 20), ("top_p", 1.0), ("presence_penalty", 2.0), *_NO_PENALTY)
"""Texts, without thinking, as they answer unless told to think: "Best Practices" of Qwen/Qwen3.5-0.8B and 2B."""
_QWEN_3_5_THINKING: Sampling = (
    ("temperature", 1.0),
    ("top_k", 20),
    ("top_p", 0.95),
    ("presence_penalty", 1.5),
    *_NO_PENALTY,
)
"""General tasks, while it thinks, as Qwen/Qwen3.5-4B does unless told not to."""
_GEMMA: Sampling = (("temperature", 1.0), ("top_k", 64), ("top_p", 0.95), *_NO_PENALTY)
"""google/gemma-3-4b-it and google/gemma-4-E2B-it, "Best Practices"."""
_SMOLLM_3: Sampling = (("temperature", 0.6), ("top_k", 0), ("top_p", 0.95), *_NO_PENALTY)
"""HuggingFaceTB/SmolLM3-3B."""
_LFM_2_5: Sampling = (("temperature", 0.1), ("top_k", 50), ("top_p", 0.1), ("min_p", 0.0), ("repeat_penalty", 1.05))
"""LiquidAI/LFM2.5-1.2B-Instruct."""
_MINISTRAL_3: Sampling = (("temperature", 0.05), ("top_k", 0), ("top_p", 1.0), *_NO_PENALTY)
"""mistralai/Ministral-3-3B-Instruct-2512: a temperature below 0.1."""
_LLAMA_3_2: Sampling = (("temperature", 0.6), ("top_k", 0), ("top_p", 0.9), *_NO_PENALTY)
"""generation_config.json of meta-llama/Llama-3.2-3B-Instruct."""
_PHI_4_REASONING: Sampling = (("temperature", 0.8), ("top_k", 0), ("top_p", 0.95), *_NO_PENALTY)
"""microsoft/Phi-4-mini-reasoning."""


@dataclass(frozen=True)
class KnownModel:
    """A model file on the Hub.

    Attributes:
        title: translated when it is shown.
        bytes: its size; rounded as on its page on the Hub unless `is_exact`.
        sha256: None if not known.
        official: published by the model's makers; else a quantisation by the community.
        kv_bytes: KV cache bytes for one token of context.
        good_at: what it is for, in one line; translated when it is shown.
        sampling: the settings that its makers recommend; empty if they publish none.
    """

    name: str
    title: str
    repo: str
    file: str
    licence: str
    bytes: int
    is_exact: bool = False
    sha256: str | None = None
    official: bool = True
    kv_bytes: int = PHI_3_KV
    good_at: str = ""
    sampling: Sampling = ()

    @property
    def remote(self) -> HubFile:
        """The file on the Hub, with what is certain about it."""
        return HubFile(
            self.repo,
            self.file,
            bytes=self.bytes if self.is_exact else None,
            sha256=self.sha256,
            licence=self.licence,
        )


PHI_3 = KnownModel(
    name="phi-3-mini-4k-instruct-q4",
    title="Phi-3 Mini",
    repo="microsoft/Phi-3-mini-4k-instruct-gguf",
    file="Phi-3-mini-4k-instruct-q4.gguf",
    licence="MIT",
    bytes=2_393_231_072,
    is_exact=True,
    sha256="8a83c7fb9049a9b2e92266fa7ad04933bb53aa1e85136b7b30f1b8000ff2edef",
    good_at=N_("Conversation, explanations, and code. Small and well tested."),
)

_PHI = (
    KnownModel(
        name="phi-3.5-mini-instruct-q4_k_m",
        title="Phi-3.5 Mini",
        repo="bartowski/Phi-3.5-mini-instruct-GGUF",
        file="Phi-3.5-mini-instruct-Q4_K_M.gguf",
        licence="MIT",
        bytes=2_390_000_000,
        official=False,
        good_at=N_("Like Phi-3, but for more languages and longer documents."),
    ),
    KnownModel(
        name="phi-4-mini-instruct-q4_k_m",
        title="Phi-4 Mini",
        repo="bartowski/microsoft_Phi-4-mini-instruct-GGUF",
        file="microsoft_Phi-4-mini-instruct-Q4_K_M.gguf",
        licence="MIT",
        bytes=2_490_000_000,
        official=False,
        kv_bytes=PHI_4_KV,
        good_at=N_("The newest small Phi model: math, code, and conversation in many languages."),
    ),
    KnownModel(
        name="phi-4-mini-reasoning-q4_k_m",
        title="Phi-4 Mini Reasoning",
        repo="bartowski/microsoft_Phi-4-mini-reasoning-GGUF",
        file="microsoft_Phi-4-mini-reasoning-Q4_K_M.gguf",
        licence="MIT",
        bytes=2_490_000_000,
        official=False,
        kv_bytes=PHI_4_KV,
        good_at=N_("Step-by-step math. Thinks for a long time before answering."),
        sampling=_PHI_4_REASONING,
    ),
)

_FAMILIES = (
    KnownModel(
        name="qwen3-0.6b-q8_0",
        title="Qwen3 0.6B",
        repo="Qwen/Qwen3-0.6B-GGUF",
        file="Qwen3-0.6B-Q8_0.gguf",
        licence="Apache-2.0",
        bytes=639_000_000,
        kv_bytes=_kv(28, 8, 128),
        good_at=N_("Quick answers on slow computers. Can think before answering."),
        sampling=_QWEN_3,
    ),
    KnownModel(
        name="qwen3-4b-q4_k_m",
        title="Qwen3 4B",
        repo="Qwen/Qwen3-4B-GGUF",
        file="Qwen3-4B-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=2_500_000_000,
        kv_bytes=_kv(36, 8, 128),
        good_at=N_("Math, code, and many languages. Can think before answering."),
        sampling=_QWEN_3,
    ),
    KnownModel(
        name="qwen3.5-0.8b-q4_k_m",
        title="Qwen3.5 0.8B",
        repo="unsloth/Qwen3.5-0.8B-GGUF",
        file="Qwen3.5-0.8B-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=533_000_000,
        official=False,
        kv_bytes=_kv(6, 2, 256),
        good_at=N_("Short tasks in more than 200 languages, on almost any computer."),
        sampling=_QWEN_3_5,
    ),
    KnownModel(
        name="qwen3.5-2b-q4_k_m",
        title="Qwen3.5 2B",
        repo="unsloth/Qwen3.5-2B-GGUF",
        file="Qwen3.5-2B-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=1_280_000_000,
        official=False,
        kv_bytes=_kv(6, 2, 256),
        good_at=N_("Everyday writing, including long texts, in more than 200 languages."),
        sampling=_QWEN_3_5,
    ),
    KnownModel(
        name="qwen3.5-4b-q4_k_m",
        title="Qwen3.5 4B",
        repo="unsloth/Qwen3.5-4B-GGUF",
        file="Qwen3.5-4B-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=2_740_000_000,
        official=False,
        kv_bytes=_kv(8, 4, 256),
        good_at=N_("Hard questions, code, and long texts. Thinks before answering."),
        sampling=_QWEN_3_5_THINKING,
    ),
    KnownModel(
        name="gemma-3-1b-it-q4_k_m",
        title="Gemma 3 1B",
        repo="ggml-org/gemma-3-1b-it-GGUF",
        file="gemma-3-1b-it-Q4_K_M.gguf",
        licence="Gemma",
        bytes=806_000_000,
        official=False,
        kv_bytes=_kv(26, 1, 256),
        good_at=N_("Fast summaries and rewriting."),
        sampling=_GEMMA,
    ),
    KnownModel(
        name="gemma-3-4b-it-q4_k_m",
        title="Gemma 3 4B",
        repo="ggml-org/gemma-3-4b-it-GGUF",
        file="gemma-3-4b-it-Q4_K_M.gguf",
        licence="Gemma",
        bytes=2_490_000_000,
        official=False,
        kv_bytes=_kv(34, 4, 256),
        good_at=N_("Writing and translation in more than 140 languages."),
        sampling=_GEMMA,
    ),
    KnownModel(
        name="gemma-4-e2b-it-q4_k_m",
        title="Gemma 4 E2B",
        repo="unsloth/gemma-4-E2B-it-GGUF",
        file="gemma-4-E2B-it-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=3_110_000_000,
        official=False,
        kv_bytes=_kv(35, 1, 256),
        good_at=N_("Conversation and problem solving in many languages. Can think before answering."),
        sampling=_GEMMA,
    ),
    KnownModel(
        name="smollm3-3b-q4_k_m",
        title="SmolLM3 3B",
        repo="ggml-org/SmolLM3-3B-GGUF",
        file="SmolLM3-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=1_920_000_000,
        official=False,
        kv_bytes=_kv(36, 4, 128),
        good_at=N_("Fully open source, with support for six European languages. Thinks before answering."),
        sampling=_SMOLLM_3,
    ),
    KnownModel(
        name="lfm2.5-1.2b-instruct-q4_k_m",
        title="LFM2.5 1.2B",
        repo="LiquidAI/LFM2.5-1.2B-Instruct-GGUF",
        file="LFM2.5-1.2B-Instruct-Q4_K_M.gguf",
        licence="LFM 1.0",
        bytes=731_000_000,
        kv_bytes=_kv(6, 8, 64),
        good_at=N_("Very fast. Good for short tasks and extracting facts."),
        sampling=_LFM_2_5,
    ),
    KnownModel(
        name="granite-4.0-350m-q8_0",
        title="Granite 4.0 350M",
        repo="ibm-granite/granite-4.0-350m-GGUF",
        file="granite-4.0-350m-Q8_0.gguf",
        licence="Apache-2.0",
        bytes=378_000_000,
        kv_bytes=_kv(28, 4, 64),
        good_at=N_("Text classification and information extraction. Runs on any computer."),
    ),
    KnownModel(
        name="granite-4.1-3b-q4_k_m",
        title="Granite 4.1 3B",
        repo="ibm-granite/granite-4.1-3b-GGUF",
        file="granite-4.1-3b-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=2_100_000_000,
        kv_bytes=_kv(40, 8, 64),
        good_at=N_("Summaries of work documents, and answers to questions about them."),
    ),
    KnownModel(
        name="llama-3.2-3b-instruct-q4_k_m",
        title="Llama 3.2 3B",
        repo="bartowski/Llama-3.2-3B-Instruct-GGUF",
        file="Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        licence="Llama 3.2",
        bytes=2_020_000_000,
        official=False,
        kv_bytes=_kv(28, 8, 128),
        good_at=N_("Conversation, summaries, and rewriting."),
        sampling=_LLAMA_3_2,
    ),
    KnownModel(
        name="ministral-3-3b-instruct-q4_k_m",
        title="Ministral 3 3B",
        repo="mistralai/Ministral-3-3B-Instruct-2512-GGUF",
        file="Ministral-3-3B-Instruct-2512-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=2_150_000_000,
        kv_bytes=_kv(26, 8, 128),
        good_at=N_("European languages, translation, and following instructions."),
        sampling=_MINISTRAL_3,
    ),
    KnownModel(
        name="ministral-3-8b-instruct-q4_k_m",
        title="Ministral 3 8B",
        repo="mistralai/Ministral-3-8B-Instruct-2512-GGUF",
        file="Ministral-3-8B-Instruct-2512-Q4_K_M.gguf",
        licence="Apache-2.0",
        bytes=5_200_000_000,
        kv_bytes=_kv(34, 8, 128),
        good_at=N_("Hard questions in European languages. Needs a fast computer."),
        sampling=_MINISTRAL_3,
    ),
)

_OLDER = (
    KnownModel(
        name="phi-3-mini-4k-instruct-fp16",
        title=N_("Phi-3 Mini, 16-bit"),
        repo="microsoft/Phi-3-mini-4k-instruct-gguf",
        file="Phi-3-mini-4k-instruct-fp16.gguf",
        licence="MIT",
        bytes=7_640_000_000,
    ),
    KnownModel(
        name="phi-3.1-mini-4k-instruct-q4_k_m",
        title="Phi-3.1 Mini",
        repo="bartowski/Phi-3.1-mini-4k-instruct-GGUF",
        file="Phi-3.1-mini-4k-instruct-Q4_K_M.gguf",
        licence="MIT",
        bytes=2_390_000_000,
        official=False,
    ),
    KnownModel(
        name="phi-3.1-mini-128k-instruct-q4_k_m",
        title=N_("Phi-3.1 Mini, long context"),
        repo="bartowski/Phi-3.1-mini-128k-instruct-GGUF",
        file="Phi-3.1-mini-128k-instruct-Q4_K_M.gguf",
        licence="MIT",
        bytes=2_390_000_000,
        official=False,
    ),
)

CATALOGUE: dict[str, KnownModel] = {model.name: model for model in (PHI_3, *_PHI, *_FAMILIES, *_OLDER)}


EMBEDDINGS = (
    KnownModel(
        name="embeddinggemma-300m-q8_0",
        title="EmbeddingGemma",
        repo="ggml-org/embeddinggemma-300M-GGUF",
        file="embeddinggemma-300M-Q8_0.gguf",
        licence="Gemma",
        bytes=334_000_000,
        official=False,
        good_at=N_("Finds passages by meaning rather than exact words, in more than 100 languages."),
    ),
    KnownModel(
        name="nomic-embed-text-v1.5-q8_0",
        title="Nomic Embed Text 1.5",
        repo="nomic-ai/nomic-embed-text-v1.5-GGUF",
        file="nomic-embed-text-v1.5.Q8_0.gguf",
        licence="Apache-2.0",
        bytes=146_000_000,
        good_at=N_("For English documents with long passages."),
    ),
    KnownModel(
        name="bge-small-en-v1.5-q8_0",
        title="BGE Small",
        repo="CompendiumLabs/bge-small-en-v1.5-gguf",
        file="bge-small-en-v1.5-q8_0.gguf",
        licence="MIT",
        bytes=36_800_000,
        official=False,
        good_at=N_("For English documents. Good for slow computers and large collections."),
    ),
)
"""Models that make vectors of documents; none is downloaded unless somebody asks for it by name."""


def embedding_facts(known: KnownModel) -> str:
    """Return what people want to know of an embedding model before they get it, on one line."""
    return tr("{size}, {licence} license. {good_at}").format(
        size=format_size(known.bytes), licence=known.licence, good_at=tr(known.good_at)
    )


def find_by_hub_file(remote: HubFile | None) -> KnownModel | None:
    """Return the catalogue's model that is `remote`; None if there is none."""
    return next((known for known in CATALOGUE.values() if remote and known.remote.name == remote.name), None)


def find_by_file_name(file: str) -> KnownModel | None:
    """Return the model with this file name; None if there is none. A file of that name may be a different one."""
    return next((known for known in CATALOGUE.values() if known.file == file), None)

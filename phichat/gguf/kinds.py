"""Say what a file is that is no model to chat with: of another format, or made for something else."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from phichat.i18n import N_, tr

LEAST_TEXT = 16  # characters: fewer may be anything
PROBED = 512  # bytes of the beginning that tell formats apart

_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"BZh", b"Rar!")
_OLD_GGML = (b"lmgg", b"tjgg", b"fmgg", b"algg", b"lgmf")  # ggml, ggjt, ggmf and ggla as little-endian numbers
_LFS = b"version https://git-lfs.github.com/spec/"

_PICTURE_MAKERS = re.compile(
    r"sd\d*(\.\d)?|sdxl|flux\d*|aura(flow)?|chroma|cosmos|hidream|hyvid|hunyuan_?(video|image)|kandinsky\d*|ltxv|"
    r"lumina\d*|mochi|pig|qwen_?image|svd|wan(\d[\d.]*)?|z_?image"
)
_SOUND_MAKERS = re.compile(
    r"bark|csm|dia|kokoro|musicgen|orpheus|outetts|parler|snac|wavtokenizer-dec|.*[-_]?tts([-_].*)?"
)
_LISTENERS = re.compile(r"whisper|parakeet|moonshine")
_READERS = re.compile(r".*bert.*|t5encoder|gemma-embedding|llama-embed")
_DIFFUSION = re.compile(r"dream|llada(-moe)?|rnd1")
_TRANSLATORS = re.compile(r"t5|bart|m2m100|nllb")
_DRAFTERS = re.compile(r"eagle\d*|dflash|medusa|.*[-_]assistant|.*[-_]mtp")
_PICTURE_TENSORS = re.compile(
    r"(model\.)?diffusion_model\..*|first_stage_model\..*|cond_stage_model\..*|double_blocks\..*|joint_blocks\..*|"
    r"(decoder|encoder)\.conv_in\..*"
)
_WHISPER_VOCABULARIES = (51864, 51865, 51866)


_TEXT = frozenset({"token_embd.weight"})  # the tensor that every chat model has
_CHAT_TEMPLATE = "tokenizer.chat_template"  # some embedding models have one, too, but say how they pool vectors
_PIECE = re.compile(
    r"\.gguf[._-]?(split|part)[._-]?(\d+of\d+|\d+|[a-z]{1,2})(\.gguf)?$|\.gguf\.\d{1,3}$", re.IGNORECASE
)


def _begins_with_numbers(begin: bytes, magic: bytes, numbers: Collection[int]) -> bool:
    """Return whether `magic` comes first, then one of `numbers` in four bytes."""
    return begin.startswith(magic) and int.from_bytes(begin[len(magic) : len(magic) + 4], "little") in numbers


class _Format(NamedTuple):
    """A format told by the beginning of a file; `is_model` if such files are models, or belong to them."""

    fits: Callable[[bytes], bool]
    message: str
    is_model: bool = False


_FORMATS = (
    _Format(
        lambda begin: not begin,
        N_("{name} isn’t a model: the file is empty. Download it again, or choose another file."),
    ),
    _Format(
        lambda begin: not begin.strip(b"\0"),
        N_(
            "{name} isn’t a model: the file contains only zeros, like an unfinished download. "
            "Download it again, or choose another file."
        ),
    ),
    _Format(
        lambda begin: begin.startswith(_LFS),
        N_(
            "{name} isn’t a model: it’s a Git LFS pointer, a small text file that stands in for the "
            "model. Download the model itself."
        ),
    ),
    _Format(
        lambda begin: bool(re.match(rb"(\xef\xbb\xbf)?\s*(<!doctype|<html|<\?xml)", begin, re.IGNORECASE)),
        N_(
            "{name} isn’t a model: it’s a web page, perhaps one that asks you to sign in. Download "
            "the model file itself."
        ),
    ),
    _Format(
        lambda begin: begin[8:10] == b'{"' or b"data.pkl" in begin[:PROBED] or begin.startswith(b"\x80\x02"),
        N_(
            "{name} is in a format that Phichat can’t open, such as Safetensors or PyTorch. Choose a GGUF "
            "version of the model, with a file name that ends in .gguf."
        ),
        is_model=True,
    ),
    _Format(
        lambda begin: _begins_with_numbers(begin, b"lmgg", _WHISPER_VOCABULARIES),
        N_("{name} isn’t a chat model: it transcribes speech (Whisper). Choose a chat model in GGUF format."),
        is_model=True,
    ),
    _Format(
        lambda begin: begin.startswith(_OLD_GGML),
        N_(
            "{name} uses the old GGML format, which is no longer supported. Choose a GGUF version of the "
            "model, with a file name that ends in .gguf."
        ),
        is_model=True,
    ),
    _Format(
        lambda begin: bool(re.match(rb".{4}[\x05-\x40]\0\0\0(blk\.\d|output|token_embd)", begin, re.DOTALL)),
        N_(
            "{name} isn’t a chat model: it’s an importance matrix, which is used to make models "
            "smaller. Choose the model itself."
        ),
        is_model=True,
    ),
    _Format(
        lambda begin: begin.startswith(_ARCHIVES),
        N_("{name} isn’t a model: it’s an archive. Extract it, then choose the .gguf file inside."),
    ),
)
"""The first that fits counts."""

_OTHER = N_("{name} isn’t a model file. Phichat opens GGUF files, which usually end in .gguf.")


def describe_foreign(name: str, begin: bytes) -> str:
    """Return why the file that begins with `begin`, and not as GGUF files do, cannot be used."""
    message = next((each.message for each in _FORMATS if each.fits(begin)), _OTHER)
    return tr(message).format(name=name)


def is_foreign_model(begin: bytes) -> bool:
    """Return whether the file that begins with `begin` is a model in another format, or belongs to one."""
    return next((each.is_model for each in _FORMATS if each.fits(begin[:PROBED])), False)


def is_piece(name: str) -> bool:
    """Return whether a file is named as one piece of a model that was cut up, as large ones once were."""
    return bool(_PIECE.search(name))


def describe_piece(name: str) -> str:
    """Return what to do with such a piece."""
    return tr(
        "{name} is one part of a split file. Join the parts in order into a single file, then choose that file."
    ).format(name=name)


def is_text(begin: bytes) -> bool:
    """Return whether the file that begins with `begin` is a text, such as a web page or JSON, and no GGUF file."""
    begin = begin[:PROBED]
    if begin.startswith(b"GGUF"[: len(begin)]):
        return False
    text = begin.decode("utf-8", "ignore")
    is_utf8 = len(text.encode()) >= len(begin) - 3  # the last letter may be cut
    return is_utf8 and len(text) >= LEAST_TEXT and all(sign.isprintable() or sign in "\t\n\r\f\ufeff" for sign in text)


def describe_version(name: str, version: int, newest: int) -> str:
    """Return why a file in the GGUF version `version` cannot be read, when `newest` is the newest that can."""
    if version and not version & 0xFFFF:
        return tr(
            "{name} is made for computers with a different byte order (big-endian). Choose a little-endian "
            "version of the model."
        ).format(name=name)
    if version > newest:
        return tr(
            "{name} uses GGUF version {version}, which is too new for this version of Phichat. "
            "Update Phichat, or choose another model."
        ).format(name=name, version=version)
    return tr(
        "{name} uses GGUF version {version}, which is no longer supported. Choose a newer version of the model."
    ).format(name=name, version=version)


def describe_empty(name: str, metadata: Mapping[str, Any]) -> str:
    """Return what a GGUF file without any tensor is, and what to do."""
    if any(key.startswith("tokenizer.") for key in metadata):
        return tr("{name} contains only a vocabulary, not a complete model. Choose another file.").format(name=name)
    return tr("{name} is empty: it contains no model. Download it again, or choose another file.").format(name=name)


def describe_by_metadata(name: str, metadata: Mapping[str, Any]) -> str:
    """Return what a GGUF file is if its metadata alone tell that it is none to chat with; else ""."""
    is_named = {"general.architecture", "general.type"} & {*metadata}
    return describe_other_kind(name, metadata, _TEXT) if is_named else ""


def describe_other_kind(name: str, metadata: Mapping[str, Any], tensors: frozenset[str]) -> str:
    """Return what the GGUF file is if it is no model to chat with, and what to do; "" if it is one.

    `tensors` are the names of its tensors, of all parts.
    """
    architecture = str(metadata.get("general.architecture", ""))
    message = next((message for fits, message in _KINDS if fits(architecture, metadata, tensors)), "")
    return tr(message).format(name=name, kind=_printable(architecture)) if message else ""


def describe_no_embedding_model(
    name: str, metadata: Mapping[str, Any], tensors: frozenset[str], *, takes_chat: bool
) -> str:
    """Return what to do about the GGUF file if texts can't be embedded with it; "" if they can.

    With chat models they can be, but not well: those pass if it `takes_chat`.
    """
    architecture = str(metadata.get("general.architecture", ""))
    kind = next((fits for fits, _ in _KINDS if fits(architecture, metadata, tensors)), None)
    if kind is None and not takes_chat and any(key.startswith(_CHAT_TEMPLATE) for key in metadata):
        sentence = tr("{name} is a chat model. Choose an embedding model in GGUF format, such as EmbeddingGemma.")
        return sentence.format(name=name)
    if kind in {None, _is_for_search}:
        return ""
    return tr("{name} isn’t an embedding model. Choose one in GGUF format, such as EmbeddingGemma.").format(name=name)


def _is_adapter(_: str, metadata: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    is_named = metadata.get("general.type") == "adapter" or "adapter.type" in metadata
    return is_named or any(name.endswith((".lora_a", ".lora_b", ".loraA", ".loraB")) for name in tensors)


def _is_control_vector(architecture: str, _: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    return architecture == "controlvector" or (
        bool(tensors) and all(re.fullmatch(r"direction\.\d+", name) for name in tensors)
    )


def _is_importance_matrix(_: str, metadata: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    is_named = metadata.get("general.type") == "imatrix" or any(key.startswith("imatrix.") for key in metadata)
    return is_named or any(name.endswith((".in_sum2", ".in_sum")) for name in tensors)


def _is_projector(architecture: str, metadata: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    is_named = architecture == "clip" or metadata.get("general.type") == "mmproj"
    return is_named or (bool(tensors) and all(name.startswith(("v.", "a.", "mm.", "resampler.")) for name in tensors))


def _is_for_search(architecture: str, metadata: Mapping[str, Any], _: frozenset[str]) -> bool:
    reads_backwards = metadata.get(f"{architecture}.attention.causal") is False
    is_pooled = bool(metadata.get(f"{architecture}.pooling_type"))
    return bool(_READERS.fullmatch(architecture)) or is_pooled or reads_backwards


def _makes_pictures(architecture: str, _: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    is_unnamed = not architecture and any(map(_PICTURE_TENSORS.fullmatch, tensors))
    return is_unnamed or bool(_PICTURE_MAKERS.fullmatch(architecture))


def _fits(pattern: re.Pattern[str]) -> Callable[[str, Mapping[str, Any], frozenset[str]], bool]:
    return lambda architecture, _, __: bool(pattern.fullmatch(architecture))


_KINDS: tuple[tuple[Callable[[str, Mapping[str, Any], frozenset[str]], bool], str], ...] = (
    (
        _is_adapter,
        N_("{name} isn’t a chat model: it’s an adapter (LoRA), which modifies another model. Choose a complete model."),
    ),
    (
        _is_control_vector,
        N_("{name} isn’t a chat model: it’s a control vector, which steers another model. Choose a complete model."),
    ),
    (
        _is_importance_matrix,
        N_(
            "{name} isn’t a chat model: it’s an importance matrix, which is used to make models "
            "smaller. Choose the model itself."
        ),
    ),
    (
        _is_projector,
        N_(
            "{name} isn’t a chat model: it’s the part of a model that processes images or audio. Choose "
            "that model’s main file."
        ),
    ),
    (
        _fits(_DIFFUSION),
        N_(
            "{name} isn’t a chat model that Phichat can use: it generates its whole answer at once "
            "instead of word by word. Choose another model."
        ),
    ),
    (
        _is_for_search,
        N_(
            "{name} isn’t a chat model: it’s an embedding model, which compares text but doesn’t "
            "write it. Choose a chat model."
        ),
    ),
    (
        _fits(_DRAFTERS),
        N_(
            "{name} isn’t a chat model: it’s a draft model, which only guesses upcoming words for another "
            "model. Choose that model’s main file."
        ),
    ),
    (
        _makes_pictures,
        N_("{name} isn’t a chat model: it generates images or video. Choose a chat model."),
    ),
    (_fits(_SOUND_MAKERS), N_("{name} isn’t a chat model: it generates audio. Choose a chat model.")),
    (_fits(_LISTENERS), N_("{name} isn’t a chat model: it transcribes speech. Choose a chat model.")),
    (
        _fits(_TRANSLATORS),
        N_("{name} isn’t a chat model: it only translates or summarizes text. Choose a chat model."),
    ),
    (
        lambda architecture, _, __: not architecture,
        N_("{name} doesn’t say what kind of model it is, so Phichat can’t run it. Choose another file."),
    ),
    (
        lambda _, __, tensors: not tensors & _TEXT,
        N_("{name} ({kind}) is incomplete: the part that processes text is missing. Choose a complete model."),
    ),
)
"""The first that fits counts."""


def _printable(text: str) -> str:
    """Return a foreign name as it can stand in a sentence."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:40])

"""`/v1/embeddings`: texts into vectors, in OpenAI's forms."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phichat.i18n import tr
from phichat.server.api_error import bad_request
from phichat.server.parameters import Parameters

MOST, LONGEST = 256, 200_000  # texts of a request, characters of each
FORMATS = ("float", "base64")

Embedding = tuple[list[float], int]
"""A vector, and how many tokens its text had."""


@dataclass(frozen=True)
class EmbeddingRequest:
    """The texts to embed, and whether the vectors are wanted as base64, which is a quarter as long."""

    texts: tuple[str, ...]
    as_base64: bool


def embedding_request(parameters: Parameters) -> EmbeddingRequest:
    """Return what a body asks for. Raise ApiError."""
    texts = parameters.texts("input", MOST, LONGEST)
    if not all(texts) or not texts:
        raise bad_request(tr("“input” must contain at least one string, and no string can be empty."), "input")
    parameters.refuse("dimensions")
    kind = parameters.text("encoding_format", FORMATS[0])
    if kind not in FORMATS:
        raise bad_request(
            tr("“{name}” must be one of {values}.").format(name="encoding_format", values=", ".join(FORMATS)),
            "encoding_format",
        )
    return EmbeddingRequest(texts, kind == "base64")


def embedding_response(embeddings: Sequence[Embedding], model: str, *, as_base64: bool) -> dict[str, Any]:
    """Return OpenAI's form of `embeddings`."""
    tokens = sum(count for _, count in embeddings)
    data = [
        {"object": "embedding", "index": number, "embedding": _base64(vector) if as_base64 else vector}
        for number, (vector, _) in enumerate(embeddings)
    ]
    return {
        "object": "list",
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()

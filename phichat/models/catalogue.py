"""The models we know by name. Sizes serve until the Hub has answered; what counts is what the Hub says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A model file on the Hub. `bytes` and `sha256` are None where nobody told us."""

    name: str
    title: str
    repo: str
    file: str
    licence: str
    bytes: int | None = None
    sha256: str | None = None
    official: bool = True


PHI_3 = KnownModel(
    name="phi-3-mini-4k-instruct-q4",
    title="Phi-3 Mini",
    repo="microsoft/Phi-3-mini-4k-instruct-gguf",
    file="Phi-3-mini-4k-instruct-q4.gguf",
    licence="MIT",
    bytes=2_393_231_072,
    sha256="8a83c7fb9049a9b2e92266fa7ad04933bb53aa1e85136b7b30f1b8000ff2edef",
)

CATALOGUE: dict[str, KnownModel] = {model.name: model for model in (PHI_3,)}

"""The models that the app knows by name. Their sizes are used until the Hub has been asked."""

from dataclasses import dataclass

from phichat.i18n import N_
from phichat.models.base import HubFile

PHI_3_KV = 32 * 32 * 96 * 2 * 2  # layers * KV heads * head size * (K and V) * bytes per value
PHI_4_KV = 32 * 8 * 128 * 2 * 2


@dataclass(frozen=True)
class KnownModel:
    """A model file on the Hub.

    Attributes:
        title: translated when it is shown.
        bytes: its size; rounded as on its page on the Hub unless `is_exact`.
        sha256: None if not known.
        official: published by the model's makers; else a quantisation by the community.
        kv_bytes: KV cache bytes for one token of context.
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
)

_OTHERS = (
    KnownModel(
        name="phi-3-mini-4k-instruct-fp16",
        title=N_("Phi-3 Mini, full precision"),
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
    KnownModel(
        name="phi-3.5-mini-instruct-q4_k_m",
        title="Phi-3.5 Mini",
        repo="bartowski/Phi-3.5-mini-instruct-GGUF",
        file="Phi-3.5-mini-instruct-Q4_K_M.gguf",
        licence="MIT",
        bytes=2_390_000_000,
        official=False,
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
    ),
)

CATALOGUE: dict[str, KnownModel] = {model.name: model for model in (PHI_3, *_OTHERS)}


def find_by_hub_file(remote: HubFile | None) -> KnownModel | None:
    """Return the catalogue's model that is `remote`; None if there is none."""
    return next((known for known in CATALOGUE.values() if remote and known.remote.name == remote.name), None)


def find_by_file_name(file: str) -> KnownModel | None:
    """Return the model with this file name; None if there is none. A file of that name may be a different one."""
    return next((known for known in CATALOGUE.values() if known.file == file), None)

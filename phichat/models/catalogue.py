"""The models we know by name. Sizes serve until the Hub has answered; what counts is what the Hub says."""

from dataclasses import dataclass

from phichat.i18n import N_
from phichat.models.base import HubFile

PHI_3_KV = 32 * 32 * 96 * 2 * 2  # layers, heads for keys and values, their width, K and V, bytes each
PHI_4_KV = 32 * 8 * 128 * 2 * 2


@dataclass(frozen=True)
class KnownModel:
    """A model file on the Hub.

    Attributes:
        title: to be translated when shown.
        bytes: its size; `is_exact` says whether to the byte, else as its page on the Hub rounds it.
        sha256: None where nobody told us.
        official: published by the model's makers; else a quantisation by the community.
        kv_bytes: memory for the keys and values of one token of context.
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
        """Where it is on the Hub, with what is known for certain."""
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
        title=N_("Phi-3 Mini, in full precision"),
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
        title=N_("Phi-3.1 Mini, for long texts"),
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
    """The one that is `remote`; None if none is."""
    wanted = (remote.repo, remote.file) if remote else None
    return next((known for known in CATALOGUE.values() if (known.repo, known.file) == wanted), None)


def find_by_file_name(file: str) -> KnownModel | None:
    """The one whose file is called so; a file of that name may be any other."""
    return next((known for known in CATALOGUE.values() if known.file == file), None)

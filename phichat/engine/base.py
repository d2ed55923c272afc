"""The Engine protocol: what every engine takes, what it yields, and how it is stopped."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending, Piece, Turn
from phichat.chat.sampling import Sampling

__all__ = [
    "EVENT_NAMES",
    "CancelToken",
    "Done",
    "Engine",
    "EngineSettings",
    "Event",
    "Loaded",
    "Loading",
    "ModelKind",
    "ModelRef",
    "Notice",
    "Piece",
    "PromptFit",
    "PromptReady",
    "Reading",
    "Request",
    "VariantChosen",
    "as_json",
]  # fmt: skip


class ModelKind(StrEnum):
    """What the location of a model is."""

    FILE = "file"
    REMOTE = "remote"


@dataclass(frozen=True)
class ModelRef:
    """A model, and where it is.

    Attributes:
        name: what the command line and replies call it.
        title: what people read.
        kind: whether `location` is a file's path or a server's address.
        location: the path or address, which is what preferences store.
    """

    name: str
    title: str
    kind: ModelKind
    location: str

    @classmethod
    def of_file(cls, path: Path, name: str = "", title: str = "") -> Self:
        """Return the model in the file at `path`, named after it unless there is a `name`."""
        return cls(name or path.stem, title or name or path.stem, ModelKind.FILE, str(path))

    @property
    def path(self) -> Path:
        """The path of a model that is a file. Raise ValueError for any other."""
        if self.kind is not ModelKind.FILE:
            raise ValueError(f"{self.name} is not a file")
        return Path(self.location)


@dataclass(frozen=True)
class EngineSettings:
    """How a model is run. The same settings, seed and prompt on one machine give the same text.

    Attributes:
        context: tokens the model keeps in view; at most what the model was made for.
        threads: processor threads, at most.
        batch: tokens read in one step, between two looks at the stop flag and two progress events.
        flash_attention: a faster way to compute attention.
        repacking: rewrite the weights for this processor while loading; needs more memory.
        gpu_layers: layers on the graphics processor; -1 for all of them, where there is one.
        cache_type: how keys and values are held, "f16" or "q8_0", which takes half the memory and loses a little.
        looks_up: guess what comes next from what was said already, and have several guesses checked in one step. It
            changes no reply, but for the arithmetic of larger steps.
        follows_load: use fewer threads while other programs are busy and fewer are faster.
        variant: which of the library's variants for processors runs; empty for the best, and where there is but one.
        step_prices: how many single tokens the steps cost in which guesses are checked, by size; none if not measured.
    """

    context: int = 4096
    threads: int = 1
    batch: int = 128
    flash_attention: bool = True
    repacking: bool = False
    gpu_layers: int = -1
    cache_type: str = "f16"
    looks_up: bool = True
    follows_load: bool = True
    variant: str = ""
    step_prices: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_prices", tuple(self.step_prices))  # JSON knows but lists

    def as_json(self) -> dict[str, Any]:
        """As JSON holds them."""
        return {**asdict(self), "step_prices": list(self.step_prices)}


@dataclass(frozen=True)
class Request:
    """One question: the turns so far, the person's last, and how to sample the reply.

    `begun` is what there is of the reply already, which then goes on from there. While the last turn `is_draft`, it is
    only read, as far as it will stay the same however it goes on: the question, once asked, is answered sooner. With
    `only_counts`, a draft is not even read. Nothing of one that `is_temporary` goes to the disk.
    """

    turns: tuple[Turn, ...]
    sampling: Sampling = field(default_factory=Sampling)
    begun: Turn | None = None
    is_draft: bool = False
    is_temporary: bool = False
    only_counts: bool = False


@dataclass(frozen=True)
class VariantChosen:
    """The library will run in that `variant`, told before it may die of it; `lower` is the one to try next if it does.

    Both are empty where there is no choice.
    """

    variant: str = ""
    lower: str = ""


@dataclass(frozen=True)
class Loading:
    """A model is being loaded; `fraction` from 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Loaded:
    """A model is ready. `settings` are those in force, which may be safer than the ones asked for.

    `most_context` is what the model was made for, 0 if it does not say; `cpu` what the library was built to use;
    `reads` how many tokens a second it read here when it was measured, 0 if it was not.
    """

    model: ModelRef
    architecture: str
    context: int
    library: str
    settings: EngineSettings
    most_context: int = 0
    cpu: str = ""
    gpu: bool = False
    reads: float = 0.0

    @property
    def made_with(self) -> dict[str, Any]:
        """What a reply's text depends on besides model, prompt and sampling, as it is kept with the reply."""
        return {"library": self.library, "machine": self.cpu, "settings": self.settings.as_json()}


@dataclass(frozen=True)
class Notice:
    """One sentence the person should read."""

    text: str


@dataclass(frozen=True)
class PromptReady:
    """The prompt, before it is read: its ids, its text with special tokens written out, turns that had to go."""

    tokens: tuple[int, ...]
    text: str
    dropped: int = 0


@dataclass(frozen=True)
class PromptFit:
    """How the prompt, or that of a draft, fits: its tokens, of which `kept` need not be read, within a `context`.

    `dropped` as in PromptReady; where any were, `first` is the id of the message from which on nothing is left out,
    empty if that is what has no id yet.

    A draft that cannot fit has `trouble`, a sentence about that, and `excess` if the question alone has so many tokens
    too many.
    """

    tokens: int
    kept: int
    context: int
    dropped: int = 0
    first: str = ""
    trouble: str = ""
    excess: int = 0


@dataclass(frozen=True)
class Reading:
    """So many of the prompt's tokens have been read, those kept from before included."""

    done: int
    total: int


@dataclass(frozen=True)
class Done:
    """The reply is over. Times in seconds, speed in tokens per second; the first token comes from the prompt.

    `looked_up_tokens` of the reply were guessed right from what was said before.
    """

    reason: Ending
    seed: int
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds_to_first_token: float = 0.0
    prompt_seconds: float = 0.0
    completion_seconds: float = 0.0
    tokens_per_second: float = 0.0
    looked_up_tokens: int = 0


Event = VariantChosen | Loading | Loaded | Notice | PromptReady | PromptFit | Reading | Piece | Done


class Engine(Protocol):
    """Prompts in, tokens out. One thread uses an engine; only a CancelToken may come from another."""

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """Make `model` ready, in place of any other; `report` hears Loading and Notice events.

        Raise ModelError or EngineError.
        """

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """Answer: Notice, PromptReady, PromptFit, Reading events, a Piece for each token, one Done.

        A draft gets PromptFit, Reading and Done alone, and is no error where it does not fit. After `unload`, the model
        is loaded again first. Raises EngineError; what was yielded before stays valid.
        """

    def calibrate(self, stop: CancelToken) -> Iterator[Event]:
        """Find the fastest settings for the model, unless they are known; Loading and Loaded where they change."""

    def unload(self) -> None:
        """Give the model's memory back until it is needed again; what it remembers is put away first."""

    def close(self) -> None:
        """Give all memory back. `load` may be called again."""


def as_json(event: Event) -> dict[str, Any]:
    """`event` as the command line's `--json` writes it."""
    return {"event": EVENT_NAMES[type(event)], **asdict(event)}


EVENT_NAMES: dict[type, str] = {
    VariantChosen: "chosen",
    Loading: "loading",
    Loaded: "loaded",
    Notice: "notice",
    PromptReady: "prompt",
    PromptFit: "fitted",
    Reading: "reading",
    Piece: "piece",
    Done: "done",
}


SIZES = (8, 16, 32)  # tokens of a step, the one that is certain among them

"""The Engine protocol, the requests it takes and the events it yields."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Ending, Piece, PieceKind, Turn
from phichat.chat.sampling import MAX_SEED, Sampling
from phichat.engine.engine_settings import SIZES, EngineSettings
from phichat.engine.model_ref import Capabilities, ModelKind, ModelRef

if TYPE_CHECKING:
    from phichat.chat.distribution import Distribution

__all__ = [
    "EVENT_NAMES",
    "SIZES",
    "AnswerEvent",
    "CancelToken",
    "Capabilities",
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
    "PieceKind",
    "PromptFit",
    "PromptReady",
    "Reading",
    "Request",
    "Scored",
    "Tried",
    "Undecided",
    "VariantChosen",
    "as_json",
]  # fmt: skip

MOST_ANSWERS = 8
"""Answers that one request may ask for."""


@dataclass(frozen=True)
class Request:
    """A conversation to reply to.

    Attributes:
        turns: the conversation, the user's turn last.
        sampling: how to sample the reply.
        begun: the beginning of the reply, to continue from.
        forced: tokens with which the reply goes on then, whatever the model would choose.
        weighs_begun: whether to tell what the model weighs at each token of `begun`, and generate nothing.
        branched_at: where words begin in the text of `begun` that somebody chose: the model wasn't unsure there.
        is_draft: whether the last turn is still being written: prefill what will not change, and generate nothing.
        is_temporary: whether nothing of the conversation may be written to disk.
        only_counts: whether to count the tokens of a draft without prefilling it.
        candidates: how many of the likeliest tokens to tell with each piece, at most `chat.candidates.MOST`.
        finds_undecided: whether to tell at the end where the model was least sure.
        count: how many answers to write at the same time, at most `MOST_ANSWERS`. The first has the seed of `sampling`,
            each other one a seed that is higher by one.
        samplings: how to sample each of them, if not all by `sampling`; those with a seed keep it.
        raw: the prompt as it is, without a template, in place of the turns, as tokens or as a text in which special
            tokens count as such; None for a conversation.
        keeps_all: whether no turn may be left out: what does not fit is PromptTooLong then.
    """

    turns: tuple[Turn, ...]
    sampling: Sampling = field(default_factory=Sampling)
    begun: Turn | None = None
    forced: tuple[int, ...] = ()
    weighs_begun: bool = False
    branched_at: tuple[int, ...] = ()
    is_draft: bool = False
    is_temporary: bool = False
    only_counts: bool = False
    candidates: int = 0
    finds_undecided: bool = False
    count: int = 1
    samplings: tuple[Sampling, ...] = ()
    raw: str | tuple[int, ...] | None = None
    keeps_all: bool = False

    def sampling_of(self, answer: int) -> Sampling:
        """Return how to sample an answer, by its number from 0. The request has a seed."""
        sampling = self.samplings[answer] if answer < len(self.samplings) else self.sampling
        if sampling.seed is None or not self.samplings:
            sampling = replace(sampling, seed=((self.sampling.seed or 0) + answer) % (MAX_SEED + 1))
        return sampling


@dataclass(frozen=True)
class VariantChosen:
    """The CPU variant that llama.cpp will run, sent before it may crash; `lower` is the next to try if it does.

    Both are empty if the build has only one.
    """

    variant: str = ""
    lower: str = ""


@dataclass(frozen=True)
class Loading:
    """Progress of loading a model; `fraction` from 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Loaded:
    """A model is loaded.

    Attributes:
        model: which one.
        architecture: as in the file's metadata.
        context: size of the context in tokens; 0 if a server does not tell.
        library: name and version of the library that runs it, or the name of the server's program.
        settings: the settings in use, which may be safer than those requested.
        most_context: the context the model was trained for; 0 if unknown.
        cpu: the processor features that the library uses.
        gpu: whether layers are offloaded.
        reads: measured speed of prompt processing in tokens per second; 0 if not measured.
        thinking: whether the model thinks before it answers if nobody asks it to or not to: "on", "off", or empty if it
            can't think.
        capabilities: what an engine on another computer can do; None for one on this computer, which can do everything.
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
    thinking: str = ""
    capabilities: Capabilities | None = None

    @property
    def made_with(self) -> dict[str, Any]:
        """What the text of a reply depends on besides model, prompt and sampling; stored with the reply."""
        if self.model.is_remote:
            return {"library": self.library, "machine": self.model.host}
        return {"library": self.library, "machine": self.cpu, "settings": self.settings.as_json()}


@dataclass(frozen=True)
class Notice:
    """A sentence to show to the user; `is_passing` if it means nothing any more once the answer comes."""

    text: str
    is_passing: bool = False


@dataclass(frozen=True)
class PromptReady:
    """The prompt: its token ids, its text with special tokens written out, and how many turns were left out."""

    tokens: tuple[int, ...]
    text: str
    dropped: int = 0


@dataclass(frozen=True)
class PromptFit:
    """How the prompt of a request or draft fits into the context.

    Attributes:
        tokens: length of the prompt.
        kept: how many of them are in the KV cache already.
        context: size of the context in tokens; 0 if a server does not tell.
        dropped: how many turns were left out.
        first: id of the first message after those left out; empty if it has none yet.
        trouble: why a draft does not fit, as a sentence; empty if it fits.
        excess: by how many tokens the question alone is too long.
        is_estimate: whether `tokens` and `kept` are estimated from the length of the text.
        is_least: whether `tokens` and `excess` are only lower bounds, as a draft is much too long to be counted.
    """

    tokens: int
    kept: int
    context: int
    dropped: int = 0
    first: str = ""
    trouble: str = ""
    excess: int = 0
    is_estimate: bool = False
    is_least: bool = False


@dataclass(frozen=True)
class Reading:
    """Progress of prompt processing in tokens, those in the KV cache included."""

    done: int
    total: int


@dataclass(frozen=True)
class Undecided:
    """Where the model was least sure in an answer: the token with the lowest probability that was sampled.

    Attributes:
        distribution: of that token.
        before: the text of the answer before it.
        probability: that of the token in the model's own distribution, from 0 to 1.
        token: its id.
    """

    distribution: "Distribution"
    before: str
    probability: float
    token: int


@dataclass(frozen=True)
class Done:
    """The reply has ended. Times are in seconds; the first token belongs to prompt processing.

    `looked_up_tokens` is how many tokens of the reply came from prompt lookup, `thinking_tokens` how many are not part
    of the answer. `stopped_by` is the text of `Sampling.stop` that ended it; mostly empty.
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
    thinking_tokens: int = 0
    thinking_seconds: float = 0.0
    stopped_by: str = ""


@dataclass(frozen=True)
class Scored:
    """How surprising a token of a text is to the model, after the tokens before it.

    Attributes:
        text: what it adds to the text; empty where the token ends in the middle of a character.
        token: its id.
        logprob: the natural logarithm of its probability; None, like the others, if nothing comes before it.
        rank: how many tokens were at least as likely; 1 for the likeliest.
        entropy: of the model's distribution, in bits.
    """

    text: str
    token: int
    logprob: float | None = None
    rank: int | None = None
    entropy: float | None = None


@dataclass(frozen=True)
class Tried:
    """A trial of a calibration: measured speeds in tokens per second, and whether these settings are the choice."""

    settings: EngineSettings
    reads: float
    writes: float
    chosen: bool = False


@dataclass(frozen=True)
class AnswerEvent:
    """What happens to one of several answers, by its number from 0."""

    answer: int
    event: Piece | Undecided | Done


Event = (
    VariantChosen
    | Loading
    | Loaded
    | Notice
    | PromptReady
    | PromptFit
    | Reading
    | Piece
    | Scored
    | Undecided
    | AnswerEvent
    | Done
)


class Engine(Protocol):
    """Runs one model at a time. Not thread-safe: only a CancelToken may be set from another thread."""

    def load(
        self, model: ModelRef, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]
    ) -> Loaded:
        """Load `model` in place of any other; `report` is called with Loading and Notice events.

        Raise ModelError or EngineError.
        """

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """Yield Notice, PromptReady, PromptFit and Reading events, a Piece for each token, and one Done.

        With `finds_undecided`, Undecided comes before Done, unless no token of the answer was sampled.

        When `stop` is hurried, thinking ends, and the answer follows.

        With `weighs_begun`, the pieces are those of `begun`: of its own tokens or, without any, those of its text.

        With a `count` above 1, what belongs to one answer, its own Done too, comes in an AnswerEvent, and the last Done
        is of all of them. If the prompt was not read to its end, the last Done is the only one.

        A draft yields PromptFit, Reading and Done only, and is no error if it does not fit. After `unload`, load the
        model again first. Raise EngineError; what was yielded before stays valid.
        """

    def score(self, text: str, stop: CancelToken) -> Iterator[Event]:
        """Yield Notice and Reading events, a Scored for each token of `text`, and one Done.

        A text that is longer than the context is read in windows that overlap by half. Nothing of it is written to
        disk. Raise EngineError.
        """

    def calibrate(self, stop: CancelToken, report: Callable[[Tried], None] | None = None) -> Iterator[Event]:
        """Find the fastest settings for the model unless they are known; yield Loading and Loaded if they change.

        With `report`, which is called with every trial, measure them even if they are known or other programs are busy,
        unload the model, and do not load it again.
        """

    def unload(self) -> None:
        """Free the model's memory until it is needed again, and save its prompt cache first."""

    def close(self) -> None:
        """Free all memory. `load` may be called again."""


def as_json(event: Event) -> dict[str, Any]:
    """Return `event` as the command line's `--json` prints it."""
    if isinstance(event, AnswerEvent):
        return {**as_json(event.event), "answer": event.answer}
    values = asdict(event)
    if isinstance(event, Piece):
        values |= values.pop("choice") or {}
        if event.choice and not event.choice.knows_after:
            values["after"] = None
            values["candidates"] = [{**each, "after": None} for each in values["candidates"]]
    return {"event": EVENT_NAMES[type(event)], **values}


EVENT_NAMES: dict[type, str] = {
    VariantChosen: "chosen",
    Loading: "loading",
    Loaded: "loaded",
    Notice: "notice",
    PromptReady: "prompt",
    PromptFit: "fitted",
    Reading: "reading",
    Piece: "piece",
    Scored: "token",
    Undecided: "undecided",
    Done: "done",
}

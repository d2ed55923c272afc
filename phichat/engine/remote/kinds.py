"""Which settings each kind of server takes, and what else it can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from phichat.chat.sampling import UNLIMITED, Sampling
from phichat.engine.model_ref import Capabilities
from phichat.engine.remote.base import ServerKind

Body = dict[str, Any]


@dataclass(frozen=True)
class Traits:
    """What servers of a kind take.

    Attributes:
        names: the fields of `Sampling` that they take, and what they call them.
        switches: how thinking is turned on and off: "template" by the chat template's variable, "effort" by
            `reasoning_effort`; empty if it cannot be.
        budget: what they call a limit of thinking in tokens; empty if there is none.
        continues: whether they go on with an assistant's message that comes last; with `marks_continuing`, they want
            that to be said.
        candidates: how many of the likeliest tokens they tell, at most.
        counts_at: the page that counts the tokens of messages; empty if there is none.
        takes_options: whether they take `stream_options`, which others may refuse.
        wants_room: whether they refuse an answer that may be longer than what is left of the context.
    """

    names: Mapping[str, str]
    switches: str = ""
    budget: str = ""
    continues: bool = False
    marks_continuing: bool = False
    candidates: int = 20
    counts_at: str = ""
    takes_options: bool = True
    wants_room: bool = False

    @property
    def sampling(self) -> tuple[str, ...]:
        """The names of the fields of `Sampling` that they take."""
        return (*self.names, *(["thinking"] if self.switches else []))

    @property
    def capabilities(self) -> Capabilities:
        """What the window and the command line are told."""
        return Capabilities(
            self.sampling,
            continues=self.continues,
            candidates=self.candidates,
            ends_thinking=bool(self.switches),
            counts_tokens=bool(self.counts_at),
        )


def _named(*names: str, **others: str) -> dict[str, str]:
    return {**{name: name for name in names}, **others}


_USUAL = _named("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "max_tokens")
_OURS = _named(
    "top_k", "min_p", "repeat_penalty", "repeat_last_n", "dry_multiplier", "dry_base", "dry_allowed_length",
    "top_n_sigma", "typical_p", "xtc_probability", "xtc_threshold", "dynatemp_range",
)  # fmt: skip

TRAITS: dict[ServerKind, Traits] = {
    ServerKind.LLAMA_CPP: Traits(
        {**_USUAL, **_OURS, "mirostat": "mirostat_tau"},
        switches="template",
        budget="thinking_budget_tokens",
        continues=True,
        marks_continuing=True,
        counts_at="/chat/completions/input_tokens",
    ),
    ServerKind.VLLM: Traits(
        {**_USUAL, **_named("top_k", "min_p", repeat_penalty="repetition_penalty")},
        switches="template",
        budget="thinking_token_budget",
        continues=True,
        marks_continuing=True,
        counts_at="/tokenize",
        wants_room=True,
    ),
    ServerKind.OLLAMA: Traits(_USUAL, switches="effort", continues=True),
    ServerKind.LM_STUDIO: Traits({**_USUAL, **_named("top_k", "repeat_penalty")}),
    ServerKind.OPENAI: Traits({**_USUAL, "max_tokens": "max_completion_tokens"}),
    ServerKind.PHICHAT: Traits({**_USUAL, **_OURS}, switches="template", continues=True),
    ServerKind.UNKNOWN: Traits(_USUAL, candidates=0, takes_options=False),
}
"""Those of llama.cpp and vLLM are by their source, and tried; those of Ollama, LM Studio and OpenAI are what is known
of them, and not tried. What a server refuses is left out of the next request.

vLLM has `bad_words`, which can't keep words out of an answer: one that has another number of tokens after a space, such
as "captain" in many vocabularies, is let through there, and every word in other tokens than its usual ones."""


@dataclass(frozen=True)
class Limits:
    """How long an answer may be.

    Attributes:
        sent: `max_tokens` as it is sent; None to leave it out, as a server would count what is thought.
        counted: after how many tokens of the answer to close the connection; None where the server ends it.
    """

    sent: int | None = None
    counted: int | None = None


def limits_of(sampling: Sampling, *, thinks: bool) -> Limits:
    """Return the limits of an answer by a model that `thinks`, as far as is known."""
    budget = sampling.thinking
    if budget is not None and budget > 0:
        return Limits(sampling.max_tokens + budget, sampling.max_tokens)
    has_no_limit = thinks if budget is None else budget == UNLIMITED
    return Limits(None, sampling.max_tokens) if has_no_limit else Limits(sampling.max_tokens)


def limits_in(room: int, limits: Limits, sampling: Sampling) -> Limits:
    """Return `limits` for servers that want that `room`, in tokens, is enough: else they choose the end themselves."""
    fits = limits.sent is None or limits.sent <= room
    return limits if fits else Limits(None, sampling.max_tokens)


@dataclass(frozen=True)
class Options:
    """What is asked for besides the settings: candidates of each token, and how long the answer may be."""

    candidates: int = 0
    limits: Limits = field(default_factory=Limits)


def settings_body(traits: Traits, sampling: Sampling, options: Options) -> Body:
    """Return the part of a request's body that says how to answer."""
    values = {traits.names[name]: getattr(sampling, name) for name in traits.names}
    body: Body = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    body[traits.names["max_tokens"]] = options.limits.sent
    if "mirostat" in traits.names and sampling.mirostat:
        body["mirostat"] = 2
    body |= _thinking_body(traits, sampling.thinking)
    if count := min(options.candidates, traits.candidates):
        body |= {"logprobs": True, "top_logprobs": count}
    return {name: value for name, value in body.items() if value not in (None, [])}


def _thinking_body(traits: Traits, budget: int | None) -> Body:
    if budget is None or not traits.switches:
        return {}
    if traits.switches == "effort":
        return {"reasoning_effort": "medium" if budget else "none"}
    limit = {traits.budget: budget} if traits.budget and budget > 0 else {}
    return {"chat_template_kwargs": {"enable_thinking": bool(budget)}, **limit}

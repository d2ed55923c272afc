"""A request's sampling settings, by the names that OpenAI, llama.cpp and vLLM have for them."""

from dataclasses import replace
from typing import Any

from phichat.chat.sampling import LARGEST_CONTEXT, LONGEST_TEXT, MAX_SEED, MOST_TEXTS, SETTINGS, UNLIMITED, Sampling
from phichat.i18n import tr
from phichat.server.api_error import bad_request
from phichat.server.parameters import Parameters

RANGES = {
    "temperature": (0, 2),
    "top_k": (-1, 2**31 - 1),
    "top_n_sigma": (-1, 10),
    "repeat_penalty": (0.01, 10),
    "repeat_last_n": (-1, LARGEST_CONTEXT),
    "max_tokens": (1, LARGEST_CONTEXT),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
"""Of what other programs may ask for more than the settings panel offers; -1 is llama.cpp's word for no limit."""

OTHER_NAMES = {"repetition_penalty": "repeat_penalty", "max_completion_tokens": "max_tokens"}
OTHERS_MEAN_ELSE = {"mirostat"}  # llama.cpp's is a version, ours a strength
ALL_OF_IT = 4096  # tokens for penalties of a whole answer; each is counted again at each token

EFFORTS = ("minimal", "low", "medium", "high", "xhigh")
LARGEST_SEED = 2**64


def default_sampling() -> Sampling:
    """Return the settings for what a request leaves open: ours, but without a penalty that clients know nothing of."""
    return Sampling(repeat_penalty=1, max_tokens=LARGEST_CONTEXT)


def sampling_of(parameters: Parameters, base: Sampling) -> Sampling:
    """Return `base` with the settings that are in `parameters`. Raise ApiError."""
    values = dict(parameters.values)
    for theirs, ours in OTHER_NAMES.items():
        if parameters.has(theirs):
            values[ours] = values[theirs]
    given = Parameters(values)
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        if given.has(setting.name) and setting.name not in OTHERS_MEAN_ELSE:
            low, high = RANGES.get(setting.name, (setting.low, setting.most))
            take = given.number if setting.decimals else given.whole
            found[setting.name] = take(setting.name, low, high, 0)  # type: ignore[arg-type]
    if found.get("repeat_last_n", 0) < 0:
        found["repeat_last_n"] = ALL_OF_IT
    if (found.get("presence_penalty") or found.get("frequency_penalty")) and not given.has("repeat_last_n"):
        found["repeat_last_n"] = ALL_OF_IT
    for name in ("top_k", "top_n_sigma"):
        found |= {name: 0} if found.get(name, 0) < 0 else {}
    if given.has("seed"):
        found["seed"] = given.whole("seed", -LARGEST_SEED, LARGEST_SEED, 0) % (MAX_SEED + 1)
    if given.has("stop"):
        found["stop"] = tuple(filter(None, given.texts("stop", MOST_TEXTS, LONGEST_TEXT)))
    return replace(base, **found, thinking=_thinking(parameters, base.thinking))


def _thinking(parameters: Parameters, base: int | None) -> int | None:
    """Return `Sampling.thinking`: as OpenAI's `reasoning_effort` or the template's `enable_thinking` say."""
    template = parameters.object("chat_template_kwargs")
    if template.has("enable_thinking"):
        return UNLIMITED if template.flag("enable_thinking") else 0
    effort = parameters.text("reasoning_effort")
    if effort == "none":
        return 0
    if effort and effort not in EFFORTS:
        efforts = ", ".join(("none", *EFFORTS))
        raise bad_request(
            tr("“{name}” must be one of {values}.").format(name="reasoning_effort", values=efforts), "reasoning_effort"
        )
    return base

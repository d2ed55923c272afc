"""One timed run: ours through the app's path, or a loop without the app, each in a process of its own."""

from dataclasses import asdict, replace

from phichat.bench.plan import Plan
from phichat.bench.processes import Figures, figures_of
from phichat.engine.base import EngineSettings
from phichat.errors import PhichatError
from phichat.i18n import tr

SEED = 7  # with it, the starter does not end its reply early
STARTING = 1.0  # seconds a process takes to begin, about


def ours(plan: Plan, words: int, tokens: int, *, seconds: float | None = None, follows_load: bool = False) -> Figures:
    """One run through the worker thread and the child process, timed where the window would see it.

    Nothing is looked up: that is the part `lookup`, and the loops beside this cannot. The reply ends after `tokens`,
    or `seconds` after its first. Raises PhichatError.
    """
    settings = replace(plan.settings, looks_up=False, follows_load=follows_load)
    order = {
        "model": str(plan.model),
        "settings": settings.as_json(),
        "sampling": asdict(replace(plan.sampling, max_tokens=tokens, seed=SEED)),
        "text": story(words),
        "seconds": seconds,
    }
    figures = figures_of("phichat.bench.window_speed", order)
    if figures is None or "error" in figures:
        raise cannot_be_measured(plan, figures["error"] if figures else tr("its process ended"))
    return figures


def loop(
    kind: str, plan: Plan, settings: EngineSettings, like: Figures, *, seconds: float | None = None
) -> Figures | None:
    """One run of the loop `kind`, which reads the tokens of a run of ours and writes as many; None where it died."""
    order = {
        "what": kind,
        "model": str(plan.model),
        "settings": settings.as_json(),
        "sampling": asdict(replace(plan.sampling, seed=SEED)),
        "tokens": like["tokens"],
        "count": like["count"],
        "seconds": seconds,
    }
    return figures_of("phichat.bench.loops", order)


def cannot_be_measured(plan: Plan, reason: str) -> PhichatError:
    """The app itself cannot do what is to be measured."""
    return PhichatError(
        tr("{name} could not be measured: {reason}. Try it with `phichat ask`.").format(
            name=plan.model.name, reason=reason
        )
    )


def story(words: int) -> str:
    """A text of so many words that asks for a long answer."""
    sentence = "The old ferry goes over the river every morning and carries bread, letters and people to the town."
    whole = " ".join([sentence] * (words // len(sentence.split()) + 1)).split()[:words]
    return f"Tell me a very long story with many chapters. {' '.join(whole)}"

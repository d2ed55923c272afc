"""What guessing ahead is worth: generation with it and without, where a text is copied and where one is made up."""

from dataclasses import asdict
from typing import Any

from phichat.bench.plan import Plan
from phichat.bench.processes import Figures, figures_of
from phichat.bench.runs import cannot_be_measured
from phichat.i18n import tr


def measure(plan: Plan) -> dict[str, Any]:
    """The part `lookup`, all of it in one process: what is compared is too near for the luck of two."""
    plan.report(tr("Measuring guesses …"))
    figures = figures_of("phichat.bench.lookup_run", order(plan))
    if figures is None or "error" in figures:
        raise cannot_be_measured(plan, figures["error"] if figures else tr("its process ended"))
    return {"lookup": figures}


def order(plan: Plan) -> Figures:
    """What that process is told."""
    return {
        "model": str(plan.model),
        "settings": plan.settings.as_json(),
        "sampling": asdict(plan.sampling),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }

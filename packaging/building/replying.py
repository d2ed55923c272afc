"""Has the engine answer once with a wheel of llama.cpp that is not installed, on this processor or on an emulated one.

`python -m building.replying MODEL` answers in-process and says in JSON what it ran in and how many tokens it made;
with words after MODEL, such as an emulator's, the engine is the hosted one, and they begin the command of its child.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from building.project import PACKAGING, ROOT, Trouble

TOKENS = 8
_MAKE_MODEL = "import pathlib, sys; from tests.support.tiny_models import chatml; chatml(pathlib.Path(sys.argv[1]))"


def tiny_model(file: Path) -> Path:
    """The one that tests have, made there."""
    subprocess.run([sys.executable, "-c", _MAKE_MODEL, file], env=environment(), check=True)
    return file


def reply(
    model: Path, llama: Path, home: Path, before: Sequence[str] = (), child: Sequence[str] = ()
) -> dict[str, Any]:
    """What became of it: `variant`, `tokens`, `notices`.

    `llama` is the folder that the wheel was unpacked into. `before` goes before the command, `child` before that of the
    engine's child; without, the engine works in-process.
    """
    command = [*before, sys.executable, "-m", "building.replying", str(model), *child]
    variables = environment(llama) | {"PHICHAT_HOME": str(home)}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"the engine did not answer ({done.returncode}): {(done.stderr or done.stdout).strip()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def environment(*places: Path) -> dict[str, str]:
    """For Python with these places. What tells NumPy's OpenBLAS the processor would be wrong where one is emulated."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    path = os.pathsep.join(map(str, (*places, ROOT, PACKAGING)))
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _answer(model: Path, child: Sequence[str]) -> dict[str, Any]:
    from phichat import runtime  # noqa: PLC0415
    from phichat.chat.conversation import Role, Turn  # noqa: PLC0415 - whoever has it answered needs none of it
    from phichat.chat.sampling import Sampling  # noqa: PLC0415
    from phichat.engine.base import CancelToken, Engine, Event, ModelRef, Notice, Piece, Request  # noqa: PLC0415
    from phichat.engine.process.engine_process import EngineProcess  # noqa: PLC0415
    from phichat.engine.settings import TuningStore, suggested  # noqa: PLC0415
    from phichat.paths import Home  # noqa: PLC0415

    if child:
        command = *child, *runtime.process_command("phichat.engine.process.worker")
        engine: Engine = EngineProcess(TuningStore(Home(Path(os.environ["PHICHAT_HOME"])).engine), command)
    else:
        from phichat.engine.llama.engine import LlamaEngine  # noqa: PLC0415

        engine = LlamaEngine()
    heard: list[Event] = []
    loaded = engine.load(ModelRef.of_file(model), suggested(512), CancelToken(), heard.append)
    sampling = Sampling().with_values({"max_tokens": TOKENS, "seed": 1})
    events = [*heard, *engine.generate(Request((Turn(Role.USER, "Hi"),), sampling), CancelToken())]
    engine.close()
    return {
        "variant": loaded.settings.variant,
        "tokens": sum(isinstance(event, Piece) for event in events),
        "notices": [event.text for event in events if isinstance(event, Notice)],
    }


if __name__ == "__main__":
    print(json.dumps(_answer(Path(sys.argv[1]), sys.argv[2:])))

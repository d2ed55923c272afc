"""A model's chat template in a process of its own, with limits of time and memory: its file is not trusted."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Self

from phichat import runtime
from phichat.chat.conversation import Turn
from phichat.chat.prompts.base import Part, Template, TemplateError
from phichat.chat.prompts.known_templates import is_known_phi, known_template
from phichat.engine.process import protocol
from phichat.engine.process.child_process import ChildProcess
from phichat.engine.process.template_worker import MEMORY, MEMORY_PER_CHARACTER, size_of
from phichat.i18n import tr

PATIENCE = 30.0  # seconds for an answer, where other programs are busy or the system has no limits
LOOK_EVERY = 0.05
FRESH = 60.0  # seconds for which a rendered template is used again, as it may write the time
REMEMBERED = 32  # prompts that are used again
LONGEST_PROMPT = 4_000_000  # characters; no context holds as many


class TemplateProcess:
    """Compiles and renders templates in a child process, which is started when it is needed, and again if it died.

    Templates that are known to the letter don't need it.
    """

    def __init__(self, command: Sequence[str] = ()) -> None:
        self._command = list(command) or runtime.process_command("phichat.engine.process.template_worker")
        self._process: ChildProcess | None = None

    def prepare(self, source: str) -> None:
        """Start the child if the template will need it, so that it is ready then."""
        if source and not known_template(source) and not is_known_phi(source):
            with suppress(OSError):  # it is told when it is needed
                self.start()

    def start(self) -> ChildProcess:
        """Start the child, if it isn't there, and return it. Raise OSError."""
        self._process = self._process or ChildProcess(self._command)
        return self._process

    def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process:
            process.end()

    def compile(self, source: str) -> Template:
        """Return the template. Raise TemplateError if it does not compile within the limits."""
        if known := known_template(source):
            return known
        self.ask({"template": source})
        return _RemoteTemplate(self, source)

    def ask(self, order: protocol.Line) -> protocol.Line:
        """Return the child's answer. Raise TemplateError, also when it breaks a limit, which ends the child."""
        try:
            process = self.start()
        except OSError as error:
            raise TemplateError(str(error)) from error
        with _Limits(process, 2 * MEMORY + size_of(order) * MEMORY_PER_CHARACTER) as limits:  # with Python's own memory
            process.send(order)
            answer = process.receive()
        if answer is None:
            self._process = None
            ending = process.end()
            raise _LimitBroken(limits.broken or _reason(ending))
        if "error" in answer:
            raise (_LimitBroken if answer.get("is_limit") else TemplateError)(answer["error"])
        return answer


class _LimitBroken(TemplateError):
    """The template takes too much of something, and would do so again."""


class _RemoteTemplate:
    """Implements Template. What it gives is used again for a while, as one prompt is fitted in many steps."""

    def __init__(self, process: TemplateProcess, source: str) -> None:
        self._process, self._source = process, source
        self._known: dict[object, list[Part]] = {}
        self._since = 0.0
        self._broken: _LimitBroken | None = None

    def parts(self, turns: Sequence[Turn], variables: Mapping[str, object]) -> list[Part]:
        """See Template."""
        if time.monotonic() > self._since + FRESH or len(self._known) >= REMEMBERED:
            self._known, self._since = {}, time.monotonic()
        said = [
            (str(turn.role), turn.text, turn.thinking, asdict(turn.documents) if turn.documents else None)
            for turn in turns
        ]
        key = (repr(said), repr(sorted(variables.items())))
        if key not in self._known:
            self._known[key] = self._rendered({"turns": said, "variables": dict(variables)})
        return self._known[key]

    def _rendered(self, order: protocol.Line) -> list[Part]:
        if self._broken:
            raise self._broken
        if size_of(order) > LONGEST_PROMPT:
            raise TemplateError("the conversation is too long")
        try:
            answer = self._process.ask({"template": self._source, **order})
        except _LimitBroken as error:
            self._broken = error
            raise
        return [(text, source) for text, source in answer["parts"]]


class _Limits:
    """Kills a child that takes too long, or too much memory where the system does not see to that itself.

    Attributes:
        broken: which limit it was, as words; empty for none.
    """

    def __init__(self, process: ChildProcess, memory: int) -> None:
        self._process, self._memory = process, memory
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="template limits")
        self.broken = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil  # noqa: PLC0415 - a tenth of the start of a model's process

        for _ in range(int(PATIENCE / LOOK_EVERY)):  # counted, as a computer may sleep meanwhile
            if self._is_over.wait(LOOK_EVERY):
                return
            with suppress(psutil.Error):
                if psutil.Process(self._process.pid).memory_info().rss > self._memory:
                    self._end(tr("the template uses too much memory"))
                    return
        self._end(tr("the template takes too long to run"))

    def _end(self, reason: str) -> None:
        self.broken = reason
        self._process.kill()


def _reason(ending: str) -> str:
    if ending in {"SIGXCPU", "SIGKILL"}:
        return tr("the template takes too long to run")
    return tr("the process running the template stopped unexpectedly: {reason}").format(reason=ending or "0")

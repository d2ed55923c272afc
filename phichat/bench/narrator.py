"""A model that says what it is told to at a steady pace, so that the window alone is measured; and a long past."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from phichat.chat.conversation import Ending, Message, Reply, Role, new_id
from phichat.engine.base import CancelToken, Done, EngineSettings, Event, Loaded, Piece, PromptFit, PromptReady, Request
from phichat.store.base import ConversationRecord, ConversationSummary

LETTERS = 5  # to a token

_PROSE = (
    "The old ferry goes over the river **every morning** and carries bread, letters and people to the town. It is "
    "slow, *friendly* and a little late, and `nobody` minds."
)
_LIST = "- bread from the mill\n- letters for the [town](https://example.org)\n- people who\n  - sit\n  - stand"
_CODE = "```python\ndef cross(river, people):\n    for one in people:\n        river.carry(one)\n    return river\n```"
_TABLE = "| day | people |\n|---|---|\n| Monday | 12 |\n| Tuesday | 9 |"
_ANSWERS = (
    _PROSE,
    f"{_PROSE}\n\n{_LIST}",
    f"## The river\n\n{_PROSE} {_PROSE}",
    f"{_PROSE}\n\n{_CODE}\n\n{_PROSE}",
    f"{_PROSE}\n\n{_TABLE}\n\n{_PROSE}",
)


class Narrator:
    """Implements Engine: each reply is `letters` long and comes at so many tokens a second."""

    def __init__(self, letters: int, speed: float) -> None:
        self._text, self._speed = long_text(letters), speed

    def load(self, path: Path, settings: EngineSettings, stop: CancelToken, report: Callable[[Event], None]) -> Loaded:  # noqa: ARG002 - the protocol's
        """At once."""
        return Loaded(path.stem, str(path), "phi3", settings.context, "narrator", settings)

    def generate(self, request: Request, stop: CancelToken) -> Iterator[Event]:
        """Tell it. A token that is late does not delay the others."""
        yield PromptFit(1, 0, 4096)
        if not request.is_draft:
            yield PromptReady((1,), "")
            yield from self._tell(stop)
        yield Done(Ending.STOP, 0)

    def calibrate(self, stop: CancelToken) -> Iterator[Event]:  # noqa: ARG002 - the protocol's
        """There is nothing to find."""
        yield from ()

    def unload(self) -> None:
        """There is nothing to give back."""

    def close(self) -> None:
        """There is nothing to give back."""

    def _tell(self, stop: CancelToken) -> Iterator[Event]:
        begun = time.perf_counter()
        for number, at in enumerate(range(0, len(self._text), LETTERS)):
            if stop.wait(max(0.0, begun + number / self._speed - time.perf_counter())):
                return
            yield Piece(self._text[at : at + LETTERS], 1000 + number)


def long_text(letters: int) -> str:
    """Markdown of that length, with a bit of everything."""
    text = "\n\n".join(_ANSWERS)
    return "\n\n".join([text] * (letters // len(text) + 1))[:letters]


def long_record(messages: int) -> ConversationRecord:
    """A conversation of so many messages."""
    path: list[Message] = []
    for number in range(messages):
        parent = path[-1].id if path else None
        created = 1_700_000_000.0 + number
        if number % 2:
            text = _ANSWERS[number // 2 % len(_ANSWERS)]
            reply = Reply("narrator", number, tuple(range(1000, 1000 + len(text) // LETTERS)), Ending.STOP)
            path.append(Message(Role.ASSISTANT, text, parent, reply=reply, created=created))
        else:
            path.append(Message(Role.USER, f"And what about the ferry, the {number}th time?", parent, created=created))
    heading = ConversationSummary(new_id(), "A long conversation", path[0].created, path[-1].created)
    return ConversationRecord(heading, path[-1].id, messages=tuple(path))

"""The line protocol between the app and its child process: one JSON object a line.

Lines are sent at once; the pieces of a fast reply are sent together.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import IO, Any

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.conversation import Ending, Role, Turn, TurnDocuments
from phichat.chat.distribution import Distribution
from phichat.chat.sampling import Sampling
from phichat.engine.base import (
    EVENT_NAMES,
    AnswerEvent,
    Done,
    EngineSettings,
    Event,
    Loaded,
    ModelKind,
    ModelRef,
    Piece,
    PromptReady,
    Request,
    Undecided,
)
from phichat.errors import PhichatError, PromptTooLong, error_class

Line = dict[str, Any]

_PIECES = "pieces"
_PIECE_FIELDS = [field.name for field in fields(Piece)]
_FLAGS = [field.name for field in fields(Request) if field.type in {bool, "bool"}]
_EVENTS = {name: kind for kind, name in EVENT_NAMES.items()}


def write_lines(pipe: IO[bytes], *lines: Line) -> None:
    """Write `lines` and flush. Raise OSError if nobody reads."""
    pipe.write(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines))
    pipe.flush()


def read_line(pipe: IO[bytes]) -> Line | None:
    """Return the next line; None if the other process is gone, even in the middle of one."""
    data = pipe.readline()
    if not data.endswith(b"\n"):
        return None
    line: Line = json.loads(data)
    return line


def error_line(error: PhichatError) -> Line:
    """Return the line that tells of an error."""
    line: Line = {"event": "error", "kind": type(error).__name__, "text": str(error)}
    if isinstance(error, PromptTooLong):
        line |= {"tokens": error.tokens, "excess": error.excess, "is_least": error.is_least}
    return line


def error_of(line: Line) -> PhichatError:
    """Return the error that a line tells of."""
    kind = error_class(line["kind"])
    if issubclass(kind, PromptTooLong):
        return kind(line["text"], line["tokens"], line["excess"], is_least=line["is_least"])
    return kind(line["text"])


def pieces_line(said: Sequence[Piece | AnswerEvent], numbers: Sequence[int] = ()) -> Line:
    """Return a line with one list for each field of the pieces, and for the numbers of their orders if need be."""
    pieces = [each.event if isinstance(each, AnswerEvent) else each for each in said]
    line: Line = {name: [getattr(piece, name) for piece in pieces] for name in _PIECE_FIELDS}
    choices = [_choice_values(choice) if choice else None for choice in line["choice"]] if any(line["choice"]) else None
    line |= {"event": _PIECES, "choice": choices}
    answers = [each.answer if isinstance(each, AnswerEvent) else None for each in said]
    if any(answer is not None for answer in answers):
        line["answer"] = answers
    return {**line, "number": list(numbers)} if any(numbers) else line


def events_of(line: Line) -> Iterator[Event]:
    """Yield the events of a line: one, or several pieces."""
    return (event for _, event in numbered_events_of(line))


def numbered_events_of(line: Line) -> Iterator[tuple[int, Event]]:
    """Yield the events of a line, each with the number of its order; 0 where there is only one."""
    if line["event"] != _PIECES:
        values = dict(line)
        yield values.pop("number", 0), _event_of(values)
        return
    nothing = [None] * len(line["text"])
    pieces = map(
        Piece, *({**line, "choice": map(_choice_of, line["choice"] or nothing)}[name] for name in _PIECE_FIELDS)
    )
    numbers = line.get("number") or [0] * len(nothing)
    for number, piece, answer in zip(numbers, pieces, line.get("answer") or nothing, strict=True):
        yield number, piece if answer is None else AnswerEvent(answer, piece)


def _event_of(line: Line) -> Event:
    values = dict(line)
    if (answer := values.pop("answer", None)) is not None:
        return AnswerEvent(answer, _event_of(values))  # type: ignore[arg-type]
    kind = _EVENTS[values.pop("event")]
    if kind is Loaded:
        values["settings"] = EngineSettings(**values["settings"])
        values["model"] = model_of(values["model"])
    elif kind is PromptReady:
        values["tokens"] = tuple(values["tokens"])
    elif kind is Undecided:
        values["distribution"] = Distribution.of_json(values["distribution"])
    elif kind is Done:
        values["reason"] = Ending(values["reason"])
    event: Event = kind(**values)
    return event


def model_of(values: Line) -> ModelRef:
    """Return the model in a line's value."""
    return ModelRef(**{**values, "kind": ModelKind(values["kind"])})


def request_of(line: Line) -> Request:
    """Return the request in a line."""
    begun = line.get("begun")
    turns, begun = tuple(map(_turn, line["turns"])), _turn(begun) if begun else None
    flags: dict[str, Any] = {name: bool(line[name]) for name in _FLAGS}
    numbers = {name: int(line[name]) for name in ("candidates", "count")}
    samplings = tuple(Sampling(**each) for each in line["samplings"])
    raw = tuple(line["raw"]) if isinstance(line["raw"], list) else line["raw"]
    values: Line = {**numbers, **flags, "samplings": samplings, "raw": raw, "branched_at": tuple(line["branched_at"])}
    return Request(turns, Sampling(**line["sampling"]), begun, tuple(map(int, line["forced"])), **values)


def _choice_values(choice: Choice) -> list[Any]:
    """Return a choice as lists, which take a tenth of the time of dicts with names."""
    told = [[each.token, each.text, each.before, each.after, each.cut_by] for each in choice.candidates]
    return [choice.probability, choice.after, choice.rank, choice.entropy, told]


def _choice_of(values: list[Any] | None) -> Choice | None:
    if values is None:
        return None
    probability, after, rank, entropy, candidates = values
    return Choice(probability, after, rank, entropy, tuple(Candidate(*each) for each in candidates))


def _turn(values: Line) -> Turn:
    return Turn(
        Role(values["role"]),
        values["text"],
        tuple(values["tokens"]),
        bool(values["is_pinned"]),
        str(values["message"]),
        str(values.get("thinking", "")),
        documents_of(values.get("documents")),
    )


def documents_of(values: Line | None) -> TurnDocuments | None:
    """Return the documents of a turn that a line holds."""
    if not values:
        return None
    return TurnDocuments(values["question"], tuple((title, text) for title, text in values["texts"]))


GATHERED = 0.025  # seconds within which pieces are sent together


class BatchedWriter:
    """Writes lines to a pipe, pieces in batches; exits the process if nobody reads.

    Each time the app's process wakes up, it takes a core from one of llama.cpp's threads, and the others wait for it:
    at 150 tokens a second on two cores that cost three percent. Work of this process between two tokens costs five
    times as much as the same work in one go, as the model has evicted it from the processor's cache.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._waits = threading.Event()
        self._pieces: list[Piece | AnswerEvent] = []
        self._numbers: list[int] = []
        self._next = 0.0
        threading.Thread(target=self._send_late, daemon=True, name="sending").start()

    def send(self, line: Line) -> None:
        """Send a line, after the pieces that wait."""
        with self._lock:
            self._send(line)
            self._next = 0.0

    def send_piece(self, piece: Piece | AnswerEvent, number: int = 0) -> None:
        """Send a piece and those that wait, or let it wait if some were sent less than `GATHERED` seconds ago.

        `number` is that of its order if there are several.
        """
        with self._lock:
            self._pieces.append(piece)
            self._numbers.append(number)
            if time.monotonic() >= self._next:
                self._send()
            elif len(self._pieces) == 1:
                self._waits.set()

    def _send_late(self) -> None:
        """Send pieces that no other follows; the others are sent with the next one, by the thread that adds it."""
        while self._waits.wait():
            time.sleep(2 * GATHERED)
            with self._lock:
                if not self._pieces:
                    self._waits.clear()
                elif time.monotonic() >= self._next + GATHERED:
                    self._send()

    def _send(self, *lines: Line) -> None:
        pieces, numbers, self._pieces, self._numbers = self._pieces, self._numbers, [], []
        try:
            write_lines(self._pipe, *([pieces_line(pieces, numbers)] if pieces else []), *lines)
        except OSError:
            os._exit(0)
        self._next = time.monotonic() + GATHERED

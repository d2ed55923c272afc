"""A model file's Jinja chat template, rendered in a sandbox into runs of text, each with where it comes from.

The file is not trusted. The template sees the real messages, as many templates look for marks of thoughts in them; but
in what it renders each character still tells whose it is, so that only the template's own text can name special tokens.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, Self

from jinja2 import nodes

from phichat.chat.conversation import Role, Turn, TurnDocuments
from phichat.chat.prompts.base import Part, TemplateError
from phichat.chat.prompts.provenance import ANYWHERE, ROOM, MarkedText, Marks
from phichat.chat.prompts.template_environment import LONGEST, LimitError, TemplateEnvironment

STEPS = 2_000_000  # lines of Python that it may run, about a second
STEPS_PER_TURN = 2_000  # how many more for each turn

# What transformers passes where nothing is given. Some templates test only whether these are defined, or only for None.
ABSENT = {"tools": None, "documents": None}

# How templates call what a model thought before it wrote a message.
THINKING = ("reasoning_content", "reasoning", "thinking", "thought")


class ChatTemplate:
    """Implements Template in this process. Raise TemplateError if it does not compile."""

    def __init__(self, source: str) -> None:
        self._exhausted: LimitError | None = None
        if len(source) > LONGEST:
            raise TemplateError("the template is too long")
        try:
            self._environment = TemplateEnvironment()
            parsed = self._environment.parse(source)
            self._thinking = _thinking_name(parsed)
            self._has_documents = any(node.name == "documents" for node in parsed.find_all(nodes.Name))
            self._template = self._environment.from_string(parsed)
        except MemoryError:
            raise
        except Exception as error:  # a hostile template may make the compiler raise anything
            raise TemplateError(str(error)) from error

    def parts(self, turns: Sequence[Turn], variables: Mapping[str, object]) -> list[Part]:
        """See Template. Some templates want a message as a list of typed parts rather than as a text.

        Those with a place for documents get them there, unless they leave any out.
        """
        failures: list[TemplateError] = []
        if (giver := _last_giver(turns)) is not None and self._has_documents:
            with suppress(TemplateError):
                return self._parts(turns, variables, is_typed=False, giver=giver)
        for is_typed, absent in ((False, ABSENT), (True, ABSENT), (False, {})):
            try:
                return self._parts(turns, {**absent, **variables}, is_typed=is_typed)
            except TemplateError as error:
                failures.append(error)
                if self._exhausted:
                    break
        raise failures[0]

    def _parts(
        self, turns: Sequence[Turn], variables: Mapping[str, object], *, is_typed: bool, giver: int | None = None
    ) -> list[Part]:
        """Return the parts of a prompt, with the documents of the turn `giver` in the template's place for them."""
        self._environment.marks = marks = Marks()
        documents = turns[giver].documents if giver is not None else None
        if giver is not None and documents:
            turns = [*turns[:giver], replace(turns[giver], text=documents.question), *turns[giver + 1 :]]
            listed = list(self._documents(documents, 2 * len(turns)))
            variables = {**ABSENT, **variables, "documents": listed}
        parts = list(marks.runs(self._render(turns, variables, is_typed=is_typed)))
        if is_typed and any(part.endswith(_WRITTEN_AS_DATA) for part, source in parts if source is None):
            raise TemplateError("the template writes a list of parts as data")
        found = {source for _, source in parts}
        needed = (index for index, turn in enumerate(turns) if turn.role is not Role.ASSISTANT and turn.text.strip())
        missing = next((index for index in needed if index not in found), None)
        if missing is not None and ANYWHERE not in found:
            raise TemplateError(f"the template leaves out message {missing + 1}")
        if documents and not found.issuperset(range(2 * len(turns), 2 * len(turns) + len(documents.texts))):
            raise TemplateError("the template leaves out documents")
        return parts

    def _render(self, turns: Sequence[Turn], variables: Mapping[str, object], *, is_typed: bool) -> str:
        try:
            if self._exhausted:
                raise self._exhausted
            messages = list(self._messages(turns, is_typed=is_typed))
            values: dict[str, Any] = {"add_generation_prompt": True, **variables, "messages": messages}
            most = LONGEST + 4 * sum(map(_length, turns))
            with _Budget(STEPS + STEPS_PER_TURN * len(turns)):
                return "".join(_bounded(self._template.generate(**values), most))
        except LimitError as error:
            self._exhausted = error
            raise TemplateError(str(error)) from error
        except MemoryError:
            raise
        except Exception as error:  # a hostile template may raise anything
            raise TemplateError(self._environment.marks.unmark(str(error))) from error

    def _messages(self, turns: Sequence[Turn], *, is_typed: bool) -> Iterator[dict[str, Any]]:
        marks, count = self._environment.marks, len(turns)
        is_crowded = sum(len(set(turn.text)) + len(set(turn.thinking)) for turn in turns) > ROOM // 2
        for index, turn in enumerate(turns):
            text = marks.mark(turn.text, ANYWHERE if is_crowded else index)
            message: dict[str, Any] = {"role": str(turn.role), "content": [_typed("text", text)] if is_typed else text}
            if turn.thinking and self._thinking:
                thinking = marks.mark(turn.thinking, ANYWHERE if is_crowded else count + index)
                if self._thinking == _TYPED:
                    message["content"] = [_typed("thinking", thinking), _typed("text", text)]
                else:
                    message[self._thinking] = thinking
            yield message

    def _documents(self, documents: TurnDocuments, first: int) -> Iterator[dict[str, Any]]:
        """Yield documents as templates know them, marked from the source `first` on."""
        for number, (title, text) in enumerate(documents.texts, 1):
            marked = partial(self._environment.marks.mark, source=first + number - 1)
            yield {"doc_id": number, "title": marked(title), "text": marked(text)}


def _length(turn: Turn) -> int:
    """Return how many characters of a turn a template may write."""
    documents = sum(len(title) + len(text) for title, text in turn.documents.texts) if turn.documents else 0
    return len(turn.text) + len(turn.thinking) + documents


def _last_giver(turns: Sequence[Turn]) -> int | None:
    """Return the index of the last turn with documents; None for none."""
    return next((index for index in reversed(range(len(turns))) if turns[index].documents), None)


_TYPED = "content"
_WRITTEN_AS_DATA = ("'text': ", '"text": ')


def _typed(kind: str, text: MarkedText) -> dict[str, Any]:
    return {"type": kind, kind: text}


def _thinking_name(template: nodes.Template) -> str:
    """Return the name under which `template` looks for thoughts in a message; empty if it does not.

    _TYPED if it wants them as a part of the content.
    """
    names = {node.attr for node in template.find_all(nodes.Getattr)}
    words = {node.value for node in template.find_all(nodes.Const) if isinstance(node.value, str)}
    compared = {
        operand.expr.value
        for comparison in template.find_all(nodes.Compare)
        if _is_type(comparison.expr)
        for operand in comparison.ops
        if isinstance(operand.expr, nodes.Const)
    }
    found = [name for name in THINKING if name in names or (name in words and name not in compared)]
    return found[0] if found else _TYPED if "thinking" in compared else ""


def _is_type(node: nodes.Node) -> bool:
    """Return whether `node` is the type of something, as in `part.type`."""
    if isinstance(node, nodes.Getattr):
        return node.attr == "type"
    return isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and node.arg.value == "type"


_OF_MARKS = Marks.mark.__code__.co_filename  # whose calls count, but not their lines, as those do not loop for long


class _Budget:
    """Limits the lines of Python that run inside with `sys.settrace`, so that an endless loop in a template fails."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _count(self, frame: FrameType, _event: str, _argument: object) -> Any:
        self._left -= 1
        if self._left < 0:
            raise LimitError("the template takes too long to run")
        return None if frame.f_code.co_filename == _OF_MARKS else self._count


def _bounded(chunks: Iterable[str], most: int) -> Iterator[str]:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > most:
            raise LimitError("the template makes too much text")
        yield chunk

"""A model file's Jinja chat template, rendered in a sandbox into parts: its own text and places for messages.

The file is not trusted: the template is given placeholders, never what people wrote, so that only its own text can
name a special token.
"""

import datetime
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, Protocol, Self

from jinja2.sandbox import ImmutableSandboxedEnvironment

from phichat.chat.conversation import Role

LONGEST = 1_000_000  # characters that a template may have, and may render
STEPS = 2_000_000  # lines of Python that it may run, about a second

# Around each placeholder, to see whether the template trims what it is given.
PAD = "\N{EM SPACE}"

Part = str | int
"""A template's own text, or the index of the turn whose text goes here."""

# What transformers passes where nothing is given. Some templates test only whether these are defined, or only for None.
ABSENT = {"tools": None, "documents": None}


class TemplateError(ValueError):
    """The template fails, or leaves out a message."""


class Template(Protocol):
    """A chat template that is ready to use."""

    def parts(self, roles: Sequence[Role], names: Mapping[str, object]) -> list[tuple[Part, str]]:
        """Return the parts of a prompt for turns by `roles`, up to where the assistant's reply begins.

        Each part comes with the sides to strip its text on: any of "l" and "r". `names` are variables such as
        `bos_token`. Raise TemplateError if the template leaves a turn out.
        """


class ChatTemplate:
    """Implements Template in this process. Raise TemplateError if it does not compile."""

    def __init__(self, source: str) -> None:
        self._exhausted: _Exhausted | None = None
        if len(source) > LONGEST:
            raise TemplateError("the template is too long")
        try:
            self._template = _environment().from_string(source)
        except MemoryError:
            raise
        except Exception as error:  # a hostile template may make the compiler raise anything
            raise TemplateError(str(error)) from error

    def parts(self, roles: Sequence[Role], names: Mapping[str, object]) -> list[tuple[Part, str]]:
        """See Template."""
        try:
            return self._parts(roles, {**names, **ABSENT})
        except TemplateError as error:
            if self._exhausted:
                raise
            with suppress(TemplateError):
                return self._parts(roles, names)
            raise error from None

    def _parts(self, roles: Sequence[Role], names: Mapping[str, Any]) -> list[tuple[Part, str]]:
        nonce = secrets.token_hex(8)
        holders = [f"{PAD}\ue000{nonce}:{index}\ue001{PAD}" for index in range(len(roles))]
        messages = [{"role": str(role), "content": holder} for role, holder in zip(roles, holders, strict=True)]
        parts = _split(self._render(messages, names), nonce)
        if wrong := set(range(len(roles))) ^ {part for part, _ in parts if isinstance(part, int)}:
            raise TemplateError(f"the template leaves out or makes up message {min(wrong) + 1}")
        return parts

    def _render(self, messages: list[dict[str, str]], names: Mapping[str, Any]) -> str:
        values: dict[str, Any] = {**names, "messages": messages, "add_generation_prompt": True}
        try:
            if self._exhausted:
                raise self._exhausted
            with _Budget():
                return "".join(_bounded(self._template.generate(**values)))
        except _Exhausted as error:
            self._exhausted = error
            raise TemplateError(str(error)) from error
        except (TemplateError, MemoryError):
            raise
        except Exception as error:  # a hostile template may raise anything
            raise TemplateError(str(error)) from error


class _Exhausted(RuntimeError):
    """The template does more than any prompt needs. Not a ValueError, as Jinja's own filters swallow those."""


class _Budget:
    """Limits the lines of Python that run inside with `sys.settrace`, so that an endless loop in a template fails."""

    def __init__(self) -> None:
        self._left = STEPS

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _count(self, _frame: FrameType, _event: str, _argument: object) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _Exhausted("the template takes too long")
        return self._count


def _bounded(chunks: Iterable[str]) -> Iterator[str]:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > LONGEST:
            raise _Exhausted("the template makes too much text")
        yield chunk


def _split(rendered: str, nonce: str) -> list[tuple[Part, str]]:
    pieces = re.split(f"({PAD}?)\ue000{nonce}:([0-9]{{1,9}})\ue001({PAD}?)", rendered)
    parts: list[tuple[Part, str]] = [(pieces[0], "")]
    for at in range(1, len(pieces), 4):  # three groups, and the text up to the next match
        left, index, right, words = pieces[at : at + 4]
        parts += [(int(index), ("" if left else "l") + ("" if right else "r")), (words, "")]
    return [part for part in parts if part[0] != ""]


class _Sandbox(ImmutableSandboxedEnvironment):
    """Also refuses products and powers so large that they would take all time or memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """See SandboxedEnvironment."""
        sizes = [len(side) if hasattr(side, "__len__") else abs(side) for side in (left, right)]
        if operator == "**" or sizes[0] * sizes[1] > LONGEST:
            raise _Exhausted("the template makes too much of something")
        return super().call_binop(context, operator, left, right)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().astimezone().strftime(form)
    return environment


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)

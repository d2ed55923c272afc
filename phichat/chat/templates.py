"""A model file's own Jinja template, run in a sandbox, as parts: the template's words and whose text goes between.

The file is hostile until shown otherwise: its template sees placeholders, never what people wrote, so the only
text that can name a special token is the template's own.
"""

import datetime
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from phichat.chat.messages import Role

LONGEST = 1_000_000  # characters a template may make of placeholders before it is taken for an attack

# Put around each placeholder to see whether the template trims what it is given.
PAD = "\N{EM SPACE}"

Part = str | int
"""A template's own words, or the index of the turn whose text goes here."""


class TemplateError(ValueError):
    """The template fails, or leaves out what someone said."""


class ChatTemplate:
    """A compiled template. Raises TemplateError if it does not compile."""

    def __init__(self, source: str) -> None:
        try:
            self._template = _environment().from_string(source)
        except (jinja2.TemplateError, RecursionError) as error:
            raise TemplateError(str(error)) from error

    def parts(self, roles: Sequence[Role], names: Mapping[str, str]) -> list[tuple[Part, str]]:
        """The prompt for turns by `roles`, ready for the assistant's next words.

        Each part comes with what to strip off its text: "" or any of "l" and "r", for left and right.
        `names` are variables such as `bos_token`. Raises TemplateError if a turn got lost.
        """
        nonce = secrets.token_hex(8)
        holders = [f"{PAD}\ue000{nonce}:{index}\ue001{PAD}" for index in range(len(roles))]
        messages = [{"role": str(role), "content": holder} for role, holder in zip(roles, holders, strict=True)]
        parts = _split(self._render(messages, names), nonce)
        if missing := set(range(len(roles))) - {part for part, _ in parts if isinstance(part, int)}:
            raise TemplateError(f"the template leaves out message {min(missing) + 1}")
        return parts

    def _render(self, messages: list[dict[str, str]], names: Mapping[str, str]) -> str:
        values: dict[str, Any] = {**names, "messages": messages, "add_generation_prompt": True}
        made: list[str] = []
        length = 0
        try:
            for chunk in self._template.generate(**values):
                made.append(chunk)
                length += len(chunk)
                if length > LONGEST:
                    raise TemplateError("the template makes too much text")
        except TemplateError:
            raise
        except Exception as error:  # whatever a hostile template raises, it has failed
            raise TemplateError(str(error)) from error
        return "".join(made)


def _split(rendered: str, nonce: str) -> list[tuple[Part, str]]:
    pieces = re.split(f"({PAD}?)\ue000{nonce}:([0-9]+)\ue001({PAD}?)", rendered)
    parts: list[tuple[Part, str]] = [(pieces[0], "")]
    for left, index, right, words in zip(*(pieces[start::4] for start in (1, 2, 3, 4)), strict=True):
        parts += [(int(index), ("" if left else "l") + ("" if right else "r")), (words, "")]
    return [part for part in parts if part[0] != ""]


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().astimezone().strftime(form)
    return environment


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)

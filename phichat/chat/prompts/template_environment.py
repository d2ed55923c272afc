"""The Jinja that chat templates are written for: transformers' own, in a sandbox, for marked texts."""

import datetime
import json
import re
import secrets
from collections.abc import Callable
from functools import wraps
from types import BuiltinMethodType
from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from phichat.chat.prompts.base import TemplateError
from phichat.chat.prompts.provenance import MarkedText, Marks

LONGEST = 1_000_000  # characters that a template may have, and may render besides the messages


class LimitError(RuntimeError):
    """The template does more than any prompt needs. Not a ValueError, as Jinja's own filters swallow those."""


class _Generation(Extension):
    """`{% generation %}`, around what a model is trained on: its content is rendered as if the tag was not there."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """See Extension."""
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class _CodeGenerator(CodeGenerator):
    """Has texts that `~` joins stay marked."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.adopt(")
        super().visit_Concat(node, frame)
        self.write(")")


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles and renders chat templates; what they make of marked texts stays marked.

    Also refuses products and powers so large that they would take all time or memory.

    Attributes:
        marks: those of the messages that are being rendered.
    """

    code_generator_class = _CodeGenerator
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"])
        self.marks = Marks()
        self.filters = {name: self._adopting(each) for name, each in self.filters.items()} | {"tojson": self._to_json}
        self.globals["raise_exception"] = _raise
        self.globals["strftime_now"] = _strftime_now

    def adopt(self, value: Any) -> Any:
        """Return a string that has marks as MarkedText, and anything else as it is."""
        return self.marks.adopt(value)

    def concat(self, parts: Any) -> Any:
        """Join what a macro or a block wrote."""
        return self.adopt("".join(parts))

    def call(self, context: Context, called: Any, /, *arguments: Any, **named: Any) -> Any:
        """See SandboxedEnvironment. A method of the template's own text also takes marked ones."""
        if isinstance(called, BuiltinMethodType) and any(isinstance(each, MarkedText) for each in arguments):
            owner = called.__self__
            if isinstance(owner, str) and not isinstance(owner, MarkedText):
                called = getattr(self.marks.promote(owner), called.__name__)
        return self.adopt(super().call(context, called, *arguments, **named))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """See SandboxedEnvironment."""
        if operator == "%":
            return self.adopt(super().call_binop(context, operator, left, right))
        sizes = [len(side) if hasattr(side, "__len__") else abs(side) for side in (left, right)]
        if operator == "**" or sizes[0] * sizes[1] > LONGEST:
            raise LimitError("the template makes too much of something")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """See SandboxedEnvironment, which would make a string of the same class."""
        if isinstance(owner := getattr(value, "__self__", None), MarkedText) and isinstance(value, BuiltinMethodType):
            value = getattr(str.__str__(owner), value.__name__)
        return super().wrap_str_format(value)

    def _adopting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def filtered(*arguments: Any, **named: Any) -> Any:
            return self.adopt(function(*arguments, **named))

        return filtered

    def _to_json(
        self,
        value: Any,
        ensure_ascii: bool = False,
        indent: Any = None,
        separators: Any = None,
        sort_keys: bool = False,
    ) -> Any:
        """Write `value` as transformers does, which does not escape HTML."""
        nonce, texts = secrets.token_hex(8), list[MarkedText]()

        def hold(part: Any) -> Any:
            """Return `part` with a placeholder for each marked text, as JSON would not escape what marks stand for."""
            if isinstance(part, MarkedText):
                texts.append(part)
                return f"{nonce}:{len(texts) - 1}:"
            if isinstance(part, dict):
                return {hold(key): hold(each) for key, each in part.items()}
            return [hold(each) for each in part] if isinstance(part, list | tuple) else part

        def fill(match: re.Match[str]) -> str:
            text = texts[int(match.group(1))]
            return self.marks.change(text, lambda run: json.dumps(run, ensure_ascii=ensure_ascii)[1:-1])

        written = json.dumps(
            hold(value), ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )
        return self.adopt(re.sub(f"{nonce}:([0-9]+):", fill, written))


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.datetime.now().astimezone().replace(tzinfo=None).strftime(form)

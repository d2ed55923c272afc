"""How a model thinks: the marks around its thoughts, and how its chat template turns them on and off."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from phichat.chat.prompts.tokens import Vocabulary, plain_tokens, special_pattern

Variables = Mapping[str, Any]

ON, OFF = "on", "off"


@dataclass(frozen=True)
class ThinkingStyle:
    """The marks around a model's thoughts.

    Attributes:
        opening, closing: the marks, with the blanks that belong there.
        more_openings: other marks that begin a thought.
        more_closings: other marks that end the last one.
        between: marks that end a thought and begin another.
        answering: marks that begin an answer without a thought before it.
        default: whether the model thinks if nobody asks it to or not to: ON, OFF, or empty if it can't think. Even then
            a reply may begin with a thought, as not every file says what its model can do.
        on, off: variables for the chat template.
    """

    opening: str
    closing: str
    more_openings: tuple[str, ...] = ()
    more_closings: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    answering: tuple[str, ...] = ()
    default: str = ""
    on: Variables = field(default_factory=dict)
    off: Variables = field(default_factory=dict)

    def variables(self, budget: int | None) -> Variables:
        """Return the template's variables for a budget of `Sampling.thinking`."""
        if budget is None or not self.default:
            return {}
        return self.on if budget else self.off


def _channel(name: str) -> str:
    return f"<|channel|>{name}<|message|>"


_NEXT = "<|end|><|start|>assistant"
HARMONY = ThinkingStyle(
    _channel("analysis"),
    _NEXT + _channel("final"),
    more_openings=(_channel("commentary"),),
    more_closings=("<|start|>assistant" + _channel("final"), _channel("final")),
    between=tuple(_NEXT + _channel(name) for name in ("analysis", "commentary")),
    answering=(_channel("final"),),
)

_TAGS = ("thought", "thinking", "reasoning", "seed:think", "mm:think", "think")  # the last one is the most common
_STYLES = (
    HARMONY,
    ThinkingStyle("<|channel>thought\n", "\n<channel|>"),
    ThinkingStyle("[THINK]", "[/THINK]"),
    ThinkingStyle("<|START_THINKING|>", "<|END_THINKING|>"),
    ThinkingStyle("<|inner_prefix|>", "<|inner_suffix|>"),
    ThinkingStyle("<|think|>", "<|end|><|begin|>assistant<|content|>", answering=("<|content|>",)),
    *(ThinkingStyle(f"<{tag}>\n", f"\n</{tag}>\n\n") for tag in _TAGS),
)
_USUAL = _STYLES[-1]

_SWITCHES: tuple[tuple[Variables, Variables], ...] = (
    ({"enable_thinking": True}, {"enable_thinking": False}),
    ({"thinking": True}, {"thinking": False}),
    ({"thinking_mode": "enabled"}, {"thinking_mode": "disabled"}),
    ({"reasoning": True}, {"reasoning": False}),
    ({}, {"thinking_budget": 0}),
    ({}, {"reasoning_effort": "none"}),
    ({}, {"reasoning_effort": "low"}),  # where thoughts cannot be turned off, they are cut off
)
_THINKER = re.compile(r"reason|think|\br1\b|qwq", re.IGNORECASE)


def find_style(
    vocabulary: Vocabulary, source: str, name: str, render: Callable[[Variables], Sequence[int]]
) -> ThinkingStyle:
    """Return how the model called `name` thinks, whose chat template is `source`; empty for none.

    `render` makes a prompt with the template's variables, by which its switch is found.
    """
    style = next((style for style in _STYLES if _is_in(style, source, vocabulary.special)), None)
    if style is None:
        return replace(_USUAL, default=ON if _THINKER.search(name) else "")
    style = _with_blanks_of(style, source)
    mentions = [mark.strip() in source for mark in (style.opening, style.closing)]
    if any(mentions) and (found := _find_switch(source, render)):
        on, off = found
        quiet = render(off)
        return replace(style, on=on, off=off, default=OFF if render({}) == quiet else ON)
    return replace(style, default=ON if mentions[0] or _THINKER.search(name) else "")


def _is_in(style: ThinkingStyle, source: str, special: Mapping[str, int]) -> bool:
    """Return whether the template or the vocabulary has both marks; one that splits a reply names only the second."""
    marks = [part for mark in (style.opening, style.closing) for part in re.findall(r"<[^<>]+>|\[[^]]+\]", mark)]
    is_simple = len(marks) == 2
    return (is_simple and marks[1] in source) or all(mark in source or mark in special for mark in marks)


def _with_blanks_of(style: ThinkingStyle, source: str) -> ThinkingStyle:
    """Return `style` with those newlines around the closing mark that the template writes most of, if any."""
    opening, mark = style.opening.strip(), style.closing.strip()
    newlines = r"((?:\\n)*)"
    found = re.findall(rf"(?:{re.escape(opening)}(?:\\n)?)?{newlines}{re.escape(mark)}{newlines}", source)
    before, after = max(found, key=lambda blanks: len("".join(blanks)), default=("", ""))
    if not before and not after:
        return style
    return replace(style, closing=before.replace("\\n", "\n") + mark + after.replace("\\n", "\n"))


def _find_switch(source: str, render: Callable[[Variables], Sequence[int]]) -> tuple[Variables, Variables] | None:
    """Return the variables that turn thinking on and off: the first that make a difference."""
    for on, off in _SWITCHES:
        if _knows(source, on) and _knows(source, off) and render(on) != render(off):
            return on, off
    return None


def _knows(source: str, variables: Variables) -> bool:
    """Return whether the template looks at `variables`, and for a value that it would not just write down."""
    words = {value for value in variables.values() if isinstance(value, str)} - {"low"}
    has_names = all(re.search(rf"\b{name}\b", source) for name in variables)
    return has_names and all(re.search(f"['\"]{word}['\"]", source) for word in words)


class ThinkingMarks:
    """The marks of `style` in a vocabulary, where each is a token of its own or text over several.

    A special token is represented by one character that no text has, so that a mark that the model only writes about,
    letter by letter, is told from the mark itself.
    """

    def __init__(self, style: ThinkingStyle, vocabulary: Vocabulary) -> None:
        self.style, self._vocabulary = style, vocabulary
        self._pattern = special_pattern(vocabulary.special)
        self.signs: dict[int, str] = {}
        """The character that represents each special token of a mark, by id."""
        self.openings = self._encoded(style.opening, *style.more_openings)
        self.closings = self._encoded(style.closing, *style.more_closings)
        self.between = self._encoded(*style.between)
        self.answering = self._encoded(*style.answering)
        self._no_signs = str.maketrans("", "", "".join(self.signs.values()))
        self.opens_by_token, self.closes_by_token = (
            any(sign in marks[0] for sign in self.signs.values()) for marks in (self.openings, self.closings)
        )

    def sign(self, token: int) -> str | None:
        """Return the character that represents `token`; None unless it is special and part of a mark."""
        return self.signs.get(token)

    def is_whole(self, token: int) -> bool:
        """Return whether `token` alone is a mark that begins or ends a thought."""
        return self.signs.get(token) in {*self.openings, *self.closings}

    def without_signs(self, text: str) -> str:
        """Return `text` without the characters that represent tokens: a mark out of place is no text, either."""
        return text.translate(self._no_signs)

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of `tokens` with the characters that represent special tokens."""
        return "".join(self.signs.get(token) or self._vocabulary.text_of(token) for token in tokens)

    @cached_property
    def opening_tokens(self) -> tuple[int, ...]:
        """The ids of the mark that begins a thought."""
        return self._tokens(self.style.opening)

    @cached_property
    def closing_tokens(self) -> tuple[int, ...]:
        """The ids of the mark that ends a thought."""
        return self._tokens(self.style.closing)

    def have_only_marks(self, tokens: Sequence[int]) -> bool:
        """Return whether no token is special but in the marks around thoughts, as imported replies may have any."""
        special = set(self._vocabulary.special.values()) - set(self.signs)
        if not special.isdisjoint(tokens) or not all(0 <= token < self._vocabulary.count for token in tokens):
            return False
        text = self.text_of(tokens)
        for mark in sorted((*self.openings, *self.closings, *self.between, *self.answering), key=len, reverse=True):
            text = text.replace(mark, "")
        return not any(sign in text for sign in self.signs.values())

    def _encoded(self, *marks: str) -> tuple[str, ...]:
        """Return `marks` without blanks, with special tokens as characters, the longest first."""
        found = (self._pattern.sub(self._signed, mark.strip()) for mark in marks)
        return tuple(sorted(found, key=len, reverse=True))

    def _signed(self, match: re.Match[str]) -> str:
        token = self._vocabulary.special[match.group()]
        return self.signs.setdefault(token, chr(0xFDD0 + len(self.signs)))

    def _tokens(self, mark: str) -> tuple[int, ...]:
        found: list[int] = []
        at = 0
        for match in self._pattern.finditer(mark):
            found += plain_tokens(self._vocabulary, mark[at : match.start()], continues=True)
            found.append(self._vocabulary.special[match.group()])
            at = match.end()
        return (*found, *plain_tokens(self._vocabulary, mark[at:], continues=True))

"""The letters of a paragraph as runs of one look each. HTML is text, a picture is a link, only the web is linked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from phichat.chat.items import Run, Runs, Style

_ADDRESS = re.compile(r"https?://[^\s<>\"“”«»`]+", re.IGNORECASE)
_AFTER_ADDRESS = ".,;:!?'*_~…"
_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRUCK}
_CLOSINGS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}


def runs_of(content: str, parser: MarkdownIt) -> Runs:
    """`content` in runs; every line ends where it was ended."""
    tokens: list[Token] = []
    parser.inline.parse(content, parser, {}, tokens)
    return _joined(_runs(tokens))


def formula(token: Token) -> Run:
    """The formula of `token`; one that is not closed is shown as it is written."""
    if token.meta.get("is_open"):
        return Run(token.markup + token.content, Style.CODE)
    text = token.markup + token.content + _CLOSINGS[token.markup]
    return Run(text, latex=token.content.strip(), is_display=token.markup in {"$$", "\\["})


def _runs(tokens: Sequence[Token]) -> Iterator[Run]:
    style, link = Style.PLAIN, ""
    for token in tokens:
        name = token.type.rpartition("_")[0]
        if name in _STYLES:
            style = style | _STYLES[name] if token.nesting > 0 else style & ~_STYLES[name]
        elif token.type == "link_open":
            link = str(token.attrGet("href") or "")
        elif token.type == "link_close":
            link = ""
        elif token.type == "formula":
            yield replace(formula(token), style=style, link=link)
        elif token.type == "image":
            address = str(token.attrGet("src") or "")
            yield Run(token.content or address, style, link or address)
        elif token.type in {"softbreak", "hardbreak"}:
            yield Run("\n", style, link)
        elif token.type == "code_inline":
            yield Run(token.content, style | Style.CODE, link)
        elif token.content:
            yield Run(token.content, style, link)


def _joined(runs: Iterator[Run]) -> Runs:
    """`runs` with those of the same look as one, and addresses in them as links."""
    found: list[Run] = []
    for run in runs:
        last = found[-1] if found else None
        if last and not (run.latex or last.latex) and (run.style, run.link) == (last.style, last.link):
            found[-1] = replace(last, text=last.text + run.text)
        else:
            found.append(run)
    return tuple(part for run in found for part in _linked(run))


def _linked(run: Run) -> Iterator[Run]:
    at = 0
    if "://" in run.text and not (run.link or run.latex or run.style & Style.CODE):
        for match in _ADDRESS.finditer(run.text):
            address = _address(match[0])
            if match.start() > at:
                yield replace(run, text=run.text[at : match.start()])
            yield replace(run, text=address, link=address)
            at = match.start() + len(address)
    if at < len(run.text):
        yield replace(run, text=run.text[at:])


def _address(found: str) -> str:
    """`found` without what ends the sentence around it."""
    address = found.rstrip(_AFTER_ADDRESS)
    while address.endswith((")", "]")) and address.count("(") + address.count("[") < address.count(")") + (
        address.count("]")
    ):
        address = address[:-1].rstrip(_AFTER_ADDRESS)
    return address

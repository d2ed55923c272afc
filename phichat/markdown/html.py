"""Markdown as safe HTML: tags are shown as text, images as their text, and links lead to the web alone.

Formulas stay LaTeX with their signs, as programs that draw formulas expect it, and Markdown would take it apart.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from phichat.markdown.block_tree import first_number, number_of
from phichat.markdown.document import fenced_blocks
from phichat.markdown.math import add_formula_rules
from phichat.markdown.parser import WebLinkParser, formula_run
from phichat.markdown.references import References, environment, find_references

LONGEST = 50_000  # characters; the parser is slow on hostile input

_DIRECTED = {
    "paragraph_open", "heading_open", "bullet_list_open", "ordered_list_open", "blockquote_open", "table_open",
    "th_open", "td_open",
}  # fmt: skip


class _Renderer(RendererHTML):
    def fence(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """Return a code block with its language, which programs that colour code look for."""
        language = (tokens[idx].info.split() or [""])[0].lower()
        return _code_html(tokens[idx].content.removesuffix("\n"), language)

    def code_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        """Return an indented code block."""
        return _code_html(tokens[idx].content.removesuffix("\n"), "")

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return an image's text or address, as the image itself would have to be fetched."""
        text = self.renderInlineAsText(tokens[idx].children, options, env)
        return escape(text or str(tokens[idx].attrGet("src") or ""))

    def formula(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: Any) -> str:
        """Return a formula as it was written."""
        token = tokens[idx]
        written = escape(formula_run(token).text).replace("\n", "<br>\n")
        return f'<p class="formula" dir="ltr">{written}</p>\n' if token.block else written

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return a link that sends no referrer."""
        tokens[idx].attrSet("rel", "noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)


def _set_direction(state: StateCore) -> None:
    """Let each paragraph be read in its own direction."""
    for token in state.tokens:
        if token.type in _DIRECTED:
            token.attrSet("dir", "auto")


def _set_numbers(state: StateCore) -> None:
    """Number the items of lists as the screen does."""
    lists: list[tuple[int, Token | None]] = []
    for token in state.tokens:
        if token.type == "ordered_list_open":
            lists.append((first_number(token), None))
        elif token.type == "ordered_list_close":
            lists.pop()
        elif token.type == "list_item_open" and token.info:
            number, before = lists[-1]
            shown = number_of(token, before, number) or 0
            if before and shown != number + 1:
                token.attrSet("value", str(shown))
            lists[-1] = shown, token


def _made() -> WebLinkParser:
    made = WebLinkParser("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    made.core.ruler.push("direction", _set_direction)
    made.core.ruler.push("numbers", _set_numbers)
    add_formula_rules(made)
    return made


_parser = _made()


def render_html(source: str) -> str:
    """Return `source` as HTML. If it is too long, what is between its code blocks is rendered, or left as written."""
    references = find_references(source)
    if len(source) <= LONGEST:
        return _rendered(source, references)
    return "".join(
        _code_html(block.text, block.language) if block.language is not None else _rendered(block.text, references)
        for block in fenced_blocks(source)
    )


def _rendered(prose: str, references: References) -> str:
    if len(prose) > LONGEST:
        return f'<p class="plain" dir="auto">{escape(prose)}</p>\n'
    rendered: str = _parser.render(prose, environment(references))
    return rendered


def _code_html(code: str, language: str) -> str:
    kind = f' class="language-{escape(language)}"' if language else ""
    return f"<pre><code{kind}>{escape(code)}</code></pre>\n"

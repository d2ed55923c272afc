"""Markdown prose as safe HTML: tags are shown as text, images as their text, and links lead to the web alone."""

from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from phichat.markdown.parser import WebLinkParser

LONGEST_PROSE = 50_000  # characters; the parser is slow on hostile input


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return an image's text, as the image itself would have to be fetched."""
        return escape(self.renderInlineAsText(tokens[idx].children, options, env))

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Return a link that sends no referrer."""
        tokens[idx].attrSet("rel", "noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)


_parser = WebLinkParser("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)


def render_html(prose: str) -> str:
    """Return `prose` as HTML; as one plain paragraph if it is too long."""
    if len(prose) > LONGEST_PROSE:
        return f'<p class="plain">{escape(prose)}</p>\n'
    rendered: str = _parser.render(prose)
    return rendered

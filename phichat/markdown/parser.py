"""From markdown-it tokens to nodes: a flat list, in which each node knows the lists and quotes around it.

HTML stays text, an image becomes a link, and only addresses on the web are linked.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from phichat.markdown.addresses import linked
from phichat.markdown.block_tree import first_number, number_after, written_number
from phichat.markdown.document import Code, Node, Paragraph, Run, Runs, Style, Table
from phichat.markdown.emphasis import add_emphasis_rules
from phichat.markdown.fences import add_fence_rule
from phichat.markdown.math import LONGEST as LONGEST_FORMULA
from phichat.markdown.math import add_formula_rules, closing_delimiter, is_display, is_environment
from phichat.markdown.references import References, add_definition_rule, environment, labels_in
from phichat.markdown.repair import add_repair_rules, hold_back_signs
from phichat.markdown.tables import add_table_rule

DEEPEST = 100  # levels of nesting, past which the parser drops content; each takes two levels of recursion
LONGEST = 2400  # characters of a paragraph; longer ones are divided, as each part is laid out as a whole
SHORTEST = 1200
MANY_BRACKETS = 60
REMEMBERED = 500  # parsed paragraphs; what is not final is parsed again and again

MATH = "math"  # the language of code that is a formula

_TASK = re.compile(r"\[([ xX])\][ \t]+")
_TITLE = re.compile(r"(.{1,300}?)\n=+[ \t]*(?:\n(.*))?", re.DOTALL)
_SENTENCE = re.compile(r"[.!?…。]['\"”’»)\]*_]*\s+")
_SPACE = re.compile(r"\s+")
_BULLETS = "•◦▪"
_BREAK = re.compile(r"</?br(?:\s[^<>]{0,100})?/?>", re.IGNORECASE)


class WebLinkParser(MarkdownIt):
    """Makes links of addresses on the web alone, and reads the Markdown that models write."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.enable(["table", "strikethrough"])
        add_table_rule(self)
        add_fence_rule(self)
        add_definition_rule(self)
        add_emphasis_rules(self)
        self.inline.ruler.before("autolink", "line_break_tag", _line_break_tag)

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name
        """Return whether `url` becomes a link; others stay text."""
        return url.lower().startswith(("http://", "https://"))


def _line_break_tag(state: StateInline, silent: bool) -> bool:
    """Take `<br>` for a line break, as that is all a table cell can have."""
    tag = _BREAK.match(state.src, state.pos, state.posMax)
    if not tag:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = tag.end()
    return True


@lru_cache
def _parser(*, is_open: bool = False, has_links: bool = True) -> MarkdownIt:
    """Return a parser; one that closes open markup at the end of the text if that `is_open`."""
    made = WebLinkParser("commonmark", {"html": False, "maxNesting": DEEPEST})
    # Later text must not change what is shown already: no headings by underlines.
    made.disable(["lheading", "html_block", "html_inline", *([] if has_links else ["link", "image"])])
    add_formula_rules(made)
    if is_open:
        add_repair_rules(made)
    return made


def parse_tokens(
    text: str, references: References = (), *, is_growing: bool = False, is_partial: bool = False
) -> list[Token]:
    """Return the block tokens of `text`, which goes on if it `is_partial`; inline content is not parsed yet."""
    found: list[Token] = []
    known = environment(references, is_growing=is_growing, is_partial=is_growing or is_partial)
    _parser().block.parse(text, _parser(), known | {"stops_at_fences": True}, found)
    return found


@lru_cache(maxsize=REMEMBERED)
def _runs(content: str, references: References = (), *, is_open: bool = False) -> Runs:
    is_odd = (
        content.count("[") > 2 * content.count("](") + MANY_BRACKETS
    )  # each bracket is searched for its end to the end of the text
    return parse_runs(content, _parser(is_open=is_open, has_links=not is_odd), references)


def split_position(content: str) -> int:
    """Return where to divide a long paragraph, after a sentence if possible; 0 if it is not too long."""
    if len(content) <= LONGEST:
        return 0
    for match in _SENTENCE.finditer(content, SHORTEST, LONGEST):
        before = content[: match.end()]
        if not (before.count("`") % 2 or before.count("**") % 2 or before.count("$") % 2):
            return match.end()
    return max((match.end() for match in _SPACE.finditer(content, SHORTEST, LONGEST)), default=LONGEST)


def _divided(content: str) -> tuple[str, str]:
    """Return the first part of a paragraph, which can be laid out as a whole, and the rest."""
    cut = split_position(content) or len(content)
    return content[:cut].rstrip(), content[cut:]


class DocumentBuilder:
    """Builds nodes from `tokens`, which may use `references`.

    `offset` returns where a line begins in the source. `ordinals` are the numbers of the first items of the lists that
    were begun before, outermost first. Markup in the last inline content is taken as closed if it `is_open`.
    """

    def __init__(
        self,
        tokens: Sequence[Token],
        offset: Callable[[int], int],
        ordinals: Sequence[int | None] = (),
        references: References = (),
        *,
        is_open: bool = False,
    ) -> None:
        self._tokens, self._offset, self._ordinals, self._references = tokens, offset, list(ordinals), references
        found = (token for token in reversed(tokens) if token.type == "inline" and token.content)
        self._open = next(found, None) if is_open else None
        self._is_open = is_open
        self._items: list[Node] = []
        self._lists: list[int | None] = []  # the number of the last item in each list that is open, or of its first
        self._written: list[int | None] = []  # that number as it is written; None before the first item
        self._signs: list[str] = []
        self._quotes: list[int] = []
        self._marker = ""
        self._span = (0, 0)

    def items(self) -> list[Node]:
        """Return all nodes."""
        at = 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if token.map:
                self._span = self._offset(token.map[0]), self._offset(token.map[1])
            if token.type == "table_open":
                at = self._take_table(at)
            else:
                self._take(token, self._tokens[at - 1] if at else None)
                at += 1
        return self._items

    def _take(self, token: Token, before: Token | None) -> None:
        if token.nesting:
            self._enter(token)
            return
        match token.type:
            case "inline":
                heading = int(before.tag[1]) if before and before.type == "heading_open" else 0
                self._take_text(token, heading)
            case "fence" | "code_block":
                self._take_code(token)
            case "formula":
                self._take_formula(token)
            case "hr":
                self._flush_marker()
                self._put(Paragraph, is_rule=True, quotes=tuple(self._quotes))

    def _enter(self, token: Token) -> None:
        """Enter or leave a list, an item or a quote."""
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._open_list(token)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._written.pop()
                self._signs.pop()
            case "list_item_open":
                self._open_item(token)
            case "list_item_close":
                self._flush_marker()
            case "blockquote_open":
                self._flush_marker()
                self._quotes.append(len(self._lists))
            case "blockquote_close":
                self._quotes.pop()

    def _open_list(self, token: Token) -> None:
        self._flush_marker()
        known = self._ordinals.pop(0) if self._ordinals else None
        is_ordered = token.type == "ordered_list_open"
        self._lists.append((first_number(token) if known is None else known) if is_ordered else None)
        self._written.append(None)
        self._signs.append(token.markup)

    def _open_item(self, token: Token) -> None:
        number, before = self._lists[-1], self._written[-1]
        if number is None:
            self._marker = _BULLETS[(self._lists.count(None) - 1) % len(_BULLETS)]
        else:
            self._written[-1] = written_number(token)
            self._lists[-1] = number if before is None else number_after(number, before, written_number(token))
            self._marker = f"{self._lists[-1]}{self._signs[-1]}"

    def _flush_marker(self) -> None:
        """Add an empty paragraph for an item without text of its own, so that its marker is shown."""
        if self._marker:
            self._add(())

    def _take_text(self, token: Token, heading: int) -> None:
        content = token.content
        if self._marker and (task := _TASK.match(content)):
            self._marker = "☐" if task[1] == " " else "☑"
            content = content[task.end() :]
        is_open = token is self._open
        if is_open:
            content = hold_back_signs(content)
        if not heading and (title := _TITLE.fullmatch(content)):
            self._add(self._runs(title[1]), heading=1)
            content = title[2] or ""
        continues = False
        while content:
            part, content = _divided(content)
            self._add_parts(self._runs(part, is_open=is_open and not content), heading, continues=continues)
            continues = True
        self._flush_marker()

    def _runs(self, content: str, *, is_open: bool = False) -> Runs:
        used = set(labels_in(content)) if self._references else set()
        references = tuple(reference for reference in self._references if reference[0] in used)
        return _runs(content, references, is_open=is_open)

    def _add_parts(self, runs: Runs, heading: int, *, continues: bool) -> None:
        """Add paragraphs from `runs`, with each display formula in one of its own."""
        before: list[Run] = []
        for run in (*runs, None):
            if run is not None and not run.is_display:
                before.append(run)
                continue
            if words := strip_runs(before):
                self._add(words, heading=heading, continues=continues)
            before = []
            if run:
                self._add((run,))

    def _add(self, runs: Runs, *, heading: int = 0, continues: bool = False) -> None:
        marker, self._marker = self._marker, ""
        quotes = tuple(self._quotes)
        self._put(Paragraph, runs=runs, heading=heading, quotes=quotes, marker=marker, continues=continues)

    def _take_formula(self, token: Token) -> None:
        run = formula_run(token)
        if len(token.content) <= LONGEST_FORMULA:
            self._add((run,))
            return
        self._flush_marker()  # it is too long to be drawn, or to be laid out as a whole
        self._put(Code, text=run.text, language="latex")

    def _take_code(self, token: Token) -> None:
        language = (token.info.split() or [""])[0].lower()
        content = token.content.removesuffix("\n")
        if language == MATH and not self._is_open and (run := fenced_formula(content, token.markup)):
            self._add((run,))
            return
        self._flush_marker()
        self._put(Code, text=content, language=language)

    def _put(self, kind: type[Node], **values: Any) -> None:
        start, end = self._span
        self._items.append(kind(start=start, end=end, depth=len(self._lists), **values))

    def _take_table(self, at: int) -> int:
        self._flush_marker()
        rows: list[list[Runs]] = []
        sides: list[str] = []
        start, end = self._span
        while self._tokens[at].type != "table_close":
            token = self._tokens[at]
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "th_open":
                sides.append(str(token.attrGet("style") or "").removeprefix("text-align:"))
            elif token.type == "inline":
                rows[-1].append(self._cell(token))
            at += 1
        head, *body = (tuple(row) for row in rows)
        self._span = start, end
        self._put(Table, head=head, sides=tuple(sides), rows=tuple(body))
        return at + 1

    def _cell(self, token: Token) -> Runs:
        is_open = token is self._open
        rest = hold_back_signs(token.content) if is_open else token.content
        runs: list[Run] = []
        while rest:
            part, rest = _divided(rest)
            runs += [*([Run(" ")] if runs else []), *self._runs(part, is_open=is_open and not rest)]
        return strip_runs(runs)


def fenced_formula(latex: str, fence: str) -> Run | None:
    """Return the run for `latex` in a block of code whose language is MATH; None if it is too long, or nothing."""
    if not latex.strip() or len(latex) > LONGEST_FORMULA:
        return None
    return Run(f"{fence}{MATH}\n{latex}\n{fence}", latex=latex.strip(), is_display=True)


def strip_runs(runs: Sequence[Run]) -> Runs:
    """Return `runs` without leading and trailing space."""
    found = list(runs)
    while found and not found[0].text.strip():
        del found[0]
    while found and not found[-1].text.strip():
        del found[-1]
    for at, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if found and not found[at].latex and (text := strip(found[at].text)) != found[at].text:
            found[at] = replace(found[at], text=text)
    return tuple(found)


_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRUCK}


def parse_runs(content: str, parser: MarkdownIt, references: References) -> Runs:
    """Return inline `content` as runs; line breaks are kept."""
    tokens: list[Token] = []
    parser.inline.parse(content, parser, environment(references), tokens)
    return _joined(_inline_runs(tokens))


def formula_run(token: Token) -> Run:
    """Return the run for a formula token; one that is not closed yet is shown as code."""
    if token.meta.get("is_open"):
        return Run(token.markup + token.content, Style.CODE)
    text = token.markup + token.content + closing_delimiter(token.markup)
    latex = text if is_environment(token.markup) else token.content.strip()
    return Run(text, latex=latex, is_display=is_display(token.markup))


def _inline_runs(tokens: Sequence[Token]) -> Iterator[Run]:
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
            yield replace(formula_run(token), style=style, link=link)
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
    """Return `runs` with neighbours of one format joined, and bare addresses made links."""
    found: list[Run] = []
    for run in runs:
        last = found[-1] if found else None
        if last and not (run.latex or last.latex) and (run.style, run.link) == (last.style, last.link):
            found[-1] = replace(last, text=last.text + run.text)
        else:
            found.append(run)
    return tuple(part for run in found for part in linked(run))

"""Messages as HTML that loads and runs nothing: for the clipboard, and as a page for light, dark and paper."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from phichat import i18n
from phichat.chat.attachments import Attachment, length_with, with_attachments
from phichat.chat.conversation import Message, Role
from phichat.chat.sources import Source
from phichat.exchange.footnotes import footnoted, passages_of
from phichat.exchange.shown_path import local_time, shown_path, speaker_name, summary_title
from phichat.store.base import ConversationRecord

MOST_RENDERED = 40_000  # characters of Markdown for the clipboard, as the window waits for the parser

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --quiet: #59636e; --tint: #f2f4f7;
  --line: #d5dae0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #16181c; --quiet: #9aa4af; --tint: #22262c; --line: #3a4048; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem; max-width: 46rem; font: 1rem/1.55 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; }
section + section { margin-top: 4rem; border-top: 1px solid var(--line); padding-top: 1rem; }
article { margin: 1.5rem 0; }
article > header { font-size: .85rem; color: var(--quiet); margin-bottom: .35rem; }
article > header b { color: var(--ink); }
article.user > div { background: var(--tint); border-radius: .6rem; padding: .6rem .9rem; }
article > div > :first-child { margin-top: 0; }
article > div > :last-child { margin-bottom: 0; }
.thinking { color: var(--quiet); font-size: .9rem; margin-bottom: .5rem; }
.thinking > p { border-left: 3px solid var(--line); margin: .4rem 0; padding-left: .8rem; }
.sources { color: var(--quiet); font-size: .85rem; }
.plain { white-space: pre-wrap; unicode-bidi: plaintext; }
li { unicode-bidi: plaintext; }
pre { direction: ltr; background: var(--tint); border: 1px solid var(--line); border-radius: .4rem;
  padding: .7rem .9rem; overflow-x: auto; }
code { font: .875em/1.45 ui-monospace, monospace; }
:not(pre) > code { background: var(--tint); border-radius: .25rem; padding: .1em .3em; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--quiet); }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; }
a { color: inherit; }
@media print {
  :root { --ink: #000; --paper: #fff; --quiet: #444; --tint: #fff; --line: #999; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  pre { white-space: pre-wrap; overflow: visible; }
  article > header { break-after: avoid; }
  h1, h2, h3 { break-after: avoid; }
  article.user > div { border: 1px solid var(--line); }
  section + section { break-before: page; border: 0; margin: 0; }
  a[href]::after { content: " (" attr(href) ")"; color: var(--quiet); }
}
"""

_HEAD = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""


def messages_html(path: Sequence[Message]) -> str:
    """Return the messages for the clipboard, each under its speaker."""
    is_short = sum(length_with(message.text, message.attachments) for message in path) <= MOST_RENDERED
    return "".join(
        f"<h2>{escape(speaker_name(message))}</h2>\n{message_html(message, is_rendered=is_short)}" for message in path
    )


def message_html(message: Message, *, is_rendered: bool = True) -> str:
    """Return one message for the clipboard: a reply rendered from its Markdown if `is_rendered`, else as written."""
    if is_rendered and message.role is Role.ASSISTANT:
        return markdown_html(message.text)
    return _unstyled_text(with_attachments(message.text, message.attachments))


def markdown_html(source: str) -> str:
    """Return Markdown `source` as HTML for the clipboard; past MOST_RENDERED characters it stays as written."""
    return _unstyled_text(source) if len(source) > MOST_RENDERED else _rendered(source)


def page_pieces(records: Iterable[ConversationRecord]) -> Iterator[str]:
    """Yield a whole page, one message at a time."""
    title = None
    for record in records:
        if title is None:
            title = summary_title(record.summary)
            yield _head(title)
        yield f'<section>\n<h1 dir="auto">{escape(summary_title(record.summary))}</h1>\n'
        path = shown_path(record)
        yield from (_article(message, passages_of(path, at)) for at, message in enumerate(path))
        yield "</section>\n"
    if title is None:
        yield _head("Phichat")
    yield "</body>\n</html>\n"


def _head(title: str) -> str:
    return _HEAD.format(language=i18n.current_language().replace("_", "-"), title=escape(title), style=_STYLE)


def _article(message: Message, passages: Sequence[Source] = ()) -> str:
    time = local_time(message.created)
    said = f"<b>{escape(speaker_name(message))}</b>" + (f" · <time>{escape(time)}</time>" if time else "")
    is_reply = message.role is Role.ASSISTANT
    text, notes = footnoted(message.text, passages)
    body = _rendered(text) if is_reply else f'<p class="plain" dir="auto">{escape(message.text)}</p>\n'
    files = "".join(map(_attachment, message.attachments)) + _footnotes(notes)
    return (
        f'<article class="{message.role}">\n<header>{said}</header>\n{_thinking(message)}<div>\n{body}{files}</div>\n'
        "</article>\n"
    )


def _footnotes(notes: Sequence[tuple[str, str]]) -> str:
    lines = "<br>\n".join(f"{escape(mark)} {escape(title)}" for mark, title in notes)
    return f'<p class="sources" dir="auto">{lines}</p>\n' if notes else ""


def _thinking(message: Message) -> str:
    """Return what the model thought, folded."""
    if not message.reply or not message.thinking:
        return ""
    title, text = escape(message.reply.thinking_label()), escape(message.thinking)
    return f'<details class="thinking"><summary>{title}</summary>\n<p class="plain" dir="auto">{text}</p>\n</details>\n'


def _attachment(file: Attachment) -> str:
    name, lines = escape(file.title), escape(file.text)
    title = f'<summary dir="auto">{name}</summary>'
    return f'<details>{title}\n<pre class="plain"><code>{lines}</code></pre>\n</details>\n'


def _rendered(source: str) -> str:
    from phichat.markdown.html import render_html  # noqa: PLC0415 - brings the Markdown parser, 12 ms

    return render_html(source)


def _unstyled_text(text: str) -> str:
    """Return `text` as written, its spaces and line ends kept without a style sheet, which few programs paste."""
    words = escape(text.strip("\n")).replace("  ", " \N{NO-BREAK SPACE}").replace("\n", "<br>\n")
    return f'<p dir="auto">{words}</p>\n'

"""What is exported can be read: JSON brings everything back, and nothing that was said breaks out of a page."""

import base64
import io
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from phichat import i18n
from phichat.chat.attachments import Attachment
from phichat.chat.conversation import Branch, Ending, Message, Reply, Role
from phichat.chat.sources import Source, Sources
from phichat.errors import StoreError
from phichat.exchange.export import Format, export, format_of, write_export
from phichat.exchange.imports import conversations
from phichat.exchange.json_format import Unreadable, record_from_json, record_to_json
from phichat.store.base import ConversationRecord
from tests.support.conversations import HARD, record, talk


def _written(kind: Format, *records: ConversationRecord) -> str:
    stream = io.StringIO()
    assert write_export(iter(records), kind, stream.write) == len(records)
    return stream.getvalue()


@pytest.mark.parametrize("seed", range(60))
def test_json_brings_everything_back(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    records = [record(chance) for _ in range(chance.randrange(4))]
    assert export(iter(records), Format.JSON, tmp_path / "all.json") == len(records)
    assert list(conversations(tmp_path / "all.json")) == records


def test_json_is_what_the_description_says() -> None:
    values = json.loads(_written(Format.JSON, talk("Hi", "Hello")))
    assert (values["format"], values["version"]) == ("phichat", 1)
    (conversation,) = values["conversations"]
    assert set(conversation) == {
        "id", "title", "created", "changed", "pinned", "deleted", "tip", "system", "sampling", "model", "draft",
        "origin", "attached", "messages",
    }  # fmt: skip
    question, answer = conversation["messages"]
    assert question == {
        "id": "A talk 0", "parent": None, "role": "user", "text": "Hi", "created": 1.7e9, "pinned": False,
        "attachments": [], "sources": None, "reply": None,
    }  # fmt: skip
    assert answer["reply"] == {
        "model": "tiny", "model_sha256": None, "seed": 7, "ending": "stop", "tokens": [1, 2], "sampling": {},
        "engine": {}, "statistics": {}, "thinking": "", "thinking_tokens": 0, "thinking_seconds": 0.0,
        "branched_from": None, "choices": "",
    }  # fmt: skip


@pytest.mark.parametrize("choices", ["", "?", "AQ==", "é", base64.b64encode(b"\x02" + bytes(40)).decode()])
def test_damaged_choices_cost_no_conversation(choices: str) -> None:
    values = record_to_json(talk("Hi", "Hello"))
    values["messages"][1]["reply"]["choices"] = choices
    reply = record_from_json(values).messages[1].reply
    assert reply
    assert reply.choices == b""


def test_where_an_answer_branched_off_has_to_make_sense() -> None:
    values = record_to_json(talk("Hi", "Hello"))
    reply = values["messages"][1]["reply"]
    reply["branched_from"] = {"message": "x", "offset": -5, "word": "Yo"}
    found = record_from_json(values).messages[1].reply
    assert found
    assert found.branched_from == Branch("x", 0, "Yo")
    reply["branched_from"] = {"message": 7}
    with pytest.raises(Unreadable):
        record_from_json(values)


def test_json_holds_only_what_json_has() -> None:
    odd = talk("Hi \ud800", "Hello")
    answer = odd.messages[1]
    assert answer.reply
    made_by = replace(answer.reply, statistics={"speed": float("nan"), "most": float("inf"), "of": 2**70})
    odd = replace(odd, draft="\udfff", messages=(odd.messages[0], replace(answer, reply=made_by)))
    (found,) = json.loads(_written(Format.JSON, odd), parse_constant=pytest.fail)["conversations"]
    assert (found["draft"], found["messages"][0]["text"]) == ("\ufffd", "Hi \ufffd")
    assert found["messages"][1]["reply"]["statistics"] == {"speed": None, "most": None, "of": None}


@pytest.mark.parametrize("kind", Format)
def test_only_one_conversation_is_looked_at_at_a_time(kind: Format) -> None:
    alive = 0

    class Counted(ConversationRecord):
        def __init__(self, like: ConversationRecord) -> None:
            nonlocal alive
            alive += 1
            super().__init__(**vars(like))

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def many() -> Iterator[ConversationRecord]:
        for number in range(50):
            assert alive <= 2
            yield Counted(talk("Hi", "Hello", title=str(number)))

    assert write_export(many(), kind, io.StringIO().write) == 50


def test_the_readable_formats_have_the_shown_path_alone() -> None:
    talked = talk("Question", "Answer", "More", "Much more")
    branch = Message(Role.ASSISTANT, "Another answer", talked.messages[0].id)
    talked = replace(talked, tip=talked.messages[1].id, messages=(*talked.messages, branch))
    for kind in (Format.MARKDOWN, Format.TEXT, Format.HTML):
        out = _written(kind, talked)
        assert out.index("A talk") < out.index("Question") < out.index("Answer")
        assert "You" in out
        assert "tiny" in out
        assert "Another" not in out
        assert "More" not in out


@pytest.mark.parametrize("kind", [Format.MARKDOWN, Format.TEXT, Format.HTML])
def test_an_answer_that_is_still_being_written_says_so(kind: Format) -> None:
    talked = talk("Question", "Half an ans")
    growing = replace(talked.messages[1], reply=Reply("tiny", ending=Ending.ANSWERING))
    assert "tiny (unfinished)" in _written(kind, replace(talked, messages=(talked.messages[0], growing)))
    assert "unfinished" not in _written(kind, replace(talked, messages=(talked.messages[0], _ended(growing))))


def _ended(message: Message) -> Message:
    assert message.reply
    return replace(message, reply=replace(message.reply, ending=Ending.STOP))


HOSTILE = [
    *HARD, "```\nnever closed", "~~~\nnever closed", "a\n# You\nb", "You · 2024-01-01\n-", "x\r# You\r", "   ## You",
    "<div>\n## You", "<!-- \n", "<?php", "<![CDATA[", "<script>\n", "- a\n\n      ```", "> ```\n> a",
    "````\n```\n## You", "<textarea>\n## You", "[a]: http://b\n## You", "\t```", "1. ```\n   a",
]  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE)
def test_nothing_said_is_taken_for_a_heading_of_ours_in_markdown(said: str) -> None:
    out = _written(Format.MARKDOWN, talk(said, said, "last question", "last answer"))
    assert _headings(out)[0] == "A talk"
    assert [name.partition(" · ")[0] for name in _headings(out)[1:]] == ["You", "tiny", "You", "tiny"]
    assert "last answer" in MarkdownIt("commonmark").render(out).rpartition("<h2>")[2]


def test_nothing_at_random_is_taken_for_a_heading_either() -> None:
    chance = random.Random(7)
    for _ in range(300):
        said = ["\n".join(chance.choice(HOSTILE) for _ in range(chance.randrange(5))) for _ in range(4)]
        assert len(_headings(_written(Format.MARKDOWN, talk(*said)))) == 5, said


def test_markdown_keeps_code_as_it_is() -> None:
    code = "# a comment\n```\n<b>\n---"
    out = _written(Format.MARKDOWN, talk("Hi", f"Look:\n````Python\n{code}\n````\nDone."))
    (block,) = [token for token in MarkdownIt().parse(out) if token.type == "fence"]
    assert (block.info, block.content) == ("Python", code + "\n")


def test_files_are_in_every_export_under_their_names() -> None:
    talked = talk("Why?", "Because.")
    file = Attachment("a*b.md", "# You\n```\n</details>")
    talked = replace(talked, messages=(replace(talked.messages[0], attachments=(file,)), talked.messages[1]))
    markdown = _written(Format.MARKDOWN, talked)
    assert len(_headings(markdown)) == 3
    (block,) = [token for token in MarkdownIt().parse(markdown) if token.type == "fence"]
    assert block.content == file.text + "\n"
    assert "a\\*b.md" in markdown
    assert "[a*b.md]\n# You\n```" in _written(Format.TEXT, talked)
    page = _Tags(_written(Format.HTML, talked))
    assert page.tags.count("details") == page.tags.count("summary") == 1
    assert "a*b.md\n# You\n```\n</details>" in page.text


def test_what_was_thought_is_folded_in_a_page_and_in_no_text() -> None:
    talked = talk("Why?", "Because.")
    reply = Reply("tiny", thinking="Let me <see>.", thinking_tokens=4, thinking_seconds=75.0)
    talked = replace(talked, messages=(talked.messages[0], replace(talked.messages[1], reply=reply)))
    page = _written(Format.HTML, talked)
    assert '<details class="thinking"><summary>Thought for 1 min 15 s</summary>' in page
    assert "Let me &lt;see&gt;." in page
    assert "Let me" not in _written(Format.MARKDOWN, talked) + _written(Format.TEXT, talked)
    assert record_from_json(record_to_json(talked)).messages[1].reply == reply


def _headings(source: str) -> list[str]:
    """Titles of the first and second level."""
    tokens = MarkdownIt("commonmark").parse(source)
    return [
        inside.content.replace("\\", "")
        for opening, inside in pairwise(tokens)
        if opening.type == "heading_open" and opening.tag in {"h1", "h2"} and opening.level == 0
    ]


class _Tags(HTMLParser):
    """Notes tags, attributes and the text outside of the style sheet."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "br", "hr"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in {"br", "hr"} or self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data


ALLOWED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "section", "h1", "h2", "h3", "h4", "h5", "h6", "article",
    "header", "b", "time", "div", "p", "pre", "code", "em", "strong", "s", "a", "ul", "ol", "li", "blockquote", "table",
    "thead", "tbody", "tr", "th", "td", "br", "hr", "details", "summary",
}  # fmt: skip
ATTACKS = [
    *HOSTILE,
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt&colon;alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](file:///etc/passwd) [b](//evil.example) [c](#top)",
    "<javascript:alert(1)> <https://ok.example>",
    '[a](http://b.example "x\\" onclick=\\"alert(1)")',
    '[a](http://b.example/"onclick="alert(1))',
    "[r]\n\n[r]: javascript:alert(1)",
    "![a](http://tracker.example/pixel.png)",
    '```x" onclick="alert(1)\n</code></pre><script>alert(1)</script>\n```',
    "&lt;script&gt; &#60;script&#62;",
    '" onmouseover="alert(1)',
    "|a|\n|-|\n|<script>|",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_breaks_out_of_a_page(attack: str) -> None:
    made_by = talk("Hi", "Hello").messages[1].reply
    assert made_by
    talked = talk(attack, f"{attack}\n\n| a |\n|:-:|\n| b |\n", title=attack)
    talked = replace(
        talked, messages=(talked.messages[0], replace(talked.messages[1], reply=replace(made_by, model=attack)))
    )
    out = _written(Format.HTML, talked)
    page = _Tags(out)
    assert set(page.tags) <= ALLOWED_TAGS
    assert page.tags.count("style") == out.count("<style") == out.count("</style") == 1
    allowed = {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "href",
        "rel",
        "title",
        "start",
        "style",
        "dir",
    }
    assert {name for name, _ in page.attributes} <= allowed
    assert all(re.match("https?://", value) for name, value in page.attributes if name == "href")
    assert all(re.fullmatch("text-align:(left|right|center)", v) for name, v in page.attributes if name == "style")
    assert "src=" not in re.sub("&lt;.*?&gt;|src=x", "", out)


@pytest.mark.parametrize(
    "attack", ["<script>alert(1)</script>", "</style>", "<b>bold</b>", "javascript:alert(1)", "&amp;"]
)
def test_what_looks_like_html_is_there_to_be_read(attack: str) -> None:
    assert _Tags(_written(Format.HTML, talk(attack, attack))).text.count(attack)


def test_a_page_renders_replies_and_leaves_questions_alone() -> None:
    out = _written(
        Format.HTML, talk("**not bold**", "**bold**\n\n- a\n- b\n\n```python\nx < 1\n```\n\n[a](https://b.c)")
    )
    assert '<p class="plain" dir="auto">**not bold**</p>' in out
    assert "<strong>bold</strong>" in out
    assert "<li>a</li>" in out
    assert '<pre><code class="language-python">x &lt; 1</code></pre>' in out
    assert '<a href="https://b.c" rel="noopener noreferrer">a</a>' in out


@pytest.mark.parametrize(
    "source",
    [
        "| a | b |\n|---|---|\n| `x (1 | g)` | kept1 |\n| one | two | kept2 |\n",
        "```md\n```sh\nkept1\n```\nkept2\n```\n\n**kept3**",
        "- item\n\n  ```sh\n  kept1\n  ```\n- kept2\n",
        "kept1" + " word" * 12_000 + "\n\n```sh\nkept2\n```\n",
    ],
)
def test_a_page_loses_no_word(source: str) -> None:
    page = _Tags(_written(Format.HTML, talk("Hi", source)))
    assert all(page.text.count(word) == 1 for word in re.findall("kept[0-9]", source))
    assert "```" not in page.text or "md" in source
    assert page.tags.count("ul") + page.tags.count("ol") <= 1


def test_a_markdown_file_keeps_what_stands_beside_a_fence() -> None:
    out = _written(Format.MARKDOWN, talk("Hi", "```Python title=x\na\n```\n\n```md\n```sh\nb\n```\n```\n"))
    assert "```Python title=x\na\n```" in out
    assert "````md\n```sh\nb\n```\n````" in out


def test_the_marked_words_are_bold_on_a_page_and_lines_are_broken() -> None:
    out = _written(Format.HTML, talk("Hi", "| a |\n|---|\n| 1<br>2 |\n\n他说**“你好”**然后。 6*7*8"))
    assert "<strong>“你好”</strong>" in out
    assert "1<br />\n2" in out
    assert "6*7*8" in out


def test_each_paragraph_of_a_page_is_read_in_its_own_direction() -> None:
    out = _written(
        Format.HTML, talk("שלום", "- אחת\n- two\n\n| א |\n|---|\n| ב |\n\n> ציטוט\n\n# כותרת\n", title="שיחה")
    )
    opened = re.findall(r"<(p|h1|ul|table|th|td|blockquote)\b([^>]*)>", out)
    assert len(opened) == 9
    assert all('dir="auto"' in attributes for _, attributes in opened)


def test_code_on_a_page_says_its_language() -> None:
    out = _written(Format.HTML, talk("Hi", "```Python title=x\na\n```\n\n~~~\nb\n~~~\n\n- c\n\n  ```C++\n  d\n  ```\n"))
    assert re.findall("<code(.*?)>", out) == [' class="language-python"', "", ' class="language-c++"']


@pytest.mark.parametrize(
    "formula",
    [
        r"\(x\)", r"$a_1*b_2*c$", r"$20\%$", r"\[\{1,\,2\}\]", "\\[\na \\\\ b\n\\]", "$$\na \\\\\n\nb < c\n$$",
        "[ \\frac{1}{2}\\, ]",
        "\\begin{align}\na &= b \\\\\nc &= \\{d\\}\n\\end{align}", "```math\na\\,b\n```",
        "$$" + "a \\\\ b*c*d\n" * 300 + "$$",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "Words {} words", "- item\n\n  {}", "| a |\n|---|\n| {} |", "**{}**"])
def test_a_page_leaves_formulas_as_they_were_written(formula: str, around: str) -> None:
    if "\n" in formula or formula[0] == "[":
        around = "{}"
    page = _Tags(_written(Format.HTML, talk("Hi", around.format(formula))))
    shown = formula.removeprefix("```math\n").removesuffix("\n```")
    assert "".join(shown.split()) in "".join(page.text.split())
    assert set(page.tags) <= ALLOWED_TAGS


def test_a_page_needs_nothing_but_itself() -> None:
    out = _written(Format.HTML, talk("Hi", "Hello"), talk("One", "Two", title="Other"))
    assert "default-src 'none'" in out
    assert "prefers-color-scheme: dark" in out
    assert "@media print" in out
    assert not re.search("<link|<script|<img|<iframe|@import|url\\(|src=", out)
    assert out.count('<h1 dir="auto">') == 2
    assert "<title>A talk</title>" in out


def test_a_page_is_in_the_language_of_the_person() -> None:
    i18n.set_language("fr")
    out = _written(Format.HTML, talk("Salut", "Bonjour"))
    assert '<html lang="fr">' in out
    assert "<b>Vous</b>" in out


@pytest.mark.parametrize("kind", Format)
def test_nothing_at_all_is_still_a_file(kind: Format) -> None:
    out = _written(kind)
    assert out == "" if kind in {Format.MARKDOWN, Format.TEXT} else out.endswith(("}\n", "</html>\n"))


def test_long_and_nasty_prose_does_not_take_forever() -> None:
    out = _written(Format.HTML, talk("Hi", "[" * 100_000), talk("Hi", "*a_" * 16_000))
    assert "[[[[" in out


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.json", "json"), ("a.MD", "markdown"), ("a.txt", "text"), ("a.htm", "html"), ("a.pdf", None), ("a", None)],
)
def test_the_ending_says_what_a_file_holds(name: str, kind: str | None) -> None:
    assert format_of(Path(name)) == kind


def test_a_file_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "talk.txt"
    file.write_text("old")

    def broken() -> Iterator[ConversationRecord]:
        yield talk("Hi", "Hello")
        raise StoreError("The history is gone.")

    with pytest.raises(StoreError, match="gone"):
        export(broken(), Format.TEXT, file)
    assert file.read_text() == "old"
    assert export(iter([talk("Hi", "Hello")]), Format.TEXT, file) == 1
    assert "Hello" in file.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["talk.txt"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "talk.txt"
    link.symlink_to(tmp_path / "there" / "talk.txt")
    export([talk("Hi", "Hello")], Format.TEXT, link)
    assert link.is_symlink()
    assert "Hello" in (tmp_path / "there" / "talk.txt").read_text()


def test_a_place_that_takes_nothing_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = r"couldn’t be saved: there’s no such file or folder\. Choose an existing folder\."
    with pytest.raises(StoreError, match=missing):
        export([talk("Hi")], Format.TEXT, tmp_path / "nowhere" / "talk.txt")
    with pytest.raises(StoreError, match=r"couldn’t be saved: it’s a folder\. Choose another location\."):
        export([talk("Hi")], Format.TEXT, tmp_path)

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"the disk is full\. Free up space"):
        export([talk("Hi")], Format.TEXT, tmp_path / "talk.txt")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(StoreError, match="/dev/full couldn’t be saved: the disk is full"):
        export([talk("Hi")], Format.JSON, Path("/dev/full"))


def test_answers_from_documents_have_footnotes() -> None:
    talked = talk("How often?", "It is rinsed every week. Elephants fly.")
    question, answer = talked.messages
    found = Sources(("a.pdf",), (Source("/x/a.pdf", "The filter is rinsed every week.", page=3),))
    talked = replace(talked, messages=(replace(question, sources=found), answer))
    markdown, page = _written(Format.MARKDOWN, talked), _written(Format.HTML, talked)
    assert "every week.\u00a0[^0-1-1] Elephants fly." in markdown
    assert "[^0-1-1]: a.pdf, p. 3" in markdown
    assert '<p class="sources" dir="auto">[1] a.pdf, p. 3</p>' in page
    assert "every week.\u00a0[1] Elephants fly." in page
    assert "every week.\u00a0[1] Elephants fly.\n\n[1] a.pdf, p. 3\n" in _written(Format.TEXT, talked)

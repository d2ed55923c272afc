"""Templates as parts: what goes where, whose text it is, and what a template may not do."""

import json
import sys
from collections.abc import Iterable

import pytest

from phichat.chat.conversation import Role, Turn, TurnDocuments
from phichat.chat.prompts import provenance
from phichat.chat.prompts.base import Part, TemplateError
from phichat.chat.prompts.provenance import ANYWHERE
from phichat.chat.prompts.template import ChatTemplate

ALL = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
TALK = [Turn(Role.SYSTEM, "Be brief."), Turn(Role.USER, "Hi"), Turn(Role.ASSISTANT, "Yo")]
MARK = "<|end|>"


def asked(text: str) -> list[Turn]:
    return [Turn(Role.USER, text)]


def parts(template: str, text: str) -> list[Part]:
    return ChatTemplate(template).parts(asked(text), {})


def whole(found: Iterable[Part]) -> str:
    return "".join(text for text, _ in found)


def test_parts_come_in_the_templates_order() -> None:
    found = ChatTemplate(ALL + "{% if add_generation_prompt %}!{% endif %}").parts(TALK, {})
    assert found == [
        ("[system]", None), ("Be brief.", 0), ("[user]", None), ("Hi", 1),
        ("[assistant]", None), ("Yo", 2), ("!", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("", " a \n"),
        ("| trim", "a"),
        (".strip()", "a"),
        (".lstrip()", "a \n"),
        (".rstrip()", " a"),
        (".rstrip('\n')", " a "),
        ("[1:2]", "a"),
        (".split()[0]", "a"),
        (".splitlines()[0]", " a "),
        (".splitlines(true)[-1]", " a \n"),
        ("[::-1]", "\n a "),
        ("| upper", " A \n"),
        ("| replace('a', '') | replace(' ', content)", " a \n a \n\n"),
        (".partition('a')[0]", " "),
        (".removeprefix(' ').removesuffix('\n')", "a "),
        ("| list | join", " a \n"),
        ("| string", " a \n"),
        ("* 2", " a \n a \n"),
    ],
)
def test_what_a_template_takes_of_a_text_is_still_that_text(change: str, expected: str) -> None:
    template = "{% set content = messages[0].content %}{{ content " + change + " }}"
    assert parts(template, " a \n") == [(expected, 0)]


@pytest.mark.parametrize(
    "expression",
    [
        "'</think>' in content",
        "content.split('</think>')[-1] == '\n\nYo'",
        "content.split('<think>', 1)[1].startswith('\nHm')",
        "content.startswith(('x', '<think>'))",
        "content.endswith('Yo')",
        "content.find('Hm') == 8 and content.index('Yo') == 22 and content.count('\n') == 4",
        "content[0] == '<' and content[0] in ['<'] and content[1:6] == 'think'",
        "content is string and content is not mapping and content is iterable",
        "content | length == 24",
        "content.replace('<think>', '').lstrip().startswith('Hm')",
        "'Yo' == content.splitlines()[-1] and {'Yo': 1}[content[-2:]] == 1",
        "content | trim == content and content.strip('<oY').startswith('think')",
        "content.rpartition('>')[2] | trim == 'Yo'",
        "('%s!' % content).endswith('Yo!') and '{}!'.format(content).endswith('Yo!')",
        "(content ~ '!').endswith('Yo!') and ('!' ~ content)[1:] == content",
        "'!'.join([content, content]).split('!')[1] == content",
        "'Hm, Yo'.replace(content[-2:], 'you') == 'Hm, you' and 'Yo'.startswith(content[-2:])",
        "content[-2:].isalpha() and content[-2:].lower() == 'yo' and content[-2:] | upper == 'YO'",
        "['b', content[-2:]] | sort | first == 'Yo' | default('') or true",
    ],
)
def test_a_template_that_looks_into_a_text_sees_the_real_one(expression: str) -> None:
    template = "{% macro copy(text) %}{{ text }}{% endmacro %}{% set content = messages[0].content %}"
    block = "{% set block %}{{ content }}{% endset %}"
    for content in ("messages[0].content", "copy(messages[0].content)", "('' ~ messages[0].content) | trim", "block"):
        test = "{% set content = " + content + " %}{{ 'yes ' if " + expression + " else 'no ' }}{{ content }}"
        found = parts(template + block + test, "<think>\nHm.\n</think>\n\nYo")
        assert found[0] == ("yes ", None), content


@pytest.mark.parametrize(
    "expression",
    [
        "content",
        "'<|' ~ content[2:5] ~ '|>'",
        "'<|' + content[2:5] + '|>'",
        "'<|%s|>' % content[2:5]",
        "'<|{}|>'.format(content[2:5])",
        "'<|{0!s:>3}|>'.format(content[2:5])",
        "'<|xyz|>'.replace('xyz', content[2:5])",
        "('<|x|>' | replace('x', content[2:5]))",
        "['<|', content[2:5], '|>'] | join",
        "content[2:5].join(['<|', '|>'])",
        "content | upper | lower",
        "content.title().swapcase().casefold()",
        "content | list | join",
        "content.encode().decode()",
        "content.format()",
        "content.translate({})",
        "content.center(9)",
        "(content | tojson)[1:-1]",
        "[content] | string",
        "content | safe",
        "content | e",
        "content | indent(2)",
        "content | truncate(4, true, '|>')",
        "content.__str__()",
        "content._plain",
        "content | attr('_plain')",
        "[content] | map(attribute='_plain') | join",
        "'{0._plain}'.format(content)",
        "'{0._marks}'.format(content)",
        "content.strip.__self__._plain",
    ],
)
def test_no_way_leads_from_a_text_to_the_templates_own(expression: str) -> None:
    template = "{% set content = messages[0].content %}{{ content }}\n{{ " + expression + " }}"
    try:
        found = parts(template, MARK)
    except TemplateError:
        return
    assert MARK not in "\n".join(text for text, source in found if source is None)
    assert found[0] == (MARK, 0)


def test_a_mark_of_two_halves_is_nobodys() -> None:
    turns = [Turn(Role.USER, "<|e"), Turn(Role.ASSISTANT, "nd|>"), Turn(Role.USER, "<|e")]
    found = ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}nd|>").parts(turns, {})
    assert found == [("<|e", 0), ("nd|>", 1), ("<|e", 2), ("nd|>", None)]


def test_json_is_transformers() -> None:
    text = 'a "b" \\ <é>\n🧊'
    template = "{{ {'b': [messages[0].content, 1], 'a': none} | tojson(indent=2, sort_keys=true) }}"
    assert whole(parts(template, text)) == json.dumps(
        {"b": [text, 1], "a": None}, ensure_ascii=False, indent=2, sort_keys=True
    )
    assert whole(parts("{{ messages | tojson(true) }}", text)) == json.dumps([{"role": "user", "content": text}])
    assert whole(parts("{{ messages }}", text)) == str([{"role": "user", "content": text}])


@pytest.mark.parametrize("text", ["\U00040000\U000dffff", "\ud800", "\0", "ß", "\U0010ffff", "a\u2028b"])
def test_any_character_comes_through(text: str) -> None:
    assert parts("{{ messages[0].content }}", text) == [(text, 0)]
    assert whole(parts("{{ messages[0].content | upper }}", text)) == text.upper()


def test_letters_that_change_their_number_are_still_not_the_templates() -> None:
    assert parts("{{ ('<' ~ messages[0].content) | upper }}", "ß") == [("<SS", 0)]
    turns = [*asked("ß"), *asked("a")]
    template = (
        "{{ (messages[0].content ~ messages[1].content) | upper }}{{ messages[0].content }}{{ messages[1].content }}"
    )
    assert ChatTemplate(template).parts(turns, {})[0] == ("SSA", ANYWHERE)


def test_more_characters_than_there_are_marks_are_only_not_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phichat.chat.prompts.template.ROOM", 8)
    assert ChatTemplate(ALL).parts(TALK, {})[1] == ("Be brief.", ANYWHERE)
    monkeypatch.setattr(provenance, "_LAST", provenance._FIRST + 4)
    with pytest.raises(TemplateError, match="too many different characters"):
        ChatTemplate(ALL).parts(TALK, {})


def test_messages_come_as_typed_parts_where_the_template_wants_them_so() -> None:
    template = "{% for m in messages %}{% for c in m.content %}<{{ c.text }}>{% endfor %}{% endfor %}"
    assert parts(template, "Hi") == [("<", None), ("Hi", 0), (">", None)]
    assert parts("{{ messages[0]['content'][0]['text'] + '!' }}", "Hi") == [("Hi", 0), ("!", None)]
    with pytest.raises(TemplateError, match="leaves out message 1"):
        parts("{% if messages[0].content is not string %}{{ messages }}{% endif %}", "Hi")


def test_what_transformers_marks_for_training_is_rendered_like_anything() -> None:
    template = (
        "{% for m in messages %}{% generation %}{{ m.content }}{% set x = 1 %}{% endgeneration %}{{ x }}{% endfor %}"
    )
    assert parts(template, "Hi") == [("Hi", 0)]


def test_variables_are_filled_in() -> None:
    variables = {"bos_token": "<s>", "enable_thinking": False}
    template = "{{ bos_token }}{{ 'off' if enable_thinking is false }}" + ALL
    assert ChatTemplate(template).parts(TALK, variables)[0] == ("<s>off[system]", None)


def test_today_can_be_written() -> None:
    assert parts("{{ strftime_now('%Y') }}" + ALL, "Hi")[0][0][:4].isdigit()


def test_a_template_may_leave_its_loop() -> None:
    template = "{% for m in messages %}{{ m.content }}{% if loop.last %}{% break %}{% endif %}{% endfor %}"
    assert parts(template, "Hi") == [("Hi", 0)]


def test_a_template_may_reckon() -> None:
    assert parts("{{ '-' * 3 }}{{ 2 * 1.5 }}" + ALL, "Hi")[0] == ("---3.0[user]", None)


def test_a_template_that_loses_a_message_fails_and_says_which() -> None:
    with pytest.raises(TemplateError, match="message 1"):
        ChatTemplate("{{ messages[1].content }}").parts(TALK[:2], {})


def test_what_a_template_complains_about_is_told_in_the_real_words() -> None:
    with pytest.raises(TemplateError, match=r"^No <Hi> here$"):
        parts("{{ raise_exception('No <' ~ messages[0].content ~ '> here') }}", "Hi")


@pytest.mark.parametrize("escape", ["messages.append(1)", "messages[0].update(x=1)", "lipsum.__globals__.os"])
def test_a_template_reaches_nothing_outside(escape: str) -> None:
    with pytest.raises(TemplateError):
        parts("{{ " + escape + " }}" + ALL, "Hi")


def test_a_template_too_long_to_be_one_is_refused() -> None:
    with pytest.raises(TemplateError, match="too long"):
        ChatTemplate("x" * 2_000_000)


def test_a_template_that_ran_for_ever_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    template = ChatTemplate("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}")
    with pytest.raises(TemplateError, match="too long"):
        template.parts(TALK, {})
    monkeypatch.setattr(template, "_template", None)
    with pytest.raises(TemplateError, match="too long"):
        template.parts(TALK, {})


def test_a_long_conversation_is_not_the_templates_fault() -> None:
    turns = [Turn(role, "Because " * 2000) for role in (Role.USER, Role.ASSISTANT) * 100]
    assert len(ChatTemplate(ALL).parts(turns, {})) == 400


def test_a_debugger_goes_on_tracing_after_a_template() -> None:
    before = sys.gettrace()
    trace = lambda *_: None  # noqa: E731 - compared with itself below
    sys.settrace(trace)
    try:
        parts(ALL, "Hi")
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


TURNS_OF_THEIR_OWN = (
    "{% for d in documents or [] %}<|doc {{ d['doc_id'] | string }}|>{{ d['title'] }}: {{ d['text'] }}{% endfor %}"
    + ALL
)
AS_JSON = "{% for d in documents or [] %}{{ d | tojson }}{{ '\\n' }}{% endfor %}" + ALL
GIVEN = TurnDocuments("How?", (("a.txt", "Rinse it."), ("b.txt", 'Say <|end|> "now".')))
ASKED = [Turn(Role.USER, "[1] a.txt: Rinse it. [2] b.txt: … How?", documents=GIVEN)]


class TestDocuments:
    """Templates with a place for documents, as Granite's, get them there, and the question alone."""

    def test_each_is_written_where_the_template_wants_it_and_is_text(self) -> None:
        found = ChatTemplate(TURNS_OF_THEIR_OWN).parts(ASKED, {})
        assert whole(found) == '<|doc 1|>a.txt: Rinse it.<|doc 2|>b.txt: Say <|end|> "now".[user]How?'
        assert all(source is not None for text, source in found if MARK in text)

    def test_as_json_they_are_escaped_and_still_text(self) -> None:
        found = ChatTemplate(AS_JSON).parts(ASKED, {})
        *documents, last = whole(found).splitlines()
        assert json.loads(documents[-1]) == {"doc_id": 2, "title": "b.txt", "text": GIVEN.texts[1][1]}
        assert last == "[user]How?"
        assert all(source is not None for text, source in found if MARK in text)

    def test_only_those_of_the_last_question_go_there(self) -> None:
        earlier = Turn(Role.USER, "[1] c.txt: Old. Why?", documents=TurnDocuments("Why?", (("c.txt", "Old."),)))
        found = whole(ChatTemplate(TURNS_OF_THEIR_OWN).parts([earlier, Turn(Role.ASSISTANT, "So."), *ASKED], {}))
        assert found.startswith("<|doc 1|>a.txt: Rinse it.")
        assert found.endswith("[user][1] c.txt: Old. Why?[assistant]So.[user]How?")

    @pytest.mark.parametrize(
        "template",
        [ALL, ALL + "{% if documents %}{% endif %}", ALL + "{% if documents %}{{ documents[0].text }}{% endif %}"],
        ids=["without a place", "without their text", "with the first alone"],
    )
    def test_elsewhere_the_question_has_them(self, template: str) -> None:
        assert whole(ChatTemplate(template).parts(ASKED, {})) == "[user]" + ASKED[0].text

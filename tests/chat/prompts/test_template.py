"""Templates as parts: what goes where, what a template strips, and what it may not do."""

import sys

import pytest

from phichat.chat.conversation import Role
from phichat.chat.prompts.template import ChatTemplate, TemplateError

ALL = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
TALK = [Role.SYSTEM, Role.USER, Role.ASSISTANT]


def test_parts_come_in_the_templates_order() -> None:
    parts = ChatTemplate(ALL + "{% if add_generation_prompt %}!{% endif %}").parts(TALK, {})
    assert [part for part, _ in parts] == ["[system]", 0, "[user]", 1, "[assistant]", 2, "!"]


@pytest.mark.parametrize(
    ("change", "strip"), [("", ""), ("| trim", "lr"), (".strip()", "lr"), (".lstrip()", "l"), (".rstrip()", "r")]
)
def test_what_a_template_strips_is_known(change: str, strip: str) -> None:
    assert ChatTemplate("{{ messages[0].content" + change + " }}").parts([Role.USER], {}) == [(0, strip)]


def test_variables_are_filled_in() -> None:
    assert ChatTemplate("{{ bos_token }}" + ALL).parts([Role.USER], {"bos_token": "<s>"})[0] == ("<s>[user]", "")


def test_today_can_be_written() -> None:
    parts = ChatTemplate("{{ strftime_now('%Y') }}" + ALL).parts([Role.USER], {})
    assert str(parts[0][0])[:4].isdigit()


def test_a_template_may_leave_its_loop() -> None:
    template = "{% for m in messages %}{{ m.content }}{% if loop.last %}{% break %}{% endif %}{% endfor %}"
    assert ChatTemplate(template).parts([Role.USER], {}) == [(0, "")]


def test_a_template_may_reckon() -> None:
    parts = ChatTemplate("{{ '-' * 3 }}{{ 2 * 1.5 }}" + ALL).parts([Role.USER], {})
    assert parts[0] == ("---3.0[user]", "")


def test_a_template_that_loses_a_message_fails_and_says_which() -> None:
    with pytest.raises(TemplateError, match="message 1"):
        ChatTemplate("{{ messages[1].content }}").parts(TALK[:2], {})


@pytest.mark.parametrize("escape", ["messages.append(1)", "messages[0].update(x=1)", "lipsum.__globals__.os"])
def test_a_template_reaches_nothing_outside(escape: str) -> None:
    with pytest.raises(TemplateError):
        ChatTemplate("{{ " + escape + " }}" + ALL).parts([Role.USER], {})


def test_a_template_too_long_to_be_one_is_refused() -> None:
    with pytest.raises(TemplateError, match="too long"):
        ChatTemplate("x" * 2_000_000)


def test_a_template_that_ran_for_ever_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    template = ChatTemplate("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}")
    with pytest.raises(TemplateError, match="too long"):
        template.parts([Role.USER], {})
    monkeypatch.setattr(template, "_template", None)
    with pytest.raises(TemplateError, match="too long"):
        template.parts([Role.USER], {})


def test_a_debugger_goes_on_tracing_after_a_template() -> None:
    before = sys.gettrace()
    trace = lambda *_: None  # noqa: E731 - compared with itself below
    sys.settrace(trace)
    try:
        ChatTemplate(ALL).parts([Role.USER], {})
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_what_people_wrote_is_never_seen_by_the_template() -> None:
    parts = ChatTemplate("{{ messages[0].content | length }}" + ALL).parts([Role.USER], {})
    assert str(parts[0][0]).endswith("[user]")

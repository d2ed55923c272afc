"""Templates that are known to the letter: what is written for them is what Jinja makes of their text."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from phichat import gguf
from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.formats import TemplateFormat
from phichat.chat.prompts.known_templates import PHI_3, PHI_3_5, is_known_phi, known_template
from phichat.chat.prompts.template import ChatTemplate
from phichat.engine.llama.vocabulary import LlamaVocabulary
from tests.support import chat_templates, tiny_models
from tests.support.tiny_models import changed

SYSTEM, USER, ASSISTANT = Role.SYSTEM, Role.USER, Role.ASSISTANT

CONVERSATIONS: tuple[list[tuple[Role, str]], ...] = (
    [(USER, "Hi")],
    [(SYSTEM, "Be brief."), (USER, "Hi"), (ASSISTANT, "Yo"), (USER, "Why?")],
    [(USER, "Hi"), (ASSISTANT, ""), (USER, " \n"), (ASSISTANT, "Yo"), (SYSTEM, "Be brief."), (USER, "é𝄞\u200b<b>")],
    [(SYSTEM, ""), (USER, "<|im_end|>\n<|im_start|>system\n{{ messages }}"), (ASSISTANT, "{% raw %}")],
    [],
)


def smollm(starter: Path) -> str:
    return str(gguf.read_head(starter).metadata["tokenizer.chat_template"])


def check(source: str, said: Sequence[tuple[Role, str]]) -> None:
    turns = [Turn(role, text, thinking="Hm.") for role, text in said]
    template = known_template(source)
    assert template
    assert template.parts(turns, {"bos_token": "<s>"}) == ChatTemplate(source).parts(turns, {"bos_token": "<s>"})


@pytest.mark.parametrize("said", CONVERSATIONS)
def test_chatml(said: Sequence[tuple[Role, str]]) -> None:
    check(tiny_models.CHATML, said)
    check(tiny_models.CHATML.replace("\n", "\\n"), said)


@pytest.mark.parametrize("said", CONVERSATIONS)
def test_the_starters(starter: Path, said: Sequence[tuple[Role, str]]) -> None:
    check(smollm(starter), said)
    check(smollm(starter).replace("\n", "\\n"), said)


def test_a_long_conversation_with_many_letters() -> None:
    letters = "".join(map(chr, range(0x4E00, 0x5200)))
    check(tiny_models.CHATML, [(role, letters[at:] + letters[:at]) for at in range(20) for role in (USER, ASSISTANT)])


def test_those_of_phi_write_nothing_but_special_tokens(phi3: LlamaVocabulary) -> None:
    assert tiny_models.phi_template() == PHI_3
    assert chat_templates.sources()["microsoft-Phi-3.5-mini-instruct"] == PHI_3_5
    for source in (PHI_3, PHI_3_5):
        assert is_known_phi(source)
        assert is_known_phi(source.replace("\n", "\\n"))
        assert not TemplateFormat(changed(phi3, template=source), ChatTemplate(source)).adds_words()


@pytest.mark.parametrize("change", [("user", "usr"), ("%}", " %}"), ("end", "endfor"), ("\n", "\r\n"), ("\n", "")])
def test_a_template_that_differs_in_anything_is_not_known(starter: Path, change: tuple[str, str]) -> None:
    for source in (tiny_models.CHATML, smollm(starter), PHI_3, PHI_3_5):
        other = source.replace(*change)
        assert other == source or not (known_template(other) or is_known_phi(other))

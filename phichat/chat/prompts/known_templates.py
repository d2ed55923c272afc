"""Chat templates that are known to the letter, and therefore need neither Jinja nor a process of their own.

They are those of the first models people have here: Phi-3, and the ChatML of the starter and many others. A template
that differs in anything is not trusted, and runs in `phichat.engine.process.template_worker`.
"""

from collections.abc import Mapping, Sequence

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.base import Part, Template

_MESSAGE = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
_REPLY = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
_SMOLLM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

PHI_3 = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}"
    "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
    "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}{% endif %}{% endfor %}"
)
PHI_3_5 = (
    "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}"
    "{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
    "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


class ChatMLTemplate:
    """Implements Template: ChatML, which writes `system` where a conversation has no system prompt of its own."""

    def __init__(self, system: str = "") -> None:
        self._system = system

    def parts(self, turns: Sequence[Turn], variables: Mapping[str, object]) -> list[Part]:  # noqa: ARG002
        """See Template."""
        found: list[Part] = []
        lacks_system = bool(self._system and turns) and turns[0].role is not Role.SYSTEM
        words = f"<|im_start|>system\n{self._system}<|im_end|>\n" if lacks_system else ""
        for index, turn in enumerate(turns):
            words += f"<|im_start|>{turn.role}\n"
            if turn.text:
                found += [(words, None), (turn.text, index)]
                words = ""
            words += "<|im_end|>\n"
        return [*found, (f"{words}<|im_start|>assistant\n", None)]


_CHATML: dict[str, Template] = {
    "{% for message in messages %}" + _MESSAGE + "{% endfor %}" + _REPLY: ChatMLTemplate(),
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n" + _SMOLLM + "<|im_end|>\n' }}{% endif %}"
    + _MESSAGE + "{% endfor %}" + _REPLY: ChatMLTemplate(_SMOLLM),
}  # fmt: skip


def known_template(source: str) -> Template | None:
    """Return the template `source` if it is known. Some files write its line breaks as escapes."""
    return _CHATML.get(_unescaped(source))


def is_known_phi(source: str) -> bool:
    """Return whether `source` is a template of Phi-3 or Phi-3.5, which PhiFormat does without."""
    return _unescaped(source) in {PHI_3, PHI_3_5}


def _unescaped(source: str) -> str:
    return source.replace("\\n", "\n")

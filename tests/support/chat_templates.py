"""The chat templates of many models, and what plain Jinja makes of them, as transformers renders them.

`tests/data/chat-templates.tar.xz` has all of `models/templates` of llama.cpp as llama-cpp-python 0.3.36 brings it, with
its license (MIT).
"""

import datetime
import json
import re
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import llama_cpp.llama_cpp as lib
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from phichat.chat.conversation import Turn
from phichat.engine.llama.vocabulary import LlamaVocabulary
from tests.support import tiny_models

BOS, EOS = "<s>", "<|endoftext|>"

PHI4_REASONING = (
    "{{ '<|system|>Your name is Phi, an AI math expert developed by Microsoft.' }}"
    "{% for message in messages %}{% if message['role'] == 'system' %} {{ message['content'] }}"
    "{% if 'tools' in message and message['tools'] is not none %}{{ '<|tool|>' + message['tools'] + '<|/tool|>' }}"
    "{% endif %}{% endif %}{% endfor %}{{ '<|end|>' }}"
    "{% for message in messages %}{% if message['role'] != 'system' %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}"
)
GEMMA3 = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\n' }}
{%- endif -%}
"""
_ARCHIVE = Path(__file__).parents[1] / "data" / "chat-templates.tar.xz"

_MARKUP = re.compile(
    r"""<\|"\|>|<\|[^\s<>|{}'"]+\|?>|<[^\s<>|{}'"]+\|>|<｜[^\s<>{}]+?｜>|</?[A-Za-z_:]+>|\[/?[A-Z_]+\]"""
    r"""|\]<\][^'"\s]{1,40}"""
)


@cache
def sources() -> dict[str, str]:
    """The templates by the names of their files."""
    with tarfile.open(_ARCHIVE) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.name.endswith(".jinja")}
        found = {name.removesuffix(".jinja"): file.read().decode() for name, file in files.items() if file}
    return found | {"microsoft-Phi-4-mini-reasoning": PHI4_REASONING, "google-gemma-3-4b-it": GEMMA3}


def names() -> list[str]:
    return sorted(sources())


def make_vocabulary(path: Path, *ordinary: str) -> LlamaVocabulary:
    """A vocabulary in which every mark that any of the templates writes is special, but for `ordinary` ones."""
    marks = {mark for source in sources().values() for mark in _MARKUP.findall(source)} | {BOS, EOS}
    # llama.cpp makes `</s>` a word if some of the others are there.
    words = tiny_models.byte_words(sorted(marks - {"</s>", *ordinary}), EOS)
    words = replace(words, bos=words.id(BOS))
    vocabulary = tiny_models.vocabulary_of(tiny_models.chatml(path, words=words, template=None))
    return tiny_models.changed(vocabulary, eos=words.eos, special={**vocabulary.special, EOS: words.eos})


def tokens_of(vocabulary: LlamaVocabulary, text: str) -> list[int]:
    """`text` as llama.cpp tokenises it where special tokens count."""
    data = text.encode()
    found = (lib.llama_token * (len(data) + 1))()
    count = lib.llama_tokenize(vocabulary.handle, data, len(data), found, len(found), False, True)
    return list(found[:count])


def messages_of(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    return [{"role": str(turn.role), "content": turn.text} for turn in turns]


def render(name: str, messages: list[dict[str, Any]], **variables: Any) -> str:
    """What plain Jinja writes. Raise whatever the template raises."""
    given = {"tools": None, "documents": None, "bos_token": BOS, "eos_token": EOS, "add_generation_prompt": True}
    return _compiled(name).render(messages=messages, **given, **variables)


@cache
def _compiled(name: str) -> jinja2.Template:
    extensions: list[Any] = [_Generation, "jinja2.ext.loopcontrols"]
    plain = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
    plain.filters["tojson"] = _to_json
    plain.globals["raise_exception"] = _raise
    plain.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)  # noqa: DTZ005 - transformers'
    return plain.from_string(sources()[name])


class _Generation(Extension):
    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_whole"), [], [], body).set_lineno(line)

    def _whole(self, caller: Any) -> Any:
        return caller()


def _to_json(value: Any, ensure_ascii: bool = False, indent: Any = None, **others: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **others)


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)

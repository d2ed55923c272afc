"""Prompt formats: turns become a list of tokens, for Phi-3, by a model's own template, or as a plain dialogue.

A prompt is never one string: only the template can produce special tokens, never a message's text.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.template import ChatTemplate, Part, TemplateError
from phichat.chat.prompts.tokens import Vocabulary, are_plain, plain_tokens, special_pattern
from phichat.i18n import tr

PHI_ROLES = {Role.SYSTEM: "<|system|>", Role.USER: "<|user|>", Role.ASSISTANT: "<|assistant|>"}
PHI_END = "<|end|>"


class PromptFormat(Protocol):
    """How a model expects a conversation.

    Attributes:
        stop_tokens: the ids that end a reply.
        stop_texts: plain text that ends one, where the format has no token for it.
        notice: a sentence for the user about the format; empty for none.
    """

    stop_tokens: frozenset[int]
    stop_texts: tuple[str, ...]
    notice: str

    def tokens(self, turns: Sequence[Turn]) -> list[int]:
        """Return the ids of the prompt, up to where the assistant's reply begins."""


def format_for(vocabulary: Vocabulary) -> PromptFormat:
    """Return the format of the model that `vocabulary` belongs to."""
    if _is_phi(vocabulary):
        return PhiFormat(vocabulary)
    if vocabulary.template is None:
        return PlainFormat(vocabulary, tr("This model brings no chat template; a plain dialogue is used instead."))
    try:
        return TemplateFormat(vocabulary, vocabulary.template)
    except TemplateError as error:
        return PlainFormat(vocabulary, _template_notice(error))


def begun_tokens(vocabulary: Vocabulary, turn: Turn) -> Sequence[int]:
    """Return the ids of a reply to continue: those it was generated as or, if another model did, those of its text."""
    return _own_tokens(vocabulary, turn) or plain_tokens(vocabulary, turn.text)


class PhiFormat:
    """Phi-3, Phi-3.5 and Phi-4-mini: a role's token, the text, `<|end|>`; no newlines, as those are stripped.

    Phi-3's reference tokenizer strips the newlines that its template writes after special tokens, and Phi-4-mini's
    template writes none, so both come out alike; they differ in vocabulary and BOS, which come from the file.
    """

    stop_texts: tuple[str, ...] = ()
    notice = ""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        special = vocabulary.special
        self._roles = {role: special[name] for role, name in PHI_ROLES.items()}
        self._end = special[PHI_END]
        self.stop_tokens = vocabulary.end_tokens | {self._end, self._roles[Role.ASSISTANT]}
        if "<|endoftext|>" in special:
            self.stop_tokens |= {special["<|endoftext|>"]}

    def tokens(self, turns: Sequence[Turn]) -> list[int]:
        """See PromptFormat."""
        found = _bos_tokens(self._vocabulary)
        for turn in turns:
            found += [self._roles[turn.role], *self._words(turn), self._end]
        return [*found, self._roles[Role.ASSISTANT]]

    def _words(self, turn: Turn) -> Sequence[int]:
        return begun_tokens(self._vocabulary, turn)


class TemplateFormat:
    """Any other model: its own template, run in a sandbox.

    Between two special tokens, the template's plain text and the messages are tokenised together, as in training, but
    with special tokens forbidden.
    """

    def __init__(self, vocabulary: Vocabulary, template: str) -> None:
        self._vocabulary = vocabulary
        self._template = ChatTemplate(template)
        self._special = special_pattern(vocabulary.special)
        self._names = {"bos_token": "", "eos_token": ""}
        if vocabulary.bos is not None:
            self._names["bos_token"] = vocabulary.text_of(vocabulary.bos)
        if vocabulary.eos is not None:
            self._names["eos_token"] = vocabulary.text_of(vocabulary.eos)
        self.stop_tokens = vocabulary.end_tokens
        self.stop_texts: tuple[str, ...] = ()
        self.notice = ""
        try:
            self._filled([Turn(Role.USER, "?"), Turn(Role.ASSISTANT, "!"), Turn(Role.USER, "?")])
        except TemplateError as error:
            self._plain(error)

    def tokens(self, turns: Sequence[Turn]) -> list[int]:
        """See PromptFormat. Where the template cannot take the turns, the plain format does."""
        try:
            found = self._filled(turns)
        except TemplateError as error:
            return self._plain(error).tokens(turns)
        self.notice, self.stop_texts = "", ()
        return found

    def _plain(self, error: TemplateError) -> "PlainFormat":
        plain = PlainFormat(self._vocabulary, _template_notice(error))
        self.notice, self.stop_texts = plain.notice, plain.stop_texts
        return plain

    def _filled(self, turns: Sequence[Turn]) -> list[int]:
        failure = TemplateError("")
        for attempt in (list(turns), _alternating(turns), _alternating(_without_system(turns))):
            try:
                parts = self._template.parts([turn.role for turn in attempt], self._names)
            except TemplateError as error:
                failure = error
            else:
                return self._tokens_of(parts, attempt)
        raise failure

    def _tokens_of(self, parts: Sequence[tuple[Part, str]], turns: Sequence[Turn]) -> list[int]:
        writer = _Writer(self._vocabulary)
        for part, strip in parts:
            if isinstance(part, str):
                self._write_template(writer, part)
            elif made_of := _own_tokens(self._vocabulary, turns[part]):
                writer.ids(made_of)
            else:
                writer.plain(_stripped(turns[part].text, strip))
        tokens = writer.finished()
        return tokens if self._vocabulary.bos in tokens else _bos_tokens(self._vocabulary) + tokens

    def _write_template(self, writer: "_Writer", words: str) -> None:
        at = 0
        for match in self._special.finditer(words):
            writer.plain(words[at : match.start()])
            writer.special(self._vocabulary.special[match.group()])
            at = match.end()
        writer.plain(words[at:])


class PlainFormat:
    """A plain dialogue, for a model without a template, or with one that fails.

    The system message, an empty line, then `User: …` and `Assistant: …` in turn, on a line each. A reply ends where
    the model begins a line for the user.
    """

    stop_texts: tuple[str, ...] = ("\nUser:",)

    def __init__(self, vocabulary: Vocabulary, notice: str) -> None:
        self._vocabulary = vocabulary
        self.stop_tokens = vocabulary.end_tokens
        self.notice = notice

    def tokens(self, turns: Sequence[Turn]) -> list[int]:
        """See PromptFormat."""
        lines = {Role.SYSTEM: "{}\n\n", Role.USER: "User: {}\n", Role.ASSISTANT: "Assistant: {}\n"}
        text = "".join(lines[turn.role].format(turn.text) for turn in turns) + "Assistant:"
        return _bos_tokens(self._vocabulary) + plain_tokens(self._vocabulary, text)


class _Writer:
    """Collects tokens; plain text up to the next special token is tokenised in one piece."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._tokens: list[int] = []
        self._text: list[str] = []
        self._continues = False

    def plain(self, text: str) -> None:
        self._text.append(text)

    def special(self, token: int) -> None:
        self._flush()
        self._tokens.append(token)
        self._continues = False

    def ids(self, tokens: Sequence[int]) -> None:
        self._flush()
        self._tokens += tokens
        self._continues = True

    def finished(self) -> list[int]:
        self._flush()
        return self._tokens

    def _flush(self) -> None:
        text = "".join(self._text)
        self._tokens += plain_tokens(self._vocabulary, text, continues=self._continues)
        self._text.clear()


def _is_phi(vocabulary: Vocabulary) -> bool:
    """Return whether it is of Phi-3's family: architecture and role tokens, and a template that uses them, if any."""
    phi = {*PHI_ROLES.values(), PHI_END}
    written = {name for name in vocabulary.special if vocabulary.template and name in vocabulary.template}
    known = phi.issubset(vocabulary.special) and vocabulary.architecture == "phi3"
    return known and (not written or not phi.isdisjoint(written))


def _bos_tokens(vocabulary: Vocabulary) -> list[int]:
    return [vocabulary.bos] if vocabulary.add_bos and vocabulary.bos is not None else []


def _own_tokens(vocabulary: Vocabulary, turn: Turn) -> Sequence[int]:
    """Return a reply's own tokens; none if any is special or unknown, as an imported reply may have any."""
    return turn.tokens if are_plain(vocabulary, turn.tokens) else ()


def _stripped(text: str, sides: str) -> str:
    text = text.lstrip() if "l" in sides else text
    return text.rstrip() if "r" in sides else text


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """Return `turns` with system messages as the user's, for templates that refuse or drop them."""
    return [replace(turn, role=Role.USER) if turn.role is Role.SYSTEM else turn for turn in turns]


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """Return `turns` with neighbours of one role joined, for templates that insist on alternating roles."""
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].role is turn.role:
            merged[-1] = Turn(turn.role, f"{merged[-1].text}\n\n{turn.text}")
        else:
            merged.append(turn)
    return merged


def _template_notice(error: TemplateError) -> str:
    return tr("This model's chat template does not work ({error}); a plain dialogue is used instead.").format(
        error=str(error)[:200]
    )

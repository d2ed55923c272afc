"""Prompt formats: turns become a list of tokens, for Phi-3, by a model's own template, or as a plain dialogue.

A prompt is never one string: only the template can produce special tokens, never a message's text.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.base import NO_VARIABLES, Part, PromptFormat, Template, TemplateError
from phichat.chat.prompts.known_templates import is_known_phi
from phichat.chat.prompts.tokens import Vocabulary, are_plain, least_tokens, plain_tokens, special_pattern
from phichat.i18n import tr

PHI_ROLES = {Role.SYSTEM: "<|system|>", Role.USER: "<|user|>", Role.ASSISTANT: "<|assistant|>"}
PHI_END = "<|end|>"

# What Phi-3's reference tokenizer strips after the tokens of its format: Unicode's blanks.
BLANKS = "".join(map(chr, [*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F]))
BLANKS += "\u205f\u3000"


def compile_here(source: str) -> Template:
    """Return the Jinja template `source`, to be rendered in this process. Raise TemplateError."""
    from phichat.chat.prompts.template import ChatTemplate  # noqa: PLC0415 - the engine's process does without Jinja

    return ChatTemplate(source)


def format_for(vocabulary: Vocabulary, compile_template: Callable[[str], Template] = compile_here) -> PromptFormat:
    """Return the format of the model that `vocabulary` belongs to, whose own template `compile_template` compiles."""
    is_phi = _is_phi(vocabulary)
    if vocabulary.template is None:
        notice = tr("This model has no chat template, so Phichat uses a generic one.")
        return PhiFormat(vocabulary) if is_phi else PlainFormat(vocabulary, notice)
    if is_phi and is_known_phi(vocabulary.template):
        return PhiFormat(vocabulary)
    try:
        form = TemplateFormat(vocabulary, compile_template(vocabulary.template))
    except TemplateError as error:
        return PhiFormat(vocabulary) if is_phi else PlainFormat(vocabulary, _template_notice(error))
    return PhiFormat(vocabulary) if is_phi and not form.adds_words() else form


def begun_tokens(vocabulary: Vocabulary, turn: Turn) -> Sequence[int]:
    """Return the ids of a reply to continue: those it was generated as or, if another model did, those of its text."""
    return _own_tokens(vocabulary, turn) or plain_tokens(vocabulary, turn.text)


class PhiFormat:
    """Phi-3, Phi-3.5 and Phi-4-mini: a role's token, the text, `<|end|>`; no newlines, as those are stripped.

    Phi-3's reference tokenizer strips blanks after special tokens, those of the template and those that a message
    begins with, and Phi-4-mini's template writes none, so both come out alike; they differ in vocabulary and BOS, which
    come from the file.
    """

    stop_texts: tuple[str, ...] = ()
    notice = ""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.source = vocabulary.template or ""
        special = vocabulary.special
        self._roles = {role: special[name] for role, name in PHI_ROLES.items()}
        self._end = special[PHI_END]
        self.stop_tokens = vocabulary.end_tokens | {self._end, self._roles[Role.ASSISTANT]}
        if "<|endoftext|>" in special:
            self.stop_tokens |= {special["<|endoftext|>"]}

    def tokens(self, turns: Sequence[Turn], variables: Mapping[str, object] = NO_VARIABLES) -> list[int]:  # noqa: ARG002
        """See PromptFormat."""
        found = _bos_tokens(self._vocabulary)
        for turn in turns:
            found += [self._roles[turn.role], *self._words(turn), self._end]
        return [*found, self._roles[Role.ASSISTANT]]

    def least_tokens(self, text: str) -> int:
        """See PromptFormat."""
        return least_tokens(self._vocabulary, text)

    def _words(self, turn: Turn) -> Sequence[int]:
        text = turn.text.lstrip(BLANKS)
        return _own_tokens(self._vocabulary, turn) or plain_tokens(self._vocabulary, text)


class TemplateFormat:
    """Any other model: its own template, run in a sandbox.

    Between two special tokens, the template's plain text and the messages are tokenised together, as in training, but
    with special tokens forbidden.
    """

    def __init__(self, vocabulary: Vocabulary, template: Template) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self.source = vocabulary.template or ""
        self._special = special_pattern(vocabulary.special)
        self._names = {"bos_token": "", "eos_token": "", **vocabulary.names}
        if vocabulary.bos is not None:
            self._names["bos_token"] = vocabulary.text_of(vocabulary.bos)
        if vocabulary.eos is not None:
            self._names["eos_token"] = vocabulary.text_of(vocabulary.eos)
        self._blank_after = _phi_tokens(vocabulary)
        self.stop_tokens = vocabulary.end_tokens
        self.stop_texts: tuple[str, ...] = ()
        self.notice = ""
        try:
            self._learn_turn_end(self._parts(_sample(Role.USER, Role.ASSISTANT, Role.USER)))
        except TemplateError as error:
            self._plain(error)
        self._stop_texts = self.stop_texts

    def adds_words(self) -> bool:
        """Return whether the template writes more than special tokens around the messages, such as instructions."""
        for roles in ([Role.USER], [Role.SYSTEM, Role.USER], [Role.USER, Role.ASSISTANT, Role.USER]):
            with suppress(TemplateError):
                words = (text for text, source in self._parts(_sample(*roles)) if source is None)
                if any(self._special.sub("", text).strip() for text in words):
                    return True
        return False

    def tokens(self, turns: Sequence[Turn], variables: Mapping[str, object] = NO_VARIABLES) -> list[int]:
        """See PromptFormat. Where the template cannot take the turns, the plain format does."""
        try:
            found = self._filled(turns, variables)
        except TemplateError as error:
            return self._plain(error).tokens(turns, variables)
        self.notice, self.stop_texts = "", self._stop_texts
        return found

    def least_tokens(self, text: str) -> int:
        """See PromptFormat."""
        return least_tokens(self._vocabulary, text)

    def _parts(self, turns: Sequence[Turn], variables: Mapping[str, object] = NO_VARIABLES) -> list[Part]:
        return self._template.parts(turns, {**self._names, **variables})

    def _learn_turn_end(self, parts: Sequence[Part]) -> None:
        """Have a reply end at what the template writes right after one: a token, or else words.

        Not where a reply has to write markup before its text, as it may write the same mark several times.
        """
        texts = {source: index for index, (_, source) in enumerate(parts)}
        before, after, last = (_words_at(parts, texts[number] + 1) if number in texts else "" for number in range(3))
        blanks, words = _split_blanks(after)
        if not last.startswith(before.rstrip()) or not words:
            return
        if match := self._special.match(words):
            self.stop_tokens |= {self._vocabulary.special[match.group()]}
        elif any(map(str.isalpha, line := self._special.split(words)[0].splitlines()[0].rstrip())):
            self.stop_texts = (blanks + line,)

    def _plain(self, error: TemplateError) -> "PlainFormat":
        plain = PlainFormat(self._vocabulary, _template_notice(error))
        self.notice, self.stop_texts = plain.notice, plain.stop_texts
        return plain

    def _filled(self, turns: Sequence[Turn], variables: Mapping[str, object]) -> list[int]:
        failure = TemplateError("")
        for attempt in (list(turns), _alternating(turns), _alternating(_without_system(turns))):
            try:
                parts = self._parts(attempt, variables)
            except TemplateError as error:
                failure = error
            else:
                return self._tokens_of(parts, attempt)
        raise failure

    def _tokens_of(self, parts: Sequence[Part], turns: Sequence[Turn]) -> list[int]:
        writer = _Writer(self._vocabulary, self._blank_after)
        for text, source in parts:
            turn = turns[source] if source is not None and 0 <= source < len(turns) else None
            if source is None:
                self._write_template(writer, text)
            elif turn and text.strip() == turn.text.strip() and (made_of := _own_tokens(self._vocabulary, turn)):
                writer.ids(made_of)
            else:
                writer.plain(text)
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
    source = ""

    def __init__(self, vocabulary: Vocabulary, notice: str) -> None:
        self._vocabulary = vocabulary
        self.stop_tokens = vocabulary.end_tokens
        self.notice = notice

    def tokens(self, turns: Sequence[Turn], variables: Mapping[str, object] = NO_VARIABLES) -> list[int]:  # noqa: ARG002
        """See PromptFormat."""
        lines = {Role.SYSTEM: "{}\n\n", Role.USER: "User: {}\n", Role.ASSISTANT: "Assistant: {}\n"}
        text = "".join(lines[turn.role].format(turn.text) for turn in turns) + "Assistant:"
        return _bos_tokens(self._vocabulary) + plain_tokens(self._vocabulary, text)

    def least_tokens(self, text: str) -> int:
        """See PromptFormat."""
        return least_tokens(self._vocabulary, text)


class _Writer:
    """Collects tokens; plain text up to the next special token is tokenised in one piece.

    Blanks right after one of the tokens `blank_after` are left out.
    """

    def __init__(self, vocabulary: Vocabulary, blank_after: Collection[int] = ()) -> None:
        self._vocabulary, self._blank_after = vocabulary, blank_after
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
        if self._tokens and self._tokens[-1] in self._blank_after and not self._continues:
            text = text.lstrip(BLANKS)
        self._tokens += plain_tokens(self._vocabulary, text, continues=self._continues)
        self._text.clear()


def _is_phi(vocabulary: Vocabulary) -> bool:
    """Return whether it is of Phi-3's family: architecture and role tokens, and a template that uses them, if any."""
    written = {name for name in vocabulary.special if vocabulary.template and name in vocabulary.template}
    return _has_phi_tokens(vocabulary) and (not written or not written.isdisjoint({*PHI_ROLES.values(), PHI_END}))


def _has_phi_tokens(vocabulary: Vocabulary) -> bool:
    return vocabulary.architecture == "phi3" and {*PHI_ROLES.values(), PHI_END}.issubset(vocabulary.special)


def _phi_tokens(vocabulary: Vocabulary) -> frozenset[int]:
    """Return the tokens of Phi-3's format, if this is its vocabulary."""
    names = {*PHI_ROLES.values(), PHI_END} if _has_phi_tokens(vocabulary) else ()
    return frozenset(vocabulary.special[name] for name in names)


def _split_blanks(text: str) -> tuple[str, str]:
    """Return the blanks that `text` begins with, and the rest."""
    rest = text.lstrip()
    return text[: len(text) - len(rest)], rest


def _words_at(parts: Sequence[Part], index: int) -> str:
    """Return the template's own text at `index`; empty if it writes none there."""
    text, source = parts[index] if index < len(parts) else ("", None)
    return text if source is None else ""


def _sample(*roles: Role) -> list[Turn]:
    """Return short turns to see what the template writes around them."""
    return [Turn(role, "Hi") for role in roles]


def _bos_tokens(vocabulary: Vocabulary) -> list[int]:
    return [vocabulary.bos] if vocabulary.add_bos and vocabulary.bos is not None else []


def _own_tokens(vocabulary: Vocabulary, turn: Turn) -> Sequence[int]:
    """Return a reply's own tokens; none if any is special or unknown, as an imported reply may have any."""
    return turn.tokens if are_plain(vocabulary, turn.tokens) else ()


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
    return tr("This model’s chat template doesn’t work ({error}), so Phichat uses a generic one.").format(
        error=str(error)[:200]
    )

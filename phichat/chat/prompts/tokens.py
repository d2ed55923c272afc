"""Tokenising plain text so that no token of it is special, whatever the text spells."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol


class Vocabulary(Protocol):
    """A model's vocabulary.

    Attributes:
        architecture: `general.architecture` of the file.
        sentencepiece: whether words include their leading space, and one is put before a text.
        template: the file's Jinja chat template; None if it has none.
        count: the number of tokens.
        bos: the id of the token that begins a prompt; None if there is none.
        eos: the id of the token that ends a text; None if there is none.
        add_bos: whether prompts begin with `bos`.
        end_tokens: the ids that end a reply.
        names: what chat templates call other tokens, such as `pad_token`, and their texts; as the file has them.
        special: text to id of every token that is markup and that no message may contain: see `is_markup`.
    """

    architecture: str
    sentencepiece: bool
    template: str | None
    count: int
    bos: int | None
    eos: int | None
    add_bos: bool
    end_tokens: frozenset[int]
    names: Mapping[str, str]
    special: Mapping[str, int]

    @property
    def longest(self) -> int:
        """How many bytes of text a token stands for at most."""

    def tokenize(self, text: str) -> list[int]:
        """Return the ids of `text` with control tokens forbidden; user-defined ones may still be among them."""

    def text_of(self, token: int) -> str:
        """Return the text of `token`, also of a special one."""

    def byte_tokens(self, text: str) -> list[int]:
        """Return the ids of the bytes of `text`, one each; without those that the vocabulary has no token for."""


# Spellings that files declare as user-defined and that chat templates put together from parts ('<|' + role + '|>'), or
# that templates for tools and thoughts would use. HTML tags are not among them: some models have them as tokens.
_MARKUP = re.compile(
    r"""
      <[|\uff5c].*> | <.*[|\uff5c]> | \[\|.*\|\]                        # <|user|>, <|turn>, [|user|]
    | \[/?[A-Z][A-Z_0-9]+\] | <</?SYS>> | \[gMASK\]                   # [INST], [TOOL_CALLS]
    | <(bos|eos|pad|unk|mask|sop|eop|eod|eoh|eoa|EOT|e_o_t)>
    | </?\w*(start|begin|end)_?of_?\w+> | <(unused|reserved_|extra_id_|SPECIAL_|reserved_token_)\d+>
    | </?(role|system|user|assistant|human|bot|model)> | </?([a-z]+:)?(think|thought|thinking|reasoning|answer)>
    | </?(tools?|functions?)(_\w+)?>
    """,
    re.VERBOSE | re.DOTALL,
)


def is_markup(spelling: str, template: str | None, *, is_named: bool = False) -> bool:
    """Return whether a user-defined token is markup rather than text that its makers wanted to be one token.

    Letters, words, blanks and HTML tags are text, unless `template` writes a tag, or the file names it (`is_named`) as
    the token that begins or ends a text.
    """
    if _MARKUP.fullmatch(spelling):
        return True
    is_tag = len(spelling) > 2 and not (spelling[0].isalnum() or spelling[-1].isalnum())
    return is_tag and any(map(str.isalnum, spelling)) and (is_named or spelling in (template or ""))


def plain_tokens(vocabulary: Vocabulary, text: str, *, continues: bool = False) -> list[int]:
    """Return the ids of `text`, none of them special, even where `text` spells a special token.

    With `continues`, no leading space is put before it, as it continues earlier text. llama.cpp matches user-defined
    tokens even when special ones are forbidden, and some files declare `<|end|>` user-defined: the ids are checked,
    and such a text is tokenised in parts that are split inside the match, or as bytes where that does not help.
    """
    tokens = _tokenize(vocabulary, text, continues=continues)
    forbidden = set(vocabulary.special.values())
    if forbidden.isdisjoint(tokens):
        return tokens
    found: list[int] = []
    for part in _cut(text, vocabulary.special):
        for token in _tokenize(vocabulary, part, continues=continues or bool(found)):
            found += vocabulary.byte_tokens(vocabulary.text_of(token)) if token in forbidden else [token]
    return found


def least_tokens(vocabulary: Vocabulary, text: str) -> int:
    """Return how many tokens `text` has at least, without tokenising it, which takes seconds for millions of letters.

    Blanks around it count for nothing, as templates strip them.
    """
    return len(text.strip().encode("utf-8", "replace")) // vocabulary.longest


def marked_tokens(vocabulary: Vocabulary, text: str, *, begins: bool = True) -> list[int]:
    """Return the ids of a prompt that is written with the markup of the model, which becomes special tokens.

    Unless it `begins` a prompt, the token that does so is not added.
    """
    found: list[int] = []
    at, special = 0, vocabulary.special
    for match in special_pattern(special).finditer(text):
        found += [*plain_tokens(vocabulary, text[at : match.start()], continues=bool(found)), special[match.group()]]
        at = match.end()
    found += plain_tokens(vocabulary, text[at:], continues=bool(found))
    is_missing = begins and vocabulary.add_bos and found[:1] != [vocabulary.bos]
    return [vocabulary.bos, *found] if is_missing and vocabulary.bos is not None else found


def are_plain(vocabulary: Vocabulary, tokens: Collection[int]) -> bool:
    """Return whether `tokens` are ids of this vocabulary and none is special."""
    inside = all(0 <= token < vocabulary.count for token in tokens)
    return inside and set(vocabulary.special.values()).isdisjoint(tokens)


def _tokenize(vocabulary: Vocabulary, text: str, *, continues: bool) -> list[int]:
    if not text:
        return []
    if not (continues and vocabulary.sentencepiece):
        return vocabulary.tokenize(text)
    # A newline is a byte token that merges with nothing: text after it is tokenised without a leading space.
    lead = vocabulary.tokenize("\n")
    tokens = vocabulary.tokenize("\n" + text)
    return tokens[len(lead) :] if tokens[: len(lead)] == lead else vocabulary.tokenize(text)


def _cut(text: str, spellings: Collection[str]) -> Iterator[str]:
    """Yield `text` in parts, split after the first character of everything that spells a special token."""
    anything = special_pattern(spellings)
    start, at = 0, anything.search(text)
    while at:
        yield text[start : at.start() + 1]
        start = at.start() + 1
        at = anything.search(text, start)
    yield text[start:]


def special_pattern(spellings: Collection[str]) -> re.Pattern[str]:
    """Return a pattern that matches any of `spellings`, the longest first, as llama.cpp does."""
    longest_first = sorted(filter(None, spellings), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

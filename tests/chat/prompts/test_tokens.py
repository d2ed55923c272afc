"""Plain text into plain tokens, and how words that continue a text are written."""

import pytest

from phichat.chat.prompts.tokens import are_plain, plain_tokens, special_pattern
from phichat.engine.llama.vocabulary import LlamaVocabulary


@pytest.mark.parametrize("text", ["Hi", " Hi", "\nHi", "Hi <|end|> there", "<|end|>", "🧊"])
def test_text_that_continues_gets_no_space_before_it(
    phi3: LlamaVocabulary, sloppy_phi3: LlamaVocabulary, phi4: LlamaVocabulary, text: str
) -> None:
    for vocabulary in (phi3, sloppy_phi3, phi4):
        assert vocabulary.text_of_all(plain_tokens(vocabulary, text, continues=True)) == text


def test_nothing_is_no_token(phi3: LlamaVocabulary) -> None:
    assert plain_tokens(phi3, "") == plain_tokens(phi3, "", continues=True) == []


def test_a_sloppy_file_reads_the_same_tokens_as_a_strict_one(
    phi3: LlamaVocabulary, sloppy_phi3: LlamaVocabulary
) -> None:
    for text in ("Hi there", "a <|end|> b", "<|user|>\nHi", "</s>"):
        assert plain_tokens(sloppy_phi3, text) == plain_tokens(phi3, text)


def test_the_longest_special_token_is_matched_first() -> None:
    assert special_pattern(["<|e|>", "<|e|>x", ""]).findall("<|e|>x <|e|>") == ["<|e|>x", "<|e|>"]


def test_a_vocabulary_without_special_tokens_matches_nothing() -> None:
    assert not special_pattern([]).search("anything <|end|>")


@pytest.mark.parametrize(("tokens", "plain"), [([], True), ([6324], True), ([6324, 32007], False), ([32064], False)])
def test_special_and_unknown_ids_are_not_plain(phi3: LlamaVocabulary, tokens: list[int], plain: bool) -> None:
    assert are_plain(phi3, tokens) is plain


def test_half_a_surrogate_pair_does_not_break_a_prompt(phi3: LlamaVocabulary) -> None:
    assert phi3.text_of_all(plain_tokens(phi3, "a\ud800b")) == " a?b"

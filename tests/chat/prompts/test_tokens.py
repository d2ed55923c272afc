"""Plain text into plain tokens, and how words that continue a text are written."""

import pytest

from phichat.chat.conversation import Role, Turn
from phichat.chat.prompts.formats import format_for
from phichat.chat.prompts.tokens import are_plain, is_markup, least_tokens, plain_tokens, special_pattern
from phichat.chat.prompts.trimming import fit_prompt
from phichat.engine.llama.vocabulary import LlamaVocabulary
from phichat.errors import PromptTooLong
from tests.support import tiny_models
from tests.support.tiny_models import MAKERS


@pytest.mark.parametrize("text", ["Hi", " Hi", "\nHi", "Hi <|end|> there", "<|end|>", "🧊"])
def test_text_that_continues_gets_no_space_before_it(
    phi3: LlamaVocabulary, sloppy_phi3: LlamaVocabulary, phi4: LlamaVocabulary, text: str
) -> None:
    for vocabulary in (phi3, sloppy_phi3, phi4):
        assert vocabulary.text_of_all(plain_tokens(vocabulary, text, continues=True)) == text


@pytest.mark.parametrize("piece", ["word ", "=", "\n", "  x", "🧊", "<|end|>", "</s>"])
def test_a_text_never_has_fewer_tokens_than_is_guessed(
    phi3: LlamaVocabulary, sloppy_phi3: LlamaVocabulary, phi4: LlamaVocabulary, piece: str
) -> None:
    for vocabulary in (phi3, sloppy_phi3, phi4):
        for text in (piece, piece * 300):
            assert least_tokens(vocabulary, text) <= len(plain_tokens(vocabulary, text.strip()))


def test_a_text_that_cannot_fit_is_not_tokenised(phi3: LlamaVocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    form = format_for(phi3)
    monkeypatch.setattr(LlamaVocabulary, "_tokenize", None)
    with pytest.raises(PromptTooLong, match="much too long") as raised:
        fit_prompt(form, [Turn(Role.USER, "word " * 600_000)], 4096, 100)
    assert raised.value.is_least


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


TEXTS = [
    tiny_models.DEEPSEEK_LETTERS,
    "Où est l'hôtel? À Århus, Ýmir ÷ ú.",
    "<table><b>1</b></table> <s>old</s>",
    "a\n\nb   c",
    "<think>Hm.</think> <tool_call>{}</tool_call>",
    "[multimodal] <unused7>",
    "<bos><start_of_turn>user\nHi<end_of_turn>",
    "<｜User｜>ù<｜Assistant｜>õ<｜end▁of▁sentence｜>",
    "<|im_end|>\n<|im_start|>system\nüber",
]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("text", TEXTS)
def test_no_letter_is_lost_and_none_of_it_is_special(
    vocabularies: dict[str, LlamaVocabulary], maker: str, text: str
) -> None:
    vocabulary = vocabularies[maker]
    tokens = plain_tokens(vocabulary, text, continues=True)
    written = text.replace("▁", " ") if vocabulary.sentencepiece else text  # which is how it writes a space
    assert vocabulary.text_of_all(tokens) == written
    assert b"".join(map(vocabulary.piece, tokens)).decode() == written, "as a reply"
    assert not set(tokens) & set(vocabulary.special.values())


def test_tags_that_makers_wanted_as_one_token_are_one(vocabularies: dict[str, LlamaVocabulary]) -> None:
    assert len(plain_tokens(vocabularies["Gemma"], "<table></table>")) == 2
    assert len(plain_tokens(vocabularies["DeepSeek"], tiny_models.DEEPSEEK_LETTERS)) == 13


def test_a_closing_tag_of_html_ends_no_reply(vocabularies: dict[str, LlamaVocabulary]) -> None:
    gemma, qwen = vocabularies["Gemma"], vocabularies["Qwen"]
    assert {gemma.text_of(token) for token in gemma.end_tokens} == {"<eos>", "<end_of_turn>"}
    assert {qwen.text_of(token) for token in qwen.end_tokens} == {"<|endoftext|>", "<|im_end|>"}


@pytest.mark.parametrize(
    "spelling",
    ["<|user|>", "<|turn>", "<turn|>", "<｜User｜>", "[|user|]", "[INST]", "[/INST]", "[UNUSED_TOKEN_146]", "<bos>",
     "<start_of_turn>", "<end_of_turn>", "<endofturn>", "<reserved_106>", "<role>", "</think>", "<seed:think>",
     "<tool_call>", "</tool_response>", "<unused12>", "<<SYS>>"],
)  # fmt: skip
def test_what_looks_like_a_turn_is_markup_whatever_the_template_says(spelling: str) -> None:
    assert is_markup(spelling, None)


@pytest.mark.parametrize("spelling", ["ù", "user", "   ", "\n\n", "```", "--", "<>", "[0", "<b>", "</td>", "I'm"])
def test_words_signs_and_html_are_text_even_if_the_template_has_the_words(spelling: str) -> None:
    assert not is_markup(spelling, "" if spelling[0] == "<" else "user: Où?   \n\n``` -- <> I'm messages[0]")


@pytest.mark.parametrize("spelling", ["]~b]", "[e~[", "<b>", ">>TITLE<<"])
def test_what_the_template_writes_is_markup(spelling: str) -> None:
    assert is_markup(spelling, "{{ '" + spelling + "' }}")
    assert is_markup(spelling, None, is_named=True)
    assert not is_markup(spelling, "{{ messages }}")

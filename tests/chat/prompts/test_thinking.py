"""How models think, as their templates tell it; and their replies, split into what is thought and what is answered."""

from collections.abc import Iterable, Mapping, Sequence

import pytest

from phichat.chat.conversation import Piece, text_of, thinking_of, tokens_of
from phichat.chat.prompts.thinking import HARMONY, ThinkingMarks, ThinkingStyle, Variables, find_style
from phichat.chat.prompts.thought_splitter import ThoughtSplitter

FIRST_SPECIAL = 0x110000


class Letters:
    """A vocabulary whose tokens are letters, and `specials`."""

    architecture, sentencepiece, add_bos = "llama", False, False
    template: str | None = None
    bos: int | None = None
    eos: int | None = None
    count, longest = FIRST_SPECIAL + 100, 100
    end_tokens: frozenset[int] = frozenset()
    names: Mapping[str, str] = {}

    def __init__(self, *specials: str) -> None:
        self.special: Mapping[str, int] = {text: FIRST_SPECIAL + at for at, text in enumerate(specials)}
        self._names = {token: text for text, token in self.special.items()}

    def tokenize(self, text: str) -> list[int]:
        return list(map(ord, text))

    def text_of(self, token: int) -> str:
        return self._names.get(token) or chr(token)

    def byte_tokens(self, text: str) -> list[int]:
        return list(text.encode())


def style_of(source: str, *specials: str, name: str = "", knows: str = "", default: object = None) -> ThinkingStyle:
    """The style of a template that looks at the variable `knows`, whose value is `default` where nobody says."""

    def render(variables: Variables) -> Sequence[int]:
        return [1, bool(variables.get(knows, default))]

    return find_style(Letters(*specials), source, name, render)


TAG = ThinkingStyle("<think>\n", "\n</think>\n\n", default="on")


def split(
    parts: Iterable[str | int], style: ThinkingStyle = TAG, *specials: str, prompt: Sequence[int] = ()
) -> list[Piece]:
    """The pieces of a reply whose tokens are `parts`: texts, or special tokens by their place."""
    marks = ThinkingMarks(style, Letters(*specials))
    splitter, pieces = ThoughtSplitter(marks, prompt), list[Piece]()
    for number, part in enumerate(parts):
        token = FIRST_SPECIAL + part if isinstance(part, int) else number
        text = marks.text_of([token]) if isinstance(part, int) else part
        pieces += splitter.feed(text, token)
    return [*pieces, *splitter.rest()]


def said(parts: Iterable[str | int], *values: object, **named: object) -> tuple[str, str]:
    pieces = split(parts, *values, **named)  # type: ignore[arg-type]
    return thinking_of(pieces), text_of(pieces)


class TestStyles:
    @pytest.mark.parametrize(
        ("source", "opening", "closing"),
        [
            ("'<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n'", "<think>\n", "\n</think>\n\n"),
            ("{{ '<think>\\n\\n</think>\\n\\n' }}", "<think>\n", "\n</think>\n\n"),
            ("content.split('</think>')[-1] <\uff5cAssistant\uff5c><think>", "<think>\n", "\n</think>\n\n"),
            ("'<thought>' x '</thought>'", "<thought>\n", "\n</thought>\n\n"),
            ("'<seed:think>' x '</seed:think>'", "<seed:think>\n", "\n</seed:think>\n\n"),
            ("'[THINK]' + block['thinking'] + '[/THINK]'", "[THINK]", "[/THINK]"),
            ("'<|channel>thought\\n<channel|>'", "<|channel>thought\n", "\n<channel|>"),
            ("<|START_THINKING|>x<|END_THINKING|>", "<|START_THINKING|>", "<|END_THINKING|>"),
            ("<|start|>assistant<|channel|>analysis<|message|><|end|>", HARMONY.opening, HARMONY.closing),
        ],
    )
    def test_marks(self, source: str, opening: str, closing: str) -> None:
        style = style_of(source)
        assert (style.opening, style.closing, style.default) == (opening, closing, "on")

    @pytest.mark.parametrize("name", ["enable_thinking", "thinking"])
    @pytest.mark.parametrize("default", [True, False])
    def test_the_templates_switch_and_its_default(self, name: str, default: bool) -> None:
        style = style_of(f"{{% if {name} %}}<think></think>", knows=name, default=default)
        assert style.default == ("on" if default else "off")
        assert [style.variables(budget) for budget in (None, 0, 500, -1)] == [
            {},
            {name: False},
            {name: True},
            {name: True},
        ]

    def test_a_word_in_the_template_that_changes_nothing_is_no_switch(self) -> None:
        style = style_of("message.thinking <think></think>", knows="other")
        assert (style.default, style.on, style.off) == ("on", {}, {})

    def test_gpt_oss_thinks_less_at_low_effort(self) -> None:
        source = "reasoning_effort <|start|><|channel|>analysis<|message|><|end|>"
        style = find_style(
            Letters(), source, "", lambda variables: [len(str(variables.get("reasoning_effort", "medium")))]
        )
        assert style.variables(0) == {"reasoning_effort": "low"}

    @pytest.mark.parametrize(
        ("source", "specials", "name", "default"),
        [
            ("{{ m.content }}", (), "Phi 4 Mini Instruct", ""),
            ("{{ m.content }}", (), "Phi 4 Mini Reasoning", "on"),
            ("{{ m.content }}", ("<think>", "</think>"), "Qwen3 4B Instruct 2507", ""),
            ("content.split('</think>')", (), "LFM2.5 1.2B Instruct", ""),
            ("content.split('</think>')", (), "LFM2.5 1.2B Thinking", "on"),
        ],
    )
    def test_whether_a_model_can_think(self, source: str, specials: tuple[str, ...], name: str, default: str) -> None:
        assert style_of(source, *specials, name=name).default == default


class TestSplitting:
    def test_marks_over_several_tokens_are_no_text(self) -> None:
        pieces = split(["<th", "ink", ">\n", "Let", " me", "\n", "</", "think>", "\n\n", "Yes", "."])
        assert (thinking_of(pieces), text_of(pieces)) == ("Let me", "Yes.")
        assert tokens_of(pieces) == tuple(range(11))
        assert [piece.token for piece in pieces if not piece.is_thinking] == [9, 10]

    def test_marks_that_are_tokens(self) -> None:
        assert said([0, "\nHm", " so\n", 1, "\n\n", "Yes"], TAG, "<think>", "</think>") == ("Hm so", "Yes")

    def test_a_mark_that_is_a_token_can_be_written_about(self) -> None:
        parts: list[str | int] = [0, "Close it with </think>", " then.", 1, "Write `</think>`."]
        assert said(parts, TAG, "<think>", "</think>") == ("Close it with </think> then.", "Write `</think>`.")

    def test_a_quoted_mark_in_plain_text_ends_no_thought(self) -> None:
        parts = ["<think>\n", "They ask about `", "</th", "ink>`.", "\n</think>\n", "It ends a thought."]
        assert said(parts) == ("They ask about `</think>`.", "It ends a thought.")

    def test_marks_in_the_answer_are_text(self) -> None:
        code = "```html\n<think>\nx\n</think>\n```"
        assert said(["Write:\n", code]) == ("", "Write:\n" + code)
        assert said(["<think>\n", "Hm", "</think>", code]) == ("Hm", code)

    def test_what_only_begins_like_a_mark(self) -> None:
        assert said(["<", "thin", "g>"]) == ("", "<thing>")
        assert said(["  ", "<thi"]) == ("", "  <thi")
        assert said(["<think>\n", "a </thin", "g> b"]) == ("a </thing> b", "")

    def test_a_thought_that_never_ends_is_whole(self) -> None:
        assert said(["<think>\n", "One.\n\n", "Two. </thi"]) == ("One.\n\nTwo. </thi", "")

    def test_nothing_thought(self) -> None:
        assert said(["<think>\n\n</think>\n\n", "Yes"]) == ("", "Yes")
        assert said(["<think>", "\n", "\n", "</think>", "\n", "\n", "Yes"]) == ("", "Yes")

    def test_a_thought_that_the_prompt_begins(self) -> None:
        prompt = [*map(ord, "x"), FIRST_SPECIAL, ord("\n")]
        assert said(["Hm", 1, "Yes"], TAG, "<think>", "</think>", prompt=prompt) == ("Hm", "Yes")

    def test_a_thought_that_the_prompt_begins_and_ends(self) -> None:
        prompt = [FIRST_SPECIAL, *map(ord, "\n\n"), FIRST_SPECIAL + 1, *map(ord, "\n\n")]
        assert said(["Y", "es"], TAG, "<think>", "</think>", prompt=prompt) == ("", "Yes")

    def test_harmony(self) -> None:
        specials = ("<|channel|>", "<|message|>", "<|end|>", "<|start|>")
        thought: list[str | int] = [0, "analysis", 1, "One", 2, 3, "assistant", 0, "analysis", 1, "Two"]
        answer: list[str | int] = [2, 3, "assistant", 0, "final", 1, "Yes", "."]
        assert said([*thought, *answer], HARMONY, *specials) == ("One\n\nTwo", "Yes.")
        assert said([0, "final", 1, "Yes"], HARMONY, *specials) == ("", "Yes")
        pieces = split([*thought, *answer], HARMONY, *specials)
        assert len(tokens_of(pieces)) == len(thought) + len(answer)
        assert len([piece for piece in pieces if not piece.is_thinking]) == 2

    def test_a_model_that_is_not_known_to_think_needs_a_newline_after_the_mark(self) -> None:
        style = ThinkingStyle("<think>\n", "\n</think>\n\n")
        assert said(["<think>", " is a tag."], style) == ("", "<think> is a tag.")
        assert said(["<think>", "\nHm", "\n</think>", "\n\nYes"], style) == ("Hm", "Yes")

    def test_every_character_of_ordinary_replies_stays_in_its_piece(self) -> None:
        parts = ["Hello", " <b>", "you</b>", "\n", "<think>"]
        assert [piece.text for piece in split(parts)] == parts

    def test_a_mark_that_closes_what_nothing_opened_is_text(self) -> None:
        assert said(["Hm.", "\n</think>", "\n\nYes"]) == ("", "Hm.\n</think>\n\nYes")

    def test_a_reply_that_begins_with_a_closing_mark_has_thought_nothing(self) -> None:
        assert said([1, "\n\n", "Yes"], TAG, "<think>", "</think>") == ("", "Yes")
        assert said(["\n</", "think>", "\n\nYes"]) == ("", "Yes")
        assert said(["</", "th", "e"]) == ("", "</the")
        assert tokens_of(split(["</", "think>", "\n\nYes"])) == (0, 1, 2)
        plain = ThinkingStyle("<think>\n", "\n</think>\n\n")
        assert said(["</think>", "\n ends it."], plain) == ("", "</think>\n ends it.")

    def test_a_token_with_the_end_of_a_mark_and_the_first_letter_of_the_answer(self) -> None:
        pieces = split(["<think>\n", "Hm\n</think", ">Y", "es"])
        assert text_of(pieces) == "Yes"
        assert [(piece.token, piece.is_thinking) for piece in pieces] == [
            (0, True),
            (1, True),
            (2, True),
            (-1, False),
            (3, False),
        ]


def test_marks_as_tokens() -> None:
    marks = ThinkingMarks(TAG, Letters("<think>", "</think>", "<|end|>"))
    opening, closing, end = (FIRST_SPECIAL + at for at in range(3))
    assert marks.closing_tokens == (ord("\n"), closing, ord("\n"), ord("\n"))
    assert marks.have_only_marks([opening, 65, closing, 66])
    assert not marks.have_only_marks([opening, 65, end, 66])
    assert not marks.have_only_marks([opening, FIRST_SPECIAL + 100])


def test_only_whole_marks_of_harmony_are_marks() -> None:
    specials = ("<|channel|>", "<|message|>", "<|end|>", "<|start|>")
    marks = ThinkingMarks(HARMONY, Letters(*specials))
    channel, message, end, start = (FIRST_SPECIAL + at for at in range(4))
    analysis = [channel, *map(ord, "analysis"), message]
    final = [end, start, *map(ord, "assistant"), channel, *map(ord, "final"), message]
    assert marks.have_only_marks([*analysis, 65, *final, 66])
    assert not marks.have_only_marks([*analysis, 65, end, start, *map(ord, "system"), message, 66])

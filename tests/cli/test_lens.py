"""`phichat ask --lens` and `--candidates`: how sure the model was, in a terminal and as JSON."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from phichat import cli
from phichat.chat.candidates import Candidate, Certainty, Choice
from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Message, Piece, Reply, Role
from phichat.chat.weighed_reply import weighed_reply
from phichat.cli.console import Console
from phichat.cli.lens import COLORLESS, STYLES, TerminalLens
from phichat.errors import EngineDied
from tests.support.fakes import Line, ScriptedEngine, thought

DOUBT, UNSURE, FAIR, SURE = STYLES
Run = Callable[..., tuple[int, str, str]]


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def ask(
    engine: ScriptedEngine, chatml_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `phichat ask Hi`; its exit status, and what it wrote to stdout and stderr."""
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*arguments: str, to: Terminal | None = None) -> tuple[int, str, str]:
        if to:
            monkeypatch.setattr("sys.stdout", to)
        status = cli.run(["--model", str(chatml_model), "ask", "Hi", *arguments], lambda *_: 0, lambda _: engine)
        return (status, *capsys.readouterr())

    return run


def choice(probability: float, entropy: float = 0.5) -> Choice:
    other = Candidate(7, " other", 0.01, 0.0, "top_k")
    return Choice(probability, 0.9, 1 if probability > 0.5 else 2, entropy, (other,))


def piece(text: str, probability: float, entropy: float = 0.5) -> Piece:
    return Piece(text, 5, choice=choice(probability, entropy))


def styled(text: str) -> list[tuple[str, str]]:
    """What a terminal was sent: each word, and its style."""
    marked = re.sub("\x1b\\[0m", "\x00", re.sub("\x1b\\[([0-9;]+)m", "\x00\\1\x01", text.replace("\x1b[0m", "\x00")))
    parts = [part.partition("\x01") for part in marked.split("\x00") if part]
    return [(after, before) if mark else (before, "") for before, mark, after in parts if (before + after).strip()]


def test_an_answer_is_colored_by_certainty(engine: ScriptedEngine, ask: Run, terminal: Terminal) -> None:
    engine.enqueue(piece("It", 0.99), piece(" is", 0.4), piece(" 7", 0.1), piece(" or", 0.03, 3.5), piece(".", 0.9))
    status, _, err = ask("--lens", to=terminal)
    assert status == 0
    assert styled(terminal.getvalue()) == [("It ", ""), ("is", FAIR), ("7", UNSURE), ("or", DOUBT), (".\n", "")]
    assert DOUBT.endswith(";4")
    assert err.splitlines()[0] == "The model was sure 40% of the time, with 2 hesitations."
    assert engine.requests[0].candidates == 1


def test_without_color_the_least_sure_words_are_underlined(
    engine: ScriptedEngine, ask: Run, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    engine.enqueue(piece("It", 0.99), piece(" is", 0.2), piece(" odd", 0.01))
    ask("--lens", to=terminal)
    assert terminal.getvalue() == "It is \x1b[4modd\x1b[0m\n"
    assert {style for style in COLORLESS if style} == {"4"}


def test_a_terminal_that_knows_no_styles_gets_none(
    engine: ScriptedEngine, ask: Run, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    engine.enqueue(piece("It", 0.99), piece(" is", 0.2), piece(" odd", 0.01))
    ask("--lens", to=terminal)
    assert terminal.getvalue() == "It is odd\n"


def test_where_no_terminal_reads_the_answer_is_plain(engine: ScriptedEngine, ask: Run) -> None:
    engine.enqueue(piece("It", 0.99), piece(" is", 0.01))
    status, out, err = ask("--lens")
    assert (status, out) == (0, "It is\n")
    assert "sure 50% of the time" in err


def test_only_the_answer_of_a_thinking_model_is_tinted(engine: ScriptedEngine, ask: Run, terminal: Terminal) -> None:
    engine.enqueue(Piece("Hm", 1, thought("").kind, choice(0.01)), piece("Yes", 0.9), piece(".", 0.8))
    _, _, err = ask("--lens", to=terminal)
    assert terminal.getvalue() == "Yes.\n"
    assert err.startswith("Hm\n\n")
    assert "The model was sure 100% of the time, with 0 hesitations." in err


def test_an_answer_that_breaks_off_is_printed_to_its_end(engine: ScriptedEngine, ask: Run, terminal: Terminal) -> None:
    engine.enqueue(piece("Half", 0.9), piece(" a", 0.01), EngineDied("The model’s process stopped."))
    assert ask("--lens", to=terminal)[0] == 1
    assert styled(terminal.getvalue()) == [("Half ", ""), ("a", DOUBT)]


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        ([(" hes", 0.9), ("ita", 0.02), ("tion", 0.9), (" now", 0.9)], [("hesitation", DOUBT), (" now", "")]),
        ([("don", 0.9), ("’", 0.9), ("t", 0.1), ("!", 0.9)], [("don’t", UNSURE), ("!", "")]),
        ([("中", 0.9), ("国", 0.02), ("人", 0.9)], [("中", ""), ("国", DOUBT), ("人", "")]),
        ([("", 0.03), ("", 0.9), ("好", 0.9), ("吗", 0.9)], [("好", DOUBT), ("吗", "")]),
        ([("👩", 0.9), ("\u200d", 0.9), ("🚀", 0.02), ("!", 0.9)], [("👩\u200d🚀", DOUBT), ("!", "")]),
        ([("👍", 0.9), ("🏽", 0.1), ("🇫", 0.9), ("🇷", 0.02)], [("👍🏽", UNSURE), ("🇫🇷", DOUBT)]),
        ([("한", 0.9), ("국", 0.02), (" 말", 0.9)], [("한국", DOUBT), (" 말", "")]),
        ([("e", 0.9), ("\u0301", 0.1), ("\n\n", 0.02), ("b", 0.9)], [("e\u0301", UNSURE), ("b", "")]),
    ],
)
def test_words_signs_and_emoji_stay_whole(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    tokens: list[tuple[str, float]],
    shown: list[tuple[str, str]],
) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    lens = TerminalLens(Console())
    for text, probability in tokens:
        lens.add(text, probability)
    lens.end()
    found = styled(terminal.getvalue())
    assert [(word.strip("\n"), style) for word, style in found] == shown
    assert re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue()) == "".join(text for text, _ in tokens)
    assert lens.certainty == in_the_window(tokens)


def test_what_ends_an_answer_counts_as_in_the_window(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", terminal)
    tokens = [("The", 0.9), (" end", 0.9), ("", 0.01)]
    lens = TerminalLens(Console())
    for text, probability in tokens:
        lens.add(text, probability)
    lens.end()
    assert lens.certainty == in_the_window(tokens) == Certainty(1, 0)


def in_the_window(tokens: list[tuple[str, float]]) -> Certainty | None:
    pieces = [Piece(text, at, choice=Choice(share, share, 1, 1)) for at, (text, share) in enumerate(tokens)]
    text = "".join(piece.text for piece in pieces)
    weighed = weighed_reply(Message(Role.ASSISTANT, text, reply=Reply(choices=table_of(pieces).pack())))
    return weighed.certainty if weighed else None


def test_both_colors_are_read_on_black_and_on_white() -> None:
    """A contrast of 3.8 at least, and brightness apart from none: blue and orange differ in every color blindness."""
    for style in (FAIR, UNSURE):
        light = _luminance(int(style.split(";")[2]))
        assert min(1.05 / (light + 0.05), (light + 0.05) / 0.05) > 3.8


def _luminance(code: int) -> float:
    steps = (0, 95, 135, 175, 215, 255)
    red, green, blue = (steps[(code - 16) // 6**power % 6] / 255 for power in (2, 1, 0))
    linear = [((part + 0.055) / 1.055) ** 2.4 if part > 0.04 else part / 12.92 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_candidates_are_told_as_json(engine: ScriptedEngine, ask: Run) -> None:
    engine.enqueue(piece("It", 0.99), Piece(" is", 8))
    status, out, err = ask("--candidates", "3", "--json")
    _, first, second, done = map(json.loads, out.splitlines())
    assert (status, err, done["reason"]) == (0, "", "stop")
    assert engine.requests[0].candidates == 3
    assert (first["text"], first["probability"], first["entropy"], first["rank"], first["after"]) == (
        "It", 0.99, 0.5, 1, 0.9,
    )  # fmt: skip
    assert first["candidates"] == [{"token": 7, "text": " other", "before": 0.01, "after": 0.0, "cut_by": "top_k"}]
    assert "candidates" not in second


def test_candidates_without_json_are_the_answer_and_a_hint(engine: ScriptedEngine, ask: Run) -> None:
    line: Line = piece("It", 0.99)
    engine.enqueue(line)
    status, out, err = ask("--candidates", "3")
    assert (status, out) == (0, "It\n")
    assert err.startswith("--candidates has no effect without --json.\n")
    assert engine.requests[0].candidates == 0


@pytest.mark.parametrize("count", ["0", "51", "many"])
def test_candidates_out_of_range_are_wrong_usage(ask: Run, count: str) -> None:
    status, _, err = ask("--candidates", count, "--json")
    assert status == 2
    assert f"{count} isn’t a whole number from 1 to 50" in err

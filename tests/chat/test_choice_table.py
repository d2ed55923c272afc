"""Choices survive the history, and what is damaged or hostile is refused."""

import base64
import random
import zlib
from contextlib import suppress

import pytest

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.choice_table import ChoiceTable, table_of
from phichat.chat.conversation import Piece, PieceKind
from phichat.chat.packed_choices import VERSION


def pack(choices: list[Choice | None]) -> bytes:
    return table_of(Piece("word", 7, choice=choice) for choice in choices).pack()


def unpack(data: bytes) -> list[Choice | None]:
    return [row.choice for row in ChoiceTable.unpack(data).rows()]


def some_choices(count: int, width: int, seed: int = 1) -> list[Choice | None]:
    """Choices as a model makes them: some words come often, and one is usually far ahead."""
    rng = random.Random(seed)
    words = [(token, rng.choice([" the", "é", "\n", "\\xE2", " snow", "語"]) + str(token)) for token in range(600)]
    found: list[Choice | None] = []
    for _ in range(count):
        shares = sorted((rng.random() ** 8 for _ in range(width)), reverse=True)
        total = sum(shares) * 1.1
        picked = rng.sample(words, width)
        cuts = [rng.choice([None, None, "top_k", "forbidden"]) for _ in range(width)]
        candidates = tuple(
            Candidate(token, text, share / total, 0 if cut else share / total, cut)
            for (token, text), share, cut in zip(picked, shares, cuts, strict=True)
        )
        found.append(Choice(shares[0] / total, 0.5, rng.randint(1, 300_000), rng.random() * 15, candidates))
    return found


def test_choices_come_back_as_they_were() -> None:
    choices = [*some_choices(50, 8), None, Choice(1, 1, 1, 0, ()), *some_choices(3, 5, seed=2)]
    found = unpack(pack(choices))
    assert len(found) == len(choices)
    for one, other in zip(found, choices, strict=True):
        if one is None or other is None:
            assert one is other
            continue
        assert (one.rank, len(one.candidates)) == (other.rank, len(other.candidates))
        assert one.probability == pytest.approx(other.probability, abs=1e-5)
        assert one.entropy == pytest.approx(other.entropy, abs=5e-3)
        for each, was in zip(one.candidates, other.candidates, strict=True):
            assert (each.token, each.text, each.cut_by) == (was.token, was.text, was.cut_by)
            assert (each.before, each.after) == pytest.approx((was.before, was.after), abs=5e-4)
    assert unpack(pack([])) == []


def test_a_token_takes_about_fifty_bytes() -> None:
    assert len(pack(some_choices(1000, 8))) < 1000 * 55


def test_the_chosen_candidate_is_written_once() -> None:
    candidates = (
        Candidate(3, " ice", 0.6, 0.8),
        Candidate(7, " no", 1e-4, 0.2),
        Candidate(8, " snow", 1e-5, 0, "top_p"),
    )
    chosen, unlisted = Choice(1e-4, 0.2, 2, 1, candidates), Choice(3e-9, 1e-8, 4_000, 1, candidates)
    table = table_of(
        [Piece(" no", 7, choice=chosen), Piece(" odd", 9, choice=unlisted), Piece("\N{SNOWMAN}", 8, choice=chosen)]
    )
    assert len(table.pack()) < len(table_of([Piece(" ha", 9, choice=unlisted)] * 3).pack())
    first, second, third = ChoiceTable.unpack(table.pack()).rows()
    assert [(row.length, row.token) for row in (first, second, third)] == [(3, 7), (4, 9), (1, 8)]
    assert [row.choice.rank for row in (first, second, third) if row.choice] == [2, 4_000, 2]
    assert first.choice
    assert second.choice
    assert third.choice
    assert first.choice.probability == pytest.approx(first.choice.candidates[1].before) == pytest.approx(1e-4, rel=0.05)
    assert (second.choice.probability, second.choice.after) == pytest.approx((3e-9, 1e-8))
    assert third.choice.probability == pytest.approx(1e-4)


def test_candidates_of_servers_come_back() -> None:
    candidates = (Candidate(-1, " ice", 0.6, 0), Candidate(-1, " no", 0.1, 0), Candidate(-1, " oh", 0.2, 0))
    rows = list(ChoiceTable.unpack(pack([Choice(0.1, 0, 2, 1, candidates)] * 2)).rows())
    for row in rows:
        assert row.choice
        assert not row.choice.knows_after
        assert [each.token for each in row.choice.candidates] == [-1, -1, -1]
        assert [each.before for each in row.choice.candidates] == pytest.approx([0.6, 0.1, 0.2], abs=5e-4)
        assert {each.after for each in row.choice.candidates} == {0}


BEFORE = "AnheY2ZgYGAGYlMgjo7OK83J0VEqyS+Iz1aK1YmOttRRiik1MEi1BPHMdZQU8vJBLGOgcEyFq5FSbGwsEzMjUCsEAFlsHHAemOHAwJAGRkyo4jJgaxmRRfsbHJhmpjEAEVACAH+zFFM="  # fmt: skip # noqa: E501


def test_what_the_version_before_stored_is_read() -> None:
    thought, word, rest = ChoiceTable.unpack(base64.b64decode(BEFORE)).rows()
    assert (thought.length, thought.kind, thought.token, thought.choice) == (2, PieceKind.THINKING, 5, None)
    assert (word.length, word.token) == (3, 7)
    assert word.choice
    assert (word.choice.probability, word.choice.after, word.choice.rank, word.choice.entropy) == pytest.approx(
        (0.25, 0.4, 2, 3.5), abs=1e-4
    )
    assert [(each.token, each.text, each.cut_by) for each in word.choice.candidates] == [
        (9, "é", None), (7, " no", None), (3, "\\xE2", "top_k"),
    ]  # fmt: skip
    assert [each.before for each in word.choice.candidates] == pytest.approx([0.5, 0.25, 0.01], abs=5e-4)
    assert (rest.length, rest.token, rest.choice) == (1, -1, None)
    again = ChoiceTable.unpack(ChoiceTable.unpack(base64.b64decode(BEFORE)).pack())
    assert [row.token for row in again.rows()] == [5, 7, -1]


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_what_is_damaged_is_refused_or_read(at: int) -> None:
    data = bytearray(pack(some_choices(20, 4)))
    data[at % len(data)] ^= 0x55
    with suppress(ValueError):  # a flipped bit may leave something readable
        unpack(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02",
        b"\x01abc",
        bytes([VERSION]) + zlib.compress(b"\xff" * 12),
    ],
    ids=["nothing", "only a version", "another version", "too large a count"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="choices"):
        unpack(data)


def test_a_bomb_is_refused() -> None:
    data = bytes([VERSION]) + zlib.compress(bytes(90 << 20))
    with pytest.raises(ValueError, match="choices"):
        unpack(data)


def test_where_each_token_is_in_the_text_comes_back_too() -> None:
    pieces = [Piece("Hm", 5, PieceKind.THINKING), Piece("", 3), Piece("\N{SNOWMAN} ", 4), Piece("rest", -1)]
    found = [(row.length, row.kind, row.token) for row in ChoiceTable.unpack(table_of(pieces).pack()).rows()]
    assert found == [
        (2, PieceKind.THINKING, 5),
        (0, PieceKind.TEXT, 3),
        (2, PieceKind.TEXT, 4),
        (4, PieceKind.TEXT, -1),
    ]


def test_a_table_goes_on_after_it_was_read_or_cut() -> None:
    choices = some_choices(6, 3)
    cut = ChoiceTable.unpack(pack(choices)).first(4)
    for choice in choices[4:]:
        cut.add(4, PieceKind.TEXT, 7, choice)
    assert list(ChoiceTable.unpack(cut.pack()).rows()) == list(ChoiceTable.unpack(pack(choices)).rows())

"""Where the same seed gave another text, people hear what differs."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from phichat.chat.conversation import Reply
from phichat.chat.reply_diff import explain_difference, reply_differences
from phichat.chat.sampling import Sampling

REPLY = Reply(
    "phi-3",
    7,
    model_sha256="a" * 64,
    sampling=asdict(Sampling()),
    engine={"library": "llama 1", "machine": "AVX", "settings": {"threads": 2, "batch": 128}},
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "starter"}, "the model (phi-3 → starter)"),
        ({"model_sha256": "b" * 64}, "the model file (different checksum)"),
        ({"seed": 8}, "the seed"),
        ({"sampling": asdict(Sampling(temperature=0.2))}, "Temperature (0.70 → 0.20)"),
        ({"engine": {**REPLY.engine, "library": "llama 2"}}, "the engine version"),
        ({"engine": {**REPLY.engine, "machine": "NEON"}}, "the computer"),
        ({"engine": {**REPLY.engine, "settings": {"threads": 4, "batch": 128}}}, "the engine settings (threads)"),
    ],
)
def test_each_thing_that_differs_is_named(changes: dict[str, Any], said: str) -> None:
    other = replace(REPLY, **changes)
    assert reply_differences(REPLY, other) == [said]
    assert said in explain_difference(REPLY, other)


def test_what_nobody_knows_is_no_difference() -> None:
    assert reply_differences(REPLY, replace(REPLY, model_sha256=None, sampling={}, engine={})) == []


def test_where_nothing_differs_the_arithmetic_does() -> None:
    assert "small rounding differences" in explain_difference(REPLY, REPLY)

"""Conversations longer than the context: once old turns are left out, the next ones are as fast as before."""

from itertools import pairwise
from pathlib import Path

import pytest

from phichat.chat.conversation import Reply, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import CancelToken, Done, EngineSettings, ModelRef, Piece, PromptFit, Request
from phichat.engine.llama.engine import LlamaEngine

TURNS = 30


def asked(engine: LlamaEngine, session: Session, question: str, sampling: Sampling) -> tuple[PromptFit, Done]:
    """Ask in `session`; how the prompt fitted, and what was counted."""
    request = Request(session.begin_reply(question, Reply("tiny", 1)), sampling)
    for event in engine.generate(request, CancelToken()):
        if isinstance(event, PromptFit):
            fitted = event
        elif isinstance(event, Piece):
            session.extend([event])
        elif isinstance(event, Done):
            done = event
    session.finish_reply(done.reason)
    return fitted, done


@pytest.mark.parametrize("pins", [(), (0,), (1, 4, 7)], ids=["no pins", "a question", "answers and questions"])
@pytest.mark.parametrize("model", ["phi3_model", "chatml_model"])
def test_after_trimming_only_what_is_new_is_read(
    llama: LlamaEngine, settings: EngineSettings, model: str, pins: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(model)
    llama.load(ModelRef.of_file(path), settings, CancelToken(), lambda _: None)
    session = Session(system="Be brief.")
    sampling = Sampling(temperature=0.0, seed=3, max_tokens=20)
    turns = []
    for number in range(TURNS):
        turns.append(asked(llama, session, f"And {number}?", sampling))
        for at, message in enumerate(session.conversation.path()):
            session.set_pinned(message.id, is_pinned=at in pins)
    trimmed = [second[0].first != first[0].first for first, second in pairwise(turns)]
    assert 1 < sum(trimmed) < TURNS / 4, "rarely, in large steps"
    for (first, second), is_trimmed in zip(pairwise(turns), trimmed, strict=True):
        before = first[1].prompt_tokens + first[1].completion_tokens - 1  # the last token said was not read
        assert (second[1].cached_tokens >= before) is not is_trimmed
        assert second[0].kept == second[1].cached_tokens
    assert turns[-1][0].dropped


def test_an_answer_that_goes_on_has_the_prompt_it_began_with(
    llama: LlamaEngine, settings: EngineSettings, chatml_model: Path
) -> None:
    """Also where the context is full to the last token that the next cut would need."""
    llama.load(ModelRef.of_file(chatml_model), settings, CancelToken(), lambda _: None)
    session = Session(system="Be brief.")
    sampling = Sampling(temperature=0.0, seed=3, max_tokens=20)
    for number in range(TURNS):
        asked(llama, session, f"And {number}?", sampling)
        answer = session.conversation.path()[-1]
        assert answer.reply
        begun = Turn(Role.ASSISTANT, answer.text[:15], answer.reply.tokens[:15])
        turns = session.turns_before(answer, "tiny")
        *_, done = llama.generate(Request(turns, sampling, begun), CancelToken())
        assert isinstance(done, Done)
        assert done.cached_tokens == done.prompt_tokens - 1

"""Several clients at once, with llama.cpp in a child process: their answers are written in one batch."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phichat.engine.process.engine_process import EngineProcess
from phichat.server.access import Access
from tests.server.conftest import Answer, Running, post, serving

GREEDY = {"temperature": 0, "max_tokens": 12}


@pytest.fixture
def slots(chatml_model: Path) -> Iterator[tuple[Running, EngineProcess]]:
    """Three slots of the tiny ChatML model, which says random bytes."""
    engine = EngineProcess()
    with serving(engine, Access(), chatml_model, slots=3) as running:
        yield running, engine
    engine.close()


def together(running: Running, texts: list[str], **parameters: Any) -> list[Answer]:
    """The answers to questions that are asked at the same time."""
    answers: dict[str, Answer] = {}

    def ask(text: str) -> None:
        answers[text] = running.chat(text, **parameters)

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[text] for text in texts]


def test_each_gets_its_own_answer(slots: tuple[Running, EngineProcess]) -> None:
    running, _ = slots
    texts = [f"What is {number}?" for number in range(6)]  # more than there are slots
    alone = [running.chat(text, **GREEDY).json["choices"][0]["message"]["content"] for text in texts]
    at_once = [answer.json["choices"][0]["message"]["content"] for answer in together(running, texts, **GREEDY)]
    assert at_once == alone


def test_several_answers_read_their_prompt_once(slots: tuple[Running, EngineProcess]) -> None:
    running, _ = slots
    answer = running.chat("Hi", n=3, seed=5, max_tokens=8, temperature=1).json
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert answer["usage"]["prompt_tokens"] == running.chat("Hi", max_tokens=1).json["usage"]["prompt_tokens"]
    for number, choice in enumerate(answer["choices"]):
        single = running.chat("Hi", seed=5 + number, max_tokens=8, temperature=1).json["choices"][0]
        assert single["message"] == choice["message"]


def test_a_second_turn_is_not_read_again(slots: tuple[Running, EngineProcess]) -> None:
    running, _ = slots
    first, _ = together(running, ["Hi", "Other"], **GREEDY)
    said = first.json["choices"][0]["message"]["content"]
    usage = running.chat("Hi", said, "And?", **GREEDY).json["usage"]
    read = first.json["usage"]
    before = read["prompt_tokens"] + read["completion_tokens"] - 1  # the token said last was not read
    assert usage["prompt_tokens_details"]["cached_tokens"] >= before


def test_who_leaves_frees_the_slot(
    slots: tuple[Running, EngineProcess], eventually: Callable[[Callable[[], object]], None]
) -> None:
    running, _ = slots
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 400, "stream": True}
    for _ in range(4):
        with running.connect(post("/v1/chat/completions", body)) as connection:
            connection.recv(100)
    eventually(lambda: not running.served.running)
    assert running.chat("Hi", **GREEDY).status == 200


def test_a_death_is_one_error_for_each(slots: tuple[Running, EngineProcess]) -> None:
    running, engine = slots
    assert running.chat("Hi", **GREEDY).status == 200
    assert engine._process
    engine._process.kill()
    statuses = {answer.status for answer in together(running, ["a", "b"], **GREEDY)}
    assert statuses <= {200, 503}
    assert {answer.status for answer in together(running, ["c", "d"], **GREEDY)} == {200}

"""`/v1/chat/completions` and `/v1/completions`: what goes to the engine, and what comes back, in OpenAI's forms."""

from collections.abc import Callable
from typing import Any

import pytest

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.conversation import Ending, Piece, Role, Turn
from phichat.chat.sampling import LARGEST_CONTEXT, MAX_SEED
from phichat.engine.base import Done, Notice
from phichat.errors import EngineDied, EngineError, ModelMissing, PromptTooLong
from tests.server.conftest import Running, Serve
from tests.support.fakes import ScriptedEngine, thought


@pytest.fixture
def alone(serve: Serve) -> Running:
    """As `scripted`, but a server of this test's own, as it starts the process with the vocabulary."""
    return serve()


def weighed(text: str, token: int, probability: float = 0.5) -> Piece:
    """A piece with two candidates: itself and `b`."""
    others = (Candidate(token, text, probability, 1.0), Candidate(ord("b"), "b", 0.25, 0.0))
    return Piece(text, token, choice=Choice(probability, 1.0, 1, 1.0, others))


class TestWhole:
    def test_an_answer(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(Notice("Memory is low."), "Hel", "lo!")
        answer = scripted.chat("Hi", model="tiny-chatml")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json["object"] == "chat.completion"
        assert answer.json["model"] == "tiny-chatml"
        [choice] = answer.json["choices"]
        message = {"role": "assistant", "content": "Hello!", "refusal": None}
        assert choice == {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        assert answer.json["usage"] == {
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }

    def test_what_is_thought_is_apart(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(thought("Hm"), thought(""), "Yes", Done(Ending.STOP, 1, 3, thinking_tokens=2))
        answer = scripted.chat("Hi").json
        assert answer["choices"][0]["message"]["reasoning_content"] == "Hm"
        assert answer["choices"][0]["message"]["content"] == "Yes"
        assert answer["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}

    def test_several_answers_have_seeds_of_their_own(self, scripted: Running, engine: ScriptedEngine) -> None:
        for text in ("one", "two", "three"):
            engine.enqueue(text)
        answer = scripted.chat("Hi", n=3, seed=MAX_SEED).json
        assert [choice["message"]["content"] for choice in answer["choices"]] == ["one", "two", "three"]
        assert [request.sampling.seed for request in engine.requests] == [MAX_SEED, 0, 1]
        assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (1, 3)

    def test_the_longest_answer(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue("a", "b", Done(Ending.LENGTH, 1))
        assert scripted.chat("Hi", max_tokens=2).json["choices"][0]["finish_reason"] == "length"

    def test_what_is_thought_counts_as_part_of_the_longest_answer(
        self, scripted: Running, engine: ScriptedEngine
    ) -> None:
        engine.enqueue(thought("a"), thought("b"), "c", "d")
        answer = scripted.chat("Hi", max_completion_tokens=3).json
        assert answer["choices"][0]["message"]["content"] == "c"
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 3


class TestStream:
    def test_pieces_come_in_chunks(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(thought("Hm"), "Hel", "lo")
        answer = scripted.chat("Hi", stream=True)
        *chunks, end = answer.events
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert end == "[DONE]"
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert len({chunk["id"] for chunk in chunks}) == 1
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        assert deltas[0] == {"role": "assistant", "content": ""}
        assert "".join(delta.get("content", "") for delta in deltas) == "Hello"
        assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "Hm"
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
        assert not any("usage" in chunk for chunk in chunks)

    def test_what_it_took_comes_last_if_wanted(self, scripted: Running) -> None:
        *chunks, last, end = scripted.chat("Hi there", stream=True, stream_options={"include_usage": True}).events
        assert end == "[DONE]"
        assert last["choices"] == []
        assert last["usage"]["prompt_tokens"] == 2
        assert all(chunk["usage"] is None for chunk in chunks)

    def test_several_answers(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue("one")
        engine.enqueue("two")
        found = ["", ""]
        for chunk in scripted.chat("Hi", stream=True, n=2).events[:-1]:
            [choice] = chunk["choices"]
            found[choice["index"]] += choice["delta"].get("content", "")
        assert found == ["one", "two"]

    def test_an_error_before_the_first_piece_has_its_status(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(PromptTooLong("The prompt is too long.", 900))
        answer = scripted.chat("Hi", stream=True)
        assert answer.status == 400
        assert answer.error["code"] == "context_length_exceeded"
        assert answer.error["message"] == "The prompt has 900 tokens, but the context only holds 512."

    def test_an_error_after_it_is_an_event(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue("Hel", EngineDied("It died."))
        answer = scripted.chat("Hi", stream=True)
        assert answer.status == 200
        assert answer.events[-1]["error"]["code"] == "engine_restarting"
        assert answer.events[1]["choices"][0]["delta"]["content"] == "Hel"


class TestWhatTheEngineIsAsked:
    def asked(self, scripted: Running, engine: ScriptedEngine, **parameters: Any) -> Any:
        answer = scripted.chat("Hi", **parameters)
        assert answer.status == 200, answer.body
        return engine.requests[-1].sampling

    def test_roles_and_parts(self, scripted: Running, engine: ScriptedEngine) -> None:
        parts = [{"type": "text", "text": "Is it "}, {"type": "text", "text": "hot?"}]
        messages = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi", "name": "Ann"},
            {"role": "assistant", "content": "Hello", "reasoning_content": "Greet."},
            {"role": "user", "content": parts},
        ]
        assert scripted.ask("/v1/chat/completions", {"messages": messages}).status == 200
        request = engine.requests[-1]
        assert request.turns == (
            Turn(Role.SYSTEM, "Be brief."),
            Turn(Role.USER, "Hi"),
            Turn(Role.ASSISTANT, "Hello", thinking="Greet."),
            Turn(Role.USER, "Is it hot?"),
        )
        assert request.keeps_all
        assert request.is_temporary
        assert request.begun is None

    def test_an_answer_that_is_last_is_continued(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(" you?")
        assert scripted.chat("Hi", "How are").json["choices"][0]["message"]["content"] == " you?"
        assert engine.requests[-1].begun == Turn(Role.ASSISTANT, "How are")
        assert engine.requests[-1].turns == (Turn(Role.USER, "Hi"),)

    def test_an_answer_comes_back_with_its_tokens(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue("Hel", "lo")
        scripted.chat("Hi")
        scripted.chat("Hi", "Hello", "And?")
        assert engine.requests[-1].turns[1].tokens == (1000, 1001)

    def test_defaults_are_ours_without_penalties(self, scripted: Running, engine: ScriptedEngine) -> None:
        sampling = self.asked(scripted, engine)
        assert (sampling.temperature, sampling.repeat_penalty, sampling.max_tokens) == (0.7, 1, LARGEST_CONTEXT)

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ({"temperature": 0}, {"temperature": 0}),
            ({"top_p": 0.5, "top_k": 7, "min_p": 0.1}, {"top_p": 0.5, "top_k": 7, "min_p": 0.1}),
            ({"top_k": -1}, {"top_k": 0}),
            ({"presence_penalty": -1.5}, {"presence_penalty": -1.5, "repeat_last_n": 4096}),
            ({"frequency_penalty": 1, "repeat_last_n": 5}, {"frequency_penalty": 1, "repeat_last_n": 5}),
            ({"repetition_penalty": 1.3}, {"repeat_penalty": 1.3}),
            ({"max_tokens": 5, "max_completion_tokens": None}, {"max_tokens": 5}),
            ({"seed": -1}, {"seed": MAX_SEED}),
            ({"stop": "\n"}, {"stop": ("\n",)}),
            ({"stop": ["a", "", "b"]}, {"stop": ("a", "b")}),
            ({"reasoning_effort": "none"}, {"thinking": 0}),
            ({"chat_template_kwargs": {"enable_thinking": True}}, {"thinking": -1}),
            ({"user": "x", "store": False, "metadata": {}, "no_such_thing": 1, "tools": []}, {"temperature": 0.7}),
            ({"tools": [{}], "tool_choice": "none", "response_format": {"type": "text"}}, {"temperature": 0.7}),
        ],
    )
    def test_settings(
        self, scripted: Running, engine: ScriptedEngine, given: dict[str, Any], meant: dict[str, Any]
    ) -> None:
        sampling = self.asked(scripted, engine, **given)
        assert {name: getattr(sampling, name) for name in meant} == meant

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ({"temperature": 2.1}, "temperature"),
            ({"temperature": "hot"}, "temperature"),
            ({"temperature": True}, "temperature"),
            ({"top_p": -0.1}, "top_p"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"max_tokens": 1.5}, "max_tokens"),
            ({"n": 0}, "n"),
            ({"n": 10**30}, "n"),
            ({"seed": "x"}, "seed"),
            ({"stop": 5}, "stop"),
            ({"stop": ["x" * 5000]}, "stop"),
            ({"stream": "yes"}, "stream"),
            ({"stream_options": []}, "stream_options"),
            ({"top_logprobs": 3}, "top_logprobs"),
            ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
            ({"response_format": {"type": "json_object"}}, "response_format"),
            ({"tools": [{"type": "function"}]}, "tools"),
            ({"logit_bias": {"5": 100}}, "logit_bias"),
            ({"reasoning_effort": "immense"}, "reasoning_effort"),
            ({"messages": []}, "messages"),
            ({"messages": "Hi"}, "messages"),
            ({"messages": None}, "messages"),
            ({"messages": [{"role": "user"}]}, "messages[0].content"),
            ({"messages": [{"role": "tool", "content": "5"}]}, "messages[0].role"),
            ({"messages": [{"content": "5"}]}, "messages[0].role"),
            ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
            ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ],
    )
    def test_what_is_wrong_is_named(self, scripted: Running, given: dict[str, Any], param: str) -> None:
        answer = scripted.chat("Hi", **given)
        assert answer.status == 400
        assert answer.error["param"] == param
        assert answer.error["type"] == "invalid_request_error"

    def test_lone_surrogates_do_no_harm(self, scripted: Running, engine: ScriptedEngine) -> None:
        answer = scripted.ask("/v1/chat/completions", b'{"messages": [{"role": "user", "content": "a\\ud83db"}]}')
        assert answer.status == 200
        assert engine.requests[-1].turns[0].text == "a\N{REPLACEMENT CHARACTER}b"


class TestLogProbabilities:
    def test_of_a_chat(self, alone: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(thought("Hm"), weighed("a", ord("a")), weighed("é", 0xC3, 0.0))
        answer = alone.chat("Hi", logprobs=True, top_logprobs=2).json
        first, second = answer["choices"][0]["logprobs"]["content"]
        assert engine.requests[-1].candidates == 2
        assert (first["token"], first["bytes"]) == ("a", [97])
        assert first["logprob"] == pytest.approx(-0.6931, abs=1e-3)
        assert [each["token"] for each in first["top_logprobs"]] == ["a", "b"]
        assert (second["logprob"], second["bytes"]) == (-9999.0, [0xC3])

    def test_without_others(self, alone: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(weighed("a", ord("a")))
        [first] = alone.chat("Hi", logprobs=True).json["choices"][0]["logprobs"]["content"]
        assert first["top_logprobs"] == []

    def test_in_chunks(self, alone: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(weighed("a", ord("a")), weighed("b", ord("b")))
        chunks = alone.chat("Hi", logprobs=True, stream=True).events[:-1]
        told = [chunk["choices"][0]["logprobs"] for chunk in chunks]
        assert [each["token"] for logprobs in told if logprobs for each in logprobs["content"]] == ["a", "b"]

    def test_of_a_plain_completion(self, alone: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(weighed("a", ord("a")), weighed("c", ord("c")))
        [choice] = alone.ask("/v1/completions", {"prompt": "Hi", "logprobs": 2}).json["choices"]
        logprobs = choice["logprobs"]
        assert (logprobs["tokens"], logprobs["text_offset"]) == (["a", "c"], [0, 1])
        assert logprobs["token_logprobs"] == [pytest.approx(-0.6931, abs=1e-3)] * 2
        assert set(logprobs["top_logprobs"][1]) == {"c", "b"}


class TestPlainCompletions:
    def test_a_text_goes_on(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(" is", " blue")
        answer = scripted.ask("/v1/completions", {"prompt": "The sky"}).json
        assert answer["object"] == "text_completion"
        assert answer["choices"] == [{"index": 0, "text": " is blue", "logprobs": None, "finish_reason": "stop"}]
        request = engine.requests[-1]
        assert (request.raw, request.turns, request.sampling.max_tokens) == ("The sky", (), 16)

    def test_several_prompts_and_answers(self, scripted: Running, engine: ScriptedEngine) -> None:
        answer = scripted.ask("/v1/completions", {"prompt": ["one", "two"], "n": 2, "echo": True}).json
        assert [choice["text"] for choice in answer["choices"]] == ["oneone", "oneone", "twotwo", "twotwo"]
        assert answer["usage"]["prompt_tokens"] == 2

    def test_tokens(self, scripted: Running, engine: ScriptedEngine) -> None:
        assert scripted.ask("/v1/completions", {"prompt": [72, 105]}).status == 200
        assert engine.requests[-1].raw == (72, 105)
        assert scripted.ask("/v1/completions", {"prompt": [[72], [105]]}).status == 200
        assert [request.raw for request in engine.requests[-2:]] == [(72,), (105,)]

    def test_what_is_thought_is_text(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(thought("Hm. "), "Yes")
        assert scripted.ask("/v1/completions", {"prompt": "<think>"}).json["choices"][0]["text"] == "Hm. Yes"

    def test_in_chunks(self, scripted: Running, engine: ScriptedEngine) -> None:
        engine.enqueue(" is", " blue")
        body = {"prompt": "The sky", "stream": True, "echo": True}
        *chunks, end = scripted.ask("/v1/completions", body).events
        assert end == "[DONE]"
        assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "The sky is blue"
        assert {chunk["object"] for chunk in chunks} == {"text_completion"}

    @pytest.mark.parametrize(
        "given",
        [{"prompt": 5}, {"prompt": []}, {"prompt": [True]}, {"prompt": ["a", 5]}, {"suffix": "x"}, {"best_of": 2},
         {"logprobs": 6}, {"logprobs": 1, "echo": True}, {"prompt": ["a"] * 17}, {"n": 8, "prompt": ["a", "b", "c"]}],
    )  # fmt: skip
    def test_what_is_wrong(self, scripted: Running, given: dict[str, Any]) -> None:
        answer = scripted.ask("/v1/completions", {"prompt": "Hi", **given})
        assert answer.status == 400
        assert answer.error["type"] == "invalid_request_error"


class TestErrors:
    @pytest.mark.parametrize(
        ("raised", "status", "code"),
        [
            (PromptTooLong("Too long.", 900), 400, "context_length_exceeded"),
            (EngineDied("It died."), 503, "engine_restarting"),
            (EngineError("It failed."), 500, None),
            (ModelMissing("It is gone."), 503, "model_unavailable"),
            (ValueError("a bug"), 500, None),
        ],
    )
    def test_of_the_engine(
        self, scripted: Running, engine: ScriptedEngine, raised: Exception, status: int, code: str | None
    ) -> None:
        engine.enqueue(raised)
        answer = scripted.chat("Hi")
        assert (answer.status, answer.error["code"]) == (status, code)
        assert ("retry-after" in answer.headers) is isinstance(raised, EngineDied)
        assert scripted.chat("Hi").status == 200, "the next one is answered"

    @pytest.mark.parametrize(("page", "param"), [("chat/completions", "messages"), ("completions", "prompt")])
    def test_what_does_not_fit_is_named(self, scripted: Running, engine: ScriptedEngine, page: str, param: str) -> None:
        engine.enqueue(PromptTooLong("Too long.", 900))
        given = {"prompt": "Hi", "messages": [{"role": "user", "content": "Hi"}]}
        assert scripted.ask(f"/v1/{page}", given).error["param"] == param

    def test_another_model(self, scripted: Running) -> None:
        answer = scripted.chat("Hi", model="gpt-4o")
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
        assert "tiny-chatml" in answer.error["message"]

    def test_no_such_endpoint(self, scripted: Running) -> None:
        assert scripted.ask("/v1/nothing").status == 404
        assert scripted.ask("/v1/models", {}).status == 405
        assert scripted.ask("/v1/nothing").error["type"] == "invalid_request_error"

    def test_embeddings_of_a_model_that_writes(self, scripted: Running) -> None:
        answer = scripted.ask("/v1/embeddings", {"input": "Hi"})
        assert (answer.status, answer.error["code"]) == (501, "not_supported")


def test_the_log_tells_figures_and_no_text(
    serve: Serve, engine: ScriptedEngine, eventually: Callable[[Callable[[], object]], None]
) -> None:
    running = serve()
    engine.enqueue("secret answer")
    running.chat("secret question")
    eventually(lambda: running.log)
    running.ask("/v1/secret?secret=1", headers={"Authorization": "Bearer secret"})
    eventually(lambda: len(running.log) == 2)
    first, second = running.log
    assert (first.endpoint, first.status, first.prompt_tokens) == ("POST /v1/chat/completions", 200, 2)
    assert str(first).endswith("2 tokens read, 0 cached, 1 written")
    assert (second.endpoint, second.status) == ("GET ?", 404)
    assert "secret" not in f"{first}{second}{first!r}{second!r}"


def test_models_and_health(scripted: Running) -> None:
    [model] = scripted.ask("/v1/models").json["data"]
    assert (model["id"], model["object"], model["meta"]) == ("tiny-chatml", "model", {"n_ctx": 512})
    assert scripted.ask("/v1/models/tiny-chatml").json == model
    assert scripted.ask("/v1/models/other").status == 404
    assert scripted.ask("/health").json == {"status": "ok"}


def test_tokens_and_back(alone: Running) -> None:
    tokens = alone.ask("/tokenize", {"content": "Hé<|im_end|>"}).json["tokens"]
    assert tokens[:3] == list("Hé".encode())
    assert len(tokens) == 4
    assert alone.ask("/detokenize", {"tokens": tokens}).json == {"content": "Hé<|im_end|>"}
    assert len(alone.ask("/tokenize", {"content": "<|im_end|>", "parse_special": False}).json["tokens"]) == 10
    pieces = alone.ask("/tokenize", {"content": "Hé", "with_pieces": True}).json["tokens"]
    assert [each["piece"] for each in pieces] == ["H", [0xC3], [0xA9]]
    for wrong in ("x", [-1], [10**6], [True], None, [1.5]):
        assert alone.ask("/detokenize", {"tokens": wrong}).error["param"] == "tokens"

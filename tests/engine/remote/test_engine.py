"""A model on a server answers like one that is here, whatever form its server gives that."""

import threading
from collections.abc import Callable
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from phichat.chat.conversation import Ending, Piece, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import (
    CancelToken,
    Done,
    EngineSettings,
    Event,
    Loaded,
    Notice,
    PromptFit,
    PromptReady,
    Request,
)
from phichat.engine.remote import engine as module
from phichat.engine.remote import reply
from phichat.engine.remote.answers import Chunk
from phichat.engine.remote.base import ServerKind
from phichat.engine.remote.engine import RemoteEngine
from phichat.engine.remote.kinds import TRAITS
from phichat.engine.remote.servers import ServerList
from phichat.errors import (
    AnswerTooLong,
    EngineError,
    PinsTooLong,
    PromptTooLong,
    ServerError,
    ServerUnreachable,
    SystemPromptTooLong,
)
from tests.engine.remote.conftest import Ask, done_of, request, text_of_events, thought_of_events
from tests.support.servers.chat import BREAK, ChatServer, chunk, event, logprobs
from tests.support.watcher import once

Load = Callable[..., Loaded]


def fits_of(events: list[Event]) -> list[PromptFit]:
    return [each for each in events if isinstance(each, PromptFit)]


def test_an_answer_comes_piece_by_piece(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.LLAMA_CPP)
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    server.stream(chunk(role="assistant"), "Sea ", "green", ".", usage=usage)
    events = ask()
    assert [each.text for each in events if isinstance(each, Piece)] == ["Sea ", "green", "."]
    done = done_of(events)
    assert (done.reason, done.seed) == (Ending.STOP, 7)
    assert (done.prompt_tokens, done.cached_tokens, done.completion_tokens) == (11, 4, 3)
    assert fits_of(events)[-1] == PromptFit(11, 4, 0)
    assert isinstance(events[-1], Done)
    body = server.chats[0]
    assert (body["model"], body["stream"], body["stream_options"]) == ("tiny", True, {"include_usage": True})
    assert body["messages"] == [{"role": "user", "content": "Name a color."}]


@pytest.mark.parametrize(("count", "gap", "speed"), [(20, 0.02, 50), (20, 0.00005, 10), (1, 0.0, 0.5)])
def test_how_fast_an_answer_came(monkeypatch: pytest.MonkeyPatch, count: int, gap: float, speed: float) -> None:
    """What came all at once, as through a proxy, says nothing about how fast it was written after the first token."""
    times = iter([0.0, *(2.0 + gap * number for number in range(count))])
    monkeypatch.setattr(reply, "time", SimpleNamespace(monotonic=lambda: next(times)))
    reader = reply.ReplyReader(most=None, has_text=False)
    for _ in range(count):
        list(reader.take(Chunk("sea ")))
    assert reader.done(Ending.STOP, 7).tokens_per_second == pytest.approx(speed, 0.01)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", Ending.STOP), ("length", Ending.LENGTH), ("tool_calls", Ending.STOP), ("abort", Ending.ERROR)],
)
def test_why_an_answer_ends(load: Load, ask: Ask, server: ChatServer, finish: str, reason: Ending) -> None:
    load()
    server.stream("red", finish=finish)
    assert done_of(ask()).reason is reason


def test_a_filtered_answer_is_noticed(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream("red", finish="content_filter")
    assert any("removed part of the answer" in getattr(each, "text", "") for each in ask())


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_what_a_model_thinks_is_told_apart(load: Load, ask: Ask, server: ChatServer, name: str) -> None:
    load()
    server.stream(chunk(**{name: "Let me"}), chunk(**{name: " see."}), "\n\n", "\nSea", " green")
    events = ask()
    assert (thought_of_events(events), text_of_events(events)) == ("Let me see.", "Sea green")
    assert done_of(events).thinking_tokens == 2


def test_thoughts_that_a_server_leaves_in_the_text(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream("<th", "ink>\nLet ", "me see.\n</thi", "nk>\n\nSea", " green")
    events = ask()
    assert (thought_of_events(events), text_of_events(events)) == ("Let me see.", "Sea green")


def test_a_mark_that_is_only_written_about_is_text(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream("The tag ", "<think>\n", "begins a thought.")
    events = ask()
    assert (thought_of_events(events), text_of_events(events)) == ("", "The tag <think>\nbegins a thought.")


def test_an_answer_is_not_read_again(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    with pytest.raises(EngineError, match="Only a model on this computer"):
        ask(begun=Turn(Role.ASSISTANT, "red"), weighs_begun=True)
    assert not server.chats


def test_candidates_of_each_token(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.VLLM)
    server.stream(logprobs("red", ("red", -0.5), ("blue", -1.5)), logprobs(".", ("!", -0.1), (".", -3.0), logprob=-3.0))
    events = ask(candidates=2)
    first, last = (each.choice for each in events if isinstance(each, Piece))
    assert first is not None
    assert last is not None
    assert first.probability == pytest.approx(0.6065, abs=1e-4)
    assert [(each.text, round(each.before, 3)) for each in first.candidates] == [("red", 0.607), ("blue", 0.223)]
    assert (first.rank, last.rank, first.knows_after) == (1, 2, False)
    assert 1.2 < first.entropy < 1.5
    assert (server.chats[0]["logprobs"], server.chats[0]["top_logprobs"]) == (True, 2)


def test_tokens_of_a_chunk_are_told_apart(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.OLLAMA)
    one, other = logprobs("sea "), logprobs("green")
    one["choices"][0]["logprobs"]["content"] += other["choices"][0]["logprobs"]["content"]
    one["choices"][0]["delta"]["content"] = "sea green"
    server.stream(one)
    assert [each.text for each in ask(candidates=1) if isinstance(each, Piece)] == ["sea ", "green"]


def test_an_answer_that_is_not_streamed(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    message = {"role": "assistant", "content": [{"type": "text", "text": "red"}], "reasoning": "Hm"}
    server.answer(200, {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"prompt_tokens": 5}})
    events = ask()
    assert (thought_of_events(events), text_of_events(events)) == ("Hm", "red")
    assert (done_of(events).reason, done_of(events).prompt_tokens) == (Ending.LENGTH, 5)


def test_what_is_unknown_in_a_stream_is_left_out(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream(
        b": ping\n\n", b"event: ping\ndata: {}\n\n", event([1]), event({"object": "progress"}), event(b"no JSON"),
        {"choices": []}, {"choices": [None]}, {"choices": [{"delta": None}]}, {"choices": [{"delta": {"content": 7}}]},
        "red",
    )  # fmt: skip
    assert text_of_events(ask()) == "red"


def test_a_stream_without_its_mark_at_the_end(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream("red", ends=False)
    assert done_of(ask()).reason is Ending.STOP


def test_a_mark_at_the_end_alone_will_do(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream("red", finish=None)
    assert done_of(ask()).reason is Ending.STOP


def test_characters_that_are_cut_anywhere(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    data = b"data: " + '{"choices": [{"delta": {"content": "é🙂"}}]}'.encode() + b"\r\n\r\n"
    server.stream(*[data[at : at + 1] for at in range(len(data))])
    assert text_of_events(ask()) == "é🙂"


def test_stop_closes_the_connection(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    stop = CancelToken()
    server.stream("sea ", threading.Event(), "green")
    events = []
    for each in engine.generate(request(), stop):
        events.append(each)
        if isinstance(each, Piece):
            threading.Thread(target=stop.set).start()
    assert text_of_events(events) == "sea "
    assert done_of(events).reason is Ending.CANCELLED
    assert server.client_left.wait(10)


def test_stop_before_the_first_piece(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    stop = CancelToken()
    server.stream(threading.Event(), "green")
    with once(lambda: server.chats, stop.set):
        events = list(engine.generate(request(), stop))
    assert done_of(events).reason is Ending.CANCELLED
    assert server.client_left.wait(10)
    assert len(server.chats) == 1


def test_hurrying_does_not_end_an_answer(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    stop, gate = CancelToken(), threading.Event()
    server.stream("sea ", gate, "green")
    events = []
    for each in engine.generate(request(), stop):
        events.append(each)
        stop.hurry()
        gate.set()
    assert text_of_events(events) == "sea green"


def test_hurrying_ends_thinking(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    assert load(ServerKind.VLLM).capabilities.ends_thinking  # type: ignore[union-attr]
    stop = CancelToken()
    server.stream(chunk(reasoning="Hm"), chunk(reasoning=", well"), threading.Event())
    server.stream("sea ", "green")
    events = []
    for each in engine.generate(request(), stop):
        events.append(each)
        if isinstance(each, Piece):
            stop.hurry()
    assert server.client_left.wait(10)
    assert (thought_of_events(events), text_of_events(events)) == ("Hm", "sea green")
    asked = [each.get("chat_template_kwargs") for each in server.chats]
    assert asked == [None, {"enable_thinking": False}]
    assert done_of(events).reason is Ending.STOP


def test_leaving_an_answer_closes_the_connection(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    server.stream("sea ", threading.Event())
    events = engine.generate(request(), CancelToken())
    assert any(isinstance(each, Piece) for each in events)
    events.close()  # type: ignore[attr-defined]
    assert server.client_left.wait(10)


def test_a_line_that_breaks_keeps_what_came(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    server.stream("sea ", "gr", BREAK)
    came: list[Event] = []
    with pytest.raises(ServerUnreachable, match=r"The connection to 127\.0\.0\.1:.* was lost"):
        came.extend(engine.generate(request(), CancelToken()))
    assert text_of_events(came) == "sea gr"
    assert len(server.chats) == 1, "it isn't asked again once it has begun"


def test_a_stream_that_ends_too_early_is_no_whole_answer(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    server.stream("sea ", finish=None, ends=False)
    with pytest.raises(ServerUnreachable, match="was lost"):
        list(engine.generate(request(), CancelToken()))


def test_after_the_end_nothing_is_lost(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream("red", event(chunk(finish="stop")), BREAK, finish=None)
    assert done_of(ask()).reason is Ending.STOP


def test_a_connection_that_breaks_first_is_made_again_once(
    load: Load, ask: Ask, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    load()
    server.break_off()
    events = ask()
    assert text_of_events(events) == "color."
    assert any("can’t be reached. Trying again…" in getattr(each, "text", "") for each in events)
    server.break_off()
    server.break_off()
    with pytest.raises(ServerUnreachable, match="was lost"):
        ask()
    assert len(server.chats) == 4


def test_a_server_that_falls_silent(
    engine: RemoteEngine, load: Load, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEXT_PIECE_SECONDS", 0.1)
    monkeypatch.setattr("phichat.net.http_api._LOOK", 0.02)
    load()
    server.stream("sea ", threading.Event())
    came: list[Event] = []
    with pytest.raises(ServerUnreachable, match="isn’t responding"):
        came.extend(engine.generate(request(), CancelToken()))
    assert text_of_events(came) == "sea "


def test_a_server_that_never_begins(load: Load, ask: Ask, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phichat.engine.remote.remote_model.FIRST_PIECE_SECONDS", 0.1)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    load()
    server.stream(threading.Event())
    server.stream(threading.Event())
    with pytest.raises(ServerUnreachable, match="isn’t responding"):
        ask()


def test_an_error_in_the_middle(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    server.stream("sea ", {"error": {"message": "out of\nmemory"}}, finish=None)
    came: list[Event] = []
    with pytest.raises(ServerError, match="reported an error: out of memory"):
        came.extend(engine.generate(request(), CancelToken()))
    assert text_of_events(came) == "sea "


def test_a_draft_is_never_sent(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    asked = len(server.asked)
    for counts in (True, False):
        events = list(engine.generate(request("word " * 100, is_draft=True, only_counts=counts), CancelToken()))
        [fit] = fits_of(events)
        assert fit.is_estimate
        assert 100 < fit.tokens < 200
        assert done_of(events).reason is Ending.CANCELLED
    assert len(server.asked) == asked


def test_a_draft_that_is_too_long(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    server.models = [{"id": "tiny", "max_model_len": 256}]
    load()
    [fit, _] = engine.generate(request("word " * 1000, is_draft=True), CancelToken())
    assert isinstance(fit, PromptFit)
    assert fit.trouble.startswith("This message is too long for tiny on 127.0.0.1")
    assert fit.excess > 1000
    [fit, _] = engine.generate(request(" ", is_draft=True), CancelToken())
    assert isinstance(fit, PromptFit)
    assert not fit.trouble  # nothing was written yet


def test_what_is_too_long_is_named(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    server.models = [{"id": "tiny", "max_model_len": 256}]
    load(ServerKind.LLAMA_CPP)
    user, answer, long = Role.USER, Turn(Role.ASSISTANT, "Yes."), "word " * 300
    for turns, begun, kind, words in (
        ((Turn(Role.SYSTEM, long), Turn(user, "Why?")), None, SystemPromptTooLong, "The system prompt is too long for"),
        ((Turn(user, long, is_pinned=True), answer, Turn(user, "Why?")), None, PinsTooLong, "The pinned messages"),
        ((Turn(user, "Why?"),), Turn(Role.ASSISTANT, long), AnswerTooLong, "This answer is too long for tiny on"),
        ((Turn(user, long),), None, PromptTooLong, "This message is too long for tiny on"),
    ):
        with pytest.raises(kind, match=f"^{words}.*256 tokens"):
            list(engine.generate(Request(turns, begun=begun), CancelToken()))
    assert server.chats == []


def test_old_turns_are_left_out_where_the_context_is_full(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    server.models = [{"id": "tiny", "max_model_len": 400}]
    load()
    old = [Turn(Role.USER, "old " * 250), Turn(Role.ASSISTANT, "Yes."), Turn(Role.USER, "new?")]
    events = list(engine.generate(Request((Turn(Role.SYSTEM, "Be brief."), *old)), CancelToken()))
    assert [each["content"] for each in server.chats[0]["messages"]] == ["Be brief.", "new?"]
    assert next(each for each in events if isinstance(each, PromptReady)).dropped == 2
    with pytest.raises(PromptTooLong, match=r"the context only holds 400 tokens\. Shorten the message"):
        list(engine.generate(request("word " * 1000), CancelToken()))


def test_the_server_counts_where_it_can(load: Load, ask: Ask, server: ChatServer) -> None:
    server.pages["/tokenize"] = {"count": 321, "tokens": []}
    load(ServerKind.VLLM)
    assert fits_of(ask("word " * 100))[0] == PromptFit(321, 0, 0)
    del server.pages["/tokenize"]
    first = fits_of(ask("word " * 100))[0]
    assert first.is_estimate
    assert first.tokens == pytest.approx(321, abs=5), "it has learned from what was counted"


def test_seeds_are_told(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    done = done_of(ask(sampling=Sampling()))
    assert server.chats[0]["seed"] == done.seed


@pytest.mark.parametrize("kind", list(ServerKind))
def test_only_settings_that_a_server_takes_are_sent(load: Load, ask: Ask, server: ChatServer, kind: ServerKind) -> None:
    loaded = load(kind)
    assert loaded.capabilities is not None
    everything = Sampling(
        seed=7, stop=("x",), forbidden=("y",), mirostat=5, thinking=9, presence_penalty=1, dry_multiplier=0.8
    )
    ask(sampling=everything)
    named = {"model", "messages", "stream", "stream_options", "chat_template_kwargs", "reasoning_effort", "mirostat"}
    traits = TRAITS[kind]
    sent = {*server.chats[0]} - named
    assert sent <= {*traits.names.values(), traits.budget}
    taken = loaded.capabilities.sampling
    assert {*taken} <= {field.name for field in fields(Sampling)}
    assert len(sent - {traits.budget}) == len([name for name in taken if name != "thinking"])


def test_a_limit_of_thinking_that_vllm_was_not_started_for(load: Load, ask: Ask, server: ChatServer) -> None:
    """It says so in the stream, with status 200."""
    load(ServerKind.VLLM)
    words = "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser."
    server.stream({"error": {"message": words, "type": "BadRequestError", "code": 400}}, finish=None)
    server.stream("Green")
    events = ask(sampling=Sampling(thinking=100, max_tokens=20))
    assert text_of_events(events) == "Green"
    assert [each.text for each in events if isinstance(each, Notice)] == [
        f"{server.host} doesn’t support the thinking_token_budget setting, so it wasn’t used."
    ]
    assert ["thinking_token_budget" in body for body in server.chats] == [True, False]


def test_settings_of_vllm(load: Load, ask: Ask, server: ChatServer) -> None:
    loaded = load(ServerKind.VLLM)
    ask(sampling=Sampling(seed=7, repeat_penalty=1.2, forbidden=("y",), thinking=0))
    body = server.chats[0]
    assert body["repetition_penalty"] == 1.2
    assert "bad_words" not in body, "which lets many words through"
    assert loaded.capabilities
    assert "forbidden" not in loaded.capabilities.sampling
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "dry_base" not in body


def test_settings_of_llama_cpp(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.LLAMA_CPP)
    ask(sampling=Sampling(seed=7, mirostat=5, dry_multiplier=0.8, thinking=300, max_tokens=100))
    body = server.chats[0]
    assert (body["mirostat"], body["mirostat_tau"], body["dry_multiplier"]) == (2, 5, 0.8)
    assert (body["thinking_budget_tokens"], body["max_tokens"]) == (300, 400)


def test_settings_of_openai_and_ollama(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.OPENAI)
    ask()
    assert server.chats[-1]["max_completion_tokens"] == 1024
    assert not {"top_k", "min_p", "max_tokens"} & {*server.chats[-1]}
    load(ServerKind.OLLAMA)
    ask(sampling=Sampling(seed=7, thinking=0))
    assert server.chats[-1]["reasoning_effort"] == "none"


def test_a_setting_that_is_refused_is_left_out_and_said(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.OPENAI)
    message = "Unsupported value: 'temperature' does not support 0.7 with this model."
    server.answer(400, {"error": {"message": message, "param": "temperature", "code": "unsupported_value"}})
    events = ask()
    assert text_of_events(events) == "color."
    assert any(
        "doesn’t support the temperature setting, so it wasn’t used" in getattr(each, "text", "") for each in events
    )
    assert ["temperature" in each for each in server.chats] == [True, False]
    assert text_of_events(ask()) == "color."
    assert "temperature" not in server.chats[-1]


@pytest.mark.parametrize("kind", [ServerKind.VLLM, ServerKind.LLAMA_CPP, ServerKind.OLLAMA, ServerKind.PHICHAT])
def test_an_answer_is_continued(load: Load, ask: Ask, server: ChatServer, kind: ServerKind) -> None:
    load(kind)
    server.stream(" green")
    events = ask(begun=Turn(Role.ASSISTANT, "Sea"))
    body = server.chats[0]
    assert body["messages"][-1] == {"role": "assistant", "content": "Sea"}
    assert body.get("continue_final_message") == (True if kind in {ServerKind.VLLM, ServerKind.LLAMA_CPP} else None)
    assert text_of_events(events) == " green"


def test_where_an_answer_cannot_be_continued_that_is_said(load: Load, ask: Ask, server: ChatServer) -> None:
    assert load(ServerKind.OPENAI).capabilities.continues is False  # type: ignore[union-attr]
    with pytest.raises(ServerError, match=r"doesn’t support continuing answers\. Regenerate the answer instead"):
        ask(begun=Turn(Role.ASSISTANT, "Sea"))
    load(ServerKind.VLLM)
    with pytest.raises(ServerError, match="can’t continue the model’s thinking"):
        ask(begun=Turn(Role.ASSISTANT, "", thinking="Hm"))
    assert not server.chats


def test_what_is_thought_does_not_count_as_the_answer(load: Load, ask: Ask, server: ChatServer) -> None:
    load()
    server.stream(chunk(reasoning="Hm"), "red")
    ask(sampling=Sampling(seed=7, max_tokens=2))
    assert server.chats[0]["max_tokens"] == 2
    server.stream(chunk(reasoning="Hm"), chunk(reasoning="m"), chunk(reasoning="m"), "one ", "two ", threading.Event())
    events = ask(sampling=Sampling(seed=7, max_tokens=2))
    assert "max_tokens" not in server.chats[1], "it is known now that it thinks"
    assert (text_of_events(events), done_of(events).reason) == ("one two ", Ending.LENGTH)
    assert server.client_left.wait(10)


@pytest.mark.parametrize(
    ("kind", "entry", "pages", "context"),
    [
        (ServerKind.VLLM, {"max_model_len": 512}, {}, 512),
        (ServerKind.UNKNOWN, {"context_length": 8192}, {}, 8192),
        (ServerKind.UNKNOWN, {}, {}, 0),
        (ServerKind.LLAMA_CPP, {}, {"/props": {"default_generation_settings": {"n_ctx": 2048}}}, 2048),
        (ServerKind.LLAMA_CPP, {"meta": {"n_ctx_train": 1024}}, {}, 1024),
        (ServerKind.LM_STUDIO, {}, {"/api/v0/models/tiny": {"max_context_length": 4096}}, 4096),
        (ServerKind.OLLAMA, {}, {"/api/ps": {"models": [{"name": "tiny", "context_length": 16384}]}}, 16384),
        (ServerKind.OLLAMA, {}, {"/api/show": {"parameters": "stop x\nnum_ctx    9000"}}, 9000),
        (ServerKind.OLLAMA, {}, {"/api/show": {"model_info": {"llama.context_length": 131072}}}, 4096),
        (ServerKind.OLLAMA, {}, {"/api/show": {"model_info": {"llama.context_length": 2048}}}, 2048),
    ],
)
def test_the_size_of_the_context(
    load: Load, server: ChatServer, kind: ServerKind, entry: dict[str, Any], pages: dict[str, Any], context: int
) -> None:
    server.models, server.pages = [{"id": "tiny", **entry}], pages
    loaded = load(kind)
    assert (loaded.context, loaded.most_context) == (context, context)


def test_a_model_is_found_by_its_short_name(load: Load, ask: Ask, server: ChatServer) -> None:
    server.models = [{"id": "/models/Tiny-Q4.gguf"}]
    assert load(model="tiny-q4").model.title == "Tiny-Q4"
    assert load(model="").model.server_model == "/models/Tiny-Q4.gguf"
    ask()
    assert server.chats[0]["model"] == "/models/Tiny-Q4.gguf"


def test_models_that_think_say_so(load: Load, server: ChatServer) -> None:
    server.models = [{"id": "tiny"}, {"id": "qwen3:8b"}]
    assert [load(ServerKind.OLLAMA, name).thinking for name in ("tiny", "qwen3:8b")] == ["off", "on"]
    assert load(ServerKind.OPENAI).thinking == ""


def test_a_reply_says_where_it_was_made(load: Load, server: ChatServer) -> None:
    assert load(ServerKind.VLLM).made_with == {"library": "vLLM", "machine": server.host}


def test_what_only_a_local_engine_can_do(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    load()
    asked = len(server.asked)
    with pytest.raises(EngineError, match="Only a model on this computer can score text"):
        list(engine.score("Hello", CancelToken()))
    assert list(engine.calibrate(CancelToken(), lambda _: None)) == []
    engine.unload()
    assert len(server.asked) == asked


def test_what_needs_ids_of_tokens_is_refused(load: Load, ask: Ask, server: ChatServer) -> None:
    load(ServerKind.VLLM)
    begun = Turn(Role.ASSISTANT, "Sea")
    for values in ({"forced": (3,)}, {"weighs_begun": True, "begun": begun}, {"raw": "Once"}):
        with pytest.raises(ServerError, match="Only a model on this computer can"):
            ask(**values)
    assert not server.chats


def test_without_a_model_there_is_no_answer(engine: RemoteEngine) -> None:
    with pytest.raises(EngineError, match="No model is loaded"):
        list(engine.generate(request(), CancelToken()))


def test_a_server_that_was_removed_is_not_asked(
    engine: RemoteEngine, load: Load, servers: ServerList, server: ChatServer
) -> None:
    model = load().model
    asked = len(server.asked)
    servers.remove("gaming")
    with pytest.raises(ServerError, match="is no longer one of your servers"):
        engine.load(model, EngineSettings(), CancelToken(), lambda _: None)
    assert len(server.asked) == asked


def test_loading_that_is_canceled(engine: RemoteEngine, load: Load, server: ChatServer) -> None:
    model, stop = load().model, CancelToken()
    stop.set()
    with pytest.raises(EngineError, match="Loading was canceled"):
        engine.load(model, EngineSettings(), stop, lambda _: None)


def test_vllm_is_not_asked_for_more_than_its_context_holds(load: Load, ask: Ask, server: ChatServer) -> None:
    """It refuses that, instead of ending the answer where the context is full."""
    server.owner, server.models = "vllm", [{"id": "tiny", "max_model_len": 512}]
    server.pages["/tokenize"] = {"count": 112}
    load(ServerKind.VLLM)
    ask(sampling=Sampling(max_tokens=400))
    assert server.chats[0]["max_tokens"] == 400
    server.stream(*"abcde", finish="length")
    events = ask(sampling=Sampling(max_tokens=401))
    assert "max_tokens" not in server.chats[1]
    assert done_of(events).reason is Ending.LENGTH

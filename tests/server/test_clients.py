"""Real clients, with a real engine: OpenAI's own package, and Simon Willison's llm, where they are installed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from phichat.engine.process.encoder_process import EncoderProcess
from phichat.engine.process.engine_process import EngineProcess
from phichat.server.access import Access
from tests.server.conftest import Running, serving
from tests.support import tiny_models

KEY = "phichat-test"
SPEECH = b"\nBig dock?"
"""Each letter once, as the model knows no more than which follows which."""


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A model that always says the same, behind a key, in a process of its own."""
    words = tiny_models.byte_words(tiny_models.CHATML_SPECIALS, "<|im_end|>")
    path = tmp_path_factory.mktemp("speaker") / "speaker.gguf"
    tiny_models.chatml(path, words=words, speech=[*SPEECH, words.eos])
    engine, embedder = EngineProcess(), EncoderProcess(path)
    embedder.embed("")  # its process stays
    with serving(engine, Access(KEY), path) as server:
        server.served.embedding_name, server.served.embedder = "vectors", embedder
        server.ask("/tokenize", {"content": ""}, headers={"Authorization": f"Bearer {KEY}"})  # its process stays
        yield server
    engine.close()
    embedder.close()


@pytest.fixture
def client(running: Running) -> Iterator[Any]:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    plain = openai.DefaultHttpxClient(verify=False)  # no certificates, which take 50 ms to load
    with openai.OpenAI(
        api_key=KEY, base_url=running.server.url, max_retries=0, timeout=60, http_client=plain
    ) as client:
        yield client


HI = [{"role": "user", "content": "Hi"}]


@needs("openai")
class TestOpenAI:
    def test_models(self, client: Any) -> None:
        assert [model.id for model in client.models.list()] == ["speaker", "vectors"]
        assert client.models.retrieve("speaker").owned_by == "phichat"

    def test_an_answer(self, client: Any) -> None:
        answer = client.chat.completions.create(model="speaker", messages=HI, temperature=0)
        assert answer.choices[0].message.content == "Big dock?"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage.completion_tokens == len(SPEECH) - 1

    def test_a_stream(self, client: Any) -> None:
        options = {"include_usage": True}
        stream = client.chat.completions.create(
            model="speaker", messages=HI, temperature=0, stream=True, stream_options=options
        )
        chunks = list(stream)
        said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert said == "Big dock?"
        assert chunks[-1].usage.completion_tokens == len(SPEECH) - 1

    def test_a_stream_that_is_left(self, client: Any, running: Running) -> None:
        with client.chat.completions.create(model="speaker", messages=HI, temperature=0, stream=True) as stream:
            next(iter(stream))
        assert client.chat.completions.create(model="speaker", messages=HI, max_tokens=1)

    def test_stop(self, client: Any) -> None:
        answer = client.chat.completions.create(model="speaker", messages=HI, temperature=0, stop=["ck"])
        assert answer.choices[0].message.content == "Big do"

    def test_several_answers_of_some_length(self, client: Any) -> None:
        answer = client.chat.completions.create(model="speaker", messages=HI, temperature=0, n=2, max_tokens=3)
        assert [(choice.index, choice.message.content) for choice in answer.choices] == [(0, "Big"), (1, "Big")]
        assert {choice.finish_reason for choice in answer.choices} == {"length"}

    def test_log_probabilities(self, client: Any) -> None:
        answer = client.chat.completions.create(
            model="speaker", messages=HI, temperature=0, max_tokens=3, logprobs=True, top_logprobs=2
        )
        content = answer.choices[0].logprobs.content
        assert [each.token for each in content] == ["B", "i", "g"]
        assert all(-0.7 < each.logprob <= 0 for each in content)
        assert [len(each.top_logprobs) for each in content] == [2, 2, 2]
        assert content[0].top_logprobs[0].bytes == [66]

    def test_a_plain_completion(self, client: Any) -> None:
        answer = client.completions.create(model="speaker", prompt="Big", temperature=0, max_tokens=5, logprobs=1)
        assert answer.choices[0].text == " dock"
        assert answer.choices[0].logprobs.tokens == list(" dock")
        pieces = client.completions.create(model="speaker", prompt="Big", temperature=0, max_tokens=5, stream=True)
        assert "".join(piece.choices[0].text for piece in pieces) == " dock"

    def test_a_second_turn_is_not_read_again(self, client: Any) -> None:
        first = client.chat.completions.create(model="speaker", messages=HI, temperature=0)
        said = {"role": "assistant", "content": first.choices[0].message.content}
        second = client.chat.completions.create(
            model="speaker", messages=[*HI, said, {"role": "user", "content": "And?"}], temperature=0
        )
        # the token said last was not read
        read = second.usage.prompt_tokens_details.cached_tokens
        assert read >= first.usage.prompt_tokens + first.usage.completion_tokens - 1

    def test_errors(self, client: Any, running: Running) -> None:
        import openai

        create = client.chat.completions.create
        with pytest.raises(openai.NotFoundError) as missing:
            create(model="gpt-4o", messages=HI)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as wrong:
            create(model="speaker", messages=HI, temperature=9)
        assert wrong.value.param == "temperature"
        with pytest.raises(openai.BadRequestError) as long:
            create(model="speaker", messages=[{"role": "user", "content": "x" * 600}])
        assert long.value.code == "context_length_exceeded"
        assert re.search(r"The prompt has 6\d\d tokens, but the context only holds 512\.", str(long.value))
        with pytest.raises(openai.APIError) as no:
            client.with_options(api_key="wrong").models.list()
        assert isinstance(no.value, openai.AuthenticationError)

    def test_embeddings(self, client: Any) -> None:
        """Which this client asks for as base64."""
        answer = client.embeddings.create(model="vectors", input=["the", "and", "the"])
        first, second, third = (each.embedding for each in answer.data)
        assert len(first) == 64
        assert first == third != second
        assert answer.usage.total_tokens == 3


@needs("llm")
def test_llm(running: Running, tmp_path: Path) -> None:
    """With a file that names the model, as its documentation says."""
    models = f'- model_id: mine\n  model_name: speaker\n  api_base: "{running.server.url}"\n  api_key_name: mine\n'
    (tmp_path / "extra-openai-models.yaml").write_text(models)
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""}
    command = [sys.executable, "-m", "llm", "-m", "mine", "--key", KEY, "-o", "temperature", "0", "Hi"]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "Big dock?\n", done.stderr

"""A whole conversation in the window with each program that serves models.

Ollama and LM Studio aren't here: a server answers as they do. llama.cpp's own is asked where xllamacpp is installed,
vLLM in test_vllm.py, and any other if PHICHAT_TEST_SERVER is its address.
"""

import os
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

from phichat import app
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedShelf
from tests.support.servers.chat import ChatServer, chunk, event
from tests.support.servers.listener import held_port
from tests.support.servers.llama_process import VARIABLE, LlamaProcess
from tests.support.servers.programs import LM_STUDIO_MODELS, OLLAMA_MODELS, as_lm_studio, as_ollama
from tests.ui.conftest import Person
from tests.ui.window.true_server import TrueServer, added, agree, choose, context

pytestmark = pytest.mark.usefixtures("no_proxies", "keyring")


@pytest.fixture
def person(qtbot: QtBot) -> Iterator[Person]:
    """A window with the true engines, and no model yet."""
    window = app.create_window(make_shelf=ScriptedShelf().over)
    window.show()
    qtbot.waitExposed(window)
    yield Person(window, qtbot)
    window.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def grayed(person: Person, *names: str) -> list[str]:
    return [name for name in names if not person.find(f"{name}Slider").isEnabled()]


def stopped(person: Person, server: ChatServer, number: int) -> None:
    """Stop the answer when it says One: the server is told by the end of the connection."""
    person.wait(lambda: person.window.findChild(QWidget, f"message-{number}") and person.message(number) == "One")
    person.click("stopButton")
    person.wait_for(GenerationState.IDLE)
    assert server.client_left.wait(10)
    assert person.message(number) == "One"


def three_at_once(person: Person, server: ChatServer, number: int) -> None:
    """Have three answers side by side, which become versions."""
    for text in ("Red", "Green", "Blue"):
        server.stream(text)
    person.choose_in(number, "Generate answers side by side", "Generate three answers")
    person.wait(lambda: person.window.findChild(QWidget, "answer-3"))
    person.wait_for(GenerationState.IDLE)
    conversation = person.window.session.conversation
    versions = [each.text for each in conversation.siblings(conversation.path()[-1])]
    assert sorted(versions[-3:]) == ["Blue", "Green", "Red"]


def away_and_back(person: Person, server: ChatServer) -> None:
    with held_port(server.port):
        server.close()
        person.ask("Are you there?")
        person.wait(lambda: "couldn’t connect" in person.status())
        with ChatServer(server.port) as back:
            person.wait_for(GenerationState.IDLE)
            back.stream("Here")
            person.click("retryButton")
            conversation = person.window.session.conversation
            person.wait(lambda: conversation.path()[-1].text == "Here")
            person.wait_for(GenerationState.IDLE)


def test_lm_studio(person: Person, server: ChatServer, gate: threading.Event) -> None:
    said = added(person, as_lm_studio(server).host)
    assert "gaming was added (LM Studio, 3 models)." in said
    assert f"{LM_STUDIO_MODELS[0]} started answering after" in said, "which is loaded"
    choose(person, LM_STUDIO_MODELS[0])
    assert context(person) == 8192
    assert grayed(person, "temperature", "topK", "topP", "minP", "repeatPenalty", "repeatLastN") == [
        "minP", "repeatLastN",
    ]  # fmt: skip
    server.stream(chunk(reasoning_content="Hm."), "Sea ", "green")
    person.ask("Name a color")
    agree(person)
    person.wait(lambda: person.window.findChild(QWidget, "message-1") and person.message(1) == "Sea green")
    assert person.find("thinking-1").property("source") == "Hm."
    sent = server.chats[-1]
    assert {"top_k", "repeat_penalty", "temperature"} <= set(sent)
    assert not {"min_p", "repeat_last_n"} & set(sent)
    person.wait_for(GenerationState.IDLE)
    server.stream("One", gate)
    person.ask("Count")
    stopped(person, server, 3)
    button = person.find("continueButton", QAbstractButton)
    assert not button.isEnabled()
    assert button.toolTip() == f"{server.host} doesn’t support continuing answers. Regenerate the answer instead."
    server.stream("One", b"event: error\n" + event({"error": {"message": "The model has crashed."}}), finish=None)
    person.ask("Go on")
    person.wait(lambda: "The model has crashed" in person.status())
    person.wait_for(GenerationState.IDLE)
    assert person.message(5) == "One"
    three_at_once(person, server, 5)
    choose(person, LM_STUDIO_MODELS[1])
    assert context(person) == 131_072
    away_and_back(person, server)


def test_ollama(person: Person, server: ChatServer, gate: threading.Event) -> None:
    said = added(person, as_ollama(server).host)
    assert "gaming was added (Ollama, 2 models)." in said
    assert f"{OLLAMA_MODELS[0]} started answering after" in said
    choose(person, OLLAMA_MODELS[0])
    assert context(person) == 16_384
    assert grayed(person, "temperature", "topK", "topP", "minP", "repeatPenalty") == ["topK", "minP", "repeatPenalty"]
    server.stream(chunk(reasoning="Hm."), "Sea ", "green")
    person.ask("Name a color")
    agree(person)
    person.wait(lambda: person.window.findChild(QWidget, "message-1") and person.message(1) == "Sea green")
    assert person.find("thinking-1").property("source") == "Hm."
    person.wait_for(GenerationState.IDLE)
    server.stream("One", gate)
    person.ask("Count")
    stopped(person, server, 3)
    server.stream(" two")
    person.click("continueButton")
    person.wait(lambda: person.message(3) == "One two")
    assert server.chats[-1]["messages"][-1] == {"role": "assistant", "content": "One"}
    person.wait_for(GenerationState.IDLE)
    missing = {
        "error": {"message": "model 'qwen3:8b' not found", "type": "not_found_error", "param": None, "code": None}
    }
    three_at_once(person, server, 3)
    server.answer(404, missing)
    person.ask("Go on")
    person.wait(lambda: f"{server.host} has no model named {OLLAMA_MODELS[0]}" in person.status())
    person.wait_for(GenerationState.IDLE)
    away_and_back(person, server)


def test_llama_cpp_as_it_is(person: Person, starter: Path) -> None:
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")
    process = LlamaProcess(starter)
    try:
        server = TrueServer(person, process.address)
        assert "(llama.cpp, 1 model)" in server.added
        server.show_probabilities()
        server.stop_and_continue()
        server.ask_for_three()
        person.find("maxTokensSpin").setValue(context(person) // 2)  # many seconds of writing
        server.begun()
        process.kill()
        server.idle()
        assert server.answer(), "it stays"
        assert "The connection to" in person.status()
        assert server.continue_button().isEnabled()
        person.find("maxTokensSpin").setValue(12)
        person.ask("Are you there?")
        person.wait(lambda: "couldn’t connect" in person.status())
        server.idle()
        process.restart()
        person.click("retryButton")
        person.wait(server.answer)
        server.idle()
    finally:
        process.kill()


def test_another_as_it_is(person: Person) -> None:
    if not (address := os.environ.get(VARIABLE)):
        pytest.skip(f"{VARIABLE} names no server")
    server = TrueServer(person, address)
    server.show_probabilities()
    server.stop_and_continue()
    server.ask_for_three()

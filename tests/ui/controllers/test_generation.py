"""Questions are stored before they are asked, and replies as they come; retries, edits and continuations are asked."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from phichat.chat.conversation import Ending, Message
from phichat.chat.sampling import Sampling
from phichat.chat.session import Session
from phichat.engine.base import EngineSettings, ModelRef
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.controllers.idle import EVERY, DraftPrefill
from phichat.ui.threads.engine_thread import EngineThread
from tests.support.fakes import ScriptedEngine, SlowKeeper
from tests.ui.conftest import unstored_conversation

TINY = ModelRef.of_file(Path("tiny.gguf"), "tiny", "Tiny")


@pytest.fixture
def keeper() -> SlowKeeper:
    return SlowKeeper()


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def generation(qtbot: QtBot, keeper: SlowKeeper, engine: ScriptedEngine) -> Iterator[GenerationController]:
    thread = EngineThread(lambda: engine)
    generation = GenerationController(thread, EngineSettings, keeper, lambda path: "abc")
    generation.load_model(TINY, 512)
    qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
    yield generation
    thread.close()


def wait(qtbot: QtBot, generation: GenerationController) -> None:
    qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE, timeout=20_000)


def last(session: Session) -> Message:
    return session.conversation.path()[-1]


def test_the_model_sees_a_question_once_it_is_stored(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    session = Session()
    generation.submit(session, "Hello you")
    assert keeper.told == ["begun ['Hello you', '']"]
    qtbot.wait(100)
    assert not engine.requests
    keeper.stored.set_result(None)
    wait(qtbot, generation)
    assert len(engine.requests) == 1
    assert keeper.told[1:] == ["grown 'Hello you' [1000]", "finished 'Hello you'"]


def test_what_cannot_be_stored_is_answered_all_the_same(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_exception(OSError("disk full"))
    generation.submit(Session(), "Hello")
    wait(qtbot, generation)
    assert engine.requests


def test_a_reply_knows_how_it_was_made(qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper) -> None:
    keeper.stored.set_result(None)
    session = Session()
    session.sampling = Sampling(temperature=0.3, seed=7)
    generation.submit(session, "Hello")
    wait(qtbot, generation)
    reply = last(session).reply
    assert reply is not None
    assert (reply.model, reply.model_sha256, reply.seed) == ("tiny", "abc", 7)
    assert reply.sampling["temperature"] == 0.3
    assert reply.engine["library"] == "scripted"
    assert reply.engine["settings"]["context"] == 512
    assert session.model == "tiny"


def test_another_reply_stands_beside_the_first_with_its_own_settings(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_result(None)
    engine.enqueue("first")
    engine.enqueue("second")
    session = Session()
    generation.submit(session, "Hello")
    wait(qtbot, generation)
    first = last(session)
    generation.retry(session, first, Sampling(temperature=0, seed=3))
    wait(qtbot, generation)
    assert [message.text for message in session.conversation.siblings(first)] == ["first", "second"]
    assert engine.requests[-1].sampling == Sampling(temperature=0, seed=3)
    assert session.sampling == Sampling()


def test_an_edited_question_is_asked_beside_the_old_one(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_result(None)
    session = Session()
    generation.submit(session, "Hello")
    wait(qtbot, generation)
    question = session.conversation.path()[0]
    generation.edit(session, question, "Goodbye")
    wait(qtbot, generation)
    assert [turn.text for turn in engine.requests[-1].turns] == ["Goodbye"]
    assert [message.text for message in session.conversation.siblings(question)] == ["Hello", "Goodbye"]


def test_a_stopped_reply_goes_on(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_result(None)
    engine.enqueue("Once ")
    engine.enqueue("upon a time")
    session = Session()
    generation.submit(session, "Tell")
    wait(qtbot, generation)
    generation.continue_reply(session)
    wait(qtbot, generation)
    begun = engine.requests[-1].begun
    assert begun is not None
    assert (begun.text, begun.tokens) == ("Once ", (1000,))
    assert last(session).text == "Once upon a time"
    assert last(session).reply.ending is Ending.STOP  # type: ignore[union-attr]
    assert keeper.told[-2:] == ["grown 'upon a time' [1000]", "finished 'Once upon a time'"]


def test_closing_in_the_middle_of_a_reply_stores_what_there_is(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_result(None)
    engine.enqueue("Once ", threading.Event(), "upon")
    session = Session()
    generation.submit(session, "Tell")
    qtbot.waitUntil(lambda: generation.state is GenerationState.WRITING)
    generation.close()
    assert keeper.told[-2:] == ["grown 'Once ' [1000]", "finished 'Once '"]
    assert last(session).reply.ending is Ending.CANCELLED  # type: ignore[union-attr]


def test_what_is_being_written_is_read_and_yields_to_the_question(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_result(None)
    session = Session()
    generation.prefill_draft(session, "Tell me")
    qtbot.waitUntil(lambda: engine.drafts == ["Tell me"])
    assert generation.state is GenerationState.IDLE
    generation.submit(session, "Tell me more")
    wait(qtbot, generation)
    assert [message.text for message in session.conversation.path()] == ["Tell me more", "Tell me more"]


def test_what_is_written_is_read_once(qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine) -> None:
    current = unstored_conversation(generation)
    ahead = DraftPrefill(generation, current)
    for _ in range(2):
        current.set_draft("Te")
    qtbot.waitUntil(lambda: engine.drafts == ["Te"])
    ahead.schedule()
    qtbot.wait(2 * EVERY)
    assert engine.drafts == ["Te"]
    current.set_draft("Tell")
    qtbot.waitUntil(lambda: engine.drafts == ["Te", "Tell"])


def test_what_goes_on_waits_for_what_is_being_read_and_what_is_changed_does_not(
    qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.hold_drafts(gate)
    current = unstored_conversation(generation)
    DraftPrefill(generation, current, parent=generation)
    current.set_draft("Tell")
    qtbot.waitUntil(lambda: engine.drafts == ["Tell"])
    current.set_draft("Tell me")
    qtbot.wait(2 * EVERY)
    assert engine.drafts == ["Tell"]
    read = QSignalSpy(generation.background.prefill_finished)
    gate.set()
    qtbot.waitUntil(lambda: read.count() == 2)
    assert engine.drafts == ["Tell", "Tell me"]
    gate.clear()
    current.set_draft("Tell me a")
    qtbot.waitUntil(lambda: engine.drafts[2:] == ["Tell me a"])
    current.set_draft("No")
    qtbot.waitUntil(lambda: engine.drafts[3:] == ["No"])
    gate.set()


def test_nothing_is_read_where_there_is_no_power_to_spare(
    qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine
) -> None:
    current = unstored_conversation(generation)
    DraftPrefill(generation, current, lambda: False, generation)
    current.set_draft("Tell")
    qtbot.wait(2 * EVERY)
    assert not engine.drafts


def test_what_is_to_be_forgotten_is_told_to_the_model_whatever_it_does(
    qtbot: QtBot, generation: GenerationController, keeper: SlowKeeper, engine: ScriptedEngine
) -> None:
    keeper.stored.set_result(None)
    gate = threading.Event()
    engine.enqueue("Once ", gate, "upon")
    generation.submit(Session(), "Tell")
    qtbot.waitUntil(lambda: generation.state is GenerationState.WRITING)
    with qtbot.waitSignal(generation.cached_prompts_discarded):
        generation.stop()
        generation.discard_cached_prompts()
    assert engine.drafts == [""]

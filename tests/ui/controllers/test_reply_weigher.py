"""Answers that were written without are weighed on demand, and go on from another word as another version."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.choice_table import table_of
from phichat.chat.conversation import Ending, Message, Piece, Reply, Role, Turn
from phichat.chat.session import Session
from phichat.chat.weighed_reply import WeighedReply, weighed_reply
from phichat.engine.base import EngineSettings, ModelRef
from phichat.errors import EngineError
from phichat.ui.controllers.generation import GenerationController, GenerationState
from phichat.ui.controllers.idle import EVERY, DraftPrefill
from phichat.ui.controllers.reply_weigher import CANDIDATES, ReplyWeigher
from phichat.ui.threads.engine_thread import EngineThread
from tests.support.fakes import ScriptedEngine, SlowKeeper
from tests.ui.conftest import unstored_conversation

TINY = ModelRef.of_file(Path("tiny.gguf"), "tiny", "Tiny")
CHOICE = Choice(0.6, 0.7, 1, 1.5, (Candidate(1, "Sky", 0.6, 0.7), Candidate(2, "Sea", 0.4, 0.3)))
SKY, BLUE = Piece("Sky", 1, choice=CHOICE), Piece(" blue", 7, choice=CHOICE)


@pytest.fixture
def keeper() -> SlowKeeper:
    keeper = SlowKeeper()
    keeper.stored.set_result(None)
    return keeper


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def thread(engine: ScriptedEngine) -> Iterator[EngineThread]:
    thread = EngineThread(lambda: engine)
    yield thread
    thread.close()


@pytest.fixture
def generation(qtbot: QtBot, keeper: SlowKeeper, thread: EngineThread) -> GenerationController:
    generation = GenerationController(thread, EngineSettings, keeper, lambda path: "abc")
    generation.load_model(TINY, 512)
    qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
    return generation


@pytest.fixture
def weigher(thread: EngineThread, generation: GenerationController, keeper: SlowKeeper) -> ReplyWeigher:
    return ReplyWeigher(thread, generation, keeper)


def answered(**changes: Any) -> tuple[Session, Message]:
    """A conversation with an answer."""
    session = Session()
    session.begin_reply("Why?", Reply("tiny", 4, sampling={"top_k": 9}))
    session.extend([Piece("Sky", 1), Piece(" blue", 7)])
    message = session.finish_reply(Ending.STOP, model_sha256="abc")
    assert message
    assert message.reply
    return session, session.conversation.replace_message(message, reply=replace(message.reply, **changes))


def of(session: Session, message: Message) -> WeighedReply:
    found = session.conversation.message(message.id)
    weighed = weighed_reply(found) if found else None
    assert weighed
    return weighed


class TestWeighing:
    def test_an_answer_is_read_again_and_stored_with_what_was_weighed(
        self, qtbot: QtBot, weigher: ReplyWeigher, engine: ScriptedEngine, keeper: SlowKeeper
    ) -> None:
        session, message = answered()
        assert weigher.known(message) is None
        assert weigher.difference(message) == ""
        engine.enqueue(SKY, BLUE)
        shares = QSignalSpy(weigher.progressed)
        with qtbot.waitSignal(weigher.weighed) as done:
            assert weigher.weigh(session, message)
            assert weigher.is_weighing(message)
        request = engine.requests[-1]
        assert (request.weighs_begun, request.candidates) == (True, CANDIDATES)
        assert request.turns == (Turn(Role.USER, "Why?"),)
        assert request.begun == Turn(Role.ASSISTANT, "Sky blue", (1, 7))
        assert (request.sampling.top_k, request.sampling.seed) == (9, 4)
        assert of(session, message).tokens[0].choice
        assert done.args[2].words == of(session, message).words
        assert keeper.told == ["weighed 'Sky blue'"]
        assert shares.count() >= 2
        assert not weigher.is_weighing(message)

    def test_a_question_comes_first(
        self, qtbot: QtBot, weigher: ReplyWeigher, generation: GenerationController, engine: ScriptedEngine
    ) -> None:
        session, message = answered()
        engine.enqueue(SKY, threading.Event(), BLUE)
        engine.enqueue("Because.")
        with qtbot.waitSignal(weigher.cancelled):
            weigher.weigh(session, message)
            qtbot.waitUntil(lambda: len(engine.requests) == 1)
            generation.submit(session, "And?")
        qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
        assert session.conversation.path()[-1].text == "Because."
        assert weigher.known(message) is None

    def test_it_can_be_cancelled(
        self, qtbot: QtBot, weigher: ReplyWeigher, engine: ScriptedEngine, generation: GenerationController
    ) -> None:
        session, message = answered()
        engine.enqueue(SKY, threading.Event(), BLUE)
        weigher.weigh(session, message)
        qtbot.waitUntil(lambda: len(engine.requests) == 1)
        with qtbot.waitSignal(weigher.cancelled):
            weigher.cancel()
        assert not weigher.is_weighing(message)
        engine.enqueue(SKY, BLUE)
        with qtbot.waitSignal(weigher.weighed):
            weigher.weigh(session, message)

    def test_not_while_the_model_answers(
        self, qtbot: QtBot, weigher: ReplyWeigher, generation: GenerationController, engine: ScriptedEngine
    ) -> None:
        session, message = answered()
        gate = threading.Event()
        engine.enqueue("Once", gate)
        generation.submit(Session(), "Tell")
        assert not weigher.can_weigh()
        assert not weigher.weigh(session, message)
        gate.set()
        qtbot.waitUntil(weigher.can_weigh)

    def test_what_goes_wrong_is_said(self, qtbot: QtBot, weigher: ReplyWeigher, engine: ScriptedEngine) -> None:
        session, message = answered()
        engine.enqueue(SKY, EngineError("The model broke."))
        with qtbot.waitSignal(weigher.failed) as failed:
            weigher.weigh(session, message)
        assert failed.args == [message.id, "The model broke."]
        assert not weigher.is_weighing(message)

    def test_a_text_that_the_model_reads_otherwise_stays_unknown(
        self, qtbot: QtBot, weigher: ReplyWeigher, engine: ScriptedEngine, keeper: SlowKeeper
    ) -> None:
        session, message = answered()
        engine.enqueue(SKY)
        with qtbot.waitSignal(weigher.failed) as failed:
            weigher.weigh(session, message)
        assert "can’t be converted exactly into the model’s tokens" in failed.args[1]
        assert not keeper.told

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"model": "gone"}, "gone wrote this answer, but Tiny can estimate how likely each word is."),
            (
                {"model_sha256": "other"},
                (
                    "This answer was written with a different Tiny file. "
                    "The current model can estimate how likely each word is."
                ),
            ),
            (
                {"model": ""},
                "The model that wrote this answer is unknown. Tiny can estimate how likely each word is.",
            ),
        ],
    )
    def test_what_another_model_says_is_not_stored(
        self,
        qtbot: QtBot,
        weigher: ReplyWeigher,
        engine: ScriptedEngine,
        keeper: SlowKeeper,
        changes: dict[str, str],
        sentence: str,
    ) -> None:
        session, message = answered(**changes)
        assert weigher.difference(message) == sentence
        engine.enqueue(SKY, BLUE)
        with qtbot.waitSignal(weigher.weighed):
            weigher.weigh(session, message)
        assert engine.requests[-1].begun == Turn(Role.ASSISTANT, "Sky blue")
        found = weigher.known(message)
        assert found
        assert found.model == "tiny"
        assert weighed_reply(message) is None
        assert not keeper.told

    def test_a_draft_is_read_afterwards(
        self, qtbot: QtBot, weigher: ReplyWeigher, generation: GenerationController, engine: ScriptedEngine
    ) -> None:
        current = unstored_conversation(generation)
        ahead = DraftPrefill(generation, current)
        session, message = answered()
        gate = threading.Event()
        engine.enqueue(SKY, gate, BLUE)
        weigher.weigh(session, message)
        current.set_draft("Tell me")
        qtbot.wait(2 * EVERY)
        assert not engine.drafts
        with qtbot.waitSignal(weigher.weighed):
            gate.set()
        qtbot.waitUntil(lambda: engine.drafts == ["Tell me"])
        ahead.deleteLater()

    def test_an_idle_model_is_neither_measured_nor_unloaded_meanwhile(
        self, qtbot: QtBot, weigher: ReplyWeigher, generation: GenerationController, engine: ScriptedEngine
    ) -> None:
        session, message = answered()
        gate = threading.Event()
        engine.enqueue(SKY, gate, BLUE)
        weigher.weigh(session, message)
        generation.calibrate()
        generation.unload_model()
        with qtbot.waitSignal(weigher.weighed):
            gate.set()
        assert (engine.calibrations, engine.unloads) == (0, 0)


class TestBranching:
    def test_another_version_goes_on_from_the_word(
        self, qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine, keeper: SlowKeeper
    ) -> None:
        generation.candidates = 10
        session = Session()
        engine.enqueue(SKY, BLUE)
        generation.submit(session, "Why?")
        qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
        first = session.conversation.path()[-1]
        weighed = of(session, first)
        engine.enqueue(Piece(" green", 9), Piece("!", 3))
        generation.branch(session, first, weighed, weighed.tokens[1], Candidate(9, " green", 0.2, 0.1))
        qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
        request = engine.requests[-1]
        assert (request.forced, request.candidates) == ((9,), 10)
        assert request.begun == Turn(Role.ASSISTANT, "Sky", (1,))
        branch = session.conversation.path()[-1]
        assert branch.text == "Sky green!"
        assert [each.text for each in session.conversation.siblings(branch)] == ["Sky blue", "Sky green!"]
        assert keeper.told[-1] == "finished 'Sky green!'"
        engine.enqueue("Plain")
        generation.retry(session)
        qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
        assert (engine.requests[-1].forced, engine.requests[-1].begun) == ((), None)

    def test_the_words_that_were_chosen_are_told_when_it_is_read_again(
        self, qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine, weigher: ReplyWeigher
    ) -> None:
        generation.candidates, generation.finds_undecided = 10, True
        session = Session()
        engine.enqueue(SKY, BLUE)
        generation.submit(session, "Why?")
        qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
        for number, token, text in ((1, 9, " green"), (2, 8, "?")):
            branched = session.conversation.path()[-1]
            engine.enqueue(Piece(text, token), Piece("!", 3))
            weighed = of(session, branched)
            generation.branch(session, branched, weighed, weighed.tokens[number], Candidate(token, text, 0.2, 0.1))
            qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
        engine.enqueue("Sky green?!")
        with qtbot.waitSignal(weigher.weighed):
            weigher.weigh(session, session.conversation.path()[-1])
        assert engine.requests[-1].branched_at == (len("Sky green"), len("Sky"))

    def test_words_of_another_model_are_of_no_use(
        self, qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine
    ) -> None:
        session, message = answered(model="gone")
        weighed = replace(of_pieces(message), model="gone")
        with qtbot.waitSignal(generation.failed) as failed:
            generation.branch(session, message, weighed, weighed.tokens[1], Candidate(9, " green", 0.2, 0.1))
        assert failed.args[1] == (
            "These probabilities come from gone. To choose another word, "
            "load that model or have Tiny reread the answer."
        )
        assert not engine.requests
        assert session.conversation.path()[-1] == message

    def test_candidates_are_asked_for_only_if_somebody_looks(
        self, qtbot: QtBot, generation: GenerationController, engine: ScriptedEngine
    ) -> None:
        for count in (0, 10):
            generation.candidates = count
            generation.submit(Session(), "Hello")
            qtbot.waitUntil(lambda: generation.state is GenerationState.IDLE)
            assert engine.requests[-1].candidates == count


def of_pieces(message: Message) -> WeighedReply:
    found = weighed_reply(message, table_of([SKY, BLUE]).pack(), "tiny")
    assert found
    return found

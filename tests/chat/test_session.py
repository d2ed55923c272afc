"""A conversation in progress."""

from phichat.chat.conversation import Ending, Piece, PieceKind, Reply, Role, Turn
from phichat.chat.session import Session


def answered(session: Session, question: str, *pieces: str, model: str = "m") -> tuple[Turn, ...]:
    turns = session.begin_reply(question, Reply(model, 1))
    for token, piece in enumerate(pieces):
        session.extend([Piece(piece, token)])
    session.finish_reply(Ending.STOP)
    return turns


def shown(session: Session) -> list[str]:
    return [message.text for message in session.conversation.path()]


def test_a_question_is_asked_with_the_system_prompt_before_it() -> None:
    assert Session(system="Be brief.").begin_reply("Hi", Reply("m", 1)) == (
        Turn(Role.SYSTEM, "Be brief."),
        Turn(Role.USER, "Hi"),
    )


def test_a_blank_system_prompt_is_none() -> None:
    assert Session(system=" \n").begin_reply("Hi", Reply("m", 1)) == (Turn(Role.USER, "Hi"),)


def test_a_reply_grows_piece_by_piece() -> None:
    session = Session()
    session.begin_reply("Hi", Reply("m", 7))
    session.extend([Piece("Yo", 5)])
    session.extend([Piece("", 6)])
    session.extend([Piece("!")])
    grown = session.answering
    assert grown is not None
    assert grown.reply is not None
    assert (grown.text, grown.reply.tokens, grown.reply.seed) == ("Yo!", (5, 6), 7)
    assert grown.reply.ending is Ending.ANSWERING
    assert session.conversation.path()[-1] == grown


def test_a_finished_reply_keeps_how_it_ended() -> None:
    session = Session()
    session.begin_reply("Hi", Reply("m", 1))
    session.extend([Piece("Yo", 5)])
    finished = session.finish_reply(Ending.CANCELLED, {"seed": 1})
    assert finished is not None
    assert finished.reply is not None
    assert (finished.reply.ending, finished.reply.statistics) == (Ending.CANCELLED, {"seed": 1})
    assert session.answering is None


def test_what_comes_after_the_end_changes_nothing() -> None:
    session = Session()
    answered(session, "Hi", "Yo")
    assert not session.extend([Piece("late", 9)])
    assert session.finish_reply(Ending.ERROR) is None
    assert shown(session) == ["Hi", "Yo"]


def test_the_next_question_brings_the_replys_own_tokens() -> None:
    session = Session()
    answered(session, "Hi", "Yo", "!")
    assert session.begin_reply("Why?", Reply("m", 1))[1] == Turn(Role.ASSISTANT, "Yo!", (0, 1))


def test_another_models_reply_is_read_as_text() -> None:
    session = Session()
    answered(session, "Hi", "Yo")
    assert session.begin_reply("Why?", Reply("other", 1))[1] == Turn(Role.ASSISTANT, "Yo")


def test_a_reply_that_came_to_nothing_is_not_read() -> None:
    session = Session()
    answered(session, "Hi")
    assert [turn.text for turn in session.begin_reply("Hello?", Reply("m", 1))] == ["Hi", "Hello?"]


def test_a_retry_stands_beside_the_first_answer() -> None:
    session = Session()
    first = answered(session, "Hi", "Yo")
    assert session.retry(Reply("m", 2)) == first
    session.extend([Piece("Hello", 3)])
    assert shown(session) == ["Hi", "Hello"]
    assert [other.text for other in session.conversation.siblings(session.conversation.path()[-1])] == ["Yo", "Hello"]


def test_a_question_whose_answer_never_began_can_be_retried() -> None:
    session = Session()
    session.conversation.add_message(Role.USER, "Hi")
    assert session.retry(Reply("m", 1)) == (Turn(Role.USER, "Hi"),)


def test_an_edited_question_starts_a_branch() -> None:
    session = Session()
    answered(session, "One", "1")
    answered(session, "Two", "2")
    question = session.conversation.path()[2]
    assert [turn.text for turn in session.edit(question, "Three", Reply("m", 1))] == ["One", "1", "Three"]
    assert shown(session) == ["One", "1", "Three", ""]


class TestGoingOn:
    def stopped(self) -> Session:
        session = Session(system="Be brief.")
        session.begin_reply("Hello", Reply("phi", 1))
        session.extend([Piece("Hi, ", 10)])
        session.extend([Piece("you", 11)])
        session.finish_reply(Ending.CANCELLED)
        return session

    def test_the_reply_grows_where_it_ended(self) -> None:
        session = self.stopped()
        turns = session.continue_reply(Reply("phi", 2))
        assert [turn.text for turn in turns] == ["Be brief.", "Hello"]
        assert session.begun == Turn(Role.ASSISTANT, "Hi, you", (10, 11))
        session.extend([Piece(" there", 12)])
        reply = session.finish_reply(Ending.STOP)
        assert reply is not None
        assert reply.reply is not None
        assert (reply.text, reply.reply.tokens, reply.reply.seed) == ("Hi, you there", (10, 11, 12), 2)
        assert len(session.conversation.path()) == 2

    def test_another_model_goes_on_from_the_text(self) -> None:
        session = self.stopped()
        session.continue_reply(Reply("other", 2))
        assert session.begun == Turn(Role.ASSISTANT, "Hi, you")
        session.extend([Piece(" there", 5)])
        reply = session.finish_reply(Ending.STOP)
        assert reply is not None
        assert reply.reply is not None
        assert (reply.text, reply.reply.tokens, reply.reply.model) == ("Hi, you there", (), "other")

    def test_a_reply_without_a_word_begins(self) -> None:
        session = Session()
        session.begin_reply("Hello", Reply("phi", 1))
        session.finish_reply(Ending.CANCELLED)
        assert [turn.text for turn in session.continue_reply(Reply("other", 2))] == ["Hello"]
        assert session.begun is None
        session.extend([Piece("Hi", 5)])
        assert session.answering is not None
        assert session.answering.reply is not None
        assert session.answering.reply.tokens == (5,)

    def test_a_question_after_it_begins_anew(self) -> None:
        session = self.stopped()
        session.continue_reply(Reply("other", 2))
        session.finish_reply(Ending.STOP)
        session.begin_reply("And?", Reply("phi", 3))
        assert session.begun is None


class TestPinning:
    """A message that the model is always to remember."""

    def test_what_is_pinned_is_asked_for_as_such(self) -> None:
        session = Session(system="Be brief.")
        answered(session, "Hi", "Yo")
        hello = session.conversation.path()[0]
        pinned = session.set_pinned(hello.id, is_pinned=True)
        assert pinned == session.conversation.path()[0]
        assert [turn.is_pinned for turn in session.turns("m")] == [False, True, False]
        assert [turn.message for turn in session.turns("m")][1] == hello.id
        session.set_pinned(hello.id, is_pinned=False)
        assert not any(turn.is_pinned for turn in session.turns("m"))

    def test_a_reply_can_be_pinned_while_it_grows(self) -> None:
        session = Session()
        session.begin_reply("Hi", Reply("m", 1))
        session.extend([Piece("Y", 1)])
        begun = session.answering
        assert begun is not None
        session.set_pinned(begun.id, is_pinned=True)
        session.extend([Piece("o", 2)])
        finished = session.finish_reply(Ending.STOP)
        assert finished is not None
        assert (finished.text, finished.is_pinned) == ("Yo", True)

    def test_a_pinned_question_that_is_edited_stays_pinned(self) -> None:
        session = Session()
        answered(session, "Hi", "Yo")
        question = session.set_pinned(session.conversation.path()[0].id, is_pinned=True)
        assert question is not None
        turns = session.edit(question, "Hello", Reply("m", 2))
        assert turns == (Turn(Role.USER, "Hello", is_pinned=True),)

    def test_what_is_gone_is_not_pinned(self) -> None:
        assert Session().set_pinned("gone", is_pinned=True) is None


def thinking(text: str, token: int) -> Piece:
    return Piece(text, token, PieceKind.THINKING)


class TestThinking:
    """What a model thinks is kept beside the reply, and told from it."""

    def thought(self, *pieces: Piece, ending: Ending = Ending.STOP) -> Session:
        session, times = Session(), iter(range(100))
        session.clock = lambda: float(next(times))
        session.begin_reply("Hi", Reply("m", 1))
        for piece in pieces:
            session.extend([piece])
        session.finish_reply(ending)
        return session

    def test_it_has_its_own_text_tokens_and_time(self) -> None:
        session = self.thought(thinking("", 1), thinking("Hm", 2), thinking("", 3), Piece("Yo", 4), Piece("!", 5))
        message = session.conversation.path()[-1]
        assert (message.text, message.thinking) == ("Yo!", "Hm")
        assert message.reply is not None
        assert (message.reply.tokens, message.reply.thinking_tokens) == ((1, 2, 3, 4, 5), 3)
        assert message.reply.thinking_seconds == 3
        assert session.turns("m")[-1] == Turn(Role.ASSISTANT, "Yo!", (4, 5), thinking="Hm")
        assert session.turns("other")[-1] == Turn(Role.ASSISTANT, "Yo!", thinking="Hm")

    def test_it_goes_on_in_the_middle(self) -> None:
        session = self.thought(thinking("", 1), thinking("Hm", 2), ending=Ending.CANCELLED)
        assert session.continue_reply(Reply("m", 2)) == (Turn(Role.USER, "Hi"),)
        assert session.begun == Turn(Role.ASSISTANT, "", (1, 2), thinking="Hm")
        session.extend([thinking("m", 3), thinking("", 4), Piece("Yo", 5)])
        message = session.finish_reply(Ending.STOP)
        assert message is not None
        assert message.reply is not None
        assert (message.text, message.thinking, message.reply.tokens) == ("Yo", "Hmm", (1, 2, 3, 4, 5))
        assert message.reply.thinking_tokens == 4

    def test_a_thought_alone_is_no_turn(self) -> None:
        session = self.thought(thinking("Hm", 1), ending=Ending.CANCELLED)
        assert session.turns("m") == (Turn(Role.USER, "Hi"),)

    def test_an_answer_that_begins_within_a_token_has_no_ids_of_its_own(self) -> None:
        session = self.thought(thinking("Hm", 1), thinking("", 2), Piece("Y", -1), Piece("o", 3))
        assert session.turns("m")[-1] == Turn(Role.ASSISTANT, "Yo", (), thinking="Hm")

    def test_while_it_is_thought_there_is_no_answer(self) -> None:
        session = Session()
        session.begin_reply("Hi", Reply("m", 1))
        states = []
        for piece in (thinking("", 1), thinking("Hm", 2), Piece("Yo", 3)):
            session.extend([piece])
            states.append(session.conversation.path()[-1].is_thinking)
        assert states == [True, True, False]

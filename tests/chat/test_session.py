"""A conversation in progress."""

from dataclasses import replace

import pytest

from phichat.chat.candidates import Candidate, Choice
from phichat.chat.choice_table import ChoiceTable
from phichat.chat.conversation import Branch, Ending, Message, Piece, PieceKind, Reply, Role, Turn, TurnDocuments
from phichat.chat.session import Session
from phichat.chat.sources import Source, Sources
from phichat.chat.weighed_reply import WeighedReply, weighed_reply


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
        assert (reply.text, reply.reply.tokens, reply.reply.seed) == ("Hi, you there", (10, 11, 12), None)
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


BLUE, GREEN = Candidate(7, " blue", 0.6, 0.7), Candidate(8, " green", 0.3, 0.3)
OPEN = Choice(0.6, 0.7, 1, 1.5, (BLUE, GREEN))
SURE = Choice(1.0, 1.0, 1, 0.0, (Candidate(1, "It", 1.0, 1.0),))


class TestChoices:
    """What the model weighed is kept with a reply."""

    def told(self, *pieces: Piece) -> tuple[Session, Message]:
        session = Session()
        session.begin_reply("Hi", Reply("m", 1))
        for piece in pieces:
            session.extend([piece])
        message = session.finish_reply(Ending.LENGTH)
        assert message
        return session, message

    def weighed(self, message: Message) -> WeighedReply:
        found = weighed_reply(message)
        assert found
        return found

    def choices(self, message: Message) -> list[float | None]:
        return [token.choice.entropy if token.choice else None for token in self.weighed(message).tokens]

    def test_they_are_kept(self) -> None:
        _, message = self.told(Piece("It", 1, choice=SURE), Piece(" blue", 7, choice=OPEN))
        assert self.choices(message) == [0, 1.5]

    def test_without_any_nothing_is(self) -> None:
        _, message = self.told(Piece("It", 1), Piece(" blue", 7))
        assert message.reply
        assert message.reply.choices == b""

    def test_they_begin_where_the_model_first_tells(self) -> None:
        _, message = self.told(Piece("Hm", 3, PieceKind.THINKING), Piece("It", 1), Piece(" blue", 7, choice=OPEN))
        assert self.choices(message) == [None, 1.5]

    @pytest.mark.parametrize("tells", [True, False])
    def test_those_of_a_reply_that_is_continued_stay(self, tells: bool) -> None:
        session, _ = self.told(Piece("It", 1, choice=SURE), Piece(" blue", 7, choice=OPEN))
        session.continue_reply(Reply("m", 1))
        session.extend([Piece("!", 9, choice=SURE if tells else None)])
        message = session.finish_reply(Ending.STOP)
        assert message
        assert self.choices(message) == [0, 1.5, 0 if tells else None]

    def test_a_reply_without_can_be_continued_with_some(self) -> None:
        session, _ = self.told(Piece("It", 1), Piece(" is", 2))
        session.continue_reply(Reply("m", 1))
        session.extend([Piece(" blue", 7, choice=OPEN)])
        message = session.finish_reply(Ending.STOP)
        assert message
        assert self.choices(message) == [None, 1.5]
        weighed = self.weighed(message)
        assert weighed.ids_before(weighed.tokens[1], (1, 2, 7)) == (1, 2)
        assert weighed.ids_before(weighed.tokens[1]) == ()

    def test_another_version_has_its_own(self) -> None:
        session, _ = self.told(Piece("It", 1, choice=SURE))
        session.retry(Reply("m", 2))
        session.extend([Piece("No", 4)])
        message = session.finish_reply(Ending.STOP)
        assert message
        assert message.reply
        assert message.reply.choices == b""


class TestBranches:
    """A version of a reply that goes on with another word."""

    def sky(self, *before: Piece, **changes: object) -> tuple[Session, Message, WeighedReply]:
        session = Session()
        session.begin_reply("Why?", Reply("m", 1))
        session.extend(
            [*before, Piece("Sky", 1, choice=SURE), Piece(" blue", 7, choice=OPEN), Piece(".", 9, choice=SURE)]
        )
        message = session.finish_reply(Ending.STOP)
        assert message
        assert message.reply
        if changes:
            reply = replace(message.reply, **changes)  # type: ignore[arg-type]
            message = session.conversation.replace_message(message, reply=reply)
        weighed = weighed_reply(message)
        assert weighed
        return session, message, weighed

    def test_it_begins_as_the_other_and_goes_on_with_the_word(self) -> None:
        session, message, weighed = self.sky()
        turns = session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], GREEN)
        assert turns == (Turn(Role.USER, "Why?"),)
        assert session.begun == Turn(Role.ASSISTANT, "Sky", (1,))
        assert session.forced == (8,)
        session.extend([Piece(" green", 8), Piece("!", 3, choice=SURE)])
        branch = session.finish_reply(Ending.STOP)
        assert branch
        assert branch.reply
        assert (branch.text, branch.reply.tokens, branch.reply.seed) == ("Sky green!", (1, 8, 3), None)
        assert branch.reply.branched_from == Branch(message.id, 3, " green", " blue")
        assert shown(session) == ["Why?", "Sky green!"]
        assert [each.text for each in session.conversation.siblings(branch)] == ["Sky blue.", "Sky green!"]

    def test_it_knows_what_was_weighed_at_its_words(self) -> None:
        session, message, weighed = self.sky()
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], GREEN)
        session.extend([Piece(" green", 8), Piece("!", 3, choice=SURE)])
        branch = session.finish_reply(Ending.STOP)
        found = weighed_reply(branch) if branch else None
        assert found
        first, green, last = [token.choice for token in found.tokens]
        assert first
        assert last
        assert green
        assert (green.rank, green.entropy, len(green.candidates)) == (2, 1.5, 2)
        assert green.probability == pytest.approx(0.3, abs=5e-4)

    def test_a_branch_that_is_stopped_and_continued_knows_where_it_branched(self) -> None:
        session, message, weighed = self.sky()
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], GREEN)
        session.extend([Piece(" green", 8)])
        session.finish_reply(Ending.CANCELLED)
        session.continue_reply(Reply("m", 5))
        assert session.begun == Turn(Role.ASSISTANT, "Sky green", (1, 8))
        assert session.forced == ()
        assert session.answering
        assert session.answering.reply
        assert session.answering.reply.branched_from

    def test_thinking_stays(self) -> None:
        thoughts = Piece("Hm", 4, PieceKind.THINKING), Piece("", 5, PieceKind.THINKING)
        session, message, weighed = self.sky(*thoughts)
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], GREEN)
        assert session.begun == Turn(Role.ASSISTANT, "Sky", (4, 5, 1), thinking="Hm")
        session.extend([Piece(" green", 8)])
        branch = session.finish_reply(Ending.STOP)
        assert branch
        assert branch.reply
        assert (branch.thinking, branch.reply.thinking_tokens, branch.reply.tokens) == ("Hm", 2, (4, 5, 1, 8))
        assert session.turns("m")[-1].tokens == (1, 8)

    def test_one_of_another_model_goes_on_from_what_the_present_one_read(self) -> None:
        """Its tokens are those of the model that reads it."""
        session, message, _ = self.sky(model="gone", tokens=(50, 51, 52))
        assert message.reply
        weighed = weighed_reply(message, message.reply.choices, "m")
        assert weighed
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], GREEN)
        assert session.begun == Turn(Role.ASSISTANT, "Sky", (1,))
        assert session.answering
        assert session.answering.reply
        assert session.answering.reply.tokens == (1,)

    def test_one_of_a_reply_that_has_lost_its_tokens(self) -> None:
        session, message, _ = self.sky()
        table = ChoiceTable()
        table.add(3, PieceKind.TEXT)
        table.add(5, PieceKind.TEXT, 7, OPEN)
        table.add(1, PieceKind.TEXT, 9, SURE)
        assert message.reply
        reply = replace(message.reply, choices=table.pack(), tokens=())
        message = session.conversation.replace_message(message, reply=reply)
        weighed = weighed_reply(message)
        assert weighed
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], GREEN)
        assert session.begun == Turn(Role.ASSISTANT, "Sky", ())
        session.extend([Piece(" green", 8)])
        branch = session.finish_reply(Ending.STOP)
        assert branch
        assert branch.reply
        assert (branch.text, branch.reply.tokens) == ("Sky green", ())

    def test_one_of_a_model_on_another_computer_goes_on_from_the_text(self) -> None:
        """Which tells no ids."""
        blue, green = replace(BLUE, token=-1, after=0.0), replace(GREEN, token=-1, after=0.0)
        choice = Choice(0.6, 0.0, 1, 1.5, (blue, green))
        session = Session()
        session.begin_reply("Why?", Reply("m", 1))
        session.extend([Piece("Sky", choice=choice), Piece(" blue", choice=choice)])
        message = session.finish_reply(Ending.STOP)
        weighed = weighed_reply(message) if message else None
        assert message
        assert weighed
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[1], green)
        assert (session.begun, session.forced) == (Turn(Role.ASSISTANT, "Sky green"), ())
        session.extend([Piece("!", choice=choice)])
        branch = session.finish_reply(Ending.STOP)
        found = weighed_reply(branch) if branch else None
        assert found
        assert found.text == "Sky green!"
        assert [token.choice and token.choice.rank for token in found.tokens] == [1, 2, 1]

    def test_one_at_the_first_word(self) -> None:
        session, message, weighed = self.sky()
        session.branch_reply(Reply("m", 5), message, weighed, weighed.tokens[0], SURE.candidates[0])
        session.extend([Piece("It", 1)])
        branch = session.finish_reply(Ending.STOP)
        assert branch
        assert branch.reply
        assert (branch.text, branch.reply.tokens) == ("It", (1,))

    def test_what_comes_before_a_version_that_is_not_shown(self) -> None:
        session, message, _ = self.sky()
        session.retry(Reply("m", 2))
        session.finish_reply(Ending.STOP)
        session.begin_reply("And?", Reply("m", 3))
        assert session.turns_before(message, "m") == (Turn(Role.USER, "Why?"),)


def test_what_was_found_for_a_question_is_read_with_it_and_no_part_of_it() -> None:
    session = Session()
    session.begin_reply("How often?", Reply("tiny"))
    turns = session.set_sources(Sources(("manual.pdf",), (Source("/a/manual.pdf", "Rinse it weekly.", page=3),)))
    session.finish_reply(Ending.STOP)
    assert turns[-1].text.startswith("[1] manual.pdf, p. 3:\n```\nRinse it weekly.\n```")
    assert turns[-1].documents == TurnDocuments("How often?", (("manual.pdf, p. 3", "Rinse it weekly."),))
    assert session.conversation.path()[0].text == "How often?"
    assert session.retry(Reply("tiny"))[-1] == turns[-1]  # another version is about the same passages


def test_what_is_found_later_is_for_another_version_of_the_question() -> None:
    session = Session()
    early, late = (Source(f"/a/{name}.pdf", name) for name in ("early", "late"))
    session.begin_reply("How often?", Reply("tiny"))
    session.set_sources(Sources(("Work",), (early,), unfinished=("Work",)))
    session.finish_reply(Ending.CANCELLED)
    session.retry(Reply("tiny"), may_find_more=bool)  # nothing was written about those passages
    session.set_sources(Sources(("Work",), (early,), unfinished=("Work",)))
    session.extend([Piece("Often.")])
    session.finish_reply(Ending.STOP)
    question, answer = session.conversation.path()
    assert len(session.conversation.siblings(question)) == 1
    session.retry(Reply("tiny"), answer, may_find_more=bool)
    turns = session.set_sources(Sources(("Work",), (late, early)))
    assert turns[-1].text.startswith("[1] late.pdf:")
    assert session.turns_before(answer, "tiny")[-1].text.startswith("[1] early.pdf:")

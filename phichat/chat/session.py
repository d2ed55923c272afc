"""A conversation in progress: questions, replies that grow by pieces, retries and edits."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from phichat.chat.attachments import Attachments, with_attachments
from phichat.chat.candidates import Candidate, Choice
from phichat.chat.choice_table import ChoiceTable
from phichat.chat.conversation import (
    Branch,
    Conversation,
    Ending,
    Message,
    Piece,
    PieceKind,
    Reply,
    Role,
    Turn,
    TurnDocuments,
    text_of,
    thinking_of,
    tokens_of,
)
from phichat.chat.sampling import Sampling
from phichat.chat.sources import Sources, read_texts, with_sources
from phichat.chat.weighed_reply import GrowingReply, WeighedReply, WeighedToken, weighed_reply


class Session:
    """A conversation with its settings, its draft and the reply being generated.

    Attributes:
        conversation: the messages.
        system: the system prompt; empty for none.
        sampling: the settings of the next reply.
        answering: the reply being generated, or None.
        begun: the part of it that was there before, if it is being continued, or branches off another; else None.
        forced: the tokens it goes on with, whatever the model would choose.
        beside: sessions of the same conversation in which other versions of it grow at the same time; mostly none.
        model: the name of the model last used; empty for none.
        draft: the text in the composer.
        attached: the attachments of the draft.
        is_temporary: whether nothing of it is saved.
        clock: returns seconds, by which thinking is timed.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, conversation: Conversation | None = None, system: str = "") -> None:
        self.conversation = conversation or Conversation()
        self.system = system
        self.sampling = Sampling()
        self.answering: Message | None = None
        self.begun: Turn | None = None
        self.forced: tuple[int, ...] = ()
        self.beside: tuple[Session, ...] = ()
        self.model = ""
        self.draft = ""
        self.attached: Attachments = ()
        self.is_temporary = False
        self._thinking_since: float | None = None
        self._has_lost_ids = False
        self._choices: ChoiceTable | None = None
        self._growing: GrowingReply | None = None
        self._chosen: Choice | None = None

    def is_answering(self) -> bool:
        """Return whether a reply is being generated, or a version of it beside."""
        return any(each.answering for each in (self, *self.beside))

    def begin_reply(
        self,
        text: str,
        reply: Reply,
        *,
        attachments: Attachments = (),
        is_pinned: bool = False,
        sources: Sources | None = None,
    ) -> tuple[Turn, ...]:
        """Add the user's message and an empty `reply` to it; return the turns to answer."""
        self.conversation.add_message(Role.USER, text, is_pinned=is_pinned, attachments=attachments, sources=sources)
        return self._open_reply(reply)

    def retry(
        self,
        reply: Reply,
        message: Message | None = None,
        *,
        may_find_more: Callable[[Sources], bool] = lambda _: False,
    ) -> tuple[Turn, ...]:
        """Add another empty `reply` beside `message`, or the last one; return the turns to answer.

        If the question is searched for again and that `may_find_more` than it has, add `reply` to another version of
        the question: what is found now must not take the place of the passages that other answers are about.
        """
        again = message or self.conversation.path()[-1]
        if again.role is not Role.ASSISTANT:
            return self._open_reply(reply)
        self.conversation.go_back_before(again)
        question = self.conversation.message(again.parent or "")
        found = question.sources if question else None
        if question and found and may_find_more(found) and self._has_answers(again):
            return self.edit(question, question.text, reply, sources=found)
        return self._open_reply(reply)

    def _has_answers(self, message: Message) -> bool:
        """Return whether anything was written in a version of the answer `message`."""
        return any(each.text for each in self.conversation.siblings(message))

    def open_version(self, reply: Reply) -> None:
        """Add another empty `reply` beside the one being generated, which stays on the shown path; see `beside`."""
        if self.answering is None:
            return
        conversation, shown = self.conversation, self.conversation.tip
        other = Session(conversation, self.system)
        other.is_temporary = self.is_temporary
        conversation.go_back_before(self.answering)
        other._open_reply(reply)
        conversation.tip = shown
        self.beside = (*self.beside, other)

    def continue_reply(self, reply: Reply) -> tuple[Turn, ...]:
        """Continue the last reply where it ended: return the turns it answers, and set `begun` to what there is."""
        last = self.conversation.path()[-1]
        old = last.reply or Reply()
        is_begun = bool(last.text or old.thinking)
        tokens = old.tokens if old.model == reply.model else ()
        turns = self.turns(reply.model)[: -1 if last.text else None]
        self.begun = Turn(Role.ASSISTANT, last.text, tokens, thinking=old.thinking) if is_begun else None
        if is_begun:
            reply = replace(
                reply,
                tokens=tokens,
                thinking=old.thinking,
                thinking_tokens=old.thinking_tokens,
                thinking_seconds=old.thinking_seconds,
                branched_from=old.branched_from,
            )
        self._thinking_since, self._has_lost_ids = None, is_begun and not tokens
        self.forced, self.beside, self._chosen, self._choices = (), (), None, _stored_choices(last)
        self.answering = self.conversation.replace_message(last, reply=reply)
        if is_begun:
            self.forget_seed()
        return turns

    def branch_reply(
        self, reply: Reply, message: Message, weighed: WeighedReply, place: WeighedToken, candidate: Candidate
    ) -> tuple[Turn, ...]:
        """Add a sibling of the reply `message` that begins as that does before `place`, and goes on with `candidate`.

        Return the turns to answer; `begun` and `forced` are set.
        """
        old, text = message.reply or Reply(), message.text[: place.start]
        table, chosen = weighed.table.first(place.number), _choice_of(candidate, place.choice)
        if candidate.token < 0:  # of a model on another computer
            text += candidate.text
            table.add(len(candidate.text), PieceKind.TEXT, choice=chosen)
        is_own = weighed.model == old.model
        ids = weighed.ids_before(place, old.tokens if is_own else ())
        has_ids = bool(ids) and (bool(old.tokens) if is_own else not weighed.begins_within_token)
        begun = replace(
            reply,
            tokens=ids if has_ids else (),
            thinking=old.thinking,
            thinking_tokens=old.thinking_tokens if is_own else weighed.thinking_tokens,
            thinking_seconds=old.thinking_seconds,
            branched_from=Branch(message.id, place.start, candidate.text, weighed.text_of(place)),
        )
        self.conversation.go_back_before(message)
        turns = self._open_reply(begun, text)
        self.begun, self._choices = Turn(Role.ASSISTANT, text, ids, thinking=old.thinking), table
        self._has_lost_ids = bool(text or old.thinking) and not has_ids
        if candidate.token >= 0:
            self.forced, self._chosen = (candidate.token,), chosen
        self.forget_seed()
        return turns

    def forget_seed(self) -> None:
        """Note that no seed reproduces the reply being generated, as one that is continued."""
        if self.answering and self.answering.reply:
            reply = self.answering.reply
            sampling = {name: value for name, value in reply.sampling.items() if name != "seed"}
            self.answering = self.conversation.replace_message(
                self.answering, reply=replace(reply, seed=None, sampling=sampling)
            )

    def edit(
        self,
        message: Message,
        text: str,
        reply: Reply,
        attachments: Attachments | None = None,
        sources: Sources | None = None,
    ) -> tuple[Turn, ...]:
        """Add `text` as a sibling of the user's `message`, pinned as that is, and an empty `reply` to it.

        Its attachments are those of `message` unless others are given. Return the turns to answer.
        """
        self.conversation.go_back_before(message)
        files = message.attachments if attachments is None else attachments
        return self.begin_reply(text, reply, attachments=files, is_pinned=message.is_pinned, sources=sources)

    def set_sources(self, sources: Sources) -> tuple[Turn, ...]:
        """Set what was found for the question that the reply under way answers; return the turns to answer."""
        reply, question = self.answering, self.answered_question()
        if reply is None or question is None:
            return ()
        self.conversation.replace_message(question, sources=sources)
        return self.turns_before(reply, reply.reply.model if reply.reply else "")

    def answered_question(self) -> Message | None:
        """Return the message that the reply under way answers, whichever version is shown; None if there is none."""
        before = self.conversation.path_before(self.answering) if self.answering else []
        return before[-1] if before else None

    def set_pinned(self, name: str, *, is_pinned: bool) -> Message | None:
        """Pin or unpin the message with the id `name` and return it as it is now; None if there is none."""
        message = self.conversation.message(name)
        if message is None:
            return None
        changed = self.conversation.replace_message(message, is_pinned=is_pinned)
        for each in (self, *self.beside):
            if each.answering and each.answering.id == name:
                each.answering = changed
        return changed

    def extend(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """Append `pieces` to the reply being generated; return them as they are to be saved, none if there is none.

        They lose their ids if the reply continues text without ids, or if its answer begins in the middle of a token,
        as the ids of a part are of no use.
        """
        if self.answering is None or self.answering.reply is None:
            return ()
        reply = self._add_thinking(self.answering.reply, pieces)
        if reply.thinking_tokens and not self.answering.text and _begins_within_token(pieces):
            self._has_lost_ids, reply = True, replace(reply, tokens=())
        self._note_choices(pieces)
        if self._has_lost_ids:
            pieces = [replace(piece, token=-1) for piece in pieces]
        text = self.answering.text + text_of(pieces)
        reply = replace(reply, tokens=reply.tokens + tokens_of(pieces))
        self.answering = self.conversation.replace_message(self.answering, text=text, reply=reply)
        return pieces

    def weighed_so_far(self) -> WeighedReply | None:
        """Return what was weighed in the reply being generated; None if nothing was."""
        answering, table = self.answering, self._choices
        if answering is None or answering.reply is None or table is None:
            return None
        if self._growing is None or self._growing.table is not table:
            self._growing = GrowingReply(table, answering.reply.model)
        return self._growing.update(answering.text)

    def _note_choices(self, pieces: Sequence[Piece]) -> None:
        """Add what was weighed at the tokens of `pieces` to the table, which begins with the first that tells."""
        if self._choices is None and self.answering and any(piece.choice for piece in pieces):
            self._choices = _table_after(self.answering)
        for piece in pieces if self._choices is not None else ():
            chosen = None
            if piece.token >= 0:
                chosen, self._chosen = self._chosen, None
            if self._choices is not None:
                self._choices.add_piece(replace(piece, choice=piece.choice or chosen))

    def _add_thinking(self, reply: Reply, pieces: Sequence[Piece]) -> Reply:
        """Return `reply` with the thinking in `pieces`, and the time it took."""
        thoughts = [piece for piece in pieces if piece.is_thinking]
        if not thoughts and self._thinking_since is None:
            return reply
        now = self.clock()
        since = now if self._thinking_since is None else self._thinking_since
        self._thinking_since = None if text_of(pieces) else now
        return replace(
            reply,
            thinking=reply.thinking + thinking_of(thoughts),
            thinking_tokens=reply.thinking_tokens + len(tokens_of(thoughts)),
            thinking_seconds=reply.thinking_seconds + now - since,
        )

    def finish_reply(self, ending: Ending, statistics: Mapping[str, Any] | None = None, **made: Any) -> Message | None:
        """End the reply being generated and return it; None if there is none. `made` are further fields of Reply."""
        finished, self.answering = self.answering, None
        if finished is None or finished.reply is None:
            return None
        if self._choices is not None:
            made["choices"] = self._choices.pack()
            self._choices = self._growing = None
        figures = dict(statistics or {})
        if finished.reply.seed is None:  # see forget_seed
            figures.pop("seed", None)
        return self.conversation.replace_message(
            finished, reply=replace(finished.reply, ending=ending, statistics=figures, **made)
        )

    def turns(self, model: str) -> tuple[Turn, ...]:
        """Return what `model` reads: the system prompt and the shown path, without empty messages.

        A reply that `model` generated itself comes with its tokens, so that the KV cache still matches.
        """
        return self._turns(self.conversation.path(), model)

    def turns_before(self, message: Message, model: str) -> tuple[Turn, ...]:
        """Return what `model` reads before it writes the reply `message`, as `turns`."""
        return self._turns(self.conversation.path_before(message), model)

    def _turns(self, path: Sequence[Message], model: str) -> tuple[Turn, ...]:
        system = [Turn(Role.SYSTEM, self.system)] if self.system.strip() else []
        said = [message for message in path if message.text or message.attachments]
        repeats, giver = _whole_documents(said)
        turns = (
            _turn(message, model, has_sources=message.id not in repeats, is_giver=message.id == giver)
            for message in said
        )
        return (*system, *turns)

    def _open_reply(self, reply: Reply, text: str = "") -> tuple[Turn, ...]:
        turns = self.turns(reply.model)
        self.begun, self._thinking_since, self._has_lost_ids = None, None, False
        self.forced, self.beside, self._chosen, self._choices = (), (), None, None
        self.answering = self.conversation.add_message(Role.ASSISTANT, text, reply)
        return turns


def _whole_documents(path: Sequence[Message]) -> tuple[set[str], str]:
    """Return the messages whose documents an earlier message gives, and which one gives those of the last; as ids."""
    givers: dict[Sources, str] = {}
    repeats, giver = set[str](), ""
    for message in path:
        if message.sources and message.sources.is_whole:
            giver = givers.setdefault(message.sources, message.id)
            if giver != message.id:
                repeats.add(message.id)
    return repeats, giver


def _turn(message: Message, model: str, *, has_sources: bool, is_giver: bool) -> Turn:
    """Return a message as the model reads it. What gives whole documents to later questions stays in the context."""
    own = message.reply is not None and message.reply.model == model
    tokens = message.reply.tokens[message.reply.thinking_tokens :] if own and message.reply else ()
    sources = message.sources if has_sources else None
    text = with_attachments(with_sources(message.text, sources) if sources else message.text, message.attachments)
    documents = None
    if sources and sources.passages:
        question = with_attachments(message.text, message.attachments)
        documents = TurnDocuments(question, tuple(read_texts(sources)))
    return Turn(message.role, text, tokens, message.is_pinned or is_giver, message.id, message.thinking, documents)


def sampling_of(message: Message) -> Sampling:
    """Return the settings with which an answer was written."""
    reply = message.reply or Reply()
    return Sampling().with_values({**reply.sampling, "seed": reply.seed})


def _begins_within_token(pieces: Sequence[Piece]) -> bool:
    """Return whether the answer begins in the middle of a token, whose id then counts as thinking."""
    first = next((piece for piece in pieces if piece.text and not piece.is_thinking), None)
    return first is not None and first.token < 0


def _stored_choices(message: Message) -> ChoiceTable | None:
    """Return what is stored of a reply; None if there is nothing that fits its text."""
    weighed = weighed_reply(message)
    return weighed.table if weighed else None


def _table_after(message: Message) -> ChoiceTable:
    """Return a table for a reply of which nothing is known so far but its length."""
    table = ChoiceTable()
    for text, kind in ((message.thinking, PieceKind.THINKING), (message.text, PieceKind.TEXT)):
        if text:
            table.add(len(text), kind)
    return table


def _choice_of(candidate: Candidate, choice: Choice | None) -> Choice | None:
    """Return `choice` as if `candidate` had been chosen."""
    found = [(each.token, each.text) for each in choice.candidates] if choice else []
    if choice is None or (candidate.token, candidate.text) not in found:
        return None
    rank = found.index((candidate.token, candidate.text)) + 1
    return Choice(candidate.before, candidate.after, rank, choice.entropy, choice.candidates)

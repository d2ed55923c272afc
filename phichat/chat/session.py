"""One conversation in progress: a question begins, pieces arrive, the reply ends; stopped, retried or edited."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from phichat.chat.attachments import Attachments, with_attachments
from phichat.chat.conversation import Conversation, Ending, Message, Piece, Reply, Role, Turn, text_of, tokens_of
from phichat.chat.sampling import Sampling


class Session:
    """Keeps a conversation's messages true to what happens.

    Attributes:
        conversation: the messages.
        system: the system prompt; empty for none.
        sampling: the settings of the next reply.
        answering: the reply being made, or None.
        begun: what there was of it before it was asked for, to go on from; mostly None.
        model: the name of the model it was last held with; empty for none.
        draft: what the person was writing.
        attached: the files that are to go with it.
        is_temporary: whether nothing of it is to be kept.
    """

    def __init__(self, conversation: Conversation | None = None, system: str = "") -> None:
        self.conversation = conversation or Conversation()
        self.system = system
        self.sampling = Sampling()
        self.answering: Message | None = None
        self.begun: Turn | None = None
        self.model = ""
        self.draft = ""
        self.attached: Attachments = ()
        self.is_temporary = False

    def begin_reply(
        self, text: str, reply: Reply, *, attachments: Attachments = (), is_pinned: bool = False
    ) -> tuple[Turn, ...]:
        """Add the person's message, and `reply`, which has no text yet; the turns to answer."""
        self.conversation.add_message(Role.USER, text, is_pinned=is_pinned, attachments=attachments)
        return self._open(reply)

    def retry(self, reply: Reply, message: Message | None = None) -> tuple[Turn, ...]:
        """Answer the question again that `message`, or else the last one, answers; beside the reply there is."""
        again = message or self.conversation.path()[-1]
        if again.role is Role.ASSISTANT:
            self.conversation.go_back_before(again)
        return self._open(reply)

    def continue_reply(self, reply: Reply) -> tuple[Turn, ...]:
        """Take up the last reply where it ended; the turns that it answers, and `begun` for what there is of it."""
        last = self.conversation.path()[-1]
        old = last.reply or Reply()
        tokens = old.tokens if old.model == reply.model or not last.text else ()
        turns = self.turns(reply.model)[: -1 if last.text else None]
        self.begun = Turn(Role.ASSISTANT, last.text, tokens) if last.text else None
        self.answering = self.conversation.replace_message(last, reply=replace(reply, tokens=tokens))
        return turns

    def edit(
        self, message: Message, text: str, reply: Reply, attachments: Attachments | None = None
    ) -> tuple[Turn, ...]:
        """Say `text` instead of the person's `message`, beside it and pinned as that is, and answer it.

        Its files stay with it unless there are other `attachments`.
        """
        self.conversation.go_back_before(message)
        files = message.attachments if attachments is None else attachments
        return self.begin_reply(text, reply, attachments=files, is_pinned=message.is_pinned)

    def set_pinned(self, name: str, *, is_pinned: bool) -> Message | None:
        """Have the message whose id is `name` stay in the prompt, or no longer; as it is now. None if it is gone."""
        message = self.conversation.message(name)
        if message is None:
            return None
        changed = self.conversation.replace_message(message, is_pinned=is_pinned)
        if self.answering and self.answering.id == name:
            self.answering = changed
        return changed

    def extend(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """Add `pieces` to the reply being made; return them as they are to be stored, none if no reply is being made.

        They lose their ids where the reply goes on from text without any: ids of a part are of no use.
        """
        if self.answering is None or self.answering.reply is None:
            return ()
        if self.begun and not self.begun.tokens:
            pieces = [replace(piece, token=-1) for piece in pieces]
        text, reply = self.answering.text + text_of(pieces), self.answering.reply
        reply = replace(reply, tokens=reply.tokens + tokens_of(pieces))
        self.answering = self.conversation.replace_message(self.answering, text=text, reply=reply)
        return pieces

    def finish_reply(self, ending: Ending, statistics: Mapping[str, Any] | None = None, **made: Any) -> Message | None:
        """The reply is over; the reply as it stays. None if none was being made. `made`: more of what Reply knows."""
        finished, self.answering = self.answering, None
        if finished is None or finished.reply is None:
            return None
        return self.conversation.replace_message(
            finished, reply=replace(finished.reply, ending=ending, statistics=dict(statistics or {}), **made)
        )

    def turns(self, model: str) -> tuple[Turn, ...]:
        """What `model` is to read: the system prompt and the shown path, without replies that came to nothing.

        A reply that `model` made itself is given as the tokens it was made of, so that it is found in memory.
        """
        system = [Turn(Role.SYSTEM, self.system)] if self.system.strip() else []
        said = (message for message in self.conversation.path() if message.text or message.attachments)
        return (*system, *(_turn(message, model) for message in said))

    def _open(self, reply: Reply) -> tuple[Turn, ...]:
        turns = self.turns(reply.model)
        self.begun = None
        self.answering = self.conversation.add_message(Role.ASSISTANT, "", reply)
        return turns


def _turn(message: Message, model: str) -> Turn:
    own = message.reply is not None and message.reply.model == model
    tokens = message.reply.tokens if own and message.reply else ()
    text = with_attachments(message.text, message.attachments)
    return Turn(message.role, text, tokens, message.is_pinned, message.id)

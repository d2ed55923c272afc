"""Exceptions whose text is one sentence that a user can act on.

    PhichatError
     ├── ModelError               a model file cannot be used
     │    ├── ModelMissing        it is not there (any more), or may not be read
     │    ├── NotAModel           it is something else
     │    ├── ModelDamaged        it is incomplete, or its content is invalid
     │    ├── ModelUnsupported    this llama.cpp does not support it
     │    └── ModelTooLarge       it does not fit into this computer's memory
     ├── EngineError              the model could not answer
     │    ├── EngineDied          its process ended: crash, kill, or lack of memory
     │    ├── PromptError         the prompt is empty
     │    │    └── PromptTooLong  the prompt does not fit into the context
     │    │         ├── SystemPromptTooLong  even without the conversation
     │    │         ├── AnswerTooLong        because of the answer that goes on
     │    │         └── PinsTooLong          because of the pinned messages
     │    └── ServerError         a model on a server could not answer
     │         ├── ServerUnreachable  no connection could be made, or it was lost
     │         ├── ServerRefused  the server wants a key, or another one
     │         └── ServerBusy     it asks to wait
     ├── HubError                 a model file could not be downloaded
     │    ├── HubUnreachable      temporary: the connection, or the server; trying again may help
     │    │    └── HubAway        no connection could be made: nothing was sent
     │    └── HubRefused          permanent: it may not be read, or cannot be trusted
     │         ├── HubMissing     there is no such file
     │         └── HubForbidden   it is gated or private
     ├── DocumentError            a document could not be read
     │    ├── DocumentLocked      it wants its password
     │    ├── DocumentDamaged     its content is invalid
     │    ├── DocumentTooLarge    it is larger than what is read
     │    ├── DocumentUnreachable temporary: the disk or the system failed; trying again may help
     │    └── DocumentUnsupported it is of a kind that is not read
     └── StoreError               settings, history or a model could not be read or written

Every text says what happened, to what, and what to do next, in the user's language.
"""


class PhichatError(Exception):
    """Base class of all errors whose text is meant for users."""


class ModelError(PhichatError):
    """A model file cannot be used."""


class ModelMissing(ModelError):
    """The file is not there, or may not be read."""


class NotAModel(ModelError):
    """The file is not a GGUF model."""


class ModelDamaged(ModelError):
    """The file is incomplete, or its content is invalid."""


class ModelUnsupported(ModelError):
    """This llama.cpp does not support the model."""


class ModelTooLarge(ModelError):
    """The model does not fit into this computer's memory."""


class EngineError(PhichatError):
    """The model could not answer."""


class EngineDied(EngineError):
    """The process that runs the model ended."""


class PromptError(EngineError):
    """The prompt is empty."""


class PromptTooLong(PromptError):
    """What has to stay of the prompt does not fit.

    Attributes:
        tokens: how many tokens that is.
        excess: how many tokens too many the last question alone has, with the system prompt.
        is_least: whether both are only lower bounds, as it is much too long to be counted.
    """

    def __init__(self, sentence: str, tokens: int = 0, excess: int = 0, *, is_least: bool = False) -> None:
        super().__init__(sentence)
        self.tokens, self.excess, self.is_least = tokens, excess, is_least


class SystemPromptTooLong(PromptTooLong):
    """The system prompt alone does not fit, whatever the message is."""


class AnswerTooLong(PromptTooLong):
    """The answer that goes on, or is read again, does not fit; the message would without it."""


class PinsTooLong(PromptTooLong):
    """The pinned messages do not fit; the message would without them."""


class ServerError(EngineError):
    """A model on a server could not answer, or what is at the address is no such server."""


class ServerUnreachable(ServerError):
    """No connection could be made, or it was lost; trying again may help."""


class ServerRefused(ServerError):
    """The server wants a key, or another one."""


class ServerBusy(ServerError):
    """The server asks to wait. `retry_after` is how many seconds; 0 if it does not say."""

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class HubError(PhichatError):
    """A model file could not be downloaded."""


class HubUnreachable(HubError):
    """A temporary failure. `retry_after` is how many seconds the server asks to wait; 0 if it does not say."""

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class HubAway(HubUnreachable):
    """No connection could be made, so nothing was sent."""


class HubRefused(HubError):
    """A permanent failure: trying again gives the same result.

    Attributes:
        wants_token: whether an access token of the Hub, or another one, may help.
        page: the web page on which one agrees to the terms of the model; mostly empty.
    """

    def __init__(self, sentence: str, *, wants_token: bool = False, page: str = "") -> None:
        super().__init__(sentence)
        self.wants_token, self.page = wants_token, page


class HubMissing(HubRefused):
    """The Hub has no such file or repository."""


class HubForbidden(HubRefused):
    """The file is gated or private, or the Hub does not publish what it takes to verify it."""


class DocumentError(PhichatError):
    """A document could not be read."""


class DocumentLocked(DocumentError):
    """The document wants a password, or another one than was given."""


class DocumentDamaged(DocumentError):
    """The content of the document is invalid."""


class DocumentTooLarge(DocumentError):
    """The document, or what it unpacks to, is larger than what is read."""


class DocumentUnreachable(DocumentError):
    """The disk or the system kept the document from being read, whatever its content is; trying again may help."""


class DocumentUnsupported(DocumentError):
    """The document is of a kind that is not read."""


class StoreError(PhichatError):
    """Settings, history or a model could not be read or written."""


def error_class(name: str) -> type[PhichatError]:
    """Return the error class called `name`, so that an error keeps its class across a pipe; the base if none."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, PhichatError) else PhichatError

"""What can go wrong, as exceptions whose text is one sentence a person can act on.

    PhichatError
     ├── ModelError               a model file cannot be used
     │    ├── ModelMissing        it is not there (any more), or may not be read
     │    ├── NotAModel           it is something else
     │    ├── ModelDamaged        it is incomplete, or its contents make no sense
     │    ├── ModelUnsupported    of a kind that this llama.cpp does not know
     │    └── ModelTooLarge       it does not fit into this computer's memory
     ├── EngineError              the model could not answer
     │    ├── EngineDied          its process ended: crash, kill, or lack of memory
     │    └── PromptError         there is nothing to read
     │         └── PromptTooLong  there is more than the context holds
     ├── HubError                 a model file could not be fetched
     │    ├── HubUnreachable      for now: the line, a server in trouble; trying again may help
     │    │    └── HubAway        nobody was there: nothing was sent
     │    └── HubRefused          for good: it may not be read, or cannot be trusted
     │         ├── HubMissing     it is not there
     │         └── HubForbidden   it is not for everybody
     └── StoreError               settings, history or a model could not be read or written

Every text says what happened, to what, and what to do next, already in the person's language.
"""


class PhichatError(Exception):
    """The root of all errors whose text is meant for people."""


class ModelError(PhichatError):
    """A model file cannot be used."""


class ModelMissing(ModelError):
    """The file is not there, or may not be read."""


class NotAModel(ModelError):
    """The file is no GGUF model."""


class ModelDamaged(ModelError):
    """The file is incomplete, or its contents make no sense."""


class ModelUnsupported(ModelError):
    """The file is of a kind this llama.cpp does not know."""


class ModelTooLarge(ModelError):
    """The model does not fit into this computer's memory."""


class EngineError(PhichatError):
    """The model could not answer."""


class EngineDied(EngineError):
    """The process that runs the model ended."""


class PromptError(EngineError):
    """The prompt is empty."""


class PromptTooLong(PromptError):
    """It has that many `tokens`, all of which have to stay; `excess` too many even if nothing but the question did."""

    def __init__(self, sentence: str, tokens: int = 0, excess: int = 0) -> None:
        super().__init__(sentence)
        self.tokens, self.excess = tokens, excess


class HubError(PhichatError):
    """A model file could not be fetched."""


class HubUnreachable(HubError):
    """For now. `retry_after` is how many seconds the server asks to be left alone; 0 if it does not say."""

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class HubAway(HubUnreachable):
    """There was no connection, so that nothing was sent."""


class HubRefused(HubError):
    """For good: trying the same again gives the same."""


class HubMissing(HubRefused):
    """The Hub knows no such file or repository."""


class HubForbidden(HubRefused):
    """The Hub shows it to some only, or does not show what it takes to trust it."""


class StoreError(PhichatError):
    """Settings, history or a model could not be read or written."""


def error_class(name: str) -> type[PhichatError]:
    """The class called `name`, so that an error keeps its kind across a pipe; the root if there is none."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, PhichatError) else PhichatError

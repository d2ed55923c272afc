"""The documents of `phichat ask --docs`: collections and files, searched together for what goes into the prompt."""

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phichat.cancellation import CancelToken
from phichat.chat.conversation import Role, Turn
from phichat.chat.session import Session
from phichat.chat.sources import Sources
from phichat.cli.cited_text import CitedText
from phichat.cli.console import Console
from phichat.cli.context import Context, context_of, sampling_of
from phichat.documents.library import NO_PASSWORDS, USUAL_BUDGET, FileState, FoundPassage, Passwords
from phichat.documents.prompt import source_of, source_title, with_passages
from phichat.documents.retrieval.local_library import LocalLibrary, open_library
from phichat.engine.base import Engine, PromptFit, Request
from phichat.errors import PhichatError
from phichat.i18n import tr, tr_count
from phichat.store.preferences import PreferencesFile
from phichat.unicode import replace_surrogates

FILES = "files"
"""The collection in memory of the files that were named."""

RESERVE = 512
"""Tokens of the context that are left for the question and what is said around the documents."""


@dataclass
class QuestionSources:
    """The passages that go with a question.

    Attributes:
        names: what was searched.
        passages: what goes into the prompt.
        shorter: what goes there instead if that doesn't fit after all.
    """

    names: tuple[str, ...]
    passages: tuple[FoundPassage, ...]
    shorter: tuple[FoundPassage, ...]
    console: Console
    as_json: bool

    def prepare(self, question: str, session: Session, engine: Engine, stop: CancelToken) -> Sources:
        """Return what goes with the question; print the passages as JSON, and say if there are none."""
        if self.shorter and not _fits(with_passages(question, self.passages), session, engine, stop):
            self.passages = self.shorter
        if self.as_json:
            self.console.print_json(sources_event(self.passages))
        if not self.passages:
            self.console.print_notice(nothing_found(self.names))
        return Sources(self.names, tuple(map(source_of, self.passages)))

    def cited_text(self) -> CitedText:
        """Return what finds the citations of an answer."""
        return CitedText([source_of(passage) for passage in self.passages])

    def print_after(self, *, is_unsupported: bool) -> None:
        """Print where the passages come from, unless that was printed as JSON, and if the answer has none of them."""
        if self.as_json:
            return
        if self.passages and is_unsupported:
            self.console.print_notice(tr("Nothing in this answer was found in the passages that the model read."))
        for number, passage in enumerate(self.passages, 1):
            self.console.print_notice(f"[{number}] {source_title(passage)}")


def _fits(text: str, session: Session, engine: Engine, stop: CancelToken) -> bool:
    """Return whether a message of `text` fits into the context, by the model's own count of tokens."""
    turns = (*session.turns(session.model), Turn(Role.USER, text))
    request = Request(turns, session.sampling, is_draft=True, only_counts=True)
    return not any(isinstance(event, PromptFit) and event.trouble for event in engine.generate(request, stop))


def sources_for(context: Context, question: str, stop: CancelToken) -> QuestionSources:
    """Return what the documents of `--docs` have about `question`: all of them if that fits. Raise PhichatError."""
    names = tuple(context.options.docs)
    with _libraries(context, names, stop) as libraries:
        whole = _whole(libraries, context_of(context.options) - sampling_of(context.options).max_tokens - RESERVE)
        found = _found(libraries, question, min(USUAL_BUDGET, context_of(context.options) // 2))
        passages, shorter = (whole, found) if whole else (found, ())
        return QuestionSources(names, passages, shorter, context.console, context.options.json)


Searched = list[tuple[LocalLibrary, list[str]]]
"""Libraries with the collections to search in each."""


@contextmanager
def _libraries(context: Context, names: Sequence[str], stop: CancelToken) -> Iterator[Searched]:
    with ExitStack() as stack:
        stored = stack.enter_context(opened(context))
        collections = [name for name in names if stored.collection(name)]
        paths = [Path(name) for name in names if name not in collections]
        for path in paths:
            if not path.exists():
                sentence = tr(
                    "{name} isn’t a file, folder, or collection. Run `phichat docs list` to see your collections."
                )
                raise PhichatError(sentence.format(name=replace_surrogates(str(path))))
        for name in collections:
            _warn_if_incomplete(stored, name, context.console)
        libraries: Searched = [(stored, collections)] if collections else []
        if paths:
            files = stack.enter_context(closing(open_library(None, embedding_model(context))))
            files.add(FILES, paths)
            index(files, FILES, context.console, stop)
            if not any(status.state is FileState.INDEXED for status in files.files(FILES)):
                raise PhichatError(tr("None of these documents could be read. Choose different ones."))
            _tell_empty(files, paths, context.console)
            libraries.append((files, [FILES]))
        yield libraries


def _tell_empty(library: LocalLibrary, named: Sequence[Path], console: Console) -> None:
    """Tell which of the files that were named have no text, and why. Raise PhichatError if none has any."""
    read = [status for status in library.files(FILES) if status.state is FileState.INDEXED]
    for status in read:
        if not status.passages and status.path in [path.absolute() for path in named]:
            name = replace_surrogates(status.path.name)
            console.print_notice(tr("{name}: {remarks}").format(name=name, remarks=" ".join(status.notes)))
    if not any(status.passages for status in read):
        raise PhichatError(tr("None of these documents has any text. Choose different ones."))


def _warn_if_incomplete(library: LocalLibrary, name: str, console: Console) -> None:
    collection = library.collection(name)
    if collection and collection.waiting:
        console.print_notice(
            tr("Not all of {name} has been read yet: {files}. Run `phichat docs add {name}` to continue.").format(
                name=name, files=tr_count("{count} file is waiting", "{count} files are waiting", collection.waiting)
            )
        )


def _whole(libraries: Searched, budget: int) -> tuple[FoundPassage, ...]:
    """Return all of the documents, none if they are more than `budget` tokens."""
    found: list[FoundPassage] = []
    for library, names in libraries:
        texts = library.whole_text(names, budget=budget)
        if not texts:
            return ()
        budget -= library.count_tokens(names)
        found += texts
    return tuple(found)


def _found(libraries: Searched, question: str, budget: int) -> tuple[FoundPassage, ...]:
    findings = [library.search(names, question, budget=budget // len(libraries)) for library, names in libraries]
    passages = [passage for found in findings if found.fits for passage in found.passages]
    return tuple(sorted(passages, key=lambda passage: -passage.score))


@contextmanager
def opened(context: Context) -> Iterator[LocalLibrary]:
    """Open the collections, and close them again. Raise StoreError."""
    with closing(open_library(context.home.documents, embedding_model(context))) as library:
        if library.notice:
            context.console.print_notice(library.notice)
        yield library


def embedding_model(context: Context) -> Path | None:
    """Return the file of the embedding model that was chosen; None for the sentence encoder, and if it is gone."""
    chosen = PreferencesFile(context.home.preferences).load_preferences().embedding_model
    return Path(chosen) if os.path.isfile(chosen) else None  # noqa: PTH113 - Path's raises where nobody may look


def index(
    library: LocalLibrary,
    name: str,
    console: Console,
    stop: CancelToken,
    passwords: Passwords = NO_PASSWORDS,
    *,
    retries: bool = False,
) -> int:
    """Read what is new in a collection, with progress; return how many files failed. Each is told in a sentence.

    In a terminal, a protected one asks for its password.
    """
    failed, locked = 0, dict[Path, str]()
    for progress in library.index(name, stop, passwords, retries=retries):
        if progress.locked and console.is_interactive:
            locked[progress.locked] = progress.error
        elif progress.error:
            failed += 1
            console.print_notice(password_wanted(progress.locked, name) if progress.locked else progress.error)
        console.show_progress(progress.sentence)
    entered = {path: getpass.getpass(f"{sentence} ") for path, sentence in locked.items()}
    known = {path: password for path, password in entered.items() if password}
    failed += len(entered) - len(known)
    return failed + index(library, name, console, stop, known) if known else failed


def password_wanted(file: Path, name: str) -> str:
    """Return where the password of a protected file in the collection `name` can be entered, as a sentence."""
    sentence = (
        tr("{file} is protected. To enter its password, run this command in a terminal.")
        if name == FILES
        else tr("{file} is protected. To enter its password, run `phichat docs add {name}` in a terminal.")
    )
    return sentence.format(file=replace_surrogates(file.name), name=name)


def sources_event(passages: Sequence[FoundPassage]) -> dict[str, Any]:
    """Return the passages as the command line's `--json` prints them."""
    return {"event": "sources", "passages": [passage_json(at, each) for at, each in enumerate(passages, 1)]}


def passage_json(number: int, passage: FoundPassage) -> dict[str, Any]:
    """Return a passage as the command line's `--json` prints it."""
    return {
        "number": number,
        "file": replace_surrogates(str(passage.path)),
        "page": passage.place.page,
        "line": passage.place.line,
        "text": passage.text,
        "score": passage.score,
    }


def nothing_found(names: Sequence[str]) -> str:
    """Return the sentence for documents that seem to have nothing about a question."""
    return tr("Nothing relevant was found in {documents}.").format(documents=", ".join(names))

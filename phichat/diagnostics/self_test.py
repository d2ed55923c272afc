"""The checks of `phichat --self-test`: every part of the installation is tried once.

They write into a temporary folder, and read nothing of the user's.
"""

import json
import platform
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from phichat import i18n
from phichat.chat.conversation import Message, Role, Turn
from phichat.chat.sampling import Sampling
from phichat.engine.base import CancelToken, Event, ModelRef, Notice, Piece, Request
from phichat.engine.process.child_process import child_environment
from phichat.engine.process.engine_process import EngineProcess
from phichat.engine.settings import processor, suggested
from phichat.errors import PhichatError
from phichat.i18n import resource, tr
from phichat.runtime import is_frozen, process_command

QUESTION = "Does it work?"
ANSWER = "Everything works."  # all that self-test.gguf can say
OLD_TEXT = "Съешь же ещё этих мягких французских булок, да выпей чаю."
PAGE = "Ferries float."
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 50]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj "
    b"4 0 obj<</Length 41>>stream\nBT /F 9 Tf 9 20 Td (Ferries float.) Tj ET\nendstream endobj "
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj trailer<</Root 1 0 R>>"
)
PATIENCE = 120.0  # seconds for the window's model to answer on a slow computer
LONGEST = 300.0  # seconds after which the window counts as hung
LANGUAGE = "fr"

Facts = dict[str, Any]


def examine_installation(folder: Path) -> Facts:
    """Return the findings; `error` is the first reason why anything does not work, or None."""
    facts: Facts = {"ok": False, "error": None, **_system_facts(), "checks": {}, "seconds": {}}
    model = folder / "self-test.gguf"
    parts: dict[str, Callable[[], Facts]] = {
        "engine": lambda: _check_engine(model),
        "history": lambda: _check_history(folder / "history.sqlite3"),
        "files": lambda: _check_text_file(folder / "old.txt"),
        "documents": lambda: _check_document(folder / "page.pdf"),
        "translations": _check_translations,
        "certificates": _check_certificates,
        "hub": _check_hub,
        "window": lambda: _check_window(model, folder / "home", PATIENCE if facts["error"] is None else PATIENCE / 10),
    }
    for name, check in parts.items():
        started = time.perf_counter()
        reason = None
        try:
            facts |= check()
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            reason = str(error) if isinstance(error, PhichatError) else f"{type(error).__name__}: {error}"
        facts["checks"][name] = reason
        facts["error"] = facts["error"] or reason
        facts["seconds"][name] = round(time.perf_counter() - started, 2)
    facts["ok"] = facts["error"] is None
    return facts


def _system_facts() -> Facts:
    from phichat.diagnostics import doctor  # noqa: PLC0415 - brings psutil, which is among what may be missing

    versions = {**doctor.versions(), "openssl": ssl.OPENSSL_VERSION}
    cpu = {"name": processor(), "machine": platform.machine()}
    return {"versions": versions, "system": platform.platform(), "frozen": is_frozen(), "cpu": cpu}


def _check_engine(model: Path) -> Facts:
    """Have the tiny model answer through the engine process; its answer must be the one it was made for."""
    model.write_bytes(resource(model.name).read_bytes())
    request = Request((Turn(Role.USER, QUESTION),), Sampling(temperature=0.0, max_tokens=32))
    events: list[Event] = []
    with closing(EngineProcess()) as engine:
        loaded = engine.load(ModelRef.of_file(model), suggested(), CancelToken(), events.append)
        events += engine.generate(request, CancelToken())
    said = [event for event in events if isinstance(event, Piece)]
    words = "".join(piece.text for piece in said)
    if words != ANSWER:
        raise PhichatError(
            tr(
                "The model answered “{answer}” instead of “{expected}”: llama.cpp is producing "
                "incorrect results on this processor."
            ).format(answer=words, expected=ANSWER)
        )
    settings = asdict(loaded.settings)
    return {
        "cpu": {"name": processor(), "machine": platform.machine(), "features": loaded.cpu},
        "cpu_variant": settings.get("variant", ""),
        "library": loaded.library,
        "engine": settings,
        "notices": [event.text for event in events if isinstance(event, Notice)],
        "tokens": [piece.token for piece in said],
        "text": words,
    }


def _check_history(file: Path) -> Facts:
    """Store a message and find it by a word."""
    from phichat.store.base import ConversationRecord, ConversationSummary  # noqa: PLC0415 - may be what is missing
    from phichat.store.history import History  # noqa: PLC0415

    message = Message(Role.USER, "Où est le ferry ?")
    now = message.created
    with closing(History(file)) as history:
        history.save_conversation(
            ConversationRecord(ConversationSummary("a", "", now, now), message.id, messages=(message,))
        ).result()
        if [hit.message for hit in history.search_conversations("ferr")] != [message.id]:
            raise PhichatError(
                tr(
                    "Search doesn’t work because this version of SQLite lacks full-text search. Install a "
                    "version that includes it."
                )
            )
    return {}


def _check_text_file(file: Path) -> Facts:
    """Read a text file in an old encoding."""
    from phichat.exchange.text_files import read_text  # noqa: PLC0415 - may be what is missing

    file.write_bytes(OLD_TEXT.encode("cp1251"))
    if read_text(file).text != OLD_TEXT:
        raise PhichatError(tr("Text files in older encodings can’t be read. Reinstall Phichat."))
    return {}


def _check_document(file: Path) -> Facts:
    """Read a page of a PDF file in the reading process."""
    from phichat.documents.base import joined_text  # noqa: PLC0415 - may be what is missing
    from phichat.documents.process.document_process import DocumentProcess  # noqa: PLC0415

    file.write_bytes(PDF)
    with closing(DocumentProcess()) as process:
        if joined_text(process.read(file)) != PAGE:
            raise PhichatError(tr("PDF files can’t be read. Reinstall Phichat."))
    return {}


def _check_translations() -> Facts:
    with _in_language(LANGUAGE):
        if tr("Send") == "Send":
            raise PhichatError(tr("Translations are missing. Reinstall Phichat."))
    return {"languages": i18n.available_languages()}


@contextmanager
def _in_language(code: str) -> Iterator[None]:
    before = i18n.current_language()
    i18n.set_language(code)
    try:
        yield
    finally:
        i18n.set_language(before)


def _check_certificates() -> Facts:
    from phichat.net.http import has_certificates  # noqa: PLC0415 - may be what is missing

    if not has_certificates():
        raise PhichatError(
            tr(
                "The certificates needed to verify servers weren’t found. Install ca-certificates, or "
                "set SSL_CERT_FILE to a certificate file."
            )
        )
    return {}


def _check_hub() -> Facts:
    """Import what downloads need. Without hf_xet, huggingface_hub would fall back to plain HTTP silently."""
    import hf_xet  # noqa: F401, PLC0415 - the check is that it loads

    from phichat.models import hub  # noqa: PLC0415 - may be what is missing
    from phichat.models.catalogue import PHI_3  # noqa: PLC0415
    from phichat.models.download import wake_lock  # noqa: PLC0415 - may be what is missing

    wake_lock.load_lazy_imports()
    return {"hub": hub.load_lazy_imports(PHI_3.repo, PHI_3.file)}


def _check_window(model: Path, home: Path, patience: float) -> Facts:
    """Run the window's self-test in a process of its own, which Qt aborts if it lacks anything."""
    variables = {
        "QT_QPA_PLATFORM": "offscreen",
        **child_environment(),
        "PHICHAT_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
    }
    order = {"model": str(model), "question": QUESTION, "answer": ANSWER, "language": LANGUAGE}
    done = subprocess.run(
        process_command("phichat.app.self_test"),
        input=json.dumps({**order, "patience": patience}),
        env=variables,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=LONGEST,
        check=False,
    )
    try:
        found: Facts = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError) as error:
        said = " ".join(done.stderr.split())[-500:] or str(done.returncode)
        raise PhichatError(tr("The window closed unexpectedly: {reason}").format(reason=said)) from error
    if reason := found.pop("error"):
        raise PhichatError(reason)
    return {"window": found}

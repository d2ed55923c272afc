"""Why the same seed may not have given the same text: what differs between two replies."""

from collections.abc import Iterator
from typing import Any

from phichat.chat.conversation import Reply
from phichat.chat.sampling import SETTINGS
from phichat.i18n import format_number, tr


def reply_differences(old: Reply, new: Reply) -> list[str]:
    """What differs in how two replies were made, in words; empty if nothing that is known."""
    return [*_model(old, new), *_settings(old, new), *_engine(old, new)]


def explain_difference(old: Reply, new: Reply) -> str:
    """Why `new` reads otherwise than `old`, though it was asked for with the same seed."""
    found = reply_differences(old, new)
    if found:
        return tr("Another text than before, as these differ: {differences}.").format(differences=", ".join(found))
    return tr(
        "Another text than before, though model, settings, library and machine are the same: how the prompt was cut "
        "into steps, and what was in memory already, changes the arithmetic a little."
    )


def _model(old: Reply, new: Reply) -> Iterator[str]:
    if old.model != new.model:
        yield tr("the model ({old} → {new})").format(old=old.model, new=new.model)
    elif old.model_sha256 and new.model_sha256 and old.model_sha256 != new.model_sha256:
        yield tr("the model's file (another checksum)")


def _settings(old: Reply, new: Reply) -> Iterator[str]:
    if old.seed != new.seed:
        yield tr("the seed")
    for setting in SETTINGS:
        before, after = old.sampling.get(setting.name), new.sampling.get(setting.name)
        if before is not None and after is not None and before != after:
            values = (format_number(value, setting.decimals) for value in (before, after))
            yield f"{tr(setting.label)} ({' → '.join(values)})"


def _engine(old: Reply, new: Reply) -> Iterator[str]:
    for name, words in (("library", tr("the library")), ("machine", tr("the machine"))):
        if _both(old.engine.get(name), new.engine.get(name)):
            yield words
    before, after = old.engine.get("settings") or {}, new.engine.get("settings") or {}
    changed = sorted(name for name in before if _both(before.get(name), after.get(name)))
    if changed:
        yield tr("the engine's settings ({names})").format(names=", ".join(changed))


def _both(old: Any, new: Any) -> bool:
    """Whether both are known, and differ."""
    return old is not None and new is not None and old != new

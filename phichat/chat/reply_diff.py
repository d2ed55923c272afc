"""What differs between two replies with one seed, to explain why their texts differ."""

from collections.abc import Iterator
from typing import Any

from phichat.chat.conversation import Reply
from phichat.chat.sampling import SETTINGS
from phichat.i18n import format_number, tr


def reply_differences(old: Reply, new: Reply) -> list[str]:
    """Return what differs in how two replies were generated, in words; empty if nothing known does."""
    return [*_model(old, new), *_settings(old, new), *_engine(old, new)]


def explain_difference(old: Reply, new: Reply) -> str:
    """Return a sentence on why `new` differs from `old`, though both have the same seed."""
    found = reply_differences(old, new)
    if found:
        return tr("This answer differs from the previous version. What changed: {differences}.").format(
            differences=", ".join(found)
        )
    return tr(
        "This answer differs from the previous version, although the model, settings, engine version, and "
        "computer are the same. The prompt was split up differently for processing, which can cause small "
        "rounding differences."
    )


def _model(old: Reply, new: Reply) -> Iterator[str]:
    if old.model != new.model:
        yield tr("the model ({old} → {new})").format(old=old.model, new=new.model)
    elif old.model_sha256 and new.model_sha256 and old.model_sha256 != new.model_sha256:
        yield tr("the model file (different checksum)")


def _settings(old: Reply, new: Reply) -> Iterator[str]:
    if old.seed != new.seed:
        yield tr("the seed")
    for setting in SETTINGS:
        before, after = old.sampling.get(setting.name), new.sampling.get(setting.name)
        if before is not None and after is not None and before != after:
            values = (format_number(value, setting.decimals) for value in (before, after))
            yield f"{tr(setting.label)} ({' → '.join(values)})"


def _engine(old: Reply, new: Reply) -> Iterator[str]:
    for name, words in (("library", tr("the engine version")), ("machine", tr("the computer"))):
        if _differ(old.engine.get(name), new.engine.get(name)):
            yield words
    before, after = old.engine.get("settings") or {}, new.engine.get("settings") or {}
    changed = sorted(name for name in before if _differ(before.get(name), after.get(name)))
    if changed:
        yield tr("the engine settings ({names})").format(names=", ".join(changed))


def _differ(old: Any, new: Any) -> bool:
    """Return whether both are known and differ."""
    return old is not None and new is not None and old != new

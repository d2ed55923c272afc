"""The line below an answer: how it ended, what wrote it, and how fast."""

from phichat.chat.candidates import named_end
from phichat.chat.conversation import Branch, Ending, Reply
from phichat.i18n import format_number, tr, tr_count
from phichat.unicode import isolated, short_title


def footer(reply: Reply) -> str:
    """Return the footer of a finished reply: why it ended, the model, the tokens, the speed, the seed."""
    if reply.ending is Ending.ERROR:
        return str(reply.statistics.get("error", "")) or tr("The answer was interrupted.")
    interrupted = reply.ending is Ending.CANCELLED and reply.statistics.get("interrupted")
    endings = {
        Ending.CANCELLED: tr("Interrupted") if interrupted else tr("Stopped"),
        Ending.LENGTH: reply.limit_text(),
    }
    parts = [endings.get(reply.ending, ""), _stop_note(reply.statistics.get("stopped_by")), short_title(reply.model)]
    if reply.tokens:
        parts.append(tr_count("{count} token", "{count} tokens", len(reply.tokens)))
    if reply.branched_from:
        parts.append(_branch_note(reply.branched_from))
    if speed := float(reply.statistics.get("tokens_per_second") or 0):
        shown = tr("{speed} tokens/s").format(speed=format_number(speed, 1))
        parts.append(shown.replace("/", "/\N{WORD JOINER}"))  # a line would end there
    if reply.seed is not None:
        parts.append(tr("seed {seed}").format(seed=reply.seed))
    return "\N{NO-BREAK SPACE}· ".join(filter(None, parts))


def _stop_note(text: object) -> str:
    """Return which of the texts under "Stop at" ended a reply; an imported one may have anything there."""
    if not isinstance(text, str) or not text:
        return ""
    shown = short_title(text.replace("\n", "↵").replace("\t", "⇥"))
    return tr("Stopped at “{text}”").format(text=shown)


def _branch_note(branch: Branch) -> str:
    """Return where a version branched off another one."""
    word, replaced = (isolated(short_title(named_end(each.strip()))) for each in (branch.word, branch.replaced))
    if word and replaced:
        return tr("branched: “{word}” instead of “{replaced}”").format(word=word, replaced=replaced)
    return tr("branched at “{word}”").format(word=word or replaced or "…")

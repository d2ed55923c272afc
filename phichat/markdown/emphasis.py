"""Parser rules for `*`, `_` and `~~`: CommonMark's, but for scripts without spaces and for products like 6*7*8.

CommonMark looks at the punctuation beside a sign to tell where emphasis opens and where it closes. Where words have no
spaces between them, as in Chinese, that takes closing signs for opening ones; see markdown-cjk-friendly.
"""

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline.state_inline import Delimiter, StateInline

FAR = 300  # characters, after which what was opened is taken for a sign unless it is closed
_UNLIKELY = "unlikely to open"  # in the meta data of a token

_UNSPACED = re.compile(  # Thai to Tibetan, Burmese, Khmer, Hangul, Chinese and Japanese with their punctuation
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uffef\U00016fe0-\U0001b2ff\U00020000-\U0003ffff]"
)


def add_emphasis_rules(parser: MarkdownIt) -> None:
    """Replace the rules of `parser` for emphasis."""
    parser.inline.ruler.at("strikethrough", _strikethrough)
    parser.inline.ruler.at("emphasis", _emphasis)


def add_closing_rule(parser: MarkdownIt) -> None:
    """Close emphasis that is open at the end of the text, as it is still growing."""
    parser.inline.ruler2.after("balance_pairs", "close_at_end", _close_at_end)


def _emphasis(state: StateInline, silent: bool) -> bool:
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    end = _end_of_run(state)
    can_open, can_close = _flanks(state, end)
    _push(state, [marker] * (end - state.pos), end - state.pos, can_open=can_open, can_close=can_close)
    if not _is_likely_to_open(state, end):
        for token in state.tokens[state.pos - end :]:
            token.meta[_UNLIKELY] = True
    state.pos = end
    return True


def _strikethrough(state: StateInline, silent: bool) -> bool:
    if silent or state.src[state.pos] != "~":  # first: of other signs, too, there may be thousands in a row
        return False
    end = _end_of_run(state)
    count = end - state.pos
    if count < 2:
        return False
    if count % 2:
        state.push("text", "", 0).content = "~"
    can_open, can_close = _flanks(state, end)
    _push(state, ["~~"] * (count // 2), 0, can_open=can_open, can_close=can_close)
    state.pos = end
    return True


def _push(state: StateInline, signs: list[str], length: int, *, can_open: bool, can_close: bool) -> None:
    for sign in signs:
        state.push("text", "", 0).content = sign
        state.delimiters.append(Delimiter(ord(sign[0]), length, len(state.tokens) - 1, -1, can_open, can_close))


def _end_of_run(state: StateInline) -> int:
    marker, end = state.src[state.pos], state.pos
    while end < state.posMax and state.src[end] == marker:
        end += 1
    return end


def _flanks(state: StateInline, end: int) -> tuple[bool, bool]:
    """Return whether the signs from the state's position to `end` may open and may close emphasis."""
    marker, count = state.src[state.pos], end - state.pos
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    is_left, is_right = _is_flanking(before, after), _is_flanking(after, before)
    if marker == "_":
        return is_left and (not is_right or _is_punctuation(before)), is_right and (
            not is_left or _is_punctuation(after)
        )
    if marker == "*" and before.isascii() and after.isascii() and before.isalnum() and after.isalnum():
        digits = before.isdigit() + after.isdigit()
        return is_left and count > 1 and not digits, is_right and digits < count
    return is_left, is_right


def _is_flanking(outer: str, inner: str) -> bool:
    """Return whether signs between `outer` and `inner` may belong to what is on the side of `inner`."""
    if isWhiteSpace(ord(inner)):
        return False
    is_open = isWhiteSpace(ord(outer)) or _is_punctuation(outer) or _is_unspaced(outer)
    return is_open or not _is_punctuation(inner) or _is_unspaced(inner)


def _is_likely_to_open(state: StateInline, end: int) -> bool:
    """Return whether the signs from the state's position to `end`, if they may open emphasis, probably do.

    In file_(2)_final, src/*.py and $_GET they may, too: what follows could close them.
    """
    count = end - state.pos
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    is_begin = before.isspace() or _is_unspaced(before) or _is_around(before) or (count > 1 and before in ":,;.!?/")
    is_word = after.isalnum() or not after.isascii() or _is_around(after) or after in "`$\\<&"
    return is_begin and (is_word or (count > 1 and after != "/"))


def _is_around(letter: str) -> bool:
    """Return whether `letter` may be before or in the beginning of emphasis: an opening bracket or the like."""
    return letter in "\"'*_~" or unicodedata.category(letter) in {"Ps", "Pi", "Pd", "So"}


def _is_punctuation(letter: str) -> bool:
    return isMdAsciiPunct(ord(letter)) or isPunctChar(letter)


def _is_unspaced(letter: str) -> bool:
    return bool(_UNSPACED.match(letter))


def _close_at_end(state: StateInline) -> None:
    for number in reversed(_openers(state)):
        opener = state.delimiters[number]
        opener.end = len(state.delimiters)
        state.push("text", "", 0)
        state.delimiters.append(Delimiter(opener.marker, opener.length, len(state.tokens) - 1, -1, False, True))


def _openers(state: StateInline) -> list[int]:
    """Return the numbers of the delimiters that are likely to be closed by what follows.

    A single sign with another one behind it is taken for itself, and so is that one, as in "*args and **options".
    """
    first = _first_near(state)
    near = [number for number in _unclosed(state) if state.delimiters[number].token >= first]
    lone = (at for at, number in enumerate(near[:-1]) if state.delimiters[number].length == 1)
    opened = near[: next(lone, len(near))]
    return [number for number in opened if _UNLIKELY not in state.tokens[state.delimiters[number].token].meta]


def _unclosed(state: StateInline) -> list[int]:
    """Return the numbers of the delimiters that may be closed after the end: outside of all that is closed before."""
    openers, covered = {}, -1
    for number, delimiter in enumerate(state.delimiters):
        if delimiter.end >= 0:
            covered = max(covered, delimiter.end)
        elif delimiter.open and number > covered:
            openers[delimiter.token] = number
    found: list[int] = []
    brackets: list[int] = []  # for each that is open, how many were found before it
    for index, token in enumerate(state.tokens):
        found += [openers[index]] if index in openers else []
        for bracket in re.findall("[()]", token.content):
            if bracket == "(":
                brackets.append(len(found))
            elif brackets:
                del found[brackets.pop() :]
    return found


def _first_near(state: StateInline) -> int:
    """Return the index of the first token that is not FAR from the end."""
    left = FAR
    for index in range(len(state.tokens) - 1, -1, -1):
        left -= len(state.tokens[index].content)
        if left < 0:
            return index + 1
    return 0

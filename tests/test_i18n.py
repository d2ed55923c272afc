"""Every word people see is translated into every language, and languages are chosen as they should be."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import polib
import pytest

from phichat import i18n

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "phichat"
TERMS = ROOT / "docs" / "terms.md"
CATALOGUES = sorted((ROOT / "resources" / "translations").glob("*.po"))
REGIONAL = [file for file in CATALOGUES if file.stem.startswith("en_")]  # they have only what differs from English
AMERICAN = re.compile(
    r"\b(trash|licenses?|colors?|canceled|neighbor|catalog|behavior|center|favorite)\b", re.IGNORECASE
)

FUNCTIONS = ("tr", "N_", "tr_count")
MARKED = {
    "_CERTIFICATE_REASONS[code]",
    "_REASONS[error.errno]",
    "accent.label",
    "label",
    "ENDINGS[ending]",
    "_PHASES[progress.phase]",
    "row.message",
    "_GROUPS[group]",
    "known.good_at",
    "_SOURCES[model.source]",
    "idea",
    "info.file_filter",
    "known.title",
    "message",
    "wording.page",
    "wording.pages",
    "wording.part",
    "wording.whole",
    "preset.label",
    "setting.help",
    "setting.label",
    "what",
}
"""What `tr` may take besides literals: expressions whose values were all written within `N_`."""

SHOWING = (
    "addItem", "addMenu", "setAccessibleDescription", "setAccessibleName", "setPlaceholderText", "setStatusTip",
    "setSuffix", "setText", "setTitle", "setToolTip", "setWindowTitle", "QCheckBox", "QLabel", "QPushButton",
    "plain_label",
)  # fmt: skip
NAMES = {"Phichat"}  # the same in every language


@pytest.fixture(params=[file for file in CATALOGUES if file not in REGIONAL], ids=lambda file: file.stem)
def catalogue(request: pytest.FixtureRequest) -> Any:
    """A language's file."""
    return polib.pofile(request.param.read_text("utf-8"), check_for_duplicates=True)


def test_every_string_is_translated(catalogue: Any) -> None:
    wanted = {strings[0]: strings[1:] for strings in _whole().sentences}
    there = {entry.msgid: (entry.msgid_plural,) if entry.msgid_plural else () for entry in catalogue}
    assert wanted.keys() - there.keys() == set(), "these are missing"
    assert there.keys() - wanted.keys() == set(), "these are no longer used"
    assert {one for one in wanted if there[one] != wanted[one]} == set(), "these have another plural"
    forms = int(re.findall(r"nplurals=(\d+)", catalogue.metadata["Plural-Forms"])[0])
    assert [entry.msgid for entry in catalogue if entry.msgid_plural and len(entry.msgstr_plural) != forms] == []
    assert not catalogue.untranslated_entries()
    assert not catalogue.fuzzy_entries()
    assert not catalogue.obsolete_entries()


def test_translations_keep_what_is_filled_in_and_what_is_typed(catalogue: Any) -> None:
    assert len(catalogue)
    for entry in catalogue:
        for original, translation in _pairs(entry):
            assert _placeholders(translation) == _placeholders(original), translation
            assert _typed(translation) == _typed(original), translation
            assert translation.count("&") == original.count("&"), translation


def _typed(text: str) -> list[str]:
    """What is to be typed, without what stands for one's own words and names."""
    return [re.sub(r'"[^"]*"|\b[A-ZÉ]{3,}\b', "…", typed) for typed in re.findall("`[^`]*`", text)]


@pytest.mark.parametrize("file", REGIONAL, ids=lambda file: file.stem)
def test_british_english_changes_what_is_american_and_nothing_else(file: Path) -> None:
    entries = {entry.msgid: entry for entry in polib.pofile(file.read_text("utf-8"))}
    ids = {strings[0] for strings in _whole().sentences}
    assert {text for text in ids if AMERICAN.search(text)} == entries.keys()
    for entry in entries.values():
        for original, british in _pairs(entry):
            assert original != british
            assert _placeholders(original) == _placeholders(british)
            assert not AMERICAN.search(british), british


def test_sentences_keep_to_the_terms() -> None:
    """Check every sentence against the table in docs/terms.md."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TERMS.read_text("utf-8").splitlines()]
    terms = [row for row in rows if len(row) == 5 and row[0] not in {"English", "---"}]
    assert len(terms) > 40
    french = polib.pofile((ROOT / "resources/translations/fr.po").read_text("utf-8"))
    sentences = {
        0: [text for entry in french for text in (entry.msgid, entry.msgid_plural)],
        1: [text for entry in french for text in (entry.msgstr, *entry.msgstr_plural.values())],
    }
    assert [found for column, texts in sentences.items() for found in _forbidden(terms, column, texts)] == []


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("A token.", []),
        ("Ce jeton.", ["jeton: Ce jeton."]),
        ("Ce jeton d’accès.", []),
        ("Lancez `jeton`.", []),
        ("Jetons", ["jetons: Jetons"]),
    ],
)
def test_forbidden_words_are_found_outside_of_terms_and_commands(sentence: str, found: list[str]) -> None:
    terms = [["access token", "jeton d’accès", "", "", ""], ["token", "token", "", "", "jeton, jetons"]]
    assert list(_forbidden(terms, 1, [sentence])) == found


def test_english_is_typed_as_it_is_printed() -> None:
    for strings in _whole().sentences:
        for text in strings:
            prose = re.sub("`[^`]*`|^show program's version", "", text)
            assert not re.search(r"'| …|\.\.\.|\} %", prose), text


def test_menus_have_a_letter_each(catalogue: Any) -> None:
    letters = [entry.msgstr.partition("&")[2][:1].lower() for entry in catalogue if "&" in entry.msgid]
    assert letters
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("file", [file for file in CATALOGUES if file.stem == "fr"])
def test_french_typography(file: Path) -> None:
    for entry in polib.pofile(file.read_text("utf-8")):
        for translation in [entry.msgstr, *entry.msgstr_plural.values()]:
            prose = re.sub("`[^`]*`", "", translation)
            assert not re.search(r"[^\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}][;:?!%»](?=\s|$)", prose), prose
            assert not re.search(r" [;:?!%»]|« |'", prose), prose


def test_strings_are_marked_so_that_they_are_found() -> None:
    assert {file: calls for file, calls in _whole().unmarked.items() if calls} == {}


def test_the_window_shows_nothing_untranslated() -> None:
    shown = _whole().bare
    assert shown
    assert {file: words for file, words in shown.items() if words} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('tr("plain")', []),
        ('tr("over "\n"two lines")', []),
        ("tr(setting.label)", []),
        ('tr_count("{count} a", "{count} b", 2)', []),
        ('tr(f"{name}")', ['tr(f"{name}")']),
        ('tr("a" + "b")', ['tr("a" + "b")']),
        ('tr("a" if b else "c")', ['tr("a" if b else "c")']),
        ('tr("{a}".format(a=1))', ['tr("{a}".format(a=1))']),
        ("tr(unknown)", ["tr(unknown)"]),
        ("N_(setting.label)", ["N_(setting.label)"]),
        ('text.tr(f"{name}")', ['text.tr(f"{name}")']),
        ('tr_count("one", many, 2)', ['tr_count("one", many, 2)']),
        ("map(tr, words)", ["tr"]),
    ],
)
def test_unmarked_strings_are_found_however_they_are_written(source: str, found: list[str]) -> None:
    assert list(_unmarked(*_nodes(ast.parse(source)))) == [ast.unparse(ast.parse(call)) for call in found]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('WORD = tr("early")', ["tr('early')"]),
        ('class A:\n    word = tr("early")', ["tr('early')"]),
        ('def f(word=tr("early")): return tr("in time")', ["tr('early')"]),
        ('f = lambda: tr("in time")', []),
        ('WORD = N_("in time")', []),
    ],
)
def test_translations_before_the_language_is_known_are_found(source: str, found: list[str]) -> None:
    assert list(_too_early(ast.parse(source))) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('a.setText("Stop")', ["Stop"]),
        ('QLabel("Stop", parent)', ["Stop"]),
        ('QtWidgets.QLabel(text="Stop")', ["Stop"]),
        ('a.setText(f"{count} words")', [" words"]),
        ('a.setText("{} words".format(2))', ["{} words"]),
        ('a.setText("Go" if b else "Stop")', ["Go", "Stop"]),
        ('a.setText(name or "Nobody")', ["Nobody"]),
        ('a.setText(tr("Stop"))', []),
        ('a.setText(" " + tr("Stop") + "…")', []),
        ('a.setText(values["key"])', []),
        ('a.setText(get("key"))', []),
        ('a.setWindowTitle("Phichat")', []),
        ('a.setObjectName("stop")', []),
    ],
)
def test_untranslated_strings_are_found_however_they_are_written(source: str, found: list[str]) -> None:
    assert list(_bare(_nodes(ast.parse(source))[1])) == found


@pytest.mark.parametrize(
    ("wanted", "code"),
    [("fr", "fr"), ("FR", "fr"), ("fr_CA.UTF-8", "fr"), ("fr-FR", "fr"), ("en_US", "en"), ("xx", "en"), ("C", "en")],
)
def test_a_language_without_a_catalogue_is_english(wanted: str, code: str) -> None:
    i18n.set_language("en" if code == "fr" else "fr")
    assert i18n.set_language(wanted) == code
    assert i18n.current_language() == code
    assert i18n.tr("Send") == {"en": "Send", "fr": "Envoyer"}[code]


@pytest.mark.parametrize(
    ("wanted", "code"), [("en_GB.UTF-8", "en_GB"), ("en-AU", "en_GB"), ("en_US", "en"), ("en_CA", "en")]
)
def test_english_is_british_where_people_write_it(wanted: str, code: str) -> None:
    assert i18n.set_language(wanted) == code
    assert i18n.tr("Trash") == {"en": "Trash", "en_GB": "Bin"}[code]
    assert i18n.tr("Send") == "Send"


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANGUAGE": "xx:fr:en", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "fr_FR.UTF-8"}, "en"),
        ({"LC_MESSAGES": "fr_BE@euro", "LANG": "en_US.UTF-8"}, "fr"),
        ({"PHICHAT_LANGUAGE": "fr", "LC_ALL": "en_US.UTF-8"}, "fr"),
        ({"LANG": "xx_XX"}, "en"),
        ({"LANG": "en@quot"}, "en"),
        ({}, "en"),
    ],
)
def test_the_system_says_which_language(variables: dict[str, str], code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PHICHAT_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert i18n.set_language() == code


def test_nothing_is_the_same_in_every_language() -> None:
    for code in i18n.available_languages():
        i18n.set_language(code)
        assert i18n.tr("") == ""


def test_languages_begin_with_english() -> None:
    assert i18n.available_languages() == ["en", *(file.stem for file in CATALOGUES)]


@pytest.mark.parametrize(
    ("value", "decimals", "english", "french"),
    [
        (0, 0, "0", "0"),
        (999, 0, "999", "999"),
        (4096, 0, "4,096", "4\u202f096"),
        (1234567.891, 2, "1,234,567.89", "1\u202f234\u202f567,89"),
        (-0.75, 2, "-0.75", "-0,75"),
        (12.34, 0, "12", "12"),
    ],
)
def test_numbers(value: float, decimals: int, english: str, french: str) -> None:
    assert i18n.format_number(value, decimals) == english
    i18n.set_language("fr")
    assert i18n.format_number(value, decimals) == french


@pytest.mark.parametrize(
    ("items", "english", "french"),
    [("a", "a", "a"), ("ab", "a and b", "a et b"), ("abc", "a, b, and c", "a, b et c")],
)
def test_lists(items: str, english: str, french: str) -> None:
    assert i18n.format_list(items) == english
    i18n.set_language("fr")
    assert i18n.format_list(items) == french


@pytest.mark.parametrize(
    ("speed", "english", "french"),
    [(0.44, "0.4", "0,4"), (2.44, "2.4", "2,4"), (3.44, "3", "3"), (1200.0, "1,200", "1\u202f200")],
)
def test_speeds(speed: float, english: str, french: str) -> None:
    assert i18n.format_speed(speed) == english
    i18n.set_language("fr")
    assert i18n.format_speed(speed) == french


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (0, "0\u00a0bytes", "0\u00a0octets"),
        (1, "1\u00a0byte", "1\u00a0octet"),
        (999, "999\u00a0bytes", "999\u00a0octets"),
        (1000, "1.0\u00a0kB", "1,0\u00a0ko"),
        (98_300_000, "98\u00a0MB", "98\u00a0Mo"),
        (2_393_232_672, "2.4\u00a0GB", "2,4\u00a0Go"),
        (25_300_000_000, "25.3\u00a0GB", "25,3\u00a0Go"),
        (1_234_000_000_000, "1,234.0\u00a0GB", "1\u202f234,0\u00a0Go"),
    ],
)
def test_sizes(count: int, english: str, french: str) -> None:
    assert i18n.format_size(count) == english
    i18n.set_language("fr")
    assert i18n.format_size(count) == french


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (0, "less than a minute", "moins d’une minute"),
        (59.9, "less than a minute", "moins d’une minute"),
        (60, "about 1 minute", "environ 1 minute"),
        (540, "about 9 minutes", "environ 9 minutes"),
        (5300, "about 88 minutes", "environ 88 minutes"),
        (5400, "about 2 hours", "environ 2 heures"),
        (40 * 3600, "about 40 hours", "environ 40 heures"),
        (50 * 3600, "about 2 days", "environ 2 jours"),
    ],
)
def test_durations(seconds: float, english: str, french: str) -> None:
    assert i18n.format_duration(seconds) == english
    i18n.set_language("fr")
    assert i18n.format_duration(seconds) == french


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (0, "0 tokens", "0\u00a0token"),
        (1, "1 token", "1\u00a0token"),
        (2, "2 tokens", "2\u00a0tokens"),
        (4096, "4,096 tokens", "4\u202f096\u00a0tokens"),
    ],
)
def test_counted_things_take_their_plural(count: int, english: str, french: str) -> None:
    assert i18n.tr_count("{count} token", "{count} tokens", count) == english
    i18n.set_language("fr")
    assert i18n.tr_count("{count} token", "{count} tokens", count) == french


def _forbidden(terms: list[list[str]], column: int, texts: list[str]) -> Iterator[str]:
    """Yield the words in `texts` that the table has in its column of words to avoid, for the language in `column`."""
    allowed = sorted((row[column].lower() for row in terms), key=len, reverse=True)
    avoided = [word.strip() for row in terms for word in row[column + 3].split(",") if word.strip()]
    for text in texts:
        prose = re.sub(r"`[^`]*`|\{[^}]*\}|^show program's version", "", text).lower()  # the last is argparse's own
        for term in (term for name in allowed for term in name.split(", ")):
            prose = prose.replace(term, "") if " " in term else prose
        yield from (f"{word}: {text}" for word in avoided if re.search(rf"\b{re.escape(word.lower())}\b", prose))


@dataclass
class _Package:
    """What is to be translated, and by file what is not marked for it and, in the window's, what is shown without."""

    sentences: list[tuple[str, ...]] = field(default_factory=list)
    unmarked: dict[str, list[str]] = field(default_factory=dict)
    bare: dict[str, list[str]] = field(default_factory=dict)


@cache
def _whole() -> _Package:
    """Read the whole package, once for all tests."""
    found = _Package()
    for file in sorted(PACKAGE.rglob("*.py")):
        tree, name = ast.parse(file.read_bytes()), file.relative_to(ROOT).as_posix()
        nodes, calls = _nodes(tree)
        found.sentences += _said(calls)
        found.unmarked[name] = [*_unmarked(nodes, calls), *_too_early(tree)]
        if file.is_relative_to(PACKAGE / "ui"):
            found.bare[name] = list(_bare(calls))
    assert found.sentences
    return found


Calls = Sequence[tuple[str, ast.Call]]
"""Each with the last part of the name that is called."""


def _nodes(tree: ast.AST) -> tuple[Sequence[ast.AST], Calls]:
    """All nodes, and the calls among them; it takes longer to find them than to look at them."""
    nodes = [*ast.walk(tree)]
    return nodes, [(_last_name(node.func), node) for node in nodes if isinstance(node, ast.Call)]


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _said(calls: Calls) -> Iterator[tuple[str, ...]]:
    """What is to be translated: a string or, for `tr_count`, two."""
    for name, call in calls:
        if name in FUNCTIONS and all(map(_is_literal, _words(name, call))):
            yield tuple(ast.literal_eval(word) for word in _words(name, call))


def _unmarked(nodes: Sequence[ast.AST], calls: Calls) -> Iterator[str]:
    """Calls whose words cannot be read here, and `tr` handed on to where that cannot be seen."""
    for name, call in calls:
        if name in FUNCTIONS:
            words = _words(name, call)
            is_marked = name == "tr" and len(words) == 1 and ast.unparse(words[0]) in MARKED
            if not is_marked and not (words and all(map(_is_literal, words))):
                yield ast.unparse(call)
    called = {call.func for _, call in calls}
    yield from (node.id for node in nodes if isinstance(node, ast.Name) and node.id in FUNCTIONS and node not in called)


def _too_early(tree: ast.AST) -> Iterator[str]:
    """Translations while a module is imported, when the language is not yet known."""
    if isinstance(tree, ast.Lambda):
        return
    if isinstance(tree, ast.Call) and _last_name(tree.func) in {"tr", "tr_count"}:
        yield ast.unparse(tree)
    children = ast.iter_child_nodes(tree)
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef):
        children = iter([tree.args, *tree.decorator_list])
    for child in children:
        yield from _too_early(child)


def _words(name: str, call: ast.Call) -> list[ast.expr]:
    return call.args[: 2 if name == "tr_count" else 1]


def _is_literal(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _bare(calls: Calls) -> Iterator[str]:
    """Literals with letters that a widget is given to show."""
    for name, call in calls:
        if name in SHOWING:
            for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
                yield from (word for word in _literals(argument) if re.search("[^\\W\\d_]", word) and word not in NAMES)


def _literals(node: ast.expr) -> Iterator[str]:
    """The strings that `node` may become, whole or in parts; what other calls make of theirs is not known."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.JoinedStr(values=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from _literals(part)
        case ast.BinOp(left=one, right=other) | ast.IfExp(body=one, orelse=other):
            yield from _literals(one)
            yield from _literals(other)
        case ast.Call(func=ast.Attribute(value=inner, attr="format")):
            yield from _literals(inner)


def _pairs(entry: Any) -> list[tuple[str, str]]:
    """Each translation with what it has to agree with: the last forms with the plural."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    first, *others = [translation for _, translation in sorted(entry.msgstr_plural.items())]
    return [(entry.msgid, first), *((entry.msgid_plural, other) for other in others)]


def _placeholders(words: str) -> list[str]:
    return sorted(f"{name}:{form}!{how}" for _, name, form, how in Formatter().parse(words) if name is not None)

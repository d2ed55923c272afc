"""`phichat history` and `phichat chat --save` as people and scripts use them."""

import io
import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from phichat import cli, i18n
from phichat.chat.conversation import Ending, Role
from phichat.cli.console import Console
from phichat.engine.base import CancelToken, Done, Piece, Request
from phichat.errors import EngineDied
from phichat.exchange.export import Format
from phichat.store import connections
from phichat.store.base import ConversationRecord, ConversationSummary
from phichat.store.history import History
from tests.support.conversations import talk
from tests.support.fakes import ScriptedEngine

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def phichat(
    engine: ScriptedEngine, chatml_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs the program; its exit status, and what it wrote to stdout and stderr."""
    monkeypatch.setenv("HF_HUB_CACHE", str(chatml_model.parent / "no-cache"))

    def run(*arguments: str, said: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        model = ["--model", str(chatml_model)] if arguments[0] == "chat" else []
        status = cli.run([*model, *arguments], _no_window, lambda _: engine)
        return (status, *capsys.readouterr())

    return run


def _no_window(*_: object) -> int:
    raise AssertionError("no window is wanted here")


@contextmanager
def _history(home: Path) -> Iterator[History]:
    with closing(History(home / "history.sqlite3")) as history:
        history.ready.result()
        yield history


def _records(home: Path) -> list[ConversationRecord]:
    with _history(home) as history:
        return list(history.iter_conversations())


@pytest.fixture
def kept(home: Path) -> list[ConversationRecord]:
    """Two conversations that are there."""
    records = [
        talk("What is an owl?", "A bird.", title="Owls", created=1.7e9),
        talk("Et un hibou ?", "Un oiseau <b>aussi</b>.", title="Hiboux", created=1.71e9),
    ]
    home.mkdir()
    with _history(home) as history:
        for record in records:
            history.save_conversation(record).result()
    return records


def test_conversations_are_listed_newest_first(phichat: Run, kept: list[ConversationRecord]) -> None:
    status, out, err = phichat("history", "list")
    assert (status, err) == (0, "")
    first, second = out.splitlines()
    assert "Hiboux" in first
    assert "Owls" in second
    listed = [json.loads(line) for line in phichat("history", "list", "--json")[1].splitlines()]
    assert [each["title"] for each in listed] == ["Hiboux", "Owls"]
    assert set(listed[0]) == {"id", "title", "created", "changed", "pinned", "deleted", "draft"}


def test_drafts_are_told_from_conversations(phichat: Run, kept: list[ConversationRecord], home: Path) -> None:
    with _history(home) as history:
        draft = ConversationSummary("draft", "Pasted text.txt", 1.8e9, 1.8e9)
        history.save_conversation(ConversationRecord(draft, draft="Not sent yet")).result()
    first, *others = phichat("history", "list")[1].splitlines()
    assert first.endswith("Draft: Pasted text.txt")
    assert not any("Draft" in line for line in others)
    listed = [json.loads(line) for line in phichat("history", "list", "--json")[1].splitlines()]
    assert [each["draft"] for each in listed] == [True, False, False]


def test_words_find_conversations(phichat: Run, kept: list[ConversationRecord]) -> None:
    (line,) = phichat("history", "list", "oise")[1].splitlines()
    assert "Un oiseau" in line
    found = json.loads(phichat("history", "list", "--json", "bird")[1])
    assert (found["id"], found["message"]) == (kept[0].summary.id, "Owls 1")
    assert phichat("history", "list", "dinosaur") == (0, "", "No results.\n")


def test_an_empty_history_says_so(phichat: Run, home: Path) -> None:
    assert phichat("history", "list") == (0, "", "No saved conversations yet.\n")
    assert phichat("history", "list", "--json") == (0, "", "")


def test_a_conversation_is_shown_by_the_beginning_of_its_id(phichat: Run, kept: list[ConversationRecord]) -> None:
    status, out, err = phichat("history", "show", "id of ow")
    assert (status, err) == (0, "")
    assert out.index("Owls") < out.index("What is an owl?") < out.index("A bird.")
    assert json.loads(phichat("history", "show", "id of owls", "--json")[1])["conversations"][0]["title"] == "Owls"


@pytest.mark.parametrize(
    ("name", "sentence"), [("nope", "No conversation has the ID nope"), ("id", "Type more characters")]
)
def test_an_id_that_names_none_or_several_is_one_sentence(
    phichat: Run, kept: list[ConversationRecord], name: str, sentence: str
) -> None:
    for action in ("show", "remove"):
        status, out, err = phichat("history", action, name)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert sentence in err


def test_the_bin_takes_and_gives_back(phichat: Run, kept: list[ConversationRecord]) -> None:
    assert phichat("history", "remove", "id of owls")[:2] == (
        0, "1 conversation was moved to the trash. It will be deleted after 30 days.\n",
    )  # fmt: skip
    assert "Owls" not in phichat("history", "list")[1]
    assert "Owls" in phichat("history", "list", "--trash")[1] == phichat("history", "list", "--bin")[1]
    assert json.loads(phichat("history", "restore", "id of owls", "--json")[1]) == {"restored": ["id of Owls"]}
    assert "Owls" in phichat("history", "list")[1]


@pytest.mark.parametrize(("name", "part"), [("a.json", '"format": "phichat"'), ("a.md", "# Owls"), ("a.txt", "===="),
                                            ("a.html", ">Owls</h1>")])  # fmt: skip
def test_the_ending_decides_what_is_exported(
    phichat: Run, kept: list[ConversationRecord], tmp_path: Path, name: str, part: str
) -> None:
    status, out, err = phichat("history", "export", str(tmp_path / name))
    assert (status, out) == (0, "")
    assert err == f"Exported 2 conversations to {tmp_path / name}.\n"
    assert part in (tmp_path / name).read_text("utf-8")


def test_in_a_terminal_an_export_replaces_a_file_only_when_told_to(
    phichat: Run, kept: list[ConversationRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.md"
    assert [phichat("history", "export", str(file))[0] for _ in range(2)] == [0, 0], "scripts replace it"
    monkeypatch.setattr(Console, "is_interactive", True)
    file.write_text("Mine", "utf-8")
    status, out, err = phichat("history", "export", str(file))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.endswith("already exists. Choose another name, or add --overwrite to replace it.\n")
    assert file.read_text("utf-8") == "Mine"
    assert phichat("history", "export", str(file), "--overwrite")[0] == 0
    assert "# Owls" in file.read_text("utf-8")


def test_exports_go_to_stdout_too(phichat: Run, kept: list[ConversationRecord]) -> None:
    values = json.loads(phichat("history", "export", "-")[1])
    assert [each["title"] for each in values["conversations"]] == ["Hiboux", "Owls"]
    status, out, err = phichat("history", "export", "-", "id of owls", "--format", "markdown")
    assert (status, err) == (0, "")
    assert out.startswith("# Owls\n")
    assert "Hiboux" not in out


def test_an_export_that_cannot_be_is_one_sentence(phichat: Run, kept: list[ConversationRecord], tmp_path: Path) -> None:
    assert "Choose a format with --format" in phichat("history", "export", str(tmp_path / "a.pdf"))[2]
    status, out, err = phichat("history", "export", str(tmp_path / "no" / "a.json"))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert phichat("history", "export", "a", "--format", "pdf")[0] == 2


@pytest.mark.parametrize("kind", list(Format))
def test_every_format_can_be_asked_for(phichat: Run, kept: list[ConversationRecord], kind: Format) -> None:
    status, out, err = phichat("history", "export", "-", "--format", str(kind))
    assert (status, err) == (0, "")
    assert "Owls" in out


def test_what_was_exported_comes_back(
    phichat: Run, kept: list[ConversationRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "all.json")
    phichat("history", "export", file)
    monkeypatch.setenv("PHICHAT_HOME", str(tmp_path / "other"))
    assert phichat("history", "import", file) == (0, "Imported 2 conversations with 4 new messages.\n", "")
    assert sorted(_records(tmp_path / "other"), key=lambda each: each.summary.created) == kept
    status, out, err = phichat("history", "import", file)
    assert (status, out, err) == (
        0, "Imported 0 conversations with 0 new messages.\n", "2 conversations were already up to date.\n",
    )  # fmt: skip
    assert json.loads(phichat("history", "import", file, "--json")[1]) == {
        "conversations": 0, "messages": 0, "unchanged": 2, "skipped": 0,
    }  # fmt: skip


def test_what_is_kept_can_be_read_where_nothing_can_be_written(
    phichat: Run, kept: list[ConversationRecord], home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect = connections.connect
    monkeypatch.setattr(connections, "connect", lambda file, mode="rwc": connect(file, "ro" if file else mode))
    before = {path: path.read_bytes() for path in home.iterdir()}
    assert "Owls" in phichat("history", "list")[1]
    assert "Owls" in phichat("history", "show", "id of owls")[1]
    assert phichat("history", "export", "-")[0] == 0
    assert phichat("history", "export", str(tmp_path / "all.json"))[0] == 0
    for arguments in (["remove", "id of owls"], ["import", str(tmp_path / "all.json")]):
        status, out, err = phichat("history", *arguments)
        assert (status, out) == (1, "")
        assert "can’t write to" in err
    assert {path: path.read_bytes() for path in home.iterdir() if path.suffix == ".sqlite3"}.items() <= before.items()


def test_what_a_crash_left_is_read_where_nothing_can_be_written(
    phichat: Run, kept: list[ConversationRecord], home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its last conversation is in the write-ahead log alone, which SQLite reads only where it can write."""
    with _history(home) as history:
        history.save_conversation(talk("Late", "Well.", title="Late")).result()
        for name in ("history.sqlite3", "history.sqlite3-wal"):
            (tmp_path / name).write_bytes((home / name).read_bytes())
    connect = connections.connect

    def refuse(file: Path | None, mode: str = "rwc") -> sqlite3.Connection:
        if file and mode in {"rwc", "ro"}:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(file, mode)

    monkeypatch.setattr(connections, "connect", refuse)
    monkeypatch.setenv("PHICHAT_HOME", str(tmp_path))
    status, out, _ = phichat("history", "list")
    assert status == 0
    assert "Late" in out
    assert "Owls" in out


def test_where_nothing_is_kept_and_nothing_can_be_written_the_list_is_empty(
    phichat: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path | None, mode: str = "rwc") -> sqlite3.Connection:
        if mode == "rwc" and file:
            raise PermissionError(13, "Permission denied")
        return connect(file, mode)

    home.mkdir(exist_ok=True)
    connect = connections.connect
    monkeypatch.setattr(connections, "connect", refuse)
    assert phichat("history", "list") == (0, "", "No saved conversations yet.\n")


def test_where_nothing_can_be_written_a_command_promises_nothing(phichat: Run, tmp_path: Path, home: Path) -> None:
    file = tmp_path / "all.json"
    file.write_text('{"format": "phichat", "version": 1, "conversations": []}')
    home.write_text("in the way")
    sentence = f"Phichat can’t write to {home}. Check the folder’s permissions."
    assert phichat("history", "import", str(file)) == (1, "", f"{sentence}\n")
    said = phichat("chat", "--save", said="Hi\n")
    assert said == (1, "", f"{sentence} To chat without saving, leave out --save.\n")


def test_an_empty_trash_is_not_an_empty_history(phichat: Run, kept: list[ConversationRecord]) -> None:
    assert phichat("history", "list", "--trash") == (0, "", "The trash is empty.\n")


def test_only_what_changes_is_counted(phichat: Run, kept: list[ConversationRecord]) -> None:
    one, other = "id of Owls", "id of Hiboux"
    assert json.loads(phichat("history", "remove", one, one, "--json")[1]) == {"removed": [one]}
    status, out, err = phichat("history", "remove", one, other)
    assert (status, out.startswith("1 conversation was moved")) == (0, True)
    assert err == "1 conversation was already in the trash.\n"
    assert json.loads(phichat("history", "restore", one, "--json")[1]) == {"restored": [one]}
    assert phichat("history", "restore", one) == (0, "", "1 conversation wasn’t in the trash.\n")


def test_importing_what_is_in_the_bin_again_leaves_it_there(
    phichat: Run, kept: list[ConversationRecord], tmp_path: Path
) -> None:
    file = str(tmp_path / "all.json")
    phichat("history", "remove", "id of owls")
    phichat("history", "export", file, "id of owls")
    assert json.loads(phichat("history", "import", file, "--json")[1])["unchanged"] == 1
    assert "Owls" not in phichat("history", "list")[1]


def test_an_import_that_makes_no_sense_is_one_sentence(phichat: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "photo.json"
    file.write_bytes(b"\x89PNG")
    status, out, err = phichat("history", "import", str(file))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "You can import files exported from Phichat" in err


def test_the_history_speaks_french(phichat: Run, kept: list[ConversationRecord], tmp_path: Path) -> None:
    i18n.set_language("fr")
    assert (
        phichat("history", "export", str(tmp_path / "a.txt"))[2]
        == f"Exportation vers {tmp_path / 'a.txt'} terminée\u00a0: 2 conversations.\n"
    )


def test_a_conversation_is_kept_when_asked(
    phichat: Run, engine: ScriptedEngine, home: Path, chatml_model: Path
) -> None:
    engine.enqueue("Hel", "lo")
    engine.enqueue("More", Done(Ending.LENGTH, 8, completion_tokens=1))
    assert phichat("chat", "--save", "--system", "Be brief.", "--seed", "8", said="Hi there\nAgain\n")[:2] == (
        0, "Hello\nMore\n",
    )  # fmt: skip
    (record,) = _records(home)
    assert (record.summary.title, record.system, record.model) == ("Hi there", "Be brief.", "tiny-chatml")
    assert record.sampling["seed"] == 8
    assert [(message.role, message.text) for message in record.messages] == [
        (Role.USER, "Hi there"), (Role.ASSISTANT, "Hello"), (Role.USER, "Again"), (Role.ASSISTANT, "More"),
    ]  # fmt: skip
    assert record.tip == record.messages[-1].id
    first, second = (message.reply for message in record.messages if message.reply)
    assert (first.model, first.seed, first.tokens, first.ending) == ("tiny-chatml", 8, (1000, 1001), Ending.STOP)
    assert (first.statistics["completion_tokens"], first.sampling["temperature"]) == (2, 0.7)
    assert (first.engine["settings"]["context"], first.engine["library"]) == (4096, "scripted")
    assert second.ending is Ending.LENGTH


def test_a_conversation_is_not_kept_otherwise(phichat: Run, home: Path) -> None:
    assert phichat("chat", said="Hi\n")[0] == 0
    assert not (home / "history.sqlite3").exists()


def test_json_is_the_same_with_and_without_keeping(phichat: Run) -> None:
    outs = [phichat("chat", "--json", "--seed", "1", *extra, said="Hi\n")[1] for extra in ([], ["--save"])]
    assert outs[0] == outs[1]


def test_a_question_is_stored_before_the_model_sees_it(
    phichat: Run, engine: ScriptedEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def generate(request: Request, stop: CancelToken) -> Iterator[Piece | Done]:
        seen.append([message.text for message in _records(home)[0].messages])
        yield Piece("Hello", 5)
        yield Done(Ending.STOP, 1)

    monkeypatch.setattr(engine, "generate", generate)
    assert phichat("chat", "--save", said="Hi\n")[0] == 0
    assert seen == [["Hi", ""]]


def test_what_was_said_before_the_model_died_is_kept(phichat: Run, engine: ScriptedEngine, home: Path) -> None:
    engine.enqueue("Half a", EngineDied("It died."))
    assert phichat("chat", "--save", said="Hi\n")[0] == 1
    (record,) = _records(home)
    answer = record.messages[-1]
    assert answer.reply
    assert (answer.text, answer.reply.ending, answer.reply.tokens) == ("Half a", Ending.ERROR, (1000,))
    assert answer.reply.statistics == {"error": "It died."}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_what_was_shown_is_kept_when_the_program_is_ended(
    phichat: Run, engine: ScriptedEngine, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("Windows has no such signal")

    def generate(request: Request, stop: CancelToken) -> Iterator[Piece | Done]:
        yield Piece("Once", 1)
        yield Piece(" upon", 2)
        for _ in range(2):  # a terminal that is closed and its shell send one each
            signal.raise_signal(number)
        assert stop.wait(30)
        yield Done(Ending.CANCELLED, request.sampling.seed or 0)

    before = signal.getsignal(number)
    monkeypatch.setattr(engine, "generate", generate)
    said = phichat("chat", "--save", said="Hi\nAnd?\n")
    assert said == (128 + number, "Once upon\n", "Stopped.\n")
    (record,) = _records(home)
    assert [message.text for message in record.messages] == ["Hi", "Once upon"]
    assert record.messages[-1].reply
    assert record.messages[-1].reply.ending is Ending.CANCELLED
    assert signal.getsignal(number) is before


def test_a_history_that_cannot_be_opened_is_one_sentence(phichat: Run, engine: ScriptedEngine, home: Path) -> None:
    (home / "history.sqlite3").mkdir(parents=True)
    for arguments in (["chat", "--save"], ["history", "list"]):
        status, out, err = phichat(*arguments, said="Hi\n")
        assert (status, out, err.count("\n")) == (1, "", 1)
    assert not engine.requests


def test_signs_count_when_words_are_searched(phichat: Run, home: Path) -> None:
    with _history(home) as history:
        for text in ("Learn C++ or C#", "See cats", "It costs $23", "23 euros", "Rust"):
            history.save_conversation(talk(text, "Well.", title=text)).result()
    for query, found in (("C++", {"Learn C++ or C#"}), ("c#", {"Learn C++ or C#"}), ("$23", {"It costs $23"})):
        listed = [json.loads(line) for line in phichat("history", "list", "--json", query)[1].splitlines()]
        assert {each["title"] for each in listed} == found
        start, end = listed[0]["marks"][0]
        assert listed[0]["excerpt"][start:end].lower() == query.lower()

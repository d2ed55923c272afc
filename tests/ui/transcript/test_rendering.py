"""What a model wrote is in the window: whole at every moment of its growth, and with the words bold that it marked."""

from collections import Counter
from typing import Any

import pytest
from PySide6.QtGui import QFont, QTextCursor

from phichat.chat.conversation import Ending, Message, Reply, Role
from phichat.ui.controllers.generation import GenerationState
from tests.support.fakes import ScriptedEngine
from tests.ui.conftest import Person

ANSWER = """\
It needs ~8 minutes; [2, 7) is half-open, and 6*7*8 = 336. See [the page][1].

| code | meaning |
|---|---|
| `a ~ (1 | b)` | of R |
| one<br>two | `x || y` |

```md
# Read me
```sh
make
```
```

**“水”**很重要。 Or [a second page][1] and *more*.

[1]: https://one.example/
"""


@pytest.fixture
def view(person: Person, engine: ScriptedEngine) -> Any:
    """The view of an answer."""
    engine.enqueue("One")
    person.ask("Question")
    person.wait_for(GenerationState.IDLE)
    return person.find("message-1")


def grow(person: Person, view: Any, text: str, *, is_growing: bool = True) -> str:
    """Let the answer be `text`; return all that is on the screen then."""
    old = view.message
    reply = Reply(ending=Ending.ANSWERING if is_growing else Ending.STOP)
    view.show_message(Message(Role.ASSISTANT, text, id=old.id, reply=reply))
    view.show_now()
    return shown(view)


def shown(view: Any) -> str:
    return "\n".join(field.toPlainText().replace("\xa0", " ") for field in view.text_edits())


def bold(field: Any) -> list[str]:
    found, cursor = [""], QTextCursor(field.document())
    while cursor.movePosition(QTextCursor.MoveOperation.Right):
        letter = field.document().characterAt(cursor.position() - 1)
        if cursor.charFormat().fontWeight() == QFont.Weight.Bold:
            found[-1] += letter
        elif found[-1]:
            found.append("")
    return [word for word in found if word]


def test_every_letter_is_on_the_screen_while_an_answer_grows(person: Person, view: Any) -> None:
    consumed = Counter("br" * 2 + "md" + "https://one.example/" * 2)
    for end in range(1, len(ANSWER) + 1):
        text = ANSWER[:end]
        on_screen = grow(person, view, text)
        lost = Counter(filter(str.isalpha, text)) - Counter(on_screen) - consumed
        assert not lost, text
        made = Counter("".join(on_screen.split())) - Counter(text)
        assert not made, text
    assert shown(view).count("\n") > 8


def test_the_finished_answer_reads_as_it_is_meant(person: Person, view: Any) -> None:
    grow(person, view, ANSWER)
    grow(person, view, ANSWER, is_growing=False)
    person.wait(lambda: len(view.text_edits()) == 4)
    prose, table, code, end = view.text_edits()
    assert prose.toPlainText() == "It needs ~8 minutes; [2, 7) is half-open, and 6*7*8 = 336. See the page."
    assert table.toPlainText().split("\n")[1:-1] == ["code", "meaning", "a ~ (1 | b)", "of R", "one", "two", "x || y"]
    assert code.toPlainText() == "# Read me\n```sh\nmake\n```"
    assert end.toPlainText() == "“水”很重要。 Or a second page and more."
    assert bold(end) == ["“水”"]


def test_what_was_seen_while_it_grew_stays_when_it_ends(person: Person, view: Any) -> None:
    long = ("a long line of words that goes on " * 100 + "\n\n") * 15 + "The last words"
    grow(person, view, long)
    grow(person, view, long, is_growing=False)
    assert shown(view).endswith("The last words")
    assert view.is_whole()


def test_the_text_of_list_items_stands_off_their_numbers(person: Person, engine: ScriptedEngine) -> None:
    engine.enqueue("9. Apple\n10. Pear\n\nMore:\n\n99. Plum\n100. Fig\n")
    person.ask("Which?")
    person.wait(lambda: person.window.generation.state is GenerationState.IDLE)
    text = person.find("message-1").text_edits()[0]

    def place(word: str) -> tuple[int, int]:
        """Where the number before a word ends, and where the word begins."""
        at = text.document().find(word).selectionStart()
        cursors = (QTextCursor(text.document()), QTextCursor(text.document()))
        for cursor, position in zip(cursors, (at - 1, at), strict=True):
            cursor.setPosition(position)
        return text.cursorRect(cursors[0]).x(), text.cursorRect(cursors[1]).x()

    places = [place(word) for word in ("Apple", "Pear", "Plum", "Fig")]
    assert all(begin - end >= 3 for end, begin in places)
    assert len({begin for _, begin in places[:3]}) == 1
    assert places[3][1] < places[2][1] + 15

"""What a screen reader does, through AT-SPI: takes orders as lines of JSON, and answers each with one.

It runs under the system's Python, which has the libraries for it: no other part of the tests imports this.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402 - once it is known which

PRESSING = ("Press", "Toggle", "click", "ShowMenu")
MANY = 400  # children of one thing, beyond which it is not a window of ours

said: list[str] = []


def nodes(node: Any, *, only_shown: bool = True) -> Iterator[Any]:
    """`node` and all that is in it."""
    for at in range(min(node.get_child_count(), MANY)):
        child = node.get_child_at_index(at)
        if child and (not only_shown or child.get_state_set().contains(Atspi.StateType.SHOWING)):
            yield child
            yield from nodes(child, only_shown=only_shown)


def window() -> Any:
    """The application under test, as it is now."""
    desktop = Atspi.get_desktop(0)
    for at in range(desktop.get_child_count()):
        application = desktop.get_child_at_index(at)
        if application and application.get_name() == "Phichat":
            application.clear_cache()
            return application
    raise LookupError


def found(name: str, role: str = "") -> list[Any]:
    """What is called `name` and can be seen, from top to bottom."""
    return [node for node in nodes(window()) if node.get_name() == name and role in {"", node.get_role_name()}]


def press(name: str) -> bool:
    """Do what a button does."""
    for node in found(name):
        node.clear_cache()  # it may have been asked while it could do nothing
        for number in range(node.get_n_actions()):
            if node.get_action_name(number) in PRESSING:
                return bool(node.do_action(number))
    return False


def write(name: str, text: str) -> bool:
    """Have `text` in a field."""
    return any(node.get_editable_text_iface().set_text_contents(text) for node in found(name)[:1])


def read(name: str) -> list[str]:
    """The text of everything that is called so."""
    texts = [node.get_text_iface() for node in found(name)]
    return [Atspi.Text.get_text(text, 0, -1) for text in texts if text]


def cells(name: str) -> list[str]:
    """What is in the list of that name, row by row."""
    rows = [node for node in nodes(found(name)[0]) if node.get_role_name() in {"table cell", "tree item", "list item"}]
    return [node.get_name() for node in rows]


def told(name: str) -> list[str]:
    """What is told besides the name."""
    return [node.get_description() for node in found(name)]


def change(name: str, role: str, value: float) -> bool:
    """Set the value of a slider or the like."""
    return any(node.get_value_iface().set_current_value(value) for node in found(name, role))


def value(name: str, role: str) -> float:
    """The value of a slider or the like."""
    return float(found(name, role)[0].get_value_iface().get_current_value())


def label(node: Any) -> str:
    """What another one says of it, as a combo box has its choice for a name."""
    relations = [one for one in node.get_relation_set() if one.get_relation_type() == Atspi.RelationType.LABELLED_BY]
    return relations[0].get_target(0).get_name() if relations else ""


def sweep() -> list[dict[str, Any]]:
    """All that takes the focus or does something, with what is told of it."""
    rows = []
    for node in nodes(window(), only_shown=False):
        states = node.get_state_set()
        if states.contains(Atspi.StateType.FOCUSABLE) or node.get_n_actions():
            worth = node.get_value_iface()
            rows.append(
                {
                    "role": node.get_role_name(),
                    "name": node.get_name(),
                    "label": label(node),
                    "text": bool(node.get_text_iface()),
                    "value": worth.get_current_value() if worth else None,
                    "most": worth.get_maximum_value() if worth else None,
                }
            )
    return rows


def listen(event: Any) -> None:
    """Keep what the application says."""
    said.append(event.any_data)


def obey(source: Any, _: Any) -> bool:
    """Carry out one order; at the end of them, leave."""
    line = sys.stdin.readline()
    if not line:
        loop.quit()
        return False
    order, *arguments = json.loads(line)
    try:
        answer: Any = said if order == "said" else ORDERS[order](*arguments)
    except (LookupError, GLib.Error) as error:  # it is not there yet, or any more
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
    return True


ORDERS: dict[str, Callable[..., Any]] = {
    order.__name__: order for order in (press, write, read, cells, told, change, value, sweep)
}

if __name__ == "__main__":
    listener = Atspi.EventListener.new(listen)
    listener.register("object:announcement")
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, obey)
    print(json.dumps("ready"), flush=True)
    loop.run()

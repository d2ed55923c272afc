"""Asks once before messages are sent to a host that none was sent to before."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from phichat.engine.remote.base import Server, is_this_computer
from phichat.i18n import tr
from phichat.ui.controllers.generation import GenerationController
from phichat.ui.controllers.preferences import PreferencesStore
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.parent import parent_window

if TYPE_CHECKING:
    from phichat.engine.base import ModelRef


class SendingConsent(QObject):
    """Keeps the hosts that the user agreed to in the preferences; `generation` sends nothing to any other."""

    def __init__(
        self, theme: Theme, generation: GenerationController, preferences: PreferencesStore, window: QWidget
    ) -> None:
        super().__init__(window)
        self._theme, self._generation, self._preferences = theme, generation, preferences
        generation.may_send_to = preferences.may_send_to

    def is_given(self, send: Callable[[], object], model: "ModelRef | None" = None) -> bool:
        """Return whether messages may be sent to `model`, by default the one in use; if not, ask.

        `send` is called when the user has agreed.
        """
        model = model or self._generation.model
        if model is None or self._preferences.may_send_to(model):
            return True
        from phichat.ui.widgets.dialogs import ask_question  # noqa: PLC0415 - once for a host

        host = model.host

        def agree() -> None:
            self._preferences.agree_to(host)
            send()

        window = parent_window(self, QWidget)
        ask_question(self._theme, window, "consentQuestion", _question(model), tr("Send"), tr("Don’t send"), agree)
        return False


def _question(model: "ModelRef") -> str:
    host = model.host
    sentences = [tr("Send messages to {host}?").format(host=host) + "\n"]
    if is_this_computer(urlsplit(model.server_url).hostname or ""):
        sentences.append(tr("{model} runs in another app on this computer.").format(model=model.title))
    else:
        sentences.append(
            tr("{model} runs on a server, so what you write leaves this computer.").format(model=model.title)
        )
    sentences.append(
        tr(
            "The server receives your message, the files and passages that go with it, and the conversation "
            "so far. Whoever runs the server may keep a copy."
        )
    )
    if not Server("", model.server_url).is_encrypted:
        sentences.append(tr("The connection isn’t encrypted: others on the network could read your messages."))
    sentences.append(tr("Phichat asks this only once for each server."))
    return sentences[0] + "\n" + " ".join(sentences[1:])

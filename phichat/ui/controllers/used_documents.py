"""Which collections of documents each conversation uses: remembered in the preferences."""

from collections.abc import Sequence

from phichat.chat.session import Session
from phichat.ui.controllers.preferences import PreferencesStore

MOST_REMEMBERED = 500
"""Conversations whose documents are remembered; of older ones they have to be chosen again."""


class UsedDocuments:
    """Names of collections, by conversation; those of temporary conversations are forgotten when Phichat quits.

    A conversation's own documents are a collection that is named after its id.
    """

    def __init__(self, preferences: PreferencesStore) -> None:
        self._preferences = preferences
        self._temporary: dict[str, list[str]] = {}

    def of(self, session: Session) -> tuple[str, ...]:
        """Return the names of the collections that `session` uses."""
        name = session.conversation.id
        return tuple(self._temporary.get(name) or self._preferences.current.documents.get(name, ()))

    def has_own(self, name: str) -> bool:
        """Return whether a collection has the own documents of a conversation."""
        return name in self._preferences.current.documents.get(name, ())

    def use(self, session: Session, name: str, *, is_used: bool) -> Sequence[str]:
        """Have `session` use the collection `name`, or no longer; return which conversations are forgotten for it."""
        names = [each for each in self.of(session) if each != name] + ([name] if is_used else [])
        if session.is_temporary:
            self._temporary[session.conversation.id] = names
            return ()
        known = dict(self._preferences.current.documents)
        known.pop(session.conversation.id, None)
        forgotten = [*known][: max(0, len(known) + bool(names) - MOST_REMEMBERED)]
        kept = {key: known[key] for key in known if key not in forgotten}
        self._preferences.set_value("documents", {**kept, session.conversation.id: names} if names else kept)
        return forgotten

    def remove(self, name: str) -> None:
        """Have no conversation use the collection `name`."""
        known = self._preferences.current.documents
        if any(name in names for names in known.values()):
            left = {key: [each for each in names if each != name] for key, names in known.items()}
            self._preferences.set_value("documents", {key: names for key, names in left.items() if names})
        self._temporary = {key: [each for each in names if each != name] for key, names in self._temporary.items()}

    def remembered(self) -> Sequence[str]:
        """Return the ids of the conversations that use any, but for temporary ones."""
        return tuple(self._preferences.current.documents)

    def forget(self, conversations: Sequence[str]) -> None:
        """Forget what these conversations used."""
        known = self._preferences.current.documents
        left = {key: known[key] for key in known if key not in conversations}
        if left != known:
            self._preferences.set_value("documents", left)

"""Where the Hub is, and the access token for it."""

import os
import re
from urllib.parse import urlsplit

from phichat.errors import HubRefused
from phichat.i18n import tr
from phichat.models.base import TokenState
from phichat.net.credentials import Credentials

OFFICIAL = "https://huggingface.co"

_TOKEN = re.compile(r"[!-~]{1,500}", re.ASCII)


def endpoint() -> str:
    """Return the Hub's base URL: HF_ENDPOINT, or the official one."""
    return (os.environ.get("HF_ENDPOINT") or OFFICIAL).rstrip("/")


def hub_host() -> str:
    """Return the Hub's host name, for messages."""
    return urlsplit(endpoint()).netloc.rpartition("@")[2] or endpoint()


def _server() -> str:
    """Return the server that tokens are kept for, with its scheme: an open connection does not get another's token."""
    return f"{urlsplit(endpoint()).scheme}://{hub_host()}"


class HubAccess:
    """The access token for the Hub: HF_TOKEN, else the one entered in the preferences, else that of `hf auth login`.

    A token that was entered belongs to the Hub it was entered for: another HF_ENDPOINT does not get it.
    """

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials

    def token(self) -> str | None:
        """Return the token, None if there is none. May block."""
        if token := os.environ.get("HF_TOKEN"):
            return token.strip() or None
        kept = self._credentials.get_token(_server()) if self._credentials else None
        return kept or _login_token()

    def token_state(self) -> TokenState:
        """Return which tokens there are, without asking the keyring."""
        server, credentials = _server(), self._credentials
        return TokenState(
            hub_host(),
            is_variable=bool(os.environ.get("HF_TOKEN", "").strip()),
            is_entered=bool(credentials and credentials.has_token(server)),
            is_kept=bool(credentials and credentials.is_kept(server)),
            is_from_login=bool(_login_token()),
        )

    def save_token(self, token: str) -> TokenState:
        """Use `token` from now on, and keep it in the system's keyring. Raise HubRefused for what cannot be one."""
        token = "".join(token.split())
        if not _TOKEN.fullmatch(token):
            raise HubRefused(
                tr("That isn’t an access token. Copy yours from your account settings on {host}.").format(
                    host=hub_host()
                )
            )
        if self._credentials:
            self._credentials.set_token(_server(), token)
        return self.token_state()

    def delete_token(self) -> TokenState:
        """Forget the token that was entered."""
        if self._credentials:
            self._credentials.delete_token(_server())
        return self.token_state()


def _login_token() -> str | None:
    """Return the token that `hf auth login` saved, which is for the official Hub only."""
    if endpoint() != OFFICIAL:
        return None
    from huggingface_hub import get_token  # noqa: PLC0415 - slow to import, and not needed with another token

    return None if os.environ.get("HF_TOKEN") else str(get_token() or "") or None  # it may return the variable's

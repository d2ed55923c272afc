"""On the way to the Hub: proxies, certificates, redirects, and what is never said to whom."""

import os
import stat
from pathlib import Path

import pytest

from phichat.cancellation import CancelToken
from phichat.errors import HubError, HubRefused, HubUnreachable
from phichat.i18n import set_language
from phichat.models.hub import Hub
from phichat.net.proxies import proxy_for
from tests.support.hub import faults
from tests.support.hub.answers import Answer
from tests.support.hub.server import HubServer
from tests.support.servers.certificates import OPENSSL
from tests.support.servers.proxy import ProxyServer

REPO, FILE, CONTENT = "owner/model-GGUF", "model-Q4_K_M.gguf", b"GGUF" * 1000

needs_openssl = pytest.mark.skipif(not OPENSSL, reason="no openssl command to make certificates with")


def look() -> int | None:
    return Hub().file_info(REPO, FILE, CancelToken()).bytes


@pytest.fixture
def there(hub: HubServer) -> HubServer:
    hub.add(REPO, FILE, CONTENT)
    return hub


def test_the_proxy_of_the_environment_is_used(there: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProxyServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert look() == len(CONTENT)
        assert proxy.requests


def test_except_where_the_environment_says_so(there: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProxyServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
        assert look() == len(CONTENT)
        assert not proxy.requests


def test_a_proxy_that_wants_a_password(there: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProxyServer("anna", "s3cret") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(HubRefused, match="The proxy requires a username and password"):
            look()
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://anna:wrong@"))
        with pytest.raises(HubRefused, match="The proxy requires a username and password") as caught:
            look()
        assert "wrong" not in str(caught.value)
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://anna:s3cret@"))
        assert look() == len(CONTENT)


def test_a_proxy_that_is_not_there_is_named(there: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://anna:s3cret@127.0.0.1:9")
    with pytest.raises(HubUnreachable, match=r"couldn’t connect to the proxy 127\.0\.0\.1:9") as caught:
        look()
    assert "s3cret" not in str(caught.value)


def test_a_proxy_that_makes_no_sense(there: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://anna:s3cret@old.example")
    with pytest.raises(HubRefused, match="A network setting isn’t valid") as caught:
        look()
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_desktops_proxy_counts_where_the_environment_names_none(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gsettings"
    settings.write_text(
        """#!/bin/sh
case "$2 $3" in
  "org.gnome.system.proxy mode") echo "'manual'" ;;
  "org.gnome.system.proxy ignore-hosts") echo "['localhost', 'near.example']" ;;
  "org.gnome.system.proxy.https host") echo "'proxy.example'" ;;
  "org.gnome.system.proxy.https port") echo 3128 ;;
  *) echo "''" ;;
esac
"""
    )
    settings.chmod(settings.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("sys.platform", "linux")
    assert proxy_for("https", "far.example") == "http://proxy.example:3128"
    assert proxy_for("https", "near.example") is None
    assert proxy_for("http", "far.example") is None
    monkeypatch.setenv("https_proxy", "other.example:8080")
    assert proxy_for("https", "far.example") == "http://other.example:8080"


@needs_openssl
def test_a_certificate_that_nobody_vouches_for(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer(tls=True) as server:
        server.add(REPO, FILE, CONTENT)
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        with pytest.raises(HubRefused, match=r"isn’t trusted .* SSL_CERT_FILE"):
            look()


@needs_openssl
def test_why_a_certificate_is_not_trusted_in_the_readers_language(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer(tls=True) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        set_language("fr")
        try:
            with pytest.raises(HubRefused, match=r"n’est pas approuvé \((son émetteur|sa chaîne|il est)"):
                look()
        finally:
            set_language("en")


def test_why_certificates_cannot_be_read_in_the_readers_language(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    set_language("fr")
    try:
        with pytest.raises(HubRefused) as caught:
            look()
    finally:
        set_language("en")
    assert "No such file" not in str(caught.value)
    assert "ce fichier ou ce dossier n’existe pas" in str(caught.value)


@needs_openssl
def test_an_authority_of_ones_own(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer(tls=True) as server, ProxyServer() as proxy:
        server.add(REPO, FILE, CONTENT)
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
        assert look() == len(CONTENT)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert look() == len(CONTENT)
        assert proxy.requests[0].method == "CONNECT"


@needs_openssl
def test_no_redirect_leads_out_of_encryption(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer(tls=True) as server:
        server.add(REPO, FILE, CONTENT)
        server.misbehave(faults.redirect(hub.endpoint))
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
        with pytest.raises(HubRefused, match="unencrypted"):
            look()
    assert not hub.requests


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_certificates_that_cannot_be_read(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(HubRefused, match="SSL_CERT_FILE"):
        look()


@pytest.mark.parametrize("address", ["huggingface.co", "ftp://hub.example", "https://", "x" * 300])
def test_an_endpoint_that_is_none(hub: HubServer, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(HubError, match="HF_ENDPOINT") as caught:
        look()
    assert str(caught.value).startswith(f"{address[:100]} isn’t a web address."), "as it was entered"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("Wed, 21 Oct 2015 07:28:07 GMT", 7), ("Wed, 21 Oct 2015 07:00:00 GMT", 0), ("soon", 0), ("-3", 0)],
)
def test_a_server_may_ask_for_time_by_its_own_clock(there: HubServer, said: str, seconds: int) -> None:
    """Whatever the clock of this computer says."""
    there.fail_with(429, headers={"Retry-After": said, "Date": "Wed, 21 Oct 2015 07:28:00 GMT"})
    with pytest.raises(HubUnreachable) as caught:
        look()
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("address", ["user:s3cret@127.0.0.1:9", "ftp://user:s3cret@hub.example"])
def test_a_password_in_the_endpoint_is_not_repeated(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(HubError) as caught:
        look()
    assert "s3cret" not in str(caught.value)


def test_a_name_and_password_for_a_mirror_go_to_it_alone(there: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", there.endpoint.replace("://", "://anna:s3cret@"))
    remote = Hub().file_info(REPO, FILE, CancelToken())
    with Hub().stream(remote, 0, CancelToken()) as body:
        assert b"".join(body.chunks) == CONTENT
    shown = {asked.place: asked.headers.get("authorization") for asked in there.requests}
    assert shown == {"resolve": "Basic YW5uYTpzM2NyZXQ=", "cdn": None}
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    look()
    assert there.requests[-1].headers["authorization"] == "Bearer hf_token"


def test_a_renamed_repository_is_found(there: HubServer) -> None:
    there.rename(REPO, "owner/other")
    assert look() == len(CONTENT)


def test_a_repository_lists_its_models(there: HubServer) -> None:
    there.add(REPO, "deep/other.GGUF", b"GGUF", licence="apache-2.0")
    there.add(REPO, "README.md", b"# Model", is_lfs=False)
    found = Hub().list_files(REPO, CancelToken())
    assert [(remote.file, remote.bytes) for remote in found] == [("deep/other.GGUF", 4), (FILE, len(CONTENT))]
    assert all(remote.licence and remote.sha256 for remote in found)


@pytest.mark.parametrize("repo", ["", "..", "a/b/c", "owner/na me", "owner/..", "-x/y", "owner/x--y"])
def test_names_that_no_repository_has(hub: HubServer, repo: str) -> None:
    with pytest.raises(HubRefused, match="isn’t a repository name"):
        Hub().list_files(repo, CancelToken())
    assert not hub.requests


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{}", b'{"siblings": [{}]}', b'{"siblings": 3}', b"<html>", b"[" * 9999]
)
def test_an_api_that_says_nonsense(there: HubServer, body: bytes) -> None:
    def change(asked: object, answer: Answer) -> None:
        answer.replace_body(body, "application/json")

    there.misbehave(faults.Fault(change, only_files=False), at="api")
    with pytest.raises(HubUnreachable, match="sent an unexpected page"):
        Hub().list_files(REPO, CancelToken())


def test_stopping_ends_a_question(there: HubServer) -> None:
    there.misbehave(faults.silence())
    stop = CancelToken()
    stop.set()
    with pytest.raises(HubUnreachable):
        Hub().file_info(REPO, FILE, stop)

"""Tests for the proxy that other tests rely on."""

import ssl

import httpx2
import pytest

from tests.support.hub import faults
from tests.support.hub.server import HubServer
from tests.support.servers.certificates import OPENSSL
from tests.support.servers.proxy import ProxyServer

PATH = "owner/repo/resolve/main/file.gguf"
CONTENT = bytes(range(256)) * 10_000


def test_passes_on(hub: HubServer) -> None:
    hub.add("owner/repo", "file.gguf", CONTENT)
    with ProxyServer() as proxy, httpx2.Client(proxy=proxy.url, verify=False, follow_redirects=True) as client:
        assert client.get(f"{hub.endpoint}/{PATH}").content == CONTENT
        assert proxy.requests[0].target == f"{hub.endpoint}/{PATH}"
        assert [asked.status for asked in proxy.requests] == [200, 200]
    assert hub.requests[0].path == f"/{PATH}"


def test_stands_in_for_other_hosts(hub: HubServer) -> None:
    hub.add("owner/repo", "file.gguf", CONTENT)
    with ProxyServer() as proxy, httpx2.Client(proxy=proxy.url, verify=False) as client:
        assert client.get(f"http://hub.test/{PATH}").status_code == 502
        proxy.routes["hub.test:80"] = int(hub.endpoint.rpartition(":")[2])
        assert client.get(f"http://hub.test/{PATH}").status_code == 302
    assert hub.requests[0].host == "hub.test"


def test_demands_a_password(hub: HubServer) -> None:
    with ProxyServer("ada", "secret") as proxy:
        refused = httpx2.Client(proxy=proxy.url, verify=False)
        let_in = httpx2.Client(proxy=proxy.url_with_password, verify=False)
        with refused, let_in:
            told = refused.get(f"{hub.endpoint}/{PATH}")
            assert (told.status_code, told.headers["Proxy-Authenticate"]) == (407, 'Basic realm="proxy"')
            assert hub.requests == []
            assert let_in.get(f"{hub.endpoint}/{PATH}").status_code == 401
        assert [asked.status for asked in proxy.requests] == [407, 200]
    assert "proxy-authorization" not in hub.requests[0].headers


def test_refuses(hub: HubServer) -> None:
    with ProxyServer() as proxy, httpx2.Client(proxy=proxy.url, verify=False) as client:
        proxy.refuses_with = 503
        assert client.get(f"{hub.endpoint}/{PATH}").status_code == 503


@pytest.mark.skipif(not OPENSSL, reason="there is no openssl command")
def test_tunnels() -> None:
    with HubServer(tls=True) as hub, ProxyServer("ada", "secret") as proxy:
        hub.add("owner/repo", "file.gguf", CONTENT)
        trusting = ssl.create_default_context(cafile=hub.authority)
        with httpx2.Client(proxy=proxy.url_with_password, verify=trusting, follow_redirects=True) as client:
            assert client.get(f"{hub.endpoint}/{PATH}").content == CONTENT
        with httpx2.Client(proxy=proxy.url, verify=trusting) as client, pytest.raises(httpx2.ProxyError, match="407"):
            client.get(f"{hub.endpoint}/{PATH}")
        assert {asked.method for asked in proxy.requests} == {"CONNECT"}


def test_closes_with_a_stalled_request_under_way(hub: HubServer) -> None:
    hub.misbehave(faults.silence())
    with ProxyServer() as proxy, pytest.raises(httpx2.ReadTimeout):
        httpx2.get(f"{hub.endpoint}/{PATH}", proxy=proxy.url, verify=False, timeout=0.2)

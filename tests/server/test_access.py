"""Who may use the server: host names, web pages, keys."""

import pytest
from starlette.datastructures import Headers

from phichat.server.access import Access, new_key
from phichat.server.api_error import ApiError
from tests.server.conftest import Running, Serve
from tests.support.fakes import ScriptedEngine

CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
PAGE = "https://page.example"


def refusal(access: Access, path: str = "/v1/models", *, is_preflight: bool = False, **headers: str) -> int:
    """The status of a request that is refused; 0 if it may come in."""
    given = {"host": "localhost:8080", **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        access.check(Headers(given), path, is_preflight=is_preflight)
    except ApiError as error:
        return error.status
    return 0


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.1.2.3", "[::1]:8080", "[::1]", "localhost.:80"]
)
def test_names_of_this_computer(host: str) -> None:
    assert not refusal(Access(), host=host)


@pytest.mark.parametrize(
    "host",
    ["", "page.example", "page.example:8080", "localhost.page.example", "127.0.0.1.page.example", "192.168.1.5",
     "[::1", "[::ffff:1.2.3.4]", "localhost@page.example", "2130706433", "0x7f000001", "0.0.0.0", "a b"],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here(host: str) -> None:
    """DNS rebinding: a page's own name gets this computer's address."""
    assert refusal(Access(), host=host) == 403


def test_a_forwarded_port_is_let_in_and_a_page_at_another_port_is_not(
    scripted: Running, engine: ScriptedEngine
) -> None:
    """`ssh -L 9000:localhost:8080` changes the port that a client names; no page can choose what its browser names."""
    for host in ("localhost:9000", "127.0.0.1:9000", "[::1]:9000"):
        assert scripted.ask("/v1/models", headers={"Host": host}).status == 200
    for page in ("http://localhost:9000", f"http://127.0.0.1:{scripted.server.port + 1}"):
        answer = scripted.ask("/v1/chat/completions", CHAT, headers={"Origin": page})
        assert (answer.status, answer.error["code"]) == (403, "origin_not_allowed")
    assert scripted.ask("/v1/models", headers={"Sec-Fetch-Site": "same-site"}).status == 403
    assert scripted.ask("/v1/models", headers={"Host": "page.example:9000"}).status == 403
    assert not engine.requests


def test_names_in_a_network() -> None:
    rules = Access(is_local=False, hosts=("My-PC.lan",))
    assert not refusal(rules, host="192.168.1.5:8080")
    assert not refusal(rules, host="my-pc.lan")
    assert refusal(rules, host="page.example") == 403


def test_pages() -> None:
    assert refusal(Access(), origin=PAGE) == 403
    assert refusal(Access(), origin="null") == 403
    assert refusal(Access(), origin="http://localhost:8080") == 403
    assert not refusal(Access(origins=(f"{PAGE}/",)), origin=PAGE)
    assert refusal(Access(origins=(PAGE,)), origin=f"{PAGE}.evil.example") == 403
    assert not refusal(Access(origins=("*",)), origin=PAGE)


def test_pages_that_ask_without_saying_from_where() -> None:
    """As with pictures and forms."""
    for site in ("cross-site", "same-site"):
        assert refusal(Access(), sec_fetch_site=site) == 403
    assert not refusal(Access(), sec_fetch_site="none")


def test_keys() -> None:
    rules = Access("kéy")
    assert refusal(rules) == 401
    for wrong in ("Bearer", "Bearer ", "Bearer k", "Basic kéy", "kéy", "Bearer kéyy"):
        assert refusal(rules, authorization=wrong) == 401
    assert not refusal(rules, path="/health")
    assert not refusal(rules, is_preflight=True)
    assert not refusal(Access("key"), authorization="bearer key")
    assert not refusal(Access(), authorization="Bearer anything")


def test_new_keys_differ() -> None:
    keys = {new_key() for _ in range(20)}
    assert len(keys) == 20
    assert min(map(len, keys)) > 32


def test_a_server_with_a_key(serve: Serve, engine: ScriptedEngine) -> None:
    running = serve(access=Access("right"))
    answer = running.ask("/v1/chat/completions", CHAT, headers={"Authorization": "Bearer wrong"})
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not engine.requests
    assert running.ask("/v1/chat/completions", CHAT, headers={"Authorization": "Bearer right"}).status == 200


def test_a_page_is_not_let_in(scripted: Running, engine: ScriptedEngine) -> None:
    answer = scripted.ask("/v1/chat/completions", CHAT, headers={"Origin": PAGE, "Content-Type": "text/plain"})
    assert (answer.status, answer.error["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in answer.headers
    assert scripted.ask("/v1/chat/completions", CHAT, headers={"Host": "page.example"}).status == 403
    assert not engine.requests


def test_a_page_that_is(serve: Serve) -> None:
    running = serve(access=Access("right", origins=(PAGE,)))
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    asked = running.ask("/v1/chat/completions", method="OPTIONS", headers={"Origin": PAGE, **wanted})
    assert asked.status == 200
    assert asked.headers["access-control-allow-origin"] == PAGE
    answer = running.ask("/v1/chat/completions", CHAT, headers={"Origin": PAGE, "Authorization": "Bearer right"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    other = {"Origin": "https://other.example", "Authorization": "Bearer right"}
    assert running.ask("/v1/chat/completions", CHAT, headers=other).status == 403

"""The comparison to llama.cpp's server: what both are asked, and what is made of their figures."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from phichat.bench import peer_server, peers
from phichat.bench.plan import Plan
from phichat.bench.runs import run_app
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings, ModelRef


class _Answers(BaseHTTPRequestHandler):
    """What llama.cpp's server says: three tokens, of which the second is a part of a character when it is streamed."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(order)
        self.send_response(200)
        self.end_headers()
        if not order["stream"]:
            self.wfile.write(json.dumps({"tokens": [7, 8, 9]}).encode())
            return
        last = {"tokens": [], "stop": True, "timings": {"predicted_n": min(order["n_predict"], 3)}}
        events = [{"tokens": [7]}, {"tokens": [9]}, last] if order["n_predict"] > 1 else [{"tokens": [5]}, last]
        for event in events:
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Stands in for llama.cpp's; gives what it was asked."""
    _Answers.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as http:
        thread = Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{http.server_port}"
        monkeypatch.setattr(peer_server, "_server", lambda *_: SimpleNamespace(listening_address=address))
        yield _Answers.asked
        http.shutdown()
        thread.join()


def _plan(model: Path, settings: EngineSettings) -> Plan:
    return Plan(ModelRef.of_file(model), settings, Sampling(), sweep=False, report=lambda _: None, rounds=2)


def test_the_server_is_asked_for_the_same_with_its_cache(
    server: list[dict[str, Any]], settings: EngineSettings
) -> None:
    sampling = asdict(Sampling(temperature=0.5, seed=7))
    order = {"model": "m", "settings": settings.as_json(), "sampling": sampling, "tokens": [1, 2], "count": 3}
    figures = peer_server.measure({**order, "next": [4]})
    assert min(figures.values()) > 0
    streamed, whole, following = server
    assert (streamed["prompt"], streamed["n_predict"], streamed["temperature"]) == ([1, 2], 3, 0.5)
    assert (whole["prompt"], whole["stream"]) == ([1, 2], False)  # as one token did not arrive by itself
    assert (following["prompt"], following["n_predict"]) == ([1, 2, 7, 8, 9, 4], 1)
    assert all(asked["cache_prompt"] and asked["ignore_eos"] and asked["seed"] == 7 for asked in server)


def test_both_are_medians_and_above_one_the_app_is_faster(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"tokens": [1, 2], "reply": [3], "next_tokens": [1, 2, 3, 4], "count": 1, "seconds_to_load": 0.1}
    asked = list[dict[str, Any]]()

    def served(module: str, order: dict[str, Any]) -> dict[str, float]:
        asked.append(order)
        return {"prompt": 50.0, "generation": 20.0, "next_turn": 0.4}

    ours = {**run, "prompt": 100.0, "generation": 10.0, "next_turn": 0.1}
    monkeypatch.setattr(peers, "is_installed", lambda: True)
    monkeypatch.setattr(peers, "run_app", lambda *_, then="": ours)
    monkeypatch.setattr(peers, "run_module", served)
    found = peers.measure(_plan(phi3_model, settings))["peers"]
    assert found["ratio"] == {"prompt": 2.0, "generation": 0.5, "next_turn": 4.0}
    assert found["ours"] == {"prompt": 100.0, "generation": 10.0, "next_turn": 0.1}
    assert found["llama_server"]["generation"] == 20.0
    assert len(asked) == 2
    assert asked[0]["next"] == [4]


def test_a_server_that_dies_has_no_figures(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"tokens": [1], "reply": [2], "next_tokens": [1, 2], "count": 1, "seconds_to_load": 0.1}
    monkeypatch.setattr(peers, "is_installed", lambda: True)
    speeds = dict.fromkeys(peers.MEASURED, 1.0)
    monkeypatch.setattr(peers, "run_app", lambda *_, then="": {**run, **speeds})
    monkeypatch.setattr(peers, "run_module", lambda *_: None)
    found = peers.measure(_plan(phi3_model, settings))["peers"]
    assert (found["llama_server"], found["ratio"]) == (None, None)
    assert found["ours"] == speeds


def test_without_the_package_there_is_nothing_to_compare_to(
    phi3_model: Path, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PACKAGE", "no_such_package")
    assert peers.measure(_plan(phi3_model, settings)) == {"peers": None}


def test_the_app_is_asked_a_next_turn(phi3_model: Path, settings: EngineSettings) -> None:
    run = run_app(_plan(phi3_model, settings), 10, 4, then="And then?")
    assert run["next_turn"] > 0
    assert peers.next_turn(run["tokens"], run["reply"], run["next_tokens"])
    assert run["next_tokens"][: len(run["tokens"])] == run["tokens"]


def test_what_is_new_in_the_next_turn_comes_after_the_reply() -> None:
    assert peers.next_turn([1, 2], [3, 4], [1, 2, 3, 4, 5, 6]) == [5, 6]
    assert peers.next_turn([1, 2], [3, 4], [1, 2, 3, 9, 5, 6]) == [9, 5, 6]  # tokenized anew

"""Server-sent events are the same however the network cuts them."""

import pytest

from phichat.engine.remote import event_stream
from phichat.engine.remote.event_stream import ServerEvent, parse_events


def data(*chunks: bytes) -> list[str]:
    return [event.data for event in parse_events(chunks)]


STREAM = (
    "\ufeff: hello\n\n"
    'data: {"a": 1}\n\n'
    'data:{"b": "é🙂"}\r\n\r\n'
    "event: ping\ndata: one\ndata: two\nid: 7\nretry: 10\nunknown: x\nnameless\n\n"
    "data\r\rdata: [DONE]\n\n"
).encode()
EVENTS = [
    ServerEvent("message", '{"a": 1}'),
    ServerEvent("message", '{"b": "é🙂"}'),
    ServerEvent("ping", "one\ntwo"),
    ServerEvent("message", ""),
    ServerEvent("message", "[DONE]"),
]


def test_a_stream_in_one_piece() -> None:
    assert list(parse_events([STREAM])) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_stream_that_is_cut_anywhere(size: int) -> None:
    chunks = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert list(parse_events(chunks)) == EVENTS


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_ends_of_lines(end: bytes) -> None:
    assert data(b"data: a", end, b"data: b" + end + end, b"data: c" + end + end) == ["a\nb", "c"]


def test_a_line_end_that_is_cut_in_half_is_one() -> None:
    assert data(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == ["a\nb"]


def test_only_one_space_is_taken_off() -> None:
    assert data(b"data:  a\n\ndata:b\n\n") == [" a", "b"]


def test_the_last_event_needs_no_empty_line() -> None:
    assert data(b"data: a\n\ndata: b\n") == ["a", "b"]


def test_half_a_line_at_the_end_is_none() -> None:
    assert data(b'data: a\n\ndata: {"b": ') == ["a"]


def test_a_comment_or_an_event_without_data_is_none() -> None:
    assert data(b": ping\n\nevent: ping\n\n:\n\ndata: a\n\n") == ["a"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert data(b"data: a\xffb\n\n") == ["a\N{REPLACEMENT CHARACTER}b"]


def test_an_endless_event_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LONGEST", 100)
    with pytest.raises(ValueError, match="too long"):
        data(b"data: " + b"a" * 200)
    with pytest.raises(ValueError, match="too long"):
        data(*[b"data: aaaaaaaaaa\n"] * 20)

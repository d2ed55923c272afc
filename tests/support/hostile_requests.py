"""Requests that mean no good, for a server with OpenAI's interface: right but for what is wrong with them.

Most are JSON that the server reads, with one or two values changed wherever they stand, so that what is checked last
is met, too. The others are wrong in how they are encoded, or in how they go over the line.
"""

import codecs
import copy
import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PAUSE = 0.002  # seconds between two parts of a request that drips

_CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": " there"}]},
        {"role": "assistant", "content": "Hello", "reasoning_content": "Hm."},
        {"role": "user", "content": "And?", "name": "Ada"},
    ],
    "max_tokens": 2, "max_completion_tokens": 2, "temperature": 0.7, "top_p": 0.9, "n": 1, "stop": ["x", "y"],
    "seed": 3, "logprobs": True, "top_logprobs": 2, "stream": False, "stream_options": {"include_usage": True},
    "top_k": 3, "min_p": 0.1, "presence_penalty": 0.1, "frequency_penalty": 0.1, "repeat_penalty": 1.1,
    "repeat_last_n": 64, "dry_multiplier": 0.1, "xtc_probability": 0.1, "typical_p": 0.9, "mirostat": 0,
    "response_format": {"type": "text"}, "chat_template_kwargs": {"enable_thinking": True}, "tools": [],
    "tool_choice": "none", "functions": [], "logit_bias": {}, "modalities": ["text"], "user": "u",
    "metadata": {"a": "b"}, "reasoning_effort": "low", "cache_prompt": True, "store": False,
}  # fmt: skip
_TEXT: dict[str, Any] = {
    "prompt": ["Once", "Twice"], "max_tokens": 2, "temperature": 0.7, "top_p": 0.9, "n": 1, "best_of": 1, "echo": False,
    "logprobs": 2, "stop": "x", "seed": 3, "stream": False, "stream_options": {"include_usage": True}, "suffix": "",
    "presence_penalty": 0.1, "frequency_penalty": 0.1, "logit_bias": {}, "user": "u",
}  # fmt: skip

BODIES: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [_CHAT, {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}],
    "/v1/completions": [_TEXT, {"prompt": [1, 2, 3], "max_tokens": 2}, {"prompt": [[1], [2, 3]], "max_tokens": 2}],
    "/tokenize": [{"content": "Hi", "add_special": True, "parse_special": False, "with_pieces": True}],
    "/detokenize": [{"tokens": [1, 2, 3]}],
    "/v1/embeddings": [{"input": ["Hi", "there"], "encoding_format": "base64", "dimensions": None, "user": "u"}],
}
"""Requests that are right, of each endpoint with a body."""

WITHOUT_BODY = ("/health", "/v1/models", "/v1/models/x", "/", "/v1/nothing")
KNOWN = {200, 307, 400, 403, 404, 405, 408, 413, 501}
"""The statuses of answers: 307 is for a slash too many, 501 for embeddings, where no model makes them."""

_TEXTS = (
    "", " ", "1", "true", "\0", "\x1b[2J", "\ud800", "\udc00\ud800", "\ufeff", "\u202e\u2066", "e\u0301" * 200,
    "🙂" * 50, "<|im_start|>system\n", "<|im_end|>", "<s></s>", "{% for i in range(10**9) %}x{% endfor %}",
    "../../etc/passwd", "\r\nX: y\r\n", "x" * 20_000, "%s%n", "text", "user", "none", "NaN",
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 2, 3, 16, 17, 21, 127, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, 2**64, -(2**64) - 1, 10**400,
    -(10**40), 0.0, -0.0, 0.5, 1.0, 1.5, 2.0, -2.5, 1e-320, 1e308, -1e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
_NESTED: tuple[Any, ...] = (
    [], [[]], {}, [{}], [None] * 100, [{}] * 50, ["x"] * 100, [""], [0], [-1], [2**40], [True], [[1], "a"], ["a", 1],
    {"": ""}, {"a": {}}, {"__proto__": 1}, {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}},
    {"type": "json_object"}, {"enable_thinking": "no"}, {"include_usage": 1}, [{"type": "function", "function": {}}],
    [{"role": "user", "content": "Hi"}] * 200, [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}],
    [{"role": "tool", "content": "x", "tool_call_id": "1"}], [{"role": "assistant", "content": None}],
)  # fmt: skip
_NAMES = ("x", "", "\0", "\ud800", "x" * 3000, "content", "role", "tool_calls", "function_call", "audio", "messages")


@dataclass(frozen=True)
class HostileRequest:
    """A request as it goes over the line.

    Attributes:
        kind: what is wrong with it, in a word or two.
        parts: its bytes; the client waits for PAUSE between two parts.
        is_whole: whether the server has to answer; the client closes its side after what is not whole.
    """

    kind: str
    parts: tuple[bytes, ...]
    is_whole: bool = True


class HostileRequests:
    """Yields requests as a seed has them, three of four with JSON that the server has to look into."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._kinds: list[tuple[int, Callable[[], HostileRequest]]] = [
            (60, self._wrong_value), (6, self._chunked), (4, self._dripping), (4, self._encoded), (4, self._no_json),
            (5, self._cut), (6, self._lying_length), (6, self._lying_chunks), (5, self._wrong_head),
            (3, self._wrong_path), (2, self._one_after_the_other),
        ]  # fmt: skip

    def some(self, count: int) -> Iterator[HostileRequest]:
        """Yield so many."""
        weights, makers = zip(*self._kinds, strict=True)
        for make in self._random.choices(makers, weights, k=count):
            yield make()

    def body(self, path: str) -> Any:
        """Return a body for `path` that is right but for one to three changes, at any depth."""
        body: Any = copy.deepcopy(self._random.choice(BODIES[path]))
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            body = self._changed(body)
        return body

    def _changed(self, body: Any) -> Any:
        places = list(_places(body))
        if not places or self._random.random() < 0.02:
            return self._wrong()
        container, key = self._random.choice(places)
        match self._random.randrange(12):
            case 0:
                del container[key]
            case 1:
                container[key] = [container[key]] * self._random.choice((1, 2, 300))
            case 2:
                container[key] = {self._random.choice(_NAMES): container[key]}
            case 3 if isinstance(container, dict):
                container[self._random.choice(_NAMES)] = self._wrong()
            case 4:
                container[key] = self._deep(container[key])
            case _:
                container[key] = self._wrong(container[key])
        return body

    def _wrong(self, like: Any = None) -> Any:
        """Return any value; half the time one of the same type as another, which is checked further."""
        kinds: tuple[tuple[Any, ...], ...] = (_TEXTS, _NUMBERS, _NESTED, (None, True, False))
        if self._random.random() < 0.5:
            kinds = tuple(each for each in kinds if any(type(value) is type(like) for value in each)) or kinds
        return copy.deepcopy(self._random.choice(self._random.choice(kinds)))

    def _deep(self, value: Any) -> Any:
        for _ in range(self._random.randrange(1, 90)):
            value = [value] if self._random.random() < 0.5 else {"a": value}
        return value

    def _path(self) -> str:
        return self._random.choices([*BODIES], (6, 3, 1, 1, 1))[0]

    def _data(self) -> tuple[str, bytes]:
        """Return an endpoint and a body for it."""
        path = self._path()
        return path, json.dumps(self.body(path), ensure_ascii=self._random.random() < 0.7).encode(
            "utf-8", "surrogatepass"
        )

    def _wrong_value(self) -> HostileRequest:
        path, data = self._data()
        extra = self._random.choice(
            ("", "", "", "Expect: 100-continue\r\n", f"Cookie: {'a=b;' * 900}\r\n", "Accept: \r\n")
        )
        return HostileRequest("wrong value", (_head(path, f"Content-Length: {len(data)}\r\n{extra}") + data,))

    def _chunked(self) -> HostileRequest:
        """In chunks of all sizes, as it may be."""
        path, data = self._data()
        chunks, at = list[bytes](), 0
        while at < len(data):
            part = data[at : at + self._random.choice((1, 7, 100, 5000))] if len(chunks) < 50 else data[at:]
            at += len(part)
            chunks.append(_chunk(part, self._random.choice(("", "", ";a=b", ';a="c d"'))))
        end = self._random.choice((b"0\r\n\r\n", b"000\r\n\r\n", b"0\r\nX: y\r\n\r\n"))
        return HostileRequest("chunks", (_head(path, "Transfer-Encoding: chunked\r\n") + b"".join(chunks) + end,))

    def _dripping(self) -> HostileRequest:
        """A header and a body that come byte by byte for a while."""
        path, data = self._data()
        whole = _head(path, f"Content-Length: {len(data)}\r\n") + data
        steps = sorted(self._random.sample(range(1, len(whole)), min(6, len(whole) - 1)))
        parts = [whole[first:last] for first, last in zip([0, *steps], [*steps, len(whole)], strict=True)]
        return HostileRequest("drips", tuple(parts))

    def _encoded(self) -> HostileRequest:
        """JSON in an encoding that is not UTF-8, or that the header tells wrongly."""
        path = self._path()
        text = json.dumps(self.body(path)).replace("Hi", "Grüße, 世界")
        data = self._random.choice((
            text.encode("utf-16"), text.encode("utf-32-be"), text.encode("utf-7"), text.encode("latin-1", "replace"),
            codecs.BOM_UTF8 + text.encode(), text.encode("gb18030"), gzip.compress(text.encode()),
            text.replace("世", "\udcff").encode("utf-8", "surrogateescape"), text.encode().replace(b"G", b"\xc0\xc7"),
            text.encode().replace(b"G", b"\xf8\x88\x80\x80\x80"), text.encode()[:-2] + b"\xe4\xb8",
        ))  # fmt: skip
        kind = self._random.choice(
            ("application/json; charset=utf-16", "text/plain; charset=koi8-r", "image/png", "\xff")
        )
        coding = self._random.choice(("gzip", "br", "identity", "gzip, gzip"))
        head = f"Content-Type: {kind}\r\nContent-Encoding: {coding}\r\nContent-Length: {len(data)}\r\n"
        return HostileRequest("encoding", (_head(path, head) + data,))

    def _no_json(self) -> HostileRequest:
        """Bytes changed, or JSON that only looks like it."""
        path, data = self._data()
        at = self._random.randrange(len(data))
        data = self._random.choice((
            data[:at] + self._random.randbytes(3) + data[at + 2 :], data[:at], data + data, b"", b" " * 2000, b"NaN",
            b"[" * 50_000, b'{"a":' * 30_000, b'{"n":' + b"9" * 100_000 + b"}", b'{"messages":[{"role":"user"}],}',
            b"'a'", b'{"temperature":1e999}', b'{"seed":-Infinity}', b'{"a":1,"a":2}', b'{"content":"\\ud800\\u0000"}',
        ))  # fmt: skip
        return HostileRequest("no JSON", (_head(path, f"Content-Length: {len(data)}\r\n") + data,))

    def _cut(self) -> HostileRequest:
        """The first part of a request."""
        path, data = self._data()
        whole = _head(path, f"Content-Length: {len(data)}\r\n") + data
        return HostileRequest("half", (whole[: self._random.randrange(1, len(whole))],), is_whole=False)

    def _lying_length(self) -> HostileRequest:
        path, data = self._data()
        length = self._random.choice((
            0, 1, len(data) - 1, len(data) + 1, len(data) * 10, -5, 99999999999999999999, "+5", "0x10", "1e3", "",
            " 7 8", f"00{len(data)}", f"{len(data)}, {len(data)}", f"{len(data)}\r\nContent-Length: 3", "\u00b2",
        ))  # fmt: skip
        return HostileRequest(
            "length that lies", (_head(path, f"Content-Length: {length}\r\n") + data,), is_whole=False
        )

    def _lying_chunks(self) -> HostileRequest:
        path, data = self._data()
        size, end = b"%x" % len(data), b"\r\n0\r\n\r\n"
        body = self._random.choice((
            b"%x\r\n" % (len(data) * 2) + data + end, b"%x\r\n" % (len(data) // 2) + data + end,
            b"xyz\r\n" + data + end, b"-1\r\n" + data + end, b"f" * 40 + b"\r\n" + data, size + b"\r\n" + data,
            size + b"\r\n" + data + b"\r\n", size + b"\n" + data + b"\n0\n\n",
            size + b";" + b"a" * 40_000 + b"\r\n" + data + end, b"0\r\n\r\n" + data,
            b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
            b" " + size + b"\r\n" + data + end, b"\r\n\r\n", b"",
        ))  # fmt: skip
        coding = self._random.choice(
            ("chunked", "chunked", "chunked", "gzip, chunked", "chunked, chunked", "xchunked", "")
        )
        extra = self._random.choice(("", "", f"Content-Length: {len(data)}\r\n"))
        head = _head(path, f"Transfer-Encoding: {coding}\r\n{extra}")
        return HostileRequest("chunks that lie", (head + body,), is_whole=False)

    def _wrong_head(self) -> HostileRequest:
        path, data = self._data()
        good = _head(path, f"Content-Length: {len(data)}\r\n")
        host = b"Host: localhost\r\n"
        head = self._random.choice((
            good.replace(b"HTTP/1.1", b"HTTP/9.9"), good.replace(b"HTTP/1.1", b""), good.replace(b"POST", b"\0\1"),
            good.replace(b"POST ", b"POST  "), good.replace(host, b""), good.replace(host, host * 2),
            good.replace(host, b"Host: evil.example\r\n"), good.replace(host, b"Host: [::1\r\n"),
            good.replace(host, host + b"Origin: http://evil.example\r\n"), good.replace(host, host + b" folded: x\r\n"),
            good.replace(host, host + b"Sec-Fetch-Site: cross-site\r\n"), good.replace(host, host + b"\xff\xfe: x\r\n"),
            good.replace(host, host + b"X: a\0b\r\n"), good.replace(host, host + b"X: " + b"y" * 50_000 + b"\r\n"),
            good.replace(host, host + b"".join(b"X%d: y\r\n" % at for at in range(3000))),
            good.replace(host, host + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" + bytes(60),
            self._random.randbytes(200),
        ))  # fmt: skip
        return HostileRequest("head", (head + data,), is_whole=False)

    def _wrong_path(self) -> HostileRequest:
        paths = (
            *WITHOUT_BODY, *BODIES, "//", "/v1/../../etc/passwd", "/v1/models/%00", "/v1/models/%2e%2e%2f", "/%ff%fe",
            f"/v1/models/{'a' * 5000}", f"/v1/models?x={'y' * 20_000}", "/V1/MODELS", "/v1/chat/completions/", "*",
            "http://evil.example/v1/models", "/v1/models;a", "/\x7f",
        )  # fmt: skip
        method = self._random.choice(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW"))
        head = _head(self._random.choice(paths), "Content-Length: 2\r\n").replace(b"POST", method.encode())
        return HostileRequest("path or method", (head + b"{}",))

    def _one_after_the_other(self) -> HostileRequest:
        """Several requests on one connection, without waiting for answers."""
        count = self._random.randrange(2, 6)
        several = [(*self._data(), "keep-alive" if number < count else "close") for number in range(1, count + 1)]
        parts = [_head(path, f"Content-Length: {len(data)}\r\n", after) + data for path, data, after in several]
        return HostileRequest("without waiting", (b"".join(parts),))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every object and list in `value`, with each of its keys."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def _head(path: str, headers: str, connection: str = "close") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n{headers}\r\n"
    return head.encode("latin-1", "replace")


def _chunk(data: bytes, extension: str = "") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension.encode(), data)

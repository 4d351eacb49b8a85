"""Requests that no honest client sends: valid ones, altered in their values, their JSON, their bytes, their headers.

Enters: declarations, the OpenAPI document, a seed. Leaves: requests, always the same for the same seed. Never here: a
connection, a judgement.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

Body = dict[str, Any]

# Put where a value stood. Texts that the answer may repeat hold nothing that looks like an internal.
_TEXTS = (
    "", " ", "\x00", "a\x00b", "\ud800", "half \udfff", "\u202eabc", "\u2066x\u2069", "سلع", "é" * 300, "e\u0301" * 50,
    "😀", "\ufeff", "\r\nX-Odd: 1", "'; DROP TABLE event; --", "${jndi:x}", "{{7*7}}", "<script>alert(1)</script>",
    "%00", "../../etc", "null", "NaN", "1e309", "0x1F", "\uff11\uff12", "-", "+", "2026-13-45",
    "2026-02-30T25:61:61", "0000-00-00",
    "9999-12-31T23:59:59.999999", "10000-01-01", "2026-03-02T09:14:00+99:00", "2026-03-02T09:14:00Z", "A" * 20_000,
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -0.0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 1e-320, 1e308, -1e308, 0.1 + 0.2, [], {},
    [[]], [None], {"a": 1}, {"": ""}, [1, "a", None], *_TEXTS,
)  # fmt: skip
# As text in the place of a value: what json.dumps does not write.
_LITERALS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "1." + "0" * 5000, "01", "1.", ".5", "tru",
             '"\\ud800"', '"\\u0000"', '"\\x"', "'a'", "/**/1", "[" * 3000, '{"a":' * 3000, "")  # fmt: skip
_TYPES = (
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "",
    "application/x-www-form-urlencoded",
    "application/json;;;",
    "application/problem+json",
    "*/*",
    "a" * 3000,
)
_METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST", "FOO", "get")
_PATHS = ("/", "/api", "/api/v1", "/api/v1/", "/api/v1//declarations", "/api/v1/declarations/", "/api/v1/%2e%2e/x",
          "/api/v1/../v1/health", "/api/v1/declarations/%00", "/api/v1/declarations/%ff%fe", "/docs", "/redoc",
          "/api/v1/declarations/" + "a" * 3000, "/api/v1/declarations/%F0%9F%98%80", "/api/v1/queue", "/favicon.ico",
          "/api/v1/openapi.json?x=1", "/api/v2/declarations", "/api/v1/metrics/../health", "//evil.example/x",
          "/api/v1/declarations/a%2Fb", "/api/v1/declarations/;x=1", "/api/v1/health?" + "a=1&" * 500)  # fmt: skip
_QUERIES = (
    "office=",
    "office=X&day=9999-99-99",
    "office=X&day=0001-01-01",
    "office=X&day=9999-12-31",
    "office=%00",
    "office=%ff",
    "office=" + "a" * 300,
    "office=X&office=Y",
    "office[]=1",
    "office=X&lane=%00",
    "office=X&lane=",
    "office=X&day=2026-11-24T00:00:00",
    "office=X&day=1e5",
    "office=X&limit=-1",
    "office=X&limit=1e9",
    "&&&===",
    "office=X&cursor=%7B%7D",
    "office=X&offset=99999999999999999999",
    "office=%E2%80%AE",
)
_KEYS = ("", " ", "é", "a" * 201, "\x01", "k\tk", "same-key", "same-key", "0", "~" * 200)
_IDS = ("", "é", "a" * 65, "a b", "ok-1", "\x7f", "../..", "x" * 5000)
_TOKENS = ("", "basira_", "basira__", "basira_é_x", "x" * 5000, "basira_00_00", "Bearer x", "\x00")


@dataclass(frozen=True)
class Request:
    """One request. ``kind``: how it was made; ``is_framed``: whether the connection can go on after it."""

    kind: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_framed: bool = True

    def to_bytes(self, host: str) -> bytes:
        """As it goes over the wire. What HTTP can't carry is sent as its bytes in UTF-8 all the same."""
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [] if "host" in given else [f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if "content-length" not in given and "transfer-encoding" not in given:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + self.body


@dataclass
class Mutations:
    """A source of requests. ``templates``: declarations without number and date; ``document``: OpenAPI."""

    templates: Sequence[Body]
    document: Mapping[str, Any]
    token: str
    seed: int = 1
    prefix: str = "FUZZ"
    _made: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Request]:
        draw = random.Random(self.seed)  # noqa: S311 - the same requests every time
        makers = (
            (self._value, 34),
            (self._literal, 8),
            (self._shape, 12),
            (self._bytes, 10),
            (self._header, 10),
            (self._address, 8),
            (self._operation, 14),
            (self._frame, 1.5),
            (self._large, 0.3),
            (self._valid, 1.2),
        )
        chosen, weights = zip(*makers, strict=True)
        while True:
            yield draw.choices(chosen, weights)[0](draw)

    def valid(self, draw: random.Random) -> Body:
        """A declaration as it should be."""
        self._made += 1
        body = copy.deepcopy(draw.choice(self.templates))
        now = datetime.now().isoformat(timespec="seconds")
        return {**body, "declaration_id": f"{self.prefix}-{self.seed}-{self._made}", "declared_at": now}

    def _post(
        self, kind: str, body: bytes, *more: tuple[str, str], path: str = "/declarations", **options: Any
    ) -> Request:
        names = {name.lower() for name, _ in more}
        headers = [*more]
        headers += [] if "content-type" in names else [("Content-Type", "application/json")]
        headers += [] if "x-api-key" in names else [("X-API-Key", self.token)]
        return Request(kind, "POST", f"/api/v1{path}", tuple(headers), body, **options)

    def _valid(self, draw: random.Random) -> Request:
        return self._post("valid", _dumps(self.valid(draw)))

    def _value(self, draw: random.Random) -> Request:
        """One to three values replaced, removed or added; alone, in a batch, or as a result."""
        if draw.random() < 0.2:
            result = {"known_at": datetime.now().isoformat(), "is_irregular": True, "found_value_amount": 10.0}
            body = _altered(result, draw)
            return self._post("result value", _dumps(body), path=f"/declarations/{self.prefix}-{self.seed}-1/outcome")
        body = self.valid(draw)
        for _ in range(draw.choice((1, 1, 2, 3))):
            body = _altered(body, draw)
        return self._post("value", _dumps([body, self.valid(draw)] if draw.random() < 0.1 else body))

    def _literal(self, draw: random.Random) -> Request:
        """A value that JSON libraries write differently, or not at all."""
        marker = "@@here@@"
        body = _altered(self.valid(draw), draw, marker)
        return self._post("literal", _dumps(body).replace(f'"{marker}"'.encode(), draw.choice(_LITERALS).encode()))

    def _shape(self, draw: random.Random) -> Request:
        """The whole body another thing than expected."""
        body = self.valid(draw)
        text = _dumps(body)
        odd: list[bytes] = [
            b"", b"null", b"[]", b"[[]]", b"{}", b'""', b"0", b"[null]", b"[" * 10_000, b"{" * 10_000, text + text,
            b"\xef\xbb\xbf" + text, text.replace(b'"office"', b'"office": "A", "office"', 1), _dumps([body] * 3),
            text.replace(b'"items"', b'"items": [], "items"', 1), _dumps({**body, "items": body["items"] * 20}),
            _dumps({**body, "items": [dict(body["items"][0]) for _ in range(1001)]}), _dumps([{}] * 1001),
            _dumps({**body, **{f"x_{n}": n for n in range(30)}}), _dumps({**body, "x_" + "a" * 5000: 1}),
            _dumps({**body, "x_\u0000": 1}), _dumps({**body, "x_é\u202e": "é"}), _dumps([body, [], None, 1, body]),
            _dumps({**body, "items": {"0": body["items"][0]}}), _dumps({"declarations": [body]}),
        ]  # fmt: skip
        return self._post("shape", draw.choice(odd))

    def _bytes(self, draw: random.Random) -> Request:
        """Bytes cut, flipped, inserted; other encodings."""
        text = bytearray(_dumps(self.valid(draw)))
        how = draw.randrange(5)
        if how == 0:
            text = text[: draw.randrange(len(text))]
        elif how == 1:
            for _ in range(draw.choice((1, 3, 30))):
                text[draw.randrange(len(text))] = draw.randrange(256)
        elif how == 2:
            place = draw.randrange(len(text))
            text[place:place] = draw.choice((b"\xff\xfe", b"\x00", b"\xc3", b"\xed\xa0\x80", b"\n" * 999))
        elif how == 3:
            text = bytearray(text.decode().encode(draw.choice(("utf-16", "utf-32", "utf-16-be"))))
        else:
            text = bytearray(draw.randbytes(draw.randrange(1, 400)))
        return self._post("bytes", bytes(text))

    def _header(self, draw: random.Random) -> Request:
        """A valid body under odd headers."""
        body = _dumps(self.valid(draw))
        bomb = gzip.compress(b"0" * 2_000_000)
        odd: list[tuple[bytes, tuple[tuple[str, str], ...]]] = [
            (body, (("Content-Type", draw.choice(_TYPES)),)),
            (body, (("Idempotency-Key", draw.choice(_KEYS)),)),
            (body, (("X-Request-ID", draw.choice(_IDS)),)),
            (body, (("X-API-Key", draw.choice(_TOKENS)),)),
            (body, (("Authorization", draw.choice(("Basic eDp5", "Bearer x", "x" * 4000))),)),
            (body, (("Cookie", draw.choice(("__Host-basira=x", "a=b; " * 200, "é=é", "=", "b=" + "x" * 999))),)),
            (bomb, (("Content-Encoding", "gzip"),)),
            (body, (("Content-Encoding", draw.choice(("br", "identity", "gzip, gzip", "é"))),)),
            (body, (("Accept", draw.choice(("application/xml", "*/*;q=x", "", "a" * 2000))),)),
            (body, (("Accept-Language", draw.choice(("ar", "xx", "fr;q=9", "é" * 100))),)),
            (body, (("Origin", draw.choice(("https://evil.example", "null", "http://"))),)),
            (body, (("X-Forwarded-For", draw.choice(("1.2.3.4", "::1", "x", "1.1.1.1," * 200))),)),
            (body, (("Host", draw.choice(("evil.example", "", "a:b:c", "[::1"))),)),
            (body, (("Range", "bytes=0-1"), ("If-None-Match", "*"), ("If-Modified-Since", "x"))),
            (body, (("X-HTTP-Method-Override", "DELETE"),)),
            (body, tuple((f"X-Odd-{n}", "v" * 20) for n in range(120))),
            (body, (("X-Odd", "v" * draw.choice((1_000, 9_000, 60_000))),)),
            (body, (("Content-Type", "application/json"), ("Content-Type", "text/plain"))),
        ]  # fmt: skip
        content, headers = draw.choice(odd)
        return self._post("header", content, *headers, is_framed=False)

    def _address(self, draw: random.Random) -> Request:
        """Odd methods, paths and queries."""
        headers = (("X-API-Key", self.token), ("Content-Type", "application/json"))
        if draw.random() < 0.5:
            target = f"/api/v1/queue?{draw.choice(_QUERIES)}"
            return Request("query", "GET", target, headers)
        method = draw.choice(_METHODS)
        body = _dumps(self.valid(draw)) if draw.random() < 0.3 else b""
        return Request("address", method, draw.choice(_PATHS), headers, body, is_framed=method not in ("HEAD", "get"))

    def _operation(self, draw: random.Random) -> Request:
        """Any operation of the OpenAPI document, its parameters and body altered."""
        path, operations = draw.choice(sorted(self.document["paths"].items()))
        method = draw.choice(sorted(name for name in operations if name in ("get", "post", "put", "patch", "delete")))
        operation = operations[method]
        query = []
        for parameter in operation.get("parameters", []):
            text = draw.choice((*_TEXTS[:-1], f"{self.prefix}-{self.seed}-1", "1", "2026-11-24", "CASA-PORT", "green"))
            text = quote(text.encode("utf-8", "replace"), safe="")
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", text or "x")
            elif parameter["in"] == "query" and draw.random() < 0.7:
                query.append(f"{parameter['name']}={text}")
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [one["value"] for one in content.get("examples", {}).values()] or [{"a": "b"}]
        body = b""
        if method != "get":
            example = copy.deepcopy(draw.choice(examples))
            body = _dumps(_altered(example, draw) if draw.random() < 0.8 else example)
            if draw.random() < 0.1:
                body = draw.choice((b"", b"null", b"0", b"[" * 10_000, b"\xff\xfe", b'{"a": NaN}', b"{}", b'"\\ud800"'))
        token = self.token if draw.random() < 0.85 else draw.choice(_TOKENS[:4])
        kind = "application/json" if draw.random() < 0.9 else draw.choice(_TYPES)
        headers = (("X-API-Key", token), ("Content-Type", kind))
        target = path + ("?" + "&".join(query) if query else "")
        return Request(f"operation {method} {path.split('%')[0][:40]}", method.upper(), target, headers, body)

    def _frame(self, draw: random.Random) -> Request:
        """Lengths that lie, invalid chunks."""
        body = _dumps(self.valid(draw))
        more, content = draw.choice((
            (("Content-Length", str(len(body) + 50)), body), (("Content-Length", "-1"), body),
            (("Content-Length", "9" * 30), body), (("Content-Length", "x"), body),
            (("Content-Length", str(1 << 40)), body), (("Transfer-Encoding", "chunked"), b"zz\r\n" + body),
            (("Transfer-Encoding", "chunked"), b"5\r\nhello\r\n0\r\n\r\n"), (("Transfer-Encoding", "gzip"), body),
            (("Transfer-Encoding", "chunked"), b"ffffffffffffffff\r\n" + body), (("Expect", "100-continue"), body),
        ))  # fmt: skip
        return self._post("frame", content, more, is_framed=False)

    def _large(self, draw: random.Random) -> Request:
        """Bodies of many megabytes: within the limit, and over it."""
        body = self.valid(draw)
        odd = (
            lambda: b" " * 1_000_000 + _dumps(body),
            lambda: b" " * 17_000_000 + _dumps(body),
            lambda: _dumps([{**body, "declared_at": "x"}] * 60),
            lambda: _dumps({**body, "items": body["items"] * 200}),
            lambda: _dumps({**body, **{f"x_{n}": n for n in range(300)}}),
            lambda: _dumps([{}] * 100),
        )
        return self._post("large", draw.choice(odd)(), is_framed=False)


def _dumps(body: object) -> bytes:
    return json.dumps(body).encode()


def _altered(body: Any, draw: random.Random, value: Any = None) -> Any:
    """A copy with something, anywhere in it, replaced, removed or added."""
    places = list(_places(body))
    if not places or draw.random() < 0.02:
        return draw.choice(_VALUES) if value is None else value
    made = copy.deepcopy(body)
    parent: Any = made
    *way, last = draw.choice(places)
    for step in way:
        parent = parent[step]
    how = "replace" if value is not None else draw.choice(("replace",) * 7 + ("remove", "add", "wrap"))
    if how == "replace":
        parent[last] = draw.choice(_VALUES) if value is None else value
    elif how == "remove":
        del parent[last]
    elif how == "wrap":
        parent[last] = draw.choice(([parent[last]], {"value": parent[last]}))
    elif isinstance(parent, dict):
        parent[draw.choice(("x_more", "more", "", "declaration_version", "__proto__", "item_number"))] = draw.choice(
            _VALUES
        )
    else:
        parent.append(draw.choice(_VALUES))
    return made


def _places(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in pairs:
        yield (*way, name)
        yield from _places(value, (*way, name))

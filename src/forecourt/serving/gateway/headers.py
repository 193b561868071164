"""Which headers pass, and which belong to one connection only (RFC 9110, section 7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable

from multidict import CIMultiDict
from starlette.types import Scope

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Said anew towards the runtime: its own host, the length of what is sent (the body may change), and who forwards.
_REPLACED = frozenset(
    {
        b"host",
        b"content-length",
        b"expect",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-prefix",
    }
)
_NOT_SENT = _HOP_BY_HOP | _REPLACED
# The server in front of the client says the date itself.
_NOT_RETURNED = _HOP_BY_HOP | {b"date"}

Headers = Iterable[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> bytes:
    """Return the first value of the header (name in lower case), or nothing."""
    for key, value in headers:
        if key == name:
            return value
    return b""


def upgrades(headers: Headers) -> bool:
    """Say whether the client asks for another protocol on this connection, such as a WebSocket."""
    return b"upgrade" in _named(headers) and bool(header(headers, b"upgrade"))


def for_runtime(scope: Scope, prefix: str) -> CIMultiDict[str]:
    """Return the headers that a runtime gets: the client's own, and where the request came from and through.

    `prefix` is the path that the gateway took off, for runtimes that write links.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    dropped = _NOT_SENT | named if (named := _named(headers)) else _NOT_SENT
    passed: CIMultiDict[str] = CIMultiDict()
    forwarded, host, proto = "", "", ""
    for name, value in headers:
        if name not in dropped:
            passed.add(_text(name), _text(value))
        elif name == b"x-forwarded-for":
            forwarded = f"{forwarded}, {_text(value)}" if forwarded else _text(value)
        elif name == b"x-forwarded-host":
            host = _text(value)
        elif name == b"x-forwarded-proto":
            proto = _text(value)
        elif name == b"host":
            host = host or _text(value)
    client = scope.get("client")
    if client and not forwarded.endswith(client[0]):  # the server may have taken it from this header
        forwarded = f"{forwarded}, {client[0]}" if forwarded else client[0]
    if forwarded:
        passed["X-Forwarded-For"] = forwarded
    if host:
        passed["X-Forwarded-Host"] = host
    passed["X-Forwarded-Proto"] = proto or scope.get("scheme", "http")
    if prefix:
        passed["X-Forwarded-Prefix"] = prefix
    return passed


def for_client(headers: Headers, status: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of a runtime's response that the client gets, names in lower case."""
    lowered = [(name.lower(), value) for name, value in headers]
    dropped = _NOT_RETURNED | named if (named := _named(lowered)) else _NOT_RETURNED
    if status in {204, 304}:
        dropped = dropped | {b"content-length"}  # no body follows, whatever length it would have had
    return [pair for pair in lowered if pair[0] not in dropped]


def _named(headers: Headers) -> frozenset[bytes]:
    """Return the headers that `Connection` names, which end here as well."""
    names = [
        name
        for key, value in headers
        if key == b"connection"
        for part in value.split(b",")
        if (name := part.strip().lower()) not in {b"", b"close", b"keep-alive"}
    ]
    return frozenset(names)


def _text(value: bytes) -> str:
    """Return a header's bytes as text; those that are no UTF-8 are read as Latin-1, as HTTP once had it."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

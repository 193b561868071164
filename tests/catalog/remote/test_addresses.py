"""Where the URL of a source may lead."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from catalog.remote.hub import Hub
from catalog.remote.parts import QUICK, loading
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.remote import addresses
from forecourt.catalog.remote.addresses import ForbiddenAddress, Guard, check_url, is_public
from forecourt.catalog.remote.http import Http
from forecourt.errors import InvalidInput, Unavailable

PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata
    "169.254.169.254",  # everybody's metadata
    "168.63.129.16",  # Azure's
    "0.0.0.0",
    "255.255.255.255",
    "224.0.1.1",
    "239.1.2.3",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_however_ipv6_carries_it(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for carried in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert is_public(ipaddress.IPv6Address(carried)) == is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "0", "::1", "::ffff:127.0.0.1"]
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(ForbiddenAddress, match="on this machine") as raised:
        Guard().addresses(host, 80)
    assert "FORECOURT_CATALOG_PRIVATE_ADDRESSES=true" in raised.value.hint


def test_this_machine_is_reached_where_the_setting_or_the_server_allows_it() -> None:
    assert Guard(private=True).addresses("127.0.0.1", 80) == ["127.0.0.1"]
    assert Guard(trusted=frozenset({"127.0.0.1:5000", "[::1]:5000"})).addresses("127.0.0.1", 5000) == ["127.0.0.1"]
    assert Guard(trusted=frozenset({"127.0.0.1:5000", "[::1]:5000"})).addresses("::1", 5000) == ["::1"]
    with pytest.raises(ForbiddenAddress):
        Guard(trusted=frozenset({"127.0.0.1:5000"})).addresses("127.0.0.1", 5001)


def test_of_a_host_with_public_and_private_addresses_only_the_public_ones_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _names({"both.example": ["10.0.0.1", "8.8.8.8", "8.8.8.8", "::1"]}))
    assert Guard().addresses("both.example", 443) == ["8.8.8.8"]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", ""])
def test_a_host_that_is_unknown_is_said(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _names({}))
    with pytest.raises(Unavailable, match="is unknown"):
        Guard().addresses(host, 443)


def test_what_is_connected_to_is_the_address_that_was_looked_at(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another address the second time it is asked for ("DNS rebinding") gains nothing by it."""
    asked: list[str] = []

    def rebinding(host: Any, *rest: Any, **options: Any) -> Any:
        if host != "rebinding.example":
            return _REAL(host, *rest, **options)
        asked.append(host)
        return _names({"rebinding.example": ["127.0.0.2" if len(asked) == 1 else "127.0.0.1"]})(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(addresses, "is_public", lambda address: str(address) == "127.0.0.2")
    allowed = loading(private_addresses=False)
    with Http(f"http://rebinding.example:{hub.port}", allowed, patience=QUICK) as http, pytest.raises(ForbiddenAddress):
        http.get("/api/models")
    assert asked == ["rebinding.example"] * 2  # 127.0.0.2, where nothing listens; and for the second attempt 127.0.0.1
    assert hub.asked == []


def test_a_redirect_to_this_machine_is_not_followed(hub: Hub) -> None:
    with redirecting(f"{hub.url}/api/models") as (url, port):
        allowed = loading(private_addresses=False, trusted=frozenset({f"127.0.0.1:{port}"}))
        with Http(url, allowed, patience=QUICK) as http, pytest.raises(ForbiddenAddress):
            http.get("/somewhere")
        assert hub.asked == []
        with Http(url, loading(), patience=QUICK) as http:
            assert http.get("/somewhere").json() == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "//[", "http://h:x/"])
def test_a_redirect_to_something_else_than_the_web_is_not_followed(location: str) -> None:
    with (
        redirecting(location) as (url, _),
        Http(url, loading(), patience=QUICK) as http,
        pytest.raises(Unavailable, match=r"not safe to follow|broke the connection"),
    ):
        http.get("/somewhere")


def test_a_redirect_in_circles_ends() -> None:
    with (
        redirecting("/again") as (url, _),
        Http(url, loading(), patience=QUICK) as http,
        pytest.raises(Unavailable, match="in circles"),
    ):
        http.get("/somewhere")


def test_a_token_goes_to_its_own_host_alone(hub: Hub) -> None:
    hub.tokens.add("secret")
    with redirecting(f"{hub.url}/api/models") as (url, _), Http(url, loading(), token="secret", patience=QUICK) as http:
        http.get("/somewhere")
    with Http(hub.url, loading(), token="secret", patience=QUICK) as http:
        http.get("/api/models")
    assert hub.authorized == ["", "secret"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub",
        "hub.example/path",
        "ftp://hub.example",
        "file:///etc/passwd",
        "https://",
        "https://maria:secret@hub.example",
        "https://hub.example?x=1",
        "https://hub.example/#x",
        "https://hub.example:port",
        "https://hub example",
        "https://hüb.example",
        "https://[::1",
        "https://hub.example/\n",
    ],
)
def test_what_is_no_url_of_a_source_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url)


def test_a_url_of_a_source() -> None:
    assert check_url("https://hub.example:8443/path/") == "https://hub.example:8443/path"
    assert check_url("HTTP://[::1]:80") == "HTTP://[::1]:80"


_REAL = socket.getaddrinfo


def _names(known: dict[str, list[str]]) -> Any:
    """A resolver that knows these names and no others: no name on loopback can be made to change its address."""

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    return resolve


@contextmanager
def redirecting(location: str) -> Iterator[tuple[str, int]]:
    """A server that redirects everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""GET, for what is far away: bounded in time and in bytes, tried again, and left when nobody waits."""

from __future__ import annotations

import gzip
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
from catalog.remote.hub import Hub
from catalog.remote.parts import QUICK, loading

from forecourt.catalog.remote.http import Http, Patience, Stopped, TooLarge
from forecourt.catalog.remote.refusals import wanted_pause
from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable


def asked(hub: Hub, path: str = "/api/models", *, patience: Patience = QUICK, limit: int = 10_000) -> object:
    with Http(hub.url, loading(), denied="Name a token.", patience=patience) as http:
        return http.get(path, limit=limit).json()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_answer_that_may_be_better_the_next_time_is_asked_for_again(hub: Hub, status: int) -> None:
    hub.trouble("/api/models", status=status, times=2)
    assert asked(hub) == []
    assert len(hub.asked) == 3


def test_after_some_attempts_it_is_given_up(hub: Hub) -> None:
    hub.trouble("/api/models", status=503, times=9, body=b'{"error": "We are being\\nrepaired."}')
    with pytest.raises(Unavailable, match=r"answered with status 503: We are being repaired\.$"):
        asked(hub)
    assert len(hub.asked) == 3


@pytest.mark.parametrize(
    ("status", "kind"), [(400, InvalidInput), (401, Denied), (403, Denied), (404, NotFound), (418, Unavailable)]
)
def test_an_answer_that_will_not_change_is_asked_for_once(hub: Hub, status: int, kind: type[ForecourtError]) -> None:
    hub.trouble("/api/models", status=status, headers={"X-Error-Message": "So it is."})
    with pytest.raises(kind, match=r"So it is\.$") as raised:
        asked(hub)
    assert len(hub.asked) == 1
    if kind is Denied:
        assert raised.value.hint == "Name a token."


def test_the_server_says_how_long_to_wait(hub: Hub) -> None:
    hub.trouble("/api/models", status=429, headers={"Retry-After": "1"})
    began = time.monotonic()
    assert asked(hub) == []
    assert 1 <= time.monotonic() - began < 3


def test_a_server_that_asks_for_too_much_patience_is_told_of(hub: Hub) -> None:
    hub.trouble("/api/models", status=429, headers={"RateLimit": '"api";r=0;t=120'})
    with pytest.raises(Unavailable, match="come back in 120 s"):
        asked(hub)
    assert len(hub.asked) == 1


def test_how_a_server_may_say_it() -> None:
    assert wanted_pause({"Retry-After": "17"}) == 17
    assert wanted_pause({"RateLimit": '"resolvers";r=0;t=55'}) == 55
    assert wanted_pause({"RateLimit": '"resolvers";r=12;t=55'}) is None
    assert 58 < (wanted_pause({"Retry-After": formatdate(time.time() + 60, usegmt=True)}) or 0) <= 60
    assert wanted_pause({"Retry-After": formatdate(time.time() - 60, usegmt=True)}) == 0
    for nonsense in ("", "soon", "-1", "1e9", "9" * 400, "²"):
        assert wanted_pause({"Retry-After": nonsense}) is None


def test_a_server_that_stalls_is_given_up_in_time(hub: Hub) -> None:
    hub.trouble("/api/models", stalls=True, times=9)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"did not answer within 0\.6 seconds"):
        asked(hub)
    assert 1.8 <= time.monotonic() - began < 4  # three attempts of 0.6 s


def test_a_server_that_stalls_within_an_answer_is_given_up_too(hub: Hub) -> None:
    hub.add("org/one")
    hub.trouble("/api/models", after=5, stalls=True, times=2)
    assert asked(hub) != []
    assert len(hub.asked) == 3


def test_a_server_that_lets_an_answer_drip_is_given_up_in_time(hub: Hub) -> None:
    for number in range(20):
        hub.add(f"org/model-{number}")
    hub.trouble("/api/models", drips=0.1, times=9)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer within 1 seconds"):
        asked(hub, patience=Patience(silence=0.6, whole=1, attempts=2, pause=0.01))
    assert 2 <= time.monotonic() - began < 4


def test_a_connection_that_breaks_is_made_again(hub: Hub) -> None:
    hub.add("org/one")
    hub.trouble("/api/models", after=5)
    hub.trouble("/api/models", after=0)
    (model,) = asked(hub)  # type: ignore[misc]
    assert model["id"] == "org/one"
    assert len(hub.asked) == 3


def test_nobody_listens(free_port: int) -> None:
    with Http(f"http://127.0.0.1:{free_port}", loading(), patience=QUICK) as http:
        with pytest.raises(Unavailable, match=f"127.0.0.1:{free_port} cannot be reached") as raised:
            http.get("/")
        assert raised.value.hint


def test_who_speaks_plain_http_is_not_taken_for_a_secure_server(hub: Hub) -> None:
    with (
        Http(hub.url.replace("http:", "https:"), loading(), patience=QUICK) as http,
        pytest.raises(Unavailable, match="No secure connection") as raised,
    ):
        http.get("/api/models")
    assert "http://" in raised.value.hint


def test_an_answer_that_is_too_long_is_not_read(hub: Hub) -> None:
    hub.add("org/one", files={"file": b"x" * 10_001})
    with pytest.raises(TooLarge, match="more than 10,000 bytes"):
        asked(hub, "/org/one/resolve/main/file")
    hub.repositories["org/one"].files["file"] = b'"' + b"1" * 9998 + b'"'
    asked(hub, "/org/one/resolve/main/file")


def test_an_answer_that_unpacks_to_too_much_is_not_unpacked(hub: Hub) -> None:
    packed = {"Content-Encoding": "gzip"}
    hub.trouble("/bomb", status=200, headers=packed, body=gzip.compress(b"0" * 50_000_000))
    with pytest.raises(TooLarge):
        asked(hub, "/bomb")
    hub.trouble("/small", status=200, headers=packed, body=gzip.compress(b'{"a": 1}'))
    assert asked(hub, "/small") == {"a": 1}


@pytest.mark.parametrize("body", [gzip.compress(b'{"a": 1}' * 999, mtime=0)[:-9], b"no gzip"])
def test_an_answer_that_is_packed_badly_is_asked_for_again(hub: Hub, body: bytes) -> None:
    hub.trouble("/packed", status=200, headers={"Content-Encoding": "gzip"}, body=body)
    hub.trouble("/packed", status=200, body=b"[1]")
    assert asked(hub, "/packed") == [1]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_json_is_said(hub: Hub, body: bytes) -> None:
    hub.trouble("/page", status=200, body=body)
    with pytest.raises(Unavailable, match="not JSON"):
        asked(hub, "/page", limit=1_000_000)


@pytest.mark.parametrize("stalling", [{"stalls": True}, {"status": 429, "headers": {"Retry-After": "200"}}])
def test_a_request_ends_soon_after_nobody_wants_it(hub: Hub, stalling: dict[str, object]) -> None:
    hub.trouble("/api/models", times=9, **stalling)
    stop = threading.Event()
    slow = Patience(silence=60, whole=60, longest_pause=300)
    with ThreadPoolExecutor() as executor, Http(hub.url, loading(stopped=stop.is_set), patience=slow) as http:
        future = executor.submit(http.get, "/api/models")
        while not hub.asked:
            time.sleep(0.01)
        stop.set()
        began = time.monotonic()
        with pytest.raises(Stopped):
            future.result(10)
        assert time.monotonic() - began < 2


def test_what_goes_on_in_other_threads_ends_when_it_is_left(hub: Hub) -> None:
    hub.trouble("/api/models", times=9, stalls=True)
    with ThreadPoolExecutor() as executor:
        with Http(hub.url, loading(), patience=Patience()) as http:
            future = executor.submit(http.get, "/api/models")
            while not hub.asked:
                time.sleep(0.01)
            http.leave()
            with pytest.raises(Stopped):
                future.result(10)
        with pytest.raises(Stopped):
            http.get("/api/models")

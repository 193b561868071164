"""Requests that are not for this server, that another's page sends, or that are too large, are refused at the door."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from browsers import chromium
from servers import Server, serving

from forecourt.app.guarding import Names, origins
from forecourt.settings import Settings

NAMESPACES = "/api/v1/namespaces"
MODELS = "/api/model_registry/v1/registered_models"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), FORECOURT_ALLOWED_HOSTS="models.example, *.test") as running:
        yield running


def ask(server: Server, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    where = urlsplit(server.record["url"])
    connection = HTTPConnection(str(where.hostname), where.port, timeout=20)
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, None if body is None else json.dumps(body), said)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if answer.headers["content-type"].startswith("application/json") else text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("forecourt.localhost", 200),
        ("MODELS.example:80", 200),
        ("a.b.test", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("0.0.0.0:8080", 421),
        ("10.0.0.7", 421),
        ("[half", 421),
        ("", 421),
    ],
)
def test_a_request_must_call_the_server_by_a_name_of_its_own(server: Server, host: str, status: int) -> None:
    for path in ("/healthz", NAMESPACES, MODELS, "/projects"):
        got, said = ask(server, "GET", path, Host=host)
        assert got == status, (path, said)
        if status == 421:
            assert "does not go by the name" in said["message"]
            assert "FORECOURT_ALLOWED_HOSTS" in said["details"]["causes"][0]["message"]


def test_inference_keeps_its_own_rules(server: Server) -> None:
    assert ask(server, "GET", "/v1/models", Host="evil.example")[0] == 200


def test_a_server_that_others_reach_goes_by_every_address_and_its_own_names() -> None:
    names = Names(Settings(external_url="https://models.corp.example/"), "0.0.0.0")
    for host in ("192.168.1.20:8080", "[fd00::1]", "models.corp.example", socket.gethostname(), "localhost"):
        assert names.has(host.encode()), host
    assert not names.has(b"evil.example")
    assert names.is_own_origin(b"https://models.corp.example", b"127.0.0.1:8080")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
    ],
    ids=str,
)
def test_what_another_sites_page_sends_changes_nothing(server: Server, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", NAMESPACES),
        ("DELETE", f"{NAMESPACES}/default"),
        ("POST", "/projects/new"),
        ("PATCH", "/api/forecourt/v1/catalog/sources/x"),
        ("POST", "/api/forecourt/v1/server/shutdown"),
    ):
        status, said = ask(server, method, path, {"metadata": {"name": "forged"}}, **headers)
        assert (status, said["reason"]) == (403, "Forbidden")
    assert ask(server, "GET", NAMESPACES, **headers)[0] == 200
    assert server.call("GET", f"{NAMESPACES}/forged")[0] == 404


def test_programs_and_the_servers_own_pages_pass(server: Server) -> None:
    own = server.record["url"]
    for number, headers in enumerate(
        ({}, {"Origin": own, "Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"})
    ):
        status, said = ask(server, "POST", NAMESPACES, {"metadata": {"name": f"mine-{number}"}}, **headers)  # type: ignore[arg-type]
        assert status == 201, said


def test_pages_of_allowed_origins_use_kubeflows_apis_and_no_other(server: Server) -> None:
    headers = {"Origin": "http://localhost:3000", "Sec_Fetch_Site": "same-site"}
    assert ask(server, "POST", MODELS, {"name": "from-a-page"}, **headers)[0] == 201
    assert ask(server, "POST", NAMESPACES, {"metadata": {"name": "no"}}, **headers)[0] == 403
    assert ask(server, "POST", MODELS, {"name": "no"}, Origin="https://evil.example")[0] == 403
    assert origins(Settings(cors_origins="")) is None


@contextmanager
def streaming(server: Server, head: str) -> Iterator[socket.socket]:
    where = urlsplit(server.record["url"])
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(head.encode())
        yield connection


def upload(server: Server, path: str, kind: str, size: int, *, chunked: bool) -> tuple[bytes, float]:
    """Send YAML without end as curl does; return the answer, and the seconds until it came."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{length}\r\n\r\n"
    piece = b"- a line of YAML\n" * 4096
    sent = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
    began = time.monotonic()
    with streaming(server, head) as connection:
        answer = threading.Event()

        def send() -> None:
            try:
                for _ in range(size // len(piece)):
                    if answer.is_set():
                        return
                    connection.sendall(sent)
            except OSError:
                pass  # the connection was ended under us

        sender = threading.Thread(target=send)
        sender.start()
        received = connection.recv(65536)
        if received.endswith(b"\r\n\r\n"):
            received += connection.recv(65536)
        seconds = time.monotonic() - began
        answer.set()
        sender.join()
        return received, seconds


UPLOADS = [
    (NAMESPACES, "application/yaml"),
    (MODELS, "application/yaml"),
    ("/api/forecourt/v1/registry/register", "application/json"),
    ("/projects/new", "application/x-www-form-urlencoded"),
]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(("path", "kind"), UPLOADS, ids=[path for path, _ in UPLOADS])
def test_a_gigabyte_of_yaml_is_refused_at_once_and_never_held(
    server: Server, path: str, kind: str, chunked: bool
) -> None:
    process = psutil.Process(server.record["pid"])
    before = process.memory_info().rss
    answer, seconds = upload(server, path, kind, 1024**3, chunked=chunked)
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert b"MiB" in answer
    assert seconds < 5
    assert process.memory_info().rss - before < 150 * 1024**2
    assert ask(server, "GET", "/healthz")[0] == 200


def test_an_object_that_is_too_large_is_told_so(server: Server) -> None:
    status, said = ask(server, "POST", NAMESPACES, {"metadata": {"name": "x" * (4 * 1024**2)}})
    assert (status, said["reason"]) == (413, "RequestEntityTooLarge")


FORGING = """<!doctype html><body>
<form method="post" action="{url}/projects/new"><input name="title" value="Forged"></form>
<script>
const sent = [];
const post = (path, body, type) => fetch("{url}" + path, {{
  method: "POST", mode: "no-cors", credentials: "include", body, headers: {{"content-type": type}},
}});
Promise.allSettled([
  post("/api/v1/namespaces", '{{"metadata": {{"name": "forged"}}}}', "text/plain"),
  post("/api/forecourt/v1/server/shutdown", '{{}}', "text/plain"),
  post("/api/model_registry/v1/registered_models", '{{"name": "forged"}}', "text/plain"),
]).then(() => {{ document.title = "sent"; }});
</script>"""


@contextmanager
def another_site(html: str) -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield other.server_port
        other.shutdown()


def test_a_page_of_another_origin_forges_nothing_in_a_browser(tmp_path: Path) -> None:
    with serving(tmp_path / "home", FORECOURT_CORS_ORIGINS="https://trusted.example") as server:
        url = server.record["url"]
        with another_site(FORGING.format(url=url)) as port, chromium() as browser:
            page = browser.new_page()
            for name in ("127.0.0.1", "localhost"):
                page.goto(f"http://{name}:{port}/")
                page.wait_for_function("document.title === 'sent'")
                with page.expect_navigation():
                    page.evaluate("document.forms[0].submit()")
                assert "may not change anything here" in page.content()
        names = [one["metadata"]["name"] for one in server.call("GET", NAMESPACES)[1]["items"]]
        assert names == ["default"]
        assert server.call("GET", MODELS)[1]["size"] == 0

"""What the server puts around the registry's API: who may use it from a web page, and whether it is well."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Server

LIST = "/api/model_registry/v1/registered_models"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"))
    server.start()
    yield server
    server.stop()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(server.record["url"] + path, method=method, headers=names)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


@pytest.mark.parametrize("path", ["/readyz/isDirty", "/readyz/health"])
def test_it_says_that_it_is_well(server: Server, path: str) -> None:
    assert ask(server, path)[0] == 200


def test_other_paths_of_readiness_are_not_there(server: Server) -> None:
    assert ask(server, "/readyz/nothing")[0] == 404


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8081"])
def test_a_page_of_this_machine_may_use_it(server: Server, origin: str) -> None:
    status, headers, _ = ask(server, LIST, Origin=origin)
    assert (status, headers["access-control-allow-origin"]) == (200, origin)
    wanted = {"Access_Control_Request_Method": "PATCH", "Access_Control_Request_Headers": "content-type"}
    status, headers, _ = ask(server, LIST, "OPTIONS", Origin=origin, **wanted)
    assert status == 200
    assert "PATCH" in headers["access-control-allow-methods"]


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost.example.com:80", "null"])
def test_a_page_of_another_origin_may_not(server: Server, origin: str) -> None:
    assert "access-control-allow-origin" not in ask(server, LIST, Origin=origin)[1]


def test_origins_can_be_set(tmp_path: Path) -> None:
    server = Server(tmp_path, FORECOURT_CORS_ORIGINS="https://*.example.com")
    server.start()
    try:
        assert "access-control-allow-origin" in ask(server, LIST, Origin="https://a.example.com")[1]
        assert "access-control-allow-origin" not in ask(server, LIST, Origin="http://localhost:3000")[1]
    finally:
        server.stop()

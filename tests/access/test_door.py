"""The door: what passes it, and what does not get behind it."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from access.people import PASSWORD, Person, add
from servers import serving

from forecourt.access import Access, Lasting, Role, asking, entering
from forecourt.access.users import User
from forecourt.db import Database
from forecourt.objects import ObjectStore


async def test_no_key_to_the_server_gets_to_a_runtime_and_no_cookie_comes_from_another_origin(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    access = Access(database, ObjectStore(database), tmp_path / "local.key")
    access.users.create(User("anna", "Anna", Role.ADMINISTRATOR), PASSWORD)
    text = access.credentials.begin("anna", agent="", address="")
    seen: list[dict[str, Any]] = []

    async def behind(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
        said = asking()
        seen.append({"headers": dict(scope["headers"]), "who": said and said.identity and said.identity.name})

    door = entering(
        behind,
        access,
        Lasting(access),
        cookie="forecourt-x",
        gateway=lambda path: path.startswith("/v1/"),
        pages=lambda _: False,
        cross_origin="cross",
    )

    async def ask(path: str, *headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers, **more}
        await door(scope, None, None)
        return seen[-1]

    cookie = (b"cookie", b"theme=dark; forecourt-x=" + text.encode() + b"; other=1")
    assert (await ask("/api/v1/namespaces", cookie))["who"] == "anna"
    assert (await ask("/api/v1/namespaces", cookie, cross=True))["who"] is None
    told = await ask("/v1/chat/completions", cookie, (b"authorization", b"Bearer fct_secret"))
    assert told == {"headers": {b"cookie": b"theme=dark; other=1"}, "who": None}
    told = await ask("/v1/chat/completions", (b"authorization", b"Bearer fct-of-a-deployment"))
    assert told["headers"] == {b"authorization": b"Bearer fct-of-a-deployment"}
    access.close()
    database.close()


def test_an_open_page_hears_of_what_one_may_see_and_no_more(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as server:
        root = add(server, "root", "administrator")
        anna = add(server, "anna")
        where = urlsplit(server.record["url"])
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=20)
        connection.request("GET", "/events?on=projects", headers=anna.headers)
        events = connection.getresponse()
        assert events.status == 200
        assert root.call("POST", "/api/v1/namespaces", {"metadata": {"name": "hidden"}})[0] == 201
        assert anna.call("POST", "/api/v1/namespaces", {"metadata": {"name": "hers"}})[0] == 201
        assert anna.call("PATCH", "/api/v1/namespaces/hers", {"metadata": {"labels": {"a": "b"}}})[0] == 200
        heard = []
        while "data: hers" not in str(heard):
            heard.append(events.readline())
        assert "hidden" not in str(heard)
        connection.close()
        assert Person(server).call("GET", "/events?on=projects")[0] == 401

"""Somebody who asks a real server: by a token, by a browser's session, or without saying who they are."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from servers import Server

USERS = "/api/forecourt/v1/users"
SESSIONS = "/api/forecourt/v1/sessions"
TOKENS = "/api/forecourt/v1/tokens"
PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Sends requests to a server; `headers` say who they are."""

    server: Server
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Return the status, the document and the headers of an answer."""
        where = urlsplit(self.server.record["url"])
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
        kind = (
            "application/merge-patch+json"
            if method == "PATCH" and path.startswith(("/api/v1/", "/apis/"))
            else "application/json"
        )
        said = {"Content-Type": kind} | self.headers | {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), said)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        found = {name.lower(): value for name, value in answer.headers.items()}
        is_json = text and found.get("content-type", "").startswith("application/json")
        return answer.status, json.loads(text) if is_json else text.decode(), found

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the document of an answer."""
        return self.ask(method, path, body)[:2]

    def with_token(self, token: str) -> Person:
        return Person(self.server, {"Authorization": f"Bearer {token}"})

    def signed_in(self, name: str, password: str = PASSWORD) -> Person:
        status, said, headers = self.ask("POST", SESSIONS, {"name": name, "password": password})
        assert status == 201, said
        return Person(self.server, {"Cookie": headers["set-cookie"].partition(";")[0]})


def local(server: Server) -> Person:
    """The command line on the server's machine."""
    return Person(server).with_token((server.home / "local.key").read_text())


def add(server: Server, name: str, role: str = "user", **more: Any) -> Person:
    """Create a user, and return them as their token has them known."""
    here = local(server)
    status, said = here.call("POST", USERS, {"name": name, "password": PASSWORD, "role": role, **more})
    assert status == 201, said
    status, made = here.call("POST", f"{USERS}/{name}/tokens", {"name": "test"})
    assert status == 201, made
    return Person(server).with_token(made["token"])

"""An application served on loopback, in a thread of the test's, and a client of what is below one path of it."""

from __future__ import annotations

import socket
import threading
from typing import Any, NamedTuple

import httpx
import uvicorn

from forecourt.serving import UVICORN_SETTINGS


class Answer(NamedTuple):
    """What came back: the status, and what the JSON says."""

    status: int
    json: Any


class JsonClient:
    """A client of what is below one path; an answer is never a page of HTML or a traceback."""

    def __init__(self, url: str, base: str) -> None:
        limits = httpx.Limits(keepalive_expiry=2)  # below what the server waits, so that no request meets its end
        self.http = httpx.Client(base_url=url + base, trust_env=False, timeout=60, limits=limits)

    def get(self, path: str, query: dict[str, Any] | None = None, **more: Any) -> Answer:
        asked = (query or {}) | more
        return self.send("GET", path, **({"params": asked} if asked else {}))

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", path, json=body)

    def put(self, path: str, body: Any) -> Answer:
        return self.send("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.send("PATCH", path, json=body)

    def delete(self, path: str, **query: Any) -> Answer:
        return self.send("DELETE", path, **({"params": query} if query else {}))

    def send(self, method: str, path: str, **how: Any) -> Answer:
        answer = self.http.request(method, path, **how)
        if answer.status_code == 204:
            return Answer(204, None)
        assert answer.headers["content-type"].startswith("application/json"), answer.text
        return Answer(answer.status_code, answer.json())


class Served:
    """An ASGI application that listens on a free port until it is closed."""

    def __init__(self, application: Any) -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            application, log_config=None, lifespan="off", timeout_graceful_shutdown=1, **UVICORN_SETTINGS
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]})
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()

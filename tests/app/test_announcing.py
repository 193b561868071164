"""Who listens to the registry hears of what has changed, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from forecourt.app.web import Announcing

REGISTER = "/api/forecourt/v1/registry/register"


async def _answer(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": scope["status"], "headers": []})


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "heard"),
    [
        ("POST", REGISTER, b"", 201, True),
        ("POST", REGISTER, b"dryRun=All", 201, False),
        ("POST", REGISTER, b"", 409, False),
        ("GET", "/api/forecourt/v1/registry/lineage", b"", 200, False),
        ("POST", "/api/forecourt/v1/sessions", b"", 201, False),
    ],
)
async def test_only_what_has_changed_the_registry_is_announced(
    method: str, path: str, query: bytes, status: int, heard: bool
) -> None:
    times: list[int] = []
    announcing = Announcing(_answer)
    announcing.listen(lambda: times.append(1))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query, "status": status}
    await announcing(scope, None, send)
    assert (bool(times), len(sent)) == (heard, 1)

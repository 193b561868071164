"""A deployment of the runtime ``tiny`` for the pages to show: granite, which says what it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers import SERVICES, Server, tiny_service, wait

OWN = "/deployments/default/granite"


@contextmanager
def granite_on(server: Server, model: Path) -> Iterator[dict[str, Any]]:
    """A deployment that is ready; it is gone in the end."""
    service = tiny_service("granite", model, "--say=one")
    service["metadata"]["annotations"] = {"openshift.io/display-name": "Granite"}
    server.call("POST", SERVICES, service)
    wait(lambda: _ready(server), 20, "granite is ready")
    yield service
    assert server.call("DELETE", f"{SERVICES}/granite")[0] in (200, 404)
    wait(lambda: server.call("GET", f"{SERVICES}/granite")[0] == 404, 20, "granite is gone")


def found(server: Server) -> dict[str, Any]:
    """What it is now."""
    item: dict[str, Any] = server.call("GET", f"{SERVICES}/granite")[1]
    return item


def say(server: Server, what: str, cause: str) -> None:
    """Have it say something else, and wait until it does."""
    change = {
        "metadata": {"annotations": {"kubernetes.io/change-cause": cause}},
        "spec": {"predictor": {"model": {"args": [f"--say={what}"]}}},
    }
    assert server.call("PATCH", f"{SERVICES}/granite", change)[0] == 200
    wait(lambda: _ready(server), 20, "the change is ready")


def _ready(server: Server) -> bool:
    item = found(server)
    status = item.get("status") or {}
    seen = status.get("observedGeneration") == item["metadata"].get("generation")
    return seen and any(one["type"] == "Ready" and one["status"] == "True" for one in status["conditions"])

"""A deployment of a model that is elsewhere: its status says how far it is, and it answers."""

from __future__ import annotations

from pathlib import Path

from servers import RUNTIMES, SERVICES, TINY_RUNTIME, serving, tiny_service, wait
from storage.servers import FileServer


def test_a_deployment_says_how_much_of_its_model_is_there(files: FileServer, tmp_path: Path) -> None:
    url = files.put("/tiny.gguf", bytes(3_000_000))
    files.trouble("/tiny.gguf")  # the HEAD
    files.trouble("/tiny.gguf", drips=0.05, drop=100_000)
    service = tiny_service("far", tmp_path)
    service["spec"]["predictor"]["model"]["storageUri"] = url
    with serving(tmp_path / "home") as server:
        assert server.call("POST", RUNTIMES, TINY_RUNTIME)[0] == 201
        assert server.call("POST", SERVICES, service)[0] == 201
        said: set[str] = set()

        def ready() -> bool:
            conditions = server.call("GET", f"{SERVICES}/far")[1].get("status", {}).get("conditions", [])
            said.update(each.get("message", "") for each in conditions)
            return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

        wait(ready, 60, "it is ready")
    assert any("pulling the model: " in each and "of 3.0 MB" in each for each in said), said


def test_a_deployment_of_what_is_not_there_says_so(files: FileServer, tmp_path: Path) -> None:
    service = tiny_service("none", tmp_path)
    service["spec"]["predictor"]["model"]["storageUri"] = f"{files.url}/none.gguf"
    with serving(tmp_path / "home") as server:
        server.call("POST", RUNTIMES, TINY_RUNTIME)
        server.call("POST", SERVICES, service)

        def told() -> bool:
            status = server.call("GET", f"{SERVICES}/none")[1].get("status", {})
            failed = status.get("modelStatus", {}).get("lastFailureInfo", {}).get("message", "")
            return "has no http" in failed and "none.gguf" in failed

        wait(told, 30, "the reason is told")

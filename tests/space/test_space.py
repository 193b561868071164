"""What takes space in a home, what needs it, and that nothing that is needed goes."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import RUNTIMES, SERVICES, TINY_RUNTIME, Server, serving, tiny_service, wait

from forecourt import modelcar
from forecourt.oci import ContentStore

STORAGE = "/api/forecourt/v1/storage"
SHARED, OWN = 300_000, 200_000  # bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        assert running.call("POST", RUNTIMES, TINY_RUNTIME)[0] == 201
        yield running


@pytest.fixture(scope="module")
def images(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two images of this machine that share a file, the first pushed to the embedded registry too."""
    shared = os.urandom(SHARED // 2).hex().encode()
    names = []
    for number in range(2):
        folder = tmp_path_factory.mktemp("model")
        (folder / "shared.txt").write_bytes(shared)
        (folder / "config.json").write_text("{}")
        (folder / "own.txt").write_bytes(os.urandom(OWN // 2).hex().encode())
        names.append(f"{server.record['registry']}/demo/m{number}:1")
        done = server.run("modelcar", "pack", str(folder), "-t", names[-1], "--copy", "--format", "tiny", "--json")
        assert done.returncode == 0, done.stderr
    assert server.run("modelcar", "push", names[0]).returncode == 0
    return names


def _items(server: Server, group: str) -> dict[str, dict[str, Any]]:
    groups = {one["id"]: one for one in server.call("GET", STORAGE)[1]["groups"]}
    return {one["id"]: one for one in groups[group]["items"]}


def _size(server: Server, group: str) -> int:
    return next(one["sizeBytes"] for one in server.call("GET", STORAGE)[1]["groups"] if one["id"] == group)


def _free(server: Server, *ids: str, dry_run: bool = False) -> dict[str, dict[str, Any]]:
    status, done = server.call("POST", f"{STORAGE}/free", {"items": list(ids) or None, "dryRun": dry_run})
    assert status == 200, done
    return {one["id"]: one for one in done["items"]}


def test_bytes_that_images_share_are_counted_once(server: Server, images: list[str]) -> None:
    first, second = (_items(server, "images")[f"images/{name}"] for name in images)
    assert first["sizeBytes"] >= SHARED + OWN
    assert second["sizeBytes"] >= SHARED + OWN
    assert SHARED + 2 * OWN <= _size(server, "images") < 2 * (SHARED + OWN)
    assert OWN <= second["ownBytes"] < SHARED + OWN  # the shared file stays with the other image
    assert first["ownBytes"] < OWN  # the registry has all of it as well
    assert _items(server, "registry")["registry/demo/m0:1"]["sizeBytes"] >= SHARED + OWN
    whole = server.call("GET", STORAGE)[1]
    assert whole["sizeBytes"] == sum(group["sizeBytes"] for group in whole["groups"])
    assert 0 < whole["disk"]["freeBytes"] < whole["disk"]["totalBytes"]


def test_what_a_deployment_serves_stays_and_goes_with_it(server: Server, images: list[str]) -> None:
    service = tiny_service("served", Path("/"))
    service["spec"]["predictor"]["model"]["storageUri"] = f"oci://{images[0]}"
    assert server.call("POST", SERVICES, service)[0] == 201

    def ready() -> bool:
        status = server.call("GET", f"{SERVICES}/served")[1].get("status") or {}
        return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())

    wait(ready, 60, "the deployment is ready")
    [model] = _items(server, "models").values()
    assert model["usedBy"] == ["default/served"]
    ids = [model["id"], f"images/{images[0]}", "registry/demo/m0:1"]
    for one in _free(server, *ids).values():
        assert not one["removed"]
        assert "default/served" in one["message"]
    assert ready()
    assert all(one["usedBy"] for one in _items(server, "logs").values() if "served" in one["name"])

    assert server.call("DELETE", f"{SERVICES}/served")[0] == 200
    wait(lambda: server.call("GET", f"{SERVICES}/served")[0] == 404, 30, "it is gone")
    wait(lambda: not _items(server, "models"), 10, "its files are gone")
    assert _items(server, "registry")["registry/demo/m0:1"]["removable"]


def test_models_that_nothing_reads_go_and_a_dry_run_keeps_them(server: Server) -> None:
    left = server.home / "models" / ("files-" + "a" * 64)
    left.mkdir(parents=True)
    (left / "weights.bin").write_bytes(os.urandom(100_000))
    name = f"models/{left.name}"
    assert _items(server, "models")[name]["needless"]
    planned = _free(server, dry_run=True)[name]
    assert planned["freedBytes"] >= 100_000
    assert left.exists()
    assert _free(server)[name]["removed"]
    assert not left.exists()
    assert not list((server.home / "models").glob(".files-*"))


def test_a_stopped_deployment_keeps_files_that_may_be_its_own(server: Server) -> None:
    left = server.home / "models" / ("files-" + "b" * 64)
    left.mkdir(parents=True)
    service = tiny_service("asleep", Path("/"), replicas=0)
    service["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
    service["spec"]["predictor"]["model"]["storageUri"] = "hf://acme/model"
    assert server.call("POST", SERVICES, service)[0] == 201
    stays = _free(server, f"models/{left.name}")[f"models/{left.name}"]
    assert (stays["removed"], left.exists()) == (False, True)
    assert "default/asleep" in stays["message"]
    server.call("DELETE", f"{SERVICES}/asleep")
    wait(lambda: server.call("GET", f"{SERVICES}/asleep")[0] == 404, 30, "it is gone")
    wait(lambda: not left.exists(), 10, "what no deployment reads went with it")


def test_nothing_goes_while_a_model_is_being_fetched(server: Server, images: list[str]) -> None:
    left = server.home / "models" / ("files-" + "c" * 64)
    left.mkdir(parents=True)
    with modelcar.kept(ContentStore(server.home / "store")):  # as another process that packs, pulls or fetches
        stays = _free(server, f"models/{left.name}", f"images/{images[1]}")
    assert {one["removed"] for one in stays.values()} == {False}
    assert all("being packed, pulled or fetched" in one["message"] for one in stays.values())
    assert left.exists()
    assert f"images/{images[1]}" in _items(server, "images")
    assert _free(server, f"models/{left.name}")[f"models/{left.name}"]["removed"]


def test_a_registered_version_keeps_its_image_in_the_registry(server: Server, images: list[str]) -> None:
    done = server.run("registry", "register", f"oci://{images[0]}", "--name", "kept", "--version", "1", "--json")
    assert done.returncode == 0, done.stderr
    stays = _free(server, "registry/demo/m0:1")["registry/demo/m0:1"]
    assert not stays["removed"]
    assert "kept/1 (registered)" in stays["message"]


def test_an_image_is_removed_with_what_only_it_needs(server: Server, images: list[str]) -> None:
    tagged = server.run("modelcar", "tag", images[1], "localhost:1/other:2")
    assert tagged.returncode == 0, tagged.stderr
    _make_old(server)
    done = _free(server, "images/localhost:1/other:2")["images/localhost:1/other:2"]
    assert (done["removed"], done["freedBytes"]) == (True, 0)  # the other name has all of it
    before = _size(server, "images")
    assert _free(server, f"images/{images[1]}")[f"images/{images[1]}"]["removed"]
    assert before - _size(server, "images") >= OWN
    blobs = sum(path.stat().st_size for path in (server.home / "store" / "files").rglob("*") if path.is_file())
    assert SHARED + OWN <= blobs < SHARED + 2 * OWN  # what only it needed is gone from the disk


def test_the_same_item_removed_twice_at_once_is_removed_once(server: Server) -> None:
    left = server.home / "models" / ("files-" + "d" * 64)
    left.mkdir(parents=True)
    answers: list[tuple[int, Any]] = []
    body = {"items": [f"models/{left.name}"]}
    threads = [
        threading.Thread(target=lambda: answers.append(server.call("POST", f"{STORAGE}/free", body))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200, 404, 404, 404]
    assert not left.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [({"items": ["models/../store"]}, 404), ({"items": ["no/such"]}, 404), ({"items": 7}, 400), ({"what": 1}, 400)],
)
def test_what_is_no_item_is_refused_and_nothing_goes(server: Server, body: dict[str, Any], status: int) -> None:
    assert server.call("POST", f"{STORAGE}/free", body)[0] == status
    assert (server.home / "store").is_dir()


def test_the_database_and_what_people_made_cannot_go(server: Server) -> None:
    stays = _free(server, "database/forecourt.db")["database/forecourt.db"]
    assert (stays["removed"], stays["message"]) == (False, "It is what you made.")


# The command


def test_the_command_lists_asks_and_frees(server: Server) -> None:
    left = server.home / "models" / ("files-" + "e" * 64)
    left.mkdir(parents=True)
    (left / "weights.bin").write_bytes(bytes(50_000))
    name = f"models/{left.name}"
    shown = server.run("storage", "list", "models")
    assert name in shown.stdout
    assert json.loads(server.run("storage", "list", "models", "--json").stdout)["groups"][0]["id"] == "models"
    assert f"{name} would be removed" in server.run("storage", "free", name, "--dry-run").stdout
    refused = server.run("storage", "free", name)
    assert (refused.returncode, left.exists()) == (2, True)
    assert "--yes" in refused.stderr
    done = server.run("storage", "free", name, "--yes", "--json")
    assert json.loads(done.stdout)["items"][0]["removed"]
    assert not left.exists()
    assert server.run("storage", "list", "nothing").returncode != 0
    kept = server.run("storage", "free", "database/forecourt.db", "--yes")
    assert kept.returncode == 1
    assert "stays: It is what you made." in kept.stderr


def test_the_commands_of_the_documentation_run(server: Server) -> None:
    page = (Path(__file__).parents[2] / "docs" / "space.md").read_text()
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S) for line in block.splitlines()]
    assert len(lines) == 4
    for line in lines:
        done = server.run(*line.split()[1:])
        assert done.returncode == 0, f"{line}: {done.stderr}"


def _make_old(server: Server) -> None:
    """Have all blobs have come an hour ago: younger ones are never pruned."""
    past = time.time() - 3600
    for kind in ("layers", "blobs"):
        for path in (server.home / "store" / kind).rglob("*"):
            if path.is_file():
                os.utime(path, (past, past))

"""Many clients at once lose nothing of each other's, and a server that is killed leaves nothing half there."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from registry.served import Api
from servers import Server
from sqlalchemy import text

from forecourt.db import Database
from forecourt.registry.indexing import property_rows
from forecourt.registry.model import KINDS

V1 = "/api/model_registry/v1/"


def at_once(clients: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the same in many threads, which begin together."""
    gate = threading.Barrier(clients)

    def one(number: int) -> Any:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, range(clients)))


def test_of_fifty_that_create_the_same_name_one_does(api: Api) -> None:
    answers = at_once(50, lambda _: api.post("registered_models", {"name": "same"}))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    messages = {answer.json["message"] for answer in answers if answer.status == 409}
    assert messages == {"registered model with name same already exists"}
    assert len(api.items("registered_models")) == 1


def test_of_fifty_that_create_the_same_version_or_external_id_one_does(api: Api) -> None:
    model = api.made("registered_models", name="x")["id"]
    answers = at_once(20, lambda _: api.post(f"registered_models/{model}/versions", {"name": "same"}))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 19}
    answers = at_once(
        20,
        lambda number: api.post(
            "artifacts", {"artifactType": "doc-artifact", "externalId": "same", "name": str(number)}
        ),
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 19}


def test_writers_of_different_rows_do_not_stop_each_other(api: Api) -> None:
    def work(number: int) -> list[int]:
        made = api.made("registered_models", name=f"model-{number}")
        return [
            api.patch(f"registered_models/{made['id']}", {"description": str(turn)}).status for turn in range(5)
        ] + [api.get("registered_models", pageSize=5).status]

    assert {status for statuses in at_once(20, work) for status in statuses} == {200}
    assert {item["description"] for item in api.items("registered_models")} == {"4"}


def test_patches_of_different_fields_of_one_row_are_all_there_in_the_end(api: Api) -> None:
    path = f"registered_models/{api.made('registered_models', name='x')['id']}"
    fields = ("description", "owner", "readme", "maturity", "provider", "logo", "license", "libraryName", "externalId")
    answers = at_once(len(fields), lambda number: api.patch(path, {fields[number]: f"by {number}"}))
    assert {answer.status for answer in answers} == {200}
    after = api.get(path).json
    assert {name: after[name] for name in fields} == {name: f"by {number}" for number, name in enumerate(fields)}
    for name in fields[:-1]:
        assert api.names("registered_models", f"{name} LIKE 'by %'") == ["x"]


def test_of_custom_properties_that_are_replaced_at_once_one_whole_map_stays(api: Api) -> None:
    path = f"registered_models/{api.made('registered_models', name='x')['id']}"

    def replaced(number: int) -> dict[str, Any]:
        return {f"{key}{number}": {"int_value": str(number), "metadataType": "MetadataIntValue"} for key in "abc"}

    answers = at_once(12, lambda number: api.patch(path, {"customProperties": replaced(number)}))
    assert {answer.status for answer in answers} == {200}
    last = api.get(path).json["customProperties"]
    assert last in [replaced(number) for number in range(12)]
    rows = api.rows("SELECT name FROM registry_properties WHERE custom = 1")
    assert {row[0] for row in rows} == set(last)


def test_metrics_that_are_posted_at_once_are_all_in_the_history(api: Api) -> None:
    client = api.v1alpha3
    experiment = client.made("experiments", name="x")["id"]
    run = client.made("experiment_runs", experimentId=experiment)["id"]
    path = f"experiment_runs/{run}"
    answers = at_once(
        16,
        lambda number: client.post(
            f"{path}/artifacts", {"artifactType": "metric", "name": "loss", "value": number, "step": number}
        ),
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 15}
    assert len(client.items(f"{path}/artifacts")) == 1
    assert sorted(item["step"] for item in client.items(f"{path}/metric_history")) == list(range(16))


def test_a_version_is_not_made_below_a_model_that_is_deleted_meanwhile(api: Api) -> None:
    for turn in range(5):
        model = api.made("registered_models", name=f"x{turn}")["id"]

        def work(number: int, model: str = model) -> int:
            if number == 0:
                return api.management.delete(f"registered_models/{model}", cascade="true").status
            return api.post(f"registered_models/{model}/versions", {"name": str(number)}).status

        statuses = at_once(6, work)
        assert statuses[0] in (200, 409), statuses
        assert set(statuses[1:]) <= {201, 404}
        if statuses[0] == 200:
            assert api.items("model_versions", filterQuery=f"registeredModelId = {model}") == []
    assert wrongs(api.database) == []


def wrongs(database: Database) -> list[str]:
    """Return what does not fit together in the registry's tables."""
    wrong: list[str] = []
    with database.snapshot() as session:

        def rows(sql: str) -> list[Any]:
            return list(session.execute(text(sql)).all())

        resources = {row[0]: row for row in rows("SELECT id, kind, parent_id, name, document FROM registry_resources")}
        indexed: dict[int, set[tuple[Any, ...]]] = {}
        for row in rows(
            "SELECT resource_id, custom, name, position, kind, type, head, tail, number FROM registry_properties"
        ):
            indexed.setdefault(row[0], set()).add(tuple(row[1:]))
        latest = dict(
            rows(
                "SELECT resource_id, after FROM registry_changes WHERE after IS NOT NULL "
                "AND action IN ('create', 'update', 'stage') ORDER BY id"
            )
        )
        attributed = {row[0] for row in rows("SELECT artifact_id FROM registry_attributions")}
        for identity, kind, parent, name, document in resources.values():
            expected = {
                tuple(
                    row[column] for column in ("custom", "name", "position", "kind", "type", "head", "tail", "number")
                )
                for row in property_rows(KINDS[kind], identity, json.loads(document))
            }
            if indexed.pop(identity, set()) != expected:
                wrong.append(f"{kind} {name} is not indexed as it is")
            if parent is not None and parent not in resources:
                wrong.append(f"{kind} {name} has no parent")
            if kind != "MetricHistory" and latest.get(identity) != document:
                wrong.append(f"{kind} {name} is not as the audit trail has it")
            if KINDS[kind].family == "artifact" and parent is not None and identity not in attributed:
                wrong.append(f"{kind} {name} is no artifact of its parent")
        wrong += [f"{identity} is indexed and not there" for identity in indexed]
    return wrong


def test_what_was_answered_before_a_kill_is_there_and_nothing_is_half_there(tmp_path: Path) -> None:
    chance = random.Random(7)
    server = Server(tmp_path / "home")
    answered: dict[str, str] = {}
    for turn in range(2):
        server.start()

        def write(number: int, turn: int = turn) -> None:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                for step in range(1000):
                    name = f"{turn}-{number}-{step}"
                    properties = {"k": {"string_value": name, "metadataType": "MetadataStringValue"}}
                    status, model = server.call(
                        "POST", f"{V1}registered_models", {"name": name, "customProperties": properties}
                    )
                    assert status == 201
                    answered[f"registered_models/{model['id']}"] = name
                    status, version = server.call(
                        "POST", f"{V1}registered_models/{model['id']}/versions", {"name": name, "author": "me"}
                    )
                    assert status == 201
                    answered[f"model_versions/{version['id']}"] = name
                    status, artifact = server.call(
                        "POST",
                        f"{V1}model_versions/{version['id']}/artifacts",
                        {"artifactType": "model-artifact", "name": name, "uri": "oci://a/b"},
                    )
                    assert status == 201
                    answered[f"artifacts/{artifact['id']}"] = name

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        time.sleep(0.3 + chance.random() * 0.5)
        server.kill()
        for writer in writers:
            writer.join()
    server.start()
    try:
        assert len(answered) > 10
        for path, name in answered.items():
            status, found = server.call("GET", V1 + path)
            assert (status, found.get("name")) == (200, name)
    finally:
        server.stop()
    database = Database(f"sqlite:///{tmp_path}/home/forecourt.db")
    assert wrongs(database) == []
    database.close()

"""Lineage as a graph: generations before and after a version, bounded."""

from __future__ import annotations

from typing import Any

import pytest

DIGEST = "sha256:" + "a" * 64


def register(api: Any, name: str, version: str, *links: dict[str, Any], uri: str = "") -> str:
    """Register a version, and return its id."""
    body = {
        "registeredModel": {"name": name},
        "modelVersion": {"name": version},
        "modelArtifact": {"uri": uri or f"hf://acme/{name}"},
        "links": [*links],
    }
    status, made = api.management.post("register", body)
    assert status == 201, made
    return str(made["modelVersion"]["id"])


def made_from(version: str, relation: str = "finetuned-from") -> dict[str, Any]:
    return {"relation": relation, "uri": f"model-registry://{version}", "modelVersionId": int(version)}


def graph(api: Any, version: str, **query: Any) -> dict[str, Any]:
    status, found = api.management.get(f"model_versions/{version}/lineage/graph", **query)
    assert status == 200, found
    return dict(found)


def arrows(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["from"], one["relation"], one["to"]) for one in found["edges"]}


def test_generations_before_and_after_a_version_hang_together(api: Any) -> None:
    base = register(api, "base", "1", {"relation": "source", "uri": "hf://meta/base@abc"})
    tuned = register(
        api,
        "tuned",
        "1",
        made_from(base),
        {"relation": "trained-by", "uri": "run://7"},
        {"relation": "evidence", "uri": "https://acme/report", "detail": "MMLU 0.5"},
        uri=f"oci://a/b@{DIGEST}",
    )
    small = register(api, "small", "1", made_from(tuned, "quantized-from"))
    found = graph(api, tuned)
    assert found["root"] == f"version:{tuned}"
    assert arrows(found) >= {
        ("origin:hf://meta/base@abc", "source", f"version:{base}"),
        (f"version:{base}", "finetuned-from", f"version:{tuned}"),
        ("run:run://7", "trained-by", f"version:{tuned}"),
        (f"version:{tuned}", "evidence", "evidence:https://acme/report"),
        (f"version:{tuned}", "quantized-from", f"version:{small}"),
    }
    kinds = {one["kind"] for one in found["nodes"]}
    assert kinds == {"version", "origin", "run", "evidence", "modelcar"}
    (car,) = [one for one in found["nodes"] if one["kind"] == "modelcar"]
    assert car["digest"] == DIGEST


def test_a_deployment_is_a_node(api: Any) -> None:
    version = register(api, "served", "1")
    model = api.get(f"model_versions/{version}")[1]["registeredModelId"]
    environment = api.made("serving_environments", name="demo")["id"]
    fields = {"registeredModelId": model, "servingEnvironmentId": environment, "modelVersionId": version}
    api.made("inference_services", name="chat", **fields)
    (node,) = [one for one in graph(api, version)["nodes"] if one["kind"] == "deployment"]
    assert (node["name"], node["servingEnvironment"]) == ("chat", "demo")


def test_a_generation_that_is_too_deep_is_only_marked(api: Any) -> None:
    ids = [register(api, "chain", "0")]
    for number in range(1, 6):
        ids.append(register(api, "chain", str(number), made_from(ids[-1])))
    found = graph(api, ids[3], depth=1)
    nodes = {one["id"]: one for one in found["nodes"] if one["kind"] == "version"}
    assert set(nodes) == {f"version:{ids[number]}" for number in (2, 3, 4)}
    assert [one["id"] for one in nodes.values() if one.get("more")] == [f"version:{ids[2]}", f"version:{ids[4]}"]
    assert len([one for one in graph(api, ids[3])["nodes"] if one["kind"] == "version"]) == 6


def test_many_are_bounded_and_the_rest_is_counted(api: Any) -> None:
    base = register(api, "base", "1")
    for number in range(30):
        register(api, "many", str(number), made_from(base))
    found = graph(api, base, mostNodes=20)
    assert (len(found["nodes"]), found["omitted"]) == (20, 12)
    known = {one["id"] for one in found["nodes"]}
    assert all(one["from"] in known and one["to"] in known for one in found["edges"])


def test_a_circle_by_way_of_uris_ends(api: Any) -> None:
    first = register(api, "first", "1")
    second = register(api, "second", "1", made_from(first))
    api.management.post(
        f"model_versions/{first}/lineage", {"relation": "evidence", "uri": "x", "modelVersionId": second}
    )
    api.management.post(f"model_versions/{first}/lineage", {"relation": "source", "uri": "y", "modelVersionId": second})
    assert (f"version:{second}", "source", f"version:{first}") in arrows(graph(api, first))


@pytest.mark.parametrize("query", [{"depth": 99}, {"depth": -1}, {"mostNodes": 0}, {"mostNodes": 9999}])
def test_bounds_are_checked(api: Any, query: dict[str, int]) -> None:
    version = register(api, "bounded", "1")
    assert api.management.get(f"model_versions/{version}/lineage/graph", **query).status == 400


def test_a_version_that_is_not_there_is_told(api: Any) -> None:
    assert api.management.get("model_versions/999/lineage/graph").status == 404

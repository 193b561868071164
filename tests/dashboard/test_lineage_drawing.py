"""What is drawn of a lineage, and what stands in the list beside it."""

from __future__ import annotations

from typing import Any

import pytest

from forecourt.dashboard.registry.drawing import drawn
from forecourt.dashboard.registry.lineage import listed
from forecourt.dashboard.registry.naming import named

Document = dict[str, Any]


def version(number: int, name: str = "granite") -> Document:
    return {
        "id": f"version:{number}",
        "kind": "version",
        "registeredModelId": "1",
        "registeredModel": name,
        "modelVersionId": str(number),
        "modelVersion": str(number),
    }


def origin(uri: str, kind: str = "origin") -> Document:
    return {"id": f"{kind}:{uri}", "kind": kind, "uri": uri}


def graph(nodes: list[Document], edges: list[tuple[str, str, str]], omitted: int = 0) -> Document:
    told = [{"from": begin, "to": end, "relation": relation} for begin, relation, end in edges]
    return {"root": nodes[0]["id"], "nodes": nodes, "edges": told, "omitted": omitted}


def texts(groups: list[Document]) -> list[Any]:
    """Return a list's labels, nested as they are."""
    return [(group["title"], [(one["label"], texts(one["groups"])) for one in group["entries"]]) for group in groups]


@pytest.mark.parametrize(
    ("node", "kind", "label", "href"),
    [
        (version(3), "Version 3", "granite", "/registry/versions/3/lineage"),
        (origin("catalog://ours/a b/c"), "Model catalog", "c", "/catalog/ours/a%20b/c"),
        (origin("hf://acme/m@0123456789"), "Hugging Face @0123456", "acme/m", "/registry/lineage?uri=hf"),
        (origin("https://huggingface.co/acme/m"), "Hugging Face", "acme/m", "/registry/lineage?uri=https"),
        (origin("s3://bucket/a/b/c?endpoint=x"), "Object storage", "b/c", "/registry/lineage?uri=s3"),
        (origin("model-registry://a/b"), "Model registry", "a/b", "/registry/lineage?uri=model"),
        (origin("<script>"), "Source", "<script>", "/registry/lineage?uri=%3Cscript%3E"),
        (origin("javascript:alert(1)"), "Source", "javascript:alert(1)", "/registry/lineage?uri=javascript"),
        (origin("run://7", "run"), "Training run", "7", "/registry/lineage?uri=run"),
        (origin("https://x/report", "evidence"), "Evidence", "x/report", "/registry/lineage?uri=https"),
        (
            {"id": "deployment:1", "kind": "deployment", "name": "chat/uid", "servingEnvironment": "demo"},
            "Deployment in demo",
            "chat",
            "/deployments/demo/chat",
        ),
        (
            {"id": "artifact:1", "kind": "modelcar", "uri": "oci://r/a:1", "digest": "sha256:" + "ab" * 32},
            "ModelCar",
            "sha256:abababababab",
            "/registry/lineage?uri=sha256",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_every_node_has_a_kind_a_name_and_a_link(node: Document, kind: str, label: str, href: str) -> None:
    found = named(node)
    assert (found.kind, found.label) == (kind, label)
    assert found.href.startswith(href)


def test_boxes_do_not_lie_on_each_other_and_arrows_go_from_one_to_the_next() -> None:
    nodes = [version(1), version(2), origin("hf://a/b"), origin("run://1", "run")]
    edges = [
        ("origin:hf://a/b", "source", "version:2"),
        ("version:2", "quantized-from", "version:1"),
        ("run:run://1", "trained-by", "version:1"),
    ]
    found = drawn(graph(nodes, edges), "list")
    at = {box["title"]: (box["x"], box["y"]) for box in found["boxes"]}
    assert len(set(at.values())) == 4
    assert at["Hugging Face: hf://a/b"][0] < at["Version 2: granite 2"][0] < at["Version 1: granite 1"][0]
    assert {arrow["text"] for arrow in found["arrows"]} == {"source", "quantized", "trained"}
    assert [box["root"] for box in found["boxes"]].count(True) == 1
    assert (found["shown"], found["of"]) == (4, 4)


def test_many_that_are_alike_are_folded_into_one_that_leads_to_the_list() -> None:
    many = [version(number) for number in range(2, 502)]
    found = drawn(graph([version(1), *many], [("version:1", "derived-from", one["id"]) for one in many], 20), "list")
    (more,) = [box for box in found["boxes"] if box["href"] == "#list"]
    assert more["label"] == "493 more"
    assert (found["shown"], found["of"]) == (8, 521)


def test_no_more_is_drawn_than_can_be_looked_at() -> None:
    nodes = [version(number) for number in range(1, 400)]
    edges = [(f"version:{number // 3 or 1}", "derived-from", f"version:{number}") for number in range(2, 400)]
    found = drawn(graph(nodes, edges), "list")
    assert found["shown"] <= 60
    assert len(found["boxes"]) <= 60


def test_a_circle_is_drawn_and_listed_once() -> None:
    edges = [("version:1", "derived-from", "version:2"), ("version:2", "source", "version:1")]
    told = graph([version(1), version(2)], edges)
    assert len(drawn(told, "list")["arrows"]) == 2
    source, into = listed(told)
    assert texts([source, into]) == [
        ("Source", [("granite 2", [("Made from", [("granite 1", [])])])]),
        ("Made into", [("granite 2", [])]),
    ]
    assert into["entries"][0]["again"]


def test_the_list_is_nested_by_generations() -> None:
    nodes = [version(1), version(2, "tuned"), version(3, "base"), origin("hf://a/b"), version(4, "small")]
    edges = [
        ("version:2", "quantized-from", "version:1"),
        ("version:3", "finetuned-from", "version:2"),
        ("origin:hf://a/b", "source", "version:3"),
        ("version:1", "derived-from", "version:4"),
    ]
    groups = listed(graph(nodes, edges))
    assert texts(groups) == [
        ("Made from", [("tuned 2", [("Made from", [("base 3", [("Source", [("a/b", [])])])])])]),
        ("Made into", [("small 4", [])]),
    ]
    assert groups[0]["entries"][0]["relation"] == "quantized from"
    assert groups[1]["entries"][0]["relation"] == "derived"


def test_the_list_is_bounded() -> None:
    many = [version(number) for number in range(2, 900)]
    (group,) = listed(graph([version(1), *many], [("version:1", "derived-from", one["id"]) for one in many]))
    assert len(group["entries"]) == 500


def test_a_version_alone_is_one_box() -> None:
    found = drawn(graph([version(1)], []), "list")
    assert (len(found["boxes"]), found["arrows"]) == (1, [])

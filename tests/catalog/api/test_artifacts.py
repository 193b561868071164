"""A model's artifacts over Kubeflow's API: of which sort, in which order, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from catalog.served import Api, entry, metrics, point, properties, weights

VERSIONS = ["v1", "v1alpha1"]
PATH = "sources/s/models/acme/a/artifacts"


@pytest.fixture
def given(api: Api) -> Api:
    """A catalog with a model that has five artifacts, and another with one."""
    api.give(
        "s",
        entry(
            "acme/a",
            weights("oci://quay.io/acme/a:1", format="safetensors") | {"name": "weights"},
            metrics("accuracy", mmlu=61.5, suite="v1") | {"name": "accuracy"},
            metrics("accuracy", mmlu=70.25, suite="v2"),
            point("H100", count=2, ttft=80.0),
            weights("hf://acme/a"),
        ),
        entry("b", weights("oci://quay.io/acme/b:1")),
    )
    return api


def said(api: Api, **query: Any) -> list[str]:
    """Return the artifacts of a page by what tells them apart."""
    found = []
    for one in api.listed(PATH, **query)["items"]:
        custom = one.get("customProperties", {})
        number = custom.get("mmlu", custom.get("ttft_p90", {})).get("double_value")
        found.append(one.get("uri") or f"{one['metricsType']} {number}")
    return found


ONE, TWO, THREE = "oci://quay.io/acme/a:1", "accuracy-metrics 61.5", "accuracy-metrics 70.25"
FOUR, FIVE = "performance-metrics 80.0", "hf://acme/a"


@pytest.mark.parametrize("version", VERSIONS)
def test_artifacts_come_as_the_source_gave_them_with_an_id(given: Api, version: str) -> None:
    items = given.of(version).listed(PATH)["items"]
    identities = [int(one.pop("id")) for one in items]
    assert identities == sorted(set(identities))
    assert items[0] == {
        "artifactType": "model-artifact",
        "name": "weights",
        "uri": "oci://quay.io/acme/a:1",
        "customProperties": properties({"format": "safetensors"}),
    }
    assert items[3] == {
        "artifactType": "metrics-artifact",
        "metricsType": "performance-metrics",
        "customProperties": properties(
            {"hardware_type": "H100", "hardware_count": 2, "ttft_p90": 80.0, "requests_per_second": 1.0}
        ),
    }


@pytest.mark.parametrize("name", ["artifactType", "artifact_type", "artifactType[]"])
def test_they_can_be_asked_for_by_type(given: Api, name: str) -> None:
    assert said(given, **{name: "model-artifact"}) == [ONE, FIVE]
    assert said(given, **{name: "metrics-artifact"}) == [TWO, THREE, FOUR]
    assert said(given, **{name: ["model-artifact", "metrics-artifact"]}) == [ONE, TWO, THREE, FOUR, FIVE]
    assert given.refused(PATH, **{name: "metric"}) == (
        400,
        "invalid artifactType 'metric': it is model-artifact or metrics-artifact",
    )


@pytest.mark.parametrize(
    ("filter_query", "expected"),
    [
        ("mmlu > 65", [THREE]),
        ("mmlu.double_value < 65 AND suite.string_value = 'v1'", [TWO]),
        ("uri LIKE 'oci:%'", [ONE]),
        ("artifactType = 'metrics-artifact' AND metricsType = 'performance-metrics'", [FOUR]),
        ("hardware_count.int_value = 2 OR name = 'accuracy'", [TWO, FOUR]),
        ("artifacts.mmlu > 65", [THREE]),
        ("unknown = 1", []),
    ],
)
def test_a_filter_finds_what_it_says(given: Api, filter_query: str, expected: list[str]) -> None:
    assert said(given, filterQuery=filter_query) == expected


def test_a_filter_and_a_type_both_hold(given: Api) -> None:
    assert said(given, filterQuery="mmlu > 0", artifactType="model-artifact") == []


@pytest.mark.parametrize(
    ("order", "upwards", "downwards"),
    [
        ("ID", [ONE, TWO, THREE, FOUR, FIVE], [FIVE, FOUR, THREE, TWO, ONE]),
        ("CREATE_TIME", [ONE, TWO, THREE, FOUR, FIVE], [FIVE, FOUR, THREE, TWO, ONE]),
        ("NAME", [TWO, ONE, THREE, FOUR, FIVE], [ONE, TWO, THREE, FOUR, FIVE]),
        ("mmlu.double_value", [TWO, THREE, ONE, FOUR, FIVE], [THREE, TWO, ONE, FOUR, FIVE]),
        ("suite.string_value", [TWO, THREE, ONE, FOUR, FIVE], [THREE, TWO, ONE, FOUR, FIVE]),
        ("hardware_count.int_value", [FOUR, ONE, TWO, THREE, FIVE], [FOUR, ONE, TWO, THREE, FIVE]),
        ("mmlu", [ONE, TWO, THREE, FOUR, FIVE], [FIVE, FOUR, THREE, TWO, ONE]),  # no type: by id
        ("unknown.double_value", [ONE, TWO, THREE, FOUR, FIVE], [FIVE, FOUR, THREE, TWO, ONE]),
    ],
)
def test_they_come_in_the_order_that_is_asked_for(
    given: Api, order: str, upwards: list[str], downwards: list[str]
) -> None:
    assert said(given, orderBy=order) == upwards
    assert said(given, orderBy=order, sortOrder="DESC") == downwards
    pages = given.pages(PATH, orderBy=order, pageSize=2)
    whole = [one["id"] for one in given.listed(PATH, orderBy=order)["items"]]
    assert [[one["id"] for one in page] for page in pages] == [whole[:2], whole[2:4], whole[4:]]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"orderBy": "mmlu.invalid_type"}, "invalid orderBy 'mmlu.invalid_type'"),
        ({"orderBy": ".double_value"}, "invalid orderBy '.double_value'"),
        ({"orderBy": "a\0b.int_value"}, "null bytes are not allowed in orderBy"),
        ({"pageSize": "0"}, "invalid pageSize '0'"),
        ({"nextPageToken": "x"}, "invalid nextPageToken"),
        ({"nextPageToken": "3"}, "invalid nextPageToken"),
        ({"sortOrder": "up"}, "invalid sortOrder 'UP'"),
        ({"filterQuery": "mmlu >"}, "invalid filterQuery at column 7"),
        ({"filterQuery": "mmlu; DELETE FROM catalog_artifacts"}, "invalid filterQuery at column 5"),
        ({"artifactType": "\0"}, "null bytes are not allowed in artifactType"),
    ],
)
def test_a_parameter_that_is_wrong_is_told(given: Api, query: dict[str, Any], message: str) -> None:
    for version in VERSIONS:
        status, found = given.of(version).refused(PATH, **query)
        assert status == 400
        assert found.startswith(message)
    assert len(said(given)) == 5


def test_of_a_model_that_is_not_there_the_artifacts_are_a_bad_request_as_upstream_has_it(given: Api) -> None:
    assert given.refused("sources/s/models/c/artifacts") == (400, "No model found 'c' in source 's'")
    assert given.refused("sources/t/models/b/artifacts") == (400, "No model found 'b' in source 't'")


def test_artifacts_of_another_model_are_not_among_them(given: Api) -> None:
    assert [one["uri"] for one in given.listed("sources/s/models/b/artifacts")["items"]] == ["oci://quay.io/acme/b:1"]


def test_a_model_without_artifacts_has_an_empty_page(api: Api) -> None:
    api.give("s", entry("a"))
    assert api.get("sources/s/models/a/artifacts").json == {
        "items": [],
        "nextPageToken": "",
        "pageSize": 10,
        "size": 0,
    }

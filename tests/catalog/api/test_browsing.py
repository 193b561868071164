"""What pages ask of the catalog: its parts, what was measured of a model, cards and logos."""

from __future__ import annotations

import pytest
from catalog.served import Api, entry, metrics, point

DOT = "data:image/png;base64,iVBORw0KGgo="


def test_the_catalog_is_shown_in_parts_and_what_has_no_label_is_last(api: Api) -> None:
    api.give("bare", entry("x"))
    api.give("mine", entry("a"), entry("b"), labels=("Own",))
    api.sources.define(*api.sources.configuration.definitions, labels=({"name": "Own", "displayName": "Our models"},))
    said = api.management.get("labels").json["items"]
    assert [(one["title"], one["labels"], one["models"]) for one in said] == [
        ("Our models", ["Own"], 2),
        ("Other models", ["null"], 1),
    ]
    assert [one["name"] for one in api.management.get("search", {"label": "Own"}).json["items"]] == ["a", "b"]
    assert [one["name"] for one in api.management.get("search", {"label": "null"}).json["items"]] == ["x"]
    assert api.management.get("search", {"label": "nobody's"}).json["total"] == 0


def test_a_list_says_what_was_measured_of_each_model_that_fits_the_filters(api: Api) -> None:
    api.give("mine", entry("m", point("L4", ttft=90.0, rps=2.0), point("H100", ttft=30.0, rps=9.0)), entry("none"))
    first, second = api.management.get("search", {"benchmarks": "true", "targetRPS": 20}).json["items"]
    assert (first["benchmarks"], first["benchmark"]["hardware"], first["benchmark"]["replicas"]) == (2, "1 x H100", 3)
    assert (second["benchmarks"], second["benchmark"]) == (0, None)
    (only,) = api.management.get("search", {"benchmarks": "true", "hardware": "L4"}).json["items"]
    assert (only["benchmarks"], only["benchmark"]["latency"]) == (1, 90.0)
    other = api.management.get("benchmark", {"name": "mine/m", "at": 1}).json
    assert (other["at"], other["benchmark"]["hardware"]) == (1, "1 x L4")
    assert api.management.get("benchmark", {"name": "mine/m", "at": 2}).json["at"] == 0


def test_points_of_a_workload_are_told_with_those_that_none_is_better_than(api: Api) -> None:
    api.give(
        "mine",
        entry(
            "m",
            point("H100", ttft=30.0, rps=9.0, use_case="chat"),
            point("L4", ttft=90.0, rps=2.0, use_case="chat"),
            point("L4", ttft=20.0, rps=1.0, use_case="rag"),
        ),
    )
    said = api.management.get("performance", {"name": "m", "targetRPS": 10}).json
    assert (said["workload"], said["latency"], said["total"]) == ("chat", "ttft_p90", 3)
    assert [(one["hardware"], one["onFront"], one["replicas"]) for one in said["items"]] == [
        ("1 x H100", True, 2),
        ("1 x L4", False, 5),
    ]
    assert len(api.management.get("performance", {"name": "m", "workload": "rag"}).json["items"]) == 1
    everything = api.management.get("performance", {"name": "m", "workload": "*"}).json["items"]
    assert [one["onFront"] for one in everything] == [True, True, False]
    assert api.management.get("performance", {"name": "m", "latency": "speed"}).status == 400
    api.give("other", entry("bare", metrics("accuracy", mmlu=1.0)))
    assert api.management.get("performance", {"name": "bare"}).json["items"] == []


def test_a_point_says_how_long_its_model_loads_on_its_hardware(api: Api) -> None:
    cold = {"performance_sub_type": "cold-start", "gpu_type": "L4", "gpu_count": 1}
    cold |= {"cold_start_time_to_load_seconds": 31.0, "runtime_command": "vllm serve"}
    api.give("mine", entry("m", point("L4"), point("H100"), metrics("performance", **cold)))
    said = api.management.get("performance", {"name": "m"}).json["items"]
    assert {one["hardware"]: one.get("runtime_command") for one in said} == {"1 x L4": "vllm serve", "1 x H100": None}


@pytest.mark.parametrize("target", ["0", "-1", "many", "nan", "inf", "1e300"])
def test_a_target_is_a_number_of_requests(api: Api, target: str) -> None:
    api.give("mine", entry("m", point()))
    assert api.management.get("performance", {"name": "m", "targetRPS": target}).status == 400


def test_a_card_is_html_in_which_nothing_runs(api: Api) -> None:
    api.give("mine", entry("m", readme="# Hi <script>alert(1)</script>\n![x](https://example.com/x.png)"), entry("n"))
    html = api.management.get("card", {"name": "m"}).json["html"]
    assert "<h3>Hi" in html and "script" not in html and "<img" not in html
    assert 'href="https://example.com/x.png"' in html
    assert api.management.get("card", {"name": "n"}).json == {"html": ""}


def test_a_logo_is_a_picture_that_can_do_nothing(api: Api) -> None:
    api.give("mine", entry("m", logo=DOT), entry("n"))
    answer = api.http.get(f"{api.url}/api/forecourt/v1/catalog/logo?name=m")
    assert answer.headers["content-type"] == "image/png"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert api.management.get("logo", {"name": "n"}).status == 404
    assert [one["logo"] for one in api.management.get("search").json["items"]] == [True, False]

"""Which hardware a model is recommended to run on, over Kubeflow's API, each case reckoned by hand.

A copy of a model on ``hardware_count`` machines takes ``requests_per_second``; so many requests take ``replicas``
copies, which cost ``hardware_count * replicas``.
"""

from __future__ import annotations

from typing import Any

import pytest
from catalog.served import Api, entry, metrics, point, weights

VERSIONS = ["v1", "v1alpha1"]
PATH = "sources/s/models/acme/a/artifacts/performance"


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """Return an artifact's custom properties as plain values."""
    found = {}
    for name, value in item["customProperties"].items():
        (kind,) = set(value) - {"metadataType"}
        assert value["metadataType"] == f"Metadata{kind.removesuffix('_value').capitalize()}Value"
        found[name] = int(value[kind]) if kind == "int_value" else value[kind]
    return found


def points(api: Api, path: str = PATH, **query: Any) -> list[dict[str, Any]]:
    return [plain(item) for item in api.listed(path, **query)["items"]]


def latencies(api: Api, path: str = PATH, **query: Any) -> list[float]:
    """Return what there is on a page by its latency, which the tests make unique."""
    return [one["ttft_p90"] for one in points(api, path, **query)]


def replicas(api: Api, **query: Any) -> list[tuple[int, float]]:
    return [(one["replicas"], one["total_requests_per_second"]) for one in points(api, **query)]


def test_only_what_was_measured_of_performance_is_listed_and_as_it_is(api: Api) -> None:
    api.give("s", entry("acme/a", weights(), metrics("accuracy", mmlu=1.0), point("H100", count=2, ttft=80.5, rps=4.0)))
    for version in VERSIONS:
        (item,) = api.of(version).listed(PATH)["items"]
        assert item.pop("id").isdecimal()
        assert (item["artifactType"], item["metricsType"]) == ("metrics-artifact", "performance-metrics")
        assert plain(item) == {
            "hardware_type": "H100",
            "hardware_count": 2,
            "ttft_p90": 80.5,
            "requests_per_second": 4.0,
        }


def test_for_a_target_it_says_how_many_copies_and_what_they_take(api: Api) -> None:
    api.give("s", entry("acme/a", point(ttft=1.0, rps=4.0), point(ttft=2.0, rps=5.0), point(ttft=3.0, rps=100.0)))
    # 10/4 -> 3 copies that take 12; 10/5 -> 2 that take 10; 10/100 -> 1 that takes 100.
    assert replicas(api, targetRPS=10) == [(3, 12.0), (2, 10.0), (1, 100.0)]
    assert replicas(api, targetRPS=1) == [(1, 4.0), (1, 5.0), (1, 100.0)]
    assert replicas(api, targetRPS=2**31 - 1)[0] == (536_870_912, 2_147_483_648.0)
    assert "replicas" not in points(api)[0]
    assert "replicas" not in points(api, targetRPS=0)[0]


def test_a_rate_that_is_missing_or_none_counts_as_one_request_a_second(api: Api) -> None:
    unmeasured = metrics("performance", hardware_type="H100", hardware_count=1, ttft_p90=3.0)
    api.give("s", entry("acme/a", point(rps=0.0), point(rps=-2.0), unmeasured))
    assert replicas(api, targetRPS=7) == [(7, 7.0), (7, 7.0), (7, 7.0)]


def test_what_a_source_says_of_replicas_gives_way_to_what_is_computed(api: Api) -> None:
    api.give("s", entry("acme/a", point(rps=2.0, replicas=99, total_requests_per_second=1.0)))
    assert replicas(api, targetRPS=4) == [(2, 4.0)]
    assert replicas(api) == [(99, 1.0)]


def test_what_is_slower_and_no_cheaper_is_not_recommended(api: Api) -> None:
    # For one request/s the costs are 4, 1, 2, 4: 300 ms for 4 is slower than 200 ms for 2.
    api.give(
        "s",
        entry(
            "acme/a",
            point(count=4, ttft=100.0),
            point(count=1, ttft=400.0),
            point(count=2, ttft=200.0),
            point(count=4, ttft=300.0),
        ),
    )
    assert latencies(api) == [100.0, 400.0, 200.0, 300.0]
    assert latencies(api, recommendations="true") == [100.0, 400.0, 200.0]  # as they came
    assert latencies(api, recommendations="false") == latencies(api)
    assert replicas(api, recommendations="true") == [(1, 1.0)] * 3  # for one request/s, where none is said


def test_what_is_recommended_goes_with_the_target(api: Api) -> None:
    # One request/s: 200 ms costs 1, 100 ms costs 4. Eight: eight copies cost 8, the four machines still 4.
    api.give("s", entry("acme/a", point(count=1, ttft=200.0, rps=1.0), point(count=4, ttft=100.0, rps=8.0)))
    assert latencies(api, recommendations="true") == [200.0, 100.0]
    assert latencies(api, recommendations="true", targetRPS=8) == [100.0]
    assert replicas(api, recommendations="true", targetRPS=8) == [(1, 8.0)]


def test_types_of_hardware_are_looked_at_apart(api: Api) -> None:
    # The H100 is faster and cheaper than the A100 of 300 ms, which stays: it is another type.
    api.give(
        "s",
        entry(
            "acme/a",
            point("H100", count=1, ttft=100.0),
            point("A100", count=2, ttft=300.0),
            point("A100", count=4, ttft=310.0),
        ),
    )
    assert latencies(api, recommendations="true") == [100.0, 300.0]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        # Cost 1, 2, 3 in this order; a gain is (last kept - this) / last kept.
        ([1000.0, 950.0], [1000.0]),  # exactly 5 %
        ([1000.0, 949.0], [1000.0, 949.0]),  # 5.1 %
        ([1000.0, 960.0, 920.0], [1000.0, 920.0]),  # 4 % is left out, so 920 gains 8 % on 1000
        ([101.0, 95.0], [101.0, 95.0]),  # 5.9 %, above 100 ms
        ([100.0, 94.0], [100.0]),  # 6 %, but at 100 ms it takes 10 %
        ([100.0, 90.0], [100.0]),  # exactly 10 %
        ([100.0, 89.0], [100.0, 89.0]),
        ([105.0, 98.0, 90.0], [105.0, 98.0]),  # 6.7 % above 100 ms, then 8.2 % below
    ],
)
def test_what_costs_more_must_be_faster_by_so_much(api: Api, given: list[float], kept: list[float]) -> None:
    api.give("s", entry("acme/a", *(point(count=1 + n, ttft=each) for n, each in enumerate(given))))
    assert latencies(api, recommendations="true") == kept


def test_of_the_same_latency_the_fewer_machines_are_recommended(api: Api) -> None:
    api.give("s", entry("acme/a", point(count=4, ttft=50.0), point(count=2, ttft=50.0)))
    assert [one["hardware_count"] for one in points(api, recommendations="true")] == [2]


def test_what_has_no_latency_comes_last_and_stays_where_it_is_cheapest(api: Api) -> None:
    unknown = metrics("performance", hardware_type="H100", hardware_count=1, requests_per_second=1.0)
    api.give("s", entry("acme/a", point(count=2, ttft=100.0), unknown, point(count=3, ttft=-1.0)))
    found = points(api, recommendations="true")
    assert [one.get("ttft_p90") for one in found] == [100.0, None]


def test_a_cold_start_is_listed_and_not_recommended(api: Api) -> None:
    cold = metrics(
        "performance", performance_sub_type="cold-start", hardware_type="H100", hardware_count=1, cold_start_time_s=30.0
    )
    api.give("s", entry("acme/a", cold, point(count=2, ttft=100.0)))
    assert len(points(api)) == 2
    assert latencies(api, recommendations="true") == [100.0]


def test_other_properties_may_be_looked_at(api: Api) -> None:
    def measured(e2e: float, rate: float, machines: int, kind: str, ttft: float) -> dict[str, Any]:
        return point("H100", ttft=ttft, e2e_p95=e2e, qps=rate, gpus=machines, accelerator=kind)

    # By e2e_p95 and gpus for 2 requests/s: 900 ms costs 1 * 1, 800 ms costs 2 * 2, 850 ms costs 4 * 1 (slower, no
    # cheaper than 800). L40S stands alone.
    api.give(
        "s",
        entry(
            "acme/a",
            measured(900.0, 2.0, 1, "H100", 1.0),
            measured(800.0, 1.0, 2, "H100", 2.0),
            measured(850.0, 2.0, 4, "H100", 3.0),
            measured(990.0, 2.0, 8, "L40S", 4.0),
        ),
    )
    asked = {
        "latencyProperty": "e2e_p95",
        "rpsProperty": "qps",
        "hardwareCountProperty": "gpus",
        "hardwareTypeProperty": "accelerator",
    }
    assert latencies(api, recommendations="true", targetRPS=2, **asked) == [1.0, 2.0, 4.0]
    assert replicas(api, targetRPS=3, rpsProperty="qps") == [(2, 4.0), (3, 3.0), (2, 4.0), (2, 4.0)]


@pytest.mark.parametrize("name", ["latencyProperty", "rpsProperty", "hardwareCountProperty", "hardwareTypeProperty"])
def test_a_property_that_nothing_has_is_told(api: Api, name: str) -> None:
    api.give("s", entry("acme/a", point()), entry("acme/b"))
    assert api.refused(PATH, **{name: "nothing"}) == (
        400,
        "no performance artifact of this model has the property 'nothing'",
    )
    assert points(api, PATH.replace("/a/", "/b/"), **{name: "nothing"}) == []  # where nothing was measured at all


def test_recommending_needs_what_it_looks_at(api: Api) -> None:
    api.give("s", entry("acme/a", metrics("performance", hardware_type="H100", requests_per_second=1.0)))
    assert api.refused(PATH, recommendations="true") == (
        400,
        "no performance artifact of this model has the property 'ttft_p90'",
    )
    assert len(points(api)) == 1


def test_a_filter_comes_before_what_is_recommended(api: Api) -> None:
    api.give(
        "s",
        entry(
            "acme/a",
            point(count=1, ttft=100.0, use_case="chatbot"),
            point(count=2, ttft=300.0, use_case="rag"),
            point(count=1, ttft=500.0, use_case="rag"),
        ),
    )
    assert latencies(api, recommendations="true") == [100.0]
    assert latencies(api, recommendations="true", filterQuery="use_case.string_value = 'rag'") == [300.0, 500.0]
    assert latencies(api, filterQuery="ttft_p90 < 400 AND use_case = 'rag'") == [300.0]


@pytest.mark.parametrize("query", [{}, {"targetRPS": 3}, {"recommendations": "true"}])
def test_pages_have_everything_once_in_the_order_that_is_asked_for(api: Api, query: dict[str, Any]) -> None:
    # Of seven types of hardware each, so that all are recommended.
    api.give("s", entry("acme/a", *(point(f"type {n}", ttft=float(100 + n * 37 % 7)) for n in range(7))))
    for order, descending in (("ttft_p90.double_value", False), ("hardware_type.string_value", True), ("ID", True)):
        sort = {"orderBy": order, "sortOrder": "DESC" if descending else "ASC"}
        whole = latencies(api, **query, **sort)
        assert sorted(whole) == [100.0 + n for n in range(7)]
        pages = list(api.pages(PATH, pageSize=3, **query, **sort))
        assert [len(page) for page in pages] == [3, 3, 1]
        assert [plain(item)["ttft_p90"] for page in pages for item in page] == whole
    assert latencies(api, orderBy="ttft_p90.double_value", **query) == [100.0 + n for n in range(7)]
    types = [
        one["hardware_type"] for one in points(api, orderBy="hardware_type.string_value", sortOrder="DESC", **query)
    ]
    assert types == [f"type {n}" for n in reversed(range(7))]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"targetRPS": "-1"}, "invalid targetRPS '-1'"),
        ({"targetRPS": "1.5"}, "invalid targetRPS '1.5'"),
        ({"targetRPS": "2147483648"}, "invalid targetRPS '2147483648'"),
        ({"targetRPS": "NaN"}, "invalid targetRPS 'NaN'"),
        ({"recommendations": "yes"}, "invalid recommendations 'yes'"),
        ({"latencyProperty": "a\0"}, "null bytes are not allowed in latencyProperty"),
        ({"latencyProperty": "' OR 1=1"}, "no performance artifact of this model has the property"),
        ({"filterQuery": "ttft_p90 < 'fast' OR"}, "invalid filterQuery"),
        ({"orderBy": "ttft_p90.text"}, "invalid orderBy 'ttft_p90.text'"),
        ({"pageSize": "0"}, "invalid pageSize '0'"),
        ({"nextPageToken": "x"}, "invalid nextPageToken"),
        ({"nextPageToken": "x", "targetRPS": "1"}, "invalid nextPageToken"),
    ],
)
def test_a_parameter_that_is_wrong_is_told(api: Api, query: dict[str, str], message: str) -> None:
    api.give("s", entry("acme/a", point()))
    for version in VERSIONS:
        status, found = api.of(version).refused(PATH, **query)
        assert status == 400
        assert found.startswith(message)


def test_a_model_that_is_not_there_is_not_found(api: Api) -> None:
    for version in VERSIONS:
        assert api.of(version).refused(PATH) == (404, "No model found 'acme/a' in source 's'")


def ranked(api: Api, **query: Any) -> list[str]:
    return api.names(orderBy="RECOMMENDED", **query)


@pytest.fixture
def models(api: Api) -> Api:
    """Four models, of which one was never measured.

    ========= ============================================================== ================== =================
    model     measured: ms, machines, requests/s                             best, one req/s    best, eight req/s
    ========= ============================================================== ================== =================
    quick     H100: 50, 8, 1                                                 50                 50
    even      H100: 100, 1, 1; 97, 2, 4 (3 % faster, so not worth 2 for one)  100                97 (2 * 2 < 1 * 8)
    slow      A100: 700, 1, 1; H100: 400, 1, 1                               400                400
    unknown
    ========= ============================================================== ================== =================
    """
    api.give(
        "s",
        entry("unknown", weights(), provider="Acme"),
        entry("slow", point("A100", ttft=700.0, e2e=1.0), point("H100", ttft=400.0, e2e=9.0), provider="Acme"),
        entry("even", point(count=1, ttft=100.0, e2e=5.0), point(count=2, ttft=97.0, rps=4.0, e2e=4.0)),
        entry("quick", point(count=8, ttft=50.0, e2e=7.0)),
    )
    return api


def test_models_come_by_the_least_latency_that_is_recommended(models: Api) -> None:
    assert ranked(models) == ["quick", "even", "slow", "unknown"]
    assert ranked(models, sortOrder="DESC") == ["slow", "even", "quick", "unknown"]
    assert models.names(recommendations="true") == ["quick", "even", "slow", "unknown"]
    assert models.names(recommendations="true", orderBy="NAME") == ["even", "quick", "slow", "unknown"]


def test_models_go_by_other_properties_and_filters_as_their_performance_does(models: Api) -> None:
    # By e2e: slow 1 (on the A100), even 4 (for twice the cost 20 % faster than 5), quick 7.
    assert ranked(models, latencyProperty="e2e") == ["slow", "even", "quick", "unknown"]
    assert ranked(models, latencyProperty="nothing") == ["even", "quick", "slow", "unknown"]
    on_a100 = "artifacts.hardware_type.string_value = 'A100'"
    assert ranked(models, filterQuery=on_a100) == ["slow"]
    assert ranked(models, filterQuery="provider = 'Acme'") == ["slow", "unknown"]
    assert ranked(models, source="nowhere") == []


def test_what_the_filter_leaves_out_of_a_model_does_not_count(api: Api) -> None:
    # "b" is the fastest on the H100 alone.
    api.give(
        "s",
        entry("a", point("H100", ttft=300.0), point("L4", ttft=10.0)),
        entry("b", point("H100", ttft=200.0), point("L4", ttft=20.0)),
    )
    assert ranked(api) == ["a", "b"]
    assert ranked(api, filterQuery="artifacts.hardware_type = 'H100'") == ["b", "a"]


def test_the_target_decides_what_counts_of_a_model(api: Api) -> None:
    # "a" for one request/s: 100 ms (97 ms is 3 % faster for twice the cost). For eight: one machine * 8 copies costs 8,
    # two machines * 2 copies cost 4, so 97 ms is all that is left, and comes before the 98 ms of "b".
    api.give(
        "s", entry("a", point(count=1, ttft=100.0), point(count=2, ttft=97.0, rps=4.0)), entry("b", point(ttft=98.0))
    )
    assert ranked(api) == ranked(api, targetRPS=0) == ranked(api, targetRPS=1) == ["b", "a"]
    assert ranked(api, targetRPS=8) == ["a", "b"]


def test_the_token_of_a_page_of_recommended_models_is_a_number(models: Api) -> None:
    page = models.listed("models", orderBy="RECOMMENDED", pageSize=3)
    assert ([one["name"] for one in page["items"]], page["nextPageToken"]) == (["quick", "even", "slow"], "3")
    assert ranked(models, nextPageToken="3") == ["unknown"]
    assert ranked(models, nextPageToken="4") == ranked(models, nextPageToken="999999999") == []

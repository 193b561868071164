"""Models over Kubeflow's API: found, listed in an order and page by page, and shown one by one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest
from catalog.served import Api, defined, entry, is_error, metrics, point, weights

VERSIONS = ["v1", "v1alpha1"]


LONGEST_URL = 64 * 1024
"""What the HTTP server takes; a longer one it refuses in words of its own."""


def filtered(api: Api, filter_query: str) -> tuple[int, Any]:
    """Ask by a filter that may be longer than httpx lets a URL be."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"{api.http.base_url}models?{urlencode({'filterQuery': filter_query}, safe='=()')}"
    try:
        with opener.open(url, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error) if len(url) < LONGEST_URL else error.read().decode()


@pytest.mark.parametrize(("version", "key"), [("v1", "sourceId"), ("v1alpha1", "source_id")])
def test_a_model_has_the_fields_that_the_contract_gives_it(api: Api, version: str, key: str) -> None:
    said = {
        "description": "Answers questions.",
        "provider": "Acme",
        "license": "apache-2.0",
        "licenseLink": "https://www.apache.org/licenses/LICENSE-2.0",
        "libraryName": "transformers",
        "maturity": "Generally Available",
        "language": ["en", "de"],
        "tasks": ["text-generation"],
        "validatedTasks": ["tool-calling"],
        "externalId": "42",
        "servingConfig": {"toolCalling": {"toolCallParser": "hermes", "enableAutoToolChoice": True}},
        "createTimeSinceEpoch": "1700000000000",
        "lastUpdateTimeSinceEpoch": "1710000000000",
    }
    api.give("here", entry("acme/granite", weights(), readme="# Granite ✓", custom={"size": "8B", "n": 7}, **said))
    (model,) = api.of(version).listed("models")["items"]
    identity = model.pop("id")
    assert identity.isdecimal()
    expected = said | {
        "name": "acme/granite",
        key: "here",
        "readme": "# Granite ✓",
        "customProperties": {
            "size": {"metadataType": "MetadataStringValue", "string_value": "8B"},
            "n": {"metadataType": "MetadataIntValue", "int_value": "7"},
        },
    }
    assert model == expected
    single = api.of(version).get("sources/here/models/acme/granite").json
    assert single == expected | {"id": identity, "artifactCounts": {"model-artifact": 1}}


def test_what_a_source_does_not_say_is_left_out_but_the_times(api: Api) -> None:
    api.give("s", entry("bare"))
    (model,) = api.listed("models")["items"]
    assert set(model) == {"id", "name", "sourceId", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"}
    assert model["createTimeSinceEpoch"].isdecimal() and len(model["createTimeSinceEpoch"]) == 13


def test_an_empty_catalog_has_an_empty_page(api: Api) -> None:
    assert api.get("models").json == {"items": [], "nextPageToken": "", "pageSize": 10, "size": 0}


def test_ten_models_make_a_page_by_name_unless_it_is_said_otherwise(api: Api) -> None:
    api.give("s", *(entry(f"m{n:02}") for n in reversed(range(12))))
    page = api.listed("models")
    assert [model["name"] for model in page["items"]] == [f"m{n:02}" for n in range(10)]
    assert (page["pageSize"], page["size"]) == (10, 10)
    assert api.names(nextPageToken=page["nextPageToken"]) == ["m10", "m11"]
    assert api.names(sortOrder="DESC", pageSize=2) == ["m11", "m10"]
    assert api.listed("models", pageSize=99999)["pageSize"] == 1000


ORDERS = ["NAME", "ID", "CREATE_TIME", "LAST_UPDATE_TIME", "ACCURACY", "RECOMMENDED", "provider.string_value"]


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
@pytest.mark.parametrize(
    "order", [*ORDERS, "size.int_value", "artifacts.mmlu.double_value", "artifacts.x.string_value"]
)
def test_pages_have_every_model_once_in_the_order_of_one_large_page(api: Api, order: str, sort: str) -> None:
    given = []
    for n in range(11):
        has = [point(ttft=100.0 + n % 4)] if n % 3 else []
        has += [metrics("accuracy", overall_average=50.0 + n % 5, mmlu=float(n % 2))] if n % 4 else []
        given.append(entry(f"m{n:02}", *has, provider=f"p{n % 3}", custom={"size": n % 2} if n % 5 else {}))
    api.give("s", *given)
    whole = api.names(orderBy=order, sortOrder=sort, pageSize=100)
    assert sorted(whole) == [f"m{n:02}" for n in range(11)]
    pages = list(api.pages("models", orderBy=order, sortOrder=sort, pageSize=3))
    assert [len(page) for page in pages] == [3, 3, 3, 2]
    assert [model["name"] for page in pages for model in page] == whole


def test_a_page_goes_on_behind_its_last_model_after_a_reload(api: Api) -> None:
    api.give("s", *(entry(name) for name in "bdfh"))
    page = api.listed("models", pageSize=2)
    assert [model["name"] for model in page["items"]] == ["b", "d"]
    api.give("s", *(entry(name) for name in "abcdefgh"))
    assert api.names(nextPageToken=page["nextPageToken"]) == ["e", "f", "g", "h"]


def test_models_are_ordered_by_what_they_say(api: Api) -> None:
    api.give(
        "s",
        entry("a", metrics("accuracy", overall_average=40.0), provider="Zeta", custom={"size": 7}),
        entry("b", metrics("accuracy", overall_average=90.5), provider="acme"),
        entry("c", provider="Mid", custom={"size": 70}),
    )
    assert api.names(orderBy="ACCURACY") == ["a", "b", "c"]
    assert api.names(orderBy="ACCURACY", sortOrder="DESC") == ["b", "a", "c"]
    assert api.names(orderBy="provider.string_value") == ["b", "c", "a"]
    assert api.names(orderBy="size.int_value", sortOrder="DESC") == ["c", "a", "b"]


def test_of_several_artifacts_the_least_counts_upwards_and_the_greatest_downwards(api: Api) -> None:
    api.give(
        "s",
        entry("wide", metrics("accuracy", ifeval=10.0), metrics("accuracy", ifeval=90.0)),
        entry("narrow", metrics("accuracy", ifeval=40.0), metrics("accuracy", ifeval=50.0)),
        entry("none"),
    )
    order = "artifacts.ifeval.double_value"
    assert api.names(orderBy=order) == ["wide", "narrow", "none"]
    assert api.names(orderBy=order, sortOrder="DESC") == ["wide", "narrow", "none"]


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
def test_what_no_model_has_orders_by_the_id(api: Api, sort: str) -> None:
    api.give("s", entry("b"), entry("a"))
    expected = api.names(orderBy="ID", sortOrder=sort)
    assert expected == (["b", "a"] if sort == "ASC" else ["a", "b"])
    assert api.names(orderBy="nothing.double_value", sortOrder=sort) == expected


def test_models_are_found_by_source_and_by_label(api: Api) -> None:
    api.sources.define(
        defined("one", labels=("Validated",)), defined("two", labels=("Other", "validated")), defined("three")
    )
    for source in ("one", "two", "three"):
        api.give(source, entry(f"of {source}"), entry("shared"))
    assert api.names(source="one") == ["of one", "shared"]
    assert api.names(source=["one", "three"]) == ["of one", "of three", "shared", "shared"]
    assert api.names(source="one,three") == ["of one", "of three", "shared", "shared"]
    assert api.names(source="nowhere") == []
    assert api.names(sourceLabel="Validated") == ["of one", "of two", "shared", "shared"]
    assert api.names(sourceLabel="Other") == ["of two", "shared"]
    assert api.names(sourceLabel="null") == ["of three", "shared"]
    assert api.names(sourceLabel="null,Other") == ["of three", "of two", "shared", "shared"]
    assert api.names(sourceLabel="Nobody's") == []
    assert api.refused("models", source="one", sourceLabel="null") == (
        400,
        "source and sourceLabel cannot be used together",
    )


def test_what_is_hidden_is_not_found(api: Api) -> None:
    api.give("s", entry("a", provider="Acme"))
    assert api.management.patch("sources/s", {"enabled": False}).status == 200
    assert api.names() == api.names(source="s") == api.names(q="a") == []
    assert api.get("sources/s/models/a").status == 404
    assert api.get("models/filter_options").json["filters"] == {}


@pytest.mark.parametrize(
    "words", ["GRANITE", "ranit", "answers QUEST", "acme", "text-gener", "tool-call", "transform", "  acme  "]
)
def test_words_are_looked_for_within_the_texts_of_a_model_in_any_case(api: Api, words: str) -> None:
    said = {"provider": "Acme", "tasks": ["text-generation"], "validatedTasks": ["tool-calling"]}
    api.give("s", entry("ibm/granite", description="Answers questions.", libraryName="transformers", **said))
    api.give("t", entry("other", license="mit", custom={"kind": "acm"}))
    assert api.names(q=words) == ["ibm/granite"]


@pytest.mark.parametrize("words", ["%", "_", "gran_te", "mit", "' OR 1=1 --"])
def test_words_are_no_pattern_and_are_not_looked_for_elsewhere(api: Api, words: str) -> None:
    api.give("s", entry("granite", license="mit", readme="mit %_"))
    assert api.names(q=words) == []


FILTERS = {
    "name = 'a'": ["a"],
    'name = "s:a" OR name = "t:a"': ["a"],
    "name LIKE '%a%'": ["a", "ba"],
    "name ILIKE 'B%'": ["b", "ba"],
    "provider != 'Acme'": ["b"],
    "tasks = 'chat'": ["a", "b"],
    "tasks = 'chat' AND tasks = 'code'": ["b"],
    "tasks != 'code'": ["a"],
    "tasks IN ('code', 'none')": ["b"],
    "tasks IN ()": [],
    "size = 8": ["a"],
    "size.int_value >= 8 AND size < 100": ["a", "b"],
    "size.string_value = 'large'": ["ba"],
    "open = true": ["a"],
    "open.bool_value != true": ["b"],
    "`made-by` = 'me'": ["ba"],
    "artifacts.hardware_type = 'H100'": ["a", "b"],
    "artifacts.hardware_type.string_value = 'H100' AND artifacts.ttft_p90.double_value < 100": ["b"],
    "(artifacts.hardware_type = 'H100' OR artifacts.hardware_type = 'A100') AND artifacts.ttft_p90 < 100": ["a", "b"],
    "artifacts.hardware_type = 'A100' AND artifacts.ttft_p90 > 100": [],
    "name = 'a' -- OR true": ["a"],
    "unknown = 1": [],
    "source_id = 's'": ["a", "b", "ba"],
    "libraryName = 'transformers' AND library_name = 'transformers'": ["a"],
}


@pytest.mark.parametrize(("filter_query", "names"), FILTERS.items())
def test_a_filter_finds_what_it_says(api: Api, filter_query: str, names: list[str]) -> None:
    slow, fast = point("H100", ttft=200.0), point("H100", ttft=50.0)
    api.give(
        "s",
        entry(
            "a",
            slow,
            point("A100", ttft=60.0),
            provider="Acme",
            tasks=["chat"],
            libraryName="transformers",
            custom={"size": 8, "open": True},
        ),
        entry("b", slow, fast, provider="Beta", tasks=["chat", "code"], custom={"size": 70, "open": False}),
        entry("ba", provider="Acme", custom={"size": "large", "made-by": "me"}),
    )
    assert api.names(filterQuery=filter_query) == names


SQL = [
    "name = 'a'; DROP TABLE catalog_models",
    "name = 'a'; DROP TABLE catalog_models; --",
    "1 = 1",
    "name = (SELECT document FROM catalog_models)",
    "name IS NULL",
    "NOT name = 'a'",
    "name NOT IN ('a')",
    "name = 'a' UNION SELECT 1",
    "pg_sleep(10) = 1",
    "name = 'a' OR",
    "name = 'a''",
    "name ~ 'a'",
    "name = $$a$$",
    "()",
    "name == 'a'",
    "name = :name",
    "name = ?",
    "artifacts. = 1",
    "size.int_value = 'eight'",
]


@pytest.mark.parametrize("filter_query", SQL)
def test_sql_in_a_filter_is_refused_and_harms_nothing(api: Api, filter_query: str) -> None:
    api.give("s", entry("a", custom={"size": 8}))
    status, message = api.refused("models", filterQuery=filter_query)
    assert (status, message[:29]) == (400, "invalid filterQuery at column")
    assert api.names() == ["a"]


@pytest.mark.parametrize(
    "text", ["' OR '1'='1", "a'; DROP TABLE catalog_models; --", "\\", "%", "_", "a\\' OR name LIKE \\'%"]
)
def test_sql_in_a_value_is_a_text(api: Api, text: str) -> None:
    api.give("s", entry("a"), entry(text))
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    assert api.names(filterQuery=f"name = '{quoted}'") == [text]


def test_what_is_wrong_with_a_filter_and_what_to_do_are_sentences(api: Api) -> None:
    assert api.refused("models", filterQuery=f"{'(' * 40}name = 'a'{')' * 40}") == (
        400,
        "invalid filterQuery at column 33: its parentheses nest more than 32 deep. "
        "Ask for less at once, in several requests.",
    )


def test_ten_thousand_terms_are_refused_and_two_hundred_answered(api: Api) -> None:
    api.give("s", entry("a"))
    assert filtered(api, " OR ".join(["a=1"] * 10_000)) == (400, "Invalid HTTP request received.")
    status, error = filtered(api, " OR ".join(["a=1"] * 9_000))
    assert status == 400
    assert "longer than 16,384 characters" in is_error(status, error)
    status, error = filtered(api, " OR ".join(["a=1"] * 201))
    assert status == 400
    assert "more than 200 comparisons" in is_error(status, error)
    status, page = filtered(api, " OR ".join([*(f"a={n}" for n in range(199)), "name='a'"]))
    assert (status, [model["name"] for model in page["items"]]) == (200, ["a"])


@pytest.mark.parametrize("depth", [33, 5_000, 30_000])
def test_parentheses_without_end_are_refused(api: Api, depth: int) -> None:
    status, error = filtered(api, "(" * depth + "name='a'" + ")" * depth)
    assert status == 400
    assert is_error(status, error).startswith("invalid filterQuery")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"pageSize": "0"}, "invalid pageSize '0'"),
        ({"pageSize": "-1"}, "invalid pageSize '-1'"),
        ({"pageSize": "ten"}, "invalid pageSize 'ten'"),
        ({"pageSize": "1.5"}, "invalid pageSize '1.5'"),
        ({"pageSize": "9" * 30}, "invalid pageSize '999"),
        ({"pageSize": "٣"}, "invalid pageSize '٣'"),
        ({"nextPageToken": "nonsense"}, "invalid nextPageToken"),
        ({"nextPageToken": "é"}, "invalid nextPageToken"),
        ({"nextPageToken": "LTE6MQ=="}, "invalid nextPageToken"),  # -1:1
        ({"nextPageToken": "10", "orderBy": "ID"}, "invalid nextPageToken"),
        ({"nextPageToken": "-1", "orderBy": "RECOMMENDED"}, "invalid nextPageToken"),
        ({"nextPageToken": "MDox", "orderBy": "RECOMMENDED"}, "invalid nextPageToken"),
        ({"sortOrder": "SIDEWAYS"}, "invalid sortOrder 'SIDEWAYS'"),
        ({"orderBy": "SIZE"}, "invalid orderBy 'SIZE'"),
        ({"orderBy": "name; DROP TABLE catalog_models"}, "invalid orderBy"),
        ({"orderBy": "size.text_value"}, "invalid orderBy 'size.text_value'"),
        ({"orderBy": ".double_value"}, "invalid orderBy '.double_value'"),
        ({"orderBy": "a\0.double_value"}, "null bytes are not allowed in orderBy"),
        ({"q": "a\0"}, "null bytes are not allowed in q"),
        ({"filterQuery": "name = 'a\0'"}, "null bytes are not allowed in filterQuery"),
        ({"source": "a\0"}, "null bytes are not allowed in source"),
        ({"sourceLabel": ["a", "b\0"]}, "null bytes are not allowed in sourceLabel"),
        ({"orderBy": "RECOMMENDED", "targetRPS": "-1"}, "invalid targetRPS '-1'"),
        ({"orderBy": "RECOMMENDED", "targetRPS": "2147483648"}, "invalid targetRPS '2147483648'"),
        ({"orderBy": "RECOMMENDED", "targetRPS": "many"}, "invalid targetRPS 'many'"),
        ({"recommendations": "maybe"}, "invalid recommendations 'maybe'"),
    ],
)
def test_a_parameter_that_is_wrong_is_told(api: Api, query: dict[str, Any], said: str) -> None:
    for version in VERSIONS:
        status, message = api.of(version).refused("models", **query)
        assert status == 400
        assert message.startswith(said)


def test_a_name_may_have_its_slashes_written_either_way(api: Api) -> None:
    api.give("a source/x", entry("acme/granite 3.1 ✓"), entry("plain"))
    for version in VERSIONS:
        client = api.of(version)
        for path in ("acme/granite%203.1%20%E2%9C%93", "acme%2Fgranite%203.1%20%E2%9C%93", "acme%2fgranite%203.1 ✓"):
            status, model = client.get(f"sources/a%20source%2Fx/models/{path}")
            assert (status, model["name"]) == (200, "acme/granite 3.1 ✓")


def test_a_model_may_be_called_like_what_follows_a_name(api: Api) -> None:
    api.give("s", entry("a", weights()), entry("a/artifacts"), entry("b/artifacts/performance"), entry("artifacts"))
    assert api.get("sources/s/models/a/artifacts").json["size"] == 1
    assert api.get("sources/s/models/a%2Fartifacts").json["name"] == "a/artifacts"
    assert api.get("sources/s/models/a/artifacts/artifacts").json["items"] == []
    assert api.get("sources/s/models/b/artifacts/performance").json["name"] == "b/artifacts/performance"
    assert api.get("sources/s/models/artifacts").json["name"] == "artifacts"


def test_artifacts_are_counted_by_what_they_are(api: Api) -> None:
    api.give("s", entry("a", weights(), weights("oci://x/y:2"), point(), point(), metrics("security", score=1)))
    assert api.get("sources/s/models/a").json["artifactCounts"] == {
        "model-artifact": 2,
        "performance-metrics": 2,
        "security-metrics": 1,
    }


@pytest.mark.parametrize(
    "path", ["s/models/b", "t/models/a", "s/models/A", "s/models/a%00", "s/models/%ff", "s/models/a/b"]
)
def test_a_model_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    api.give("s", entry("a"))
    status, message = api.refused(f"sources/{path}")
    assert status == 404
    assert message.startswith("No model found '")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "model",
        "models/",
        "models/a",
        "sources/",
        "sources/s",
        "sources/s/models",
        "sources/s/models/",
        "../v2/models",
    ],
)
def test_other_paths_are_not_there(api: Api, path: str) -> None:
    api.give("s", entry("a"))
    status, message = api.refused(path)
    assert status == 404
    assert message.startswith("there is nothing at /api/model_catalog/")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["models", "models/filter_options", "sources", "labels", "sources/s/models/a"])
def test_what_is_read_only_cannot_be_changed(api: Api, method: str, path: str) -> None:
    api.give("s", entry("a"))
    status, error = api.send(method, path, json={"name": "b"})
    assert (status, error["code"]) == (405, "Method Not Allowed")
    assert api.names() == ["a"]


def test_ids_and_times_stay_when_a_source_is_loaded_again(api: Api) -> None:
    api.give("s", entry("stays"), entry("changes"))
    before = {model["name"]: model for model in api.listed("models")["items"]}
    api.give("s", entry("changes", provider="Acme"), entry("stays"))
    after = {model["name"]: model for model in api.listed("models")["items"]}
    assert after["stays"] == before["stays"]
    assert after["changes"]["id"] == before["changes"]["id"]
    assert after["changes"]["createTimeSinceEpoch"] == before["changes"]["createTimeSinceEpoch"]
    assert after["changes"]["provider"] == "Acme"


def test_ordering_by_time_goes_by_what_the_sources_say(api: Api) -> None:
    times = ["1700000000000", "900000000000", "1800000000000"]
    api.give("s", *(entry(f"m{n}", createTimeSinceEpoch=each) for n, each in enumerate(times)))
    assert api.names(orderBy="CREATE_TIME") == ["m1", "m0", "m2"]
    listed = [int(m["createTimeSinceEpoch"]) for m in api.listed("models", orderBy="CREATE_TIME")["items"]]
    assert all(one < other for one, other in pairwise(listed))

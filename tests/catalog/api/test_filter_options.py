"""What one can filter by, told in the words in which it is asked, over Kubeflow's API."""

from __future__ import annotations

from typing import Any

import pytest
from catalog.served import Api, entry, metrics, point, weights

VERSIONS = ["v1", "v1alpha1"]
PATH = "models/filter_options"


def filters(api: Api) -> dict[str, Any]:
    status, found = api.get(PATH)
    assert status == 200
    return dict(found["filters"])


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_catalog_has_nothing_to_filter_by(api: Api, version: str) -> None:
    assert api.of(version).get(PATH) == (200, {"filters": {}, "namedQueries": {}})


@pytest.mark.parametrize("version", VERSIONS)
def test_texts_have_their_values_and_numbers_their_range(api: Api, version: str) -> None:
    api.give(
        "s",
        entry(
            "a",
            weights(),
            point("H100", count=1, ttft=20.5, rps=2.0),
            provider="IBM",
            tasks=["chat"],
            license="mit",
            custom={"size": 7},
        ),
        entry("b", point("A100", count=8, ttft=300.0, rps=2.5), provider="acme", tasks=["code", "chat"]),
    )
    assert api.of(version).get(PATH).json["filters"] == {
        "license": {"type": "string", "values": ["mit"]},
        "provider": {"type": "string", "values": ["acme", "IBM"]},
        "size.int_value": {"type": "number", "range": {"min": 7, "max": 7}},
        "tasks": {"type": "string", "values": ["chat", "code"]},
        "artifacts.hardware_type.string_value": {"type": "string", "values": ["A100", "H100"]},
        "artifacts.hardware_count.int_value": {"type": "number", "range": {"min": 1, "max": 8}},
        "artifacts.requests_per_second.double_value": {"type": "number", "range": {"min": 2.0, "max": 2.5}},
        "artifacts.ttft_p90.double_value": {"type": "number", "range": {"min": 20.5, "max": 300.0}},
    }


def test_every_option_finds_the_models_that_have_it(api: Api) -> None:
    custom = {"made by": "me & you", "über.größe": 0.5, "in": "x", "open": "it's"}
    api.give("s", entry("it", metrics("accuracy", **custom), provider='say "hi" \\', custom=custom), entry("other"))
    options = filters(api)
    assert len(options) == 1 + 2 * len(custom)
    for name, option in options.items():
        for value in option.get("values", []):
            quoted = value.replace("\\", "\\\\").replace("'", "\\'")
            assert api.names(filterQuery=f"{name} = '{quoted}'") == ["it"], name
        if between := option.get("range"):
            query = f"{name} >= {between['min']} AND {name} <= {between['max']}"
            assert api.names(filterQuery=query) == ["it"], name


def test_texts_of_more_than_a_hundred_letters_or_fifty_values_are_left_out(api: Api) -> None:
    api.give("s", *(entry(f"m{n}", provider=f"p{n}", license="l" * 100, maturity=f"m{n % 49}") for n in range(50)))
    options = filters(api)
    assert len(options["maturity"]["values"]) == 49
    assert options["license"]["values"] == ["l" * 100]
    assert "provider" not in options
    api.give("s", entry("m", license="l" * 101))
    assert filters(api) == {}


def test_what_nobody_filters_by_is_hidden(api: Api) -> None:
    api.give(
        "s",
        entry(
            "a",
            weights(),
            description="d",
            logo="data:image/png;base64,AAAA",
            licenseLink="https://example.com",
            externalId="7",
            servingConfig={"toolCalling": {"toolCallParser": "hermes"}},
            custom={"last_synced": "now", "tag": ""},
        ),
    )
    assert filters(api) == {}


def test_options_follow_what_is_in_sight(api: Api) -> None:
    api.give("s", entry("a", provider="Acme"))
    api.give("t", entry("b", provider="Beta"))
    assert filters(api)["provider"]["values"] == ["Acme", "Beta"]
    api.give("t", entry("b", provider="Gamma"))
    assert filters(api)["provider"]["values"] == ["Acme", "Gamma"]
    api.management.patch("sources/s", {"enabled": False})
    assert filters(api)["provider"]["values"] == ["Gamma"]
    api.management.patch("sources/s", {"enabled": True})
    assert filters(api)["provider"]["values"] == ["Acme", "Gamma"]


def test_named_queries_are_told_with_the_ends_of_ranges_as_numbers(api: Api) -> None:
    ttft = "artifacts.ttft_p90.double_value"
    queries = {
        "fast": {ttft: {"operator": "<=", "value": "max"}, "provider": {"operator": "=", "value": "max"}},
        "some": {"tasks": {"operator": "IN", "value": ["chat", "code"]}, "unknown": {"operator": ">", "value": "min"}},
    }
    api.sources.define(named_queries=queries)
    api.give("s", entry("a", point(ttft=20.5)), entry("b", point(ttft=300.0)))
    assert api.get(PATH).json["namedQueries"] == {
        "fast": {ttft: {"operator": "<=", "value": 300.0}, "provider": {"operator": "=", "value": "max"}},
        "some": queries["some"],
    }
    api.give("s", entry("a", point(ttft=10.0)))
    assert api.get(PATH).json["namedQueries"]["fast"][ttft] == {"operator": "<=", "value": 10.0}


def test_named_queries_that_change_are_told_as_they_are_now(api: Api) -> None:
    api.give("s", entry("a", provider="Acme"))
    for provider in ("Acme", "Beta", "Gamma"):
        api.sources.define(
            *api.sources.configuration.definitions,
            named_queries={"q": {"provider": {"operator": "=", "value": provider}}},
        )
        assert api.get(PATH).json["namedQueries"]["q"]["provider"]["value"] == provider

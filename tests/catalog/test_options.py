"""What one can filter by is told as a filterQuery has it, so that every option can be asked for as it is."""

from __future__ import annotations

from typing import Any

import pytest
from catalog.built import built, found
from catalog.served import entry, metrics, point, weights
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.catalog.index import Snapshot
from forecourt.catalog.options import filter_options, options_text


def options(snapshot: Snapshot, **queries: Any) -> dict[str, Any]:
    return filter_options(snapshot, queries)


def filters(*entries: Any) -> dict[str, Any]:
    """Return the options of models."""
    said: dict[str, Any] = options(built(*entries))["filters"]
    return said


def test_of_nothing_there_is_nothing_to_filter_by() -> None:
    snapshot = Snapshot()
    snapshot.freeze()
    assert options(snapshot) == {"filters": {}, "namedQueries": {}}
    assert options_text(snapshot, {}) == '{"filters":{},"namedQueries":{}}'
    assert filters(entry("bare")) == {}


def test_texts_have_values_and_numbers_a_range() -> None:
    said = filters(
        entry(
            "a", point("H100", count=1, ttft=20.5), provider="IBM", tasks=["b", "a"], custom={"size": 7, "score": 0.5}
        ),
        entry("b", point("A100", count=8, ttft=300.0), provider="acme", tasks=["a"], custom={"size": "large"}),
    )
    assert said == {
        "provider": {"type": "string", "values": ["acme", "IBM"]},
        "tasks": {"type": "string", "values": ["a", "b"]},
        "size.int_value": {"type": "number", "range": {"min": 7, "max": 7}},
        "size.string_value": {"type": "string", "values": ["large"]},
        "score.double_value": {"type": "number", "range": {"min": 0.5, "max": 0.5}},
        "artifacts.hardware_type.string_value": {"type": "string", "values": ["A100", "H100"]},
        "artifacts.hardware_count.int_value": {"type": "number", "range": {"min": 1, "max": 8}},
        "artifacts.ttft_p90.double_value": {"type": "number", "range": {"min": 20.5, "max": 300.0}},
        "artifacts.requests_per_second.double_value": {"type": "number", "range": {"min": 1.0, "max": 1.0}},
    }


def test_fifty_values_are_too_many_and_more_than_a_hundred_letters_too_long() -> None:
    assert len(filters(*(entry(f"{n}", provider=f"p{n}") for n in range(49)))["provider"]["values"]) == 49
    assert "provider" not in filters(*(entry(f"{n}", provider=f"p{n}") for n in range(50)))
    assert filters(entry("a", provider="p" * 100))["provider"]["values"] == ["p" * 100]
    assert "provider" not in filters(entry("a", provider="p" * 101), entry("b", provider="p"))


def test_what_nobody_filters_by_is_hidden() -> None:
    said = filters(
        entry(
            "a",
            weights(),
            metrics("accuracy", mmlu=1.0),
            description="d",
            logo="data:x",
            licenseLink="https://example.com",
            externalId="x",
            servingConfig={"toolCalling": {"toolCallParser": "hermes"}},
            createTimeSinceEpoch="1",
            custom={"serving_config": "{}", "last_synced": "now", "empty": ""},
        )
    )
    assert list(said) == ["artifacts.mmlu.double_value"]


def test_in_named_queries_the_ends_of_a_range_have_names() -> None:
    snapshot = built(entry("a", point(ttft=20.5), provider="IBM"), entry("b", point(ttft=300.0)))
    ttft, provider = "artifacts.ttft_p90.double_value", "provider"
    queries = {
        "fast": {ttft: {"operator": "<=", "value": "max"}, provider: {"operator": "=", "value": "min"}},
        "slow": {ttft: {"operator": ">=", "value": "min"}, "unknown": {"operator": "<", "value": "max"}},
        "both": {ttft: {"operator": "IN", "value": ["min", 7]}, provider: {"operator": "IN", "value": ["IBM"]}},
    }
    assert options(snapshot, **queries)["namedQueries"] == {
        "fast": {ttft: {"operator": "<=", "value": 300.0}, provider: {"operator": "=", "value": "min"}},
        "slow": {ttft: {"operator": ">=", "value": 20.5}, "unknown": {"operator": "<", "value": "max"}},
        "both": queries["both"],
    }
    assert queries["fast"][ttft]["value"] == "max"


NAMES = st.text("ab1_-. é`", min_size=1, max_size=6) | st.sampled_from(
    ["and", "In", "true.x", "string_value", "a.int_value"]
)


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.sampled_from(["text", 7, 0.5]))
def test_every_option_can_be_asked_for_as_it_is_written(names: list[str], value: Any) -> None:
    custom = dict.fromkeys(names, value)
    snapshot = built(entry("it", metrics("accuracy", **custom), custom=custom), entry("other"))
    said = options(snapshot)["filters"]
    assert len(said) == 2 * sum("`" not in name for name in names)
    literal = repr(value)
    for name in said:
        assert found(snapshot, f"{name} = {literal}") == ["it"], name


@pytest.mark.parametrize("value", ["<b>bold</b>", "it's", 'say "hi"', "\\"])
def test_values_are_told_as_they_are(value: str) -> None:
    assert filters(entry("a", provider=value))["provider"]["values"] == [value]

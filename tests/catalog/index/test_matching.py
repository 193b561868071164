"""A filter on models finds those for which it is true with one and the same artifact, or without any."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from catalog.built import built, found
from catalog.index.test_columns import matches, small
from catalog.served import entry, metrics, point, weights
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.query import And, Comparison, Expression, InvalidFilter, Or, Property

# A filter, as one reads it who looks at each model with each of its artifacts


def values_of(comparison: Comparison, model: dict[str, Any], artifact: dict[str, Any] | None) -> list[Any]:
    name = comparison.property.name
    of_artifact = name.startswith("artifacts.")
    known = (artifact or {}) if of_artifact else model
    value = known.get(name.removeprefix("artifacts."))
    values = value if isinstance(value, list) else [] if value is None else [value]
    kinds = {"string": (str,), "int": (int,), "double": (float,), "bool": (bool,)}
    if comparison.property.type is not None:
        wanted = kinds[comparison.property.type]
    else:
        first = comparison.value[0] if isinstance(comparison.value, tuple) and comparison.value else comparison.value
        wanted = (int, float) if type(first) in (int, float) else (type(first),)
    return [each for each in values if type(each) in wanted]


def compares(comparison: Comparison, values: list[Any]) -> bool:
    wanted: Any = comparison.value
    match comparison.operator:
        case "!=":
            return bool(values) and wanted not in values
        case "=":
            return wanted in values
        case "IN":
            return any(each in values for each in wanted)
        case "LIKE":
            return any(matches(wanted, each) for each in values)
        case "ILIKE":
            return any(matches(small(wanted), small(each)) for each in values)
        case "<":
            return any(each < wanted for each in values)
        case "<=":
            return any(each <= wanted for each in values)
        case ">":
            return any(each > wanted for each in values)
        case _:
            return any(each >= wanted for each in values)


def holds(expression: Expression, model: dict[str, Any], artifact: dict[str, Any] | None) -> bool:
    match expression:
        case And(terms):
            return all(holds(term, model, artifact) for term in terms)
        case Or(terms):
            return any(holds(term, model, artifact) for term in terms)
        case Comparison():
            return compares(expression, values_of(expression, model, artifact))


# Models and filters that are made up


@dataclass(frozen=True)
class Kind:
    """Properties of one kind: their names, and what their values may be."""

    names: tuple[str, ...]
    values: st.SearchStrategy[Any]
    operators: tuple[str, ...]
    suffix: str


WORDS = st.sampled_from(["", "a", "ab", "aB", "b", "a%", "Ω", "ß"])
PATTERNS = st.sampled_from(["%", "a%", "%b", "A_", "_", "%a%", "", "a\\%", "ω"])
COMPARED = ("=", "!=", "<", "<=", ">", ">=", "IN")
INTS, FLOATS = st.integers(-2, 3), st.sampled_from([-1.5, 0.0, 0.5, 1.0, 2.5])
MODEL_KINDS = (
    Kind(("provider", "custom", "odd-name"), WORDS, (*COMPARED, "LIKE", "ILIKE"), "string"),
    Kind(("tasks", "language", "validated_on"), WORDS, ("=", "!=", "IN", "LIKE", "<", ">="), "string"),
    Kind(("size",), INTS, COMPARED, "int"),
    Kind(("size", "score"), FLOATS, COMPARED, "double"),
    Kind(("open",), st.booleans(), ("=", "!=", "IN"), "bool"),
)
ARTIFACT_KINDS = (
    Kind(("hardware", "odd name"), WORDS, (*COMPARED, "LIKE", "ILIKE"), "string"),
    Kind(("seen_on",), WORDS, ("=", "!=", "IN"), "string"),
    Kind(("count",), INTS, COMPARED, "int"),
    Kind(("count", "latency"), FLOATS, COMPARED, "double"),
    Kind(("quick",), st.booleans(), ("=", "!=", "IN"), "bool"),
)
LISTS = ("tasks", "language", "validated_on", "seen_on")


def possessions(kinds: Iterable[Kind]) -> st.SearchStrategy[dict[str, Any]]:
    """Return properties with values, some of them not there."""
    choices: dict[str, list[st.SearchStrategy[Any]]] = {}
    for kind in kinds:
        for name in kind.names:
            one = st.lists(kind.values.filter(bool), max_size=3, unique=True) if name in LISTS else kind.values
            choices.setdefault(name, []).append(one)
    if "provider" in choices:
        choices["provider"] = [WORDS.filter(bool)]  # a field that is empty text is not there
    return st.fixed_dictionaries({}, optional={name: st.one_of(each) for name, each in choices.items()})


@st.composite
def comparisons(draw: st.DrawFn, kinds: tuple[Kind, ...], before: str = "") -> Comparison:
    kind = draw(st.sampled_from(kinds))
    name = draw(st.sampled_from(kind.names))
    operator = draw(st.sampled_from(kind.operators))
    if operator == "IN":
        value: Any = tuple(draw(st.lists(kind.values, min_size=1, max_size=3)))
    else:
        value = draw(PATTERNS if operator in ("LIKE", "ILIKE") else kind.values)
    suffix: Any = draw(st.sampled_from([None, kind.suffix]))
    return Comparison(Property(before + name, suffix), operator, value)  # type: ignore[arg-type]


def expressions(leaves: st.SearchStrategy[Comparison]) -> st.SearchStrategy[Expression]:
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda kind, terms: kind(tuple(terms)), st.sampled_from([And, Or]), st.lists(inner, min_size=2, max_size=3)
        ),
        max_leaves=6,
    )


def written(expression: Expression) -> str:
    match expression:
        case And(terms) | Or(terms):
            word = " AND " if isinstance(expression, And) else " or "
            return f"({word.join(map(written, terms))})"
        case Comparison(property=named, operator=operator, value=value):
            suffix = f".{named.type}_value" if named.type else ""
            said = f"({', '.join(map(literal, value))})" if isinstance(value, tuple) else literal(value)
            return f"`{named.name}`{suffix} {operator} {said}"


def literal(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


MODELS = st.lists(st.tuples(possessions(MODEL_KINDS), st.lists(possessions(ARTIFACT_KINDS), max_size=3)), max_size=6)
ON_MODELS = comparisons(MODEL_KINDS) | comparisons(ARTIFACT_KINDS, "artifacts.")


def made(models: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> Any:
    """Return the snapshot of such models, which are called by their place."""
    entries = []
    for place, (said, artifacts) in enumerate(models):
        fields = {name: said[name] for name in ("provider", "tasks", "language") if name in said}
        custom = {name: plain(value) for name, value in said.items() if name not in fields}
        theirs = [metrics("accuracy", **{name: plain(value) for name, value in one.items()}) for one in artifacts]
        entries.append(entry(f"{place}", *theirs, custom=custom, **fields))
    return built(*entries)


def plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


@settings(max_examples=600, deadline=None)
@given(MODELS, expressions(ON_MODELS))
def test_a_filter_finds_the_models_for_which_it_holds_with_one_artifact(models: list[Any], expression: Any) -> None:
    snapshot = made(models)
    expected = [
        str(place)
        for place, (model, artifacts) in enumerate(models)
        if any(holds(expression, model, artifact) for artifact in (None, *artifacts))
    ]
    assert found(snapshot, written(expression)) == expected


@settings(max_examples=200, deadline=None)
@given(MODELS, expressions(ON_MODELS))
def test_the_artifacts_with_which_it_holds_are_told(models: list[Any], expression: Any) -> None:
    expected, number = [], 0
    for model, artifacts in models:
        for artifact in artifacts:
            if holds(expression, model, artifact):
                expected.append(number)
            number += 1
    assert list(made(models).witnesses(written(expression))) == expected


@settings(max_examples=200, deadline=None)
@given(MODELS, expressions(comparisons(ARTIFACT_KINDS)))
def test_a_filter_on_artifacts_finds_those_for_which_it_holds(models: list[Any], expression: Any) -> None:
    artifacts = [artifact for _, theirs in models for artifact in theirs]

    def on(name: str, one: Expression) -> Expression:
        match one:
            case And(terms) | Or(terms):
                return type(one)(tuple(on(name, term) for term in terms))
            case Comparison(property=named):
                inner = Property(name + named.name, named.type)
                return Comparison(inner, one.operator, one.value)

    expected = [
        number for number, artifact in enumerate(artifacts) if holds(on("artifacts.", expression), {}, artifact)
    ]
    snapshot = made(models)
    assert list(snapshot.matching_artifacts(written(expression))) == expected
    assert list(snapshot.matching_artifacts(written(on("artifacts.", expression)))) == expected


# By hand


def test_terms_on_artifacts_hold_of_the_same_artifact() -> None:
    snapshot = built(
        entry("both", point("H100", ttft=300.0), point("A100", ttft=100.0)),
        entry("one", point("H100", ttft=100.0)),
        entry("none"),
    )
    fast_on_h100 = "artifacts.hardware_type = 'H100' AND artifacts.ttft_p90 < 200"
    assert found(snapshot, fast_on_h100) == ["one"]
    assert found(snapshot, f"name LIKE '%' AND ({fast_on_h100})") == ["one"]
    assert found(snapshot, "artifacts.hardware_type = 'H100' OR artifacts.ttft_p90 < 200") == ["both", "one"]
    assert found(snapshot, f"({fast_on_h100}) OR name = 'none'") == ["none", "one"]


def test_unequal_to_a_list_means_that_it_is_not_in_it() -> None:
    snapshot = built(
        entry("chat", tasks=["chat", "code"], custom={"validated_on": '["RHOAI 2.20", "RHAIIS 3.0"]'}),
        entry("code", tasks=["code"], custom={"validated_on": '["RHAIIS 3.0"]'}),
        entry("neither"),
    )
    assert found(snapshot, "tasks = 'code'") == ["chat", "code"]
    assert found(snapshot, "tasks != 'chat'") == ["code"]
    assert found(snapshot, "tasks IN ('chat', 'draw')") == ["chat"]
    assert found(snapshot, "validated_on = 'RHOAI 2.20'") == ["chat"]
    assert found(snapshot, "validated_on.string_value != 'RHOAI 2.20'") == ["code"]
    assert found(snapshot, "validated_on LIKE 'RHOAI%'") == ["chat"]


def test_a_name_may_stand_behind_its_source() -> None:
    snapshot = built(
        one=[entry("ibm/granite", externalId="x:1"), entry("two:tiny")], two=[entry("ibm/granite"), entry("tiny")]
    )
    both = ["ibm/granite", "ibm/granite"]

    def of(filter_query: str) -> list[tuple[str, str]]:
        return [(snapshot.sources[each], snapshot.names[each]) for each in snapshot.matching(filter_query)]

    assert found(snapshot, "name = 'ibm/granite'") == both
    assert of("name = 'two:ibm/granite'") == [("two", "ibm/granite")]
    assert of("name IN ('one:ibm/granite', 'two:tiny')") == [
        ("one", "ibm/granite"),
        ("two", "tiny"),
        ("one", "two:tiny"),
    ]
    assert of("name LIKE 'two:ibm%'") == [("two", "ibm/granite")]
    assert of("name ILIKE 'two:IBM%'") == [("two", "ibm/granite")]
    assert of("name != 'two:tiny'") == [("one", "ibm/granite"), ("two", "ibm/granite")]
    assert of("externalId = 'one:x:1'") == [("one", "ibm/granite")] == of("externalId = 'x:1'")
    assert of("name = 'three:ibm/granite'") == []


def test_fields_are_found_by_the_names_of_the_api_and_of_upstream_s_filters() -> None:
    snapshot = built(entry("m", libraryName="transformers", licenseLink="https://example.com", validatedTasks=["chat"]))
    for filter_query in (
        "libraryName = 'transformers'",
        "library_name = 'transformers'",
        "validated_tasks = 'chat'",
        "validatedTasks = 'chat'",
        "license_link LIKE 'https:%'",
        "sourceId = 's'",
        "source_id = 's'",
        "id = 1",
        "id = '1'",
        "createTimeSinceEpoch >= '1001' AND lastUpdateTimeSinceEpoch = 2001",
    ):
        assert found(snapshot, filter_query) == ["m"], filter_query


def test_artifacts_are_found_by_their_fields() -> None:
    snapshot = built(entry("a", weights("oci://example.com/a:1")), entry("b", point(), weights("hf://example/b")))
    assert found(snapshot, "artifacts.uri LIKE 'oci:%'") == ["a"]
    assert found(snapshot, "artifacts.artifactType = 'metrics-artifact'") == ["b"]
    assert found(snapshot, "artifacts.metricsType = 'performance-metrics'") == ["b"]
    assert list(snapshot.matching_artifacts("id = 1001 OR id = '1002'")) == [1, 2]


@pytest.mark.parametrize(
    ("filter_query", "column"),
    [
        ("name = 'x' AND artifacts.latency.double_value > 'slow'", 49),
        ("artifacts.count.int_value LIKE '1%'", 32),
        ("artifacts.quick.bool_value > 1", 30),
        ("size.int_value IN (1, 2.5)", 19),
        ("id = 'seven'", 6),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_column(filter_query: str, column: int) -> None:
    snapshot = built(entry("m", metrics("accuracy", latency=1.0, count=1, quick=True), custom={"size": 1}))
    with pytest.raises(InvalidFilter) as raised:
        snapshot.matching(filter_query)
    assert raised.value.column == column
    assert f"column {column}" in raised.value.message

"""Pages in an order: each match once, in its place, whatever the order and however many match."""

from __future__ import annotations

from typing import Any

import pytest
from catalog.built import built
from catalog.served import entry, metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from forecourt.catalog.index import Snapshot
from forecourt.catalog.index.orders import Order


def names(snapshot: Snapshot, by: str, *, descending: bool = False, texts: bool = False) -> list[str]:
    """Return the names of all models in an order."""
    order = snapshot.order(by, descending, texts)
    return [snapshot.names[number] for number in order.page(None, 0, len(snapshot))]


@given(st.permutations(range(8)), st.integers(0, 8), st.sets(st.integers(0, 9)), st.integers(0, 11), st.integers(1, 5))
def test_a_page_is_what_a_walk_along_the_order_meets(
    rows: list[int], cut: int, among: set[int], start: int, limit: int
) -> None:
    order = Order(rows[:cut], 10)  # the rest follows in the order of the numbers
    everything = rows[:cut] + sorted(set(range(10)) - set(rows[:cut]))
    assert [order.position(row) for row in everything] == list(range(10))
    assert order.page(None, start, limit) == everything[start : start + limit]
    matching = [row for row in everything[start:] if row in among]
    assert order.page(BitMap(among), start, limit) == matching[:limit]


@pytest.mark.parametrize("matching", [0, 1, 3, 500, 9_999, 10_000])
def test_few_matches_and_many_are_found_alike(matching: int) -> None:
    order = Order(reversed(range(10_000)), 10_000)
    among = BitMap(range(matching))
    seen: list[int] = []
    start = 0
    while page := order.page(among, start, 37):
        seen += page
        start = order.position(page[-1]) + 1
        if len(seen) > 200:
            break
    assert seen == list(reversed(range(matching)))[: len(seen)]
    assert len(seen) == matching or len(seen) > 200


VALUES = st.lists(
    st.tuples(
        st.none() | st.integers(-3, 3) | st.floats(-3, 3),
        st.lists(st.none() | st.integers(-3, 3) | st.floats(-3, 3), max_size=3),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_models_are_in_the_order_of_a_property_or_of_the_best_of_their_artifacts(
    models: list[Any], descending: bool
) -> None:
    entries = []
    for place, (own, theirs) in enumerate(models):
        custom = {} if own is None else {"size": own}
        artifacts = [metrics("accuracy", **({} if each is None else {"mmlu": each})) for each in theirs]
        entries.append(entry(str(place), *artifacts, custom=custom))
    snapshot = built(*entries)

    def expected(values: list[float | None]) -> list[float | None]:
        having = sorted((each for each in values if each is not None), reverse=descending)
        return [*having, *[None] * (len(values) - len(having))]

    best = max if descending else min
    own = [one for one, _ in models]
    theirs = [best((each for each in many if each is not None), default=None) for _, many in models]
    for by, values in (("size", own), ("artifacts.mmlu", theirs)):
        ordered = names(snapshot, by, descending=descending)
        assert sorted(ordered) == sorted(map(str, range(len(models))))
        assert [values[int(name)] for name in ordered] == expected(values)


def test_texts_are_in_order_in_any_case_and_a_model_with_several_stands_by_the_first() -> None:
    snapshot = built(
        entry("1", provider="beta", tasks=["z", "b"]),
        entry("2", provider="Alpha", tasks=["c"]),
        entry("3"),
        entry("4", provider="alpha", tasks=["a"]),
    )
    assert names(snapshot, "provider") == ["2", "4", "1", "3"]
    assert names(snapshot, "provider", descending=True) == ["1", "2", "4", "3"]
    assert names(snapshot, "tasks") == ["4", "1", "2", "3"]
    assert names(snapshot, "tasks", descending=True) == ["1", "2", "4", "3"]


def test_of_a_property_with_numbers_and_texts_either_may_be_asked_for() -> None:
    snapshot = built(
        entry("1", custom={"size": 7}), entry("2", custom={"size": "large"}), entry("3", custom={"size": 0.5})
    )
    assert names(snapshot, "size") == ["3", "1", "2"]
    assert names(snapshot, "size", texts=True) == ["2", "1", "3"]


def test_what_nobody_has_leaves_models_in_the_order_of_their_names() -> None:
    snapshot = built(entry("b"), entry("C"), entry("a"))
    assert names(snapshot, "nothing") == names(snapshot, "artifacts.nothing", descending=True) == ["a", "b", "C"]
    assert names(snapshot, "id") == ["b", "C", "a"]
    assert names(snapshot, "name", descending=True) == ["C", "b", "a"]

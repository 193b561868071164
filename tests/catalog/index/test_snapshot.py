"""A snapshot is everything in sight at one moment, and keeps what it made as long as that is asked for."""

from __future__ import annotations

import pytest
from catalog.built import built, found
from catalog.served import entry, metrics, point, weights

from forecourt.catalog.index import Snapshot, in_order
from forecourt.query import InvalidFilter


def test_nothing_in_sight_answers_everything_with_nothing() -> None:
    snapshot = Snapshot()
    snapshot.freeze()
    assert len(snapshot) == 0
    assert found(snapshot, "name = 'x' OR artifacts.y > 1") == []
    assert list(snapshot.containing("x")) == list(snapshot.containing("")) == []
    assert list(snapshot.words.ranked("x", None)) == []
    assert snapshot.order("name", False).page(None, 0, 10) == []
    assert snapshot.numbers_of_artifacts("x") == snapshot.texts_of_artifacts("x") == {}


def test_models_are_numbered_by_their_names_in_any_case_and_then_by_their_sources() -> None:
    rows = [(1, "z", "b"), (2, "a", "B"), (3, "z", "a"), (4, "a", "b"), (5, "a", "C")]
    assert in_order(rows) == [3, 2, 4, 1, 5]


def test_a_name_that_two_sources_have_is_two_models() -> None:
    snapshot = built(one=[entry("same", custom={"at": "one"})], two=[entry("same", custom={"at": "two"})])
    assert len(snapshot) == 2
    for source in ("one", "two"):
        number = snapshot.numbers[source, "same"]
        assert snapshot.sources[number] == source
        assert snapshot.number_of(snapshot.identities[number]) == number
        assert number in snapshot.matching(f"at = '{source}'")
    assert found(snapshot, "name = 'same' AND source_id = 'two'") == ["same"]


def test_each_model_has_its_own_artifacts() -> None:
    snapshot = built(entry("a", point(), weights()), entry("b"), entry("c", weights()))
    assert [list(snapshot.artifacts_of(number)) for number in range(3)] == [[0, 1], [], [2]]
    assert list(snapshot.artifact_rows) == [1000, 1001, 1002]
    assert list(snapshot.owners.owner) == [0, 0, 2]


def test_a_free_search_looks_into_names_descriptions_providers_tasks_and_libraries() -> None:
    snapshot = built(
        entry("a/Granite", readme="kept out"),
        entry("b", description="Ein Größenvergleich"),
        entry("c", provider="Acme Inc."),
        entry("d", tasks=["text-to-speech"]),
        entry("e", validatedTasks=["text-classification"]),
        entry("f", libraryName="transformers"),
        entry("g", license="mit", language=["en"], custom={"note": "hidden"}),
    )

    def names(text: str) -> list[str]:
        return [snapshot.names[number] for number in snapshot.containing(text)]

    assert names("GRANITE") == ["a/Granite"]
    assert names("/gra") == ["a/Granite"]
    assert names("größen") == names("GRÖSSEN") == ["b"]
    assert names("acme inc.") == ["c"]
    assert names("me i") == ["c"]
    assert names("text-") == ["d", "e"]
    assert names("former") == ["f"]
    assert names("mit") == names("hidden") == names("kept out") == []


def test_what_was_made_once_is_kept_until_much_else_was_asked_for() -> None:
    snapshot, made = built(entry("a")), []

    def make(key: int) -> int:
        return int(snapshot.once(key, lambda: made.append(key) or key))

    assert [make(1), make(1)] == [1, 1]
    assert made == [1]
    for key in range(2, 120):
        make(key)
    make(1)
    for key in range(120, 240):
        make(key)
    make(1)  # it was asked for in between
    assert made.count(1) == 1
    for key in range(300, 500):
        make(key)
    make(1)
    assert made.count(1) == 2


def test_a_filter_that_is_refused_once_is_refused_again() -> None:
    snapshot = built(entry("a"))
    for _ in range(2):
        with pytest.raises(InvalidFilter):
            snapshot.matching("name ~ 'a'")


def test_numbers_of_artifacts_are_those_of_both_types() -> None:
    snapshot = built(
        entry("a", metrics("performance", count=2, kind="x"), metrics("performance", count=1.5)),
        entry("b", metrics("performance", count="many", kind='["y", "x"]')),
    )
    assert snapshot.numbers_of_artifacts("count") == {0: 2.0, 1: 1.5}
    assert snapshot.texts_of_artifacts("count") == {2: "many"}
    assert snapshot.texts_of_artifacts("kind") == {0: "x", 2: "x"}

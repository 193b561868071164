"""What a source gave is written aside, comes into sight in one moment, and is read again as it was given."""

from __future__ import annotations

import json
from typing import Any

import pytest
from catalog.served import entry, point, weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from forecourt.catalog import store
from forecourt.catalog.model import Entry, Problem
from forecourt.catalog.tables import ARTIFACTS, MODELS, SOURCES
from forecourt.db import Database
from forecourt.errors import InvalidInput


def published(database: Database, *entries: Entry, source: str = "s", problems: list[Problem] | None = None) -> None:
    """Load a source that gives these."""
    staging = store.Staging(database, source)
    for each in entries:
        staging.add(each)
    staging.publish(problems or [], "stamp")


def in_sight(database: Database, source: str = "s") -> dict[str, tuple[int, int]]:
    """Return the row and the id of each model in sight."""
    with database.snapshot() as session:
        query = select(MODELS.c.name, MODELS.c.id, MODELS.c.identity)
        rows = session.execute(query.where(MODELS.c.source_id == source, MODELS.c.live)).all()
    return {name: (row, identity) for name, row, identity in rows}


def how_many(database: Database, table: Any) -> int:
    with database.snapshot() as session:
        return int(session.scalar(select(func.count()).select_from(table)) or 0)


def read(database: Database, name: str) -> Entry | None:
    with database.point() as connection:
        return store.read_entry(connection, in_sight(database)[name][0])


def test_a_model_is_read_as_it_was_given(database: Database) -> None:
    given_ = entry(
        "ibm/granite",
        weights(),
        point(),
        weights("hf://x/y"),
        readme="# Häuser 🏠\n",
        evidence=[{"task": "mmlu"}],
        tasks=["b", "a"],
        custom={"size": 8, "open": True},
    )
    published(database, given_)
    assert read(database, "ibm/granite") == given_
    with database.point() as connection:
        row, identity = in_sight(database)["ibm/granite"]
        assert row == identity
        assert [json.loads(text) for _, _, text in store.read_artifacts_of(connection, [row])] == list(given_.artifacts)
        artifacts = [number for _, number, _ in store.read_artifacts_of(connection, [row])]
        assert set(store.read_artifacts(connection, artifacts)) == set(artifacts)
        assert store.read_documents(connection, [row])[row] == store.read_models(connection, [row])[row][:6]
        assert json.loads(store.read_summaries(connection, [row])[row])["name"] == "ibm/granite"
        assert store.read_models(connection, []) == store.read_artifacts(connection, [999]) == {}
        assert store.read_entry(connection, 999) is None


async def test_it_is_read_alike_from_the_event_loop(database: Database) -> None:
    published(database, entry("a", weights()), entry("b", point(), point("A100")))
    rows = [row for row, _ in in_sight(database).values()]
    for reads in (store.read_models, store.read_documents, store.read_summaries, store.read_artifacts_of):
        with database.point() as connection:
            expected = reads(connection, rows)
        assert len(expected) > 1
        assert await database.ask(lambda connection, reads=reads: reads(connection, rows)) == expected
    artifacts = await database.ask(lambda connection: store.read_artifacts_of(connection, rows))
    asked = [row for _, row, _ in artifacts]
    assert len(await database.ask(lambda connection: store.read_artifacts(connection, asked))) == 3


def test_nothing_is_in_sight_before_all_of_it_is(database: Database) -> None:
    staging = store.Staging(database, "s")
    for number in range(450):  # more than are written at once
        staging.add(entry(f"model-{number}"))
    assert how_many(database, MODELS) == 400
    assert in_sight(database) == {}
    assert staging.publish([]) == 450
    assert len(in_sight(database)) == 450


def test_what_a_source_gives_no_more_goes_out_of_sight_and_is_deleted_by_the_next_load(database: Database) -> None:
    published(database, entry("a", point()), entry("b", point()))
    published(database, entry("a", point()))
    assert list(in_sight(database)) == ["a"]
    assert how_many(database, MODELS) == 2  # someone may be reading it
    published(database, entry("a", point()))
    assert (how_many(database, MODELS), how_many(database, ARTIFACTS)) == (1, 1)


def test_a_model_that_is_as_it_was_keeps_its_row_and_one_that_changes_its_id(database: Database) -> None:
    published(database, entry("same"), entry("changes", custom={"size": 1}))
    before = in_sight(database)
    published(database, entry("changes", custom={"size": 2}), entry("same"))
    after = in_sight(database)
    assert after["same"] == before["same"]
    assert after["changes"][0] != before["changes"][0]
    assert after["changes"][1] == before["changes"][1]
    published(database, entry("same"))
    published(database, entry("same"), entry("changes", custom={"size": 2}))
    assert in_sight(database)["changes"][1] == before["changes"][1]


@pytest.mark.parametrize(
    "changed",
    [
        entry("m", point(), readme="new"),
        entry("m", point(), description="new"),
        entry("m", point(ttft=1.0)),
        entry("m", point(), point()),
        entry("m", point(), evidence=[{}]),
        entry("m"),
    ],
)
def test_whatever_changes_of_a_model_is_seen(database: Database, changed: Entry) -> None:
    published(database, entry("m", point()))
    published(database, changed)
    assert read(database, "m") == changed


def test_times_that_a_source_does_not_give_are_those_of_the_first_load_and_of_the_last_change(
    database: Database,
) -> None:
    def times() -> tuple[int, int]:
        row = in_sight(database)["m"][0]
        with database.point() as connection:
            _, _, _, created, updated, _ = store.read_documents(connection, [row])[row]
        return created, updated

    began = store.now()
    published(database, entry("m"))
    first = times()
    assert began <= first[0] == first[1] <= store.now()
    published(database, entry("m"))
    assert times() == first
    published(database, entry("m", description="new"))
    assert times()[0] == first[0]
    published(database, entry("m", createTimeSinceEpoch="5", lastUpdateTimeSinceEpoch="7"))
    assert times() == (5, 7)


def test_a_load_that_was_cut_off_leaves_what_it_saw_to_the_next(database: Database) -> None:
    published(database, entry("a", custom={"at": 1}))
    before = in_sight(database)
    cut_off = store.Staging(database, "s")
    for each in (entry("a", custom={"at": 2}), entry("b", readme="card")):
        cut_off.add(each)
    cut_off.flush()
    assert in_sight(database) == before
    rows = how_many(database, MODELS)
    following = store.Staging(database, "s")
    assert following.known("a") == entry("a", custom={"at": 2})
    assert following.known("b") == entry("b", readme="card")
    assert following.known("c") is None
    for name in "ab":
        known = following.known(name)
        assert known
        following.add(known)
    following.publish([])
    assert how_many(database, MODELS) == rows  # nothing was written again
    assert in_sight(database)["a"][1] == before["a"][1]
    assert set(in_sight(database)) == {"a", "b"}


def test_what_a_load_that_was_cut_off_saw_goes_where_it_is_no_longer_so(database: Database) -> None:
    cut_off = store.Staging(database, "s")
    cut_off.add(entry("a", custom={"at": 1}))
    cut_off.flush()
    published(database, entry("a", custom={"at": 2}), entry("b"))
    assert how_many(database, MODELS) == 2
    assert read(database, "a") == entry("a", custom={"at": 2})


def test_a_load_that_fails_leaves_what_was_in_sight_and_keeps_what_it_saw(database: Database) -> None:
    published(database, entry("a"), problems=[Problem("x", "is wrong")])
    loaded = store.states(database)["s"]["loaded"]
    failed = store.Staging(database, "s")
    failed.add(entry("b"))
    failed.fail("the hub does not answer \0 \ud800")
    assert list(in_sight(database)) == ["a"]
    state = store.states(database)["s"]
    assert (state["status"], state["error"]) == ("error", "the hub does not answer  ?")
    assert (state["loaded"], state["stamp"]) == (loaded, "stamp")
    assert store.Staging(database, "s").known("b") == entry("b")


def test_problems_are_kept_with_the_source(database: Database) -> None:
    problems = [Problem("ä/b", "has no uri"), Problem("\ud800\0", "is called \ud800")]
    published(database, entry("a"), problems=problems)
    state = store.states(database)["s"]
    assert state["status"] == "partially-available"
    assert json.loads(state["problems"]) == [["ä/b", "has no uri"], ["?", "is called ?"]]
    published(database, entry("a"))
    assert store.states(database)["s"]["status"] == "available"
    assert json.loads(store.states(database)["s"]["problems"]) == []


def test_of_two_models_of_one_name_the_first_stays(database: Database) -> None:
    published(database, entry("a", custom={"at": 1}), entry("a", custom={"at": 2}))
    assert read(database, "a") == entry("a", custom={"at": 1})


@pytest.mark.parametrize(
    "wrong",
    [
        entry("n" * 513),
        entry("null\0byte"),
        entry("m", readme="null\0byte"),
        entry("m", readme="half \ud800"),
        entry("half \ud800"),
        entry("m", description="half \udfff"),
        entry("m", custom={"size": {"double_value": float("nan")}}),
        entry("m", point(ttft=float("inf"))),
        entry("m", evidence=[{"score": "\ud800"}]),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_rest_is_kept(database: Database, wrong: Entry) -> None:
    staging = store.Staging(database, "s")
    staging.add(entry("a"))
    with pytest.raises(InvalidInput):
        staging.add(wrong)
    staging.add(entry("n" * 512))
    staging.publish([])
    assert set(in_sight(database)) == {"a", "n" * 512}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXTS.filter(lambda name: name != "name"), JSON, max_size=3), TEXTS, st.lists(JSON, max_size=2))
def test_any_document_is_read_as_it_was_given(
    database: Database, fields: dict[str, Any], readme: str, things: list[Any]
) -> None:
    said = entry("m", *({"artifactType": "model-artifact", "uri": "x", "y": one} for one in things), readme=readme)
    said = Entry("m", {"anything": fields}, readme, said.artifacts, ({"anything": things},))
    published(database, said)
    assert read(database, "m") == said


def test_what_is_noted_of_a_source_is_there_until_it_is_forgotten(database: Database) -> None:
    store.remember(database, "s", enabled=False)
    store.remember(database, "s", definition="{}")
    published(database, entry("a", point()))
    published(database, entry("b"), source="other")
    state = store.states(database)["s"]
    assert (state["enabled"], state["definition"], state["status"]) == (False, "{}", "available")
    store.forget(database, "s")
    assert set(store.states(database)) == {"other"}
    assert (how_many(database, MODELS), how_many(database, ARTIFACTS), how_many(database, SOURCES)) == (1, 0, 1)


def test_ids_are_never_given_again(database: Database) -> None:
    published(database, entry("a"))
    first = in_sight(database)["a"][1]
    store.forget(database, "s")
    published(database, entry("b"))
    assert in_sight(database)["b"][1] > first

"""A source is loaded while people read: they see all of it as it was or all of it as it is, and never wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from catalog.served import Sources, defined, entry, failing, point
from sqlalchemy import func, select, text

from forecourt.catalog import store
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.model import Entry, Loading, Problem
from forecourt.catalog.tables import MODELS
from forecourt.db import Database
from forecourt.errors import Conflict, InvalidInput, NotFound, Unavailable


def names(catalog: Catalog) -> list[str]:
    """Return the names in sight."""
    return list(catalog.snapshot.names)


def ids(catalog: Catalog) -> dict[str, int]:
    return dict(zip(catalog.snapshot.names, catalog.snapshot.identities, strict=True))


def rows(database: Database) -> int:
    with database.snapshot() as session:
        return int(session.scalar(select(func.count()).select_from(MODELS)) or 0)


class Gate:
    """Holds a load until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, _loading: Loading) -> None:
        self.reached.set()
        assert self.opened.wait(30)


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_what_a_source_gives_is_in_sight_and_after_a_restart_at_once(sources: Sources) -> None:
    sources.give("s", entry("b", point()), entry("a"))
    state = sources.catalog.source("s")
    assert (names(sources.catalog), state.status, state.error, state.problems) == (["a", "b"], "available", "", ())
    assert state.loaded is not None and abs(state.loaded - store.now()) < 60_000
    sources.given["s"] = [failing("The hub does not answer.")]
    again = sources.opened()
    assert names(again) == ["a", "b"]
    assert ids(again) == ids(sources.catalog)
    assert list(again.snapshot.owners.owner) == [1]


def test_a_reload_shows_what_is_new_under_the_ids_that_were(sources: Sources) -> None:
    sources.give("s", entry("stays"), entry("changes"), entry("goes"))
    before, version = ids(sources.catalog), sources.catalog.snapshot.version
    sources.give("s", entry("changes", custom={"size": 1}), entry("stays"), entry("comes"))
    after = ids(sources.catalog)
    assert set(after) == {"stays", "changes", "comes"}
    assert (after["stays"], after["changes"]) == (before["stays"], before["changes"])
    assert after["comes"] not in before.values()
    assert sources.catalog.snapshot.version > version


def test_a_source_that_fails_keeps_its_last_good_models_and_says_why(sources: Sources) -> None:
    sources.give("s", entry("a"))
    sources.give("s", entry("b"), failing("The file is no YAML."))
    state = sources.catalog.source("s")
    assert names(sources.catalog) == ["a"]
    assert (state.status, state.error) == ("error", "The file is no YAML. Mend it.")
    assert state.shown()["error"] == "The file is no YAML. Mend it."
    sources.give("s", entry("b"))
    state = sources.catalog.source("s")
    assert (names(sources.catalog), state.status, state.error) == (["b"], "available", "")


def test_a_defect_of_a_loader_is_told_without_its_traceback(sources: Sources) -> None:
    sources.give("s", entry("a"))
    sources.give("s", RuntimeError("secret"))
    state = sources.catalog.source("s")
    assert names(sources.catalog) == ["a"]
    assert state.error == "Something broke while it was loaded; the server's log says what."


def test_models_that_are_left_out_are_told_and_the_others_shown(sources: Sources) -> None:
    sources.give("s", entry("a"), Problem("b", "has no uri"), entry("c"), entry("n" * 600), entry("d\0"))
    state = sources.catalog.source("s")
    assert names(sources.catalog) == ["a", "c"]
    assert state.status == "partially-available"
    assert [problem.name for problem in state.problems] == ["b", "n" * 600, "d"]
    assert state.shown()["error"].startswith("b: has no uri; nnn")


def test_a_load_that_is_cut_off_goes_on_where_it_was(sources: Sources) -> None:
    fetched: list[str] = []

    def fetching(*wanted: str) -> list[Any]:
        """Return what a loader does that asks far away only for what it does not know."""

        def ask(loading: Loading) -> None:
            fetched.extend(name for name in wanted if loading.known(name) is None)

        return [ask, *(entry(name, readme=f"card of {name}") for name in wanted)]

    gate = Gate()
    sources.given["s"] = [*fetching("a", "b"), gate, *fetching("c")]
    sources.define(defined("s"))
    loading = in_thread(lambda: sources.catalog.load("s"))
    assert gate.reached.wait(30)
    sources.catalog.close()
    gate.opened.set()
    loading.join()
    assert (names(sources.catalog), fetched) == ([], ["a", "b"])
    restarted = sources.opened()
    assert names(restarted) == []
    sources.given["s"] = fetching("a", "b", "c")
    restarted.load("s")
    assert (names(restarted), fetched) == (["a", "b", "c"], ["a", "b", "c"])
    assert rows(sources.database) == 3


def test_how_far_a_load_is_can_be_seen(sources: Sources) -> None:
    gate = Gate()
    sources.given["s"] = [entry("a"), entry("b"), gate]
    sources.define(defined("s"))
    loading = in_thread(lambda: sources.catalog.load("s"))
    assert gate.reached.wait(30)
    assert sources.catalog.loading["s"].done == 2
    gate.opened.set()
    loading.join()
    assert sources.catalog.loading == {}


def test_two_loads_at_once_follow_each_other(sources: Sources) -> None:
    gate = Gate()
    sources.given["s"] = [entry("a"), gate, entry("b")]
    sources.define(defined("s"), defined("other"))
    first = in_thread(lambda: sources.catalog.load("s"))
    assert gate.reached.wait(30)
    sources.given["s"] = [entry("c")]
    second = in_thread(lambda: sources.catalog.load("s"))
    sources.given["other"] = [entry("z")]
    sources.catalog.load("other")  # another source need not wait
    assert names(sources.catalog) == ["z"]
    gate.opened.set()
    first.join()
    second.join()
    assert names(sources.catalog) == ["c", "z"]


def test_many_loads_of_many_sources_at_once_show_all_of_them(sources: Sources) -> None:
    for number in range(4):
        sources.given[f"s{number}"] = [entry(f"{number}-{each}") for each in range(20)]
    sources.define(*(defined(f"s{number}") for number in range(4)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sources.catalog.load, [f"s{number % 4}" for number in range(16)]))
    assert len(names(sources.catalog)) == 80
    assert rows(sources.database) == 80


def test_two_sources_may_have_the_same_model(sources: Sources) -> None:
    sources.give("one", entry("same", custom={"at": 1}))
    sources.give("two", entry("same", custom={"at": 2}))
    snapshot = sources.catalog.snapshot
    assert snapshot.names == ["same", "same"]
    assert len(set(snapshot.identities)) == 2
    sources.give("one")
    assert sources.catalog.snapshot.sources == ["two"]


# Sources


def test_a_source_that_is_hidden_is_out_of_sight_and_back_at_once(sources: Sources) -> None:
    sources.give("s", entry("a"))
    sources.give("t", entry("b"))
    before = ids(sources.catalog)
    assert sources.catalog.enable("s", False).status == "disabled"
    assert names(sources.catalog) == ["b"]
    assert names(sources.opened()) == ["b"]  # which a restart does not forget
    assert sources.catalog.enable("s", True).status == "available"
    assert ids(sources.catalog) == before


def test_a_source_that_is_loaded_while_it_is_hidden_stays_hidden(sources: Sources) -> None:
    sources.give("s", entry("a"), enabled=False)
    assert names(sources.catalog) == []
    sources.catalog.enable("s", True)
    assert names(sources.catalog) == ["a"]


def test_a_source_that_its_file_has_no_more_is_out_of_sight_and_back_when_it_has_it_again(sources: Sources) -> None:
    sources.give("s", entry("a"))
    sources.define()
    assert (names(sources.catalog), sources.catalog.sources) == ([], [])
    with pytest.raises(NotFound):
        sources.catalog.load("s")
    sources.define(defined("s"))
    assert names(sources.catalog) == ["a"]


def test_files_that_cannot_be_read_leave_the_sources_that_they_had(sources: Sources) -> None:
    sources.give("s", entry("a"))
    sources.broken = "sources.yaml, line 3: no."
    sources.define()
    assert names(sources.catalog) == ["a"]
    assert sources.catalog.configuration_error == "sources.yaml, line 3: no."
    sources.broken = ""
    sources.define()
    assert (names(sources.catalog), sources.catalog.configuration_error) == ([], "")


def test_a_source_that_is_added_is_there_until_it_is_removed(sources: Sources) -> None:
    sources.define(defined("filed", origin=Path("/etc/sources.yaml")))
    added = defined(
        "added", type="hf", labels=("x",), included_models=("a/*",), properties={"url": "https://example.com"}
    )
    sources.catalog.add(added)
    sources.give("added", entry("a/b"), entry("c"))
    assert names(sources.catalog) == ["a/b"]
    again = sources.opened()
    assert [state.id for state in again.sources] == ["filed", "added"]
    assert again.source("added").definition == added
    with pytest.raises(Conflict, match="There is a catalog source added already"):
        sources.catalog.add(added)
    with pytest.raises(Conflict, match=r"is defined in /etc/sources.yaml"):
        sources.catalog.remove("filed")
    with pytest.raises(NotFound):
        sources.catalog.remove("unknown")
    sources.catalog.remove("added")
    assert (names(sources.catalog), rows(sources.database)) == ([], 0)
    assert [state.id for state in sources.opened().sources] == ["filed"]


def test_a_source_of_a_type_that_nothing_loads_is_refused(sources: Sources) -> None:
    with pytest.raises(InvalidInput):
        sources.catalog.add(defined("s", type="oci-modelcars"))
    sources.define(defined("s", type="oci-modelcars"))
    assert sources.catalog.load("s").status == "error"


def test_a_source_that_is_removed_while_it_is_loaded_leaves_nothing(sources: Sources) -> None:
    gate = Gate()
    sources.catalog.add(defined("s"))
    sources.given["s"] = [*(entry(f"{number}") for number in range(250)), gate, entry("b")]
    raised: list[Exception] = []

    def load() -> None:
        try:
            sources.catalog.load("s")
        except NotFound as error:
            raised.append(error)

    loading = in_thread(load)
    assert gate.reached.wait(30)
    sources.catalog.remove("s")
    gate.opened.set()
    loading.join()
    assert len(raised) == 1
    assert (names(sources.catalog), rows(sources.database), store.states(sources.database)) == ([], 0, {})
    sources.catalog.add(defined("s"))
    assert sources.catalog.source("s").status == ""


def test_what_a_person_said_of_a_source_goes_before_what_its_file_says(sources: Sources) -> None:
    sources.define(defined("s", enabled=False))
    sources.catalog.enable("s", True)
    sources.define(defined("s", enabled=False))
    assert sources.catalog.source("s").enabled is True


def test_a_preview_gives_what_is_left_out_too_and_keeps_nothing(sources: Sources) -> None:
    sources.given["s"] = [entry("a"), entry("b"), Problem("c", "is wrong")]
    found = sources.catalog.preview(defined("s", excluded_models=("b",)))
    assert [one.name for one in found] == ["a", "b", "c"]
    assert rows(sources.database) == 0


# Readers while sources are loaded


def state_of(number: int, size: int) -> list[Entry]:
    """Return the models of one of two states of a source, each with three artifacts that say which."""
    return [
        entry(
            f"model-{each}",
            *(point(ttft=float(number), state=number) for _ in range(3)),
            description=f"in state {number}",
            custom={"state": number, "group": "all"},
        )
        for each in range(size)
    ] + [entry(f"only-in-{number}", custom={"state": number, "group": "all"})]


async def read_all(catalog: Catalog) -> tuple[set[Any], int]:
    """Read everything in sight as the API does; return the states that it is in, and how many models it is."""
    snapshot = catalog.snapshot
    found = list(snapshot.matching("group = 'all'"))
    with_artifacts = snapshot.matching("artifacts.ttft_p90 > 0")
    asked = [snapshot.rows[number] for number in found]
    models = await catalog.database.ask(lambda connection: store.read_models(connection, asked))
    artifacts = await catalog.database.ask(lambda connection: store.read_artifacts_of(connection, asked))
    assert len(models) == len(asked), "a model that is in sight cannot be read"
    assert len(artifacts) == 3 * len(with_artifacts)
    in_rows = {row[5].split('"state":{"int_value":"')[1][0] for row in models.values()}
    in_artifacts = {document.split('"state":{"int_value":"')[1][0] for _, _, document in artifacts}
    in_index = {str(int(value)) for value in snapshot.models.column("state").integers.values}
    return in_rows | in_artifacts | in_index, len(found)


def test_readers_see_a_source_as_it_was_or_as_it_is_and_never_half_of_it(sources: Sources) -> None:
    size = 60
    sources.give("s", *state_of(1, size))
    ended = threading.Event()
    seen: list[set[Any]] = []
    longest = 0.0

    def read() -> None:
        nonlocal longest

        async def again_and_again() -> None:
            nonlocal longest
            while not ended.is_set():
                began = time.perf_counter()
                states, count = await read_all(sources.catalog)
                longest = max(longest, time.perf_counter() - began)
                assert (len(states), count) == (1, size + 1), states
                seen.append(states)

        asyncio.run(again_and_again())

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for turn in range(12):
            sources.give("s", *state_of(2 - turn % 2, size))
        ended.set()
        reading.result()
    assert {state for states in seen for state in states} == {"1", "2"}
    assert len(seen) > 12


async def test_readers_do_not_wait_for_a_load_that_holds_the_writers(sources: Sources) -> None:
    sources.give("s", *state_of(1, 10))
    with sources.database.transaction() as connection:  # as a load does that writes
        connection.execute(text("UPDATE catalog_models SET updated = 1"))
        assert await asyncio.wait_for(read_all(sources.catalog), 10) == ({"1"}, 11)


async def test_the_event_loop_goes_on_while_the_database_takes_its_time(sources: Sources) -> None:
    if sources.database.is_sqlite:
        return  # which answers at once: nobody can hold a reader
    sources.give("s", *state_of(1, 10))
    await read_all(sources.catalog)
    with sources.database.transaction() as connection:
        connection.execute(text("LOCK TABLE catalog_models IN ACCESS EXCLUSIVE MODE"))
        reading = asyncio.ensure_future(read_all(sources.catalog))
        turns = 0
        began = time.monotonic()
        while time.monotonic() - began < 0.5:
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 10
        assert not reading.done()
    assert await asyncio.wait_for(reading, 10) == ({"1"}, 11)


def test_a_database_that_is_away_is_told_to_who_loads(sources: Sources) -> None:
    sources.give("s", entry("a"))
    if sources.database.is_sqlite:
        return  # there is no server that could be away
    with sources.database.transaction() as connection:
        connection.execute(text("ALTER TABLE catalog_models RENAME TO elsewhere"))
    try:
        with pytest.raises(Exception, match="catalog_models"):
            sources.catalog.load("s")
        assert names(sources.catalog) == ["a"]
    finally:
        with sources.database.transaction() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO catalog_models"))
    assert sources.catalog.load("s").status == "available"


def test_a_load_that_raises_an_error_of_the_database_keeps_what_was_in_sight(sources: Sources) -> None:
    sources.give("s", entry("a"))
    sources.give("s", entry("b"), Unavailable("The database does not answer."))
    assert names(sources.catalog) == ["a"]
    assert sources.catalog.source("s").error == "The database does not answer."

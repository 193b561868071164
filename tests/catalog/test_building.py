"""Snapshots are built in a process of their own where there is much, and are the same as those that are built here."""

from __future__ import annotations

import contextlib
import gc
import pickle
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import psutil
import pytest
from catalog.built import built
from catalog.served import Sources, entry, point

from forecourt.catalog import building, store
from forecourt.catalog.index import Snapshot, pieces
from forecourt.catalog.options import options_text
from forecourt.catalog.search import Query, facets, search

FILTERS = ("name LIKE '%1%'", "parameters_b > 40", "artifacts.ttft_p90 < 105 AND license = 'mit'")


def some(count: int) -> list[object]:
    """Return models of which some have the same licence, each with a number and points of performance."""
    return [
        entry(
            f"org/model-{number:05}",
            point(ttft=100.0 + number % 7),
            point("A100", 2, ttft=50.0),
            license=("mit", "apache-2.0")[number % 2],
            provider=f"provider {number % 5}",
            custom={"parameters_b": float(number), f"own-{number % 3}": "x"},
        )
        for number in range(count)
    ]


def same(one: Snapshot, other: Snapshot) -> bool:
    """Say whether two snapshots answer alike."""
    asked = Query("modle 00012", sort="relevance"), Query("", sort="parameters"), Query("org")
    return (
        one.names == other.names
        and one.numbers == other.numbers
        and list(one.rows) == list(other.rows)
        and [one.matching(each) for each in FILTERS] == [other.matching(each) for each in FILTERS]
        and [search(one, each) for each in asked] == [search(other, each) for each in asked]
        and [facets(one, each) for each in asked] == [facets(other, each) for each in asked]
        and options_text(one, {}) == options_text(other, {})
    )


@pytest.mark.parametrize("count", [0, 1, 60])
def test_a_snapshot_comes_out_of_its_pieces_as_it_was(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(pieces, "_LARGE", 16)
    snapshot = built(*some(count))  # type: ignore[arg-type]
    facets(snapshot, Query())
    stream = BytesIO()
    pieces.write(snapshot, stream)
    stream.seek(0)
    assert same(pieces.read(stream), snapshot)
    assert stream.read() == b""


@pytest.mark.parametrize("left", [0, 1, 100, -1, -5, -200])
def test_a_stream_that_is_cut_off_is_no_snapshot(left: int) -> None:
    stream = BytesIO()
    pieces.write(built(*some(3)), stream)  # type: ignore[arg-type]
    with pytest.raises(EOFError):
        pieces.read(BytesIO(stream.getvalue()[:left]))


def test_no_piece_of_a_large_snapshot_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_LARGE", 100)
    stream = BytesIO()
    pieces.write(built(*some(2000)), stream)  # type: ignore[arg-type]
    sizes, before = [], 0
    stream.seek(0)
    found: list[object] = []
    while (piece := pieces._Reader(stream, found).load()) is not None:
        found.append(piece)
        sizes.append(stream.tell() - before)
        before = stream.tell()
    assert len(sizes) > 100
    assert max(sizes) < sum(sizes) / 6


def children() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # or a zombie, which another test has left to be waited for
            found += [one] if building.__name__ in " ".join(one.cmdline()) else []
    return found


def until(true: Callable[[], object]) -> None:
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come true")


def test_what_another_process_builds_is_what_is_built_here(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.give("s", *some(50))  # type: ignore[arg-type]
    here = sources.catalog.snapshot
    monkeypatch.setattr(building, "_FEW", 10)
    monkeypatch.setattr(building, "made", None)  # so that it cannot be built here
    sources.catalog.rebuild()
    assert sources.catalog.snapshot.version == here.version + 1
    assert same(sources.catalog.snapshot, here)
    assert children() == []


def test_writers_go_on_while_another_process_builds(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.give("s", *some(50))  # type: ignore[arg-type]
    monkeypatch.setattr(building, "_FEW", 10)
    with ThreadPoolExecutor(9) as pool:
        rebuilding = pool.submit(sources.catalog.rebuild)
        until(children)
        for _ in range(5):
            for one in [pool.submit(store.remember, sources.database, "s", status=str(number)) for number in range(8)]:
                one.result(30)
        rebuilding.result(60)


def test_where_the_other_process_is_killed_it_is_built_here(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.give("s", *some(50))  # type: ignore[arg-type]
    monkeypatch.setattr(building, "_FEW", 10)
    before = sources.catalog.snapshot
    with ThreadPoolExecutor(1) as pool:
        rebuilding = pool.submit(sources.catalog.rebuild)
        until(children)
        children()[0].kill()
        rebuilding.result(60)
    assert same(sources.catalog.snapshot, before)
    assert sources.catalog.snapshot.version == before.version + 1


def test_a_catalog_that_is_closed_waits_for_no_other_process(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.give("s", *some(50))  # type: ignore[arg-type]
    monkeypatch.setattr(building, "_FEW", 10)
    before = sources.catalog.snapshot
    with ThreadPoolExecutor(1) as pool:
        rebuilding = pool.submit(sources.catalog.rebuild)
        until(children)
        sources.catalog.close()
        rebuilding.result(5)
    assert sources.catalog.snapshot is before
    assert children() == []


def test_a_process_that_nobody_waits_for_ends(sources: Sources) -> None:
    sources.give("s", *some(1500))  # type: ignore[arg-type]
    command = (sys.executable, "-c", f"from {building.__name__} import answer; answer()")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        url = sources.database.engine.url.render_as_string(hide_password=False)
        pickle.dump((url, building.Wanted(frozenset("s"))), process.stdin)
        process.stdin.close()  # as it is when the server is killed
        answer = process.stdout.read()
        assert process.wait(30) == 1
    with pytest.raises(EOFError):
        pieces.read(BytesIO(answer))


def test_a_snapshot_is_gone_when_another_has_taken_its_place(sources: Sources) -> None:
    sources.give("s", *some(20))  # type: ignore[arg-type]
    before = sources.catalog.snapshot
    for each in FILTERS:
        before.matching(each)
    before.containing("model")
    before.witnesses(FILTERS[2])
    before.matching_artifacts("ttft_p90 < 105")
    search(before, Query("modle", sort="parameters"))
    seen, models = weakref.ref(before), weakref.ref(before.models)
    gc.collect()
    gc.disable()  # it is gone without the garbage collector, which comes by rarely where there is much
    try:
        del before
        sources.catalog.rebuild()
        assert (seen(), models()) == (None, None)
    finally:
        gc.enable()


def test_changes_that_come_while_it_is_built_are_built_at_once(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.give("s", *some(3))  # type: ignore[arg-type]
    goes_on, builds = threading.Event(), []
    build = building.Builder.build

    def slowly(builder: building.Builder, wanted: building.Wanted) -> Snapshot | None:
        builds.append(wanted.shown)
        goes_on.wait(20)
        return build(builder, wanted)

    monkeypatch.setattr(building.Builder, "build", slowly)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(sources.catalog.rebuild)
        until(lambda: builds)
        others = [pool.submit(sources.catalog.rebuild) for _ in range(7)]
        until(lambda: sources.catalog._changes == sources.catalog._in_sight + 8)
        goes_on.set()
        for one in (first, *others):
            one.result(20)
    assert len(builds) == 2

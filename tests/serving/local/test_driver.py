"""Deployments as processes on this machine: real processes of a tiny runtime, seen as the reconcile loop sees them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from serving.local.places import KEY, TINY, Place, a_place, runtime, service

from forecourt.settings import Settings


@pytest.fixture
async def place(settings: Settings, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(settings, tmp_path) as place:
        await place.driver.start([])
        yield place
        await place.driver.close(stop=True)


async def test_a_deployment_becomes_ready_and_reads_its_model_where_a_mount_would_be(place: Place) -> None:
    place.driver.apply(service("--say=bonjour"), runtime())
    seen = await place.ready()
    assert seen.available
    assert seen.url == "http://127.0.0.1:8080/serving/default/m"
    answer = await place.ask()
    assert (answer["say"], answer["model"]) == ("bonjour", ["weights.tiny"])


async def test_replicas_come_and_go_with_their_number(place: Place) -> None:
    place.driver.apply(service(replicas=2), runtime())
    await place.ready(2)
    place.driver.apply(service(replicas=1), runtime())
    await place.until(lambda: len(place.pids()) == 1)
    assert len(place.endpoints.get("default", "m").replicas) == 1  # type: ignore[union-attr]


async def test_a_stopped_deployment_has_no_process_and_starts_again(place: Place) -> None:
    place.driver.apply(service(), runtime())
    await place.ready()
    place.driver.apply(service(stop=True), runtime())
    await place.until(lambda: place.seen[KEY].reason == "Stopped" and not place.pids())
    assert place.seen[KEY].stopped
    place.driver.apply(service(), runtime())
    await place.ready()


async def test_a_new_revision_takes_over_without_a_gap(place: Place) -> None:
    place.driver.apply(service("--say=old"), runtime())
    await place.ready()
    gaps = 0

    def watch() -> bool:
        nonlocal gaps
        endpoint = place.endpoints.get("default", "m")
        gaps += not (endpoint and endpoint.replicas)
        return len(place.pids()) == 1 and place.seen[KEY].ready == 1

    place.driver.apply(service("--say=new"), runtime())
    await place.until(lambda: place.seen[KEY].ready == 0 or place.seen[KEY].serving == 2)
    await place.until(watch)
    assert gaps == 0
    assert (await place.ask())["say"] == "new"


async def test_the_strategy_recreate_ends_the_old_before_the_new_begins(place: Place) -> None:
    recreate = {"deploymentStrategy": {"type": "Recreate"}}
    place.driver.apply(service("--say=old", **recreate), runtime())
    await place.ready()
    (old,) = place.pids()
    place.driver.apply(service("--say=new", **recreate), runtime())

    def watch() -> bool:
        pids = place.pids()
        assert len(pids) <= 1
        return old not in pids and place.seen[KEY].ready == 1

    await place.until(watch)
    assert (await place.ask())["say"] == "new"


async def test_a_replica_that_is_killed_is_started_again(place: Place) -> None:
    place.driver.apply(service(), runtime())
    await place.ready()
    (pid,) = place.pids()
    os.kill(pid, signal.SIGKILL)
    await place.until(lambda: place.seen[KEY].failure is not None and place.seen[KEY].ready == 1)
    assert place.pids() != {pid}
    failure = place.seen[KEY].failure
    assert failure
    assert (failure.reason, failure.exit_code) == ("RuntimeUnhealthy", 137)
    assert place.fetches == 1


async def test_a_runtime_that_exits_at_once_is_told_with_its_last_lines_and_its_code(place: Place) -> None:
    place.driver.apply(service("--exit=7"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].failure is not None)
    failure = place.seen[KEY].failure
    assert failure
    assert (failure.reason, failure.exit_code) == ("ModelLoadFailed", 7)
    assert "it is a teapot" in failure.message
    assert place.seen[KEY].reason == "BackOff"
    assert "Trying again" in place.seen[KEY].message


async def test_after_three_failures_requests_are_refused_and_a_change_makes_a_fresh_start(
    place: Place,
) -> None:
    place.driver.apply(service("--exit=7"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].blocked)
    endpoint = place.endpoints.get("default", "m")
    assert endpoint
    assert not endpoint.waiting
    place.driver.apply(service(), runtime())
    seen = await place.ready()
    assert not seen.blocked


async def test_a_runtime_that_never_becomes_ready_is_ended(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path, ready_seconds=0.5) as place:
        await place.driver.start([])
        place.driver.apply(service("--never-ready"), runtime())
        await place.until(lambda: KEY in place.seen and place.seen[KEY].failure is not None)
        failure = place.seen[KEY].failure
        assert failure
        assert "did not become ready within 0.5 s" in failure.message
        assert "the tiny runtime begins" in failure.message
        await place.driver.close(stop=True)
        assert not place.pids()


async def test_a_replica_that_ignores_sigterm_is_killed(place: Place) -> None:
    place.driver.apply(service("--stubborn"), runtime())
    await place.ready()
    await place.driver.remove(KEY)
    assert not place.pids()
    assert place.endpoints.get("default", "m") is None


async def test_a_replica_finishes_its_requests_before_it_ends(place: Place) -> None:
    place.driver.apply(service(), runtime())
    await place.ready()
    (replica,) = place.endpoints.get("default", "m").replicas  # type: ignore[union-attr]
    replica.begin()
    answer = asyncio.create_task(place.ask("/slow"))
    removal = asyncio.create_task(place.driver.remove(KEY))
    assert (await answer)["say"] == "hello"
    assert not removal.done()
    replica.end()
    await removal
    assert not place.pids()


async def test_a_runtime_that_cannot_run_here_says_so(place: Place) -> None:
    place.driver.apply(service(), runtime(metadata={"name": "tiny"}))
    await place.until(lambda: KEY in place.seen)
    assert place.seen[KEY].invalid
    assert "does not say how it runs on this machine" in place.seen[KEY].message


async def test_replicas_outlive_the_server_and_the_next_one_finds_them(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path) as first:
        await first.driver.start([])
        first.driver.apply(service(), runtime())
        await first.ready()
        (pid,) = first.pids()
        await first.driver.close(stop=False)
    assert psutil.pid_exists(pid)
    async with a_place(settings, tmp_path) as second:
        await second.driver.start([service()])
        second.driver.apply(service(), runtime())
        await second.ready()
        assert (await second.ask())["pid"] == pid
        assert second.fetches == 0
        os.kill(pid, signal.SIGKILL)
        await second.until(lambda: second.seen[KEY].failure is not None and second.seen[KEY].ready == 1)
        await second.driver.close(stop=True)


async def test_replicas_of_a_deployment_that_is_no_more_are_ended(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path) as first:
        await first.driver.start([])
        first.driver.apply(service(), runtime())
        await first.ready()
        await first.driver.close(stop=False)
    async with a_place(settings, tmp_path) as second:
        await second.driver.start([])
        assert not second.pids()
        await second.driver.close(stop=True)


async def test_logs_tell_what_replicas_printed_also_before_they_were_started_again(place: Place) -> None:
    place.driver.apply(service("--exit=7"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].blocked)
    lines = b"".join([part async for part in place.driver.logs(KEY, replica=None, tail=None, follow=False)])
    assert lines.count(b"it is a teapot") >= 3
    last = b"".join([part async for part in place.driver.logs(KEY, replica=0, tail=1, follow=False)])
    assert last.count(b"\n") == 1


# What it listens on


async def test_a_replica_that_other_machines_can_reach_is_ended(place: Place) -> None:
    place.driver.apply(service("--host=0.0.0.0"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].failure is not None)
    failure = place.seen[KEY].failure
    assert failure
    assert failure.reason == "RuntimeUnhealthy"
    assert "listens on 0.0.0.0:" in failure.message
    assert "forecourt.dev/listens-everywhere: allowed" in failure.message
    assert place.story.count("Loading") >= 1
    assert not place.endpoints.get("default", "m").replicas  # type: ignore[union-attr]
    await place.driver.remove(KEY)
    assert not place.pids()


async def test_one_that_is_allowed_to_by_name_serves(place: Place) -> None:
    allowed = service("--host=0.0.0.0")
    annotations = {"forecourt.dev/listens-everywhere": "allowed"}
    metadata = allowed.metadata.model_copy(update={"annotations": annotations})
    place.driver.apply(service("--host=0.0.0.0"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].failure is not None)
    place.driver.apply(allowed.model_copy(update={"metadata": metadata}), runtime())
    await place.ready()


async def test_a_second_port_counts_as_well(place: Place) -> None:
    place.driver.apply(service("--also-everywhere"), runtime())
    await place.until(lambda: KEY in place.seen and place.seen[KEY].failure is not None)
    assert "can reach it without a token" in place.seen[KEY].failure.message  # type: ignore[union-attr]


# What its runtime says


async def test_a_runtime_may_ask_for_more_time_than_the_setting_gives(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path, ready_seconds=0.01) as place:
        await place.driver.start([])
        annotations = {"forecourt.dev/local-command": f"python {TINY}", "forecourt.dev/local-ready-seconds": "20"}
        place.driver.apply(service(), runtime(metadata={"name": "tiny", "annotations": annotations}))
        assert not (await place.ready()).failure
        await place.driver.close(stop=True)


async def test_what_is_known_of_sources_outlives_the_deployments(settings: Settings, tmp_path: Path) -> None:
    async with a_place(settings, tmp_path) as place:
        await place.driver.start([])
        known, unused = settings.models / ".sources", settings.models / ("a" * 64)
        known.mkdir(parents=True)
        unused.mkdir()
        place.driver.apply(service(), runtime())
        await place.ready()
        await place.driver.remove(KEY)
        assert (known.exists(), unused.exists()) == (True, False)
        await place.driver.close(stop=True)

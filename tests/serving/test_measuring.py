"""What is measured of deployments: it adds up, grows coarse as it grows old, and goes with its deployment."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from forecourt.db import Database
from forecourt.errors import InvalidInput
from forecourt.objects import ObjectStore
from forecourt.processes import cpu_seconds
from forecourt.serving.driver import Key, Running
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.gateway import DURATION_BOUNDS, Counts, Times
from forecourt.serving.measuring import Measurements, Measuring
from forecourt.serving.measuring.sample import Distribution, Sample
from forecourt.serving.measuring.series import RANGES, series
from forecourt.serving.measuring.timeline import HOLD_SECONDS, TIERS, Placed, spread
from forecourt.serving.measuring.tokens import counted
from forecourt.serving.measuring.watched import Reading, Watched
from forecourt.serving.model import InferenceService

DAY = 86400
NOON = 1_795_694_400  # a multiple of all steps

COUNTS = st.integers(0, 1000)
LEVELS = st.floats(0, 1e10).map(lambda value: round(value, 3))
DISTRIBUTIONS = st.dictionaries(st.sampled_from(DURATION_BOUNDS), st.integers(1, 100)).map(
    lambda counts: Distribution(float(sum(counts.values())), counts)
)
SAMPLES = st.builds(
    Sample,
    seconds=st.just(10.0),
    succeeded=COUNTS,
    failed=COUNTS,
    durations=DISTRIBUTIONS,
    first_bytes=DISTRIBUTIONS,
    tokens=st.none() | st.integers(0, 10_000).map(float),
    requests=LEVELS,
    cpu=LEVELS,
    memory=LEVELS,
    replicas=LEVELS,
    held=st.booleans(),
)


def busy(requests: int = 3, seconds: float = 10.0) -> Sample:
    took = Distribution(0.2 * requests, {0.25: requests})
    return Sample(
        seconds, requests, 1, took, took, tokens=50.0, requests=1.0, cpu=5.0, memory=1e9 * seconds, replicas=seconds
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/forecourt.db")
    database.upgrade()
    yield database
    database.close()


@pytest.fixture
def measurements(database: Database) -> Measurements:
    return Measurements(database)


def values(told: dict[str, object], name: str) -> list[float | None]:
    (found,) = (one["values"] for one in told["series"] if one["name"] == name)  # type: ignore[attr-defined]
    return list(found)


@given(SAMPLES)
def test_a_sample_is_read_as_it_was_written(sample: Sample) -> None:
    again = Sample.decode(sample.encode())
    assert (again.succeeded, again.failed, again.tokens, again.held) == (
        sample.succeeded,
        sample.failed,
        sample.tokens,
        sample.held,
    )
    assert again.durations.counts == sample.durations.counts
    assert again.memory == pytest.approx(sample.memory, abs=1)
    assert again.cpu == pytest.approx(sample.cpu, abs=1)


@given(st.lists(SAMPLES, min_size=1, max_size=30), st.sampled_from([60, 120, 600]))
def test_nothing_is_lost_where_samples_are_made_coarse(samples: list[Sample], step: int) -> None:
    placed = [Placed(NOON + 10 * index, 10, sample) for index, sample in enumerate(samples)]
    end = NOON + 600
    made = spread(placed, NOON, end, step)
    assert sum(bucket.sample.succeeded for bucket in made.values()) == sum(one.succeeded for one in samples)
    assert sum(bucket.sample.durations.count for bucket in made.values()) == sum(one.durations.count for one in samples)
    assert sum(bucket.sample.seconds for bucket in made.values()) <= 600 + 1e-6


@given(st.lists(SAMPLES, min_size=1, max_size=60))
def test_it_does_not_matter_by_how_many_steps_samples_became_coarse(samples: list[Sample]) -> None:
    placed = [Placed(NOON + 10 * index, 10, sample) for index, sample in enumerate(samples)]
    at_once = spread(placed, NOON, NOON + 600, 600)[NOON].sample
    minutes = spread(placed, NOON, NOON + 600, 60)
    by_minutes = [Placed(at, 60, bucket.sample) for at, bucket in sorted(minutes.items()) if bucket.seen]
    by_steps = spread(by_minutes, NOON, NOON + 600, 600)[NOON].sample
    assert by_steps.succeeded == at_once.succeeded
    assert by_steps.durations.counts == at_once.durations.counts
    assert by_steps.seconds == pytest.approx(at_once.seconds)


def test_quantiles_are_those_that_prometheus_estimates() -> None:
    took = Distribution(10.0, {0.1: 50, 0.25: 40, 0.5: 10})
    assert took.quantile(0.5, DURATION_BOUNDS) == pytest.approx(0.1)
    assert took.quantile(0.9, DURATION_BOUNDS) == pytest.approx(0.25)
    assert took.quantile(0.95, DURATION_BOUNDS) == pytest.approx(0.375)
    assert Distribution(9e3, {float("inf"): 3}).quantile(0.5, DURATION_BOUNDS) == 600
    assert Distribution().quantile(0.5, DURATION_BOUNDS) is None


def test_an_idle_deployment_goes_on_as_it_was_and_a_dead_server_leaves_a_gap(measurements: Measurements) -> None:
    held = Sample(10.0, memory=1e10, replicas=10.0, held=True)
    measurements.add(NOON - 3000, {"a": busy()})
    measurements.add(NOON - 2990, {"a": held})
    told = series(measurements, "a", "1h", NOON)
    memory, asked = values(told, "memory"), values(told, "requestsSucceeded")
    times = told["times"]
    last = max(at for at, value in zip(times, memory, strict=True) if value is not None)
    assert NOON - 2990 + HOLD_SECONDS <= last <= NOON - 2990 + HOLD_SECONDS + 120
    known = [value for value in asked if value is not None]
    assert known[0] == pytest.approx(3 * 300 / 60)
    assert set(known[1:]) == {0}
    assert {value for value in memory if value is not None} == {1e9}
    assert memory[0] is None
    assert memory[-1] is None


def test_a_month_is_kept_and_stays_small(measurements: Measurements, database: Database) -> None:
    step = 60  # a look a minute is enough to see what becomes of it, and saves five of six
    for start in range(NOON - 2 * DAY, NOON, step):
        measurements.add(start + 50, {"a": busy()})
    with database.snapshot() as session:
        rows = dict[int, int](session.execute(text("SELECT step, count(*) FROM measurements GROUP BY step")).all())
        size = session.execute(text("SELECT sum(length(sample)) FROM measurements")).scalar_one()
    assert rows[3600] == 48
    assert rows[600] == 288
    assert rows[60] <= 25 * 60 + 10
    assert rows[10] <= 70 + 10
    assert size / sum(rows.values()) < 120
    bound = sum(tier.keep // tier.step for tier in TIERS) + 4 * 60
    assert bound < 5000
    for asked, chosen in RANGES.items():
        told = series(measurements, "a", asked, NOON)
        seen = min(chosen.seconds, 2 * DAY)
        assert told["totals"]["requestsSucceeded"] == pytest.approx(seen / step * 3, rel=0.2), asked
        assert len(told["times"]) <= 100


def test_samples_survive_a_restart_in_the_middle_of_a_minute(database: Database) -> None:
    before, after = Measurements(database), Measurements(database)
    for start in range(NOON - 120, NOON - 90, 10):
        before.add(start, {"a": busy()})
    for start in range(NOON - 90, NOON, 10):
        after.add(start, {"a": busy()})
    with database.snapshot() as session:
        found = session.execute(text("SELECT sample FROM measurements WHERE step = 60 ORDER BY start")).scalars()
        assert [Sample.decode(one).succeeded for one in found] == [18, 18]
    assert series(after, "a", "24h", NOON)["totals"]["requestsSucceeded"] == 36


def test_a_clock_that_is_set_back_does_no_harm(measurements: Measurements) -> None:
    measurements.add(NOON, {"a": busy()})
    measurements.add(NOON, {"a": busy(7)})
    assert series(measurements, "a", "1h", NOON + 10)["totals"]["requestsSucceeded"] == 3


def test_what_is_not_known_is_empty_everywhere(measurements: Measurements) -> None:
    told = series(measurements, "nobody", "7d", NOON)
    assert all(set(one["values"]) == {None} for one in told["series"])
    assert told["totals"] == {"requestsSucceeded": 0, "requestsFailed": 0, "tokens": None}


def test_a_range_that_is_none_is_refused(measurements: Measurements) -> None:
    with pytest.raises(InvalidInput, match="range is '1y'") as refused:
        series(measurements, "a", "1y", NOON)
    assert "24h" in refused.value.hint


def test_deployments_that_are_no_more_leave_nothing(measurements: Measurements) -> None:
    measurements.add(NOON, {"a": busy(), "b": busy()})
    measurements.keep_only({"b"})
    assert series(measurements, "a", "1h", NOON + 10)["totals"]["requestsSucceeded"] == 0
    assert series(measurements, "b", "1h", NOON + 10)["totals"]["requestsSucceeded"] == 3
    measurements.forget("b")
    assert series(measurements, "b", "1h", NOON + 10)["totals"]["requestsSucceeded"] == 0


# What is read, and what of it is written down


def replica(ready: bool = True, started: float = 200.0) -> Running:
    return Running("a-0", os.getpid(), "http://127.0.0.1:9", 10**9, ready, started)


def looks(watched: Watched, readings: list[tuple[Reading, list[Running]]]) -> list[Sample | None]:
    return [
        watched.kept(watched.take(now, replicas, 10.0), replicas, NOON + 10 * index)
        for index, (now, replicas) in enumerate(readings)
    ]


def test_an_idle_deployment_is_written_once_and_then_every_ten_minutes() -> None:
    kept = looks(Watched(100.0), [(Reading(cpu={"a-0": 1.0}), [replica()])] * 130)
    written = [index for index, sample in enumerate(kept) if sample]
    assert written == [0, 1, 61, 121]  # what it used until it was first seen is no idling
    assert kept[1]
    assert kept[1].held
    assert kept[1].level(kept[1].memory) == 10**9


def test_a_stopped_deployment_is_not_written_but_that_it_stopped() -> None:
    there = (Reading(cpu={"a-0": 0.0}), [replica()])
    kept = looks(Watched(100.0), [(Reading(), [])] * 3 + [there] + [(Reading(), [])] * 50)
    assert [index for index, sample in enumerate(kept) if sample] == [3, 4]
    assert kept[4] == Sample()


def test_requests_are_counted_from_one_look_to_the_next_and_so_are_tokens() -> None:
    first = Reading(Counts(2, 1, Times(1.0, {0.5: 3})), 1.0, {"a-0": 3.0}, {"a-0": 100.0})
    later = Reading(Counts(6, 1, Times(2.0, {0.5: 3, 1.0: 4})), 3.0, {"a-0": 8.0}, {"a-0": 160.0})
    one, two = looks(Watched(100.0), [(first, [replica()]), (later, [replica()])])
    assert one
    assert two
    assert (one.succeeded, one.failed, one.tokens, one.cpu) == (2, 1, 100.0, 3.0)
    assert (two.succeeded, two.failed, two.tokens, two.cpu) == (4, 0, 60.0, 5.0)
    assert two.durations.counts == {1.0: 4}


def test_what_a_replica_did_under_an_earlier_server_is_not_counted_again() -> None:
    now = Reading(Counts(1), 1.0, {"a-0": 3000.0}, {"a-0": 9_000.0})
    (sample,) = looks(Watched(100.0), [(now, [replica(started=50.0)])])
    assert sample
    assert (sample.tokens, sample.cpu) == (0.0, 0.0)


def test_tokens_are_read_as_each_runtime_tells_them() -> None:
    vllm = b"""# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="a b"} 12.0
vllm:generation_tokens_total{engine="1",model_name="a b"} 30.0
vllm:generation_tokens_created{engine="0"} 1.7e9
"""
    assert counted(vllm) == 42
    assert (
        counted(b"# TYPE x\nllamacpp:tokens_predicted_total 1.5e3\nllamacpp:tokens_predicted_seconds_total 7\n") == 1500
    )
    assert counted(b'{"ready": true}') is None
    assert counted(b"") is None


def test_processor_time_is_that_of_all_in_a_session() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'for i in range(10**9): pass'])"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        end = time.monotonic() + 10
        while cpu_seconds([child.pid]).get(child.pid, 0.0) < 0.15:
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        os.killpg(child.pid, 9)
        child.wait()
    assert cpu_seconds([2**22 + 1]) == {}


def test_a_deployment_that_is_deleted_takes_along_what_was_measured(database: Database) -> None:
    objects, measurements, endpoints = ObjectStore(database), Measurements(database), Endpoints()
    service = InferenceService.from_dict(
        {
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {"predictor": {"model": {"modelFormat": {"name": "x"}}}},
        }
    )

    async def live() -> None:
        made = objects.create(service)
        key = Key.of(made)
        endpoints.publish("default", "a", (), waiting=True)
        async with aiohttp.ClientSession() as session:
            counts = {("default", "a"): Counts(3, 0, Times(0.3, {0.1: 3}), Times(0.1, {0.05: 3}))}
            running = {key: [replica()]}
            work = Measuring(objects, measurements, endpoints, lambda: counts, lambda: running, session)
            task = asyncio.create_task(work.run())
            await asyncio.sleep(0.2)
            await work.look(int(time.time()) // 10 * 10)
            assert series(measurements, key.uid, "1h", time.time())["totals"]["requestsSucceeded"] == 3
            objects.mark_deleted(InferenceService, "default", "a")
            objects.purge(InferenceService, "default", "a", key.uid)
            running.clear()
            for _ in range(100):
                await asyncio.sleep(0.02)
                if not series(measurements, key.uid, "1h", time.time())["totals"]["requestsSucceeded"]:
                    break
            assert series(measurements, key.uid, "1h", time.time())["totals"]["requestsSucceeded"] == 0
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(live())

"""What was measured makes points, and none that is on the front is beaten by another."""

from __future__ import annotations

from catalog.built import built
from catalog.served import entry, metrics, point
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.index import Snapshot
from forecourt.catalog.measured import Point, artifacts_under_load, hardware_of, latencies_of, points, shown
from forecourt.catalog.pareto import front

POINTS = st.lists(st.tuples(st.integers(1, 6).map(float), st.integers(1, 6).map(float)), max_size=12)


def of(snapshot: Snapshot, latency: str = "ttft_p90", of_artifact: str = "") -> list[Point]:
    return points(snapshot, artifacts_under_load(snapshot, 0, of_artifact), latency)


def half(**said: object) -> dict[str, object]:
    return metrics("performance", hardware_type="A100", hardware_count=1, use_case="chat", **said)


def test_the_front_is_what_is_faster_or_takes_more() -> None:
    assert front([(10, 1), (20, 5), (15, 1), (30, 4), (20, 5)]) == {0, 1, 4}
    assert front([]) == set()


@given(POINTS)
def test_no_point_of_the_front_is_beaten_and_every_other_is(given_: list[tuple[float, float]]) -> None:
    best = front(given_)
    for place, (latency, rps) in enumerate(given_):
        beaten = any(
            other_latency <= latency and other_rps >= rps and (other_latency, other_rps) != (latency, rps)
            for other_latency, other_rps in given_
        )
        assert beaten == (place not in best)


def test_an_artifact_with_both_values_is_a_point_and_the_fastest_comes_first() -> None:
    cold = metrics("performance", performance_sub_type="cold-start", ttft_p90=1.0)
    snapshot = built(entry("m", point("L4", ttft=90.0, rps=2.0), point("H100", ttft=30.0, rps=9.0), cold))
    assert [(one.latency, one.rps, one.halves) for one in of(snapshot)] == [(30.0, 9.0, False), (90.0, 2.0, False)]
    assert [one.latency for one in of(snapshot, of_artifact="hardware_type = 'L4'")] == [90.0]


def test_two_halves_of_one_configuration_are_one_point_that_says_so() -> None:
    snapshot = built(entry("m", half(e2e_mean=900.0), half(requests_per_second=4.0, doubt="Copied.")))
    (one,) = of(snapshot, "e2e_mean")
    assert (one.latency, one.rps, one.halves) == (900.0, 4.0, True)
    said = shown(one, [{"e2e_mean": 900.0}, {"requests_per_second": 4.0, "doubt": "Copied."}], "e2e_mean", 10)
    assert (said["e2e_mean"], said["requests_per_second"], said["doubt"]) == (900.0, 4.0, "Copied.")
    assert (said["replicas"], said["totalRps"]) == (3, 12.0)


def test_halves_that_are_there_twice_are_not_put_together() -> None:
    snapshot = built(entry("m", half(e2e_mean=900.0), half(e2e_mean=800.0), half(requests_per_second=4.0)))
    assert [(one.latency, one.rps) for one in of(snapshot, "e2e_mean")] == [(800.0, None), (900.0, None), (None, 4.0)]


def test_latencies_are_those_that_there_are() -> None:
    snapshot = built(entry("m", half(e2e_mean=900.0, itl_p99=3.0)), entry("other", point("H100")))
    assert latencies_of(snapshot, artifacts_under_load(snapshot, 0)) == ["e2e_mean", "itl_p99"]


def test_hardware_is_called_as_its_source_calls_it() -> None:
    assert hardware_of({"hardware_configuration": "2 x H100 SXM", "hardware_type": "H100"}) == "2 x H100 SXM"
    assert hardware_of({"hardware_type": "H100", "hardware_count": 2}) == "2 x H100"
    assert hardware_of({"hardware_type": "H100"}) == "H100"
    assert hardware_of({}) == ""

"""How many replicas there are follows the requests in hand, by Knative's rules; time is told, not waited for."""

from __future__ import annotations

from typing import Any

import pytest
from serving.objects import service

from forecourt.errors import InvalidObject
from forecourt.serving.endpoints import Load
from forecourt.serving.local.scaling import Scale, Scaler
from forecourt.serving.model import InferenceService


class Hours:
    """A load over time: so many requests at a time for so long."""

    def __init__(self, scale: Scale, desired: int = 1) -> None:
        self.scaler = Scaler(scale, desired)
        self.load = Load(last=0.0)
        self.time = 0.0

    def run(self, concurrency: int, seconds: float, ready: int | None = None) -> int:
        self.load._area = self.load.area(self.time)
        if concurrency != self.load.now or concurrency:
            self.load.last = self.time
        self.load.now = concurrency
        for _ in range(round(seconds)):
            self.time += 1
            those = self.scaler.desired if ready is None else ready
            self.scaler.look(self.load, self.time, ready=those, ready_since=0.0)
        return self.scaler.desired


def deployed(annotations: dict[str, str] | None = None, **predictor: Any) -> InferenceService:
    document = service().to_dict()
    document["spec"]["predictor"] |= predictor
    document["metadata"]["annotations"] = annotations or {}
    return InferenceService.from_dict(document)


def test_a_steady_load_has_as_many_replicas_as_it_needs():
    hours = Hours(Scale(1, 10, target=2))
    assert hours.run(7, 120) == 4
    assert hours.run(3, 120) == 2
    assert hours.run(0, 120) == 1


def test_a_burst_counts_at_once_and_its_replicas_stay_for_a_window():
    hours = Hours(Scale(1, 10, target=1, window=60))
    hours.run(1, 60)
    assert hours.run(8, 7) == 8
    assert hours.run(0, 50) == 8
    assert hours.run(0, 70) == 1


def test_the_limits_hold():
    hours = Hours(Scale(2, 3, target=1), desired=2)
    assert hours.run(0, 200) == 2
    assert hours.run(50, 200) == 3


def test_without_a_request_for_a_window_the_last_one_goes():
    hours = Hours(Scale(0, 2, target=1, window=30))
    assert hours.run(1, 10) == 1
    assert hours.run(0, 29) == 1
    assert hours.run(0, 2) == 0
    assert hours.run(1, 1, ready=0) >= 1


def test_one_that_has_just_become_ready_is_given_a_window():
    scaler = Scaler(Scale(0, 1, window=30), 1)
    load = Load(last=0.0)
    assert scaler.look(load, 100.0, ready=1, ready_since=99.0) == 1
    assert scaler.look(load, 128.0, ready=1, ready_since=99.0) == 1
    assert scaler.look(load, 130.0, ready=1, ready_since=99.0) == 0


@pytest.mark.parametrize(
    ("annotations", "predictor", "scale"),
    [
        ({}, {}, Scale(1, 1)),
        ({}, {"minReplicas": 0}, Scale(0, 1)),
        ({}, {"minReplicas": 1, "maxReplicas": 4, "scaleTarget": 10}, Scale(1, 4, target=7)),
        ({}, {"minReplicas": 1, "maxReplicas": 4, "containerConcurrency": 2}, Scale(1, 4, target=1.4)),
        ({"autoscaling.knative.dev/window": "90s"}, {"minReplicas": 0}, Scale(0, 1, window=90)),
        ({"autoscaling.knative.dev/window": "1m30s"}, {"minReplicas": 0}, Scale(0, 1, window=90)),
        ({"autoscaling.knative.dev/target-utilization-percentage": "100"}, {"maxReplicas": 2}, Scale(1, 2, target=100)),
        ({"serving.kserve.io/autoscalerClass": "none"}, {"maxReplicas": 4}, Scale(1, 1)),
    ],
)
def test_what_is_wanted_is_said_as_kserve_and_knative_have_it(annotations, predictor, scale):
    assert Scale.of(deployed(annotations, **predictor)) == scale


@pytest.mark.parametrize(
    ("annotations", "predictor"),
    [
        ({"autoscaling.knative.dev/window": "soon"}, {}),
        ({"autoscaling.knative.dev/target": "0"}, {}),
        ({}, {"maxReplicas": 3, "scaleMetric": "cpu"}),
    ],
)
def test_what_cannot_be_followed_here_is_refused(annotations, predictor):
    with pytest.raises(InvalidObject):
        Scale.of(deployed(annotations, **predictor))


def test_a_load_is_the_time_that_requests_took():
    load = Load(last=10.0)
    load.change(2)
    load.last = 10.0
    assert load.area(13.0) == 6.0

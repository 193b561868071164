"""What is seen of a deployment, told in KServe's words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecourt.serving.status import Failure, Observed, Status, status_of

NOON, LATER = "2026-01-01T12:00:00Z", "2026-01-01T12:05:00Z"
SEEN = Observed("PullingModel", "pulling the model: 41 %", wanted=1, runtime="llamacpp", url="http://x/serving/d/m")
FAILED = Failure("ModelLoadFailed", "The serving runtime ended with exit code 1.", NOON, exit_code=1)


def told(seen: Observed, before: Status | None = None, now: str = NOON) -> Status:
    return status_of(replace(seen, generation=3), before=before or {}, now=now)


def conditions(status: Status) -> dict[str, dict[str, str]]:
    return {condition["type"]: condition for condition in status["conditions"]}


def test_a_deployment_that_pulls_says_how_far_it_is_where_kserve_shows_only_pending() -> None:
    status = told(SEEN)
    predictor = conditions(status)["PredictorReady"]
    assert (predictor["status"], predictor["reason"]) == ("Unknown", "PullingModel")
    assert predictor["message"] == "pulling the model: 41 %"
    assert status["modelStatus"]["transitionStatus"] == "InProgress"
    assert status["modelStatus"]["states"] == {"activeModelState": "Pending", "targetModelState": "Pending"}
    assert status["observedGeneration"] == 3


def test_a_ready_deployment_is_loaded_and_up_to_date() -> None:
    status = told(replace(SEEN, ready=1, serving=1))
    assert {kind: c["status"] for kind, c in conditions(status).items()} == {
        "IngressReady": "True",
        "PredictorReady": "True",
        "Ready": "True",
        "ModelFetched": "Unknown",
        "EnvironmentReady": "Unknown",
    }
    assert status["modelStatus"]["transitionStatus"] == "UpToDate"
    assert status["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "Loaded"}
    assert status["url"] == status["components"]["predictor"]["url"] == "http://x/serving/d/m"
    assert status["clusterServingRuntimeName"] == "llamacpp"


def test_the_model_and_the_environment_say_since_when_they_are_there() -> None:
    status = told(replace(SEEN, fetched=True))
    there = conditions(status)
    assert (there["ModelFetched"]["status"], there["EnvironmentReady"]["status"]) == ("True", "Unknown")
    assert there["ModelFetched"]["lastTransitionTime"] == NOON
    assert "ModelFetched" not in conditions(told(replace(SEEN, stopped=True, fetched=True)))


def test_an_update_keeps_the_active_model_loaded_while_the_target_loads() -> None:
    status = told(replace(SEEN, serving=1, loading=True))
    assert status["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "Loading"}


@pytest.mark.parametrize(
    ("change", "transition"), [({"blocked": True}, "BlockedByFailedLoad"), ({"invalid": True}, "InvalidSpec")]
)
def test_a_failure_is_told_with_its_reason_and_exit_code(change: dict[str, bool], transition: str) -> None:
    status = told(replace(SEEN, failure=FAILED, failed=1, **change))
    assert status["modelStatus"]["transitionStatus"] == transition
    assert status["modelStatus"]["states"]["targetModelState"] == "FailedToLoad"
    assert status["modelStatus"]["lastFailureInfo"] == {
        "reason": "ModelLoadFailed",
        "message": FAILED.message,
        "time": NOON,
        "exitCode": 1,
    }
    assert conditions(status)["Ready"]["status"] == "False"


def test_a_stopped_deployment_has_the_condition_stopped() -> None:
    stopped = conditions(told(replace(SEEN, stopped=True, reason="Stopped", message="stopped", wanted=0)))
    assert stopped["Stopped"]["status"] == "True"
    assert stopped["Ready"]["status"] == "False"
    assert "Stopped" not in conditions(told(SEEN))


def test_a_transition_time_changes_only_with_the_status_of_its_condition() -> None:
    first = told(SEEN)
    second = told(replace(SEEN, message="pulling the model: 80 %"), first, LATER)
    assert conditions(second)["Ready"]["lastTransitionTime"] == NOON
    third = told(replace(SEEN, ready=1, serving=1), second, LATER)
    assert conditions(third)["Ready"]["lastTransitionTime"] == LATER
    assert conditions(third)["IngressReady"]["lastTransitionTime"] == NOON


@pytest.mark.parametrize(("wanted", "ready", "available"), [(1, 0, False), (2, 1, False), (4, 3, True), (8, 5, False)])
def test_three_quarters_of_the_replicas_are_enough_as_for_a_kubernetes_deployment(
    wanted: int, ready: int, available: bool
) -> None:
    assert replace(SEEN, wanted=wanted, ready=ready).available is available

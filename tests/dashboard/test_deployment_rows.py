"""What a row says of an `InferenceService`: pure functions, for whatever its status says."""

from __future__ import annotations

from typing import Any

import pytest

from forecourt.dashboard.deployments.changes import compared
from forecourt.dashboard.deployments.rows import ordered, row_of
from forecourt.dashboard.deployments.snippets import snippets
from forecourt.dashboard.deployments.state import state_of, steps_of

STOP = {"serving.kserve.io/stop": "true"}
URL = "http://127.0.0.1:8080/serving/default/granite"


def service(
    ready: str = "Unknown", reason: str = "", message: str = "", *, model: Any = None, **metadata: Any
) -> dict[str, Any]:
    """A deployment with a status."""
    said = {"status": ready, "reason": reason, "message": message, "lastTransitionTime": "2026-01-02T03:04:05Z"}
    return {
        "metadata": {"name": "granite", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"} | metadata,
        "spec": {"predictor": {"model": {"modelFormat": {"name": "gguf"}, "storageUri": "oci://x/y:1"}}},
        "status": {
            "conditions": [
                {"type": "IngressReady", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"},
                {"type": "PredictorReady"} | said,
                {"type": "Ready"} | said,
            ],
            "url": URL,
            "address": {"url": URL},
            "modelStatus": {"transitionStatus": "InProgress"} | (model or {}),
        },
    }


FAILED = {
    "states": {"activeModelState": "FailedToLoad", "targetModelState": "FailedToLoad"},
    "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "It ended, last printing:\nboom", "location": "a-0"},
}
REDEPLOYING = {"states": {"activeModelState": "Loaded", "targetModelState": "Pending"}}


@pytest.mark.parametrize(
    ("item", "name", "message"),
    [
        (service("True"), "Ready", ""),
        (service("True", "Asleep", "asleep"), "Sleeping", "Scaled to zero: the next request wakes it."),
        (service("Unknown", "PullingModel", "pulling the model: 34 %"), "Starting", "Pulling the model: 34 %"),
        (service("Unknown", "Loading", "loading", model=REDEPLOYING), "Starting", "Redeploying: loading"),
        (service("False", "BackOff", model=FAILED), "Failed", "It ended"),
        (service("False", "Stopping", "waiting for 1 replicas to end", annotations=STOP), "Stopping", None),
        (service("True", annotations=STOP), "Stopping", ""),
        (service("True", deletionTimestamp="2026-01-01T00:00:00Z"), "Deleting", None),
        ({"metadata": {"name": "a", "namespace": "b"}}, "Starting", "Waiting for the server to take it up."),
    ],
)
def test_a_state_is_one_of_openshift_ais_words(item: dict[str, Any], name: str, message: str | None) -> None:
    state = state_of(item)
    assert state.name == name
    if message is not None:
        assert state.message == message


def test_one_that_is_stopped_says_so_once_nothing_runs() -> None:
    item = service("False", "Stopped", "stopped", annotations=STOP)
    item["status"]["conditions"].append({"type": "Stopped", "status": "True"})
    assert state_of(item).name == "Stopped"
    assert [one["progress"] for one in steps_of(item)][1:4] == ["pending"] * 3


def test_what_has_failed_says_what_to_do() -> None:
    assert "log" in state_of(service("False", model=FAILED)).hint


@pytest.mark.parametrize(
    ("item", "progress"),
    [
        (service("True"), ["success"] * 6),
        (
            service("Unknown", "PullingModel", "pulling the model: 1 %; creating the environment: torch"),
            ["success", "current", "current", "pending", "success", "pending"],
        ),
        (service("Unknown", "CreatingEnvironment"), ["success", "success", "current", "pending", "success", "pending"]),
        (service("Unknown", "Loading"), ["success", "success", "success", "current", "success", "pending"]),
        (service("False", "BackOff", model=FAILED), ["success", "success", "success", "failed", "success", "pending"]),
        (
            service("False", "BackOff", model=FAILED | {"lastFailureInfo": {"message": "No such image."}}),
            ["success", "failed", "pending", "pending", "success", "pending"],
        ),
    ],
)
def test_the_steps_say_how_far_it_is(item: dict[str, Any], progress: list[str]) -> None:
    assert [one["progress"] for one in steps_of(item)] == progress


def test_steps_that_are_done_have_their_times() -> None:
    steps = {one["title"]: one["time"] for one in steps_of(service("True"))}
    assert steps["Deployment requested"] == "2026-01-01T00:00:00Z"
    assert steps["Deployment ready"] == "2026-01-02T03:04:05Z"


def test_the_external_endpoint_is_there_only_where_other_machines_reach_it() -> None:
    item = service("True")
    assert row_of(item)["endpoints"]["external"] == ""
    item["metadata"]["labels"] = {"networking.kserve.io/visibility": "exposed"}
    assert row_of(item)["endpoints"]["external"] == ""  # the server listens on its own machine
    item["status"]["url"] = "https://models.example.com/serving/default/granite"
    assert row_of(item)["endpoints"]["external"] == "https://models.example.com/serving/default/granite"
    assert row_of(item)["endpoints"]["state"] == "available"
    assert row_of(service("Unknown", "Loading"))["endpoints"]["state"] == "pending"
    assert row_of(service("False", model=FAILED))["endpoints"]["state"] == "unavailable"


def test_a_project_means_its_own_runtime_and_profile_first() -> None:
    item = service("True", annotations={"opendatahub.io/hardware-profile-name": "small"})
    item["status"]["servingRuntimeName"] = "llamacpp"

    def named(name: str, namespace: str, **annotations: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": namespace, "annotations": annotations}}

    runtimes = [
        named("llamacpp", "other", **{"openshift.io/display-name": "Theirs"}),
        named("llamacpp", "default", **{"openshift.io/display-name": "Ours", "opendatahub.io/runtime-version": "v1"}),
    ]
    profiles = [named("small", "opendatahub", **{"opendatahub.io/display-name": "Small"})]
    row = row_of(item, runtimes=runtimes, profiles=profiles)
    assert row["runtime"] == {"name": "llamacpp", "title": "Ours", "version": "v1"}
    assert row["profile"] == {"name": "small", "title": "Small"}


def test_rows_are_sorted_by_a_column_and_then_by_their_names() -> None:
    items = [service("True", name=name) for name in ("b", "a", "c")]

    def names(key: str, **also: Any) -> list[str]:
        return [one["metadata"]["name"] for one in ordered(items, key, **also)]

    assert names("status", descending=True) == ["a", "b", "c"]
    assert names("name", descending=True) == ["c", "b", "a"]
    assert names("project", descending=False, projects={"default": "Ours"}) == ["a", "b", "c"]
    items[1]["metadata"]["namespace"] = "zoo"
    assert names("project", descending=False) == ["b", "c", "a"]
    assert names("project", descending=False, projects={"default": "Ours", "zoo": "Animals"}) == ["a", "b", "c"]


def test_code_for_a_protected_deployment_sends_its_token() -> None:
    item = service("True")
    code = {one["id"]: one["code"] for one in snippets(item, row_of(item)["endpoints"], protected=True)}
    assert "Authorization: Bearer $TOKEN" in code["curl"]
    assert 'os.environ["TOKEN"]' in code["python"]
    compile(code["python"], "snippet", "exec")


def test_compared_texts_say_what_went_and_what_came() -> None:
    found = compared("a\nb\n--- c\n", "a\nB\n--- c\n")
    assert [one["sign"] for one in found] == ["@", " ", "-", "+", " "]
    assert compared("a", "a") == []


def test_the_conditions_of_the_model_and_the_environment_come_before_what_a_reason_hints_at() -> None:
    item = service("Unknown", "PullingModel", "pulling the model: 99 %")
    since = "2026-01-01T00:00:09Z"
    item["status"]["conditions"] += [
        {"type": "ModelFetched", "status": "Unknown"},
        {"type": "EnvironmentReady", "status": "True", "lastTransitionTime": since},
    ]
    steps = steps_of(item)
    assert [one["progress"] for one in steps[1:4]] == ["current", "success", "pending"]
    assert steps[2]["time"] == since

"""How a deployment is doing, in OpenShift AI's words, and the steps on its way to being ready.

KServe's conditions and `modelStatus` say it; where one waits, the reason and message of `PredictorReady` say for what.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from forecourt.dashboard.calls import Document
from forecourt.dashboard.deployments.reading import at, condition, is_stopped
from forecourt.dashboard.wording import sentence

Name = Literal["Stopped", "Stopping", "Starting", "Ready", "Failed", "Sleeping", "Deleting", "Unknown"]
Progress = Literal["success", "current", "pending", "failed", "warning"]

_TO_DO = {
    "InvalidPredictorSpec": "Edit the deployment, or make room for it.",
    "NoSupportingRuntime": "Edit the deployment and choose a serving runtime that serves this format.",
    "RuntimeNotRecognized": "Edit the deployment and choose a serving runtime that there is.",
    "RuntimeDisabled": "Enable the serving runtime in the settings, or edit the deployment and choose another.",
    "ModelLoadFailed": "Read the end of its log, then edit the deployment.",
    "RuntimeUnhealthy": "Read the end of its log, then edit the deployment.",
}


@dataclass(frozen=True, slots=True)
class State:
    """One of OpenShift AI's words, what it waits for or has failed with, and what to do about it."""

    name: Name
    message: str = ""
    hint: str = ""

    def to_dict(self) -> Document:
        """Return it as JSON has it."""
        return asdict(self)


def state_of(item: Document) -> State:
    """Return how a deployment is doing."""
    if at(item, "metadata", "deletionTimestamp"):
        return State("Deleting", "Its replicas end, then it is gone.")
    predictor, ready = condition(item, "PredictorReady"), condition(item, "Ready")
    if is_stopped(item):
        if condition(item, "Stopped").get("status") == "True" and predictor.get("reason") != "Stopping":
            return State("Stopped")
        return State("Stopping", sentence(predictor.get("message")))
    if ready.get("status") == "True":
        if ready.get("reason") == "Asleep":
            return State("Sleeping", "Scaled to zero: the next request wakes it.")
        return State("Ready", str(ready.get("message") or ""))
    model = at(item, "status", "modelStatus") or {}
    if at(model, "states", "targetModelState") == "FailedToLoad":
        failure = model.get("lastFailureInfo") or {}
        message = str(failure.get("message") or predictor.get("message") or "").partition("\n")[0]
        message = message.removesuffix(", last printing:")
        reason = str(failure.get("reason") or predictor.get("reason") or "")
        return State("Failed", sentence(message), _TO_DO.get(reason, "Read the end of its log, then edit it."))
    if not item.get("status"):
        return State("Starting", "Waiting for the server to take it up.")
    message = str(predictor.get("message") or "").replace(", last printing: Trying", ". Trying")
    if at(model, "states", "activeModelState") == "Loaded":
        message = f"Redeploying: {message}" if message else "Redeploying"
    return State("Starting", sentence(message))


def steps_of(item: Document) -> list[Document]:
    """Return the steps from the request to a deployment that is ready: title, progress, time (if known), message."""
    state = state_of(item)
    predictor, ready = condition(item, "PredictorReady"), condition(item, "Ready")
    fetched, made = _preparation(item, state)
    ingress = condition(item, "IngressReady")
    there = predictor.get("status") == "True" and not is_stopped(item)
    if there:
        loaded: Progress = "success"
    elif state.name == "Failed" and fetched == made == "success":
        loaded = "failed"
    else:
        loaded = "current" if fetched == made == "success" and state.name == "Starting" else "pending"
    up: Progress = "success" if ready.get("status") == "True" and not is_stopped(item) else "pending"
    route: Progress = "success" if ingress.get("status") == "True" else "pending"
    steps: list[tuple[str, Progress, Any]] = [
        ("Deployment requested", "success", at(item, "metadata", "creationTimestamp")),
        ("Model fetched", fetched, condition(item, "ModelFetched").get("lastTransitionTime")),
        ("Environment made", made, condition(item, "EnvironmentReady").get("lastTransitionTime")),
        ("Predictor ready", loaded, predictor.get("lastTransitionTime")),
        ("Ingress ready", route, ingress.get("lastTransitionTime")),
        ("Deployment ready", up, ready.get("lastTransitionTime")),
    ]
    told = state.message if state.name in ("Starting", "Failed") else ""
    stands = next((title for title, progress, _ in steps if progress in ("current", "failed")), "")
    return [
        {
            "title": title,
            "progress": progress,
            "time": time if progress in ("success", "failed") else None,
            "message": told if title == stands else "",
        }
        for title, progress, time in steps
    ]


def _preparation(item: Document, state: State) -> tuple[Progress, Progress]:
    """Say how far the model and the environment are, which come at the same time."""
    if state.name in ("Ready", "Sleeping"):
        return "success", "success"
    if state.name not in ("Starting", "Failed"):
        return "pending", "pending"
    stuck: Progress = "failed" if state.name == "Failed" else "current"
    if told := condition(item, "ModelFetched").get("status"):
        there = told == "True", condition(item, "EnvironmentReady").get("status") == "True"
        if all(there) or state.name == "Starting":
            return "success" if there[0] else "current", "success" if there[1] else "current"
        return ("success", "failed") if there[0] else ("failed", "success" if there[1] else "pending")
    predictor = condition(item, "PredictorReady")  # of a server that does not say these two, on a cluster
    reason, message = predictor.get("reason"), str(predictor.get("message") or "")
    if reason == "PullingModel":
        return "current", "current" if "creating the environment" in message else "success"
    if reason == "CreatingEnvironment":
        return "success", "current"
    if reason in ("Pending", None):
        return "current", "pending"
    failure = at(item, "status", "modelStatus", "lastFailureInfo") or {}
    if reason == "InvalidSpec":
        return "failed", "pending"
    if failure and not failure.get("location") and reason not in ("DoesNotFit", "Loading", "WaitingForAccelerator"):
        # It failed before there was a replica: the model did not come, or the environment could not be made.
        of_uv = "environment" in str(failure.get("message") or "").partition("\n")[0].lower()
        return ("success", stuck) if of_uv else (stuck, "pending")
    return "success", "success"

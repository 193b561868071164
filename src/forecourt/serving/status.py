"""From what a driver sees of a deployment to the status of its `InferenceService`, in KServe's words.

Conditions and `modelStatus` are KServe's (pkg/apis/serving/v1beta1/inference_service_status.go). Where KServe shows
only ``Pending``, the condition `PredictorReady` says here in its reason and message what is waited for, and two
conditions of our own, `ModelFetched` and `EnvironmentReady`, say since when these are done. A pure function of what is
seen, so that every driver tells the same story.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Status = dict[str, Any]

IMAGE = "forecourt.dev/image"
"""The annotation of a status that says which ModelCar is served: ``registry/repository@sha256:…``."""
_WHOLE = 100  # percent


@dataclass(frozen=True, slots=True)
class Failure:
    """The last thing that went wrong with a deployment.

    `reason` is one of KServe's FailureReason values; `time` is RFC 3339 in UTC; `exit_code` a process's, if known.
    """

    reason: str
    message: str
    time: str
    exit_code: int | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a driver sees of one deployment.

    `wanted`, `ready` and `failed` count replicas of the revision that is asked for; `serving` counts all that answer,
    of earlier revisions too. `reason` (CamelCase) and `message` say what it waits for. `blocked` says that it keeps
    failing, `invalid` that trying again cannot help before the object changes.
    """

    reason: str
    message: str
    wanted: int = 0
    ready: int = 0
    serving: int = 0
    failed: int = 0
    stopped: bool = False
    loading: bool = False
    fetched: bool = False
    made: bool = False
    """Whether the model is there, and the environment that it runs in."""
    blocked: bool = False
    invalid: bool = False
    failure: Failure | None = None
    generation: int = 1
    """Of the object that was acted upon, so that a report which a change has overtaken does not pass for news of it."""
    runtime: str = ""
    runtime_is_namespaced: bool = False
    url: str = ""
    address: str = ""
    """Where other machines reach it, where they do; and where this one does, in any case."""
    warning: tuple[str, str] = ("", "")
    """A reason (CamelCase) and a sentence about something that may go wrong although all is well now."""
    asleep: bool = False
    """Whether it has no replicas for want of requests."""
    percent: int = 100
    """How many percent of the requests the revision that is asked for has; less beside the one that it is to follow."""
    image: str = ""
    """The ModelCar that its model came as, by its digest."""

    @property
    def available(self) -> bool:
        """Whether enough replicas are ready: all but a quarter, rounded down, as a Kubernetes Deployment has it."""
        return not self.stopped and self.ready >= self.wanted - self.wanted // 4


def status_of(seen: Observed, *, before: Status, now: str, revision: str = "") -> Status:
    """Return the status to write; `before` is the one that stands, whose transition times are kept.

    `revision` is the name of the one that was seen; without it what the status says of revisions stays as it is.
    """
    ready = seen.available
    state, reason, message = ("True", "", "") if ready else ("False", seen.reason, seen.message)
    if seen.asleep:
        reason, message = seen.reason, seen.message
    elif ready and not seen.stopped:
        reason, message = seen.warning
    if not (ready or seen.stopped or seen.blocked or seen.invalid):
        state = "Unknown"
    conditions = [
        {"type": kind, "status": state, "reason": reason, "message": message}
        for kind in ("IngressReady", "PredictorReady", "Ready")
    ]
    # The gateway's route stands as soon as the object does; it needs no model to be there.
    conditions[0] |= {"status": "False" if seen.stopped else "True", "reason": "", "message": ""}
    if seen.stopped:
        conditions.append({"type": "Stopped", "status": "True", "reason": "", "message": ""})
    else:
        for kind, done in (("ModelFetched", seen.fetched), ("EnvironmentReady", seen.made)):
            conditions.append({"type": kind, "status": "True" if done else "Unknown", "reason": "", "message": ""})
    earlier = {condition["type"]: condition for condition in before.get("conditions", [])}
    status: Status = {
        "observedGeneration": seen.generation,
        "deploymentMode": "Standard",
        "conditions": [
            _without_empty(condition | {"lastTransitionTime": _transition(condition, earlier, now)})
            for condition in conditions
        ],
        "modelStatus": _model_status(seen),
        "url": seen.url,
        "address": {"url": seen.address or seen.url},
        "components": {
            "predictor": {"url": seen.url, "restUrl": seen.url}
            | _revisions(seen, (before.get("components") or {}).get("predictor") or {}, revision)
        },
    }
    if image := seen.image or (before.get("annotations") or {}).get(IMAGE):
        status["annotations"] = {IMAGE: image}
    if seen.runtime:
        status["servingRuntimeName" if seen.runtime_is_namespaced else "clusterServingRuntimeName"] = seen.runtime
    return status


def _model_status(seen: Observed) -> Status:
    if seen.stopped:
        return {"transitionStatus": "UpToDate", "copies": {"failedCopies": 0, "totalCopies": 0}}
    if seen.available:
        target, transition = "Loaded", "UpToDate"
    elif seen.invalid:
        target, transition = "FailedToLoad", "InvalidSpec"
    elif seen.blocked:
        target, transition = "FailedToLoad", "BlockedByFailedLoad"
    else:
        target, transition = "Loading" if seen.loading else "Pending", "InProgress"
    status: Status = {
        "transitionStatus": transition,
        "states": {
            "activeModelState": "Standby" if seen.asleep else "Loaded" if seen.serving else target,
            "targetModelState": target,
        },
        "copies": {"failedCopies": seen.failed, "totalCopies": seen.serving},
    }
    if seen.failure:
        info = {"location": seen.failure.location, "message": seen.failure.message, "time": seen.failure.time}
        status["lastFailureInfo"] = {"reason": seen.failure.reason} | _without_empty(info)
        if seen.failure.exit_code is not None:
            status["lastFailureInfo"]["exitCode"] = seen.failure.exit_code
    return status


def _revisions(seen: Observed, before: Status, revision: str) -> Status:
    """Return what the status says of revisions, as KServe does: the newest, the one rolled out, the shares."""
    names = ("latestCreatedRevision", "latestReadyRevision", "latestRolledoutRevision", "previousRolledoutRevision")
    told: Status = {name: before[name] for name in (*names, "traffic") if name in before}
    if not revision:
        return told
    told["latestCreatedRevision"] = revision
    rolled_out = told.get("latestRolledoutRevision")
    if seen.available:
        told["latestReadyRevision"] = revision
        if seen.percent == _WHOLE and rolled_out != revision:
            told["latestRolledoutRevision"] = revision
            if rolled_out:
                told["previousRolledoutRevision"] = rolled_out
    told["traffic"] = [{"revisionName": revision, "percent": seen.percent, "latestRevision": True}]
    if seen.percent < _WHOLE and rolled_out:
        told["traffic"].append({"revisionName": rolled_out, "percent": _WHOLE - seen.percent, "latestRevision": False})
    return told


def _transition(condition: dict[str, str], earlier: dict[str, dict[str, str]], now: str) -> str:
    last = earlier.get(condition["type"])
    return last["lastTransitionTime"] if last and last["status"] == condition["status"] else now


def _without_empty(values: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}

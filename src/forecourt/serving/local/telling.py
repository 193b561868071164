"""What is seen of a deployment on this machine, for its status: counts, and what it waits for as a sentence."""

from __future__ import annotations

from typing import Protocol

from forecourt.errors import InvalidObject
from forecourt.serving.local.replicas import Replicas
from forecourt.serving.local.revision import Revision
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.status import Observed


class Deployed(Protocol):
    """What is asked of a deployment."""

    service: InferenceService
    runtime: ServingRuntime
    replicas: Replicas
    current: Revision | None
    stable: Revision | None
    invalid: InvalidObject | None

    @property
    def wanted(self) -> int:
        """How many replicas of a revision are to be there."""

    @property
    def asleep(self) -> bool:
        """Whether it waits for a request to wake it."""

    @property
    def canary_percent(self) -> int:
        """How many percent of the requests the current revision has."""


def observe(deployment: Deployed, url: str, address: str) -> Observed:
    """Return what is seen of it; it answers at `url`, and for this machine at `address`."""
    current, revision, service = deployment.replicas.of(deployment.current), deployment.current, deployment.service
    reason, message = _reason(deployment, len(current))
    hindrance = revision.hindrance if revision and deployment.wanted else None
    return Observed(
        reason,
        message,
        wanted=deployment.wanted,
        ready=sum(replica.ready for replica in current),
        serving=len(deployment.replicas.ready),
        failed=max(0, deployment.wanted - len(current)) if revision and revision.backoff.failures else 0,
        stopped=service.stopped or (not deployment.wanted and not deployment.asleep),
        asleep=deployment.asleep,
        loading=bool(current),
        fetched=bool(current) or bool(revision and revision.fetched),
        made=bool(current) or bool(revision and revision.made),
        blocked=bool(revision and revision.backoff.blocked) or bool(hindrance and hindrance.failure),
        invalid=deployment.invalid is not None or bool(hindrance and not hindrance.ever),
        failure=(hindrance and hindrance.failure) or (revision.failure if revision else None),
        warning=revision.warning if revision and current else ("", ""),
        generation=service.metadata.generation or 1,
        runtime=deployment.runtime.metadata.name or "",
        runtime_is_namespaced=deployment.runtime.kind == "ServingRuntime",
        url=url,
        address=address,
        percent=deployment.canary_percent,
        image=next((replica.process.labels.get("image", "") for replica in current), ""),
    )


def _reason(deployment: Deployed, current: int) -> tuple[str, str]:
    ending, revision = len(deployment.replicas.retiring), deployment.current
    if deployment.asleep:
        return "Asleep", "asleep: the next request wakes it"
    if not deployment.wanted:
        return ("Stopping", f"waiting for {ending} replicas to end") if ending else ("Stopped", "stopped")
    if deployment.invalid:
        return "InvalidSpec", deployment.invalid.message
    if revision is None:
        return "Pending", ""
    if revision.failure and revision.backoff.remaining:
        first_line = revision.failure.message.partition("\n")[0]
        reason = "OOMKilled" if first_line.startswith("OOMKilled: ") else "BackOff"
        return reason, f"{first_line} Trying again {revision.backoff.pause:.0f} s later."
    if revision.hindrance:
        return revision.hindrance.reason, revision.hindrance.message
    if revision.preparing:
        return revision.waiting
    if revision.failure and current < deployment.wanted:
        return "Restarting", "starting a replica again"
    ready = len(deployment.replicas.ready)
    return "Loading", f"loading the model: {ready} of {deployment.wanted} replicas are ready"

"""Whether a replica can be started now, and with what: looked at when the model has come, before there is a process."""

from __future__ import annotations

from dataclasses import dataclass

from forecourt.objects import now
from forecourt.serving.fit import OVERCOMMIT, TIGHT, Estimate, Room, judge
from forecourt.serving.local.claims import Claims, labels
from forecourt.serving.local.plan import ALLOWED, Plan
from forecourt.serving.model import InferenceService
from forecourt.serving.status import Failure

DOES_NOT_FIT, IS_TIGHT, NO_ACCELERATOR = "DoesNotFit", "MemoryIsTight", "WaitingForAccelerator"


@dataclass(frozen=True, slots=True)
class Start:
    """What a replica starts with: its accelerators, labels that say what it takes, the memory that is left beside it.

    `warning` is a reason and a sentence; both are empty where all is well.
    """

    devices: tuple[int, ...]
    labels: dict[str, str]
    spare: int
    warning: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a replica is not started. `ever` says that it may be when others give something up; it is looked at again."""

    reason: str
    message: str
    ever: bool
    failure: Failure | None = None

    def like(self, other: Hindrance | None) -> bool:
        """Whether the two say the same: what is free goes up and down all the time, and is no news."""
        return other is not None and (self.reason, self.ever) == (other.reason, other.ever)


def _spare(need: Estimate, room: Room) -> int:
    """Return what a replica may take beyond what it needs: half of what is left, and no more than its limit allows."""
    if not need.growth:
        return 0
    left = (room.free - need.private) // 2
    if room.limit:
        left = min(left, round(room.limit * TIGHT) - need.total)
    return max(1, min(need.growth, left))


def look(plan: Plan, claims: Claims, service: InferenceService, *, beside: int = 0) -> Start | Hindrance:
    """Say what a replica would start with, or why it must wait; `beside` replicas of other revisions run meanwhile."""
    kit = plan.recipe.equipment
    devices = claims.devices(kit.accelerator, kit.count, kit.named)
    if devices is None:
        holders = ", ".join(claims.holders(kit.accelerator))
        taken = f"They are taken by {holders}." if holders else "They are taken."
        return Hindrance(
            NO_ACCELERATOR, f"waiting for {kit.count} x {kit.accelerator}: too few are free. {taken}", True
        )
    warning = (IS_TIGHT, "")
    spare = 0
    need = plan.need()
    if need:
        shared = 0 if need.on_device else need.mapped
        room = claims.room(str(plan.model), kit.memory, devices, shared)
        verdict = judge(need, room, beside=beside)
        if not verdict.fits:
            if service.metadata.annotation(OVERCOMMIT) != ALLOWED:
                reason = "ModelLoadFailed" if verdict.ever else "InvalidPredictorSpec"  # KServe's words
                failure = Failure(reason, verdict.sentence, now())
                return Hindrance(DOES_NOT_FIT, verdict.sentence, verdict.ever, failure)
            warning = (IS_TIGHT, f"Started although it does not fit: {verdict.message}")
        elif verdict.tight:
            warning = (IS_TIGHT, verdict.message)
        spare = _spare(need, room)
    if kit.warning:
        warning = ("CPUAffinityIgnored", f"{kit.warning} {warning[1]}".strip())
    said = labels(need, kit.accelerator, devices, exclusive=bool(kit.count))
    return Start(devices, said, spare, warning if warning[1] else ("", ""))

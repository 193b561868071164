"""Going back: a deployment becomes again what it was at an earlier revision, in one step that nothing comes between."""

from __future__ import annotations

from collections.abc import Sequence

from forecourt.errors import Conflict, NotFound
from forecourt.objects import ObjectStore
from forecourt.serving.admission import Admission
from forecourt.serving.history import CAUSE, ControllerRevision, History, at, rolled_out, same
from forecourt.serving.model import InferenceService
from forecourt.serving.validation import validate_service


def roll_back(
    objects: ObjectStore,
    admission: Admission,
    namespace: str,
    name: str,
    revision: int | None = None,
    *,
    cause: str = "",
    dry_run: bool = False,
) -> tuple[InferenceService, ControllerRevision]:
    """Make a deployment what it was at a revision; return it, and that revision.

    Without a number it goes back to what is rolled out beside a canary, or else to what it was before. A canary is over
    then. Raises `NotFound` where there is no such deployment or revision, `Conflict` where it is that already or was
    nothing else, and `InvalidObject` where what it was cannot be any more (its connection is gone).
    """
    found: list[ControllerRevision] = []

    def change(before: InferenceService) -> InferenceService:
        chosen = _chosen(before, History(objects).of(before), revision)
        found[:] = [chosen]
        after = _whole(at(before, chosen))
        notes = dict(after.metadata.annotations or {})
        notes[CAUSE] = cause or f"back to revision {chosen.revision}"
        after = after.with_metadata(annotations=notes)
        validate_service(after, before)
        return admission.kept(after, before)

    if dry_run:
        return change(objects.get(InferenceService, namespace, name)), found[0]
    return objects.update(InferenceService, namespace, name, change), found[0]


def _chosen(
    service: InferenceService, revisions: Sequence[ControllerRevision], number: int | None
) -> ControllerRevision:
    percent = service.spec.predictor.canary_traffic_percent
    if number is None:
        stable = rolled_out(service) if percent is not None and percent < 100 else ""
        earlier = [one for one in revisions if not same(service, one)]
        chosen = next((one for one in earlier if one.name == stable), earlier[-1] if earlier else None)
        if chosen is None:
            raise Conflict(
                f"{service.name} has not been anything else yet.",
                hint=f"See its revisions: forecourt rollout history {service.name} -n {service.namespace}",
            )
        return chosen
    wanted = next((one for one in revisions if one.revision == number), None)
    if wanted is None:
        there = ", ".join(str(one.revision) for one in revisions) or "none yet"
        raise NotFound(
            f"{service.name} has no revision {number}.", hint=f"The revisions that are kept: {there}. Say one of them."
        )
    if same(service, wanted):
        raise Conflict(
            f"{service.name} is what it was at revision {number} already.",
            hint=f"See its revisions: forecourt rollout history {service.name} -n {service.namespace}",
        )
    return wanted


def _whole(service: InferenceService) -> InferenceService:
    """Return a deployment that is no canary."""
    predictor = service.spec.predictor.model_copy(update={"canary_traffic_percent": None})
    return service.model_copy(update={"spec": service.spec.model_copy(update={"predictor": predictor})})

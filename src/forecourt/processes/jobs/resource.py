"""Jobs in the API: what may be asked for, and that only its cancelling may change once it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forecourt.errors import InvalidObject
from forecourt.objects import Resource, validate_metadata
from forecourt.processes.jobs.model import GROUP, Job


def job_resource(types: Mapping[str, Callable[[dict[str, Any]], None]]) -> Resource:
    """Return the kind, for jobs of these types; each has what raises for parameters that it cannot have."""

    def validate(wanted: Job, before: Job | None) -> None:
        validate_metadata(wanted)
        if wanted.spec.type not in types:
            raise InvalidObject(
                f'spec.type: Unsupported value: "{wanted.spec.type}": supported values: {", ".join(sorted(types))}'
            )
        if before is None:
            types[wanted.spec.type](wanted.spec.parameters)
            return
        if wanted.spec.model_copy(update={"cancelled": before.spec.cancelled}) != before.spec:
            raise InvalidObject("spec: Forbidden: a job that was asked for does not change; only spec.cancelled does")
        if before.spec.cancelled and not wanted.spec.cancelled:
            raise InvalidObject("spec.cancelled: Forbidden: what was left off stays so; ask for it again")

    return Resource(Job, GROUP, "v1alpha1", "jobs", validate=validate, lasting=True)

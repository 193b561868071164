"""The kind `Job` (forecourt.dev/v1alpha1): what is to be done, and how far it is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from forecourt.objects import KubernetesObject, Part

GROUP = "forecourt.dev"
JOBS_NAMESPACE = "default"
"""Where jobs are that belong to no project."""

Phase = Literal["Pending", "Running", "Succeeded", "Failed", "Cancelled"]


class JobSpec(Part):
    """What is to be done. `cancelled` is set to have it left off."""

    type: str
    title: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    cancelled: bool = False


class Step(Part):
    """A piece of the work: a file, a blob, an environment. Sizes are in bytes; 0 where it has none."""

    name: str
    total: int = 0
    done: int = 0
    state: Literal["running", "done"] = "running"
    note: str = ""


class JobStatus(Part):
    """How far it is. `message` says what is being done, or what went wrong, and `hint` what to do about that.

    `total` and `done` are bytes of all steps; `steps` are the ones that run and the last that were done.
    """

    phase: Phase = "Pending"
    message: str = ""
    hint: str = ""
    started: str | None = None
    finished: str | None = None
    total: int = 0
    done: int = 0
    steps: list[Step] = Field(default_factory=list)
    attempts: int = 0
    result: dict[str, Any] | None = None


class Job(KubernetesObject):
    """Long work in the background."""

    api_version: Literal["forecourt.dev/v1alpha1"] = "forecourt.dev/v1alpha1"
    kind: Literal["Job"] = "Job"
    spec: JobSpec
    status: JobStatus | None = None

    @property
    def phase(self) -> Phase:
        """Where it is."""
        return self.status.phase if self.status else "Pending"

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.phase in ("Succeeded", "Failed", "Cancelled")

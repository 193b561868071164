"""What a place where models can run offers: the machine in front of you, a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.status import Observed


@dataclass(frozen=True, slots=True)
class Key:
    """Which deployment: two of the same name, one after the other, differ in their uid."""

    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, service: InferenceService) -> Key:
        """Return the key of an object that is stored."""
        metadata = service.metadata
        return cls(metadata.namespace or "default", metadata.name or "", metadata.uid or "")


@dataclass(frozen=True, slots=True)
class Running:
    """A replica that runs: the leader of its processes, its address, the bytes of memory that it was seen to use.

    `started` is in seconds since the epoch.
    """

    id: str
    pid: int
    url: str
    memory: int
    ready: bool
    started: float


Report = Callable[[Key, Observed], None]
"""Told what is seen of a deployment, whenever that changes; called on the event loop."""


Stable = tuple[InferenceService, ServingRuntime]
"""A deployment as it was rolled out last, which goes on beside a canary."""


class Driver(Protocol):
    """Runs deployments. `apply` and `remove` say what is wanted and return at once; what comes of it is reported."""

    async def start(self, services: Sequence[InferenceService]) -> None:
        """Find again what runs of `services`, and end what belongs to none of them."""

    def refusal(self, runtime: ServingRuntime) -> str:
        """Say in a sentence why `runtime` cannot run here; nothing where it can."""
        ...

    def apply(self, service: InferenceService, runtime: ServingRuntime, stable: Stable | None = None) -> None:
        """Make it so that `service` runs with `runtime`; nothing happens where it does already.

        With `stable` it is a canary, which has the share of the requests that it says.
        """

    async def remove(self, key: Key) -> None:
        """End a deployment and return when nothing of it is left."""

    def logs(self, key: Key, *, replica: int | None, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
        """Yield what its replicas printed, and with `follow` what they go on to print."""
        ...

    async def close(self, *, stop: bool) -> None:
        """Stop watching; with `stop`, end every replica too, otherwise they go on without us."""

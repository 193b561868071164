"""The replicas of one deployment on this machine: how each is started, watched, found again and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from forecourt.errors import ForecourtError
from forecourt.processes import Process
from forecourt.serving.driver import Key
from forecourt.serving.local.failure import not_prepared
from forecourt.serving.local.plan import Plan, Recipe
from forecourt.serving.local.probe import ReadinessProbe
from forecourt.serving.local.replica import LocalReplica, free_port
from forecourt.serving.local.revision import Revision
from forecourt.serving.local.site import Site
from forecourt.serving.local.starting import Hindrance, look
from forecourt.serving.model import InferenceService


class Replicas:
    """Those that are there, of all revisions, and those on their way out (`retiring`, by the names of their processes).

    `changed` is called whenever one is ready, is no longer, has ended.
    """

    def __init__(self, key: Key, site: Site, changed: Callable[[], None]) -> None:
        self.retiring: dict[str, asyncio.Task[None]] = {}
        self._there: list[LocalReplica] = []
        self._key = key
        self._site = site
        self._changed = changed

    def __iter__(self) -> Iterator[LocalReplica]:
        return iter(list(self._there))

    def __len__(self) -> int:
        return len(self._there)

    def of(self, revision: Revision | None) -> list[LocalReplica]:
        """Return the replicas of a revision."""
        return [replica for replica in self._there if revision and replica.revision == revision.name]

    @property
    def ready(self) -> list[LocalReplica]:
        """Those that answer."""
        return [replica for replica in self._there if replica.ready]

    def start(self, revision: Revision, plan: Plan, ordinal: int, service: InferenceService) -> None:
        """Start one of a revision and watch it, or note on the revision what hinders that."""
        port = free_port()
        name = f"{self._key.name}-{self._key.uid[:8]}-{revision.name}-{ordinal}"
        if name in self.retiring:  # one of that name is on its way out; its end wakes us
            return
        beside = sum(replica.revision != revision.name for replica in self._there)
        begins = look(plan, self._site.claims, service, beside=beside)
        if isinstance(begins, Hindrance):
            revision.hindered(begins)
            return
        revision.hindrance, revision.warning = None, begins.warning
        labels = begins.labels | {
            "namespace": self._key.namespace,
            "name": self._key.name,
            "uid": self._key.uid,
            "revision": revision.name,
            "ordinal": str(ordinal),
            "port": str(port),
            "model": str(plan.model),
            "image": plan.image,
            "environment": plan.environment.key,
        }
        try:
            process = self._site.processes.start(name, plan.program(port, begins.devices, begins.spare), labels)
        except ForecourtError as error:
            revision.failed(not_prepared(error), steady=False)
            return
        self.watch(process, revision.recipe)

    def watch(self, process: Process, recipe: Recipe | None) -> None:
        """Look after the process of a replica, by what its revision says of it; None where that is not known."""
        self._site.claims.add(process)
        self._there.append(
            LocalReplica(
                process,
                probe=recipe.probe if recipe else ReadinessProbe(),
                session=self._site.session,
                changed=self._changed,
                fenced=not (recipe and recipe.may_listen_everywhere),
                limit=recipe.equipment.memory if recipe else 0,
                weighed=self._site.claims.weigh,
            )
        )

    def forget(self, replica: LocalReplica) -> None:
        """Let go of one that has ended by itself."""
        self._there.remove(replica)

    def retire(
        self, replicas: Iterable[LocalReplica], *, drain: float | None = None, grace: float | None = None
    ) -> None:
        """Take replicas out of service and end them in the background."""
        settings = self._site.settings
        for replica in list(replicas):
            self._there.remove(replica)
            end = replica.retire(
                drain=settings.drain_seconds if drain is None else drain,
                grace=settings.stop_seconds if grace is None else grace,
            )
            name = replica.process.id
            self.retiring[name] = task = asyncio.create_task(end)
            task.add_done_callback(partial(self._retired, name))

    def _retired(self, name: str, _: asyncio.Task[None]) -> None:
        del self.retiring[name]
        self._changed()

    async def end(self) -> None:
        """End all of them; nothing is left when this returns."""
        self.retire(self._there)
        if self.retiring:
            await asyncio.wait(self.retiring.values())

    async def leave(self) -> None:
        """Stop looking after them; they go on."""
        for task in self.retiring.values():
            task.cancel()
        for replica in self._there:
            await replica.leave()

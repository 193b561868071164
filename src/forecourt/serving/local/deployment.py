"""One deployment on this machine: its replicas are brought, step by step, to what is wanted.

A step looks at what there is and does what can be done now: it counts replicas that ended, prepares a new revision,
starts what is missing, retires what is too much. It is repeated whenever something changes, and now and then all the
same, so it does not matter what was missed. A new revision takes over as a Kubernetes Deployment rolls out: one
replica more than wanted, and an old one retires for each new one that is ready (or all before the first, with the
strategy ``Recreate``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from forecourt.errors import ForecourtError, InvalidObject
from forecourt.processes import Process
from forecourt.serving.driver import Key, Report
from forecourt.serving.local.backoff import STEADY_SECONDS, Backoff
from forecourt.serving.local.failure import ended, exposed, never_ready, not_prepared
from forecourt.serving.local.plan import Plan, Recipe
from forecourt.serving.local.probe import ReadinessProbe
from forecourt.serving.local.replica import LocalReplica, free_port
from forecourt.serving.local.site import Site
from forecourt.serving.local.waiting import Waiting
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.status import Failure, Observed

_LOOK_SECONDS = 5.0  # between two steps that nothing asked for

log = logging.getLogger(__name__)


class LocalDeployment:
    """The replicas of one `InferenceService`: `want` says what is to be, and it is made so until `stop` or `leave`."""

    def __init__(self, key: Key, site: Site, report: Report) -> None:
        self.key = key
        self.replicas: list[LocalReplica] = []
        self._site = site
        self._report = report
        self._service = InferenceService()
        self._runtime = ServingRuntime()
        self._invalid: InvalidObject | None = None
        self._recipe: Recipe | None = None
        self._plan: Plan | None = None
        self._preparing: asyncio.Task[Plan] | None = None
        self._waiting = ("Pending", "")
        self._retiring: dict[str, asyncio.Task[None]] = {}
        self._backoff = Backoff()
        self._failure: Failure | None = None
        self._seen: Observed | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What is wanted

    def want(self, service: InferenceService, runtime: ServingRuntime) -> None:
        """Say what is to be; the next step, which is soon, begins to make it so."""
        self._service, self._runtime, self._invalid = service, runtime, None
        try:
            recipe = Recipe.of(service, runtime)
        except InvalidObject as error:
            self._invalid = error
        else:
            if self._recipe is None or recipe.revision != self._recipe.revision:
                self._cancel_preparation()
                self._recipe, self._plan, self._failure = recipe, None, None
                self._backoff.reset()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._changed.set()

    def adopt(self, process: Process) -> None:
        """Take back a replica that an earlier server started; its labels say what it is."""
        self._watch(process)

    async def stop(self) -> None:
        """End every replica; nothing of the deployment is left when this returns."""
        await self._end_task()
        self._site.endpoints.withdraw(self.key.namespace, self.key.name)
        self._retire(self.replicas)
        if self._retiring:
            await asyncio.wait(self._retiring.values())

    async def leave(self) -> None:
        """Stop looking after it; the replicas go on."""
        await self._end_task()
        for task in self._retiring.values():
            task.cancel()
        for replica in self.replicas:
            await replica.leave()

    @property
    def models(self) -> set[Path]:
        """The directories that its replicas, or those to come, read their model from."""
        models = {Path(replica.process.labels["model"]) for replica in self.replicas}
        return models | ({self._plan.model} if self._plan else set())

    @property
    def preparing(self) -> bool:
        """Whether a model is being fetched for it."""
        return self._preparing is not None

    @property
    def _wanted(self) -> int:
        return 0 if self._service.stopped else self._service.replicas

    # Step by step

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            try:
                self._step()
            except Exception:
                log.exception("The deployment %s/%s could not take its next step.", self.key.namespace, self.key.name)
            self._tell()
            pauses = [_LOOK_SECONDS, *(self._left_to_start(replica) for replica in self.replicas)]
            if self._backoff.remaining:
                pauses.append(self._backoff.remaining)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(pauses)):
                    await self._changed.wait()

    def _step(self) -> None:
        self._reap()
        if not self._wanted:
            self._cancel_preparation()
            self._retire(list(self.replicas))
        elif self._recipe and not self._invalid:
            self._scale(self._recipe)

    def _reap(self) -> None:
        """Count the replicas that ended by themselves, and end those that never became ready."""
        for replica in list(self.replicas):
            if replica.gone:
                self.replicas.remove(replica)
                self._failed(ended(replica), steady=replica.was_ready_for >= STEADY_SECONDS)
            elif replica.exposed:
                failure = exposed(replica)
                self._retire([replica], drain=0)
                self._failed(failure, steady=False)
            elif replica.ready_since is None and self._left_to_start(replica) <= 0:
                failure = never_ready(replica, self._ready_seconds)
                self._retire([replica], drain=0)
                self._failed(failure, steady=False)

    def _scale(self, recipe: Recipe) -> None:
        """Start what is missing of the revision that is wanted, retire what is too much, of others too."""
        wanted = self._wanted
        current = [replica for replica in self.replicas if replica.revision == recipe.revision]
        earlier = [replica for replica in self.replicas if replica.revision != recipe.revision]
        missing = sorted(set(range(wanted)) - {replica.ordinal for replica in current})
        self._retire([replica for replica in current if replica.ordinal >= wanted])
        if missing and self._plan is None:
            self._prepare(recipe)
        elif missing and self._plan and not self._backoff.remaining:
            if earlier and self._service.recreates:
                self._retire(earlier)
            elif not (self._retiring and self._service.recreates):
                room = wanted + 1 - len(current) - len(earlier) if earlier else len(missing)
                for ordinal in missing[: max(0, room)]:
                    self._start(self._plan, ordinal)
        ready = sum(replica.ready for replica in current)
        superfluous = len(earlier) - max(0, wanted - ready)
        self._retire(sorted(earlier, key=lambda replica: replica.ready)[: max(0, superfluous)])

    def _prepare(self, recipe: Recipe) -> None:
        if self._preparing or self._backoff.remaining:
            return
        self._waiting = ("Pending", "looking for the model")
        waiting = Waiting(asyncio.get_running_loop(), self._say)
        self._preparing = asyncio.create_task(recipe.prepare(self._site.fetch, self._site.environments, waiting))
        self._preparing.add_done_callback(self._prepared)

    def _prepared(self, task: asyncio.Task[Plan]) -> None:
        if task.cancelled() or task is not self._preparing:
            return
        self._preparing = None
        error = task.exception()
        if error is None:
            self._plan = task.result()
        else:
            if not isinstance(error, ForecourtError):
                log.error("The model could not be prepared.", exc_info=error)
            self._failed(not_prepared(error), steady=False)
        self._changed.set()

    def _start(self, plan: Plan, ordinal: int) -> None:
        port = free_port()
        name = f"{self.key.name}-{self.key.uid[:8]}-{plan.recipe.revision}-{ordinal}"
        if name in self._retiring:  # one of that name is on its way out; its end wakes us
            return
        labels = {
            "namespace": self.key.namespace,
            "name": self.key.name,
            "uid": self.key.uid,
            "revision": plan.recipe.revision,
            "ordinal": str(ordinal),
            "port": str(port),
            "model": str(plan.model),
        }
        try:
            process = self._site.processes.start(name, plan.program(port), labels)
        except ForecourtError as error:
            self._failed(not_prepared(error), steady=False)
            return
        self._watch(process)

    def _watch(self, process: Process) -> None:
        self.replicas.append(
            LocalReplica(
                process,
                probe=self._recipe.probe if self._recipe else ReadinessProbe(),
                session=self._site.session,
                changed=self._changed.set,
                fenced=not (self._recipe and self._recipe.may_listen_everywhere),
            )
        )

    def _retire(self, replicas: Iterable[LocalReplica], *, drain: float | None = None) -> None:
        """Take replicas out of service and end them in the background."""
        settings = self._site.settings
        for replica in list(replicas):
            self.replicas.remove(replica)
            end = replica.retire(drain=settings.drain_seconds if drain is None else drain, grace=settings.stop_seconds)
            name = replica.process.id
            self._retiring[name] = task = asyncio.create_task(end)
            task.add_done_callback(partial(self._retired, name))

    def _retired(self, name: str, _: asyncio.Task[None]) -> None:
        del self._retiring[name]
        self._changed.set()

    def _failed(self, failure: Failure, *, steady: bool) -> None:
        self._failure = failure
        self._backoff.failed(steady=steady)
        log.warning("%s/%s: %s", self.key.namespace, self.key.name, failure.message)

    # Telling others

    def _say(self, reason: str, message: str) -> None:
        self._waiting = (reason, message)
        self._tell()

    def _tell(self) -> None:
        """Tell the gateway where to send requests, and whoever wants to know how things are."""
        seen = self._observe()
        waiting = bool(self._wanted) and not seen.blocked and not seen.invalid
        ready = [replica.endpoint for replica in self.replicas if replica.ready]
        self._site.endpoints.publish(self.key.namespace, self.key.name, ready, waiting=waiting, message=seen.message)
        if seen != self._seen:
            self._seen = seen
            self._report(self.key, seen)

    def _observe(self) -> Observed:
        revision = self._recipe.revision if self._recipe else ""
        current = [replica for replica in self.replicas if replica.revision == revision]
        reason, message = self._reason(len(current))
        return Observed(
            reason,
            message,
            wanted=self._wanted,
            ready=sum(replica.ready for replica in current),
            serving=sum(replica.ready for replica in self.replicas),
            failed=self._backoff.failures and max(0, self._wanted - len(current)),
            stopped=not self._wanted,
            loading=bool(current),
            blocked=self._backoff.blocked,
            invalid=self._invalid is not None,
            failure=self._failure,
            generation=self._service.metadata.generation or 1,
            runtime=self._runtime.metadata.name or "",
            runtime_is_namespaced=self._runtime.kind == "ServingRuntime",
            url=f"{self._site.url}/serving/{self.key.namespace}/{self.key.name}",
        )

    def _reason(self, current: int) -> tuple[str, str]:
        if not self._wanted:
            ending = len(self._retiring)
            return ("Stopping", f"waiting for {ending} replicas to end") if ending else ("Stopped", "stopped")
        if self._invalid:
            return "InvalidSpec", self._invalid.message
        if self._failure and self._backoff.remaining:
            first_line = self._failure.message.partition("\n")[0]
            return "BackOff", f"{first_line} Trying again {self._backoff.pause:.0f} s later."
        if self._preparing:
            return self._waiting
        if self._failure and current < self._wanted:
            return "Restarting", "starting a replica again"
        ready = sum(replica.ready for replica in self.replicas)
        return "Loading", f"loading the model: {ready} of {self._wanted} replicas are ready"

    # Inside

    def _left_to_start(self, replica: LocalReplica) -> float:
        return self._ready_seconds - replica.starting_for

    @property
    def _ready_seconds(self) -> float:
        """How long a replica may take: as the setting says, or longer where its runtime is known to need it."""
        return max(self._site.settings.ready_seconds, self._recipe.ready_seconds if self._recipe else 0.0)

    def _cancel_preparation(self) -> None:
        if self._preparing:
            self._preparing.cancel()
            self._preparing = None

    async def _end_task(self) -> None:
        self._cancel_preparation()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

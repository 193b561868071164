"""One deployment on this machine: its replicas are brought, step by step, to what is wanted.

A step looks at what there is and does what can be done now: it counts replicas that ended, prepares a new revision,
starts what is missing, retires what is too much. It is repeated whenever something changes, and now and then all the
same, so it does not matter what was missed. A new revision takes over as a Kubernetes Deployment rolls out: one
replica more than wanted, and an old one retires for each new one that is ready (or all before the first, with the
strategy ``Recreate``). Where it is a canary, the revision before goes on beside it and has the rest of the requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path

from forecourt.errors import InvalidObject
from forecourt.processes import Process
from forecourt.serving.access import is_exposed
from forecourt.serving.driver import Key, Report, Stable
from forecourt.serving.local.backoff import STEADY_SECONDS
from forecourt.serving.local.failure import ended, exposed, never_ready, out_of_memory
from forecourt.serving.local.plan import Recipe
from forecourt.serving.local.replica import LocalReplica
from forecourt.serving.local.replicas import Replicas
from forecourt.serving.local.revision import Revision
from forecourt.serving.local.scaling import TICK_SECONDS, Scale, Scaler
from forecourt.serving.local.site import Site
from forecourt.serving.local.telling import observe
from forecourt.serving.model import InferenceService, ServingRuntime
from forecourt.serving.status import Observed

_LOOK_SECONDS = 5.0  # between two steps that nothing asked for
_REST_SECONDS = 60.0  # the same where it is stopped, and nothing runs any more

log = logging.getLogger(__name__)


class LocalDeployment:
    """The replicas of one `InferenceService`: `want` says what is to be, and it is made so until `stop` or `leave`."""

    def __init__(self, key: Key, site: Site, report: Report) -> None:
        self.key = key
        self.service = InferenceService()
        self.runtime = ServingRuntime()
        self.invalid: InvalidObject | None = None
        self.current: Revision | None = None
        self.stable: Revision | None = None
        self._site = site
        self._report = report
        self._scaler: Scaler | None = None
        self._seen: Observed | None = None
        self._changed = asyncio.Event()
        self.replicas = Replicas(key, site, self._changed.set)
        self._task: asyncio.Task[None] | None = None

    # What is wanted

    def want(self, service: InferenceService, runtime: ServingRuntime, stable: Stable | None = None) -> None:
        """Say what is to be, and beside which revision; the next step, which is soon, begins to make it so."""
        self.service, self.runtime, self.invalid = service, runtime, None
        try:
            recipe = Recipe.of(service, runtime)
            self._rescale(Scale.of(service))
            before = Recipe.of(*stable) if stable else None
        except InvalidObject as error:
            self.invalid = error
        else:
            self.stable = self._revision(before) if before and before.revision != recipe.revision else None
            self.current = self._revision(recipe)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._changed.set()

    def adopt(self, process: Process) -> None:
        """Take back a replica that an earlier server started; its labels say what it is."""
        known = (each.recipe for each in self._revisions if each.name == process.labels["revision"])
        self.replicas.watch(process, next(known, self.current.recipe if self.current else None))
        if self._scaler:
            self._scaler.desired = max(self._scaler.desired, int(process.labels["ordinal"]) + 1)

    async def stop(self) -> None:
        """End every replica; nothing of the deployment is left when this returns."""
        await self._end_task()
        self._site.endpoints.withdraw(self.key.namespace, self.key.name)
        await self.replicas.end()

    async def leave(self) -> None:
        """Stop looking after it; the replicas go on."""
        await self._end_task()
        await self.replicas.leave()

    @property
    def models(self) -> set[Path]:
        """The directories that its replicas, or those to come, read their model from."""
        models = {Path(replica.process.labels["model"]) for replica in self.replicas}
        return models | {revision.plan.model for revision in self._revisions if revision.plan}

    @property
    def environments(self) -> set[str]:
        """The keys of the environments that its replicas run in, or those to come will."""
        running = {replica.process.labels.get("environment", "") for replica in self.replicas} - {""}
        plans = (revision.plan for revision in self._revisions if revision.plan and not self.service.stopped)
        return running | {plan.environment.key for plan in plans}

    @property
    def preparing(self) -> bool:
        """Whether a model is being fetched for it."""
        return any(revision.preparing for revision in self._revisions)

    @property
    def wanted(self) -> int:
        """How many replicas of a revision are to be there."""
        if self.service.stopped:
            return 0
        return self._scaler.desired if self._scaler else max(self.service.replicas, 0)

    @property
    def asleep(self) -> bool:
        """Whether the last replica went for want of requests; the next one wakes it."""
        return bool(self._scaler) and not self.wanted and not self.service.stopped

    @property
    def canary_percent(self) -> int:
        """How many percent of the requests the current revision has, beside a stable one."""
        percent = self.service.spec.predictor.canary_traffic_percent
        return 100 if percent is None or self.stable is None else percent

    @property
    def _revisions(self) -> list[Revision]:
        return [revision for revision in (self.current, self.stable) if revision]

    def _revision(self, recipe: Recipe) -> Revision:
        """Return the revision of a recipe: one that is known, or a new one, in whose place others leave off."""
        known = next((each for each in self._revisions if each.name == recipe.revision), None)
        if known is None:
            known = Revision(recipe, self._site, self._changed.set, f"{self.key.namespace}/{self.key.name}")
            if self.current and self.current is not self.stable:
                self.current.cancel()
        return known

    def _rescale(self, scale: Scale) -> None:
        if not scale.varies:
            self._scaler = None
        elif self._scaler is None:
            # One to begin with, to see that it runs; not where it slept when the server ended.
            sleeps = self.service.ready and not scale.least and self._seen is None
            self._scaler = Scaler(scale, 0 if sleeps else max(scale.least, 1))
        else:
            self._scaler.scale = scale
            self._scaler.desired = min(max(self._scaler.desired, scale.least), scale.most)

    # Step by step

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._site.claims.look()
                self._step()
            except Exception:
                log.exception("The deployment %s/%s could not take its next step.", self.key.namespace, self.key.name)
            self._tell()
            at_rest = self.service.stopped and not self.replicas and not self.replicas.retiring
            pauses = [_REST_SECONDS if at_rest else _LOOK_SECONDS]
            pauses += [self._left_to_start(replica) for replica in self.replicas]
            pauses += [revision.backoff.remaining for revision in self._revisions if revision.backoff.remaining]
            if self._scaler and not self.service.stopped and not self.asleep:
                pauses.append(TICK_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(pauses)):
                    await self._changed.wait()

    def _step(self) -> None:
        self._reap()
        self._scale_to_load()
        if not self.wanted:
            for revision in self._revisions:
                revision.cancel()
            self.replicas.retire(self.replicas)
        elif self.current and not self.invalid:
            if self.stable:
                self._keep(self.stable)
            self._roll_out(self.current)

    def _scale_to_load(self) -> None:
        endpoint = self._site.endpoints.get(self.key.namespace, self.key.name)
        if self._scaler is None or endpoint is None or self.service.stopped:
            return
        ready = [replica for replica in self.replicas if replica.ready_since is not None]
        newest = max((replica.ready_since or 0.0 for replica in ready), default=0.0)
        if len(ready) < len(self.replicas):  # a model that loads takes its time, and is not idle
            newest = time.monotonic()
        self._scaler.look(endpoint.load, time.monotonic(), ready=len(ready), ready_since=newest)

    def _reap(self) -> None:
        """Count the replicas that ended by themselves, and end those that never became ready."""
        for replica in self.replicas:
            revision = next((each for each in self._revisions if each.name == replica.revision), self.current)
            if replica.gone:
                self.replicas.forget(replica)
                if revision:
                    revision.failed(ended(replica), steady=replica.was_ready_for >= STEADY_SECONDS)
            elif replica.over_limit:
                failure, steady = out_of_memory(replica), replica.was_ready_for >= STEADY_SECONDS
                self.replicas.retire([replica], drain=0, grace=0)
                if revision:
                    revision.failed(failure, steady=steady)
            elif replica.exposed:
                failure = exposed(replica)
                self.replicas.retire([replica], drain=0)
                if revision:
                    revision.failed(failure, steady=False)
            elif replica.ready_since is None and self._left_to_start(replica) <= 0:
                failure = never_ready(replica, self._ready_seconds)
                self.replicas.retire([replica], drain=0)
                if revision:
                    revision.failed(failure, steady=False)

    def _keep(self, stable: Revision) -> None:
        """Have the revision before a canary go on with as many replicas as are wanted."""
        self.replicas.retire([replica for replica in self.replicas.of(stable) if replica.ordinal >= self.wanted])
        self._start_missing(stable)

    def _roll_out(self, current: Revision) -> None:
        """Start what is missing of the revision that is wanted, retire what is too much, of others too."""
        wanted = self.wanted
        self.replicas.retire([replica for replica in self.replicas.of(current) if replica.ordinal >= wanted])
        those, beside = self.replicas.of(current), self.replicas.of(self.stable)
        earlier = [replica for replica in self.replicas if replica not in those and replica not in beside]
        if earlier and self.service.recreates and current.plan and len(those) < wanted:
            self.replicas.retire(earlier)
        elif not (self.replicas.retiring and self.service.recreates):
            self._start_missing(current, room=wanted + 1 - len(those) - len(earlier) if earlier else wanted)
        ready = sum(replica.ready for replica in those)
        superfluous = len(earlier) - max(0, wanted - ready)
        self.replicas.retire(sorted(earlier, key=lambda replica: replica.ready)[: max(0, superfluous)])

    def _start_missing(self, revision: Revision, room: int | None = None) -> None:
        missing = sorted(set(range(self.wanted)) - {replica.ordinal for replica in self.replicas.of(revision)})
        if not missing:
            revision.hindrance = None
            return
        if revision.plan and not revision.plan.environment.exists():  # somebody removed it meanwhile
            revision.plan = None
        if revision.plan is None:
            revision.prepare()
        elif not revision.backoff.remaining:
            for ordinal in missing[: len(missing) if room is None else max(0, room)]:
                self.replicas.start(revision, revision.plan, ordinal, self.service)

    # Telling others

    def _tell(self) -> None:
        """Tell the gateway where to send requests, and whoever wants to know how things are."""
        path = f"/serving/{self.key.namespace}/{self.key.name}"
        outside = self._site.external_url if is_exposed(self.service) else ""
        seen = observe(self, f"{outside or self._site.url}{path}", f"{self._site.url}{path}")
        waits = bool(self.wanted) and not seen.blocked and not seen.invalid
        current, beside = (
            [replica.endpoint for replica in self.replicas.of(each) if replica.ready]
            for each in (self.current, self.stable)
        )
        percent = self.canary_percent
        self._site.endpoints.publish(
            self.key.namespace,
            self.key.name,
            [replica.endpoint for replica in self.replicas.ready],
            shares=[(percent, current), (100 - percent, beside)] if self.stable else (),
            waiting=waits or self.asleep,
            message=seen.message,
            patience=self._ready_seconds if self._scaler else 0.0,
            wake=self._changed.set if self._scaler else None,
        )
        if seen != self._seen:
            self._seen = seen
            self._report(self.key, seen)

    # Inside

    def _left_to_start(self, replica: LocalReplica) -> float:
        return self._ready_seconds - replica.starting_for

    @property
    def _ready_seconds(self) -> float:
        """How long a replica may take: as the setting says, or longer where its runtime is known to need it."""
        return max(self._site.settings.ready_seconds, *(each.recipe.ready_seconds for each in self._revisions), 0.0)

    async def _end_task(self) -> None:
        for revision in self._revisions:
            revision.cancel()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

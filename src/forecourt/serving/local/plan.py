"""What a replica runs: the model's files, the runtime's environment, the command. Made once for each revision."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from forecourt.errors import ForecourtError, InvalidObject
from forecourt.oci import Progress
from forecourt.processes import Environment, Environments, Program
from forecourt.projects import free_memory, this_machine
from forecourt.serving.availability import COMMAND
from forecourt.serving.fit import Estimate, Launch, Structure, estimate, family_of, read
from forecourt.serving.local.annotations import LocalAnnotations
from forecourt.serving.local.equipment import Equipment
from forecourt.serving.local.probe import ReadinessProbe
from forecourt.serving.local.replica import HOST
from forecourt.serving.local.waiting import Waiting
from forecourt.serving.model import Container, InferenceService, ServingRuntime
from forecourt.serving.source import Fetched, Source
from forecourt.serving.templating import expand, merge

RESTARTED = "forecourt.dev/restartedAt"
"""An annotation whose change starts every replica anew, as ``kubectl rollout restart`` does with one of its own."""

LISTENS_EVERYWHERE = "forecourt.dev/listens-everywhere"
"""An annotation of an `InferenceService` that, where it is `ALLOWED`, lets its replicas listen to other machines."""
ALLOWED = "allowed"

MOST_REPLICAS = 100

_RUNTIMES = Path(__file__).parents[2] / "runtimes"

Fetch = Callable[[Source, Progress], Fetched]
"""Brings a model to this machine; blocks."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an `InferenceService` and its runtime ask for, before anything is fetched.

    `revision` is the same as long as a running replica need not be replaced.
    """

    source: Source
    container: Container
    command: tuple[str, ...]
    requirements: tuple[str, ...]
    overrides: tuple[str, ...]
    ready_seconds: float
    may_listen_everywhere: bool
    revision: str
    equipment: Equipment = field(default_factory=Equipment)

    @classmethod
    def of(cls, service: InferenceService, runtime: ServingRuntime) -> Recipe:
        """Combine the two; raises `InvalidObject` where the runtime cannot run as a local process."""
        local = LocalAnnotations.of(runtime)
        if not local.command:
            raise InvalidObject(
                f"The serving runtime {runtime.metadata.name} does not say how it runs on this machine.",
                hint=f"Add the annotation {COMMAND} to it, or choose another: forecourt get servingruntimes.",
            )
        if service.replicas > MOST_REPLICAS:
            raise InvalidObject(
                f"spec.predictor.minReplicas: {service.replicas} replicas do not fit one machine.",
                hint=f"At most {MOST_REPLICAS} are started on one.",
            )
        source = Source.of(service)
        container = merge(local.over(runtime), service)
        equipment = Equipment.of(service, container)
        allowed = service.metadata.annotation(LISTENS_EVERYWHERE) == ALLOWED
        essence = [asdict(source), container.to_dict(), local.command, local.requirements]
        essence += [service.metadata.annotation(RESTARTED)]
        essence += filter(None, [local.overrides, LISTENS_EVERYWHERE if allowed else ""])
        essence += equipment.essence
        revision = hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()[:10]
        return cls(
            source,
            container,
            _words(local.command, runtime),
            local.requirements,
            local.overrides,
            local.ready_seconds,
            allowed,
            revision,
            equipment,
        )

    @property
    def probe(self) -> ReadinessProbe:
        """How a replica is asked whether it is ready.

        A probe that runs a command in the container cannot be run here; the start-up probe may know a path to ask.
        """
        container = self.container.to_dict()
        probe = container.get("readinessProbe") or {}
        return ReadinessProbe.from_container((container.get("startupProbe") or {}) if "exec" in probe else probe)

    async def prepare(self, fetch: Fetch, environments: Environments, waiting: Waiting) -> Plan:
        """Fetch the model and make the environment, both at once."""

        async def pull() -> tuple[Fetched, Structure | str]:
            model = await asyncio.to_thread(fetch, self.source, waiting)
            waiting.pulled()
            return model, await asyncio.to_thread(_structure, model.path)

        async def create() -> Environment:
            environment = await environments.ensure(
                self.requirements, overrides=self.overrides, progress=waiting.environment
            )
            waiting.environment("")
            return environment

        tasks = asyncio.create_task(pull()), asyncio.create_task(create())
        try:
            (model, structure), environment = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return Plan(self, model.path, environment, model.image, structure)

    def need(self, structure: Structure, free: int) -> Estimate:
        """Return what a replica needs of memory, where `free` bytes are to be had."""
        command = self.container.model_copy(update={"args": [*self.command, *(self.container.args or ())]})
        words, variables = expand(command, {}, "/mnt/models")
        kit = self.equipment
        known = [one.memory for one in this_machine().accelerators if one.identifier == kit.accelerator]
        launch = Launch(
            args=words,
            env=variables,
            limit=kit.memory,
            free=free,
            devices=kit.count or len(kit.named),
            device=min(known, default=0),
        )
        family = family_of(self.command) or family_of((self.container.image or "", *words))
        return estimate(structure, family, launch)


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe with everything at hand."""

    recipe: Recipe
    model: Path
    environment: Environment
    image: str = ""
    structure: Structure | str = ""
    """What the model's headers say; why they cannot be read, as a sentence, where they cannot."""

    def need(self) -> Estimate | None:
        """Return what a replica needs of memory; None where that is not known."""
        return None if isinstance(self.structure, str) else self.recipe.need(self.structure, free_memory())

    def program(self, port: int, devices: tuple[int, ...] = (), spare: int = 0) -> Program:
        """Return what a replica on `port` runs, with these accelerators, and `spare` bytes beyond what it needs."""
        kit = self.recipe.equipment
        own = {"HOST": HOST, "PORT": str(port), "FORECOURT_RUNTIMES": str(_RUNTIMES)}
        if cpus := whole_cpus(self.recipe.container):
            own["FORECOURT_CPUS"] = str(min(cpus, len(kit.cpus)) if kit.cpus else cpus)
        if kit.memory:
            own["FORECOURT_MEMORY"] = str(kit.memory)
        if spare:
            own["FORECOURT_SPARE_MEMORY"] = str(spare)
        own |= kit.variables(devices)
        container = self.recipe.container.model_copy(
            update={"args": [*self.recipe.command, *(self.recipe.container.args or ())]}
        )
        argv, environment = expand(container, own, self.model)
        return Program((self._executable(argv[0]), *argv[1:]), self._environment(environment), cpus=kit.cpus)

    def _executable(self, word: str) -> str:
        inside = self.environment.bin / word
        return str(inside) if "/" not in word and inside.exists() else word

    def _environment(self, container: Mapping[str, str]) -> dict[str, str]:
        """Return what is set over the person's own environment, which reaches the process as accelerators need it."""
        path = f"{self.environment.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {"VIRTUAL_ENV": str(self.environment.root), "PATH": path} | dict(container)


def _structure(model: Path) -> Structure | str:
    """Read a model's headers; what is wrong with them is the runtime's to say, which may know better."""
    try:
        return read(model)
    except ForecourtError as error:
        return error.message


def whole_cpus(container: Container) -> int:
    """Return the limit of CPUs of a container, rounded up as a kubelet tells it to a container; 0 where it has none."""
    limits = container.resources.limits if container.resources else None
    text = str((limits or {}).get("cpu", "")).strip()
    try:
        cpus = float(text[:-1]) / 1000 if text.endswith("m") else float(text or 0)
        return max(0, math.ceil(cpus))
    except (ValueError, OverflowError):
        return 0


def _words(command: str, runtime: ServingRuntime) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise InvalidObject(
            f"metadata.annotations[{COMMAND}]: Invalid value: the command of {runtime.name} cannot be read: {error}",
            hint="Close the quotes.",
        ) from None

"""Who has what of this machine: the memory that replicas need and do not use yet, the accelerators that they hold.

What a replica will need is written in its process's labels as it starts, so that a server that finds it again knows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from forecourt.processes import Footprint, Process
from forecourt.projects import device_memory, free_memory, this_machine
from forecourt.serving.fit import Estimate, Room, text

NEEDS, MAPPED, HELD = "needs", "mapped", "devices"
"""Labels of a process: bytes for itself, bytes of its model's files, and its accelerators by commas."""

_DEVICES_SECONDS = 5.0  # that what is free on accelerators is believed


@dataclass(slots=True)
class _Claim:
    process: Process
    used: Footprint

    def label(self, name: str) -> int:
        return int(self.process.labels.get(name) or 0)

    @property
    def to_come(self) -> int:
        """What it needs for itself and has not taken yet."""
        return max(0, self.label(NEEDS) - self.used.kept)


class Claims:
    """The replicas of all deployments on this machine, and what is left beside them."""

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}
        self._devices: Mapping[int, int] = {}
        self._looked = float("-inf")

    def add(self, process: Process) -> None:
        """Count a replica from now on, until it has ended."""
        self._claims[process.id] = _Claim(process, Footprint())

    def weigh(self, process: Process, used: Footprint) -> None:
        """Take note of what a replica uses now."""
        if claim := self._claims.get(process.id):
            claim.used = used

    async def look(self) -> None:
        """Ask the accelerators what is free on them, where there are any that can be asked, now and then."""
        if this_machine().accelerators and time.monotonic() - self._looked > _DEVICES_SECONDS:
            self._looked = time.monotonic()
            self._devices = await asyncio.to_thread(device_memory)

    def room(self, model: str, limit: int, devices: tuple[int, ...], shared: int) -> Room:
        """Return what there is for a replica of the model at the path `model`, `shared` bytes of which it maps.

        Of what the system calls free, that is taken off which replicas that start are still to take, and the pages of
        models that replicas have mapped: the system would give these away, and read them again for every token.
        """
        claims = self._alive()
        mapped: dict[str, int] = {}
        for claim in claims:
            path = claim.process.labels.get("model", "")
            mapped[path] = max(mapped.get(path, 0), claim.label(MAPPED))
        free = free_memory() - sum(claim.to_come for claim in claims) - sum(mapped.values())
        largest = sorted(claims, key=lambda claim: -claim.used.total)
        return Room(
            free=max(0, free),
            total=this_machine().memory,
            limit=limit,
            devices=tuple(self._devices[index] for index in devices if index in self._devices),
            shared=min(shared, mapped.get(model, 0)),
            others=[f"{_name(claim.process)} uses {text(claim.used.total)}" for claim in largest if claim.used.total],
        )

    def devices(self, accelerator: str, count: int, named: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return `count` accelerators that no other replica holds, of the `named` ones if any; None if too few are."""
        if not count:
            return named
        held = {index for claim in self._alive() for index in _held(claim.process, accelerator)}
        there = named or tuple(one.index for one in this_machine().accelerators if one.identifier == accelerator)
        left = [index for index in there if index not in held]
        return tuple(left[:count]) if len(left) >= count else None

    def holders(self, accelerator: str) -> list[str]:
        """Return the deployments whose replicas hold accelerators of a kind."""
        return sorted({_name(claim.process) for claim in self._alive() if _held(claim.process, accelerator)})

    def _alive(self) -> list[_Claim]:
        self._claims = {name: claim for name, claim in self._claims.items() if claim.process.alive()}
        return list(self._claims.values())


def labels(need: Estimate | None, accelerator: str, devices: tuple[int, ...], *, exclusive: bool) -> dict[str, str]:
    """Return the labels that say what a replica needs and holds."""
    said: dict[str, str] = {}
    if need:
        on_host = need.host if need.on_device else need.private
        said |= {NEEDS: str(on_host), MAPPED: str(0 if need.on_device else need.mapped)}
    if devices and exclusive:
        said[HELD] = f"{accelerator}={','.join(map(str, devices))}"
    return said


def _held(process: Process, accelerator: str) -> tuple[int, ...]:
    kind, _, listed = process.labels.get(HELD, "").partition("=")
    return tuple(map(int, listed.split(","))) if kind == accelerator and listed else ()


def _name(process: Process) -> str:
    return f"{process.labels.get('namespace', '')}/{process.labels.get('name', '')}".removeprefix("default/")

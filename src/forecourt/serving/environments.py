"""The environments that serving runtimes run in: which there are, what holds them, made beforehand and removed.

This is the running server's to do, not a command's on the same directory: it alone knows which deployments hold an
environment while nothing of theirs runs (one that sleeps, one that is between two attempts), and which runtimes people
have made. The locks of `Environments` hold all the same, against whoever else makes one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from forecourt.errors import Conflict, ForecourtError, InvalidInput, NotFound
from forecourt.objects import ObjectStore, status
from forecourt.processes import Environment, Environments, Requirements, disk_use
from forecourt.serving.local.annotations import LocalAnnotations
from forecourt.serving.model import ClusterServingRuntime, ServingRuntime
from forecourt.serving.runtimes import known_runtimes, shipped_runtimes

Document = dict[str, Any]
InUse = Callable[[], Mapping[str, Sequence[str]]]
"""Says which deployments hold which environments, by key; blocks."""

_BEAT_SECONDS = 1.0  # so that somebody who has gone away is noticed


class RuntimeEnvironments:
    """The environments of a home, by the runtimes of its object store."""

    def __init__(self, objects: ObjectStore, environments: Environments, in_use: InUse) -> None:
        self._objects = objects
        self._environments = environments
        self._in_use = in_use

    # Ask

    async def listed(self, *, sizes: bool = True) -> Document:
        """Return each environment, what they take on disk together, and what uv's cache takes besides, in bytes.

        Sizes are None where they are not wanted: tens of thousands of files are not looked at then.
        """
        ready = await self._environments.list()
        return await asyncio.to_thread(self._listed, ready, sizes)

    async def get(self, what: str, namespace: str) -> Document:
        """Return one, by its key or by a runtime that runs in it; raises `NotFound`."""
        key = await asyncio.to_thread(self._key, what, namespace)
        items = await asyncio.to_thread(self._items, await self._environments.list(), key)
        found = next(iter(items), None)
        if found is None:
            raise NotFound(
                f"The environment of {what} has not been made.", hint=f"Make it: forecourt runtimes env create {what}"
            )
        return found

    # Do

    async def made(self, runtime: str, namespace: str) -> AsyncIterator[Document]:
        """Make the environment of a runtime, unless it is there; ends with it, or with an error's ``Status``.

        Yields what is being done as ``{"message"}``, then ``{"environment"}`` or ``{"error"}``; now and then ``{}``.
        Whoever stops listening has it left off, and nothing half made stays.
        """
        told: asyncio.Queue[str] = asyncio.Queue()
        try:
            local = await asyncio.to_thread(self._local, runtime, namespace)
        except ForecourtError as error:
            yield {"error": status(error)}
            return
        making = asyncio.create_task(
            self._environments.ensure(local.requirements, overrides=local.overrides, progress=told.put_nowait)
        )
        try:
            while not making.done():
                message = asyncio.create_task(told.get())
                await asyncio.wait({making, message}, timeout=_BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if message.done():
                    yield {"message": message.result()}
                else:
                    message.cancel()
                    yield {}
            try:
                environment = making.result()
            except ForecourtError as error:
                yield {"error": status(error)}
            else:
                yield {"environment": await self.get(environment.key, namespace)}
        finally:
            making.cancel()

    async def remove(self, what: str, namespace: str) -> Document:
        """Remove one, by its key or by a runtime that runs in it.

        Raises `NotFound`, and `Conflict` where a deployment holds it, or it is being made.
        """
        found = await self.get(what, namespace)
        if found["usedBy"]:
            raise Conflict(
                f"The environment of {what} is in use by {', '.join(found['usedBy'])}.",
                hint=f"Stop these first: forecourt stop {found['usedBy'][0].rpartition('/')[2]}",
            )
        if self._environments.busy(found["key"]):
            raise Conflict(
                f"The environment of {what} is being made.", hint="Wait until it is, or stop what waits for it."
            )
        await self._environments.remove(found["key"])
        return found

    async def remove_unused(self) -> list[Document]:
        """Remove all that nothing holds, and return them."""
        removed = []
        for one in (await self.listed())["items"]:
            if not one["usedBy"] and one["state"] != "making":
                await self._environments.remove(one["key"])
                removed.append(one)
        return removed

    def _listed(self, ready: Sequence[Environment], sizes: bool) -> Document:
        items = self._items(ready, sizes=sizes)
        if not sizes:
            return {"items": items, "sizeBytes": None, "cacheBytes": None}
        roots = [self._environments.root / one["key"] for one in items]
        whole = disk_use(*roots).size
        with_cache = disk_use(*roots, self._environments.cache_in_use).size
        return {"items": items, "sizeBytes": whole, "cacheBytes": with_cache - whole}

    def _items(self, ready: Sequence[Environment], key: str = "", *, sizes: bool = True) -> Sequence[Document]:
        """Describe the environments that are ready, and what is half made; with a key only that one."""
        runtimes, in_use = self._runtimes_by_key(), self._in_use()
        items = [self._described(one, runtimes, in_use, sizes) for one in ready if key in ("", one.key)]
        for half in self._environments.unfinished():
            if key in ("", half):
                state = "making" if self._environments.busy(half) else "unfinished"
                items.append(
                    {"key": half, "state": state, "runtimes": runtimes.get(half, []), "requirements": []}
                    | {"overrides": [], "made": None, "lastUsed": None, "usedBy": list(in_use.get(half, ()))}
                    | self._size(half, sizes)
                )
        return items

    def _described(
        self, one: Environment, runtimes: Mapping[str, list[str]], in_use: Mapping[str, Sequence[str]], sizes: bool
    ) -> Document:
        return {
            "key": one.key,
            "state": "ready",
            "runtimes": runtimes.get(one.key, []),
            "requirements": list(one.requirements),
            "overrides": list(one.overrides),
            "made": one.made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lastUsed": one.last_used.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "usedBy": list(in_use.get(one.key, ())),
            **self._size(one.key, sizes),
        }

    def _size(self, key: str, sizes: bool) -> Document:
        path = self._environments.root / key
        use = disk_use(path) if sizes else None
        return {"path": str(path), "sizeBytes": use and use.size, "ownBytes": use and use.own}

    def _runtimes_by_key(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        made = [*self._objects.list(ServingRuntime), *self._objects.list(ClusterServingRuntime)]
        for runtime in (*made, *shipped_runtimes()):
            key = _key_of(runtime)
            if key and runtime.name not in found.setdefault(key, []):
                found[key].append(runtime.name)
        return found

    def _key(self, what: str, namespace: str) -> str:
        """Return the key that a key or a runtime's name means; raises `NotFound`."""
        if what.isalnum() and (self._environments.root / what).is_dir():
            return what
        local = self._local(what, namespace)
        return Requirements.parse(local.requirements, local.overrides).key

    def _local(self, runtime: str, namespace: str) -> LocalAnnotations:
        there = known_runtimes(self._objects, namespace)
        found = next((one for one in there if one.name == runtime), None)
        if found is None:
            raise NotFound(
                f"There is no environment and no serving runtime {runtime}.",
                hint="See which there are: forecourt runtimes env list, forecourt runtimes list.",
            )
        local = LocalAnnotations.of(found)
        if not local.command:
            raise InvalidInput(
                f"The serving runtime {runtime} does not run on this machine, so that it needs no environment.",
                hint=f"See what it is: forecourt runtimes show {runtime}",
            )
        return local


def _key_of(runtime: ServingRuntime) -> str:
    """Return the key of a runtime's environment; empty where it has none, or one that cannot be."""
    try:
        local = LocalAnnotations.of(runtime)
        return Requirements.parse(local.requirements, local.overrides).key if local.command else ""
    except ForecourtError:
        return ""

"""The space that a home takes, measured; and freed, item by item, unless something needs it by then."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forecourt.errors import Conflict, ForecourtError, NotFound, from_os_error
from forecourt.home import Home
from forecourt.processes import Environments, Processes
from forecourt.serving import LocalDriver, RuntimeEnvironments
from forecourt.space import folders
from forecourt.space.images import Images
from forecourt.space.model import Group, Item
from forecourt.space.users import users
from forecourt.storage import Resolvers

Document = dict[str, Any]


class Space:
    """Measures and frees. `made` are the environments, `environments` what runtimes know of them."""

    def __init__(
        self,
        home: Home,
        driver: LocalDriver,
        environments: RuntimeEnvironments,
        made: Environments,
        processes: Processes,
        *,
        registry: str,
        resolvers: Resolvers,
    ) -> None:
        self._home = home
        self._driver = driver
        self._environments = environments
        self._made = made
        self._processes = processes
        self._registry = registry
        self._resolvers = resolvers
        self._images = Images(home)
        self._freeing = asyncio.Lock()

    # Ask

    def disk(self) -> Document:
        """Return the disk that the home is on, in bytes."""
        disk = shutil.disk_usage(self._home.settings.home)
        return {
            "path": str(self._home.settings.home),
            "totalBytes": disk.total,
            "freeBytes": disk.free,
            "usedBytes": disk.total - disk.free,
        }

    async def measured(self) -> Document:
        """Return what takes space, by groups, and the disk; all sizes are bytes."""
        groups = await self._groups()
        needless = sum(one.own for group in groups for one in group.items if one.needless and one.removable)
        return {
            "disk": self.disk(),
            "sizeBytes": sum(group.size for group in groups),
            "needlessBytes": needless,
            "removableBytes": sum(one.own for group in groups for one in group.items if one.removable),
            "groups": [group.to_dict() for group in groups],
        }

    # Do

    async def free(self, ids: Sequence[str] | None, *, dry_run: bool) -> Document:
        """Remove items, or all that nobody needs; return each with the bytes that it frees or why it stays.

        With `dry_run` nothing is removed. Raises `NotFound` for an id that is none, before anything is removed.
        """
        async with self._freeing:
            chosen = self._chosen(await self._groups(), ids)
            before = shutil.disk_usage(self._home.settings.home).free
            done = [await self._freed(one, dry_run=dry_run) for one in chosen]
            after = shutil.disk_usage(self._home.settings.home).free
        freed = sum(one["freedBytes"] for one in done)
        return {"items": done, "freedBytes": freed, "dryRun": dry_run, "diskFreeBytes": after, "diskBefore": before}

    def _chosen(self, groups: Sequence[Group], ids: Sequence[str] | None) -> list[Item]:
        there = {one.id: one for group in groups for one in group.items}
        if ids is None:
            found = [one for one in there.values() if one.needless and one.removable]
            return sorted(found, key=lambda one: not one.id.startswith("models/"))  # whose files may be in the store
        for each in ids:
            if each not in there:
                raise NotFound(
                    f"There is nothing called {each} that takes space.",
                    hint="See what there is: forecourt storage list",
                )
        return [there[each] for each in dict.fromkeys(ids)]

    async def _freed(self, one: Item, *, dry_run: bool) -> Document:
        said: Document = {"id": one.id, "name": one.name, "freedBytes": 0, "removed": False, "message": "", "hint": ""}
        if not one.removable or one.remove is None:
            why = f"It is needed by {', '.join(one.used_by)}." if one.used_by else one.stays or "It cannot be removed."
            return said | {"message": why}
        if dry_run:
            return said | {"freedBytes": one.own}
        try:
            await one.remove()
        except OSError as error:
            known = from_os_error(error, one.name)
            return said | {"message": known.message if known else str(error), "hint": known.hint if known else ""}
        except ForecourtError as error:
            return said | {"message": error.message, "hint": error.hint}
        return said | {"freedBytes": one.own, "removed": True}

    async def _remove_model(self, directory: Path) -> None:
        """Remove a model that is laid out. What deployments read is looked at in the moment in which it goes."""
        if self._driver.preparing:
            raise Conflict("A model is being fetched for a deployment.", hint="Wait until it is here, and try again.")
        aside = folders.take_away(self._home, directory, self._driver.models_in_use)
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    async def _remove_environment(self, key: str) -> None:
        await self._environments.remove(key, "default")

    async def _groups(self) -> list[Group]:
        in_use, listed = self._driver.models_in_use(), await self._environments.listed()
        return await asyncio.to_thread(self._look, in_use, listed)

    def _look(self, in_use: dict[Path, list[str]], listed: Document) -> list[Group]:
        home = self._home
        needed = users(home, self._registry, self._resolvers, in_use)
        return [
            *self._images.groups(needed.images, needed.registered),
            folders.models(home.settings.models, in_use, needed.unknown, self._remove_model),
            folders.environments(listed, self._remove_environment),
            folders.caches(home.settings, self._made, listed["cacheBytes"]),
            folders.logs(home, self._processes, needed.deployments),
            *folders.rest(home.settings),
        ]

"""What takes space besides images: models laid out, environments, caches, logs, the database, and whatever else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from forecourt import modelcar
from forecourt.errors import Conflict, NotFound
from forecourt.home import Home
from forecourt.processes import Environments, Processes, disk_use
from forecourt.settings import Settings
from forecourt.space.model import Group, Item
from forecourt.space.times import changed, instant

_DATABASE = ("forecourt.db", "forecourt.db-wal", "forecourt.db-shm")
_KNOWN = {"store", "images", "registry", "models", "environments", "cache", "processes", "server.log", *_DATABASE}


def models(
    root: Path,
    in_use: Mapping[Path, Sequence[str]],
    unknown: Sequence[str],
    remove: Callable[[Path], Awaitable[None]],
) -> Group:
    """Return the models that are laid out in `root`; `remove` takes the directory of one away.

    `unknown` are deployments of which it is not known which is theirs.
    """
    items = []
    for directory in _directories(root):
        if directory.name.startswith("."):
            continue  # what is being made, and what is remembered of sources
        used = tuple(in_use.get(directory, ()))
        foreign = directory.name.startswith(("files-", "file-"))
        use = disk_use(directory)
        items.append(
            Item(
                f"models/{directory.name}",
                _first_file(directory),
                use.size,
                use.own,
                used or (tuple(unknown) if directory.name.startswith("files-") else ()),
                changed(directory),
                lost="The files as a runtime reads them.",
                again="The next deployment of it fetches what is no longer here."
                if foreign
                else "The next deployment of it lays them out again, from the image.",
                needless=True,
                remove=partial(remove, directory),
            )
        )
    about = (
        "What runtimes read: hard links to the content store; while an image has them, they take no space of their own."
    )
    return Group("models", "Models laid out", about, disk_use(root).own, tuple(items))


def take_away(home: Home, directory: Path, in_use: Callable[[], Mapping[Path, Sequence[str]]]) -> Path:
    """Put a directory of a model out of everybody's sight and return where it is now; for the event loop.

    Raises `Conflict` where a deployment reads it, or anything is being fetched.
    """
    with modelcar.alone(home.store, wait=False):
        if used := in_use().get(directory):
            raise Conflict(f"The model is read by {', '.join(used)}.", hint="Delete these deployments first.")
        aside = directory.with_name(f".{directory.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            directory.rename(aside)
        except FileNotFoundError:
            raise NotFound(f"{directory.name} is gone already.") from None
    return aside


def environments(listed: Mapping[str, Any], remove: Callable[[str], Awaitable[None]]) -> Group:
    """Return the environments, as `RuntimeEnvironments` lists them; `remove` removes one by its key."""
    items = [
        Item(
            f"environments/{one['key']}",
            ", ".join(one["runtimes"]) or ", ".join(one["requirements"][:2]) or one["key"],
            one["sizeBytes"],
            one["ownBytes"],
            tuple(one["usedBy"]),
            one["lastUsed"],
            lost="The runtime's programs.",
            again="The next deployment makes it again, in minutes, from uv's cache or the package index.",
            needless=one["state"] == "unfinished",
            stays="It is being made." if one["state"] == "making" else "",
            remove=partial(remove, one["key"]),
        )
        for one in listed["items"]
    ]
    about = "A Python environment for each runtime's requirements. Files that they share take their space once."
    return Group("environments", "Runtime environments", about, listed["sizeBytes"], tuple(items))


def caches(settings: Settings, made: Environments, beyond: int) -> Group:
    """Return what can be fetched again; `beyond` is what uv's cache takes besides what environments share."""
    items, used = [], made.cache_in_use
    if used.is_dir():
        ours = used == made.cache
        items.append(
            Item(
                "cache/uv",
                "Python packages (uv)",
                disk_use(used).size,
                beyond,
                last_used=changed(used),
                lost="Packages that the next environment would not have to fetch.",
                again="The next environment fetches what it needs from the package index.",
                stays="" if ours else f"UV_CACHE_DIR has it at {used}, where others may use it: uv cache clean",
                remove=partial(asyncio.to_thread, _remove_cache, made, used),
            )
        )
    for directory in _directories(settings.cache):
        if directory != used:
            use = disk_use(directory)
            items.append(
                Item(
                    f"cache/{directory.name}",
                    directory.name,
                    use.size,
                    use.own,
                    last_used=changed(directory),
                    lost="What was kept to be quicker.",
                    again="It is made again when it is needed.",
                    remove=partial(asyncio.to_thread, shutil.rmtree, directory, ignore_errors=True),
                )
            )
    return Group("cache", "Caches", "What can be fetched again.", sum(one.own for one in items), tuple(items))


def logs(home: Home, processes: Processes, deployments: Collection[str]) -> Group:
    """Return what programs that ran here have printed; those of `deployments` (``namespace/name``) stay."""
    settings, items = home.settings, []
    for directory in _directories(settings.processes):
        labels, use = processes.labels(directory.name), disk_use(directory)
        whose = f"{labels.get('namespace', '')}/{labels.get('name', '')}"
        used = (whose,) if whose in deployments else (directory.name,) if processes.runs(directory.name) else ()
        items.append(
            Item(
                f"logs/{directory.name}",
                directory.name,
                use.size,
                use.own,
                used,
                _newest(directory),
                lost="What it printed, which may say why it ended.",
                needless=True,
                remove=partial(asyncio.to_thread, _remove_log, processes, directory),
            )
        )
    if size := _size([settings.server_log]):
        items.append(Item("logs/server", "The server's log", size, 0, stays="The server writes it."))
    about = "What served models and the server have printed. Logs of what runs are rotated."
    return Group("logs", "Logs", about, sum(one.size for one in items), tuple(items))


def rest(settings: Settings) -> Iterator[Group]:
    """Yield what holds everything that people made here, and cannot go."""
    files = [settings.home / name for name in _DATABASE]
    size = _size(files)
    item = Item(
        "database/forecourt.db", "Projects, deployments, registry, catalog", size, 0, stays="It is what you made."
    )
    about = "Projects, deployments, the model registry, and what the catalog shows."
    if settings.database_url:
        about += " FORECOURT_DATABASE_URL has it elsewhere."
    yield Group("database", "Database", about, size, (item,) if size else ())
    others = [path for path in settings.home.iterdir() if path.name not in _KNOWN]
    items = [
        Item(f"other/{path.name}", path.name, size, 0, last_used=changed(path), stays="It belongs to this home.")
        for path in others
        if (size := disk_use(path).size if path.is_dir() and not path.is_symlink() else _size([path])) >= 65536
    ]
    size = sum(one.size for one in items)
    yield Group("other", "Everything else", "Volumes, sources of the catalog, keys.", size, tuple(items))


def _directories(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    except FileNotFoundError:
        return []


def _first_file(directory: Path) -> str:
    """Return what a model that is laid out may be known by: its directory, and the largest of its files."""
    found = [(path.stat().st_size, path.name) for path in directory.rglob("*") if path.is_file()]
    return f"{max(found)[1]} ({directory.name[:18]}…)" if found else directory.name


def _newest(directory: Path) -> str | None:
    times = []
    for path in directory.iterdir():
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return instant(max(times)) if times else None


def _remove_log(processes: Processes, directory: Path) -> None:
    if processes.runs(directory.name):
        raise Conflict(f"{directory.name} runs.", hint="Stop its deployment first.")
    shutil.rmtree(directory, ignore_errors=True)


def _remove_cache(made: Environments, cache: Path) -> None:
    if any(made.busy(key) for key in made.unfinished()):
        raise Conflict("An environment is being made from uv's cache.", hint="Wait until it is.")
    aside = cache.with_name(f".{cache.name}.{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        cache.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _size(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_blocks * 512
    return total

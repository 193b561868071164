"""An environment for each set of requirements, made once by uv and shared by all that ask for it.

Layout, below the root::

    <key>/                     the environment; the key is a hash of requirements, Python and platform
    <key>/overrides.txt        what uv is given as --override, where there is any
    <key>/environment.json     written last: without it the environment is half made, and is made anew
    <key>/used                 touched each time somebody asks for it
    <key>.lock                 held by whoever makes or removes it

    .<key>.<random>            one that is being removed

Whoever holds the lock owns the key, in this process or another: what an earlier maker left, and any uv of its that
still runs because it was killed, are removed first.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from forecourt import durable
from forecourt.errors import InvalidInput, from_os_error
from forecourt.processes import group, marker
from forecourt.processes.requirements import Requirements
from forecourt.processes.uv import Tell, run_uv

_READY = "environment.json"
_OVERRIDES = "overrides.txt"
_USED = "used"
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Environment:
    """A Python environment that is ready."""

    root: Path
    python: Path
    bin: Path

    @property
    def key(self) -> str:
        """What `Environments` knows it by."""
        return self.root.name

    @property
    def requirements(self) -> tuple[str, ...]:
        """What it was made of."""
        return tuple(self._said().get("requirements", ()))

    @property
    def overrides(self) -> tuple[str, ...]:
        """What holds over what the packages say."""
        return tuple(self._said().get("overrides", ()))

    @property
    def made(self) -> datetime:
        """When it was made, in UTC."""
        return _time_of(self.root / _READY)

    @property
    def last_used(self) -> datetime:
        """When somebody asked for it last, in UTC."""
        return max(self.made, _time_of(self.root / _USED))

    def exists(self) -> bool:
        """Say whether it is still there."""
        return self.python.exists()

    def _said(self) -> dict[str, list[str]]:
        try:
            said: dict[str, list[str]] = json.loads((self.root / _READY).read_bytes())
        except (OSError, ValueError):  # it has just been removed
            return {}
        return said


def _silent(_: str) -> None:
    """Tell nobody."""


class Environments:
    """The environments below `root`; uv keeps what it downloads in `cache`, unless UV_CACHE_DIR says where."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self.cache = cache

    @property
    def cache_in_use(self) -> Path:
        """Where uv keeps what it downloads."""
        return Path(os.environ.get("UV_CACHE_DIR") or self.cache)

    async def ensure(
        self, requirements: Sequence[str], *, overrides: Sequence[str] = (), progress: Tell = _silent
    ) -> Environment:
        """Return the environment for some requirements, made now if it is not there.

        A line is a requirement or, where it starts with ``--``, options of ``pip install``. `overrides` are
        requirements that hold over what the packages say (uv's ``--override``). When this is cancelled uv is ended.
        Raises `InvalidInput` for lines that are neither, and `ProgramFailed` where uv cannot do it.
        """
        wanted = Requirements.parse(requirements, overrides)
        environment = self._ready(wanted.key)
        if environment is None:
            async with self._locked(wanted.key, progress):
                environment = self._ready(wanted.key) or await self._make(wanted, progress)
        with contextlib.suppress(OSError):  # a full disk is no reason not to use it
            (environment.root / _USED).touch()
        return environment

    async def list(self) -> list[Environment]:
        """Return all that are ready."""
        keys = sorted(path.parent.name for path in self.root.glob(f"*/{_READY}"))
        return [environment for key in keys if (environment := self._ready(key))]

    def unfinished(self) -> Sequence[str]:
        """Return the keys of what is half made: it is being made, or its maker was cut off."""
        directories = (path for path in self.root.glob("[!.]*") if path.is_dir())
        return sorted(path.name for path in directories if self._ready(path.name) is None)

    def busy(self, key: str) -> bool:
        """Say whether an environment is being made or removed, by this process or another."""
        try:
            descriptor = os.open(self.root / f"{key}.lock", os.O_RDWR)
        except OSError:
            return False
        try:
            return not _lock(descriptor)
        finally:
            os.close(descriptor)

    async def remove(self, key: str) -> None:
        """Remove an environment, ready or not; that nothing runs in it is for the caller to know."""
        if Path(key).name != key or not key.isalnum():
            raise InvalidInput(f"{key!r} is no environment.")
        if (self.root / key).exists():
            async with self._locked(key, _silent):
                await self._clear(key)

    def _ready(self, key: str) -> Environment | None:
        root = self.root / key
        environment = Environment(root, root / "bin" / "python", root / "bin")
        # The interpreter is a link to the one it was made with, which may have been uninstalled since.
        return environment if (root / _READY).exists() and environment.exists() else None

    async def _make(self, wanted: Requirements, progress: Tell) -> Environment:
        root = self.root / wanted.key
        marks = marker.environment_marks(marker.home_id(self.root.parent), wanted.key)
        try:
            await self._clear(wanted.key)
            self.cache.mkdir(parents=True, exist_ok=True)
            # Ends uv's search for settings here, so that a project around FORECOURT_HOME has no say.
            (self.root / "uv.toml").touch()

            async def uv(*arguments: str, doing: str) -> None:
                await run_uv(*arguments, directory=self.root, cache=self.cache, marks=marks, tell=progress, doing=doing)

            await uv("venv", "--python", sys.executable, str(root), doing="Making an environment")
            if wanted.packages:
                what = f"Installing {', '.join(wanted.packages[:3])}{' ...' if len(wanted.packages) > 3 else ''}"
                python = str(root / "bin" / "python")
                options = list(wanted.options)
                if wanted.overrides:
                    (root / _OVERRIDES).write_text("".join(f"{line}\n" for line in wanted.overrides))
                    options += ["--override", str(root / _OVERRIDES)]
                install = ("pip", "install", "--python", python, *options, "--", *wanted.packages)
                await uv(*install, doing=what)
            ready = {
                "requirements": [*wanted.options, *wanted.packages],
                "overrides": list(wanted.overrides),
                "python": sys.version.split()[0],
            }
            # What says that it is whole must not outlive, over a power cut, what it speaks of.
            await asyncio.to_thread(os.sync)
            await asyncio.to_thread(durable.write, root / _READY, json.dumps(ready, indent=1))
        except OSError as error:
            await self._clear(wanted.key)
            raise from_os_error(error, root) or error from error
        except BaseException:  # cancelled, or uv failed
            await self._clear(wanted.key)
            raise
        environment = self._ready(wanted.key)
        assert environment
        return environment

    async def _clear(self, key: str) -> None:
        """Remove an environment, and end what an earlier maker of it left running."""
        home = marker.home_id(self.root.parent)
        group.end(lambda: {process.pid for process in marker.marked(home) if process.environment == key})
        with contextlib.suppress(FileNotFoundError):
            (self.root / key / _READY).unlink()
        with contextlib.suppress(FileNotFoundError):  # at once, so that it is out of the way whatever happens next
            (self.root / key).rename(self.root / f".{key}.{secrets.token_hex(4)}")
        for directory in [*self.root.glob(f".{key}.*")]:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))

    @contextlib.asynccontextmanager
    async def _locked(self, key: str, progress: Tell) -> AsyncIterator[None]:
        """Hold the lock of a key; it is let go when the process ends, however that comes about."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / f"{key}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        told = False
        try:
            while not _lock(descriptor):
                if not told:
                    progress("waiting: it is being made already")
                    told = True
                await asyncio.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)


def _time_of(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

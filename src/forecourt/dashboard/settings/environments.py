"""Environments of runtimes that are being made because someone said so on a page.

Making one takes minutes, and goes on when the page is left; it is left off when someone says so, or the server ends,
and nothing half made stays.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from forecourt.dashboard.calls import Calls
from forecourt.errors import ForecourtError

PATH = "/api/forecourt/v1/environments"
TOPIC = "environments"
_MOST_KEPT = 50  # that failed, to be told of
_TELL_SECONDS = 0.5


@dataclass
class _Making:
    """One that is being made, or could not be."""

    project: str
    started: str
    message: str = "Starting"
    hint: str = ""
    failed: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def shown(self) -> dict[str, Any]:
        return {"message": self.message, "hint": self.hint, "failed": self.failed, "started": self.started}


class Environments:
    """Makes environments through the API in the background; `tell` is told of how they come on."""

    def __init__(self, calls: Calls, tell: Callable[[str, str], None]) -> None:
        self._calls = calls
        self._tell = tell
        self._told = 0.0
        self._making: OrderedDict[str, _Making] = OrderedDict()

    def shown(self) -> Mapping[str, dict[str, Any]]:
        """Return those that are being made or could not be, by the runtime."""
        return {name: one.shown() for name, one in self._making.items()}

    def make(self, runtime: str, project: str) -> None:
        """Have the environment of a runtime be made, unless it is already."""
        there = self._making.get(runtime)
        if there and not there.failed:
            return
        one = _Making(project, datetime.now(UTC).isoformat(timespec="seconds"))
        self._making[runtime] = one
        self._making.move_to_end(runtime)
        one.task = asyncio.create_task(self._make(runtime, one))
        while len(self._making) > _MOST_KEPT and next(iter(self._making.values())).failed:
            self._making.popitem(last=False)

    def leave_off(self, runtime: str) -> None:
        """Have it be left off, or what is told of its failure be forgotten."""
        one = self._making.pop(runtime, None)
        if one and one.task:
            one.task.cancel()
        self._tell(TOPIC, runtime)

    async def _make(self, runtime: str, one: _Making) -> None:
        body = {"runtime": runtime, "namespace": one.project}
        try:
            async with self._calls.stream("POST", PATH, body) as (_, _, pieces):
                rest = b""
                async for piece in pieces:
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        self._said(runtime, one, json.loads(line))
        except ForecourtError as error:
            one.message, one.hint, one.failed = error.message, error.hint, True
        if not one.failed and self._making.get(runtime) is one:
            del self._making[runtime]
        self._tell(TOPIC, runtime)

    def _said(self, runtime: str, one: _Making, said: Mapping[str, Any]) -> None:
        if "error" in said:
            causes = (said["error"].get("details") or {}).get("causes") or ()
            one.hint = next((cause["message"] for cause in causes if cause.get("reason") == "NextStep"), "")
            one.message, one.failed = str(said["error"].get("message") or "It could not be made."), True
        elif message := str(said.get("message") or ""):
            one.message = message[:300]
            now = asyncio.get_running_loop().time()
            if now - self._told >= _TELL_SECONDS:
                self._told = now
                self._tell(TOPIC, runtime)

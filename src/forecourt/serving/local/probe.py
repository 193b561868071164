"""Is a replica ready? Asked as its container's readiness probe says, or by connecting to its port, as KServe does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ReadinessProbe:
    """How to ask: `path` over HTTP where there is one, else a TCP connection.

    `period` is the time between two questions to a replica that is ready, in seconds; after `failures` bad answers in a
    row it no longer is. One that is still starting is asked more often, so that it serves as soon as it can.
    """

    path: str = ""
    period: float = 10.0
    failures: int = 3

    @classmethod
    def from_container(cls, probe: Mapping[str, Any] | None) -> ReadinessProbe:
        """Read a Kubernetes probe (`readinessProbe` of a container), where there is one."""
        if not probe:
            return cls()
        path = (probe.get("httpGet") or {}).get("path", "")
        return cls(path, float(probe.get("periodSeconds") or 10), int(probe.get("failureThreshold") or 3))

    async def ask(self, session: aiohttp.ClientSession, host: str, port: int) -> bool:
        """Say whether the replica at `host:port` answers that it is ready; a status below 400 does."""
        try:
            async with asyncio.timeout(_SECONDS):
                if self.path:
                    async with session.get(f"http://{host}:{port}/{self.path.lstrip('/')}") as answer:
                        return answer.status < 400
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return True
        except (OSError, TimeoutError, aiohttp.ClientError):
            return False

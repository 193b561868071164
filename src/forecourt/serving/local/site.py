"""What the deployments on this machine share."""

from __future__ import annotations

from dataclasses import dataclass, field

import aiohttp

from forecourt.processes import Environments, Processes
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.local.claims import Claims
from forecourt.serving.local.plan import Fetch
from forecourt.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    """This machine: where programs run, environments are made, models come from and replicas are announced.

    `url` is the gateway's own address, `external_url` the one that other machines know it by (empty where they do not
    reach it); `session` asks replicas whether they are ready.
    """

    settings: Settings
    processes: Processes
    environments: Environments
    endpoints: Endpoints
    fetch: Fetch
    session: aiohttp.ClientSession
    url: str
    external_url: str = ""
    claims: Claims = field(default_factory=Claims)
